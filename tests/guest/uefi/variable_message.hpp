// SPDX-License-Identifier: BSD-2-Clause-Patent
// Whole messages to the variable driver in MM as the stock DXE driver sends them, for programs that go past that
// driver.
#pragma once

#include "abi/pi/communicate.hpp"
#include "abi/pi/variable_messages.hpp"

namespace redoubt::guest {

// A message that has no effect and that every variable driver answers: the size of the largest variable.
struct PayloadSizeMessage {
  abi::CommunicateHeader header{abi::smm_variable_guid, sizeof(variable) + sizeof(answer)};
  abi::variable_messages::VariableMessageHeader variable{
      static_cast<std::uint64_t>(abi::variable_messages::VariableFunction::get_payload_size), ~std::uint64_t{0}};
  abi::variable_messages::PayloadSize answer{};
};
static_assert(sizeof(PayloadSizeMessage) == 48);

// GetVariable with a name of NameUnits characters, the terminating one included, and room for DataBytes of data.
template <std::size_t NameUnits, std::size_t DataBytes>
struct [[gnu::packed]] GetVariableMessage {
  abi::CommunicateHeader header;
  abi::variable_messages::VariableMessageHeader variable;
  abi::variable_messages::AccessVariable access;
  abi::Char16 name[NameUnits];
  std::uint8_t data[DataBytes];
};

using SmallestGetVariableMessage = GetVariableMessage<1, 1>;
static_assert(offsetof(SmallestGetVariableMessage, name) == 76);

}  // namespace redoubt::guest
