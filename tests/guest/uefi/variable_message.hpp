// SPDX-License-Identifier: BSD-2-Clause-Patent
// Messages to the variable driver in MM as the stock DXE driver sends them (edk2,
// MdeModulePkg/Include/Guid/SmmVariableCommon.h), for programs that go past that driver.
#pragma once

#include "abi/pi/communicate.hpp"
#include "abi/pi/communication_protocols.hpp"

namespace redoubt::guest {

struct VariableMessageHeader {
  std::uint64_t function;
  std::uint64_t return_status;
};

inline constexpr std::uint64_t variable_function_get_variable = 1;
inline constexpr std::uint64_t variable_function_get_payload_size = 11;

// A message that has no effect and that every variable driver answers: the size of the largest variable.
struct PayloadSizeMessage {
  abi::CommunicateHeader header{abi::smm_variable_guid, sizeof(VariableMessageHeader) + sizeof(std::uint64_t)};
  VariableMessageHeader variable{variable_function_get_payload_size, ~std::uint64_t{0}};
  std::uint64_t payload_size = 0;
};
static_assert(sizeof(PayloadSizeMessage) == 48);

// GetVariable with a name of NameUnits characters, the terminating one included, and room for DataBytes of data.
template <std::size_t NameUnits, std::size_t DataBytes>
struct [[gnu::packed]] GetVariableMessage {
  abi::CommunicateHeader header;
  VariableMessageHeader variable;
  abi::Guid vendor;
  std::uint64_t data_size;
  std::uint64_t name_size;
  std::uint32_t attributes;
  abi::Char16 name[NameUnits];
  std::uint8_t data[DataBytes];
};

using SmallestGetVariableMessage = GetVariableMessage<1, 1>;
static_assert(offsetof(SmallestGetVariableMessage, name) == 76);

}  // namespace redoubt::guest
