// SPDX-License-Identifier: BSD-2-Clause-Patent
// A module is a file of one of five types; everything else about it comes from its sections.
#include "image/mm_modules.hpp"

namespace redoubt::image {

namespace {

const Node* find_executable(const Node& file) {
  for (const auto type : {abi::SectionType::pe32, abi::SectionType::te, abi::SectionType::position_independent}) {
    const Node* node = find_section_node(file, type);
    if (node != nullptr && node->executable.has_value()) {
      return node;
    }
  }
  return nullptr;
}

const Node* find_depex(const Node& file, abi::SectionType type) {
  const Node* node = find_section_node(file, type);
  return node != nullptr && node->depex.has_value() ? node : nullptr;
}

// As deep as the tree, which is bounded.
void collect(const std::vector<Node>& nodes, std::vector<MmModule>& modules) {
  for (const Node& node : nodes) {
    if (node.kind == NodeKind::file) {
      if (const auto model = mm_model(node.file->type())) {
        modules.push_back({*model, &node, user_interface_name(node).value_or(""), find_executable(node),
                           find_depex(node, abi::SectionType::mm_depex),
                           find_depex(node, abi::SectionType::dxe_depex)});
      }
    }
    collect(node.children, modules);
  }
}

}  // namespace

const char* to_string(MmModel model) {
  switch (model) {
    case MmModel::traditional: return "traditional";
    case MmModel::traditional_core: return "traditional core";
    case MmModel::combined: return "combined";
    case MmModel::standalone: return "standalone";
    case MmModel::standalone_core: return "standalone core";
  }
  return "unknown";
}

const char* entry_kind(MmModel model) {
  switch (model) {
    case MmModel::traditional:
    case MmModel::traditional_core: return "EFI_SYSTEM_TABLE";
    case MmModel::combined: return "EFI_SYSTEM_TABLE, twice";
    case MmModel::standalone: return "EFI_MM_SYSTEM_TABLE";
    case MmModel::standalone_core: return "HOB list";
  }
  return "unknown";
}

std::optional<MmModel> mm_model(abi::FileType type) {
  switch (type) {
    case abi::FileType::mm: return MmModel::traditional;
    case abi::FileType::mm_core: return MmModel::traditional_core;
    case abi::FileType::combined_mm_dxe: return MmModel::combined;
    case abi::FileType::mm_standalone: return MmModel::standalone;
    case abi::FileType::mm_core_standalone: return MmModel::standalone_core;
    default: return std::nullopt;
  }
}

std::vector<MmModule> find_mm_modules(const ImageTree& tree) {
  std::vector<MmModule> modules;
  collect(tree.nodes(), modules);
  return modules;
}

}  // namespace redoubt::image
