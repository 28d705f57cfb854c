// SPDX-License-Identifier: BSD-2-Clause-Patent
// Calls SetVariable with updates from QEMU's command line, so that a test sees the status that a UEFI program sees.
// -fw_cfg name=opt/org.redoubt/updates,file=FILE: one update after the other, each the digit of its variable (0 PK,
// 1 KEK, 2 db), its attributes and its size, eight hexadecimal digits each, and its data.
//
//   update N status=0x...
#include <span>

#include "abi/uefi/system_table.hpp"
#include "tests/guest/uefi/program.hpp"

namespace redoubt::guest {
namespace {

constexpr abi::Guid global_variable = {0x8be4df61, 0x93ca, 0x11d2, {0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c}};
constexpr abi::Guid image_security_database = {
    0xd719b2cb, 0x3d3a, 0x4596, {0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f}};

struct Target {
  const char16_t* name;
  const abi::Guid* vendor;
};
constexpr Target targets[] = {{u"PK", &global_variable}, {u"KEK", &global_variable}, {u"db", &image_security_database}};

constexpr std::size_t header_size = 17;
std::uint8_t updates[0x10000];

// Eight upper-case or lower-case hexadecimal digits.
std::uint32_t number_at(std::span<const std::uint8_t> text) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i != 8; ++i) {
    const unsigned digit = text[i];
    value = value << 4 | (digit <= '9' ? digit - '0' : (digit & 0xDF) - 'A' + 10);
  }
  return value;
}

bool run(const abi::RuntimeServices& services) {
  std::span<const std::uint8_t> rest(updates, option_bytes("updates", updates));
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

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus variable_updater_entry(redoubt::abi::Handle image_handle,
                                                                 redoubt::abi::SystemTable* system_table);

extern "C" EFIAPI redoubt::abi::EfiStatus variable_updater_entry(redoubt::abi::Handle /*image_handle*/,
                                                                 redoubt::abi::SystemTable* system_table) {
  const bool well = redoubt::guest::run(*system_table->runtime_services);
  redoubt::guest::finish(*system_table, "variable_updater", well);
}
