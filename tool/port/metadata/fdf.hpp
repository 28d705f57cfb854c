// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a platform's flash description (edk2's FDF file) says about modules: which volumes they are in, and by which
// rules their files are made. What else is in it, layout and raw data, is read over.
#pragma once

#include "tool/port/metadata/directives.hpp"

namespace redoubt::port {

struct FdfModule {
  std::string inf;      // a tree path
  std::string volume;   // of [FV.NAME]
  std::string options;  // in front of the path, as written
  Place place;
  bool apriori = false;  // named in an APRIORI block, which places nothing
};

struct FdfRule {
  std::string architecture;  // in upper case
  std::string module_type;
  std::string name;  // of a rule that an INF statement asks for; empty for the type's own
  Place place;       // of its heading
  Place last;        // of its last line
};

struct FdfFile {
  std::string name;
  std::vector<FdfModule> modules;
  std::vector<FdfRule> rules;
};

ReadResult<FdfFile> read_fdf(std::shared_ptr<const Document> document, const DirectiveInput& input);

}  // namespace redoubt::port
