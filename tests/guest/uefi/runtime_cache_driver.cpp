// SPDX-License-Identifier: BSD-2-Clause-Patent
// A DXE driver that sets up the runtime cache of variables as the stock one does, before ReadyToLock, and asks for
// memory that MM must not open. Option "unblock": 1 it opens its memory by the protocol, as a driver with Project Mu's
// MmUnblockMemoryLib; 0 it doesn't, as one with the null instance. runtime_cache_reader goes on where it ends.
//
//   cache-driver failed what="..." status=0x..      cache-driver done failures=N
#include "abi/pi/hob_cursor.hpp"
#include "abi/pi/mm_protocols.hpp"
#include "abi/redoubt/unblock.hpp"
#include "base/address.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"
#include "tests/guest/uefi/runtime_cache.hpp"

namespace redoubt::guest {
namespace {

using abi::EfiStatus;
using abi::variable_messages::VariableFunction;
namespace status = abi::status;

constexpr abi::Guid identifier = {0x27a4b1c0, 0x64d3, 0x4b7e, {0x8f, 0x51, 0x9e, 0x10, 0x2c, 0x77, 0x45, 0xd8}};

RuntimeCacheProtocol cache{};

void expect(EfiStatus found, EfiStatus wanted, std::string_view what) {
  if (found == wanted) return;
  ++cache.failures;
  print_line("cache-driver failed what=\"", what, "\" status=", Hexadecimal{found});
}

std::uint64_t pages_of(std::uint64_t bytes) { return (bytes + page_bytes - 1) / page_bytes; }

std::uint64_t allocate(const abi::BootServices& boot, abi::MemoryType type, std::uint64_t pages) {
  abi::EfiPhysicalAddress address = 0;
  expect(boot.allocate_pages(abi::allocate_any_pages, type, pages, &address), status::success, "memory");
  return address;
}

std::uint64_t allocate_store(const abi::BootServices& boot, std::uint64_t size) {
  const std::uint64_t address = allocate(boot, abi::runtime_services_data, pages_of(size));
  auto* store = reinterpret_cast<std::uint8_t*>(address);
  for (std::uint64_t i = 0; i < pages_of(size) * page_bytes; ++i) store[i] = i < 28 ? 0 : 0xFF;
  const auto store_size = static_cast<std::uint32_t>(size);
  __builtin_memcpy(store + 16, &store_size, sizeof(store_size));
  store[20] = 0x5A;
  store[21] = 0xFE;
  return address;
}

// Past the protocol's own checks: what MM says to whoever raises the MMI himself.
EfiStatus ask_mm(const RawMailbox& mailbox, std::uint64_t address, std::uint64_t pages, std::uint64_t attribute = 0) {
  struct Message {
    abi::CommunicateHeader header;
    abi::UnblockRequest request;
  };
  Message message{};
  message.header = {abi::supervisor_request_guid, sizeof(message.request)};
  message.request.header = {abi::SupervisorRequestHeader::expected_signature,
                            abi::SupervisorRequestHeader::current_revision,
                            abi::SupervisorRequestHeader::unblock_memory, 0, status::aborted};
  message.request.parameters.descriptor.physical_start = address;
  message.request.parameters.descriptor.number_of_pages = pages;
  message.request.parameters.descriptor.attribute = attribute;
  message.request.parameters.identifier = identifier;
  mailbox.put(message);
  const auto answer = mailbox.send();
  if (!answer) return status::timeout;
  return status::is_error(answer->status) ? answer->status : mailbox.get<Message>().request.header.result;
}

// The MMRAM that a HOB names.
abi::MmramDescriptor find_mmram(const void* hobs) {
  struct Map {
    abi::MmramDescriptorBlock block;
    abi::MmramDescriptor first;
  };
  const auto map = abi::find_guid_hob<Map>(abi::HobCursor::trusting(hobs), abi::smram_memory_hob_guid);
  return map ? map->first : abi::MmramDescriptor{};
}

void ask_for_what_must_stay_closed(const abi::SystemTable& system_table, abi::UnblockMemoryProtocol& protocol) {
  const void* hobs = find_configuration_table(system_table, abi::hob_list_table_guid);
  const auto mailbox = RawMailbox::find_in(hobs);
  if (!mailbox) {
    expect(status::not_found, status::success, "mailbox");
    return;
  }
  const auto comm_buffer = reinterpret_cast<std::uint64_t>(mailbox->buffer());
  const abi::MmramDescriptor mmram = find_mmram(hobs);
  expect(mmram.physical_size != 0 ? status::success : status::not_found, status::success, "MMRAM HOB");
  const std::uint64_t mmram_last = mmram.physical_start + mmram.physical_size - page_bytes;
  constexpr std::uint64_t all = ~std::uint64_t{0};
  struct Case {
    std::uint64_t address;
    std::uint64_t pages;
    EfiStatus wanted;
    std::string_view what;
  };
  const Case cases[] = {
      {mmram.physical_start, 1, status::security_violation, "first page of MMRAM"},
      {mmram_last, 1, status::security_violation, "last page of MMRAM"},
      {mmram.physical_start - page_bytes, 2, status::security_violation, "into MMRAM"},
      {mmram.physical_start - page_bytes, mmram.physical_size / page_bytes + 2, status::security_violation,
       "around MMRAM"},
      {comm_buffer, 1, status::security_violation, "communication buffer"},
      {comm_buffer + mailbox->capacity(), 1, status::security_violation, "status page"},
      {comm_buffer - page_bytes, 2, status::security_violation, "into the communication buffer"},
      {0, 1, status::security_violation, "page 0"},
      {0xFFC0'0000, 1, status::security_violation, "flash"},
      {0xFEE0'0000, 1, status::security_violation, "local APIC"},
      {0xFEC0'0000, 1, status::security_violation, "I/O APIC"},
      {std::uint64_t{1} << 46, 1, status::security_violation, "no memory at all"},
      {all & ~(page_bytes - 1), 1, status::security_violation, "the last page there can be"},
      {0x10'0000, all, status::security_violation, "more than there is"},
      {0x10'0000, all / page_bytes, status::security_violation, "everything"},
      {0x10'0001, 1, status::invalid_parameter, "address that isn't a page's"},
      {0x10'0000, 0, status::invalid_parameter, "no pages"},
  };
  for (const Case& entry : cases) expect(ask_mm(*mailbox, entry.address, entry.pages), entry.wanted, entry.what);
  expect(ask_mm(*mailbox, 0x10'0000, 1, 0x40000), status::unsupported, "a page for the supervisor");

  const std::uint64_t boot_data = allocate(*system_table.boot_services, abi::boot_services_data, 1);
  expect(protocol.request_unblock_pages(boot_data, 1, &identifier), status::access_denied, "boot services data");
  expect(protocol.request_unblock_pages(boot_data + 1, 1, &identifier), status::invalid_parameter, "unaligned");
  expect(protocol.request_unblock_pages(0, 1, &identifier), status::invalid_parameter, "address 0");
  expect(protocol.request_unblock_pages(boot_data, 1, nullptr), status::invalid_parameter, "no identifier");
  expect(protocol.request_unblock_pages(boot_data, 0, &identifier), status::success, "nothing");
  expect(protocol.request_unblock_pages(std::uint64_t{1} << 46, 1, &identifier), status::no_mapping, "nowhere");
}

void set_up_cache(const abi::SystemTable& system_table, abi::MmCommunication2& mm,
                  abi::UnblockMemoryProtocol& protocol) {
  const abi::BootServices& boot = *system_table.boot_services;
  expect(send_variable_message(mm, VariableFunction::get_runtime_cache_info, cache.info), status::success,
         "cache info");
  const std::uint64_t flags = allocate(boot, abi::runtime_services_data, 1);
  auto& context = cache.context;
  context.volatile_cache = allocate_store(boot, cache.info.volatile_storage_size);
  context.non_volatile_cache = allocate_store(boot, cache.info.non_volatile_storage_size);
  context.pending_update = flags + 100;
  context.read_lock = flags + 101;
  context.hob_flush_complete = flags + 102;
  if (option("unblock", 0) != 0) {
    const auto unblock = [&](std::uint64_t address, std::uint64_t bytes) {
      expect(protocol.request_unblock_pages(address & ~(page_bytes - 1), pages_of(bytes), &identifier), status::success,
             "unblocking");
    };
    unblock(context.volatile_cache, cache.info.volatile_storage_size);
    unblock(context.non_volatile_cache, cache.info.non_volatile_storage_size);
    // The stock driver opens the page of each flag, which is the same page.
    for (const std::uint64_t flag : {context.pending_update, context.read_lock, context.hob_flush_complete}) {
      unblock(flag, 1);
    }
  }
  auto request = context;
  expect(send_variable_message(mm, VariableFunction::init_runtime_cache, request), status::success, "cache");
  expect(*reinterpret_cast<const std::uint8_t*>(context.pending_update) == 1 ? status::success : status::aborted,
         status::success, "pending after it was set up");
  std::uint64_t nothing = 0;
  expect(send_variable_message(mm, VariableFunction::sync_runtime_cache, nothing), status::success, "synchronization");
  expect(*reinterpret_cast<const std::uint8_t*>(context.pending_update) == 0 ? status::success : status::aborted,
         status::success, "nothing pending then");

  // Memory that nobody opened, and that the communication driver can't open either: the cache stays that is there.
  abi::variable_messages::RuntimeCacheContext closed = context;
  const std::uint64_t boot_flags = allocate(boot, abi::boot_services_data, 1);
  closed.pending_update = boot_flags;
  closed.read_lock = boot_flags + 1;
  closed.hob_flush_complete = boot_flags + 2;
  expect(send_variable_message(mm, VariableFunction::init_runtime_cache, closed), status::access_denied,
         "a cache with flags in memory that isn't open");
}

EfiStatus start(const abi::SystemTable& system_table) {
  auto* mm = locate_protocol<abi::MmCommunication2>(system_table, abi::mm_communication2_protocol_guid);
  auto* protocol = locate_protocol<abi::UnblockMemoryProtocol>(system_table, abi::unblock_memory_protocol_guid);
  if (mm == nullptr || protocol == nullptr) {
    print_line("cache-driver failed what=\"protocols\" status=", Hexadecimal{status::not_found});
    return status::not_found;
  }
  expect(protocol->version == abi::UnblockMemoryProtocol::current_version ? status::success : status::aborted,
         status::success, "version");
  ask_for_what_must_stay_closed(system_table, *protocol);
  set_up_cache(system_table, *mm, *protocol);
  abi::Handle handle = nullptr;
  expect(system_table.boot_services->install_protocol_interface(&handle, &runtime_cache_protocol_guid,
                                                                abi::native_interface, &cache),
         status::success, "protocol for the reader");
  print_line("cache-driver done failures=", Decimal{cache.failures});
  return status::success;
}

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus runtime_cache_driver_entry(redoubt::abi::Handle image,
                                                                     redoubt::abi::SystemTable* system_table);

extern "C" EFIAPI redoubt::abi::EfiStatus runtime_cache_driver_entry(redoubt::abi::Handle /*image*/,
                                                                     redoubt::abi::SystemTable* system_table) {
  return redoubt::guest::start(*system_table);
}
