// SPDX-License-Identifier: BSD-2-Clause-Patent
// Where things lie in the window of flash that holds the variables: the store at its start, then the two areas of
// fault-tolerant writes. On a board it is a fact (board.hpp); of a file it is found out.
#pragma once

#include <cstdint>

#include "base/byte_reader.hpp"
#include "base/checked.hpp"

namespace redoubt::variable {

// Offsets and sizes in bytes, all of them multiples of the block size.
struct StoreLayout {
  std::uint32_t block_size = 0;
  std::uint32_t volume_size = 0;  // the volume is as long as the window
  std::uint32_t store_size = 0;   // the volume's header and the variable store
  std::uint32_t work = 0;         // what is known about writes under way
  std::uint32_t work_size = 0;
  std::uint32_t spare = 0;  // where they gather what they are going to write
  std::uint32_t spare_size = 0;

  friend constexpr bool operator==(const StoreLayout&, const StoreLayout&) = default;

  // Whether the areas are whole blocks within the volume and apart from each other, and the spare area can hold the
  // store.
  constexpr bool is_sound() const {
    if (!is_power_of_two(block_size) || block_size < 256) {
      return false;
    }
    for (const std::uint32_t number : {volume_size, store_size, work, work_size, spare, spare_size}) {
      if (number == 0 || !is_aligned(number, block_size)) {
        return false;
      }
    }
    return store_size <= work && work <= volume_size && work_size <= volume_size - work && work + work_size <= spare &&
           spare <= volume_size && spare_size <= volume_size - spare && spare_size >= store_size;
  }
};

// Volumes start at multiples of this.
inline constexpr std::uint32_t volume_alignment = 0x1000;

// OVMF's volumes, of blocks of a page: of its builds of 1 or 2 MiB, and of 4 MiB (edk2's OvmfPkg/VarStore.fdf.inc).
// Between the store and the work area lies an event log that is never written.
inline constexpr StoreLayout ovmf_2m_layout = {.block_size = 0x1000,
                                               .volume_size = 0x20000,
                                               .store_size = 0xE000,
                                               .work = 0xF000,
                                               .work_size = 0x1000,
                                               .spare = 0x10000,
                                               .spare_size = 0x10000};
inline constexpr StoreLayout ovmf_4m_layout = {.block_size = 0x1000,
                                               .volume_size = 0x84000,
                                               .store_size = 0x40000,
                                               .work = 0x41000,
                                               .work_size = 0x1000,
                                               .spare = 0x42000,
                                               .spare_size = 0x42000};
static_assert(ovmf_2m_layout.is_sound() && ovmf_4m_layout.is_sound());

// The layout of a volume that starts with `image`, from its headers: the store's size tells where the store ends, the
// work area is looked for behind it, and the spare area is what follows that. Where no work area can be recognised it
// is expected where OVMF's volumes of this length have it. Error::malformed when there are no such headers,
// Error::truncated when the volume is longer than `image`, Error::unsupported when the areas can't be told.
Result<StoreLayout> find_layout(Bytes image);

// The layout of OVMF's volume of this size, for one whose headers don't say it any more. Error::not_found for others.
Result<StoreLayout> layout_of_size(std::uint64_t volume_size);

}  // namespace redoubt::variable
