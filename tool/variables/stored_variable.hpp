// SPDX-License-Identifier: BSD-2-Clause-Patent
// A variable and the volume that it's in, copied from a file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "abi/uefi/time.hpp"
#include "drivers/variable/store/layout.hpp"
#include "drivers/variable/store/variable.hpp"

namespace redoubt::tool::variables {

// Where in a file the volume is that holds the variables.
struct VolumePlace {
  std::uint64_t offset = 0;
  variable::StoreLayout layout;
};

struct StoredVariable {
  abi::Guid vendor{};
  std::u16string name;
  std::uint32_t attributes = 0;
  abi::Time time_stamp{};    // zero but for authenticated variables
  std::uint64_t offset = 0;  // of its record in the file
  std::vector<std::byte> data;

  variable::VariableId id() const { return {vendor, name}; }
};

// In one line: vendor, its name if it has one, attributes, bytes of data, name.
std::string variable_row(const StoredVariable& variable);

}  // namespace redoubt::tool::variables
