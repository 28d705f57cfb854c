// SPDX-License-Identifier: BSD-2-Clause-Patent
// What MM shows of itself to those who write drivers for it: a log with levels, kept in a ring in MMRAM, and a profile
// of the MMI handlers. Drivers write to the log through a protocol; PEI and DXE read log and profile through a message
// that the foundation itself answers until ReadyToLock, and afterwards only if the launch options say so: an OS gets
// EFI_NOT_FOUND, as for an unknown GUID. Everything of it also goes to the boot report (report.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/uefi/types.hpp"

namespace redoubt::abi {

// The smaller, the graver. A log keeps what is at most its own level.
enum class LogLevel : std::uint8_t { error = 1, warning = 2, info = 3, debug = 4 };

constexpr bool is_log_level(std::uint64_t value) { return value >= 1 && value <= 4; }

constexpr const char* to_string(LogLevel level) {
  switch (level) {
    case LogLevel::error: return "error";
    case LogLevel::warning: return "warning";
    case LogLevel::info: return "info";
    case LogLevel::debug: return "debug";
  }
  return "unknown";
}

// The options that the launcher hands over (LaunchRecord::options, FoundationLaunch::options).
namespace launch_option {
inline constexpr std::uint32_t trace = 0x1;             // a line of the report for each MMI and each handler called
inline constexpr std::uint32_t observe_always = 0x2;    // the message below is answered after ReadyToLock as well
inline constexpr std::uint32_t repair_variables = 0x4;  // repair_variables_protocol_guid is there
inline constexpr std::uint32_t log_level_shift = 8;     // a LogLevel in four bits; 0 = info
inline constexpr std::uint32_t log_level_mask = 0xF00;
}  // namespace launch_option

// In MM's protocol database, without an interface, if the starter of the machine wants a damaged variable store
// repaired at the price of the variables that can't be found any more, keys included.
inline constexpr Guid repair_variables_protocol_guid = {
    0x6d4f0c9e, 0x2b57, 0x4a1d, {0x8c, 0x36, 0x5e, 0x91, 0xd7, 0x0a, 0x44, 0xb8}};

// In MM's protocol database, for drivers.
inline constexpr Guid log_protocol_guid = {
    0xa74287b9, 0xe9af, 0x4634, {0xac, 0x2e, 0x06, 0x74, 0xf0, 0xe9, 0xc3, 0x82}};

struct LogProtocol {
  // Adds a line of `bytes` characters, of which log_text_bytes count; what isn't printable ASCII becomes '?'.
  // EFI_INVALID_PARAMETER for another level, or text that the driver could not read itself; EFI_SUCCESS otherwise, also
  // for a level that the log doesn't keep.
  EfiStatus(EFIAPI* write)(const LogProtocol* self, UintN level, const char* text, UintN bytes);
};

inline constexpr std::size_t log_text_bytes = 120;

// How the variable driver's errors begin that say that its store isn't in order, or what becomes of it.
inline constexpr char variable_store_words[] = "variable store";

// The HeaderGuid of the message.
inline constexpr Guid observation_message_guid = {
    0x41893358, 0xa081, 0x43bc, {0xba, 0x80, 0x5a, 0x37, 0x6a, 0xdf, 0x7a, 0xbe}};

enum class ObservationCommand : std::uint64_t {
  read_log = 1,      // the answer's entries are LogEntry, each followed by its text, padded to 8 bytes
  read_profile = 2,  // they are ProfileEntry
};

// The message's data begins with this; its length is the room that the answer may take.
struct ObservationRequest {
  ObservationCommand command;
  std::uint64_t first;  // number of the first entry wanted; the oldest one kept if that is later
};
static_assert(sizeof(ObservationRequest) == 16);

// The answer's data begins with this; `count` entries follow, as many as there is room for.
struct ObservationAnswer {
  std::uint64_t count;
  std::uint64_t next;   // number to ask for next; when count is 0 there is no more, or, below total, no room for it
  std::uint64_t total;  // entries there have been
};
static_assert(sizeof(ObservationAnswer) == 24);

struct LogEntry {
  std::uint64_t number;  // 0 for the first entry since launch
  std::uint64_t ticks;   // of the TSC
  std::uint32_t driver;  // as in the report's driver lines; 0 = the foundation
  LogLevel level;
  std::uint8_t reserved;
  std::uint16_t text_bytes;
};
static_assert(sizeof(LogEntry) == 24 && offsetof(LogEntry, level) == 20);

// One function that is or was an MMI handler. Ticks are of the TSC and include the services that it called.
struct ProfileEntry {
  Guid handler;  // what it is registered for; all zero: root handler
  Guid driver_file;
  std::uint64_t driver;
  std::uint64_t function;  // its address
  std::uint64_t calls;
  std::uint64_t total_ticks;
  std::uint64_t least_ticks;
  std::uint64_t most_ticks;
};
static_assert(sizeof(ProfileEntry) == 80);

}  // namespace redoubt::abi
