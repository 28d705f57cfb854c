// SPDX-License-Identifier: BSD-2-Clause-Patent
// A CRC is linear: flipping one bit of the table flips the same bits of its CRC whatever the rest of the table holds.
// So the CRC follows CurrentlyExecutingCpu, which may change with each MMI, by a few XORs.
#include "foundation/system_table.hpp"

#include <cstring>
#include <span>

#include "foundation/record_index.hpp"
#include "foundation/service_number.hpp"

namespace redoubt::foundation {
namespace {

constexpr char16_t vendor[] = u"Redoubt";

// CRC-32 of UEFI 2.10, 4.2 (the polynomial of IEEE 802.3, reflected), bit by bit: it runs over 240 bytes, rarely.
std::uint32_t crc32(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::byte byte : bytes) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0xEDB88320U & (0U - (crc & 1U)));
  }
  return ~crc;
}

std::uint32_t crc_of(abi::MmSystemTable table) {
  table.header.crc32 = 0;
  return crc32(std::as_bytes(std::span(&table, 1)));
}

}  // namespace

Result<void> SystemTable::create(std::uint64_t gates, std::uint64_t cpu_count) {
  table_ = at_address<abi::MmSystemTable>(TRY(arena_.allocate(sizeof(abi::MmSystemTable))));
  const std::uint64_t vendor_address = TRY(arena_.allocate(sizeof(vendor)));
  __builtin_memcpy(at_address<char16_t>(vendor_address), vendor, sizeof(vendor));
  const std::uint64_t array = TRY(arena_.allocate(first_capacity * sizeof(abi::ConfigurationTable)));
  capacity_ = first_capacity;
  owners_ = first_owners_.data();

  abi::MmSystemTable& table = *table_;
  table.header.signature = abi::MmSystemTable::expected_signature;
  table.header.revision = abi::MmSystemTable::current_revision;
  table.header.header_size = sizeof(abi::MmSystemTable);
  table.firmware_vendor = at_address<abi::Char16>(vendor_address);
  table.firmware_revision = 1;
  table.number_of_cpus = cpu_count;
  table.configuration_table = at_address<abi::ConfigurationTable>(array);

  const auto gate = [gates]<typename Function>(Function& entry, Service service) {
    entry = reinterpret_cast<Function>(
        static_cast<std::uintptr_t>(gates + std::uint64_t{abi::gate_stub_bytes} * static_cast<std::uint32_t>(service)));
  };
  gate(table.install_configuration_table, Service::install_configuration_table);
  gate(table.mm_io.memory.read, Service::memory_read);
  gate(table.mm_io.memory.write, Service::memory_write);
  gate(table.mm_io.io.read, Service::io_read);
  gate(table.mm_io.io.write, Service::io_write);
  gate(table.allocate_pool, Service::allocate_pool);
  gate(table.free_pool, Service::free_pool);
  gate(table.allocate_pages, Service::allocate_pages);
  gate(table.free_pages, Service::free_pages);
  gate(table.startup_this_ap, Service::startup_this_ap);
  gate(table.install_protocol_interface, Service::install_protocol_interface);
  gate(table.uninstall_protocol_interface, Service::uninstall_protocol_interface);
  gate(table.handle_protocol, Service::handle_protocol);
  gate(table.register_protocol_notify, Service::register_protocol_notify);
  gate(table.locate_handle, Service::locate_handle);
  gate(table.locate_protocol, Service::locate_protocol);
  gate(table.mmi_manage, Service::mmi_manage);
  gate(table.mmi_handler_register, Service::mmi_handler_register);
  gate(table.mmi_handler_unregister, Service::mmi_handler_unregister);

  const std::uint32_t without = crc_of(table);
  for (std::size_t bit = 0; bit < cpu_bits; ++bit) {
    abi::MmSystemTable flipped = table;
    flipped.currently_executing_cpu ^= std::uint64_t{1} << bit;
    crc_of_cpu_bit_[bit] = without ^ crc_of(flipped);
  }
  table.header.crc32 = without;
  return {};
}

void SystemTable::change_current_cpu(std::uint64_t cpu) {
  std::uint64_t changed = cpu ^ table_->currently_executing_cpu;
  table_->currently_executing_cpu = cpu;
  if (changed >> cpu_bits != 0) {
    update_crc();
    return;
  }
  for (; changed != 0; changed &= changed - 1)
    table_->header.crc32 ^= crc_of_cpu_bit_[static_cast<std::size_t>(std::countr_zero(changed))];
}

void SystemTable::update_crc() { table_->header.crc32 = crc_of(*table_); }

Result<void> SystemTable::grow_configuration_tables() {
  const std::uint64_t pages = array_pages_ == 0 ? 1 : array_pages_ * 2;
  const std::size_t capacity = pages * page_bytes / sizeof(abi::ConfigurationTable);
  const std::uint64_t owners_pages = pages_for(capacity * sizeof(DriverNumber));
  const SystemResult<PhysicalAddress> owners_memory = supervisor_.allocate_pages(owners_pages, {});
  if (!owners_memory.has_value()) return std::unexpected(Error::out_of_memory);
  const Result<std::uint64_t> memory = arena_.allocate_pages(pages);
  if (!memory.has_value()) {
    static_cast<void>(supervisor_.free_pages(*owners_memory, owners_pages));
    return std::unexpected(memory.error());
  }
  auto* array = at_address<abi::ConfigurationTable>(*memory);
  auto* owners = at_address<DriverNumber>(*owners_memory);
  abi::ConfigurationTable* old = table_->configuration_table;
  for (std::size_t i = 0; i < table_->number_of_table_entries; ++i) {
    array[i] = old[i];
    owners[i] = owners_[i];
  }
  table_->configuration_table = array;
  if (array_pages_ != 0) static_cast<void>(supervisor_.free_pages(PhysicalAddress(address_of(old)), array_pages_));
  if (owners_pages_ != 0) {
    static_cast<void>(supervisor_.free_pages(PhysicalAddress(address_of(owners_)), owners_pages_));
  }
  array_pages_ = pages;
  owners_ = owners;
  owners_pages_ = owners_pages;
  capacity_ = capacity;
  return {};
}

void SystemTable::remove_entry(std::size_t index) {
  ledger_.give_back(owners_[index], Resource::tables);
  --table_->number_of_table_entries;
  for (; index < table_->number_of_table_entries; ++index) {
    table_->configuration_table[index] = table_->configuration_table[index + 1];
    owners_[index] = owners_[index + 1];
  }
  table_->configuration_table[index] = {};
}

void SystemTable::remove_configuration_tables(DriverNumber driver, std::uint64_t base, std::uint64_t bytes) {
  const std::size_t before = table_->number_of_table_entries;
  for (std::size_t index = before; index-- > 0;) {
    const bool inside = address_of(table_->configuration_table[index].vendor_table) - base < bytes;
    if (inside || owners_[index] == driver) remove_entry(index);
  }
  if (table_->number_of_table_entries != before) update_crc();
}

Result<void> SystemTable::install_configuration_table(const abi::Guid& guid, std::uint64_t vendor_table,
                                                      DriverNumber driver) {
  std::size_t index = 0;
  while (index < table_->number_of_table_entries && !same(table_->configuration_table[index].vendor_guid, guid))
    ++index;
  const bool found = index < table_->number_of_table_entries;
  if (found && owners_[index] != driver) {
    ledger_.refuse(driver, Refusal::table, owners_[index]);
    return std::unexpected(Error::access_denied);
  }
  if (vendor_table == 0) {
    if (!found) return std::unexpected(Error::not_found);
    remove_entry(index);
  } else {
    if (!found) {
      if (index == capacity_) TRY(grow_configuration_tables());
      if (!ledger_.take(driver, Resource::tables)) return std::unexpected(Error::out_of_memory);
      owners_[index] = driver;
      table_->configuration_table[index].vendor_guid = guid;
      ++table_->number_of_table_entries;
    }
    table_->configuration_table[index].vendor_table = at_address<void>(vendor_table);
  }
  update_crc();
  return {};
}

}  // namespace redoubt::foundation
