// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/boot/report.hpp"

#include <algorithm>
#include <format>

namespace redoubt::tool::boot {

const char* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::reached: return "reached";
    case Outcome::timeout: return "timeout";
    case Outcome::guest_failed: return "guest failed";
    case Outcome::reset_loop: return "it resets again and again";
    case Outcome::closed: return "MM closed itself";
    case Outcome::qemu_exited: return "QEMU exited";
    case Outcome::interrupted: return "interrupted";
  }
  return "unknown";
}

bool BootReport::failed() const {
  return !launch_failure.empty() || !dxe_failure.empty() ||
         std::ranges::any_of(stops, [](const MachineStop& stop) { return stop.action == "halted"; }) ||
         std::ranges::any_of(violations, [](const Violation& violation) { return violation.panic; });
}

const MachineStop* BootReport::closed() const {
  const auto stop = std::ranges::find_if(
      stops, [this](const MachineStop& other) { return other.action == "closed" && other.boot == launches; });
  return stop == stops.end() ? nullptr : &*stop;
}

void BootReport::add_traced(const TracedMmi& mmi) {
  if (!keep_trace) {
    return;
  }
  if (trace.size() < max_traced) {
    trace.push_back(mmi);
  } else {
    ++trace_lost;
  }
}

std::string BootReport::driver_name(std::uint64_t number) const {
  if (number == 0) {
    return "foundation";
  }
  const auto driver = std::ranges::find_if(drivers, [number](const Driver& other) { return other.number == number; });
  return driver == drivers.end() || driver->name.empty() ? std::format("driver {}", number) : driver->name;
}

}  // namespace redoubt::tool::boot
