// SPDX-License-Identifier: BSD-2-Clause-Patent
// The protocol that the driver for tests of the dispatch order installs until somebody patches another one into it.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::order {

inline constexpr abi::Guid marker = {0x6f72a9d3, 0x0c5e, 0x4b18, {0x8e, 0x61, 0x2f, 0xd4, 0x93, 0x7a, 0x05, 0xbc}};

}  // namespace redoubt::order
