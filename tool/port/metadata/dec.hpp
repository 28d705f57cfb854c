// SPDX-License-Identifier: BSD-2-Clause-Patent
// A package's description (edk2's DEC file): what its modules may list, and where its headers are.
#pragma once

#include <map>
#include <optional>

#include "abi/uefi/types.hpp"
#include "tool/port/metadata/sections.hpp"

namespace redoubt::port {

class DecFile {
 public:
  static ReadResult<DecFile> parse(Document document);

  const Document& document() const { return document_; }

  enum class GuidKind : std::uint8_t { guid, protocol, ppi };
  struct Guid {
    std::string name;
    abi::Guid value;
    GuidKind kind;
    std::size_t line;  // index
  };
  struct LibraryClass {
    std::string name;
    std::string header;  // from the package's folder
    std::size_t line;
  };
  struct Pcd {
    std::string name;  // TokenSpace.Name
    std::string default_value;
    std::string datum_type;
    std::string token;
    std::vector<std::string> kinds;  // of the sections that declare it: "PCDSFIXEDATBUILD", ...
    std::size_t line;
  };
  struct Include {
    std::string folder;  // from the package's folder
    std::string architecture;
  };

  const std::vector<Guid>& guids() const { return guids_; }
  const std::vector<LibraryClass>& library_classes() const { return library_classes_; }
  const std::vector<Pcd>& pcds() const { return pcds_; }
  const std::vector<Include>& includes() const { return includes_; }

 private:
  ReadResult<void> add_guid(const Entry& entry, GuidKind kind);
  ReadResult<void> add_pcd(const Entry& entry, const Section& section);

  Document document_;
  std::vector<Guid> guids_;
  std::vector<LibraryClass> library_classes_;
  std::vector<Pcd> pcds_;
  std::map<std::string, std::size_t> pcd_index_;
  std::vector<Include> includes_;
};

// A GUID in C's form, { 0x8c8ce578, 0x8a3d, 0x4f1c, { 0x99, ... } }, or in registry format.
std::optional<abi::Guid> parse_guid_value(std::string_view text);

}  // namespace redoubt::port
