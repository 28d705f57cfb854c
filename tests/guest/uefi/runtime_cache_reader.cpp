// SPDX-License-Identifier: BSD-2-Clause-Patent
// Compares the runtime cache that runtime_cache_driver had set up before ReadyToLock with what MM answers, over changes
// of all kinds, and tries to open more memory now. Last it ends boot services: what the OS must not see has to be gone.
//
//   cache failed what="..." N            cache compared variables=N
#include "abi/redoubt/unblock.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"
#include "tests/guest/uefi/runtime_cache.hpp"

namespace redoubt::guest {
namespace {

using abi::Char16;
using abi::EfiStatus;
using abi::Guid;
using abi::variable_messages::VariableFunction;
namespace status = abi::status;
namespace attribute = abi::variable_attribute;

constexpr Guid vendor = {0x5f3c0b8e, 0x77d2, 0x4c1a, {0xa0, 0x3b, 0x18, 0x6e, 0x29, 0x4d, 0x51, 0xc7}};
constexpr std::uint32_t bs_rt = attribute::boot_service_access | attribute::runtime_access;
constexpr std::uint32_t nv_bs_rt = bs_rt | attribute::non_volatile;
constexpr std::uint32_t append = 0x40;

bool all_well = true;

void expect(bool condition, std::string_view what, std::uint64_t number = 0) {
  if (condition) return;
  all_well = false;
  print_line("cache failed what=\"", what, "\" ", Hexadecimal{number});
}

volatile std::uint8_t& flag(std::uint64_t address) { return *reinterpret_cast<volatile std::uint8_t*>(address); }

std::uint8_t data[0x10000];

// Everything that the cache holds is what MM answers, and it holds everything.
std::uint64_t compare(const abi::RuntimeServices& runtime, const RuntimeCacheProtocol& cache) {
  std::uint64_t cached = 0;
  for (const std::uint64_t store : {cache.context.volatile_cache, cache.context.non_volatile_cache}) {
    const bool sound =
        for_each_cached(store, [&](const Char16* name, const Guid& owner, const CachedVariable& variable) {
          ++cached;
          abi::UintN size = sizeof(data);
          std::uint32_t attributes = 0;
          const EfiStatus found = runtime.get_variable(name, &owner, &attributes, &size, data);
          expect(found == status::success, "MM has it", found);
          expect(attributes == variable.attributes, "same attributes", attributes);
          expect(size == variable.size && __builtin_memcmp(data, variable.data, size) == 0, "same data", size);
        });
    expect(sound, "a store");
  }
  std::uint64_t listed = 0;
  static Char16 name[0x400];
  name[0] = 0;
  Guid owner{};
  for (;; ++listed) {
    abi::UintN size = sizeof(name);
    if (runtime.get_next_variable_name(&size, name, &owner) != status::success) break;
  }
  expect(listed == cached, "as many variables as MM lists", listed);
  return cached;
}

void change_and_compare(const abi::RuntimeServices& runtime, abi::MmCommunication2& mm,
                        const RuntimeCacheProtocol& cache) {
  const auto set = [&](const Char16* name, std::uint32_t attributes, abi::UintN size) {
    const EfiStatus result = runtime.set_variable(name, &vendor, attributes, size, data);
    expect(result == status::success, "set", result);
    expect(flag(cache.context.pending_update) == 0, "nothing pending");
    compare(runtime, cache);
  };
  for (std::size_t i = 0; i < sizeof(data); ++i) data[i] = static_cast<std::uint8_t>(i * 7);
  for (const std::uint32_t attributes : {bs_rt, nv_bs_rt}) {
    set(u"First", attributes, 40);
    set(u"Second", attributes, 1000);
    set(u"First", attributes, 77);
    set(u"First", attributes | append, 10);
    set(u"Second", 0, 0);
    for (abi::UintN round = 0; round < 20; ++round) set(u"Second", attributes, 6000 + round);
    set(u"Second", 0, 0);
    set(u"First", 0, 0);
  }
  // A reader holds the lock: the change waits until it is asked for.
  flag(cache.context.read_lock) = 1;
  expect(runtime.set_variable(u"Waiting", &vendor, bs_rt, 16, data) == status::success, "set under the lock");
  expect(flag(cache.context.pending_update) == 1, "pending under the lock");
  flag(cache.context.read_lock) = 0;
  std::uint64_t nothing = 0;
  expect(send_variable_message(mm, VariableFunction::sync_runtime_cache, nothing) == status::success,
         "synchronization");
  expect(flag(cache.context.pending_update) == 0, "nothing pending after it");
  compare(runtime, cache);
  set(u"Waiting", 0, 0);
}

void ask_for_more(const abi::SystemTable& system_table, abi::MmCommunication2& mm, const RuntimeCacheProtocol& cache) {
  auto* protocol = locate_protocol<abi::UnblockMemoryProtocol>(system_table, abi::unblock_memory_protocol_guid);
  expect(protocol != nullptr, "the protocol is there");
  abi::EfiPhysicalAddress page = 0;
  expect(system_table.boot_services->allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 1, &page) ==
             status::success,
         "a page");
  const EfiStatus asked = protocol->request_unblock_pages(page, 1, &vendor);
  expect(asked == status::access_denied, "DXE refuses after the lock", asked);
  const auto mailbox = RawMailbox::find(system_table);
  expect(mailbox.has_value(), "mailbox");
  struct Message {
    abi::CommunicateHeader header;
    abi::UnblockRequest request;
  };
  Message message{};
  message.header = {abi::supervisor_request_guid, sizeof(message.request)};
  message.request.header = {abi::SupervisorRequestHeader::expected_signature,
                            abi::SupervisorRequestHeader::current_revision,
                            abi::SupervisorRequestHeader::unblock_memory, 0, status::aborted};
  message.request.parameters.descriptor.physical_start = page;
  message.request.parameters.descriptor.number_of_pages = 1;
  message.request.parameters.identifier = vendor;
  mailbox->put(message);
  const auto answer = mailbox->send();
  expect(answer.has_value() && answer->status == status::not_found, "MM knows no such message after the lock",
         answer.has_value() ? answer->status : 0);
  auto context = cache.context;
  const EfiStatus again = send_variable_message(mm, VariableFunction::init_runtime_cache, context);
  expect(again == status::access_denied, "no cache is set up after the end of DXE", again);
}

// Whether any byte sequence of both stores is the secret's.
bool holds_secret(const RuntimeCacheProtocol& cache, const std::uint8_t (&secret)[16]) {
  const auto search = [&secret](std::uint64_t store, std::uint64_t size) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(store);
    for (std::uint64_t i = 0; i + sizeof(secret) <= size; ++i) {
      if (__builtin_memcmp(bytes + i, secret, sizeof(secret)) == 0) return true;
    }
    return false;
  };
  return search(cache.context.volatile_cache, cache.info.volatile_storage_size) ||
         search(cache.context.non_volatile_cache, cache.info.non_volatile_storage_size);
}

void end_boot_services(const abi::SystemTable& system_table, abi::Handle image, const RuntimeCacheProtocol& cache) {
  const abi::RuntimeServices& runtime = *system_table.runtime_services;
  std::uint8_t secret[16];
  for (std::size_t i = 0; i < sizeof(secret); ++i) secret[i] = static_cast<std::uint8_t>(0xA5 ^ (i * 29));
  expect(runtime.set_variable(u"Secret", &vendor, attribute::boot_service_access, sizeof(secret), secret) ==
             status::success,
         "a variable of boot services");
  expect(holds_secret(cache, secret), "it is in the cache");
  static std::byte map[0x8000];
  EfiStatus ended = status::aborted;
  for (int attempt = 0; attempt < 4 && ended != status::success; ++attempt) {
    abi::UintN size = sizeof(map);
    abi::UintN key = 0;
    abi::UintN descriptor_size = 0;
    std::uint32_t version = 0;
    system_table.boot_services->get_memory_map(&size, map, &key, &descriptor_size, &version);
    ended = system_table.boot_services->exit_boot_services(image, key);
  }
  expect(ended == status::success, "the end of boot services", ended);
  expect(!holds_secret(cache, secret), "it is gone from the cache");
  expect(flag(cache.context.pending_update) == 0, "nothing pending at runtime");
  print_line("cache compared variables=", Decimal{compare(runtime, cache)});
  for (std::size_t i = 0; i < 64; ++i) data[i] = 0x33;
  expect(runtime.set_variable(u"Runtime", &vendor, nv_bs_rt, 64, data) == status::success, "set at runtime");
  compare(runtime, cache);
  expect(runtime.set_variable(u"Runtime", &vendor, 0, 0, nullptr) == status::success, "deleted at runtime");
  compare(runtime, cache);
}

void run(const abi::SystemTable& system_table, abi::Handle image) {
  auto* mm = locate_protocol<abi::MmCommunication2>(system_table, abi::mm_communication2_protocol_guid);
  const auto* cache = locate_protocol<RuntimeCacheProtocol>(system_table, runtime_cache_protocol_guid);
  if (mm == nullptr || cache == nullptr) {
    expect(false, "the driver's protocol is there");
    return;
  }
  expect(cache->failures == 0, "the driver found nothing wrong", cache->failures);
  print_line("cache compared variables=", Decimal{compare(*system_table.runtime_services, *cache)});
  change_and_compare(*system_table.runtime_services, *mm, *cache);
  ask_for_more(system_table, *mm, *cache);
  end_boot_services(system_table, image, *cache);
}

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus runtime_cache_reader_entry(redoubt::abi::Handle image,
                                                                     redoubt::abi::SystemTable* system_table);

extern "C" EFIAPI redoubt::abi::EfiStatus runtime_cache_reader_entry(redoubt::abi::Handle image,
                                                                     redoubt::abi::SystemTable* system_table) {
  redoubt::guest::run(*system_table, image);
  redoubt::guest::finish(*system_table, "runtime_cache_reader", redoubt::guest::all_well);
}
