// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_MP_SERVICES_PROTOCOL (PI 1.9, volume 2, 13.4), as far as guest programs use it.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::guest {

struct MpServices {
  using Procedure = void(EFIAPI*)(void* argument);

  abi::EfiStatus(EFIAPI* get_number_of_processors)(MpServices* self, abi::UintN* present, abi::UintN* enabled);
  void* get_processor_info_slot;
  // Returns when every application processor has returned from `procedure`, if `wait_event` is null.
  abi::EfiStatus(EFIAPI* startup_all_aps)(MpServices* self, Procedure procedure, abi::Boolean one_at_a_time,
                                          void* wait_event, abi::UintN timeout_microseconds, void* argument,
                                          abi::UintN** failed_cpus);
  // Returns at once if there is a `wait_event`, which is signalled when `procedure` has returned.
  abi::EfiStatus(EFIAPI* startup_this_ap)(MpServices* self, Procedure procedure, abi::UintN processor, void* wait_event,
                                          abi::UintN timeout_microseconds, void* argument, abi::Boolean* finished);
  void* slots[3];  // SwitchBSP, EnableDisableAP, WhoAmI
};
static_assert(sizeof(MpServices) == 56);

inline constexpr abi::Guid mp_services_guid = {
    0x3fdda605, 0xa76e, 0x4f46, {0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08}};

}  // namespace redoubt::guest
