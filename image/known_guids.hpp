// SPDX-License-Identifier: BSD-2-Clause-Patent
// Names of well-known GUIDs, for people. Host only: nothing may behave differently because a name is known.
#pragma once

#include <string>
#include <string_view>

#include "abi/uefi/types.hpp"

namespace redoubt::image {

// Empty if it has none.
std::string_view known_name(const abi::Guid& guid);

// Its name, or the GUID in registry format.
std::string name_or_text(const abi::Guid& guid);

}  // namespace redoubt::image
