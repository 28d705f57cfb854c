// SPDX-License-Identifier: BSD-2-Clause-Patent
// What has to be known of every input that a user brings, whatever it is for.
#pragma once

#include <string>

#include "abi/uefi/types.hpp"
#include "base/byte_reader.hpp"
#include "image/executable.hpp"

namespace redoubt::tool {

// The GUID of what comes without one. It only has to differ from others' and be the same next time: a checksum does,
// and two of the same name are refused anyway.
abi::Guid guid_of_contents(Bytes contents);

// `text` with '_' for what isn't printable ASCII.
std::string ascii_name(const std::string& text);

// Checks every relocation, so that loading the image can't fail later. Empty if it can be relocated, else why not.
std::string why_not_relocatable(const image::ExecutableView& view);

}  // namespace redoubt::tool
