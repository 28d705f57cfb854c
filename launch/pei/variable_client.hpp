// SPDX-License-Identifier: BSD-2-Clause-Patent
// Variable services for PEIMs, each one message to the variable driver in MM: the same messages that the stock DXE
// driver sends, so that PEI sees the same store and is bound by the same checks. Callers are trusted with their own
// memory and nothing else: no length of theirs, and none in MM's answer, is used before it was compared.
//
// The message is composed in the communication buffer itself: a PEIM has no memory to spare for another copy.
#pragma once

#include "abi/uefi/types.hpp"
#include "launch/pei/message_channel.hpp"

namespace redoubt::launch {

class VariableClient {
 public:
  explicit VariableClient(MessageChannel& channel) : channel_(channel) {}

  // Whether a variable driver answers in MM.
  bool is_answered();

  // The services of UEFI 2.10, 8.2, as abi/redoubt/variable_ppi.hpp has them. Beyond the statuses of MM's driver:
  //   EFI_INVALID_PARAMETER  a pointer is null (but `attributes`, and `data` where no data is); for SetVariable also
  //                          when name and data are more than a message carries; for GetNextVariableName also when
  //                          `name` doesn't end within *name_size bytes
  //   EFI_NOT_FOUND          GetVariable of a name without characters, or of one too long for any variable
  //   EFI_NOT_READY          another message is with MM
  //   EFI_DEVICE_ERROR       MM doesn't answer, or its answer contradicts itself
  abi::EfiStatus get(const abi::Char16* name, const abi::Guid* vendor, std::uint32_t* attributes, abi::UintN* size,
                     void* data);
  abi::EfiStatus get_next(abi::UintN* name_size, abi::Char16* name, abi::Guid* vendor);
  abi::EfiStatus set(const abi::Char16* name, const abi::Guid* vendor, std::uint32_t attributes, abi::UintN size,
                     const void* data);
  abi::EfiStatus query(std::uint32_t attributes, std::uint64_t* maximum_storage_size,
                       std::uint64_t* remaining_storage_size, std::uint64_t* maximum_variable_size);

 private:
  MessageChannel& channel_;
};

}  // namespace redoubt::launch
