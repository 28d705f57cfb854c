// SPDX-License-Identifier: BSD-2-Clause-Patent
// Words and comments of a line, by the rules that INF, DEC, DSC and FDF files share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace redoubt::port {

std::string_view trim(std::string_view text);
std::string upper(std::string_view text);
bool equal_ignoring_case(std::string_view left, std::string_view right);

// Pieces between separators, trimmed. A separator within quotes doesn't count.
std::vector<std::string_view> split(std::string_view text, char separator);
// Words between blanks, quoted ones whole.
std::vector<std::string_view> words(std::string_view text);

struct CleanLine {
  std::string_view content;  // trimmed
  std::string_view comment;  // from its mark on; empty if there is none
};

// Comments start at `#` outside of quotes. A byte order mark is no content.
CleanLine clean(std::string_view line);

// A line whose content is `from` with `to` in its place; indentation and comment stay.
std::string with_content(std::string_view line, std::string_view to);

// Slashes for backslashes, no "./", "a/../" or doubled slashes. Empty for what is absolute or leaves the tree.
std::string tree_path(std::string_view path);
// The folder that a path's file is in, without a slash at the end; empty for the top.
std::string_view folder_of(std::string_view path);
std::string join_path(std::string_view folder, std::string_view path);

}  // namespace redoubt::port
