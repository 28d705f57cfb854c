// SPDX-License-Identifier: BSD-2-Clause-Patent
// The messages by which the stock DXE driver VariableSmmRuntimeDxe reaches the variable driver in MM: edk2's
// MdeModulePkg/Include/Guid/SmmVariableCommon.h and Protocol/VarCheck.h, unchanged from edk2-stable202211 to 202605.
// MM is 64-bit, so UINTN and EFI_STATUS take 8 bytes. Structures here end where a name begins. Their HeaderGuid is
// smm_variable_guid.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/pi/communication_protocols.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::abi::variable_messages {

enum class VariableFunction : std::uint64_t {
  get_variable = 1,
  get_next_variable_name = 2,
  set_variable = 3,
  query_variable_info = 4,
  ready_to_boot = 5,
  exit_boot_services = 6,
  get_statistics = 7,
  lock_variable = 8,
  set_property = 9,
  get_property = 10,
  get_payload_size = 11,
  init_runtime_cache = 12,
  sync_runtime_cache = 13,
  get_runtime_cache_info = 14,
};

// SMM_VARIABLE_COMMUNICATE_HEADER; the payload follows.
struct VariableMessageHeader {
  std::uint64_t function;
  std::uint64_t return_status;
};
static_assert(offsetof(VariableMessageHeader, return_status) == 8 && sizeof(VariableMessageHeader) == 16);

// SMM_VARIABLE_COMMUNICATE_ACCESS_VARIABLE: the name follows, then the data.
struct [[gnu::packed]] AccessVariable {
  Guid vendor;
  std::uint64_t data_size;
  std::uint64_t name_size;
  std::uint32_t attributes;
};
static_assert(offsetof(AccessVariable, attributes) == 32 && sizeof(AccessVariable) == 36);

// SMM_VARIABLE_COMMUNICATE_GET_NEXT_VARIABLE_NAME and SMM_VARIABLE_COMMUNICATE_LOCK_VARIABLE: the name follows.
struct NamedVariable {
  Guid vendor;
  std::uint64_t name_size;
};
static_assert(offsetof(NamedVariable, name_size) == 16 && sizeof(NamedVariable) == 24);

// SMM_VARIABLE_COMMUNICATE_QUERY_VARIABLE_INFO.
struct QueryVariableInfo {
  std::uint64_t maximum_storage_size;
  std::uint64_t remaining_storage_size;
  std::uint64_t maximum_variable_size;
  std::uint32_t attributes;
  std::uint32_t padding;
};
static_assert(offsetof(QueryVariableInfo, attributes) == 24 && sizeof(QueryVariableInfo) == 32);

// VAR_CHECK_VARIABLE_PROPERTY.
struct VariableProperty {
  static constexpr std::uint16_t current_revision = 1;
  static constexpr std::uint16_t read_only = 1;

  std::uint16_t revision;
  std::uint16_t property;
  std::uint32_t attributes;    // all that the variable must have, no others; 0 for any
  std::uint64_t minimum_size;  // of its data
  std::uint64_t maximum_size;
};
static_assert(offsetof(VariableProperty, minimum_size) == 8 && sizeof(VariableProperty) == 24);

// SMM_VARIABLE_COMMUNICATE_VAR_CHECK_VARIABLE_PROPERTY: the name follows.
struct NamedProperty {
  Guid vendor;
  std::uint64_t name_size;
  VariableProperty property;
};
static_assert(offsetof(NamedProperty, property) == 24 && sizeof(NamedProperty) == 48);

// SMM_VARIABLE_COMMUNICATE_GET_PAYLOAD_SIZE: bytes that may follow a VariableMessageHeader.
struct PayloadSize {
  std::uint64_t payload_size;
};
static_assert(sizeof(PayloadSize) == 8);

// SMM_VARIABLE_COMMUNICATE_RUNTIME_VARIABLE_CACHE_CONTEXT: addresses of the sender's.
struct RuntimeCacheContext {
  std::uint64_t read_lock;           // of one byte
  std::uint64_t pending_update;      // of one byte
  std::uint64_t hob_flush_complete;  // of one byte
  std::uint64_t hob_cache;           // a store's, or 0
  std::uint64_t non_volatile_cache;
  std::uint64_t volatile_cache;
};
static_assert(offsetof(RuntimeCacheContext, pending_update) == 8 && offsetof(RuntimeCacheContext, hob_cache) == 24 &&
              offsetof(RuntimeCacheContext, non_volatile_cache) == 32 &&
              offsetof(RuntimeCacheContext, volatile_cache) == 40 && sizeof(RuntimeCacheContext) == 48);

// SMM_VARIABLE_COMMUNICATE_GET_RUNTIME_CACHE_INFO.
struct RuntimeCacheInfo {
  std::uint64_t hob_storage_size;
  std::uint64_t non_volatile_storage_size;
  std::uint64_t volatile_storage_size;
  std::uint8_t is_authenticated;
  std::uint8_t padding[7];
};
static_assert(offsetof(RuntimeCacheInfo, is_authenticated) == 24 && sizeof(RuntimeCacheInfo) == 32);

// Policies about variables are messages of their own (Guid/VarCheckPolicyMmi.h).
// gVarCheckPolicyLibMmiHandlerGuid: HeaderGuid of these messages.
inline constexpr Guid policy_message_guid = {
    0xda1b0d11, 0xd1a7, 0x46c4, {0x9d, 0xc9, 0xf3, 0x71, 0x48, 0x75, 0xc6, 0xeb}};

// VAR_CHECK_POLICY_COMM_HEADER.
struct [[gnu::packed]] PolicyMessageHeader {
  static constexpr std::uint32_t expected_signature = 0x43504356;  // "VCPC"
  static constexpr std::uint32_t current_revision = 1;

  std::uint32_t signature;
  std::uint32_t revision;
  std::uint32_t command;
  std::uint64_t result;
};
static_assert(offsetof(PolicyMessageHeader, result) == 12 && sizeof(PolicyMessageHeader) == 20);

}  // namespace redoubt::abi::variable_messages
