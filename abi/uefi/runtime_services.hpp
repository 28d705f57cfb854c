// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_RUNTIME_SERVICES (UEFI 2.10, section 4.5 and chapter 8), for 64-bit code. Slots that nothing here calls are
// anonymous pointers.
#pragma once

#include "abi/uefi/boot_services.hpp"

namespace redoubt::abi {

// Attributes of a variable (UEFI 2.10, 8.2.1).
namespace variable_attribute {
inline constexpr std::uint32_t non_volatile = 0x01;
inline constexpr std::uint32_t boot_service_access = 0x02;
inline constexpr std::uint32_t runtime_access = 0x04;
}  // namespace variable_attribute

// EFI_RESET_TYPE (UEFI 2.10, 8.5.1).
enum class ResetType : std::uint32_t {
  cold = 0,
  warm = 1,
  shutdown = 2,
};

struct RuntimeServices {
  TableHeader header;

  void* time_slots[4];  // GetTime, SetTime, GetWakeupTime, SetWakeupTime
  void* set_virtual_address_map_slot;
  EfiStatus(EFIAPI* convert_pointer)(UintN debug_disposition, void** address);

  EfiStatus(EFIAPI* get_variable)(const Char16* name, const Guid* vendor, std::uint32_t* attributes, UintN* data_size,
                                  void* data);
  EfiStatus(EFIAPI* get_next_variable_name)(UintN* name_size, Char16* name, Guid* vendor);
  EfiStatus(EFIAPI* set_variable)(const Char16* name, const Guid* vendor, std::uint32_t attributes, UintN data_size,
                                  const void* data);

  void* get_next_high_monotonic_count_slot;
  void(EFIAPI* reset_system)(ResetType type, EfiStatus status, UintN data_size, void* data);
  void* capsule_slots[2];  // UpdateCapsule, QueryCapsuleCapabilities
  EfiStatus(EFIAPI* query_variable_info)(std::uint32_t attributes, std::uint64_t* maximum_storage,
                                         std::uint64_t* remaining_storage, std::uint64_t* maximum_variable);
};

#if defined(__x86_64__)
static_assert(offsetof(RuntimeServices, convert_pointer) == 64 && offsetof(RuntimeServices, get_variable) == 72 &&
              offsetof(RuntimeServices, reset_system) == 104 && offsetof(RuntimeServices, query_variable_info) == 128 &&
              sizeof(RuntimeServices) == 136);
#endif

}  // namespace redoubt::abi
