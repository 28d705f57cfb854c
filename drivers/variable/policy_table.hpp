// SPDX-License-Identifier: BSD-2-Clause-Patent
// The variable policies of this boot: which variables may be written, how large, with which attributes, until when. Of
// several that match a variable the one with the fewest wildcards counts; a policy without a name comes last. Policies
// are added until the table is locked and never removed; callers ask check() from the end of DXE on, as stock firmware
// does: its BDS locks variables before it writes them for the last time. Behaviour as edk2's VariablePolicyLib, with
// one deliberate difference: the variable that a lock depends on is looked up even if the OS cannot see it, so a lock
// doesn't open at ExitBootServices.
#pragma once

#include "abi/uefi/types.hpp"
#include "base/allocator.hpp"
#include "base/byte_reader.hpp"
#include "drivers/variable/messages/policy_messages.hpp"
#include "drivers/variable/store/variable.hpp"
#include "drivers/variable/store/variable_table.hpp"

namespace redoubt::variable {

class PolicyTable {
 public:
  // `disable_allowed`: whether the platform lets DXE switch policies off before they are locked.
  PolicyTable(Allocator& allocator, const VariableTable& variables, bool disable_allowed)
      : allocator_(allocator), variables_(variables), disable_allowed_(disable_allowed) {}
  PolicyTable(const PolicyTable&) = delete;
  PolicyTable& operator=(const PolicyTable&) = delete;
  ~PolicyTable() { allocator_.release(entries_); }

  // `entry` is a whole PolicyEntry with its names. Statuses: write_protected once locked, invalid_parameter for an
  // entry that contradicts itself, already_started when there is a policy for exactly this name, out_of_resources.
  abi::EfiStatus add(Bytes entry);
  // Locks one variable for good; success too when a policy already does. access_denied when there is a policy that
  // doesn't.
  abi::EfiStatus add_lock(const VariableId& id);

  // What SetVariable may do: success, write_protected, or invalid_parameter for size or attributes.
  abi::EfiStatus check(const VariableId& id, std::uint32_t attributes, std::size_t data_size) const;

  abi::EfiStatus disable();
  bool is_enabled() const { return !disabled_; }
  // write_protected when it was locked before.
  abi::EfiStatus lock();

  // All entries, one after the other, as they were added.
  Bytes entries() const { return {entries_, used_}; }
  // The entry that counts for a variable; empty when none does.
  Bytes find(const VariableId& id) const;

  static constexpr std::uint32_t size_limit = 0x10000;  // bytes of all entries

 private:
  struct Match {
    Bytes entry;
    std::uint32_t wildcards = 0;
  };
  Match match(const VariableId& id) const;

  Allocator& allocator_;
  const VariableTable& variables_;
  std::byte* entries_ = nullptr;
  std::uint32_t used_ = 0;
  std::uint32_t allocated_ = 0;
  bool locked_ = false;
  bool disabled_ = false;
  bool disable_allowed_;
};

}  // namespace redoubt::variable
