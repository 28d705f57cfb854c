// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/depex/producers.hpp"

#include <algorithm>

#include "abi/redoubt/foundation_protocols.hpp"
#include "image/edit/buffer.hpp"

namespace redoubt::tool::depex {

namespace {

using image::Node;
using image::NodeKind;

bool is_dxe(abi::FileType type) {
  return type == abi::FileType::driver || type == abi::FileType::dxe_core ||
         type == abi::FileType::combined_peim_driver;
}

void collect_files(const std::vector<Node>& nodes, std::vector<const Node*>& files) {
  for (const Node& node : nodes) {
    if (node.kind == NodeKind::file && (image::mm_model(node.file->type()).has_value() || is_dxe(node.file->type()))) {
      files.push_back(&node);
    }
    collect_files(node.children, files);
  }
}

const Node* executable_node(const Node& file) {
  for (const abi::SectionType type : {abi::SectionType::pe32, abi::SectionType::te}) {
    const Node* node = image::find_section_node(file, type);
    if (node != nullptr && node->executable.has_value()) {
      return node;
    }
  }
  return nullptr;
}

std::vector<abi::Guid> protocols_named(const Node* section) {
  std::vector<abi::Guid> protocols;
  if (section == nullptr || !section->depex.has_value()) {
    return protocols;
  }
  for (std::size_t position = 0; position < section->depex->size();) {
    const image::DepexTerm term = section->depex->term(position);
    if (term.opcode == abi::DepexOpcode::push) {
      protocols.push_back(term.guid);
    }
  }
  return protocols;
}

// A record's driver is this one by its file, or, where the record has none, by its name.
const RecordedDriver* recorded(const std::optional<BootRecord>& record, const Module& module) {
  if (!record.has_value()) {
    return nullptr;
  }
  for (const RecordedDriver& driver : record->drivers) {
    if (driver.file.has_value() ? *driver.file == module.file->file->name() : driver.name == module.name) {
      return &driver;
    }
  }
  return nullptr;
}

bool contains(const std::vector<abi::Guid>& list, const abi::Guid& guid) {
  return std::ranges::find(list, guid) != list.end();
}

}  // namespace

Producers::Producers(const image::ImageTree& tree, const std::optional<BootRecord>& record) : record_(record) {
  std::vector<const Node*> files;
  collect_files(tree.nodes(), files);
  for (const Node* file : files) {
    const Node* executable = executable_node(*file);
    if (executable == nullptr) {
      continue;
    }
    const auto model = image::mm_model(file->file->type());
    const Node* depex =
        image::find_section_node(*file, model.has_value() ? abi::SectionType::mm_depex : abi::SectionType::dxe_depex);
    Module module{.file = file,
                  .name = image::user_interface_name(*file).value_or(""),
                  .executable = *executable->executable,
                  .in_mm = model.has_value(),
                  .is_core = model == image::MmModel::traditional_core || model == image::MmModel::standalone_core,
                  .installs = find_install_calls(*executable->executable),
                  .needs = protocols_named(depex),
                  .has_broken_depex = depex != nullptr && !depex->depex.has_value(),
                  .record = nullptr};
    module.record = module.in_mm ? recorded(record_, module) : nullptr;
    by_file_[file] = modules_.size();
    modules_.push_back(std::move(module));
  }
}

const Module* Producers::module_of(const Node& file) const {
  const auto found = by_file_.find(&file);
  return found != by_file_.end() ? &modules_[found->second] : nullptr;
}

std::optional<Producer> Producers::module_as_producer(const Module& module, const abi::Guid& protocol) const {
  Producer producer{.name = module.name.empty() ? "a file without name" : module.name,
                    .file = module.file->file->name(),
                    .basis = Basis::mention,
                    .rva = 0,
                    .when = {},
                    .in_dxe = !module.in_mm,
                    .started = false};
  if (record_.has_value() && record_->knows_protocols && module.record != nullptr && module.record->started) {
    // It was seen, so what it didn't install then, it doesn't.
    producer.basis = Basis::boot;
    return contains(module.record->installed, protocol) ? std::optional(producer) : std::nullopt;
  }
  if (contains(module.needs, protocol)) {
    return std::nullopt;
  }
  const auto call = std::ranges::find(module.installs, protocol, &InstallCall::protocol);
  if (call != module.installs.end()) {
    producer.basis = Basis::code;
    producer.rva = call->rva;
    // A driver of MM that installs for DXE serves expressions of Traditional MM as well.
    return producer;
  }
  const Bytes image = module.executable.bytes();
  const Bytes needle = image::edit::bytes_of(protocol);
  return std::ranges::search(image, needle).empty() ? std::nullopt : std::optional(producer);
}

std::vector<Producer> Producers::of(const abi::Guid& protocol, DispatcherKind kind) const {
  std::vector<Producer> producers;
  const auto declare = [&](const char* name, const char* when, Basis basis) {
    producers.push_back({.name = name,
                         .file = std::nullopt,
                         .basis = basis,
                         .rva = 0,
                         .when = when,
                         .in_dxe = false,
                         .started = false});
  };
  const char* core = kind == DispatcherKind::foundation ? "the foundation" : "the MM core";
  if (kind == DispatcherKind::foundation &&
      std::ranges::find(abi::protocols_at_launch, protocol) != abi::protocols_at_launch.end()) {
    declare(core, "", Basis::declared);
  }
  for (const abi::PhaseProtocol& phase : abi::protocols_of_phases) {
    if (phase.guid == protocol) {
      declare(core, phase.phase, Basis::declared);
    }
  }
  if (record_.has_value() && contains(record_->core_installed, protocol)) {
    declare(core, "", Basis::boot);
  }
  for (const Module& module : modules_) {
    // Standalone MM sees neither what DXE installs nor the drivers of the other model.
    const auto model = image::mm_model(module.file->file->type());
    const bool standalone = model == image::MmModel::standalone || model == image::MmModel::standalone_core;
    if (standalone != (kind != DispatcherKind::traditional)) {
      continue;
    }
    // Supervisor and foundation are known: the list above is what they install.
    if (kind == DispatcherKind::foundation && module.is_core) {
      continue;
    }
    if (const auto producer = module_as_producer(module, protocol)) {
      producers.push_back(*producer);
    }
  }
  std::ranges::stable_sort(producers, {}, &Producer::basis);
  if (!producers.empty() && producers.front().basis != Basis::mention) {
    std::erase_if(producers, [](const Producer& producer) { return producer.basis == Basis::mention; });
  }
  return producers;
}

}  // namespace redoubt::tool::depex
