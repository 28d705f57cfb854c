// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the harness knows and says of its drivers: where they lie, what the foundation's log says became of them, and
// why one stopped.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "abi/redoubt/report_reader.hpp"
#include "abi/uefi/guid_text.hpp"
#include "foundation/service_number.hpp"
#include "sdk/harness/driver_image.hpp"
#include "sdk/harness/host_supervisor.hpp"

extern "C" [[gnu::noinline, gnu::used]] void redoubt_driver_loaded(const char* symbols, std::uint64_t offset) {
  asm volatile("" : : "r"(symbols), "r"(offset) : "memory");
}

namespace redoubt::sdk {

using foundation::address_of;

// ---- Drivers ----

const Driver* HostSupervisor::image_at(std::uint64_t address) const {
  const auto found = std::ranges::find_if(
      drivers, [&](const Driver& driver) { return driver.base != 0 && address - driver.base < driver.size; });
  return found == drivers.end() ? nullptr : &*found;
}

std::string HostSupervisor::driver_name(std::uint32_t number) const {
  const auto found = driver_of_number_.find(number);
  return found == driver_of_number_.end() ? "driver " + std::to_string(number) : drivers[found->second].name;
}

Driver* HostSupervisor::driver_of_file(std::string_view guid_text) {
  const auto guid = abi::parse_guid(guid_text);
  if (!guid.has_value()) return nullptr;
  const auto found = std::ranges::find_if(drivers, [&](const Driver& driver) { return driver.file == *guid; });
  return found == drivers.end() ? nullptr : &*found;
}

void HostSupervisor::note_loaded(const abi::DriverCall& call) {
  // The image handle has the loaded image protocol, whose file path ends with the name of the firmware file.
  constexpr std::size_t name_offset = 4;
  void* interface = nullptr;
  abi::ServiceCall service{};
  service.return_address = call.entry;
  service.arguments[0] = call.arguments[0];
  service.arguments[1] = address_of(&abi::loaded_image_protocol_guid);
  service.arguments[2] = address_of(&interface);
  const auto number = static_cast<std::uint64_t>(foundation::Service::handle_protocol);
  if (abi::status::is_error(foundation()->service(number, service)) || interface == nullptr) return;
  // Memory of the driver, as far as the foundation is concerned.
  abi::LoadedImageProtocol loaded{};
  abi::Guid file{};
  if (!copy(&loaded, interface, sizeof(loaded)) || loaded.file_path == nullptr ||
      !copy(&file, static_cast<const std::byte*>(loaded.file_path) + name_offset, sizeof(file))) {
    return;
  }
  const auto found = std::ranges::find_if(drivers, [&](const Driver& driver) { return driver.file == file; });
  if (found == drivers.end()) return;
  driver_of_number_[call.driver] = static_cast<DriverIndex>(found - drivers.begin());
  found->base = address_of(loaded.image_base);
  found->size = loaded.image_size;
  found->symbol_offset = found->base - found->symbol_offset;
  if (!found->symbols.empty()) redoubt_driver_loaded(found->symbols.c_str(), found->symbol_offset);
}

// Events and keys: abi/redoubt/report.hpp.
void HostSupervisor::read_line(std::string_view line) {
  const abi::ReportReader reader(line);
  const auto value_of = [&](abi::KeyName key) { return reader.find(key).value_or(""); };
  const auto is = [&](abi::EventName event) { return reader.event() == event.text(); };
  Driver* driver = driver_of_file(value_of("guid"));
  if (driver == nullptr) return;
  if (is("driver")) {
    driver->status = std::strtoull(std::string(value_of("status")).c_str(), nullptr, 16);
    driver->reason = value_of("reason");
    if (driver->state == DriverState::waiting) {
      driver->state =
          abi::status::is_error(driver->status) || !driver->reason.empty() ? DriverState::failed : DriverState::running;
    }
  } else if (is("driver.disabled")) {
    driver->state = DriverState::disabled;
  } else if (is("driver.waiting")) {
    driver->reason = "waits for " + std::string(value_of("depex"));
  } else if (is("driver.skipped")) {
    driver->state = DriverState::failed;
    driver->reason = value_of("reason");
  }
}

abi::SystemResult<void> HostSupervisor::log(Range<FoundationSpace> text) {
  const auto result = FakeSupervisor::log(text);
  const std::string_view line = lines.back();
  if (print_log_) std::fprintf(stderr, "redoubt: %.*s\n", static_cast<int>(line.size()), line.data());
  read_line(line);
  return result;
}

std::string HostSupervisor::gdb_commands() const {
  std::string commands;
  for (const Driver& driver : drivers) {
    if (driver.base == 0 || driver.symbols.empty()) continue;
    commands += "add-symbol-file " + driver.symbols + " -o " + hexadecimal(driver.symbol_offset) + "\n";
  }
  return commands;
}

}  // namespace redoubt::sdk
