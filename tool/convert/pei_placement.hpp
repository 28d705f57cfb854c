// SPDX-License-Identifier: BSD-2-Clause-Patent
// PEIMs run in place: each is linked for the address where it lies in flash, which is known once the place of the PEI
// volume is.
#pragma once

#include <cstdint>
#include <optional>

#include "image/edit/tree.hpp"
#include "image/executable.hpp"
#include "tool/convert/pei_input.hpp"

namespace redoubt::tool {

// The executable section of a file, if it can be read, and its place from the start of the file.
struct PlacedExecutable {
  image::ExecutableView view;
  std::size_t offset;
};
[[nodiscard]] std::optional<PlacedExecutable> executable_of(const image::edit::File& file);

// What the PEI volume's own images were linked for when the image was built: they run in place, so this is where it is.
[[nodiscard]] image::edit::EditResult<std::uint64_t> find_run_address(const image::edit::Volume& volume,
                                                                      const image::edit::Volume::Slot& core);

[[nodiscard]] image::edit::EditResult<Buffer> make_peim_file(const PeimFile& peim, Bytes executable);

// A PEIM linked for the place where it will lie, byte for byte as it lies in memory there.
[[nodiscard]] image::edit::EditResult<Buffer> rebase_peim(const PeimFile& peim, std::uint64_t address);

}  // namespace redoubt::tool
