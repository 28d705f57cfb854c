// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_TIME (UEFI 2.10, section 8.3.1).
#pragma once

#include <cstddef>
#include <cstdint>

namespace redoubt::abi {

struct Time {
  std::uint16_t year;
  std::uint8_t month;
  std::uint8_t day;
  std::uint8_t hour;
  std::uint8_t minute;
  std::uint8_t second;
  std::uint8_t pad1;
  std::uint32_t nanosecond;
  std::int16_t time_zone;
  std::uint8_t daylight;
  std::uint8_t pad2;
  friend constexpr bool operator==(const Time&, const Time&) = default;
};
static_assert(offsetof(Time, month) == 2 && offsetof(Time, second) == 6 && offsetof(Time, nanosecond) == 8 &&
              offsetof(Time, time_zone) == 12 && offsetof(Time, pad2) == 15 && sizeof(Time) == 16);

}  // namespace redoubt::abi
