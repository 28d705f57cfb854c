// SPDX-License-Identifier: BSD-2-Clause-Patent
// The trace of MMIs out of the guest's log (abi/redoubt/report.hpp): one row for each MMI that MM's foundation saw,
// with the handlers it called. GUIDs and drivers get their names here; the guest writes numbers.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tool/boot/log.hpp"

namespace redoubt::tool::boot {

struct TracedCall {
  std::string handler;  // the GUID's name, the GUID, or "root"
  std::uint64_t driver = 0;
  std::string driver_name;
  std::optional<std::uint64_t> result;  // EFI_STATUS; none for one that was stopped
  std::string stopped;                  // why it was
  std::uint64_t ticks = 0;
};

struct TracedMmi {
  std::uint64_t number = 0;  // counted by the foundation, from 1
  std::uint64_t cpu = 0;
  std::string message;  // as `handler` above; empty for an MMI without one
  std::uint64_t bytes = 0;
  std::optional<std::uint64_t> status;  // what the sender of the message got
  std::uint64_t reply = 0;              // bytes
  bool by_foundation = false;           // which needed no handler
  std::uint64_t ticks = 0;
  std::vector<TracedCall> calls;
};

class Trace {
 public:
  // Nothing unless the event completes an MMI.
  std::optional<TracedMmi> apply(const Event& event);

 private:
  static constexpr std::size_t max_calls = 4096;  // in one MMI
  static constexpr std::size_t max_drivers = 4096;

  std::map<std::uint64_t, std::string> drivers_;
  std::vector<TracedCall> calls_;  // of the MMI that runs
};

// The line above a table of rows, and a row: a line for each call, one for an MMI without any.
[[nodiscard]] std::string trace_heading();
[[nodiscard]] std::string to_text(const TracedMmi& mmi);
[[nodiscard]] nlohmann::ordered_json to_json(const TracedMmi& mmi);

}  // namespace redoubt::tool::boot
