// SPDX-License-Identifier: BSD-2-Clause-Patent
// Answers the messages of the stock DXE variable driver and of the variable policy protocol. Every length in a message
// is the sender's claim; none is used before it was compared with the message's own size. The message must be memory
// that the host can't write meanwhile, and its address a multiple of 8: mm_driver.cpp sees to both.
//
// The status of the service goes into the message. A message too short for a status gets no answer at all. No answer
// holds an address: the statistics that stock firmware hands out with pointers into MM are EFI_UNSUPPORTED here.
#pragma once

#include "base/byte_reader.hpp"
#include "drivers/variable/variable_services.hpp"

namespace redoubt::variable {

class MessageHandler {
 public:
  // `outside`: null where the core doesn't tell what memory outside MMRAM was opened; there is no runtime cache then.
  explicit MessageHandler(VariableServices& services, const OutsideMemory* outside = nullptr)
      : services_(services), outside_(outside) {}

  // A message with HeaderGuid abi::smm_variable_guid, answered in place.
  void answer_variable_message(MutableBytes message);
  // The same for messages::policy_message_guid.
  void answer_policy_message(MutableBytes message);

  // The largest payload that the stock driver needs: a variable of the largest size with the longest fixed part.
  std::uint64_t payload_size() const {
    return services_.limits().largest() - sizeof(format::RecordHeader) + sizeof(messages::NamedProperty);
  }

 private:
  abi::EfiStatus dispatch(std::uint64_t function, MutableBytes payload);
  abi::EfiStatus get_variable(MutableBytes payload);
  abi::EfiStatus get_next_variable_name(MutableBytes payload);
  abi::EfiStatus set_variable(MutableBytes payload);
  abi::EfiStatus query_variable_info(MutableBytes payload);
  abi::EfiStatus ready_to_boot();
  abi::EfiStatus lock_variable(MutableBytes payload);
  abi::EfiStatus set_property(MutableBytes payload);
  abi::EfiStatus get_property(MutableBytes payload);
  abi::EfiStatus get_payload_size(MutableBytes payload);

  abi::EfiStatus init_runtime_cache(Bytes payload);
  abi::EfiStatus get_runtime_cache_info(MutableBytes payload);

  abi::EfiStatus dispatch_policy(std::uint32_t command, MutableBytes body);
  abi::EfiStatus register_policy(MutableBytes body);
  abi::EfiStatus dump_policies(MutableBytes body);
  abi::EfiStatus policy_info(MutableBytes body, bool lock_on_state);

  VariableServices& services_;
  const OutsideMemory* outside_;
  std::size_t dump_size_ = 0;  // of the dump under way; 0: none
};

}  // namespace redoubt::variable
