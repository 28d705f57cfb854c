// SPDX-License-Identifier: BSD-2-Clause-Patent
// The Management Mode modules of an image (PI 1.9, volume 4, chapter 1; file types: volume 3, chapter 3). Host only.
#pragma once

#include <string>
#include <vector>

#include "image/tree.hpp"

namespace redoubt::image {

enum class MmModel : std::uint8_t {
  traditional,
  traditional_core,
  combined,  // started twice: by DXE, then in MMRAM
  standalone,
  standalone_core,
};

struct MmModule {
  MmModel model;
  const Node* file;        // in the tree
  std::string name;        // of the user interface section; empty if there is none
  const Node* executable;  // section with a readable image, or null
  const Node* mm_depex;    // section with a readable expression, or null
  const Node* dxe_depex;   // the same, of a combined module
};

// "traditional", "traditional core", ...
const char* to_string(MmModel model);
// What the entry point is called with: "EFI_SYSTEM_TABLE", "EFI_SYSTEM_TABLE, twice", "EFI_MM_SYSTEM_TABLE", "HOB
// list".
const char* entry_kind(MmModel model);

// Nothing for a file type that isn't MM's.
std::optional<MmModel> mm_model(abi::FileType type);

// In the order of the tree, which must outlive the result.
std::vector<MmModule> find_mm_modules(const ImageTree& tree);

}  // namespace redoubt::image
