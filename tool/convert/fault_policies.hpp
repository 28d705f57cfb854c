// SPDX-License-Identifier: BSD-2-Clause-Patent
// What becomes of the machine when a driver fails, for each driver that a conversion adds: by default as the firmware
// bundle says of its own drivers, nothing but its end for all others, or as the user says; and the same for what such a
// driver needs to start.
#pragma once

#include <span>

#include "abi/redoubt/fault_policy.hpp"
#include "tool/convert/firmware_bundle.hpp"

namespace redoubt::tool {

struct DriverFaultPolicy {
  abi::Guid guid{};
  std::string name;
  abi::FaultPolicy policy = abi::FaultPolicy::disable;
  std::string reason;  // in words: why it has this one
};

// One for each driver, in the order of the volume. `options`: NAME=disable|reset|halt, where NAME is a user interface
// name or a file's GUID. Refused, in one line: a name that isn't a driver's or is several drivers', a second option for
// one driver, a policy that isn't one.
Result<std::vector<DriverFaultPolicy>, CommandError> decide_fault_policies(const FirmwareBundle& bundle,
                                                                           const DriverInput& drivers,
                                                                           std::span<const std::string> options);

// The word of a policy, or nothing.
std::optional<abi::FaultPolicy> parse_fault_policy(std::string_view word);

}  // namespace redoubt::tool
