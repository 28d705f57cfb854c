// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/memory/address_space.hpp"

#include <cstring>

namespace redoubt::supervisor {
namespace {

// Intel SDM volume 3, table 4-20 (entry that maps a 4 KiB page). PAT index 0 is write-back and 3 uncached in every
// PAT value that MM runs with.
constexpr std::uint64_t present = 1u << 0;
constexpr std::uint64_t writable = 1u << 1;
constexpr std::uint64_t user = 1u << 2;
constexpr std::uint64_t write_through = 1u << 3;
constexpr std::uint64_t cache_disable = 1u << 4;
constexpr std::uint64_t no_execute = std::uint64_t{1} << 63;
constexpr std::uint64_t address_mask = 0x000F'FFFF'FFFF'F000;

constexpr int levels = 4;

constexpr std::uint64_t index_at(LinearAddress address, int level) {
  return (address.number >> (12 + 9 * level)) & 511;
}

constexpr bool is_canonical(LinearAddress address) {
  const std::uint64_t top = address.number >> 47;
  return top == 0 || top == 0x1FFFF;
}

}  // namespace

Result<PhysicalAddress> AddressSpace::make_table() {
  const PhysicalAddress table = TRY(pool_->allocate(1, PageUse::page_table));
  std::memset(memory_.at(table), 0, page_bytes);
  return table;
}

Result<void> AddressSpace::create(PagePool& pool, DirectMap memory, bool execute_disable) {
  pool_ = &pool;
  memory_ = memory;
  execute_disable_ = execute_disable;
  root_ = TRY(make_table());
  return {};
}

void AddressSpace::share(const AddressSpace& other, LinearAddress linear) {
  const std::uint64_t index = index_at(linear, levels - 1);
  memory_.at<std::uint64_t>(root_)[index] = memory_.at<std::uint64_t>(other.root_)[index];
}

std::uint64_t* AddressSpace::entry(LinearAddress linear) const {
  PhysicalAddress table = root_;
  for (int level = levels - 1; level > 0; --level) {
    const std::uint64_t next = memory_.at<std::uint64_t>(table)[index_at(linear, level)];
    if ((next & present) == 0) return nullptr;
    table = PhysicalAddress(next & address_mask);
  }
  return &memory_.at<std::uint64_t>(table)[index_at(linear, 0)];
}

Result<std::uint64_t*> AddressSpace::make_entry(LinearAddress linear) {
  PhysicalAddress table = root_;
  for (int level = levels - 1; level > 0; --level) {
    std::uint64_t& slot = memory_.at<std::uint64_t>(table)[index_at(linear, level)];
    // Other CPUs may walk these tables: none may see the entry before the empty table.
    if ((slot & present) == 0) {
      const PhysicalAddress made = TRY(make_table());
      __atomic_store_n(&slot, made.number | present | writable | user, __ATOMIC_RELEASE);
    }
    table = PhysicalAddress(slot & address_mask);
  }
  return &memory_.at<std::uint64_t>(table)[index_at(linear, 0)];
}

Result<void> AddressSpace::map(LinearAddress linear, PhysicalAddress physical, std::uint64_t pages, PageRights rights) {
  if (!is_page_aligned(linear.number) || !is_page_aligned(physical)) return std::unexpected(Error::invalid_argument);
  if (rights.write && rights.execute && !rights.exception) return std::unexpected(Error::invalid_argument);
  std::uint64_t bits = present;
  if (rights.write) bits |= writable;
  if (rights.user) bits |= user;
  if (rights.uncached) bits |= write_through | cache_disable;
  if (!rights.execute && execute_disable_) bits |= no_execute;
  for (std::uint64_t page = 0; page < pages; ++page) {
    const PhysicalAddress target = physical + page * page_bytes;
    const LinearAddress source = linear + page * page_bytes;
    if (!is_canonical(source) || (target.number & ~address_mask) != 0) return std::unexpected(Error::invalid_argument);
    *TRY(make_entry(source)) = target.number | bits;
  }
  return {};
}

void AddressSpace::unmap(LinearAddress linear, std::uint64_t pages) {
  for (std::uint64_t page = 0; page < pages; ++page) {
    const LinearAddress address = linear + page * page_bytes;
    if (std::uint64_t* found = is_canonical(address) ? entry(address) : nullptr) *found = 0;
  }
}

std::optional<PageMapping> AddressSpace::find(LinearAddress linear) const {
  const std::uint64_t* found = is_canonical(linear) ? entry(linear) : nullptr;
  if (found == nullptr || (*found & present) == 0) return std::nullopt;
  return PageMapping{
      .physical = PhysicalAddress((*found & address_mask) | linear.number % page_bytes),
      .rights = {.user = (*found & user) != 0,
                 .write = (*found & writable) != 0,
                 .execute = (*found & no_execute) == 0,
                 .uncached = (*found & cache_disable) != 0},
  };
}

}  // namespace redoubt::supervisor
