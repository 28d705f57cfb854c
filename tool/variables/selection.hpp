// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which variable a user means: its name, and its vendor GUID where the name alone isn't enough.
#pragma once

#include <string>

#include "tool/variables/store_file.hpp"

namespace redoubt::tool::variables {

// What stands on the command line.
struct Selection {
  std::string name;
  std::string guid;  // in registry format, or a vendor's name as `vars list` prints it; may be empty
};

// The options NAME and --guid.
void add_selection(const Verb& verb, Selection& selection);

struct SelectedVariable {
  abi::Guid vendor{};
  std::u16string name;

  variable::VariableId id() const { return {vendor, name}; }
};

// The variable of `store` that is meant. Without a GUID it is the only one with its name, or the one of
// EFI_GLOBAL_VARIABLE. Exit status 1 when there is none, 2 when the words can't be understood.
Result<SelectedVariable, CommandError> select_present(const StoreFile& store, const Selection& selection);

// The same for a variable that may still have to be made: without a GUID one that UEFI defines by this name.
Result<SelectedVariable, CommandError> select_any(const StoreFile& store, const Selection& selection);

// A vendor as people see it: the name of its GUID, or the GUID.
std::string vendor_text(const abi::Guid& vendor);

}  // namespace redoubt::tool::variables
