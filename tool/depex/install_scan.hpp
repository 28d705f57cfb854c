// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which protocols an X64 image's code installs, as far as that can be read off it: calls through a system table's
// pointer to an installing service, with the address of a GUID of the image in the argument's register. A call that
// goes another way isn't found, so a protocol that isn't in the result may be installed all the same; one that is in it
// was seen.
#pragma once

#include <vector>

#include "abi/uefi/types.hpp"
#include "image/executable.hpp"

namespace redoubt::tool::depex {

struct InstallCall {
  abi::Guid protocol{};
  std::uint32_t rva = 0;  // of the call
  bool in_mm = false;     // MmInstallProtocolInterface; otherwise one of the boot services
};

// In order of addresses. Empty for an image of another machine.
std::vector<InstallCall> find_install_calls(const image::ExecutableView& image);

}  // namespace redoubt::tool::depex
