// SPDX-License-Identifier: BSD-2-Clause-Patent
// The messages by which DXE manages variable policies in MM, and the policy entry itself: edk2's
// MdeModulePkg/Include/Guid/VarCheckPolicyMmi.h and Protocol/VariablePolicy.h; meaning as described in
// MdeModulePkg/Library/VariablePolicyLib/ReadMe.md. All layouts are packed, so they are read and written by copy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/pi/variable_messages.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::variable::messages {

using abi::variable_messages::policy_message_guid;
using abi::variable_messages::PolicyMessageHeader;

enum class PolicyCommand : std::uint32_t {
  disable = 1,
  is_enabled = 2,
  register_policy = 3,
  dump = 4,
  lock = 5,
  get_info = 6,
  get_lock_on_state_info = 7,
};

// VAR_CHECK_POLICY_COMM_DUMP_PARAMS: page 0 starts a dump and tells its size, pages from 1 on follow these parameters.
struct [[gnu::packed]] PolicyDump {
  std::uint32_t page_requested;
  std::uint32_t total_size;
  std::uint32_t page_size;
  std::uint8_t has_more;
};
static_assert(sizeof(PolicyDump) == 13);

// VARIABLE_POLICY_ENTRY. A lock-on-state policy has a LockOnStatePolicy and the state variable's name between it and
// its own name; no name at all stands for every variable of the namespace.
struct [[gnu::packed]] PolicyEntry {
  static constexpr std::uint32_t current_version = 0x00010000;

  std::uint32_t version;
  std::uint16_t size;  // names included
  std::uint16_t offset_to_name;
  abi::Guid vendor;
  std::uint32_t minimum_size;
  std::uint32_t maximum_size;
  std::uint32_t attributes_must_have;
  std::uint32_t attributes_cannot_have;
  std::uint8_t lock_type;  // PolicyLock
  std::uint8_t padding[3];
};
static_assert(offsetof(PolicyEntry, vendor) == 8 && offsetof(PolicyEntry, minimum_size) == 24 &&
              offsetof(PolicyEntry, lock_type) == 40 && sizeof(PolicyEntry) == 44);

enum class PolicyLock : std::uint8_t { none = 0, now = 1, on_create = 2, on_variable_state = 3 };

// VARIABLE_LOCK_ON_VAR_STATE_POLICY.
struct [[gnu::packed]] LockOnStatePolicy {
  abi::Guid vendor;
  std::uint8_t value;
  std::uint8_t padding;
};
static_assert(sizeof(LockOnStatePolicy) == 18);

// VAR_CHECK_POLICY_COMM_GET_INFO_PARAMS; the input name follows, then room for the output name.
struct [[gnu::packed]] PolicyInfo {
  abi::Guid vendor;
  std::uint32_t input_name_size;
  std::uint32_t output_name_size;
  std::uint8_t entry[sizeof(PolicyEntry)];  // PolicyEntry, or LockOnStatePolicy in its first bytes
};
static_assert(offsetof(PolicyInfo, entry) == 24 && sizeof(PolicyInfo) == 68);

// A whole message with its communicate header takes four pages; what dump and the two info commands leave of it is
// the room for their output.
inline constexpr std::size_t policy_message_size = 4 * 0x1000 - 24;
inline constexpr std::size_t policy_dump_page_size =
    policy_message_size - sizeof(PolicyMessageHeader) - sizeof(PolicyDump);
inline constexpr std::size_t policy_info_names_size =
    policy_message_size - sizeof(PolicyMessageHeader) - sizeof(PolicyInfo);
static_assert(policy_dump_page_size == 16327 && policy_info_names_size == 16272);

}  // namespace redoubt::variable::messages
