// SPDX-License-Identifier: BSD-2-Clause-Patent
// A module's description (edk2's INF file). Reads all entries, for whatever architecture; callers that build for one
// ask with it. Changes go to the Document and come back as another InfFile, so that no index is ever stale.
#pragma once

#include <map>

#include "tool/port/metadata/sections.hpp"

namespace redoubt::port {

// Who an entry is for.
struct Build {
  std::string architecture;
  std::string module_type;
};

// A GUID, protocol, library class, PCD, source or package that a module lists.
struct InfEntry {
  std::string name;                 // as listed, without what follows a `|`; paths as tree paths
  std::vector<std::string> fields;  // what follows, between `|`
  std::string comment;
  std::size_t entry = 0;  // index into InfFile::file().entries
};

struct DefineEntry {
  std::string name;
  std::string value;
  bool is_macro = false;  // DEFINE NAME = VALUE
  std::size_t line = 0;   // index
};

class InfFile {
 public:
  static ReadResult<InfFile> parse(Document document);

  const Document& document() const { return document_; }
  const SectionedFile& file() const { return file_; }

  // The values of [Defines].
  const std::vector<DefineEntry>& defines() const { return defines_; }
  const DefineEntry* define(std::string_view name) const;
  std::string value(std::string_view name) const;  // empty if there is none
  std::string base_name() const { return value("BASE_NAME"); }
  std::string module_type() const { return upper(value("MODULE_TYPE")); }

  // For LIBRARY_CLASS entries of [Defines]: the class and the module types, none for all.
  struct Provided {
    std::string library_class;
    std::vector<std::string> module_types;
    std::size_t line = 0;

    bool supports(std::string_view module_type) const;
  };
  std::vector<Provided> provided() const;
  bool is_library() const { return !provided().empty(); }
  std::vector<std::string> constructors() const;

  // Entries of sections of this kind ("SOURCES", "LIBRARYCLASSES", ...), those that apply to `build`, or all.
  std::vector<InfEntry> entries(std::string_view kind, const Build* build = nullptr) const;
  // The same of all sections that list PCDs, each with its section's kind.
  struct PcdEntry {
    std::string kind;  // "PCD", "FIXEDPCD", "FEATUREPCD", "PATCHPCD", "PCDEX"
    InfEntry entry;
  };
  std::vector<PcdEntry> pcds(const Build* build = nullptr) const;

  // The words of [Depex] that apply, one expression for each section, as edk2's build takes them.
  struct DepexSource {
    std::string text;
    std::size_t first_line = 0;  // indices
    std::size_t last_line = 0;
  };
  std::vector<DepexSource> depex(const Build& build) const;

 private:
  bool section_applies(const Section& section, std::string_view kind, const Build* build) const;
  std::string expand(std::string_view text) const;

  Document document_;
  SectionedFile file_;
  std::vector<DefineEntry> defines_;
  std::map<std::string, std::string, std::less<>> macros_;
};

}  // namespace redoubt::port
