// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/memory/memory_map.hpp"

#include <algorithm>
#include <cstring>

namespace redoubt::supervisor {
namespace {

// No q35-class platform has more MMRAM; bounds the size of everything derived from the record.
constexpr std::uint64_t mmram_limit = std::uint64_t{1} << 30;
constexpr std::uint64_t comm_page_limit = 4096;
// Where addresses end that are what they lead to; above are none, and then the window.
constexpr std::uint64_t identity_end = std::uint64_t{1} << 47;
constexpr std::uint32_t cpu_limit = 1024;

constexpr bool in_range(std::uint64_t address, std::uint64_t bytes, std::uint64_t base, std::uint64_t size) {
  return address >= base && bytes <= size && address - base <= size - bytes;
}

constexpr bool overlaps(std::uint64_t a, std::uint64_t a_bytes, std::uint64_t b, std::uint64_t b_bytes) {
  return a < b + b_bytes && b < a + a_bytes;
}

constexpr std::uint64_t unprotected =
    abi::page_read | abi::page_write | abi::page_execute | std::uint64_t{abi::page_exception};

// Access that the foundation may ask for: nothing, read, read-write or read-execute.
constexpr bool is_sane(std::uint64_t access) {
  return access == abi::page_none || access == abi::page_read || access == (abi::page_read | abi::page_write) ||
         access == (abi::page_read | abi::page_execute);
}

// How one address space maps an MMRAM page at its own address.
Result<void> map_page(AddressSpace& space, std::uint64_t page, std::uint64_t own, std::uint64_t other) {
  if (own == abi::page_none && other != abi::page_none) {
    space.unmap(page, 1);
    return {};
  }
  if (own == abi::page_none) {
    return space.map(page, page, 1, {.write = true});
  }
  return space.map(page, page, 1,
                   {.user = true,
                    .write = (own & abi::page_write) != 0,
                    .execute = (own & abi::page_execute) != 0,
                    .exception = (own & abi::page_exception) != 0});
}

}  // namespace

Result<void> MemoryMap::initialize(const abi::LaunchRecord& record, std::uint64_t record_address,
                                   std::span<const ImageSection> sections, std::span<const OutsideMapping> outside,
                                   MemoryHardware hardware, DirectMap memory, DirectMap window) {
  hardware_ = hardware;
  memory_ = memory;
  window_ = window;
  if (record.signature != abi::LaunchRecord::expected_signature ||
      record.version != abi::LaunchRecord::current_version || record.size != sizeof(abi::LaunchRecord))
    return std::unexpected(Error::malformed);
  if (!is_page_aligned(record.mmram_base) || !is_page_aligned(record.mmram_size) || record.mmram_size == 0 ||
      record.mmram_size > mmram_limit || record.mmram_base > ~std::uint64_t{0} - record.mmram_size ||
      !is_page_aligned(record.used_end) || record.used_end < record.mmram_base || record.mmram_size < abi::kept_bytes ||
      record.used_end - record.mmram_base > record.mmram_size - abi::kept_bytes)
    return std::unexpected(Error::malformed);

  // The records themselves come first after what the IPL used: nothing can be allocated before they exist.
  const std::uint64_t page_count = record.mmram_size / page_bytes;
  const std::uint64_t record_pages = pages_of(page_count * sizeof(PageRecord));
  const std::uint64_t kept = record.mmram_base + record.mmram_size - abi::kept_bytes;
  if (record_pages > (kept - record.used_end) / page_bytes) return std::unexpected(Error::out_of_memory);
  auto* records = memory_.at<PageRecord>(record.used_end);
  pool_.initialize(record.mmram_base, std::span(records, page_count));
  TRY(pool_.allocate_at(record.used_end, record_pages, PageOwner::supervisor));
  TRY(pool_.allocate_at(kept, abi::kept_bytes / page_bytes, PageOwner::supervisor));
  TRY(claim_launch_pages(record, record_address, sections));

  comm_buffer_ = record.comm_buffer;
  comm_bytes_ = record.comm_buffer_pages * page_bytes;
  comm_status_ = record.comm_status;
  if (!is_page_aligned(comm_buffer_) || record.comm_buffer_pages == 0 || record.comm_buffer_pages > comm_page_limit ||
      comm_buffer_ == 0 || comm_buffer_ > ~std::uint64_t{0} - comm_bytes_ ||
      overlaps(comm_buffer_, comm_bytes_, record.mmram_base, record.mmram_size) ||
      comm_status_ > ~std::uint64_t{0} - page_bytes || comm_status_ % 8 != 0 ||
      overlaps(page_floor(comm_status_), page_bytes, record.mmram_base, record.mmram_size) ||
      overlaps(page_floor(comm_status_), page_bytes, comm_buffer_, comm_bytes_) ||
      pages_of(comm_status_ % page_bytes + std::uint64_t{3} * sizeof(std::uint64_t)) != 1)
    return std::unexpected(Error::malformed);

  for (AddressSpace& space : spaces_) TRY(space.create(pool_, memory_, hardware_.execute_disable));
  // The capture comes before MMRAM is mapped, so that mapping MMRAM sees its pages' owner.
  capture_ = TRY(pool_.allocate(record.comm_buffer_pages, PageOwner::capture));
  clear_pages(capture_, record.comm_buffer_pages);
  TRY(map_window(sections));
  TRY(map_mmram());
  for (const ImageSection& section : sections) {
    for (AddressSpace& space : spaces_)
      TRY(space.map(section.base, section.base, section.pages, {.write = section.write, .execute = section.execute}));
  }
  TRY(map_capture());
  TRY(map_outside(outside));
  return {};
}

Result<void> MemoryMap::claim_launch_pages(const abi::LaunchRecord& record, std::uint64_t record_address,
                                           std::span<const ImageSection> sections) {
  if (record.cpu_count == 0 || record.cpu_count > cpu_limit || record.smbase_stride != abi::smbase_stride)
    return std::unexpected(Error::malformed);
  const std::uint64_t used = record.used_end - record.mmram_base;
  // Pages that several small things share are claimed once.
  const auto claim = [&](std::uint64_t address, std::uint64_t bytes, PageOwner owner) -> Result<void> {
    if (!in_range(address, bytes, record.mmram_base, used)) return std::unexpected(Error::malformed);
    for (std::uint64_t page = page_floor(address); page < address + bytes; page += page_bytes) {
      const PageRecord* known = pool_.find(page);
      if (known->owner == PageOwner::free) {
        TRY(pool_.allocate_at(page, 1, owner));
      } else if (known->owner != owner || owner != PageOwner::supervisor) {
        return std::unexpected(Error::malformed);
      }
    }
    return {};
  };

  const std::uint64_t first_smbase = record.mmram_base - abi::smm_entry_offset;
  for (std::uint64_t cpu = 0; cpu < record.cpu_count; ++cpu) {
    const std::uint64_t smbase = first_smbase + cpu * abi::smbase_stride;
    TRY(claim(smbase + abi::smm_entry_offset, page_bytes, PageOwner::entry));
    TRY(claim(page_floor(smbase + abi::smm_save_state_offset), page_bytes, PageOwner::save_state));
  }
  TRY(claim(record_address, sizeof(abi::LaunchRecord), PageOwner::supervisor));
  if (!in_range(record.cpus, std::uint64_t{record.cpu_count} * sizeof(abi::LaunchCpu), record.mmram_base, used))
    return std::unexpected(Error::malformed);
  TRY(claim(record.cpus, std::uint64_t{record.cpu_count} * sizeof(abi::LaunchCpu), PageOwner::supervisor));
  const auto* cpus = memory_.at<const abi::LaunchCpu>(record.cpus);
  for (std::uint64_t cpu = 0; cpu < record.cpu_count; ++cpu) {
    if (cpus[cpu].smbase != first_smbase + cpu * abi::smbase_stride) return std::unexpected(Error::malformed);
  }
  if (!is_page_aligned(record.supervisor_base) || !is_page_aligned(record.volume_base) ||
      !is_page_aligned(record.hob_base) || !is_page_aligned(record.bootstrap_base))
    return std::unexpected(Error::malformed);
  TRY(claim(record.supervisor_base, record.supervisor_size, PageOwner::supervisor));
  TRY(claim(record.volume_base, record.volume_size, PageOwner::volume));
  TRY(claim(record.hob_base, record.hob_size, PageOwner::volume));
  // An owner of its own, so that nothing that outlives the first MMI can share a page with it.
  TRY(claim(record.bootstrap_base, record.bootstrap_size, PageOwner::page_table));
  for (const ImageSection& section : sections) {
    if (!is_page_aligned(section.base) || section.pages > used / page_bytes ||
        !in_range(section.base, section.pages * page_bytes, record.supervisor_base,
                  pages_of(record.supervisor_size) * page_bytes))
      return std::unexpected(Error::invalid_argument);
  }
  for (PageRecord& page : pool_.range(record.volume_base, pages_of(record.volume_size)))
    page.foundation = abi::page_read;
  for (PageRecord& page : pool_.range(record.hob_base, pages_of(record.hob_size))) page.foundation = abi::page_read;
  return {};
}

Result<void> MemoryMap::apply(std::uint64_t address, std::uint64_t pages) {
  for (std::uint64_t page = address; page < address + pages * page_bytes; page += page_bytes) {
    const PageRecord& record = *pool_.find(page);
    if (record.owner == PageOwner::guard) {
      for (AddressSpace& space : spaces_) {
        space.unmap(page, 1);
        space.unmap(physical_window + page, 1);
      }
      hardware_.invalidate_page(physical_window + page);
    } else {
      TRY(map_page(spaces_[index(Domain::foundation)], page, record.foundation, record.drivers));
      TRY(map_page(spaces_[index(Domain::driver)], page, record.drivers, record.foundation));
    }
    hardware_.invalidate_page(page);
  }
  return {};
}

Result<void> MemoryMap::map_mmram() {
  // Tables taken while mapping come from the same pool and are mapped by the same loop, or were already: either way
  // their record says page_table by the time their page is reached, and the default rights fit.
  return apply(pool_.base(), pool_.page_count());
}

Result<void> MemoryMap::map_window(std::span<const ImageSection> sections) {
  AddressSpace& space = spaces_[index(Domain::foundation)];
  TRY(space.map(physical_window + pool_.base(), pool_.base(), pool_.page_count(), {.write = true}));
  for (const ImageSection& section : sections) {
    if (!section.write) space.unmap(physical_window + section.base, section.pages);
  }
  spaces_[index(Domain::driver)].share(space, physical_window);
  return {};
}

Result<void> MemoryMap::map_capture() {
  for (AddressSpace& space : spaces_) {
    TRY(space.map(comm_buffer_, capture_, comm_bytes_ / page_bytes, {.user = true, .write = true}));
    TRY(space.map(outside(comm_buffer_), comm_buffer_, comm_bytes_ / page_bytes, {.write = true}));
    TRY(space.map(outside(page_floor(comm_status_)), page_floor(comm_status_), 1, {.write = true}));
  }
  return {};
}

Result<void> MemoryMap::map_outside(std::span<const OutsideMapping> outside_mappings) {
  const std::uint64_t mmram_bytes = pool_.page_count() * page_bytes;
  for (std::size_t i = 0; i < outside_mappings.size(); ++i) {
    const OutsideMapping& mapping = outside_mappings[i];
    const std::uint64_t bytes = mapping.pages * page_bytes;
    if (!is_page_aligned(mapping.base) || mapping.pages == 0 || mapping.pages > mmram_limit / page_bytes ||
        mapping.base > ~std::uint64_t{0} - bytes || overlaps(mapping.base, bytes, pool_.base(), mmram_bytes) ||
        overlaps(mapping.base, bytes, comm_buffer_, comm_bytes_) ||
        overlaps(mapping.base, bytes, page_floor(comm_status_), page_bytes))
      return std::unexpected(Error::invalid_argument);
    for (const OutsideMapping& other : outside_mappings.subspan(i + 1)) {
      if (overlaps(mapping.base, bytes, other.base, other.pages * page_bytes))
        return std::unexpected(Error::invalid_argument);
    }
    PageRights rights = {.user = false, .write = mapping.write, .uncached = !mapping.cached};
    for (AddressSpace& space : spaces_) TRY(space.map(outside(mapping.base), mapping.base, mapping.pages, rights));
    if (mapping.drivers) {
      rights.user = true;
      TRY(spaces_[index(Domain::driver)].map(mapping.base, mapping.base, mapping.pages, rights));
    }
  }
  return {};
}

void MemoryMap::clear_pages(std::uint64_t address, std::uint64_t pages) {
  std::memset(memory_.at(address), 0, pages * page_bytes);
}

Result<std::uint64_t> MemoryMap::allocate_supervisor(std::uint64_t pages) {
  const std::uint64_t address = TRY(pool_.allocate(pages, PageOwner::supervisor));
  clear_pages(address, pages);
  return address;
}

Result<std::uint64_t> MemoryMap::allocate_fixed(std::uint64_t pages) {
  const std::uint64_t address = TRY(pool_.allocate(pages, PageOwner::fixed));
  clear_pages(address, pages);
  return address;
}

Result<std::uint64_t> MemoryMap::allocate_stack(std::uint64_t pages, std::optional<Domain> domain) {
  const PageOwner owner = domain ? PageOwner::fixed : PageOwner::supervisor;
  const std::uint64_t guard = TRY(pool_.allocate(pages + 2, owner));
  const std::uint64_t bottom = guard + page_bytes;
  const std::uint64_t top = bottom + pages * page_bytes;
  clear_pages(bottom, pages);
  pool_.find(guard)->owner = PageOwner::guard;
  pool_.find(top)->owner = PageOwner::guard;
  constexpr std::uint8_t read_write = abi::page_read | abi::page_write;
  for (PageRecord& page : pool_.range(bottom, pages)) {
    if (domain == Domain::foundation) page.foundation = read_write;
    if (domain == Domain::driver) page.drivers = read_write;
  }
  TRY(apply(guard, pages + 2));
  return top;
}

Result<void> MemoryMap::change_access(std::uint64_t address, std::uint64_t pages, PageOwner owner,
                                      std::uint64_t foundation, std::uint64_t drivers) {
  if (pages == 0) return std::unexpected(Error::invalid_argument);
  if (foundation != abi::page_none || drivers != unprotected || owner != PageOwner::ring3) {
    const std::uint64_t both = foundation | drivers;
    if (!is_sane(foundation) || !is_sane(drivers) || ((both & abi::page_write) != 0 && (both & abi::page_execute) != 0))
      return std::unexpected(Error::invalid_argument);
  }
  const std::span<PageRecord> records = pool_.range(address, pages);
  if (records.empty()) return std::unexpected(Error::invalid_argument);
  if (!std::ranges::all_of(records, [owner](const PageRecord& record) { return record.owner == owner; }))
    return std::unexpected(Error::access_denied);
  for (PageRecord& record : records) {
    record.foundation = static_cast<std::uint8_t>(foundation);
    record.drivers = static_cast<std::uint8_t>(drivers);
  }
  return apply(address, pages);
}

Result<void> MemoryMap::set_fixed_access(std::uint64_t address, std::uint64_t pages, std::uint64_t foundation,
                                         std::uint64_t drivers) {
  return change_access(address, pages, PageOwner::fixed, foundation, drivers);
}

Result<void> MemoryMap::set_page_access(std::uint64_t address, std::uint64_t pages, std::uint64_t foundation,
                                        std::uint64_t drivers) {
  return change_access(address, pages, PageOwner::ring3, foundation, drivers);
}

Result<void> MemoryMap::seal_entry_page(std::uint64_t address) {
  const std::span<PageRecord> page = pool_.range(address, 1);
  if (page.empty() || page.front().owner != PageOwner::entry) return std::unexpected(Error::invalid_argument);
  for (AddressSpace& space : spaces_) {
    TRY(space.map(address, address, 1, {.execute = true}));
    space.unmap(physical_window + address, 1);
  }
  hardware_.invalidate_page(address);
  hardware_.invalidate_page(physical_window + address);
  return {};
}

void MemoryMap::release_bootstrap(const abi::LaunchRecord& record) {
  const std::uint64_t pages = pages_of(record.bootstrap_size);
  clear_pages(record.bootstrap_base, pages);
  pool_.release(record.bootstrap_base, pages);
}

Result<std::uint64_t> MemoryMap::allocate_pages(std::uint64_t pages, std::uint64_t limit) {
  if (pages > pool_.free_pages()) return std::unexpected(Error::out_of_memory);
  const std::uint64_t address = TRY(pool_.allocate(pages, PageOwner::ring3, limit));
  clear_pages(address, pages);
  TRY(change_access(address, pages, PageOwner::ring3, abi::page_read | abi::page_write, abi::page_none));
  return address;
}

Result<std::uint64_t> MemoryMap::allocate_pages_at(std::uint64_t address, std::uint64_t pages) {
  TRY(pool_.allocate_at(address, pages, PageOwner::ring3));
  clear_pages(address, pages);
  TRY(change_access(address, pages, PageOwner::ring3, abi::page_read | abi::page_write, abi::page_none));
  return address;
}

Result<void> MemoryMap::free_pages(std::uint64_t address, std::uint64_t pages) {
  TRY(change_access(address, pages, PageOwner::ring3, abi::page_none, abi::page_none));
  clear_pages(address, pages);
  pool_.release(address, pages);
  return {};
}

Result<void> MemoryMap::unblock(std::uint64_t address, std::uint64_t pages) {
  if (!is_page_aligned(address) || pages == 0 || address >= identity_end ||
      pages > (identity_end - address) / page_bytes)
    return std::unexpected(Error::invalid_argument);
  const std::uint64_t bytes = pages * page_bytes;
  if (overlaps(address, bytes, pool_.base(), pool_.page_count() * page_bytes) ||
      overlaps(address, bytes, comm_buffer_, comm_bytes_) ||
      overlaps(address, bytes, page_floor(comm_status_), page_bytes))
    return std::unexpected(Error::access_denied);
  AddressSpace& space = spaces_[index(Domain::driver)];
  for (std::uint64_t page = address; page < address + bytes; page += page_bytes) {
    if (space.find(page) || space.find(outside(page))) return std::unexpected(Error::access_denied);
  }
  // Nobody holds a translation of what wasn't mapped, so there is nothing to flush.
  const Result<void> mapped = space.map(address, address, pages, {.user = true, .write = true});
  if (!mapped) space.unmap(address, pages);
  return mapped;
}

std::uint64_t MemoryMap::rights_of(Domain domain, std::uint64_t address) const {
  if (address - comm_buffer_ < comm_bytes_) return abi::page_read | abi::page_write;
  const PageRecord* record = pool_.find(address);
  if (record == nullptr) return abi::page_none;
  return domain == Domain::foundation ? record->foundation : record->drivers;
}

std::uint64_t MemoryMap::physical_of(std::uint64_t address) const {
  return address - comm_buffer_ < comm_bytes_ ? address - comm_buffer_ + capture_ : address;
}

bool MemoryMap::permits(Domain domain, std::uint64_t address, std::uint64_t bytes, std::uint64_t access) const {
  if (bytes == 0) return true;
  if (address > ~std::uint64_t{0} - bytes) return false;
  // Bounded by the memory that ring 3 can have at all: the first page without rights ends it.
  for (std::uint64_t page = page_floor(address); page < address + bytes; page += page_bytes) {
    if ((rights_of(domain, page) & access) != access) return false;
  }
  return true;
}

bool MemoryMap::may_write_driver(std::uint64_t address, std::uint64_t bytes) const {
  if (!permits(Domain::driver, address, bytes, abi::page_read | abi::page_write)) return false;
  for (std::uint64_t page = page_floor(address); bytes != 0 && page < address + bytes; page += page_bytes) {
    const std::uint64_t own = rights_of(Domain::foundation, page);
    if (own != abi::page_none && (own & abi::page_write) == 0) return false;
  }
  return true;
}

template <typename Move>
void MemoryMap::for_each_piece(std::uint64_t address, std::uint64_t bytes, Move move) const {
  std::uint64_t done = 0;
  while (done < bytes) {
    const std::uint64_t here = address + done;
    const std::uint64_t piece = std::min(bytes - done, page_bytes - here % page_bytes);
    move(window_.at(physical_of(here)), done, piece);
    done += piece;
  }
}

Result<void> MemoryMap::copy_from(Domain domain, void* destination, std::uint64_t source, std::uint64_t bytes) {
  if (!permits(domain, source, bytes, abi::page_read)) return std::unexpected(Error::access_denied);
  for_each_piece(source, bytes, [destination](const std::byte* from, std::uint64_t offset, std::uint64_t piece) {
    std::memcpy(static_cast<std::byte*>(destination) + offset, from, piece);
  });
  return {};
}

Result<void> MemoryMap::copy_to(Domain domain, std::uint64_t destination, const void* source, std::uint64_t bytes) {
  if (!permits(domain, destination, bytes, abi::page_read | abi::page_write))
    return std::unexpected(Error::access_denied);
  for_each_piece(destination, bytes, [source](std::byte* to, std::uint64_t offset, std::uint64_t piece) {
    std::memcpy(to, static_cast<const std::byte*>(source) + offset, piece);
  });
  return {};
}

// Page by page on either side, since the two break at different places.
void MemoryMap::move(std::uint64_t destination, std::uint64_t source, std::uint64_t bytes) const {
  for_each_piece(source, bytes, [&](const std::byte* from, std::uint64_t offset, std::uint64_t piece) {
    for_each_piece(destination + offset, piece, [from](std::byte* to, std::uint64_t inner, std::uint64_t part) {
      std::memmove(to, from + inner, part);
    });
  });
}

Result<void> MemoryMap::read_driver(std::uint64_t foundation_destination, std::uint64_t driver_source,
                                    std::uint64_t bytes) {
  if (!permits(Domain::foundation, foundation_destination, bytes, abi::page_read | abi::page_write) ||
      !permits(Domain::driver, driver_source, bytes, abi::page_read))
    return std::unexpected(Error::access_denied);
  move(foundation_destination, driver_source, bytes);
  return {};
}

Result<void> MemoryMap::write_driver(std::uint64_t driver_destination, std::uint64_t foundation_source,
                                     std::uint64_t bytes) {
  if (!permits(Domain::foundation, foundation_source, bytes, abi::page_read) ||
      !may_write_driver(driver_destination, bytes))
    return std::unexpected(Error::access_denied);
  move(driver_destination, foundation_source, bytes);
  return {};
}

}  // namespace redoubt::supervisor
