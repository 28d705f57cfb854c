// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/status_code/log_text.hpp"

#include "abi/uefi/guid_text.hpp"

namespace redoubt::status_code {
namespace {

// EFI_STATUS_CODE_TYPE (PI 1.9, volume 3, chapter 6).
constexpr std::uint32_t type_mask = 0x0000'00FF;
constexpr std::uint32_t progress_code = 1;
constexpr std::uint32_t error_code = 2;
constexpr std::uint32_t severity_mask = 0xFF00'0000;
constexpr std::uint32_t error_minor = 0x4000'0000;

constexpr std::string_view severity_name(std::uint32_t severity) {
  switch (severity) {
    case error_minor: return "minor";
    case 0x8000'0000: return "major";
    case 0x9000'0000: return "unrecovered";
    case 0xA000'0000: return "uncontained";
    default: return "none";
  }
}

constexpr Gravity gravity_of(std::uint32_t type) {
  switch (type & type_mask) {
    case error_code: return (type & severity_mask) == error_minor ? Gravity::warning : Gravity::error;
    case progress_code: return Gravity::info;
    default: return Gravity::debug;
  }
}

}  // namespace

LogText::LogText(std::uint32_t type, std::uint32_t value, std::uint32_t instance, const abi::Guid* caller)
    : gravity_(gravity_of(type)) {
  switch (type & type_mask) {
    case error_code:
      append("error severity=");
      append(severity_name(type & severity_mask));
      break;
    case progress_code: append("progress"); break;
    default: append("debug type="); append_hexadecimal(type);
  }
  append(" value=");
  append_hexadecimal(value);
  append(" instance=");
  append_hexadecimal(instance);
  if (caller != nullptr) {
    append(" caller=");
    append(abi::to_text(*caller).view());
  }
}

void LogText::append(std::string_view part) {
  for (const char character : part) text_[length_++] = character;
}

void LogText::append_hexadecimal(std::uint32_t value) {
  append("0x");
  for (int shift = 28; shift >= 0; shift -= 4) append({&"0123456789abcdef"[value >> shift & 0xF], 1});
}

}  // namespace redoubt::status_code
