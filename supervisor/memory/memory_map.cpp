// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/memory/memory_map.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "policy/page_access.hpp"
#include "supervisor/cpu/cpu.hpp"

namespace redoubt::supervisor {
namespace {

// No q35-class platform has more MMRAM; bounds the size of everything derived from the record.
constexpr std::uint64_t mmram_limit = std::uint64_t{1} << 30;
constexpr std::uint64_t comm_page_limit = 4096;
// Where addresses end that are what they lead to; above are none, and then the window.
constexpr PhysicalAddress identity_end{std::uint64_t{1} << 47};

using PhysicalRange = Range<PhysicalSpace>;
using LinearRange = Range<LinearSpace>;

// Where MM maps memory at its own address, for whichever domain.
constexpr LinearAddress identity(PhysicalAddress address) { return LinearAddress(address.number); }

// The address spaces of ring 3 as page tables see them. Private to this file: elsewhere a number of one is none of
// another.
constexpr LinearAddress linear(FoundationAddress address) { return LinearAddress(address.number); }
constexpr LinearAddress linear(DriverAddress address) { return LinearAddress(address.number); }

constexpr bool in_one_page(LinearRange range) { return range.bytes() <= page_bytes - range.base().number % page_bytes; }

Result<PhysicalRange> page_range(PhysicalAddress base, std::uint64_t pages) {
  if (!is_page_aligned(base) || pages > ~std::uint64_t{0} / page_bytes) return std::unexpected(Error::invalid_argument);
  return PhysicalRange::create(base, pages * page_bytes);
}

// How one address space maps an MMRAM page at its own address.
[[gnu::noinline]] Result<void> map_page(AddressSpace& space, PhysicalAddress page, abi::Rights own, abi::Rights other) {
  if (own == abi::no_rights && other != abi::no_rights) {
    space.unmap(identity(page), 1);
    return {};
  }
  if (own == abi::no_rights) {
    return space.map(identity(page), page, 1, {.write = true});
  }
  return space.map(identity(page), page, 1,
                   {.user = true, .write = own.write, .execute = own.execute, .exception = own.exception});
}

// What the record says of MMRAM and of the mailbox, if it makes sense.
Result<PhysicalRange> mmram_of(const abi::LaunchRecord& record) {
  if (record.signature != abi::LaunchRecord::expected_signature ||
      record.version != abi::LaunchRecord::current_version || record.size != sizeof(abi::LaunchRecord))
    return std::unexpected(Error::malformed);
  const auto mmram = PhysicalRange::create(PhysicalAddress(record.mmram_base), record.mmram_size);
  if (!mmram || !is_page_aligned(mmram->base()) || !is_page_aligned(mmram->bytes()) || mmram->empty() ||
      mmram->bytes() > mmram_limit || !is_page_aligned(record.used_end) || record.used_end < record.mmram_base ||
      record.mmram_size < abi::kept_bytes || record.used_end - record.mmram_base > record.mmram_size - abi::kept_bytes)
    return std::unexpected(Error::malformed);
  return mmram;
}

Result<PhysicalRange> comm_buffer_of(const abi::LaunchRecord& record, PhysicalRange mmram) {
  if (record.comm_buffer == 0 || record.comm_buffer_pages == 0 || record.comm_buffer_pages > comm_page_limit)
    return std::unexpected(Error::malformed);
  const PhysicalRange buffer = TRY(page_range(PhysicalAddress(record.comm_buffer), record.comm_buffer_pages));
  if (buffer.overlaps(mmram)) return std::unexpected(Error::malformed);
  return buffer;
}

Result<PhysicalRange> status_page_of(const abi::LaunchRecord& record, PhysicalRange mmram, PhysicalRange comm_buffer) {
  const PhysicalAddress status(record.comm_status);
  const PhysicalRange page = TRY(page_range(page_floor(status), 1));
  if (status.number % 8 != 0 || page.overlaps(mmram) || page.overlaps(comm_buffer) ||
      status + std::uint64_t{3} * sizeof(std::uint64_t) > page.end())
    return std::unexpected(Error::malformed);
  return page;
}

}  // namespace

Result<void> MemoryMap::initialize(const abi::LaunchRecord& record, PhysicalAddress record_address,
                                   std::span<const ImageSection> sections, std::span<const OutsideMapping> outside,
                                   MemoryHardware hardware, DirectMap memory, DirectMap window) {
  hardware_ = hardware;
  memory_ = memory;
  window_ = window;
  const PhysicalRange mmram = TRY(mmram_of(record));

  // The records themselves come first after what the IPL used: nothing can be allocated before they exist.
  const PhysicalAddress used_end(record.used_end);
  const std::uint64_t page_count = mmram.bytes() / page_bytes;
  const std::uint64_t record_pages = pages_of(page_count * sizeof(PageRecord));
  const PhysicalAddress kept = mmram.end() - abi::kept_bytes;
  if (record_pages > (kept - used_end) / page_bytes) return std::unexpected(Error::out_of_memory);
  pool_.initialize(mmram, std::span(memory_.at<PageRecord>(used_end), page_count));
  TRY(pool_.allocate_at(used_end, record_pages, PageUse::supervisor));
  TRY(pool_.allocate_at(kept, abi::kept_bytes / page_bytes, PageUse::supervisor));
  TRY(claim_launch_pages(record, record_address, sections));

  comm_buffer_ = TRY(comm_buffer_of(record, mmram));
  status_page_ = TRY(status_page_of(record, mmram, comm_buffer_));

  for (AddressSpace& space : spaces_) TRY(space.create(pool_, memory_, hardware_.execute_disable));
  // The capture comes before MMRAM is mapped, so that mapping MMRAM sees what its pages are used for.
  capture_ = TRY(pool_.allocate(record.comm_buffer_pages, PageUse::capture));
  clear_pages(capture_, record.comm_buffer_pages);
  TRY(map_window(sections));
  TRY(map_mmram());
  for (const ImageSection& section : sections) {
    for (AddressSpace& space : spaces_)
      TRY(space.map(identity(section.base), section.base, section.pages,
                    {.write = section.write, .execute = section.execute}));
  }
  TRY(map_capture());
  TRY(map_outside(outside));
  return {};
}

Result<void> MemoryMap::claim_launch_pages(const abi::LaunchRecord& record, PhysicalAddress record_address,
                                           std::span<const ImageSection> sections) {
  if (record.cpu_count == 0 || record.cpu_count > cpu_limit || record.smbase_stride != abi::smbase_stride)
    return std::unexpected(Error::malformed);
  const PhysicalRange used = TRY(PhysicalRange::create(pool_.base(), record.used_end - record.mmram_base));
  // Pages that several small things share are claimed once.
  const auto claim = [&](PhysicalAddress address, std::uint64_t bytes, PageUse use) -> Result<void> {
    const auto claimed = PhysicalRange::create(address, bytes);
    if (!claimed || !used.contains(*claimed)) return std::unexpected(Error::malformed);
    for (PhysicalAddress page = page_floor(address); page < claimed->end(); page = page + page_bytes) {
      const PageRecord* known = pool_.find(page);
      if (known->use == PageUse::free) {
        TRY(pool_.allocate_at(page, 1, use));
      } else if (known->use != use || use != PageUse::supervisor) {
        return std::unexpected(Error::malformed);
      }
    }
    return {};
  };

  const PhysicalAddress first_smbase = pool_.base() - abi::smm_entry_offset;
  for (std::uint64_t cpu = 0; cpu < record.cpu_count; ++cpu) {
    const PhysicalAddress smbase = first_smbase + cpu * abi::smbase_stride;
    TRY(claim(smbase + abi::smm_entry_offset, page_bytes, PageUse::entry));
    TRY(claim(page_floor(smbase + abi::smm_save_state_offset), page_bytes, PageUse::save_state));
  }
  TRY(claim(record_address, sizeof(abi::LaunchRecord), PageUse::supervisor));
  const PhysicalAddress launch_cpus(record.cpus);
  TRY(claim(launch_cpus, std::uint64_t{record.cpu_count} * sizeof(abi::LaunchCpu), PageUse::supervisor));
  const auto* cpus = memory_.at<const abi::LaunchCpu>(launch_cpus);
  for (std::uint64_t cpu = 0; cpu < record.cpu_count; ++cpu) {
    if (PhysicalAddress(cpus[cpu].smbase) != first_smbase + cpu * abi::smbase_stride)
      return std::unexpected(Error::malformed);
  }
  if (!is_page_aligned(record.supervisor_base) || !is_page_aligned(record.volume_base) ||
      !is_page_aligned(record.hob_base) || !is_page_aligned(record.bootstrap_base))
    return std::unexpected(Error::malformed);
  const PhysicalAddress volume(record.volume_base);
  const PhysicalAddress hobs(record.hob_base);
  TRY(claim(PhysicalAddress(record.supervisor_base), record.supervisor_size, PageUse::supervisor));
  TRY(claim(volume, record.volume_size, PageUse::volume));
  TRY(claim(hobs, record.hob_size, PageUse::volume));
  // A use of its own, so that nothing that outlives the first MMI can share a page with it.
  TRY(claim(PhysicalAddress(record.bootstrap_base), record.bootstrap_size, PageUse::page_table));
  const PhysicalRange image =
      TRY(page_range(PhysicalAddress(record.supervisor_base), pages_of(record.supervisor_size)));
  for (const ImageSection& section : sections) {
    const auto pages = page_range(section.base, section.pages);
    if (!pages || !image.contains(*pages)) return std::unexpected(Error::invalid_argument);
  }
  for (const auto& [base, bytes] : {std::pair(volume, record.volume_size), std::pair(hobs, record.hob_size)}) {
    for (PageRecord& page : pool_.range(base, pages_of(bytes))) page.access = abi::held_by_foundation(abi::read_only);
  }
  return {};
}

Result<void> MemoryMap::apply(PhysicalAddress address, std::uint64_t pages) {
  for (PhysicalAddress page = address; page < address + pages * page_bytes; page = page + page_bytes) {
    const PageRecord& record = *pool_.find(page);
    if (record.use == PageUse::guard) {
      for (AddressSpace& space : spaces_) {
        space.unmap(identity(page), 1);
        space.unmap(outside(page), 1);
      }
      hardware_.invalidate_page(outside(page));
    } else {
      const abi::Rights foundation = policy::rights_of(record.access, DomainId::foundation);
      const abi::Rights drivers = policy::rights_of(record.access, DomainId::drivers);
      TRY(map_page(spaces_[index(DomainId::foundation)], page, foundation, drivers));
      TRY(map_page(spaces_[index(DomainId::drivers)], page, drivers, foundation));
    }
    hardware_.invalidate_page(identity(page));
  }
  return {};
}

Result<void> MemoryMap::map_mmram() {
  // Tables taken while mapping come from the same pool and are mapped by the same loop, or were already: either way
  // their record says page_table by the time their page is reached, and the default rights fit.
  return apply(pool_.base(), pool_.page_count());
}

Result<void> MemoryMap::map_window(std::span<const ImageSection> sections) {
  AddressSpace& space = spaces_[index(DomainId::foundation)];
  TRY(space.map(outside(pool_.base()), pool_.base(), pool_.page_count(), {.write = true}));
  for (const ImageSection& section : sections) {
    if (!section.write) space.unmap(outside(section.base), section.pages);
  }
  spaces_[index(DomainId::drivers)].share(space, physical_window);
  return {};
}

Result<void> MemoryMap::map_capture() {
  const std::uint64_t pages = comm_buffer_.bytes() / page_bytes;
  for (AddressSpace& space : spaces_) {
    TRY(space.map(identity(comm_buffer_.base()), capture_, pages, {.user = true, .write = true}));
    TRY(space.map(outside(comm_buffer_.base()), comm_buffer_.base(), pages, {.write = true}));
    TRY(space.map(outside(status_page_.base()), status_page_.base(), 1, {.write = true}));
  }
  return {};
}

// Whether MM sees something else than what lies there, or keeps it to itself.
bool MemoryMap::leads_elsewhere(PhysicalRange range) const {
  return range.overlaps(pool_.extent()) || range.overlaps(comm_buffer_) || range.overlaps(status_page_);
}

Result<void> MemoryMap::map_outside(std::span<const OutsideMapping> outside_mappings) {
  for (std::size_t i = 0; i < outside_mappings.size(); ++i) {
    const OutsideMapping& mapping = outside_mappings[i];
    if (mapping.pages == 0 || mapping.pages > mmram_limit / page_bytes) return std::unexpected(Error::invalid_argument);
    const PhysicalRange range = TRY(page_range(mapping.base, mapping.pages));
    if (leads_elsewhere(range)) return std::unexpected(Error::invalid_argument);
    for (const OutsideMapping& other : outside_mappings.subspan(i + 1)) {
      if (range.overlaps(TRY(page_range(other.base, other.pages)))) return std::unexpected(Error::invalid_argument);
    }
    PageRights rights = {.user = false, .write = mapping.write, .uncached = !mapping.cached};
    for (AddressSpace& space : spaces_) TRY(space.map(outside(mapping.base), mapping.base, mapping.pages, rights));
    if (mapping.drivers) {
      rights.user = true;
      TRY(spaces_[index(DomainId::drivers)].map(identity(mapping.base), mapping.base, mapping.pages, rights));
    }
  }
  return {};
}

void MemoryMap::clear_pages(PhysicalAddress address, std::uint64_t pages) {
  std::memset(memory_.at(address), 0, pages * page_bytes);
}

Result<PhysicalAddress> MemoryMap::allocate_supervisor(std::uint64_t pages) {
  const PhysicalAddress address = TRY(pool_.allocate(pages, PageUse::supervisor));
  clear_pages(address, pages);
  return address;
}

Result<PhysicalAddress> MemoryMap::allocate_fixed(std::uint64_t pages) {
  const PhysicalAddress address = TRY(pool_.allocate(pages, PageUse::fixed));
  clear_pages(address, pages);
  return address;
}

Result<PhysicalAddress> MemoryMap::allocate_stack(std::uint64_t pages, std::optional<DomainId> domain) {
  const PageUse use = domain ? PageUse::fixed : PageUse::supervisor;
  const PhysicalAddress guard = TRY(pool_.allocate(pages + 2, use));
  const PhysicalAddress bottom = guard + page_bytes;
  const PhysicalAddress top = bottom + pages * page_bytes;
  clear_pages(bottom, pages);
  pool_.find(guard)->use = PageUse::guard;
  pool_.find(top)->use = PageUse::guard;
  if (domain) {
    for (PageRecord& page : pool_.range(bottom, pages)) page.access = {*domain, abi::read_write, abi::no_rights};
  }
  TRY(apply(guard, pages + 2));
  return top;
}

Result<void> MemoryMap::change_access(PhysicalAddress address, std::uint64_t pages, PageUse use,
                                      abi::PageAccess access) {
  if (pages == 0 || !policy::may_have(access, use == PageUse::ring3)) return std::unexpected(Error::invalid_argument);
  const std::span<PageRecord> records = pool_.range(address, pages);
  if (records.empty()) return std::unexpected(Error::invalid_argument);
  if (!std::ranges::all_of(records, [use](const PageRecord& record) { return record.use == use; }))
    return std::unexpected(Error::access_denied);
  for (PageRecord& record : records) record.access = access;
  return apply(address, pages);
}

Result<void> MemoryMap::set_fixed_access(PhysicalAddress address, std::uint64_t pages, abi::PageAccess access) {
  return change_access(address, pages, PageUse::fixed, access);
}

Result<void> MemoryMap::set_page_access(PhysicalAddress address, std::uint64_t pages, abi::PageAccess access) {
  return change_access(address, pages, PageUse::ring3, access);
}

Result<void> MemoryMap::seal_entry_page(PhysicalAddress address) {
  const std::span<PageRecord> page = pool_.range(address, 1);
  if (page.empty() || page.front().use != PageUse::entry) return std::unexpected(Error::invalid_argument);
  for (AddressSpace& space : spaces_) {
    TRY(space.map(identity(address), address, 1, {.execute = true}));
    space.unmap(outside(address), 1);
  }
  hardware_.invalidate_page(identity(address));
  hardware_.invalidate_page(outside(address));
  return {};
}

void MemoryMap::release_bootstrap(const abi::LaunchRecord& record) {
  const PhysicalAddress base(record.bootstrap_base);
  const std::uint64_t pages = pages_of(record.bootstrap_size);
  clear_pages(base, pages);
  pool_.release(base, pages);
}

Result<PhysicalAddress> MemoryMap::allocate_pages(std::uint64_t pages, PhysicalAddress limit) {
  if (pages > pool_.free_pages()) return std::unexpected(Error::out_of_memory);
  const PhysicalAddress address = TRY(pool_.allocate(pages, PageUse::ring3, limit));
  clear_pages(address, pages);
  TRY(change_access(address, pages, PageUse::ring3, abi::held_by_foundation(abi::read_write)));
  return address;
}

Result<void> MemoryMap::allocate_pages_at(PhysicalAddress address, std::uint64_t pages) {
  TRY(pool_.allocate_at(address, pages, PageUse::ring3));
  clear_pages(address, pages);
  return change_access(address, pages, PageUse::ring3, abi::held_by_foundation(abi::read_write));
}

Result<void> MemoryMap::free_pages(PhysicalAddress address, std::uint64_t pages) {
  TRY(change_access(address, pages, PageUse::ring3, {}));
  clear_pages(address, pages);
  pool_.release(address, pages);
  return {};
}

Result<void> MemoryMap::unblock(PhysicalAddress address, std::uint64_t pages) {
  if (!is_page_aligned(address) || pages == 0 || address >= identity_end ||
      pages > (identity_end - address) / page_bytes)
    return std::unexpected(Error::invalid_argument);
  const PhysicalRange range = TRY(page_range(address, pages));
  if (leads_elsewhere(range)) return std::unexpected(Error::access_denied);
  AddressSpace& space = spaces_[index(DomainId::drivers)];
  for (PhysicalAddress page = address; page < range.end(); page = page + page_bytes) {
    if (space.find(identity(page)) || space.find(outside(page))) return std::unexpected(Error::access_denied);
  }
  // No CPU holds a translation of what wasn't mapped, so there is nothing to flush.
  const Result<void> mapped = space.map(identity(address), address, pages, {.user = true, .write = true});
  if (!mapped) space.unmap(identity(address), pages);
  return mapped;
}

inline abi::Rights MemoryMap::rights_of(DomainId domain, LinearAddress address) const {
  const PhysicalAddress own(address.number);
  if (comm_buffer_.contains(own)) return abi::read_write;
  if (!pool_.extent().contains(own)) return abi::no_rights;
  return policy::rights_of(pool_.at(own).access, domain);
}

inline PhysicalAddress MemoryMap::physical_of(LinearAddress address) const {
  const PhysicalAddress own(address.number);
  return comm_buffer_.contains(own) ? capture_ + (own - comm_buffer_.base()) : own;
}

inline bool MemoryMap::permits(DomainId domain, LinearRange range, abi::Rights wanted) const {
  if (in_one_page(range)) [[likely]] {
    return range.empty() || policy::covers(rights_of(domain, range.base()), wanted);
  }
  return permits_all(domain, range, wanted);
}

[[gnu::noinline]] bool MemoryMap::permits_all(DomainId domain, LinearRange range, abi::Rights wanted) const {
  // Bounded by the memory that ring 3 can have at all: the first page without rights ends it.
  for (LinearAddress page = page_floor(range.base()); !range.empty() && page < range.end(); page = page + page_bytes) {
    if (!policy::covers(rights_of(domain, page), wanted)) return false;
  }
  return true;
}

bool MemoryMap::foundation_may(abi::Rights wanted, Range<FoundationSpace> range) const {
  const auto checked = LinearRange::create(linear(range.base()), range.bytes());
  return checked && permits(DomainId::foundation, *checked, wanted);
}

bool MemoryMap::driver_may(abi::Rights wanted, Range<DriverSpace> range) const {
  const auto checked = LinearRange::create(linear(range.base()), range.bytes());
  return checked && permits(DomainId::drivers, *checked, wanted);
}

bool MemoryMap::driver_may_be_written(LinearRange range) const {
  for (LinearAddress page = page_floor(range.base()); !range.empty() && page < range.end(); page = page + page_bytes) {
    const abi::Rights own = rights_of(DomainId::foundation, page);
    if (own != abi::no_rights && !own.write) return false;
    if (!policy::covers(rights_of(DomainId::drivers, page), abi::read_write)) return false;
  }
  return true;
}

template <typename Move>
void MemoryMap::for_each_piece(LinearRange range, Move move) const {
  std::uint64_t done = 0;
  while (done < range.bytes()) {
    const LinearAddress here = range.base() + done;
    const std::uint64_t piece = std::min(range.bytes() - done, page_bytes - here.number % page_bytes);
    move(window_.at(physical_of(here)), done, piece);
    done += piece;
  }
}

void MemoryMap::copy_pieces(LinearRange range, std::byte* own, Direction direction) const {
  for_each_piece(range, [own, direction](std::byte* bytes, std::uint64_t offset, std::uint64_t piece) {
    std::memcpy(direction == Direction::in ? own + offset : bytes, direction == Direction::in ? bytes : own + offset,
                piece);
  });
}

Result<void> MemoryMap::copy_in(MutableBytes to, DomainId domain, LinearAddress from) const {
  const LinearRange range = TRY(LinearRange::create(from, to.size()));
  if (!permits(domain, range, abi::read_only)) return std::unexpected(Error::access_denied);
  if (in_one_page(range)) [[likely]] {
    std::memcpy(to.data(), window_.at(physical_of(from)), to.size());
    return {};
  }
  copy_pieces(range, to.data(), Direction::in);
  return {};
}

[[gnu::noinline]] Result<void> MemoryMap::copy_out(DomainId domain, LinearAddress to, Bytes from) {
  const LinearRange range = TRY(LinearRange::create(to, from.size()));
  if (!permits(domain, range, abi::read_write)) return std::unexpected(Error::access_denied);
  if (in_one_page(range)) [[likely]] {
    std::memcpy(window_.at(physical_of(to)), from.data(), from.size());
    return {};
  }
  copy_pieces(range, const_cast<std::byte*>(from.data()), Direction::out);
  return {};
}

Result<void> MemoryMap::copy_from_foundation(MutableBytes to, FoundationAddress from) const {
  return copy_in(to, DomainId::foundation, linear(from));
}

Result<void> MemoryMap::copy_to_foundation(FoundationAddress to, Bytes from) {
  return copy_out(DomainId::foundation, linear(to), from);
}

Result<void> MemoryMap::copy_from_driver(MutableBytes to, DriverAddress from) const {
  return copy_in(to, DomainId::drivers, linear(from));
}

Result<void> MemoryMap::copy_to_driver(DriverAddress to, Bytes from) {
  return copy_out(DomainId::drivers, linear(to), from);
}

// Page by page on either side, since the two break at different places.
[[gnu::noinline]] void MemoryMap::move(LinearRange to, LinearAddress from) const {
  for_each_piece(to, [&](std::byte* target, std::uint64_t offset, std::uint64_t piece) {
    // Both sides were checked: a part of either doesn't wrap.
    const auto source = LinearRange::create(from + offset, piece).value_or(LinearRange());
    for_each_piece(source, [target](const std::byte* bytes, std::uint64_t inner, std::uint64_t part) {
      std::memmove(target + inner, bytes, part);
    });
  });
}

Result<void> MemoryMap::read_driver(FoundationAddress to, Range<DriverSpace> from) {
  const LinearRange target = TRY(LinearRange::create(linear(to), from.bytes()));
  const LinearRange source = TRY(LinearRange::create(linear(from.base()), from.bytes()));
  if (!permits_all(DomainId::foundation, target, abi::read_write) ||
      !permits_all(DomainId::drivers, source, abi::read_only))
    return std::unexpected(Error::access_denied);
  move(target, source.base());
  return {};
}

Result<void> MemoryMap::write_driver(DriverAddress to, Range<FoundationSpace> from) {
  const LinearRange target = TRY(LinearRange::create(linear(to), from.bytes()));
  const LinearRange source = TRY(LinearRange::create(linear(from.base()), from.bytes()));
  if (!permits_all(DomainId::foundation, source, abi::read_only) || !driver_may_be_written(target))
    return std::unexpected(Error::access_denied);
  move(target, source.base());
  return {};
}

}  // namespace redoubt::supervisor
