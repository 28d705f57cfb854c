// SPDX-License-Identifier: BSD-2-Clause-Patent
// Names of the files and symbols that a port makes. They are derived from the module's own, so that a second run makes
// the same.
#pragma once

#include <string>
#include <string_view>

#include "abi/uefi/types.hpp"

namespace redoubt::port {

// "LampSmm" becomes "LampStandaloneMm", "SmmLampLib" "StandaloneMmLampLib".
std::string standalone_name(std::string_view name);

// A name-based UUID (RFC 9562, version 5) of the old GUID in a name space of our own.
abi::Guid standalone_guid(const abi::Guid& old);

}  // namespace redoubt::port
