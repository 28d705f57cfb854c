// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/dxe/unblock.hpp"

#include "base/address.hpp"
#include "launch/dxe/message_payload.hpp"

namespace redoubt::launch::dxe {

namespace {

namespace messages = abi::variable_messages;

constexpr std::uint64_t memory_read_only = 0x20000;  // EFI_MEMORY_RO (UEFI 2.10, 7.2.3)
constexpr std::size_t store_header_size = 28;        // VARIABLE_STORE_HEADER
constexpr std::size_t store_size_offset = 16;        // of its Size, 32 bits

bool may_be_opened(const abi::MemoryDescriptor& descriptor) {
  switch (descriptor.type) {
    case abi::reserved_memory_type:
    case abi::runtime_services_code:  // the data of a runtime driver's image is listed as such
    case abi::runtime_services_data:
    case abi::acpi_memory_nvs: return (descriptor.attribute & memory_read_only) == 0;
    default: return false;
  }
}

PageRange pages_around(std::uint64_t address, std::uint64_t bytes) {
  const std::uint64_t start = address & ~(page_bytes - 1);
  return {start, (address - start + bytes + page_bytes - 1) / page_bytes};
}

}  // namespace

abi::EfiStatus check_memory_map(const MemoryMap& map, PageRange range) {
  if (range.address % page_bytes != 0 || range.pages == 0 ||
      range.pages > (~std::uint64_t{0} - range.address) / page_bytes ||
      map.descriptor_size < sizeof(abi::MemoryDescriptor)) {
    return abi::status::invalid_parameter;
  }
  // Descriptors come in no order, so each piece of the range is looked for from the start.
  std::uint64_t address = range.address;
  const std::uint64_t end = range.address + range.pages * page_bytes;
  while (address < end) {
    bool found = false;
    for (std::size_t offset = 0; !found && map.bytes.size() - offset >= map.descriptor_size;
         offset += map.descriptor_size) {
      abi::MemoryDescriptor descriptor;
      __builtin_memcpy(&descriptor, map.bytes.data() + offset, sizeof(descriptor));
      const std::uint64_t distance = address - descriptor.physical_start;
      if (address < descriptor.physical_start || distance / page_bytes >= descriptor.number_of_pages) {
        continue;
      }
      if (!may_be_opened(descriptor)) {
        return abi::status::access_denied;
      }
      const std::uint64_t left = descriptor.number_of_pages - distance / page_bytes;
      address = left >= (end - address) / page_bytes ? end : address + left * page_bytes;
      found = true;
    }
    if (!found) {
      return abi::status::no_mapping;
    }
  }
  return abi::status::success;
}

std::optional<messages::RuntimeCacheContext> runtime_cache_message(void* message, std::size_t size) {
  struct Message {
    messages::VariableMessageHeader header;
    messages::RuntimeCacheContext context;
  };
  const auto payload = message_payload(message, size);
  if (!payload || payload->handler != abi::smm_variable_guid || payload->bytes.size() < sizeof(Message)) {
    return std::nullopt;
  }
  Message copy;
  __builtin_memcpy(&copy, payload->bytes.data(), sizeof(copy));
  return copy.header.function == static_cast<std::uint64_t>(messages::VariableFunction::init_runtime_cache)
             ? std::optional(copy.context)
             : std::nullopt;
}

namespace {

// The header of an answered or unanswered message that is about the cache.
std::optional<messages::VariableMessageHeader> cache_header(void* message, std::size_t size) {
  const auto payload = message_payload(message, size);
  if (!payload || payload->handler != abi::smm_variable_guid ||
      payload->bytes.size() < sizeof(messages::VariableMessageHeader)) {
    return std::nullopt;
  }
  messages::VariableMessageHeader header;
  __builtin_memcpy(&header, payload->bytes.data(), sizeof(header));
  const auto function = static_cast<messages::VariableFunction>(header.function);
  const bool is_about_cache = function == messages::VariableFunction::init_runtime_cache ||
                              function == messages::VariableFunction::sync_runtime_cache ||
                              function == messages::VariableFunction::get_runtime_cache_info;
  return is_about_cache ? std::optional(header) : std::nullopt;
}

}  // namespace

bool asks_for_cache(void* message, std::size_t size) { return cache_header(message, size).has_value(); }

bool sets_up_cache(void* message, std::size_t size) {
  const auto header = cache_header(message, size);
  return header && !abi::status::is_error(header->return_status) &&
         static_cast<messages::VariableFunction>(header->function) == messages::VariableFunction::init_runtime_cache;
}

bool is_left_without_cache(void* message, std::size_t size, bool has_cache) {
  const auto header = cache_header(message, size);
  if (!header || !abi::status::is_error(header->return_status)) {
    return false;
  }
  // What the variable driver itself finds wrong with a further request leaves the cache that is there.
  return !has_cache ||
         (header->return_status != abi::status::access_denied &&
          header->return_status != abi::status::invalid_parameter && header->return_status != abi::status::unsupported);
}

std::size_t runtime_cache_ranges(const messages::RuntimeCacheContext& context, const MemoryMap& map,
                                 std::span<PageRange, 6> ranges) {
  std::size_t count = 0;
  const auto add = [&](PageRange range) {
    const bool may_be_opened = check_memory_map(map, range) == abi::status::success;
    if (may_be_opened) {
      ranges[count++] = range;
    }
    return may_be_opened;
  };
  for (const std::uint64_t flag : {context.pending_update, context.read_lock, context.hob_flush_complete}) {
    if (flag != 0) {
      add(pages_around(flag, 1));
    }
  }
  for (const std::uint64_t store : {context.hob_cache, context.volatile_cache, context.non_volatile_cache}) {
    if (store == 0 || store > ~std::uint64_t{0} - page_bytes ||
        check_memory_map(map, pages_around(store, store_header_size)) != abi::status::success) {
      continue;
    }
    std::uint32_t store_size = 0;
    __builtin_memcpy(&store_size, reinterpret_cast<const std::byte*>(store) + store_size_offset, sizeof(store_size));
    add(pages_around(store, store_size));
  }
  return count;
}

}  // namespace redoubt::launch::dxe
