// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/pei/hand_off.hpp"

#include <cstring>

#include "base/address.hpp"
#include "launch/pei/hob_list.hpp"

namespace redoubt::launch {
namespace {

// The data of a new GUIDed HOB, cleared.
Step<std::byte*> create_guid_hob(abi::PeiServicesPointer services, const abi::Guid& name, std::size_t data_size) {
  const std::size_t length = (sizeof(abi::HobGuid) + data_size + 7) & ~std::size_t{7};
  if (length > 0xFFF8) {
    return because("a HOB would be too large");
  }
  void* hob = nullptr;
  if (abi::status::is_error(
          (*services)->create_hob(services, abi::HobType::guid_extension, static_cast<std::uint16_t>(length), &hob))) {
    return because("no room for a HOB");
  }
  static_cast<abi::HobGuid*>(hob)->name = name;
  std::byte* data = static_cast<std::byte*>(hob) + sizeof(abi::HobGuid);
  std::memset(data, 0, length - sizeof(abi::HobGuid));
  return data;
}

}  // namespace

Step<abi::CommBufferDescription> create_comm_buffer(abi::PeiServicesPointer services) {
  abi::EfiPhysicalAddress address = 0;
  constexpr std::uint64_t pages = comm_buffer_pages + 1;
  if (abi::status::is_error((*services)->allocate_pages(services, abi::runtime_services_data, pages, &address)) ||
      address == 0 || address > 0xFFFF'FFFF - pages * page_bytes) {
    return because("no memory for the communication buffer");
  }
  std::memset(reinterpret_cast<void*>(static_cast<std::uintptr_t>(address)), 0,
              static_cast<std::size_t>(pages * page_bytes));
  const abi::CommBufferDescription description{.physical_start = address,
                                               .number_of_pages = comm_buffer_pages,
                                               .status = address + comm_buffer_pages * page_bytes};
  std::byte* data = TRY(create_guid_hob(services, abi::comm_buffer_hob_guid, sizeof(description)));
  std::memcpy(data, &description, sizeof(description));
  return description;
}

Step<std::span<abi::MmramDescriptor>> create_mmram_hob(abi::PeiServicesPointer services, const abi::Guid& name,
                                                       std::size_t count) {
  std::byte* data =
      TRY(create_guid_hob(services, name, sizeof(abi::MmramDescriptorBlock) + count * sizeof(abi::MmramDescriptor)));
  const abi::MmramDescriptorBlock block{.count = static_cast<std::uint32_t>(count), .reserved = 0};
  std::memcpy(data, &block, sizeof(block));
  return std::span(reinterpret_cast<abi::MmramDescriptor*>(data + sizeof(block)), count);
}

Step<Bytes> hob_list(abi::PeiServicesPointer services) {
  void* list = nullptr;
  if (abi::status::is_error((*services)->get_hob_list(services, &list)) || list == nullptr) {
    return because("no HOB list");
  }
  const auto start = reinterpret_cast<std::uintptr_t>(list);
  const std::uint64_t end = static_cast<const abi::HobHandoff*>(list)->end_of_hob_list;
  if (end < start || end > 0xFFFF'FFFF - sizeof(abi::HobHeader)) {
    return because("the HOB list is damaged");
  }
  const Bytes memory(static_cast<const std::byte*>(list),
                     static_cast<std::size_t>(end - start) + sizeof(abi::HobHeader));
  const auto size = measure_hob_list(memory);
  if (!size) {
    return because("the HOB list is damaged");
  }
  return memory.first(*size);
}

}  // namespace redoubt::launch
