// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the foundation knows of one MM driver, from its file in the volume to its end. Records are never freed: the
// number of a driver stays its name in reports, also when it is disabled.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "abi/uefi/types.hpp"
#include "base/byte_reader.hpp"
#include "foundation/protocol_database.hpp"
#include "foundation/record_list.hpp"

namespace redoubt::foundation {

enum class DriverState : std::uint8_t {
  waiting,    // its dependency expression isn't true yet
  scheduled,  // will start next
  starting,   // in its entry point
  running,    // its entry point returned success
  failed,     // refused by the loader, or its entry point returned an error: unloaded
  disabled,   // stopped by a fault: registrations removed, memory kept
};

// What decides when a driver starts.
enum class DependencyKind : std::uint8_t {
  none,        // nothing: at once (PI 1.9, volume 4, 2.3)
  expression,  // `dependency` is a valid expression without order
  before,      // just before the driver `anchor`
  after,       // just after it
  request,     // SOR: when asked for, which MM has no service for
  malformed,   // never
};

struct DriverRecord {
  abi::Guid file{};
  std::array<char, 40> name_characters{};
  std::size_t name_length = 0;
  DriverState state = DriverState::waiting;
  DependencyKind dependency_kind = DependencyKind::none;
  abi::Guid anchor{};
  Bytes dependency;  // in the volume
  Bytes executable;  // in the volume
  std::uint64_t image_base = 0;
  std::uint64_t image_pages = 0;
  std::uint64_t entry_point = 0;
  std::uint64_t image_handle = 0;  // token; 0 = none
  RecordLink<DriverRecord> discovered;
  RecordLink<DriverRecord> schedule;

  std::string_view name() const { return {name_characters.data(), name_length}; }
};

}  // namespace redoubt::foundation
