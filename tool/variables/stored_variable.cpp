// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/variables/stored_variable.hpp"

#include <format>

#include "abi/uefi/guid_text.hpp"
#include "image/known_guids.hpp"
#include "tool/variables/text.hpp"

namespace redoubt::tool::variables {

std::string variable_row(const StoredVariable& variable) {
  const std::string_view vendor = image::known_name(variable.vendor);
  return std::format("{} {:<23} {:<12} {:>6} {}", abi::to_text(variable.vendor).view(), vendor.empty() ? "-" : vendor,
                     attributes_text(variable.attributes), variable.data.size(), to_utf8(variable.name));
}

}  // namespace redoubt::tool::variables
