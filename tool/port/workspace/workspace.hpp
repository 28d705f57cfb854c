// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a source tree holds as edk2's build sees it: packages and what they declare, modules and libraries, and which of
// them produce and consume protocols, as their INF files say.
#pragma once

#include <set>

#include "tool/port/metadata/dec.hpp"
#include "tool/port/metadata/inf.hpp"
#include "tool/port/workspace/tree.hpp"

namespace redoubt::port {

class Workspace {
 public:
  explicit Workspace(Tree tree) : tree_(std::move(tree)) {}

  Tree& tree() { return tree_; }
  const Tree& tree() const { return tree_; }

  // Reads all packages and modules of the tree. What can't be read is a problem, not an error: it belongs to another
  // module than the one at hand.
  ReadResult<void> read_all();
  const std::vector<ReadError>& problems() const { return problems_; }

  // A module or library, read once. `asked_at` is the line that names it.
  ReadResult<std::shared_ptr<const InfFile>> inf(const std::string& path, const Place& asked_at);

  // The modules and libraries that were read, by path.
  const std::map<std::string, std::shared_ptr<const InfFile>, std::less<>>& infs() const { return infs_; }

  struct Declaration {
    std::string package;  // the DEC's tree path
    Place place;
  };
  struct GuidDeclaration : Declaration {
    abi::Guid value;
    DecFile::GuidKind kind;
  };
  struct PcdDeclaration : Declaration {
    std::vector<std::string> kinds;
    std::string datum_type;
    std::string default_value;
  };
  const GuidDeclaration* guid(std::string_view name) const;
  // All names of one GUID, since Traditional and Standalone MM name many protocols apart.
  std::vector<std::string> names_of(const abi::Guid& guid) const;
  const Declaration* library_class(std::string_view name) const;
  // The class whose header, by its tree path, a package declares; empty if none does.
  std::string class_of_header(std::string_view header) const;
  // Where a package's headers are, as tree paths.
  std::vector<std::string> include_folders(std::string_view package, std::string_view architecture) const;
  // Modules and libraries that list a source, by path.
  std::vector<std::string> users_of_source(std::string_view source) const;
  const PcdDeclaration* pcd(std::string_view name) const;

  // Instances of a class that say that they support a module type.
  std::vector<std::string> instances(std::string_view library_class, std::string_view module_type) const;

  // Who says in its INF that it produces, or consumes, the protocol or GUID of that name; by path. Names of one GUID
  // count as one.
  enum class Usage : std::uint8_t { produces, consumes };
  std::vector<std::string> users(std::string_view name, Usage usage) const;

 private:
  void add(const DecFile& dec);
  void add(const std::string& path, const InfFile& inf);

  Tree tree_;
  std::vector<ReadError> problems_;
  std::map<std::string, std::shared_ptr<const InfFile>, std::less<>> infs_;
  std::map<std::string, GuidDeclaration, std::less<>> guids_;
  std::map<std::string, std::vector<std::string>> names_by_guid_;  // by the GUID's text
  std::map<std::string, Declaration, std::less<>> library_classes_;
  std::map<std::string, std::string, std::less<>> classes_by_header_;
  std::map<std::string, std::vector<DecFile::Include>, std::less<>> includes_;  // folders from the package's
  std::map<std::string, std::set<std::string>, std::less<>> users_of_sources_;
  std::map<std::string, PcdDeclaration, std::less<>> pcds_;
  std::map<std::string, std::vector<std::string>, std::less<>> libraries_by_class_;
  std::map<std::string, std::set<std::string>, std::less<>> producers_;
  std::map<std::string, std::set<std::string>, std::less<>> consumers_;
};

// What the comment at a protocol or GUID says: "## PRODUCES", "## SOMETIMES_CONSUMES", "## NOTIFY", ...
bool says_produced(std::string_view comment);
bool says_consumed(std::string_view comment);

}  // namespace redoubt::port
