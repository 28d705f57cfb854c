// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/rendezvous/local_apic.hpp"

#include "arch/processor.hpp"
#include "arch/x86_64/registers/local_apic.hpp"
#include "arch/x86_64/registers/msr.hpp"
#include "platform/board.hpp"

namespace redoubt::supervisor {
namespace {

constexpr unsigned delivery_polls = 100'000;
constexpr std::uint32_t xapic_id_limit = 0xFF;  // 0xFF addresses everybody

}  // namespace

void LocalApic::wait_for_delivery() const {
  for (unsigned polls = 0; polls < delivery_polls; ++polls) {
    if ((at(arch::local_apic::interrupt_command_low) & arch::local_apic::delivery_pending) == 0) {
      return;
    }
    arch::spin_hint();
  }
}

bool LocalApic::reaches(std::uint32_t apic_id) const {
  const std::uint64_t base = arch::read_msr(arch::msr::apic_base);
  if ((base & arch::apic_base::enable) == 0) {
    return false;
  }
  return (base & arch::apic_base::x2apic_enable) != 0 ||
         ((base & arch::apic_base::address_mask) == platform::board::local_apic_base && apic_id < xapic_id_limit);
}

bool LocalApic::is_in_x2apic_mode() const {
  return (arch::read_msr(arch::msr::apic_base) & arch::apic_base::x2apic_enable) != 0;
}

// In memory, where they should be.
bool LocalApic::has_registers() const { return !is_in_x2apic_mode() && reaches(0); }

bool LocalApic::answers_to(std::uint32_t apic_id) const {
  return is_in_x2apic_mode() ? arch::read_msr(arch::msr::x2apic_id) == apic_id
                             : at(arch::local_apic::id) >> 24 == apic_id;
}

std::uint32_t LocalApic::destination() const {
  return has_registers() ? at(arch::local_apic::interrupt_command_high) : 0;
}

void LocalApic::set_destination(std::uint32_t destination) const {
  if (has_registers()) {
    at(arch::local_apic::interrupt_command_high) = destination;
  }
}

bool LocalApic::send(std::uint32_t apic_id, std::uint32_t command) const {
  if (!reaches(apic_id)) {
    return false;
  }
  if (is_in_x2apic_mode()) {
    // Unlike one to memory, this write may overtake earlier ones that the called CPU looks for (Intel SDM volume 3,
    // 11.12.3).
    arch::fence_before_x2apic_write();
    arch::write_msr(arch::msr::x2apic_interrupt_command, (std::uint64_t{apic_id} << 32) | command);
    return true;
  }
  // The host may have been between its two writes: the high half is put back, the low half only sends.
  wait_for_delivery();
  const std::uint32_t hosts_destination = at(arch::local_apic::interrupt_command_high);
  at(arch::local_apic::interrupt_command_high) = apic_id << 24;
  at(arch::local_apic::interrupt_command_low) = command;
  wait_for_delivery();
  at(arch::local_apic::interrupt_command_high) = hosts_destination;
  return true;
}

bool LocalApic::send_smi(std::uint32_t apic_id) const { return send(apic_id, arch::local_apic::command_smi); }
bool LocalApic::send_nmi(std::uint32_t apic_id) const { return send(apic_id, arch::local_apic::command_nmi); }

bool LocalApic::send_smi_to_others(std::uint32_t own_apic_id) const {
  constexpr std::uint32_t command = arch::local_apic::command_smi | arch::local_apic::to_all_others;
  if (!reaches(0)) {
    return false;
  }
  if (is_in_x2apic_mode()) {
    arch::fence_before_x2apic_write();
    arch::write_msr(arch::msr::x2apic_interrupt_command, command);
    return true;
  }
  // QEMU (7.2) takes the sender for who has its id: with another CPU's id in place of its own it would leave that one
  // out.
  const std::uint32_t hosts_id = at(arch::local_apic::id);
  const bool changed = hosts_id >> 24 != own_apic_id;
  wait_for_delivery();
  if (changed) {
    at(arch::local_apic::id) = own_apic_id << 24;
  }
  at(arch::local_apic::interrupt_command_low) = command;
  wait_for_delivery();
  if (changed) {
    at(arch::local_apic::id) = hosts_id;
  }
  return true;
}

}  // namespace redoubt::supervisor
