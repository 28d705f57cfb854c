// SPDX-License-Identifier: BSD-2-Clause-Patent
// The message of the driver that has a child for every MMI source there is. A guest program includes this too; it holds
// no MM interface.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::mmi_sources {

// The handler answers with a State.
inline constexpr abi::Guid state_handler_guid = {
    0x3f0e7c15, 0x9a62, 0x4b8d, {0x8e, 0x21, 0x73, 0x6f, 0x75, 0x72, 0x63, 0x65}};

inline constexpr std::uint8_t first_value = 0x55;    // a child of this driver
inline constexpr std::uint8_t nobodys_value = 0x56;  // nobody's
inline constexpr std::uint8_t failing_value = 0x66;  // a child of another driver, which fails in it

struct SoftwareCalls {
  std::uint64_t calls;
  std::uint64_t value;  // registered
  std::uint64_t cpu;    // the rest: of the latest call
  std::uint64_t command_port;
  std::uint64_t data_port;
};

struct State {
  SoftwareCalls first;
  SoftwareCalls assigned;  // whose value the dispatcher chose
  std::uint64_t tco_timeouts;
  std::uint64_t os_tco;
  std::uint64_t wrong_contexts;  // calls with something else than the child registered
  std::uint64_t mmis;            // calls of a root handler, up to the MMI before this one
  std::uint64_t cpus;
};
static_assert(sizeof(State) == 120);

}  // namespace redoubt::mmi_sources
