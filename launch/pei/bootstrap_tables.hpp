// SPDX-License-Identifier: BSD-2-Clause-Patent
// The page tables of the first MMI: 4 GiB mapped to themselves with 2 MiB pages, everything allowed. They serve the
// supervisor's first instructions only, while MMRAM is still open; it must not keep them.
#pragma once

#include <cstdint>
#include <span>

#include "launch/pei/mmram_layout.hpp"

namespace redoubt::launch {

inline constexpr std::size_t bootstrap_table_entries = bootstrap_table_pages * 512;

// Fills the tables, which will lie at `address` (4 KiB aligned): PML4, PDPT, then four page directories.
void build_bootstrap_tables(std::span<std::uint64_t, bootstrap_table_entries> tables, std::uint64_t address);

}  // namespace redoubt::launch
