// SPDX-License-Identifier: BSD-2-Clause-Patent
// See raw_mailbox.hpp.
#include "tests/guest/uefi/raw_mailbox.hpp"

#include <cstring>

#include "abi/pi/hob_cursor.hpp"
#include "abi/pi/mm_protocols.hpp"
#include "platform/q35/chipset.hpp"
#include "tests/guest/uefi/instructions.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/variable_message.hpp"

namespace redoubt::guest {

namespace {
constexpr unsigned longest_wait = 1U << 24;
}

RawMailbox::RawMailbox(const abi::CommBufferDescription& description)
    : buffer_(reinterpret_cast<std::byte*>(description.physical_start)),
      capacity_(description.number_of_pages * 4096),
      status_(reinterpret_cast<abi::CommBufferStatus*>(description.status)) {}

std::optional<RawMailbox> RawMailbox::find(const abi::SystemTable& system_table) {
  return find_in(find_configuration_table(system_table, abi::hob_list_table_guid));
}

std::optional<RawMailbox> RawMailbox::find_in(const void* hob_list) {
  const auto description =
      abi::find_guid_hob<abi::CommBufferDescription>(abi::HobCursor::trusting(hob_list), abi::comm_buffer_hob_guid);
  return description ? std::optional(RawMailbox(*description)) : std::nullopt;
}

void RawMailbox::put(const void* message, std::size_t size) const { std::memcpy(buffer_, message, size); }

std::optional<RawMailbox::Answer> RawMailbox::send() const { return send(raise_mmi); }

std::optional<RawMailbox::Answer> RawMailbox::send(void (*raise)()) const {
  __atomic_store_n(&status_->is_comm_buffer_valid, std::uint8_t{1}, __ATOMIC_RELEASE);
  raise();
  for (unsigned i = 0; i != longest_wait; ++i) {
    if (__atomic_load_n(&status_->is_comm_buffer_valid, __ATOMIC_ACQUIRE) == 0) {
      return Answer{status_->return_status, status_->return_buffer_size};
    }
    pause();
  }
  __atomic_store_n(&status_->is_comm_buffer_valid, std::uint8_t{0}, __ATOMIC_RELEASE);
  return std::nullopt;
}

bool RawMailbox::alive() const {
  put(PayloadSizeMessage{});
  const auto answer = send();
  const auto reply = get<PayloadSizeMessage>();
  return answer && answer->status == abi::status::success && reply.variable.return_status == abi::status::success &&
         reply.answer.payload_size != 0;
}

// Under TCG an MMI begins between two translation blocks: eight jumps are nine blocks to begin in.
void raise_mmi(std::uint8_t command, std::uint8_t data) {
  out8(platform::q35::apm_status_port, data);
  out8(platform::q35::apm_command_port, command);
  asm volatile(".rept 8\n\tjmp 9f\n\t9:\n\t.endr" : : : "memory");
}

void raise_mmi() {
  out8(platform::q35::apm_command_port, 0);
  asm volatile(".rept 8\n\tjmp 9f\n\t9:\n\t.endr" : : : "memory");
}

}  // namespace redoubt::guest
