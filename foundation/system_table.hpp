// SPDX-License-Identifier: BSD-2-Clause-Patent
// The EFI_MM_SYSTEM_TABLE that drivers see, and the configuration tables it points to (PI 1.9, volume 4, 3.2). Drivers
// can only read it; each service in it is the address of a gate stub. The table's CRC is kept right at all times.
#pragma once

#include <array>
#include <cstdint>

#include "abi/pi/mm_system_table.hpp"
#include "abi/redoubt/syscall.hpp"
#include "foundation/driver_ledger.hpp"
#include "foundation/shared_arena.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

class SystemTable {
 public:
  constexpr SystemTable(Supervisor& supervisor, SharedArena& arena, DriverLedger& ledger)
      : supervisor_(supervisor), arena_(arena), ledger_(ledger) {}
  SystemTable(const SystemTable&) = delete;
  SystemTable& operator=(const SystemTable&) = delete;

  // Error::out_of_memory.
  Result<void> create(std::uint64_t gates, std::uint64_t cpu_count);

  std::uint64_t address() const { return address_of(table_); }
  // The address of MmIo, for drivers that look it up as a protocol.
  std::uint64_t mm_io_address() const { return address_of(&table_->mm_io); }

  // CurrentlyExecutingCpu. Costs next to nothing when it is the same as before.
  void set_current_cpu(std::uint64_t cpu) {
    if (cpu != table_->currently_executing_cpu) change_current_cpu(cpu);
  }

  // Adds or replaces the table of a GUID, or removes it when `vendor_table` is 0, which is Error::not_found if there is
  // none. Error::access_denied, and noted, for the table of a GUID that is another driver's or the foundation's.
  // Error::out_of_memory, also beyond the driver's limit.
  Result<void> install_configuration_table(const abi::Guid& guid, std::uint64_t vendor_table, DriverNumber driver);

  // Removes the driver's tables, and those that lie in [base, base + bytes), which is about to be freed.
  void remove_configuration_tables(DriverNumber driver, std::uint64_t base, std::uint64_t bytes);

 private:
  static constexpr std::size_t cpu_bits = 16;
  static constexpr std::size_t first_capacity = 8;

  void change_current_cpu(std::uint64_t cpu);
  void update_crc();
  void remove_entry(std::size_t index);
  Result<void> grow_configuration_tables();

  Supervisor& supervisor_;
  SharedArena& arena_;
  DriverLedger& ledger_;
  abi::MmSystemTable* table_ = nullptr;
  std::size_t capacity_ = 0;       // of the configuration table array
  std::uint64_t array_pages_ = 0;  // 0 = the array lies in the arena
  // Whose each table is, in memory that no driver sees.
  std::array<DriverNumber, first_capacity> first_owners_{};
  DriverNumber* owners_ = nullptr;
  std::uint64_t owners_pages_ = 0;  // 0 = first_owners_
  std::array<std::uint32_t, cpu_bits> crc_of_cpu_bit_{};
};

}  // namespace redoubt::foundation
