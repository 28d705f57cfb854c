// SPDX-License-Identifier: BSD-2-Clause-Patent
// All that a board gives drivers: one object of this kind for each board, in platform/<board>/grants.hpp.
#pragma once

#include <cstdint>
#include <span>

#include "abi/uefi/types.hpp"
#include "policy/device_access.hpp"
#include "policy/save_state.hpp"

namespace redoubt::policy {

// What one driver may hold. Memory is a share of MMRAM: all of it, divided by `memory_divisor`.
struct DriverLimits {
  std::uint32_t memory_divisor;
  std::uint32_t handles;
  std::uint32_t protocols;
  std::uint32_t handlers;
  std::uint32_t notifications;
  std::uint32_t tables;
};

// Pages that other drivers can't have, for the driver whose file this is. At most half of what is free before the first
// driver starts.
struct DriverReserve {
  abi::Guid file;
  std::uint32_t pages;
};

struct BoardGrants {
  std::span<const OutsideRange> ranges;
  PortGrants ports;
  std::span<const SaveStateRule> save_state;
  DriverLimits limits;
  DriverReserve reserve;
};

}  // namespace redoubt::policy
