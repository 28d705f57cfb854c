// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/page_map.hpp"

namespace redoubt::foundation {

Result<void> PageMap::create(std::uint64_t mmram_base, std::uint64_t mmram_size) {
  if (mmram_base % page_bytes != 0 || mmram_size == 0 || mmram_size > UINT64_MAX - mmram_base) {
    return std::unexpected(Error::invalid_argument);
  }
  const std::uint64_t pages = mmram_size / page_bytes;
  const SystemResult<PhysicalAddress> memory = supervisor_.allocate_pages(pages_for(pages * sizeof(std::uint64_t)), {});
  if (!memory.has_value()) return std::unexpected(Error::out_of_memory);
  base_ = mmram_base;
  pages_ = pages;
  words_ = at_address<std::uint64_t>(*memory);
  return {};
}

void PageMap::set(std::uint64_t address, std::uint64_t pages, Entry entry) {
  const std::uint64_t first = (address - base_) / page_bytes;
  for (std::uint64_t i = 0; i < pages && first + i < pages_; ++i) {
    words_[first + i] = std::uint64_t{entry.value} << value_shift | std::uint64_t{entry.owner} << owner_shift |
                        static_cast<std::uint64_t>(entry.use);
  }
}

PageLimits PageMap::limits(std::uint64_t address) const {
  const std::uint64_t bits = word(address) >> 6;
  return {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0};
}

void PageMap::set_origin(std::uint64_t address, std::uint64_t pages, PageOrigin origin) {
  for (std::uint64_t i = 0; i < pages; ++i) {
    std::uint64_t& bits = word(address + i * page_bytes);
    bits = (bits & ~(std::uint64_t{3} << 4)) | static_cast<std::uint64_t>(origin) << 4;
  }
}

void PageMap::set_limits(std::uint64_t address, PageLimits limits) {
  std::uint64_t& bits = word(address);
  bits = (bits & ~(std::uint64_t{7} << 6)) | static_cast<std::uint64_t>(limits.no_read) << 6 |
         static_cast<std::uint64_t>(limits.no_write) << 7 | static_cast<std::uint64_t>(limits.no_execute) << 8;
}

bool PageMap::all(std::uint64_t address, std::uint64_t pages, PageUse use) const {
  const std::uint64_t first = (address - base_) / page_bytes;
  if (address < base_ || first >= pages_ || pages > pages_ - first) return false;
  for (std::uint64_t i = 0; i < pages; ++i) {
    if ((words_[first + i] & 0xF) != static_cast<std::uint64_t>(use)) return false;
  }
  return true;
}

DriverNumber PageMap::other_owner(std::uint64_t address, std::uint64_t pages, DriverNumber driver) const {
  for (std::uint64_t i = 0; i < pages; ++i) {
    if (const Entry entry = at(address + i * page_bytes); entry.owner != driver) return entry.owner;
  }
  return driver;
}

}  // namespace redoubt::foundation
