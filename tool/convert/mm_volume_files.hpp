// SPDX-License-Identifier: BSD-2-Clause-Patent
// The files of the MM volume that are made from something other than a driver's file.
#pragma once

#include <vector>

#include "image/edit/tree.hpp"
#include "tool/convert/conversion.hpp"

namespace redoubt::tool {

// The supervisor or the foundation.
[[nodiscard]] image::edit::EditResult<Buffer> make_core_file(const FirmwareModule& module, abi::FileType type);
// The list of drivers that the loader admits although their sections aren't aligned to pages.
[[nodiscard]] image::edit::EditResult<Buffer> make_exceptions_file(const std::vector<AlignmentException>& exceptions);
// What becomes of the machine when a driver fails.
[[nodiscard]] image::edit::EditResult<Buffer> make_fault_policies_file(const std::vector<DriverFaultPolicy>& policies);

}  // namespace redoubt::tool
