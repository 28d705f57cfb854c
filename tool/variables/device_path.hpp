// SPDX-License-Identifier: BSD-2-Clause-Patent
// Device paths in the text form of UEFI 2.10, 10.6, as far as their nodes are common in boot options; the others are
// printed as the same section's Path(type,subtype,data).
#pragma once

#include <string>

#include "base/byte_reader.hpp"

namespace redoubt::tool::variables {

// The path that fills `bytes`, its instances with commas between. Damage ends it: what was read, then "(damaged)".
std::string device_path_text(Bytes bytes);

}  // namespace redoubt::tool::variables
