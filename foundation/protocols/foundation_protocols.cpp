// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/protocols/foundation_protocols.hpp"

#include "abi/pi/mm_access.hpp"
#include "abi/pi/mm_memory_attribute.hpp"

namespace redoubt::foundation {

using abi::EfiStatus;

Result<void> FoundationProtocols::install(const abi::FoundationLaunch& launch, ProtocolDatabase& protocols,
                                          HandleRecord& handle) {
  mmram_base_ = launch.mmram_base;
  mmram_size_ = launch.mmram_size;
  const auto gate = [&launch]<typename Function>(Function& entry, Service service) {
    entry = reinterpret_cast<Function>(static_cast<std::uintptr_t>(
        launch.gates + std::uint64_t{abi::gate_stub_bytes} * static_cast<std::uint32_t>(service)));
  };

  auto& access = *at_address<abi::MmAccessProtocol>(TRY(arena_.allocate(sizeof(abi::MmAccessProtocol))));
  gate(access.open, Service::access_open);
  gate(access.close, Service::access_close);
  gate(access.lock, Service::access_lock);
  gate(access.get_capabilities, Service::access_get_capabilities);
  access.lock_state = 1;
  access.open_state = 0;

  auto& configuration =
      *at_address<abi::MmConfigurationProtocol>(TRY(arena_.allocate(sizeof(abi::MmConfigurationProtocol))));
  // Empty: MmAllocatePages gives out nothing that processors need for themselves.
  configuration.reserved_regions =
      at_address<abi::MmReservedMmramRegion>(TRY(arena_.allocate(sizeof(abi::MmReservedMmramRegion))));
  gate(configuration.register_mm_entry, Service::register_mm_entry);

  auto& attributes =
      *at_address<abi::MmMemoryAttributeProtocol>(TRY(arena_.allocate(sizeof(abi::MmMemoryAttributeProtocol))));
  gate(attributes.get_memory_attributes, Service::get_memory_attributes);
  gate(attributes.set_memory_attributes, Service::set_memory_attributes);
  gate(attributes.clear_memory_attributes, Service::clear_memory_attributes);

  TRY(protocols.install(&handle, abi::mm_access_protocol_guid, address_of(&access), foundation_itself));
  TRY(protocols.install(&handle, abi::mm_configuration_protocol_guid, address_of(&configuration), foundation_itself));
  TRY(protocols.install(&handle, abi::mm_memory_attribute_protocol_guid, address_of(&attributes), foundation_itself));
  return {};
}

EfiStatus FoundationProtocols::service(Service service, DriverNumber caller, const std::uint64_t (&arguments)[8]) {
  switch (service) {
    // PI 1.9, volume 4, 5.3: EFI_DEVICE_ERROR if MMRAM "cannot be opened, perhaps because it is locked". It is closed
    // and locked already, so that the other two have nothing left to do.
    case Service::access_open: return abi::status::device_error;
    case Service::access_close:
    case Service::access_lock: return abi::status::success;
    case Service::access_get_capabilities: return get_capabilities(arguments[1], arguments[2]);
    // 5.5: EFI_INVALID_PARAMETER for NULL. The entry point is the foundation's, which no driver replaces.
    case Service::register_mm_entry:
      return arguments[1] == 0 ? abi::status::invalid_parameter : abi::status::access_denied;
    case Service::get_memory_attributes: return get_attributes(arguments[1], arguments[2], arguments[3]);
    case Service::set_memory_attributes: return attributes_.set(caller, arguments[1], arguments[2], arguments[3]);
    case Service::clear_memory_attributes: return attributes_.clear(caller, arguments[1], arguments[2], arguments[3]);
    default: return abi::status::unsupported;
  }
}

EfiStatus FoundationProtocols::get_capabilities(std::uint64_t size_address, std::uint64_t map_address) {
  if (size_address == 0) return abi::status::invalid_parameter;
  const auto room = memory_.read<std::uint64_t>(size_address);
  if (!room.has_value()) return abi::status::invalid_parameter;
  if (*room < sizeof(abi::MmramDescriptor)) {
    return memory_.write(size_address, std::uint64_t{sizeof(abi::MmramDescriptor)}) ? abi::status::buffer_too_small
                                                                                    : abi::status::invalid_parameter;
  }
  using namespace abi::mmram_state;
  const abi::MmramDescriptor mmram{mmram_base_, mmram_base_, mmram_size_, closed | locked | cacheable | allocated};
  if (map_address == 0 || !memory_.write(map_address, mmram) ||
      !memory_.write(size_address, std::uint64_t{sizeof(mmram)})) {
    return abi::status::invalid_parameter;
  }
  return abi::status::success;
}

EfiStatus FoundationProtocols::get_attributes(std::uint64_t base, std::uint64_t length, std::uint64_t result_address) {
  if (result_address == 0) return abi::status::invalid_parameter;
  std::uint64_t attributes = 0;
  if (const EfiStatus status = attributes_.get(base, length, attributes); status != abi::status::success) return status;
  return memory_.write(result_address, attributes) ? abi::status::success : abi::status::invalid_parameter;
}

}  // namespace redoubt::foundation
