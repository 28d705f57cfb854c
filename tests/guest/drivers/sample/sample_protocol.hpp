// SPDX-License-Identifier: BSD-2-Clause-Patent
// The messages that the sample driver answers. A guest program includes this too; it holds no MM interface.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::sample {

// The handler adds one to every byte of the message, keeps its size and counts the call.
inline constexpr abi::Guid increment_handler_guid = {
    0x6a1d6d5e, 0x2b0c, 0x4f4e, {0x9d, 0x0b, 0x53, 0x61, 0x6d, 0x70, 0x6c, 0x01}};

// The handler answers with a SampleState.
inline constexpr abi::Guid state_handler_guid = {
    0x6a1d6d5e, 0x2b0c, 0x4f4e, {0x9d, 0x0b, 0x53, 0x61, 0x6d, 0x70, 0x6c, 0x02}};

struct SampleState {
  std::uint64_t increments;  // messages the increment handler answered
  std::uint64_t end_of_dxe;  // notifications seen, one counter for each
  std::uint64_t ready_to_lock;
  std::uint64_t ready_to_boot;
  std::uint64_t exit_boot_services;
  std::uint64_t root_mmis;  // calls of the root handler
};
static_assert(sizeof(SampleState) == 48);

}  // namespace redoubt::sample
