// SPDX-License-Identifier: BSD-2-Clause-Patent
// What memory MM has and who may touch it: the page pool and the two address spaces, always changed together.
//
//   virtual address            foundation space        driver space
//   MMRAM, identity            by record, see below    by record, see below
//   communication buffer       user rw -> capture      user rw -> capture     (its own address, MMRAM pages behind it)
//   ranges for drivers         -                       user, as the platform says (flash)
//   unblocked RAM              -                       user rw
//   physical_window + physical supervisor rw           supervisor rw          (real buffer, status page, local APIC,
//                                                                              ranges for drivers; MMRAM but for guard
//                                                                              pages and code of ring 0)
//
// MMRAM pages by record: a page that a domain may use is a user page in that domain's space, and nowhere in the other's
// if that may not use it. What neither may use is a supervisor page, writable but for ring 0's code; guard pages are
// nowhere. So for ring 3 no page is writable in one space and executable in the other, except for drivers' pages with
// page_exception, which are both in the driver space.
//
// Ring 0 reaches ring 3's pages through the window alone, whatever a domain may do with them and whichever space is
// loaded: what it may store is decided by records, and no store can fault. Nothing in the window is executable. It is
// ring 0's own second view, so a page that is executable for ring 3 is writable there.
#pragma once

#include <cstdint>
#include <span>

#include "abi/redoubt/launch.hpp"
#include "abi/redoubt/page_access.hpp"
#include "base/address.hpp"
#include "base/byte_reader.hpp"
#include "base/result.hpp"
#include "supervisor/memory/address_space.hpp"
#include "supervisor/memory/page_pool.hpp"

namespace redoubt::supervisor {

using abi::DomainId;

// Where the supervisor sees physical memory that it may use itself. One table of the top level leads to all below
// 512 GiB, and both address spaces share it.
inline constexpr LinearAddress physical_window{0xFFFF'8000'0000'0000};

// A part of the supervisor's own image.
struct ImageSection {
  PhysicalAddress base;  // page-aligned
  std::uint64_t pages;
  bool write;
  bool execute;
};

// A physical range outside MMRAM that is mapped from the start.
struct OutsideMapping {
  PhysicalAddress base;  // page-aligned
  std::uint64_t pages;
  bool drivers;  // identity-mapped for drivers, besides the supervisor's mapping in the window
  bool write;
  bool cached;
};

// What MemoryMap needs from the processor; the host tests bring their own.
struct MemoryHardware {
  void (*invalidate_page)(LinearAddress page);
  bool execute_disable;
};

class MemoryMap {
 public:
  // Builds everything from the launch record, running on the bootstrap tables. `record_address` is where the record
  // lies in MMRAM. `memory`: how ring 0 sees its own part of MMRAM, `window`: all of it, once the tables built here are
  // loaded. Errors: malformed (the record contradicts itself or leaves MMRAM), invalid_argument (a mapping
  // overlaps MMRAM, the buffer or another), out_of_memory.
  Result<void> initialize(const abi::LaunchRecord& record, PhysicalAddress record_address,
                          std::span<const ImageSection> sections, std::span<const OutsideMapping> outside,
                          MemoryHardware hardware, DirectMap memory = {},
                          DirectMap window = DirectMap(physical_window));

  // The value of CR3 for a domain. Supervisor pages are the same in both.
  PhysicalAddress root(DomainId domain) const { return spaces_[index(domain)].root(); }

  // Zeroed pages of ring 0. Errors: out_of_memory.
  Result<PhysicalAddress> allocate_supervisor(std::uint64_t pages);

  // Zeroed stack with an unmapped page below and above; returns the address after its last byte.
  // `domain` empty: a ring-0 stack. Errors: out_of_memory.
  Result<PhysicalAddress> allocate_stack(std::uint64_t pages, std::optional<DomainId> domain);

  // Zeroed ring-3 memory laid out by the supervisor, not yet open to any domain: fill it, then set_fixed_access().
  Result<PhysicalAddress> allocate_fixed(std::uint64_t pages);

  // Opens pages of allocate_fixed(). Errors: invalid_argument, as set_page_access().
  Result<void> set_fixed_access(PhysicalAddress address, std::uint64_t pages, abi::PageAccess access);

  // Makes a page of use entry, read and execute for ring 0 only, after its code was written.
  Result<void> seal_entry_page(PhysicalAddress address);

  // Forgets the bootstrap tables and stack, once nothing runs on them.
  void release_bootstrap(const abi::LaunchRecord& record);

  // System calls of the foundation (abi/redoubt/syscall.hpp). Every argument comes from ring 3.
  Result<PhysicalAddress> allocate_pages(std::uint64_t pages, PhysicalAddress limit);
  Result<void> allocate_pages_at(PhysicalAddress address, std::uint64_t pages);
  Result<void> free_pages(PhysicalAddress address, std::uint64_t pages);
  Result<void> set_page_access(PhysicalAddress address, std::uint64_t pages, abi::PageAccess access);

  // Lets drivers read and write RAM outside MMRAM at its own address. The caller knows that it is RAM. Errors:
  // invalid_argument (not whole pages, none, an address no page table can hold), access_denied (MMRAM, the
  // communication buffer or its status page, or something else that drivers or ring 0 see there), out_of_memory;
  // nothing is open then, but other CPUs may have seen it, and are flushed by the caller.
  Result<void> unblock(PhysicalAddress address, std::uint64_t pages);

  // Copies between domains and between a domain and ring 0. Every page is checked against what that domain may do with
  // it before a byte of it moves; write_driver() moves nothing to a page that the foundation, on whose behalf it
  // writes, may read and not write. Errors: access_denied, overflow (a range that wraps).
  // Ranges of devices and unblocked RAM aren't memory here: no copy ever touches those.
  Result<void> read_driver(FoundationAddress to, Range<DriverSpace> from);
  Result<void> write_driver(DriverAddress to, Range<FoundationSpace> from);
  Result<void> copy_from_foundation(MutableBytes to, FoundationAddress from) const;
  Result<void> copy_to_foundation(FoundationAddress to, Bytes from);
  Result<void> copy_from_driver(MutableBytes to, DriverAddress from) const;
  Result<void> copy_to_driver(DriverAddress to, Bytes from);

  // Whether a domain may do this with all of a range of memory now. Rights can change: no copy relies on the answer.
  bool foundation_may(abi::Rights wanted, Range<FoundationSpace> range) const;
  bool driver_may(abi::Rights wanted, Range<DriverSpace> range) const;

  // The supervisor's address of something outside MMRAM.
  static constexpr LinearAddress outside(PhysicalAddress physical) { return physical_window + physical.number; }

  // How ring 0 reaches pages of ring 3.
  DirectMap window() const { return window_; }

  // The captured message: the supervisor's view of the pages behind the communication buffer's address.
  PhysicalAddress capture() const { return capture_; }

  const PagePool& pool() const { return pool_; }
  const AddressSpace& space(DomainId domain) const { return spaces_[index(domain)]; }

 private:
  static constexpr std::size_t index(DomainId domain) { return static_cast<std::size_t>(domain); }

  Result<void> claim_launch_pages(const abi::LaunchRecord& record, PhysicalAddress record_address,
                                  std::span<const ImageSection> sections);
  Result<void> map_mmram();
  Result<void> map_window(std::span<const ImageSection> sections);
  Result<void> map_capture();
  Result<void> map_outside(std::span<const OutsideMapping> outside);
  Result<void> apply(PhysicalAddress address, std::uint64_t pages);
  Result<void> change_access(PhysicalAddress address, std::uint64_t pages, PageUse use, abi::PageAccess access);
  abi::Rights rights_of(DomainId domain, LinearAddress address) const;
  bool permits(DomainId domain, Range<LinearSpace> range, abi::Rights wanted) const;
  bool permits_all(DomainId domain, Range<LinearSpace> range, abi::Rights wanted) const;
  bool driver_may_be_written(Range<LinearSpace> range) const;
  PhysicalAddress physical_of(LinearAddress address) const;
  // Pieces of memory, all permitted to a domain, that lie in one page each.
  template <typename Move>
  void for_each_piece(Range<LinearSpace> range, Move move) const;
  void move(Range<LinearSpace> to, LinearAddress from) const;
  enum class Direction : std::uint8_t { in, out };
  void copy_pieces(Range<LinearSpace> range, std::byte* own, Direction direction) const;
  Result<void> copy_in(MutableBytes to, DomainId domain, LinearAddress from) const;
  Result<void> copy_out(DomainId domain, LinearAddress to, Bytes from);
  bool leads_elsewhere(Range<PhysicalSpace> range) const;
  void clear_pages(PhysicalAddress address, std::uint64_t pages);

  PagePool pool_;
  AddressSpace spaces_[abi::domain_count];
  DirectMap memory_;
  DirectMap window_;
  MemoryHardware hardware_{};
  Range<PhysicalSpace> comm_buffer_;
  Range<PhysicalSpace> status_page_;  // in which the buffer's status lies
  PhysicalAddress capture_;
};

}  // namespace redoubt::supervisor
