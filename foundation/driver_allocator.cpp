// SPDX-License-Identifier: BSD-2-Clause-Patent
// The foundation gives itself no access to the pages that it hands to drivers.
#include "foundation/driver_allocator.hpp"

#include <bit>

namespace redoubt::foundation {
namespace {

constexpr std::uint64_t max_pages = UINT64_MAX / page_bytes;
constexpr std::array<std::byte, 2048> zeroes{};

}  // namespace

// ---- Pages ----

Result<std::uint64_t> DriverAllocator::take_pages(DriverNumber driver, std::uint64_t pages, std::uint64_t limit) {
  if (pages == 0 || pages > max_pages) return std::unexpected(Error::out_of_memory);
  if (!ledger_.take(driver, Resource::pages, pages)) return std::unexpected(Error::out_of_memory);
  SystemResult<PhysicalAddress> memory = supervisor_.allocate_pages(pages, PhysicalAddress(limit));
  if (!memory.has_value() && ledger_.lend(driver)) {
    memory = supervisor_.allocate_pages(pages, PhysicalAddress(limit));
    ledger_.keep_back();
  }
  if (!memory.has_value()) {
    ledger_.give_back(driver, Resource::pages, pages);
    return std::unexpected(Error::out_of_memory);
  }
  return memory->number;
}

void DriverAllocator::return_pages(DriverNumber driver, std::uint64_t address, std::uint64_t pages) {
  map_.set(address, pages, {PageUse::none, foundation_itself});
  static_cast<void>(supervisor_.free_pages(PhysicalAddress(address), pages));
  ledger_.give_back(driver, Resource::pages, pages);
  ledger_.returned(driver);
}

Result<std::uint64_t> DriverAllocator::give_pages(DriverNumber driver, std::uint64_t pages, std::uint64_t limit) {
  const std::uint64_t memory = TRY(take_pages(driver, pages, limit));
  if (!supervisor_.set_page_access(PhysicalAddress(memory), pages, abi::held_by_drivers(abi::read_write))) {
    return_pages(driver, memory, pages);
    return std::unexpected(Error::out_of_memory);
  }
  return memory;
}

Result<std::uint64_t> DriverAllocator::allocate_pages(DriverNumber driver, std::uint64_t pages, std::uint64_t limit) {
  const std::uint64_t address = TRY(give_pages(driver, pages, limit));
  map_.set(address, pages, {PageUse::pages, driver});
  return address;
}

Result<void> DriverAllocator::allocate_pages_at(DriverNumber driver, std::uint64_t address, std::uint64_t pages) {
  if (pages == 0 || pages > max_pages) return std::unexpected(Error::not_found);
  if (!ledger_.take(driver, Resource::pages, pages)) return std::unexpected(Error::out_of_memory);
  if (!supervisor_.allocate_pages_at(PhysicalAddress(address), pages)) {
    ledger_.give_back(driver, Resource::pages, pages);
    return std::unexpected(Error::not_found);
  }
  if (!supervisor_.set_page_access(PhysicalAddress(address), pages, abi::held_by_drivers(abi::read_write))) {
    return_pages(driver, address, pages);
    return std::unexpected(Error::not_found);
  }
  map_.set(address, pages, {PageUse::pages, driver});
  return {};
}

Result<void> DriverAllocator::free_pages(DriverNumber driver, std::uint64_t address, std::uint64_t pages) {
  if (pages == 0 || !map_.all(address, pages, PageUse::pages)) return std::unexpected(Error::not_found);
  if (const DriverNumber owner = map_.other_owner(address, pages, driver); owner != driver) {
    ledger_.refuse(driver, Refusal::pages, owner);
    return std::unexpected(Error::access_denied);
  }
  return_pages(driver, address, pages);
  return {};
}

Result<std::uint64_t> DriverAllocator::allocate_image(DriverNumber driver, std::uint64_t pages) {
  const std::uint64_t address = TRY(take_pages(driver, pages, 0));
  map_.set(address, pages, {PageUse::image, driver});
  return address;
}

void DriverAllocator::free_image(DriverNumber driver, std::uint64_t address, std::uint64_t pages) {
  return_pages(driver, address, pages);
}

// ---- Pool ----

DriverAllocator::Slab* DriverAllocator::new_slab(DriverNumber driver, std::uint32_t shift) {
  Slab* slab = ledger_.acquire(slabs_, driver);
  if (slab == nullptr) return nullptr;
  const Result<std::uint64_t> page = give_pages(driver, 1, 0);
  if (!page.has_value()) {
    slabs_.release(*slab);
    return nullptr;
  }
  slab->address = *page;
  slab->shift = shift;
  slab->owner = driver;
  map_.set(*page, 1, {PageUse::pool_slab, driver, static_cast<std::uint32_t>(slabs_.token(*slab))});
  available(driver, shift).push_back(*slab);
  return slab;
}

Result<std::uint64_t> DriverAllocator::allocate_pool(DriverNumber driver, std::uint64_t bytes) {
  if (bytes > std::uint64_t{1} << DriverPool::largest_shift) {
    const std::uint64_t pages = pages_for(bytes);
    const std::uint64_t address = TRY(give_pages(driver, pages, 0));
    map_.set(address, 1, {PageUse::pool_run, driver, static_cast<std::uint32_t>(pages)});
    map_.set(address + page_bytes, pages - 1, {PageUse::pool_rest, driver});
    return address;
  }
  const std::uint32_t shift = bytes <= std::uint64_t{1} << DriverPool::smallest_shift
                                  ? DriverPool::smallest_shift
                                  : static_cast<std::uint32_t>(std::bit_width(bytes - 1));
  SlabList& list = available(driver, shift);
  Slab* slab = list.empty() ? new_slab(driver, shift) : list.first();
  if (slab == nullptr) return std::unexpected(Error::out_of_memory);
  const std::size_t word = ~slab->used[0] != 0 ? 0 : 1;  // a slab in the list has room
  const auto bit = static_cast<std::uint32_t>(std::countr_one(slab->used[word]));
  slab->used[word] |= std::uint64_t{1} << bit;
  if (++slab->used_count == buffers(*slab)) list.remove(*slab);
  return slab->address + ((word * 64 + bit) << shift);
}

Result<void> DriverAllocator::free_pool(DriverNumber driver, std::uint64_t address) {
  const PageMap::Entry entry = map_.at(address);
  const bool run = entry.use == PageUse::pool_run && address % page_bytes == 0;
  if (!run && entry.use != PageUse::pool_slab) return std::unexpected(Error::not_found);
  if (entry.owner != driver) {
    ledger_.refuse(driver, Refusal::pool, entry.owner);
    return std::unexpected(Error::access_denied);
  }
  if (run) {
    return_pages(driver, address, entry.value);
    return {};
  }
  Slab& slab = *slabs_.at_index(entry.value);
  const std::uint64_t offset = address - slab.address;
  const auto buffer = static_cast<std::uint32_t>(offset >> slab.shift);
  const std::uint64_t mask = std::uint64_t{1} << (buffer % 64);
  std::uint64_t& word = slab.used[buffer / 64];
  if (offset % (std::uint64_t{1} << slab.shift) != 0 || (word & mask) == 0) return std::unexpected(Error::not_found);
  word &= ~mask;
  SlabList& list = available(driver, slab.shift);
  if (slab.used_count-- == buffers(slab)) list.push_back(slab);
  if (slab.used_count == 0 && list.size() > 1) {
    // One empty slab is kept for each class, so that a driver at the edge doesn't make and break one with every call.
    list.remove(slab);
    return_pages(driver, slab.address, 1);
    slabs_.release(slab);
    return {};
  }
  static_cast<void>(supervisor_.store(DriverAddress(address), Bytes(zeroes).first(std::size_t{1} << slab.shift)));
  return {};
}

}  // namespace redoubt::foundation
