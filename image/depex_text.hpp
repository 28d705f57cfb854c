// SPDX-License-Identifier: BSD-2-Clause-Patent
// Dependency expressions the way people write them: `MmCpuService AND (Pcd OR NOT TRUE)`. Host only.
#pragma once

#include <string>

#include "image/depex.hpp"

namespace redoubt::image {

// Infix, with parentheses where they are needed, known GUIDs by name (image/known_guids.hpp). An expression of more
// than `depex_text_terms` terms gives a short remark instead.
inline constexpr std::size_t depex_text_terms = 512;
std::string to_infix(const DepexView& depex);

}  // namespace redoubt::image
