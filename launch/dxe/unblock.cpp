// SPDX-License-Identifier: BSD-2-Clause-Patent
// See unblock.hpp.
#include "launch/dxe/unblock.hpp"

#include "abi/pi/communicate.hpp"
#include "abi/pi/variable_messages.hpp"

namespace redoubt::launch::dxe {

namespace {

namespace messages = abi::variable_messages;

constexpr std::uint64_t page_size = 4096;
constexpr std::uint64_t memory_read_only = 0x20000;  // EFI_MEMORY_RO (UEFI 2.10, 7.2.3)
constexpr std::size_t store_size_offset = 16;        // of VARIABLE_STORE_HEADER.Size, 32 bits

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
  const std::uint64_t start = address & ~(page_size - 1);
  return {start, (address - start + bytes + page_size - 1) / page_size};
}

}  // namespace

abi::EfiStatus check_memory_map(Bytes map, std::size_t descriptor_size, PageRange range) {
  if (range.address % page_size != 0 || range.pages == 0 || range.pages > (~std::uint64_t{0} - range.address) / page_size ||
      descriptor_size < sizeof(abi::MemoryDescriptor)) {
    return abi::status::invalid_parameter;
  }
  // Descriptors come in no order, so each piece of the range is looked for from the start.
  std::uint64_t address = range.address;
  const std::uint64_t end = range.address + range.pages * page_size;
  while (address < end) {
    bool found = false;
    for (std::size_t offset = 0; !found && map.size() - offset >= descriptor_size; offset += descriptor_size) {
      abi::MemoryDescriptor descriptor;
      __builtin_memcpy(&descriptor, map.data() + offset, sizeof(descriptor));
      const std::uint64_t distance = address - descriptor.physical_start;
      if (address < descriptor.physical_start || distance / page_size >= descriptor.number_of_pages) {
        continue;
      }
      if (!may_be_opened(descriptor)) {
        return abi::status::access_denied;
      }
      const std::uint64_t left = descriptor.number_of_pages - distance / page_size;
      address = left >= (end - address) / page_size ? end : address + left * page_size;
      found = true;
    }
    if (!found) {
      return abi::status::no_mapping;
    }
  }
  return abi::status::success;
}

std::size_t runtime_cache_ranges(const void* message, std::size_t size, std::span<PageRange, 6> ranges) {
  struct Message {
    abi::CommunicateHeader header;
    messages::VariableMessageHeader variable;
    messages::RuntimeCacheContext context;
  };
  static_assert(sizeof(Message) == 88);
  Message copy;
  if (message == nullptr || size < sizeof(copy)) {
    return 0;
  }
  __builtin_memcpy(&copy, message, sizeof(copy));
  if (copy.header.header_guid != messages::variable_message_guid ||
      copy.variable.function != static_cast<std::uint64_t>(messages::VariableFunction::init_runtime_cache)) {
    return 0;
  }
  std::size_t count = 0;
  for (const std::uint64_t flag : {copy.context.pending_update, copy.context.read_lock, copy.context.hob_flush_complete}) {
    if (flag != 0) {
      ranges[count++] = pages_around(flag, 1);
    }
  }
  for (const std::uint64_t store :
       {copy.context.hob_cache, copy.context.volatile_cache, copy.context.non_volatile_cache}) {
    if (store != 0) {
      std::uint32_t store_size = 0;
      __builtin_memcpy(&store_size, reinterpret_cast<const std::byte*>(store) + store_size_offset, sizeof(store_size));
      ranges[count++] = pages_around(store, store_size);
    }
  }
  return count;
}

}  // namespace redoubt::launch::dxe
