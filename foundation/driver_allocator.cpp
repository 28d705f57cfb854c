// SPDX-License-Identifier: BSD-2-Clause-Patent
// See the header. Pages go to drivers without access for the foundation: it has no business in them.
#include "foundation/driver_allocator.hpp"

#include <bit>

namespace redoubt::foundation {
namespace {

constexpr std::uint64_t max_pages = UINT64_MAX / page_bytes;
constexpr std::array<std::byte, 2048> zeroes{};

}  // namespace

Result<std::uint64_t> DriverAllocator::give_pages(std::uint64_t pages, std::uint64_t limit) {
  if (pages == 0 || pages > max_pages) return std::unexpected(Error::out_of_memory);
  const SystemResult<std::uint64_t> memory = supervisor_.allocate_pages(pages, limit);
  if (!memory.has_value()) return std::unexpected(Error::out_of_memory);
  if (supervisor_.set_page_access(*memory, pages, abi::page_none, abi::page_read | abi::page_write) !=
      abi::SystemStatus::ok) {
    supervisor_.free_pages(*memory, pages);
    return std::unexpected(Error::out_of_memory);
  }
  return *memory;
}

Result<std::uint64_t> DriverAllocator::allocate_pages(std::uint64_t pages, std::uint64_t limit) {
  const std::uint64_t address = TRY(give_pages(pages, limit));
  map_.set(address, pages, {PageUse::pages, 0});
  return address;
}

Result<void> DriverAllocator::allocate_pages_at(std::uint64_t address, std::uint64_t pages) {
  if (pages == 0 || pages > max_pages || supervisor_.allocate_pages_at(address, pages) != abi::SystemStatus::ok) {
    return std::unexpected(Error::not_found);
  }
  if (supervisor_.set_page_access(address, pages, abi::page_none, abi::page_read | abi::page_write) !=
      abi::SystemStatus::ok) {
    supervisor_.free_pages(address, pages);
    return std::unexpected(Error::not_found);
  }
  map_.set(address, pages, {PageUse::pages, 0});
  return {};
}

Result<void> DriverAllocator::free_pages(std::uint64_t address, std::uint64_t pages) {
  if (pages == 0 || !map_.all(address, pages, PageUse::pages)) return std::unexpected(Error::not_found);
  map_.set(address, pages, {PageUse::none, 0});
  supervisor_.free_pages(address, pages);
  return {};
}

DriverAllocator::Slab* DriverAllocator::new_slab(std::uint32_t shift) {
  Slab* slab = slabs_.acquire();
  if (slab == nullptr) return nullptr;
  const Result<std::uint64_t> page = give_pages(1, 0);
  if (!page.has_value()) {
    slabs_.release(*slab);
    return nullptr;
  }
  slab->address = *page;
  slab->shift = shift;
  map_.set(*page, 1, {PageUse::pool_slab, static_cast<std::uint32_t>(slabs_.token(*slab))});
  available_[class_of(shift)].push_back(*slab);
  return slab;
}

Result<std::uint64_t> DriverAllocator::allocate_pool(std::uint64_t bytes) {
  if (bytes > std::uint64_t{1} << largest_shift) {
    const std::uint64_t pages = pages_for(bytes);
    const std::uint64_t address = TRY(give_pages(pages, 0));
    map_.set(address, 1, {PageUse::pool_run, static_cast<std::uint32_t>(pages)});
    map_.set(address + page_bytes, pages - 1, {PageUse::pool_rest, 0});
    return address;
  }
  const std::uint32_t shift = bytes <= std::uint64_t{1} << smallest_shift
                                  ? smallest_shift
                                  : static_cast<std::uint32_t>(std::bit_width(bytes - 1));
  SlabList& list = available_[class_of(shift)];
  Slab* slab = list.empty() ? new_slab(shift) : list.first();
  if (slab == nullptr) return std::unexpected(Error::out_of_memory);
  const std::size_t word = ~slab->used[0] != 0 ? 0 : 1;  // a slab in the list has room
  const auto bit = static_cast<std::uint32_t>(std::countr_one(slab->used[word]));
  slab->used[word] |= std::uint64_t{1} << bit;
  if (++slab->used_count == buffers(*slab)) list.remove(*slab);
  return slab->address + ((word * 64 + bit) << shift);
}

Result<void> DriverAllocator::free_pool(std::uint64_t address) {
  const PageMap::Entry entry = map_.at(address);
  if (entry.use == PageUse::pool_run && address % page_bytes == 0) {
    const std::uint64_t pages = entry.value;
    map_.set(address, pages, {PageUse::none, 0});
    supervisor_.free_pages(address, pages);
    return {};
  }
  if (entry.use != PageUse::pool_slab) return std::unexpected(Error::not_found);
  Slab& slab = *slabs_.at_index(entry.value);
  const std::uint64_t offset = address - slab.address;
  const auto buffer = static_cast<std::uint32_t>(offset >> slab.shift);
  const std::uint64_t mask = std::uint64_t{1} << (buffer % 64);
  std::uint64_t& word = slab.used[buffer / 64];
  if (offset % (std::uint64_t{1} << slab.shift) != 0 || (word & mask) == 0) return std::unexpected(Error::not_found);
  word &= ~mask;
  SlabList& list = available_[class_of(slab.shift)];
  if (slab.used_count-- == buffers(slab)) list.push_back(slab);
  if (slab.used_count == 0 && list.size() > 1) {
    // One empty slab is kept for each class, so that a driver at the edge doesn't make and break one with every call.
    list.remove(slab);
    map_.set(slab.address, 1, {PageUse::none, 0});
    supervisor_.free_pages(slab.address, 1);
    slabs_.release(slab);
    return {};
  }
  supervisor_.write_driver(address, zeroes.data(), std::size_t{1} << slab.shift);
  return {};
}

}  // namespace redoubt::foundation
