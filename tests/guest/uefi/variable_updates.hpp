// SPDX-License-Identifier: BSD-2-Clause-Patent
// Calls of SetVariable with updates from QEMU's command line, so that a test sees the status that a UEFI program sees.
// -fw_cfg name=opt/org.redoubt/updates,file=FILE: one update after the other, each the digit of its variable (0 PK,
// 1 KEK, 2 db, 3 a private one), its attributes and its size, eight hexadecimal digits each, and its data.
//
//   update N status=0x...
#pragma once

#include <span>

#include "abi/uefi/service_types.hpp"
#include "abi/uefi/system_table.hpp"
#include "tests/guest/uefi/program.hpp"

namespace redoubt::guest::updates {

inline constexpr abi::Guid private_vendor = {
    0x3c5b2f7e, 0x8a41, 0x4d0f, {0x9b, 0x6d, 0x21, 0x77, 0x50, 0xe4, 0xc8, 0x13}};

struct Target {
  const char16_t* name;
  const abi::Guid* vendor;
};
inline constexpr Target targets[] = {{u"PK", &abi::global_variable_guid},
                                     {u"KEK", &abi::global_variable_guid},
                                     {u"db", &abi::image_security_database_guid},
                                     {u"Private", &private_vendor}};

inline constexpr std::size_t header_size = 17;
inline std::uint8_t bytes[0x40000];

// Eight upper-case or lower-case hexadecimal digits.
inline std::uint32_t number_at(std::span<const std::uint8_t> text) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i != 8; ++i) {
    const unsigned digit = text[i];
    value = value << 4 | (digit <= '9' ? digit - '0' : (digit & 0xDF) - 'A' + 10);
  }
  return value;
}

// Whether they could be read; without the option there are none.
inline bool make_updates(const abi::RuntimeServices& services) {
  std::span<const std::uint8_t> rest(bytes, option_bytes("updates", bytes));
  for (std::uint64_t index = 0; !rest.empty(); ++index) {
    const std::size_t which = rest[0] - std::size_t{'0'};
    if (rest.size() < header_size || which >= std::size(targets)) {
      return false;
    }
    const std::uint32_t attributes = number_at(rest.subspan(1));
    const std::uint32_t size = number_at(rest.subspan(9));
    rest = rest.subspan(header_size);
    if (size > rest.size()) {
      return false;
    }
    const abi::EfiStatus result =
        services.set_variable(targets[which].name, targets[which].vendor, attributes, size, rest.data());
    print_line("update ", Decimal{index}, " status=", Hexadecimal{result});
    rest = rest.subspan(size);
  }
  return true;
}

}  // namespace redoubt::guest::updates
