// SPDX-License-Identifier: BSD-2-Clause-Patent
// What becomes of the machine when an MM driver fails, as the image says for each of its drivers, and how the
// foundation puts that to the supervisor. The converter writes the table, the foundation reads it; whether a reset is
// still to be had is ring 0's to decide (policy/fault_verdict.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

enum class FaultPolicy : std::uint8_t {
  disable = 0,  // the driver is stopped, its messages get errors, the machine goes on
  reset = 1,    // the machine resets, as long as no operating system runs and it helps; else as disable
  halt = 2,     // all CPUs stand still in MM
};

constexpr const char* to_string(FaultPolicy policy) {
  switch (policy) {
    case FaultPolicy::disable: return "disable";
    case FaultPolicy::reset: return "reset";
    case FaultPolicy::halt: return "halt";
  }
  return "?";
}

// The only RAW section of image_names::fault_policies holds these, one for each driver of the volume.
struct FaultPolicyEntry {
  Guid file;
  FaultPolicy policy;
  std::uint8_t reserved[3];
};
static_assert(sizeof(FaultPolicyEntry) == 20 && offsetof(FaultPolicyEntry, policy) == 16);

// How a driver failed.
enum class FaultCause : std::uint8_t {
  fault = 0,        // an exception, in whatever it was called for
  entry_point = 1,  // that returned an error
  image = 2,        // refused by the loader
  not_started = 3,  // the phases in which it could have been are over, or its file is not there
};
inline constexpr std::uint8_t fault_cause_count = 4;

constexpr const char* to_string(FaultCause cause) {
  switch (cause) {
    case FaultCause::fault: return "fault";
    case FaultCause::entry_point: return "entry_point";
    case FaultCause::image: return "image";
    case FaultCause::not_started: return "not_started";
  }
  return "?";
}

// The argument of the system call stop_machine.
struct StopRequest {
  Guid file;
  Guid handler;           // of the message or protocol it was called for; zero = none
  std::uint64_t rip;      // this and the next two: of a fault, else 0
  std::uint64_t address;  // CR2 of a page fault
  std::uint32_t vector;
  std::uint32_t driver;  // the foundation's number of it; 0 = none
  FaultPolicy policy;
  FaultCause cause;
  std::uint8_t reserved[6];
  char name[40];  // zeros behind it
};
static_assert(sizeof(StopRequest) == 104 && offsetof(StopRequest, policy) == 56 && offsetof(StopRequest, name) == 64);

}  // namespace redoubt::abi
