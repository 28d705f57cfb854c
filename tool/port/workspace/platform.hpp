// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a platform's build makes of a module: which libraries it is linked with, in which order their constructors run,
// what its DEPEX becomes, and of which kind its PCDs are (edk2's build, as its BaseTools decide).
#pragma once

#include "tool/port/metadata/dsc.hpp"
#include "tool/port/metadata/fdf.hpp"
#include "tool/port/workspace/depex_source.hpp"
#include "tool/port/workspace/workspace.hpp"

namespace redoubt::port {

struct LinkedLibrary {
  std::string library_class;  // "NULL" for what is linked anyway
  std::string instance;
  Place binding;  // the line that chose it
  std::string consumer;
};

struct LinkProblem {
  std::string library_class;
  std::string instance;  // empty if nothing is bound to the class
  std::string consumer;  // who asks for it
  Place place;
  std::string reason;
};

struct Linkage {
  // Constructors run in this order.
  std::vector<LinkedLibrary> libraries;
  std::vector<LinkProblem> problems;
};

class Platform {
 public:
  // `given` are the builder's macros. The FDF is the one that the DSC names, if it names one.
  static ReadResult<Platform> read(Workspace& workspace, const std::string& dsc, const Macros& given);

  const DscFile& dsc() const { return dsc_; }
  const std::optional<FdfFile>& fdf() const { return fdf_; }
  // An FDF that can't be read, as one that another platform completes.
  const std::optional<ReadError>& fdf_problem() const { return fdf_problem_; }

  // The module as the platform builds it for an architecture; null if it doesn't.
  const Component* component(std::string_view inf, std::string_view architecture) const;

  // What is bound to a class: in the component's braces, then by architecture and module type, the architecture first.
  // Null if nothing is.
  const LibraryBinding* binding(std::string_view library_class, const Component* component, const Build& build) const;

  // Adds a binding, as a section behind all others would.
  void bind(LibraryBinding binding) { dsc_.libraries.push_back(std::move(binding)); }

  // What `module` is linked with when it is built as `build` says.
  Linkage link(Workspace& workspace, const InfFile& module, const Component* component, const Build& build) const;

  // The kind that a [Pcd] entry gets, and the line that decides; DEC's if the platform doesn't say.
  struct PcdAnswer {
    PcdKind kind;
    Place place;
  };
  std::optional<PcdAnswer> pcd_kind(const Workspace& workspace, const InfFile::PcdEntry& pcd,
                                    const Component* component, std::string_view architecture) const;

 private:
  DscFile dsc_;
  std::optional<FdfFile> fdf_;
  std::optional<ReadError> fdf_problem_;
};

// The module's own DEPEX and those that its libraries add, each with where it is.
struct DepexPart {
  std::string inf;
  Place place;
  DepexSource source;
};
ReadResult<std::vector<DepexPart>> depex_parts(Workspace& workspace, const InfFile& module, const Linkage& linkage,
                                               const Build& build);

}  // namespace redoubt::port
