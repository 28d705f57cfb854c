// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who may install a protocol, out of all executables of an image: from their code, their data, and a record of a boot.
// Nothing here decides what happens; prediction.cpp does.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "image/mm_modules.hpp"
#include "image/tree.hpp"
#include "tool/depex/boot_record.hpp"
#include "tool/depex/install_scan.hpp"
#include "tool/depex/prediction.hpp"

namespace redoubt::tool::depex {

// A file with an executable.
struct Module {
  const image::Node* file = nullptr;
  std::string name;
  image::ExecutableView executable;
  bool in_mm = false;  // a driver of MM of either model; otherwise DXE's
  bool is_core = false;
  std::vector<InstallCall> installs;
  std::vector<abi::Guid> needs;   // what its own expression names: it doesn't install that
  bool has_broken_depex = false;  // so that `needs` says nothing
  const RecordedDriver* record = nullptr;
};

class Producers {
 public:
  // Both must outlive the object.
  Producers(const image::ImageTree& tree, const std::optional<BootRecord>& record);

  const Module* module_of(const image::Node& file) const;
  const std::optional<BootRecord>& record() const { return record_; }

  // All who may install `protocol` for a dispatcher of this kind, strongest first. A mention counts only where there
  // is nothing stronger: consumers mention what they look for.
  std::vector<Producer> of(const abi::Guid& protocol, DispatcherKind kind) const;

 private:
  std::optional<Producer> module_as_producer(const Module& module, const abi::Guid& protocol) const;

  const std::optional<BootRecord>& record_;
  std::vector<Module> modules_;
  std::map<const image::Node*, std::size_t> by_file_;
};

}  // namespace redoubt::tool::depex
