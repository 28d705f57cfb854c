// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/pei/bootstrap_tables.hpp"

#include <algorithm>

namespace redoubt::launch {

void build_bootstrap_tables(std::span<std::uint64_t, bootstrap_table_entries> tables, std::uint64_t address) {
  constexpr std::uint64_t present_writable = 0x3;
  constexpr std::uint64_t large = 0x80;
  constexpr std::uint64_t large_page_size = 0x20'0000;
  std::ranges::fill(tables, std::uint64_t{0});
  tables[0] = (address + page_bytes) | present_writable;
  for (std::size_t i = 0; i < 4; ++i) {
    tables[512 + i] = (address + (2 + i) * page_bytes) | present_writable;
  }
  for (std::size_t i = 0; i < std::size_t{4} * 512; ++i) {
    tables[1024 + i] = (i * large_page_size) | present_writable | large;
  }
}

}  // namespace redoubt::launch
