// SPDX-License-Identifier: BSD-2-Clause-Patent
// What DSC and FDF files really say: !if and its relatives decided, !include followed, macros in place. Its reader gets
// the lines that count, each with the place where it stands, so that a change goes to the right file.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "tool/port/metadata/document.hpp"

namespace redoubt::port {

using Macros = std::map<std::string, std::string, std::less<>>;

// Finds the file that an !include names. `including` is the file that it stands in.
using IncludeSource = std::function<ReadResult<std::shared_ptr<const Document>>(
    const std::string& path, const std::string& including, const Place& place)>;

struct ActiveLine {
  Place place;
  std::string content;  // without its comment, macros in place
  bool is_heading = false;
};

struct DirectiveInput {
  IncludeSource include;
  Macros given;  // the builder's choice (-D of edk2's build); a DEFINE doesn't change it
  Macros outer;  // of the platform, for its FDF: a DEFINE does
  Macros pcds;   // values of PCDs that conditions may name
  // Whether a condition on a PCD without a value is an error, or doesn't hold.
  bool pcds_complete = true;
};

// Beyond what platforms have; includes that multiply end here.
inline constexpr std::size_t deepest_include = 32;
inline constexpr std::size_t most_active_lines = 200'000;

// Calls `line` for each line that counts. What it returns as an error ends the reading. The result is the file's
// macros.
ReadResult<Macros> read_active_lines(std::shared_ptr<const Document> document, const DirectiveInput& input,
                                     const std::function<ReadResult<void>(const ActiveLine&)>& line);

}  // namespace redoubt::port
