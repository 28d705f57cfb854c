// SPDX-License-Identifier: BSD-2-Clause-Patent
// What people call file types, section types, machines and formats. Host only.
#pragma once

#include <string>

#include "abi/pi/firmware_volume.hpp"
#include "image/executable.hpp"

namespace redoubt::image {

// "PEIM", "MM driver", ..., or the number of a type that has no name.
std::string type_name(abi::FileType type);
std::string type_name(abi::SectionType type);
// "IA32", "X64", ..., or the number.
std::string machine_name(std::uint16_t machine);
const char* format_name(ExecutableFormat format);
// Of a GUIDed section's definition: "LZMA", ..., or the GUID.
std::string definition_name(const abi::Guid& definition);

}  // namespace redoubt::image
