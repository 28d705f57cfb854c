// SPDX-License-Identifier: BSD-2-Clause-Patent
// A platform's description (edk2's DSC file), for one architecture and one set of macros: what it builds, and what its
// modules are linked with. Entries keep their places, in the file itself or in one that it includes.
#pragma once

#include <span>

#include "tool/port/metadata/directives.hpp"
#include "tool/port/metadata/sections.hpp"

namespace redoubt::port {

enum class PcdKind : std::uint8_t { feature_flag, fixed, patchable, dynamic, dynamic_ex };
const char* to_string(PcdKind kind);
// Of a section by its name up to the first dot ("PCDSDYNAMICEXHII"); nothing for a section without PCDs.
std::optional<PcdKind> pcd_kind_of_section(std::string_view name);
// Kept in the PCD database, which MM_STANDALONE modules can't reach.
constexpr bool in_database(PcdKind kind) { return kind == PcdKind::dynamic || kind == PcdKind::dynamic_ex; }

struct LibraryBinding {
  std::string library_class;  // "NULL" for what is linked anyway
  std::string instance;       // a tree path
  std::string architecture;   // in upper case, "COMMON" for all
  std::string module_type;
  Place place;
};

struct PcdSetting {
  std::string name;  // TokenSpace.Name
  PcdKind kind;
  std::string value;
  std::string architecture;
  Place place;
};

struct BuildOption {
  std::string name;   // FAMILY:TARGET_TOOLCHAIN_ARCH_TOOL_ATTRIBUTE
  std::string value;  // what follows '=' or '=='
  std::string architecture;
  std::string style;  // "EDKII" or "COMMON"
  std::string module_type;
  Place place;
};

struct Component {
  std::string inf;  // a tree path
  std::string architecture;
  Place place;
  Place end;  // the line of its last brace, or its own
  std::vector<LibraryBinding> libraries;
  std::vector<PcdSetting> pcds;
  std::vector<BuildOption> build_options;
};

struct DscHeading {
  std::vector<SectionName> names;
  Place place;
};

struct DscFile {
  std::string name;
  std::map<std::string, std::string, std::less<>> defines;
  Macros macros;
  std::vector<LibraryBinding> libraries;
  std::vector<PcdSetting> pcds;
  std::vector<Component> components;
  std::vector<BuildOption> build_options;
  std::vector<DscHeading> headings;
};

// `input.pcds` needn't be filled: conditions see what the file itself says, as the build has it.
ReadResult<DscFile> read_dsc(std::shared_ptr<const Document> document, DirectiveInput input);

}  // namespace redoubt::port
