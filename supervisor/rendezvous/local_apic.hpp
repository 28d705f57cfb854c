// SPDX-License-Identifier: BSD-2-Clause-Patent
// Sends SMIs and NMIs through the local APIC that the host believes to be its own: it may be in x2APIC
// mode, off, or moved anywhere, MMRAM included. It is used only where it is what it should be, and left as it was
// found.
#pragma once

#include <cstdint>

#include "base/address.hpp"

namespace redoubt::supervisor {

class LocalApic {
 public:
  // `registers`: where the page of the xAPIC's registers is mapped.
  void initialize(LinearAddress registers) { registers_ = registers; }

  // Whether this CPU's local APIC is on, where it should be, and can address that one. Asked by a CPU about itself:
  // whether others that are in the same state reach it.
  bool reaches(std::uint32_t apic_id) const;

  // Whether this CPU's local APIC, which reaches() itself, has this id. In xAPIC mode the host can
  // change it (QEMU lets it), and what is sent to the id goes elsewhere then.
  bool answers_to(std::uint32_t apic_id) const;

  // What send_smi() and send_nmi() overwrite and put back, unless the CPU is kept from coming back from them; 0 where
  // there is no such register.
  std::uint32_t destination() const;
  void set_destination(std::uint32_t destination) const;

  // To the CPU with this APIC id, the sender itself included. False if this CPU's local APIC can't be used.
  bool send_smi(std::uint32_t apic_id) const;
  bool send_nmi(std::uint32_t apic_id) const;

  // To all CPUs but the sender, whose id was `own_apic_id` at launch, by the shorthand for that: it reaches those whose
  // ids were changed. False if this CPU's local APIC can't be used.
  bool send_smi_to_others(std::uint32_t own_apic_id) const;

 private:
  bool send(std::uint32_t apic_id, std::uint32_t command) const;
  bool is_in_x2apic_mode() const;
  bool has_registers() const;
  volatile std::uint32_t& at(std::uint32_t offset) const {
    return *reinterpret_cast<volatile std::uint32_t*>((registers_ + offset).number);
  }
  void wait_for_delivery() const;

  LinearAddress registers_;
};

}  // namespace redoubt::supervisor
