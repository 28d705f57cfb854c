// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tests/guest/uefi/window_attack/services.hpp"

#include <cstring>

#include "abi/pi/communicate.hpp"
#include "tests/guest/uefi/instructions.hpp"
#include "tests/guest/uefi/program.hpp"

namespace redoubt::guest {

using abi::EfiStatus;
namespace status = abi::status;
namespace messages = abi::variable_messages;

std::uint64_t lost_ipis = 0;

namespace {

std::uint32_t own_apic_id = 0;  // as the register has it

// The IPI is sent until the CPU has taken an SMI, which it counts itself: whether MM answers then is another question.
// QEMU (7.2) can lose it. Who changes the memory map replaces the sections of all CPUs at once (tcg_commit() in
// softmmu/physmem.c), while the other CPUs' TLBs, which have numbers of sections, are flushed at the end of their
// translation blocks. In between, a store to the local APIC gets to what has its section's number now: with RCBA
// flipped to flash or to the chipset's registers, at the same offset, as QEMU's trace of memory_region_ops_write shows.
void raise_own_mmi() {
  constexpr std::uint32_t smi_count = 0x34;  // MSR_SMI_COUNT (Intel SDM volume 4)
  constexpr std::uint32_t command_low = 0x300;
  constexpr std::uint32_t command_high = 0x310;
  constexpr std::uint32_t assert_smi = 0x4200;
  constexpr unsigned most_attempts = 1000;
  const std::uint64_t before = read_msr(smi_count);
  for (unsigned attempt = 0; attempt != most_attempts; ++attempt) {
    apic_register(command_high) = own_apic_id;
    apic_register(command_low) = assert_smi;
    asm volatile(".rept 8\n\tjmp 9f\n\t9:\n\t.endr" : : : "memory");
    if (read_msr(smi_count) != before) return;
    ++lost_ipis;
  }
}

EFIAPI EfiStatus trigger_own_mmi(abi::MmControlProtocol* /*self*/, std::uint8_t* /*command*/, std::uint8_t* /*data*/,
                                 abi::Boolean /*periodic*/, abi::UintN /*interval*/) {
  raise_own_mmi();
  return status::success;
}

struct [[gnu::packed]] AccessMessage {
  abi::CommunicateHeader header;
  messages::VariableMessageHeader variable;
  messages::AccessVariable access;
};

}  // namespace

Services::Services(const abi::SystemTable& table, const RawMailbox* mailbox)
    : services_(*table.runtime_services),
      mailbox_(mailbox),
      control_(locate_protocol<abi::MmControlProtocol>(table, abi::mm_control_protocol_guid)) {}

EfiStatus Services::get(const char16_t* name, const abi::Guid& vendor, std::uint32_t& attributes,
                        std::span<std::uint8_t> room, std::size_t& size) const {
  if (by_message_) {
    std::size_t bytes = room.size();
    return send(messages::VariableFunction::get_variable, name, vendor, attributes, room.data(), bytes, size);
  }
  abi::UintN bytes = room.size();
  const EfiStatus result = services_.get_variable(name, &vendor, &attributes, &bytes, room.data());
  size = bytes;
  return result;
}

EfiStatus Services::set(const char16_t* name, const abi::Guid& vendor, std::uint32_t attributes,
                        std::span<const std::uint8_t> data) const {
  if (by_message_) {
    std::size_t size = 0;
    return send(messages::VariableFunction::set_variable, name, vendor, attributes,
                const_cast<std::uint8_t*>(data.data()), data.size(), size);
  }
  return services_.set_variable(name, &vendor, attributes, data.size(), data.data());
}

EfiStatus Services::next(abi::UintN& size, char16_t* name, abi::Guid& vendor) const {
  return services_.get_next_variable_name(&size, name, &vendor);
}

bool Services::raise_alone() {
  own_apic_id = apic_register(apic_id);
  if (mailbox_ != nullptr) {
    by_message_ = true;
  } else if (control_ != nullptr) {
    control_->trigger = trigger_own_mmi;
  }
  return mailbox_ != nullptr || control_ != nullptr;
}

EfiStatus Services::send(messages::VariableFunction function, const char16_t* name, const abi::Guid& vendor,
                         std::uint32_t& attributes, std::uint8_t* data, std::size_t room, std::size_t& size) const {
  std::size_t name_bytes = 2;
  for (const char16_t* at = name; *at != 0; ++at) name_bytes += 2;
  const std::size_t total = sizeof(AccessMessage) + name_bytes + room;
  if (total > mailbox_->capacity()) return status::bad_buffer_size;
  mailbox_->put(AccessMessage{{abi::smm_variable_guid, total - sizeof(abi::CommunicateHeader)},
                              {static_cast<std::uint64_t>(function), ~std::uint64_t{0}},
                              {vendor, room, name_bytes, attributes}});
  std::memcpy(mailbox_->buffer() + sizeof(AccessMessage), name, name_bytes);
  std::memcpy(mailbox_->buffer() + sizeof(AccessMessage) + name_bytes, data, room);
  const auto answer = mailbox_->send(raise_own_mmi);
  if (!answer) return status::timeout;
  if (answer->status != status::success) return answer->status;
  const auto reply = mailbox_->get<AccessMessage>();
  if (function == messages::VariableFunction::get_variable) {
    size = reply.access.data_size;
    attributes = reply.access.attributes;
    if (reply.variable.return_status == status::success && size <= room) {
      std::memcpy(data, mailbox_->buffer() + sizeof(AccessMessage) + name_bytes, size);
    }
  }
  return reply.variable.return_status;
}

}  // namespace redoubt::guest
