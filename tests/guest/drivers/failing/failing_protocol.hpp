// SPDX-License-Identifier: BSD-2-Clause-Patent
// A driver that fails, in one of several ways; and the message on which it does if it got that far.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::failing {

inline constexpr abi::Guid handler_guid = {
    0x5c7e91a4, 0x0d3b, 0x4f68, {0xa2, 0x19, 0x66, 0x61, 0x75, 0x6c, 0x74, 0x01}};
// Nobody installs this one.
inline constexpr abi::Guid never_there = {0x5c7e91a4, 0x0d3b, 0x4f68, {0xa2, 0x19, 0x66, 0x61, 0x75, 0x6c, 0x74, 0x02}};

}  // namespace redoubt::failing
