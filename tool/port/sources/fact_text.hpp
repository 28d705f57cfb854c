// SPDX-License-Identifier: BSD-2-Clause-Patent
// The kinds of questions that are asked of redoubt-source-facts' JSON, and of C text, by all parts of the planner.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace redoubt::port {

using Json = nlohmann::json;

inline constexpr std::string_view architecture = "X64";

// A string of an object; empty if it has none of that name.
std::string text_in(const Json& json, const char* name);
// A list of an object; empty if it has none of that name.
const Json& list_in(const Json& json, const char* name);
// Whether a list has a string.
bool has(const Json& list, std::string_view text);

// Without blanks and line ends around it.
std::string_view bare(std::string_view text);
bool is_c_source(std::string_view path);
// Whether one of a fact's phases is a handler's.
bool is_handler_phase(const Json& phases);
std::string file_name(const std::string& path);
std::string stem_of(const std::string& path);

// The comment at a file's top, if it says under which licence the file is: from the line of its copyright on.
std::string licence_of(const std::string& text);

}  // namespace redoubt::port
