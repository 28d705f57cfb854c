// SPDX-License-Identifier: BSD-2-Clause-Patent
// Properties that DXE drivers state about their variables through the older VarCheck protocol: exact attributes, size
// range, read-only. They bind from the end of DXE on, when no more are taken.
#pragma once

#include "abi/uefi/types.hpp"
#include "base/allocator.hpp"
#include "drivers/variable/messages/variable_messages.hpp"
#include "drivers/variable/store/variable.hpp"

namespace redoubt::variable {

class PropertyTable {
 public:
  explicit PropertyTable(Allocator& allocator) : allocator_(allocator) {}
  PropertyTable(const PropertyTable&) = delete;
  PropertyTable& operator=(const PropertyTable&) = delete;
  ~PropertyTable();

  // Replaces what was stated before about the same variable. invalid_parameter for an unknown revision or an empty
  // name, out_of_resources.
  abi::EfiStatus set(const VariableId& id, const messages::VariableProperty& property);
  // Null when nothing is stated.
  const messages::VariableProperty* find(const VariableId& id) const;

  // What SetVariable may do: success, write_protected, or invalid_parameter for attributes or size.
  abi::EfiStatus check(const VariableId& id, std::uint32_t attributes, std::size_t data_size) const;

  static constexpr std::uint32_t limit = 256;        // properties
  static constexpr std::uint32_t name_limit = 1024;  // bytes of a name

 private:
  struct Entry;

  Allocator& allocator_;
  Entry* first_ = nullptr;
  std::uint32_t count_ = 0;
};

}  // namespace redoubt::variable
