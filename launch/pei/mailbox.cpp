// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/pei/mailbox.hpp"

#include "base/address.hpp"
#include "platform/wait.hpp"

namespace redoubt::launch {
namespace {

constexpr std::uint32_t answer_timeout = 10'000;  // milliseconds until MM takes the message

constinit Mailbox pei_mailbox;

}  // namespace

Mailbox& mailbox() { return pei_mailbox; }

void Mailbox::open(const abi::CommBufferDescription& description) {
  buffer_ = MutableBytes(reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(description.physical_start)),
                         static_cast<std::size_t>(description.number_of_pages * page_bytes));
  status_ = reinterpret_cast<volatile abi::CommBufferStatus*>(static_cast<std::uintptr_t>(description.status));
}

MutableBytes Mailbox::buffer() {
  return status_ != nullptr && status_->is_comm_buffer_valid == 0 ? buffer_ : MutableBytes{};
}

Result<MessageChannel::Answer> Mailbox::exchange() {
  return exchange_by(*status_, buffer_, platform::raise_mmi,
                     [](auto answered) { return platform::wait_for(answered, answer_timeout); });
}

}  // namespace redoubt::launch
