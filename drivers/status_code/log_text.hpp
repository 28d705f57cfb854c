// SPDX-License-Identifier: BSD-2-Clause-Patent
// A status code as a line of MM's log (PI 1.9, volume 3, chapter 6): kind, severity, value, instance, who reports. The
// numbers stay numbers: tables of their meanings belong to readers of the log. Extended data is left out, since its
// formats lead to pointers of any caller's.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "abi/uefi/types.hpp"

namespace redoubt::status_code {

enum class Gravity : std::uint8_t { error, warning, info, debug };

class LogText {
 public:
  // `caller` may be null.
  LogText(std::uint32_t type, std::uint32_t value, std::uint32_t instance, const abi::Guid* caller);

  std::string_view view() const { return {text_.data(), length_}; }
  // Errors of the severity "minor" are warnings; what is neither error nor progress is for debugging.
  Gravity gravity() const { return gravity_; }

 private:
  void append(std::string_view part);
  void append_hexadecimal(std::uint32_t value);

  // "error severity=uncontained value=0x12345678 instance=0x12345678 caller=" and a GUID.
  std::array<char, 112> text_{};
  std::size_t length_ = 0;
  Gravity gravity_;
};

}  // namespace redoubt::status_code
