// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_STATUS of 64-bit code in words.
#pragma once

#include <cstdint>
#include <string>

namespace redoubt::tool::boot {

// "success", the error's or the MMI handler's code in words, or a number.
[[nodiscard]] std::string status_text(std::uint64_t status);

}  // namespace redoubt::tool::boot
