// SPDX-License-Identifier: BSD-2-Clause-Patent
// Compares records and page tables, all of both, without the code that keeps them in step: what the walk below finds in
// the tables must be what records and launch say, in either space and at every address. For host tests, and for the
// test image of the supervisor that runs under a foundation that calls at random (tests/guest/random_calls).
#pragma once

#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor::testing {

// One level-1 entry with the rights of its whole path (Intel SDM volume 3, 4.5 and 4.6), entries without NX ignored.
struct AuditedPage {
  PhysicalAddress physical;
  bool user;
  bool write;
  bool execute;
};

class MemoryAudit {
 public:
  explicit MemoryAudit(const Supervisor& supervisor)
      : map_(supervisor.memory),
        pool_(supervisor.memory.pool()),
        memory_(supervisor.direct_map),
        launch_(supervisor.launch),
        execute_disable_(supervisor.features.execute_disable) {}

  // What is wrong, or null.
  const char* find() {
    if (const char* wrong = check_records()) return wrong;
    for (const DomainId domain : {DomainId::foundation, DomainId::drivers}) {
      for (PhysicalAddress page = pool_.base(); page < pool_.extent().end(); page = page + page_bytes) {
        if (const char* wrong = check_page(domain, page)) return wrong;
      }
      wrong_ = nullptr;
      visit(domain, map_.root(domain), 3, {}, {.physical = {}, .user = true, .write = true, .execute = true});
      if (wrong_ != nullptr) return wrong_;
    }
    return nullptr;
  }

 private:
  static constexpr std::uint64_t address_bits = 0x000F'FFFF'FFFF'F000;

  bool in_mmram(std::uint64_t number) const { return pool_.find(PhysicalAddress(number)) != nullptr; }
  bool in_comm_buffer(LinearAddress address) const {
    return address.number - launch_.comm_buffer < launch_.comm_buffer_pages * page_bytes;
  }

  static AuditedPage with(const AuditedPage& path, std::uint64_t entry) {
    return {.physical = PhysicalAddress(entry & address_bits),
            .user = path.user && (entry & 4) != 0,
            .write = path.write && (entry & 2) != 0,
            .execute = path.execute && (entry >> 63) == 0};
  }

  const char* check_records() const {
    std::uint64_t free = 0;
    for (PhysicalAddress page = pool_.base(); page < pool_.extent().end(); page = page + page_bytes) {
      const PageRecord& record = *pool_.find(page);
      const abi::Rights holders = record.access.holders;
      const abi::Rights others = record.access.others;
      const bool exception = holders.exception && record.access.holder == DomainId::drivers;
      const bool ring_3_use =
          record.use == PageUse::ring3 || record.use == PageUse::fixed || record.use == PageUse::volume;
      free += record.use == PageUse::free ? 1 : 0;
      if (record.use > PageUse::ring3 || record.access.holder > DomainId::drivers) return "a page has no use or holder";
      if ((holders != abi::no_rights || others != abi::no_rights) && !ring_3_use)
        return "ring 3 has a page of ring 0's";
      if ((holders.write || others.write) && (holders.execute || others.execute) && !exception)
        return "a record has write and execute";
      if (exception && others != abi::no_rights) return "both have an exception's page";
      if (others.exception || (holders.exception && !exception)) return "an exception for whom it isn't meant";
    }
    return free == pool_.free_pages() ? nullptr : "free pages are miscounted";
  }

  // The page table entry for an address, or null.
  bool look_up(DomainId domain, LinearAddress address, AuditedPage& page) const {
    page = {.physical = map_.root(domain), .user = true, .write = true, .execute = true};
    for (unsigned shift = 39; shift >= 12; shift -= 9) {
      const std::uint64_t entry = memory_.at<std::uint64_t>(page.physical)[(address.number >> shift) & 511];
      if ((entry & 1) == 0) return false;
      page = with(page, entry);
    }
    return true;
  }

  // MMRAM at its own address and in the window.
  const char* check_page(DomainId domain, PhysicalAddress address) const {
    const PageRecord& record = *pool_.find(address);
    const bool holds = record.access.holder == domain;
    const abi::Rights own = holds ? record.access.holders : record.access.others;
    const abi::Rights other = holds ? record.access.others : record.access.holders;
    const bool open = own != abi::no_rights;
    const bool ring_0_code = record.use == PageUse::entry || record.use == PageUse::supervisor;
    AuditedPage page;
    const bool present = look_up(domain, LinearAddress(address.number), page);
    if (present != (record.use != PageUse::guard && (open || other == abi::no_rights)))
      return "a page is mapped against its record";
    if (present) {
      if (page.physical != address) return "a page of MMRAM leads elsewhere";
      if (page.user != open) return "a page is open to the wrong ring";
      if (open && page.write != own.write) return "a page is writable against its record";
      if (open && execute_disable_ && page.execute != own.execute) return "a page is executable against its record";
      if (!open && execute_disable_ && page.execute && (page.write || !ring_0_code))
        return "ring 0 could run what isn't its code";
    }
    const bool in_window = look_up(domain, physical_window + address.number, page);
    if (in_window && (page.physical != address || page.user || !page.write || (execute_disable_ && page.execute)))
      return "the window shows a page otherwise than it should";
    if (!in_window && record.use != PageUse::guard && !ring_0_code) return "the window lacks a page";
    return nullptr;
  }

  // All other addresses: whatever is mapped must lead out of MMRAM, or be the captured message.
  void visit(DomainId domain, PhysicalAddress table, int level, LinearAddress base, const AuditedPage& path) {
    if (!in_mmram(table.number) || pool_.find(table)->use != PageUse::page_table) {
      wrong_ = "a page table isn't one";
      return;
    }
    for (std::uint64_t index = 0; index < 512 && wrong_ == nullptr; ++index) {
      const std::uint64_t entry = memory_.at<std::uint64_t>(table)[index];
      if ((entry & 1) == 0) continue;
      LinearAddress address = base + (index << (12 + 9 * level));
      if (level == 3 && index >= 256) address = address + 0xFFFF'0000'0000'0000;
      const AuditedPage page = with(path, entry);
      if (level != 0) {
        if ((entry & 0x80) != 0)
          wrong_ = "a large page";
        else
          visit(domain, page.physical, level - 1, address, page);
      } else if (!in_mmram(address.number) && !in_mmram(address - physical_window)) {
        check_elsewhere(domain, address, page);
      }
    }
  }

  void check_elsewhere(DomainId domain, LinearAddress address, const AuditedPage& page) {
    if (execute_disable_ && page.execute) wrong_ = "code outside MMRAM";
    if (address >= physical_window) {
      if (page.user || page.physical.number != address - physical_window) wrong_ = "ring 0's window is wrong";
    } else if (in_comm_buffer(address)) {
      if (page.physical != map_.capture() + (address.number - launch_.comm_buffer) ||
          pool_.find(page.physical)->use != PageUse::capture)
        wrong_ = "the communication buffer doesn't lead to the captured message";
    } else if (page.physical.number != address.number || in_mmram(page.physical.number) ||
               domain == DomainId::foundation) {
      wrong_ = "something outside MMRAM is mapped against the rules";
    }
  }

  const MemoryMap& map_;
  const PagePool& pool_;
  DirectMap memory_;
  const abi::LaunchRecord& launch_;
  bool execute_disable_;
  const char* wrong_ = nullptr;
};

// Null if all is as it must be.
inline const char* audit_memory(const Supervisor& supervisor) { return MemoryAudit(supervisor).find(); }

}  // namespace redoubt::supervisor::testing
