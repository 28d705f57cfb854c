// SPDX-License-Identifier: BSD-2-Clause-Patent
// The form that all four kinds of metadata files share: headings in brackets, and entries below them. What an entry
// says is its reader's business (inf.hpp, dec.hpp); where it stands is the Document's.
#pragma once

#include <string>
#include <vector>

#include "tool/port/metadata/document.hpp"
#include "tool/port/metadata/text.hpp"

namespace redoubt::port {

// One name of a heading: `LibraryClasses.X64.DXE_SMM_DRIVER`. Kinds and architectures count in either case.
struct SectionName {
  std::string kind;                     // in upper case
  std::vector<std::string> qualifiers;  // what follows, as written

  // The qualifier at `index` in upper case, "COMMON" where there is none.
  std::string qualifier(std::size_t index) const;
};

// Whether a qualifier of an entry applies to what is built: it is the same, or common to all.
bool applies(std::string_view qualifier, std::string_view built);

bool is_heading(std::string_view content);
// `content` is the heading with its brackets.
ReadResult<std::vector<SectionName>> parse_heading(std::string_view content, const Place& place);

struct Section {
  std::vector<SectionName> names;
  std::size_t heading = 0;  // its line's index
  std::size_t end = 0;      // one behind its last line
};

struct Entry {
  std::size_t line = 0;  // index
  std::size_t section = 0;
  std::string content;
  std::string comment;         // on its line, and on the lines that start with "##" right above it
  std::size_t first_line = 0;  // index of the first of those, or of its own
};

// A whole file. Entries are all lines that have content below a heading, braces and names in angle brackets included.
struct SectionedFile {
  std::vector<Section> sections;
  std::vector<Entry> entries;
};
ReadResult<SectionedFile> read_sections(const Document& document);

}  // namespace redoubt::port
