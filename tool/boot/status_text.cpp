// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/boot/status_text.hpp"

#include <array>
#include <format>
#include <string_view>

namespace redoubt::tool::boot {

// UEFI specification 2.10, appendix D; the codes of MMI handlers: PI 1.9, volume 4, EFI_MM_HANDLER_ENTRY_POINT.
std::string status_text(std::uint64_t status) {
  constexpr std::uint64_t error_bit = 0x8000000000000000;
  constexpr std::uint64_t pi_bit = 0x2000000000000000;
  constexpr std::array<std::string_view, 22> errors = {
      "",          "load error",    "invalid parameter", "unsupported",      "bad buffer size",  "buffer too small",
      "not ready", "device error",  "write protected",   "out of resources", "volume corrupted", "volume full",
      "no media",  "media changed", "not found",         "access denied",    "no response",      "no mapping",
      "timeout",   "not started",   "already started",   "aborted"};
  switch (status) {
    case 0: return "success";
    case pi_bit: return "pending";
    case pi_bit | 1: return "quiesced";
    case error_bit | pi_bit: return "not quiesced";
    default: break;
  }
  const std::uint64_t code = status & ~error_bit;
  if ((status & error_bit) != 0 && code < errors.size() && code != 0) {
    return std::string(errors[code]);
  }
  return std::format("0x{:X}", status);
}

}  // namespace redoubt::tool::boot
