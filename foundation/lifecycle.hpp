// SPDX-License-Identifier: BSD-2-Clause-Patent
// The phases of a boot as MM hears of them: messages whose GUID is the event (the protocols: PI 1.9, volume 4, chapter
// 4; the set of messages is the one edk2's Standalone MM core serves). The host can send such a message at any time, so
// each works once and none works backwards: what the gate lets through is a boot's own sequence or a part of it. DXE
// has ended by whatever comes after it: the foundation signals EndOfDxe before. What is for boot alone ends with the
// lock, the rest with the boot: such a message isn't answered then, and its GUID is free for drivers. The lock closes
// dispatch, and nothing else: the specification lets drivers that run register and install for as long as they live.
#pragma once

#include <array>
#include <cstdint>

#include "abi/pi/mm_protocols.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::foundation {

enum class LifecycleEvent : std::uint8_t {
  none,
  dispatch,  // another round of the dispatcher, as long as nothing is locked
  end_of_pei,
  end_of_dxe,
  ready_to_lock,
  ready_to_boot,
  exit_boot_services,
};

struct LifecycleMessage {
  LifecycleEvent event;
  abi::Guid message;
  abi::Guid protocol;  // installed in MM's database when the event comes; unused for dispatch
  const char* name;
  LifecycleEvent last;  // the event after which the message has no meaning any more
};

inline constexpr std::array lifecycle_messages = {
    LifecycleMessage{
        LifecycleEvent::dispatch, abi::mm_dispatch_event_guid, {}, "Dispatch", LifecycleEvent::ready_to_lock},
    LifecycleMessage{LifecycleEvent::end_of_pei, abi::mm_end_of_pei_protocol_guid, abi::mm_end_of_pei_protocol_guid,
                     "EndOfPei", LifecycleEvent::ready_to_lock},
    LifecycleMessage{LifecycleEvent::end_of_dxe, abi::end_of_dxe_event_group_guid, abi::mm_end_of_dxe_protocol_guid,
                     "EndOfDxe", LifecycleEvent::ready_to_lock},
    LifecycleMessage{LifecycleEvent::ready_to_lock, abi::dxe_mm_ready_to_lock_protocol_guid,
                     abi::mm_ready_to_lock_protocol_guid, "ReadyToLock", LifecycleEvent::ready_to_lock},
    LifecycleMessage{LifecycleEvent::ready_to_boot, abi::ready_to_boot_event_group_guid,
                     abi::ready_to_boot_event_group_guid, "ReadyToBoot", LifecycleEvent::exit_boot_services},
    LifecycleMessage{LifecycleEvent::exit_boot_services, abi::exit_boot_services_event_group_guid,
                     abi::exit_boot_services_event_group_guid, "ExitBootServices", LifecycleEvent::exit_boot_services},
};

class LifecycleGate {
 public:
  // Whether the event counts; if so it is seen from now on. A lock is never refused the first time.
  bool enter(LifecycleEvent event) {
    if (event == LifecycleEvent::dispatch) return latest_ < LifecycleEvent::ready_to_lock && !locked_;
    if (event == LifecycleEvent::ready_to_lock) {
      if (locked_) return false;
      locked_ = true;
    } else if (event <= latest_) {
      return false;
    }
    if (event > latest_) latest_ = event;
    return true;
  }

  bool locked() const { return locked_; }

  // Whether nothing can come of the message any more. A lock that never came still can after the boot.
  bool over(const LifecycleMessage& message) const {
    if (message.event == LifecycleEvent::ready_to_lock) return locked_;
    return latest_ == LifecycleEvent::exit_boot_services || (message.last == LifecycleEvent::ready_to_lock && locked_);
  }

 private:
  LifecycleEvent latest_ = LifecycleEvent::none;
  bool locked_ = false;
};

}  // namespace redoubt::foundation
