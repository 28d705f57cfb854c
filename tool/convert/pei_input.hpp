// SPDX-License-Identifier: BSD-2-Clause-Patent
// What others bring for PEI and for the time after it: PEIMs, and a payload in DXE's place. What PEI couldn't start is
// refused here, by name.
#pragma once

#include <string>

#include "abi/uefi/types.hpp"
#include "image/edit/buffer.hpp"
#include "tool/command.hpp"

namespace redoubt::tool {

using image::edit::Buffer;

// A third party's PEIM: what its file is made of. It is linked for its place when it has one.
struct PeimFile {
  std::string source;
  abi::Guid guid{};
  std::string name;
  Buffer depex;  // data of its DEPEX section
  Buffer executable;
};

// What PEI starts in the DXE core's place.
struct Payload {
  std::string source;
  abi::Guid guid{};
  std::string name;
  Buffer executable;
};

// A PEIM: a PEIM file (.ffs), whose GUID and DEPEX are kept, or a PE image (.efi), which is started once MM answers
// (its DEPEX is the MM communication PPI).
Result<PeimFile, CommandError> read_peim(const std::string& path);

// A payload: a relocatable PE32+ image for x86-64 (.efi) that takes a HOB list as DXE cores do.
Result<Payload, CommandError> read_payload(const std::string& path);

}  // namespace redoubt::tool
