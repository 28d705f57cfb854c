// SPDX-License-Identifier: BSD-2-Clause-Patent
// Headers of our own for a module whose packages aren't there. They are used all together or not at all: a header of
// the real package beside a declaration of ours would declare everything twice.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::tool::port {

/// The names, as they are included, that stand_in_header() answers for.
std::span<const std::string_view> stand_in_names();

/// The content of each of them.
std::string_view stand_in_header();

/// Whether one of the directories has the header that all others of the specification rest on, so that no stand-ins are
/// wanted.
bool has_real_headers(const std::vector<std::string>& include_directories);

}  // namespace redoubt::tool::port
