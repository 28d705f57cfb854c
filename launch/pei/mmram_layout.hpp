// SPDX-License-Identifier: BSD-2-Clause-Patent
// Where the IPL puts things in MMRAM before the first MMI: the IPL's half of abi/redoubt/launch.hpp as arithmetic.
// Nothing here touches memory, so it is tested on the host.
//
//   mmram_base  entry and save-state pages    2 * cpus + 6 pages
//               LaunchRecord, LaunchCpu[]
//               supervisor, sections in place
//               MM firmware volume
//               HOB list
//               bootstrap page tables (6 pages), stack (8 pages)
//   used_end
//               the supervisor's
//   end - 4 KiB what the last boot left for the supervisor (abi::kept_bytes)
#pragma once

#include <cstdint>

#include "abi/redoubt/launch.hpp"
#include "base/address.hpp"
#include "base/result.hpp"

namespace redoubt::launch {

inline constexpr std::uint64_t bootstrap_table_pages = 6;  // one PML4, one PDPT, four page directories
inline constexpr std::uint64_t bootstrap_stack_size = 0x8000;

// All sizes in bytes.
struct LayoutRequest {
  std::uint64_t mmram_base;
  std::uint64_t mmram_size;
  std::uint32_t cpu_count;
  std::uint64_t supervisor_size;
  std::uint64_t volume_size;
  std::uint64_t hob_size;
};

// Addresses, all 4 KiB aligned except cpus, which follows the record.
struct MmramLayout {
  std::uint64_t mmram_base;
  std::uint64_t mmram_size;
  std::uint64_t record;
  std::uint64_t cpus;
  std::uint64_t supervisor;
  std::uint64_t supervisor_size;  // whole pages
  std::uint64_t volume;
  std::uint64_t hobs;
  std::uint64_t bootstrap;
  std::uint64_t bootstrap_size;
  std::uint64_t stack_top;
  std::uint64_t used_end;

  // SMBASE of CPU `index`; its entry code is at mmram_base + index * smbase_stride.
  constexpr std::uint64_t smbase(std::uint32_t index) const {
    return mmram_base + std::uint64_t{index} * abi::smbase_stride - abi::smm_entry_offset;
  }
};

// Error::invalid_argument for MMRAM that isn't page-aligned, starts below the entry offset or ends above 4 GiB (the
// bootstrap tables and a 32-bit IPL reach no further), and for zero CPUs or an empty image; Error::out_of_memory
// when it doesn't all fit.
Result<MmramLayout> lay_out(const LayoutRequest& request);

}  // namespace redoubt::launch
