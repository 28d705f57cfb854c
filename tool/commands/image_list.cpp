// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt image list`: what a firmware image holds, and what of it is MM. Prints all that could be read even if some
// part is damaged; the exit status then is 2 and the first problem stands on standard error.
#include <algorithm>
#include <cstdio>
#include <format>
#include <memory>
#include <nlohmann/json.hpp>

#include "abi/uefi/guid_text.hpp"
#include "image/depex_text.hpp"
#include "image/known_guids.hpp"
#include "image/mm_modules.hpp"
#include "image/names.hpp"
#include "image/tree.hpp"
#include "tool/commands/commands.hpp"
#include "tool/files.hpp"

namespace redoubt::tool {

namespace {

using image::ImageTree;
using image::MmModule;
using image::Node;
using image::NodeKind;
using Json = nlohmann::ordered_json;

struct Options {
  std::string image;
  bool json = false;
  bool all = false;
};

// Standard output's errors are looked at once, at the end (tool/command.cpp).
void print(const std::string& text) { static_cast<void>(std::fputs(text.c_str(), stdout)); }

std::string text_of(const abi::Guid& guid) { return std::string(abi::to_text(guid).view()); }

const char* file_system_name(image::FileSystem file_system) {
  switch (file_system) {
    case image::FileSystem::none: return "other";
    case image::FileSystem::ffs2: return "FFS2";
    case image::FileSystem::ffs3: return "FFS3";
  }
  return "other";
}

// ---- Facts about nodes ----

std::size_t count_files(const Node& volume) {
  return static_cast<std::size_t>(std::ranges::count_if(
      volume.children, [](const Node& child) { return child.kind == NodeKind::file && !child.file->is_pad(); }));
}

std::size_t free_bytes(const Node& volume) {
  const bool has_free = !volume.children.empty() && volume.children.back().kind == NodeKind::free_space;
  return has_free ? volume.children.back().bytes.size() : 0;
}

void collect_volumes(const std::vector<Node>& nodes, std::vector<const Node*>& volumes) {
  for (const Node& node : nodes) {
    if (node.kind == NodeKind::volume) {
      volumes.push_back(&node);
    }
    collect_volumes(node.children, volumes);
  }
}

std::string volume_name(const Node& volume) {
  return volume.volume->name().has_value() ? image::name_or_text(*volume.volume->name()) : "-";
}

std::string executable_text(const image::ExecutableView& executable) {
  return std::format("{} {}", image::format_name(executable.format()), image::machine_name(executable.machine()));
}

std::string depex_text(const MmModule& module) {
  return module.mm_depex != nullptr ? image::to_infix(*module.mm_depex->depex) : "none";
}

// One node of the tree in a few words.
std::string describe(const Node& node) {
  std::string text;
  switch (node.kind) {
    case NodeKind::volume:
      text = std::format("volume {} {}", file_system_name(node.volume->file_system()), volume_name(node));
      break;
    case NodeKind::file: {
      const auto name = image::user_interface_name(node);
      text = std::format("file {} {}{}{}", image::type_name(node.file->type()), text_of(node.file->name()),
                         name.has_value() ? " " : "", name.value_or(""));
      break;
    }
    case NodeKind::section:
      text = std::format("section {}", image::type_name(node.section->type()));
      if (const auto guided = node.section->guided()) {
        text += " " + image::definition_name(guided->definition);
      }
      if (node.executable.has_value()) {
        text += std::format(" ({})", executable_text(*node.executable));
      }
      if (node.depex.has_value()) {
        text += ": " + image::to_infix(*node.depex);
      }
      break;
    case NodeKind::free_space: text = "free space"; break;
    case NodeKind::other: text = "other bytes"; break;
  }
  return node.remark.empty() ? text : std::format("{} ({})", text, node.remark);
}

// ---- Text ----

void print_tree(const ImageTree& tree, const std::vector<Node>& nodes, unsigned depth) {
  for (const Node& node : nodes) {
    print(std::format("{:>24}  {:>10}  {:{}}{}\n", tree.path_text(node.location),
                      std::format("{:#x}", node.bytes.size()), "", depth * 2, describe(node)));
    print_tree(tree, node.children, depth + 1);
  }
}

void print_volumes(const ImageTree& tree) {
  std::vector<const Node*> volumes;
  collect_volumes(tree.nodes(), volumes);
  print(std::format("Volumes: {}\n", volumes.size()));
  if (volumes.empty()) {
    return;
  }
  print(std::format("  {:<20} {:>10} {:>10} {:>6}  {:<6} {}\n", "where", "size", "free", "files", "format", "name"));
  for (const Node* volume : volumes) {
    print(std::format("  {:<20} {:>#10x} {:>#10x} {:>6}  {:<6} {}\n", tree.path_text(volume->location),
                      volume->bytes.size(), free_bytes(*volume), count_files(*volume),
                      file_system_name(volume->volume->file_system()), volume_name(*volume)));
  }
}

void print_modules(const ImageTree& tree) {
  const auto modules = image::find_mm_modules(tree);
  print(std::format("\nMM modules: {}\n", modules.size()));
  if (modules.empty()) {
    return;
  }
  print(std::format("  {:<17} {:<26} {:<36}  {:<9} {:>8}  {:<18} {}\n", "model", "name", "GUID", "image", "size",
                    "where", "entry point takes"));
  for (const MmModule& module : modules) {
    print(std::format("  {:<17} {:<26} {}  {:<9} {:>#8x}  {:<18} {}\n", to_string(module.model),
                      module.name.empty() ? "-" : module.name, text_of(module.file->file->name()),
                      module.executable != nullptr ? executable_text(*module.executable->executable) : "none",
                      module.file->bytes.size(), tree.path_text(module.file->location), entry_kind(module.model)));
    print(std::format("    DEPEX {}\n", depex_text(module)));
    if (module.dxe_depex != nullptr) {
      print(std::format("    DXE DEPEX {}\n", image::to_infix(*module.dxe_depex->depex)));
    }
  }
}

// ---- JSON ----

Json place_json(const ImageTree& tree, const Node& node) {
  return {{"path", tree.path(node.location)}, {"size", node.bytes.size()}};
}

Json executable_json(const image::ExecutableView& executable) {
  Json json = {{"format", image::format_name(executable.format())},
               {"machine", image::machine_name(executable.machine())},
               {"image_size", executable.image_size()},
               {"entry_point", executable.entry_point()},
               {"section_alignment", executable.section_alignment()},
               {"relocatable", executable.relocatable()},
               {"page_protectable", executable.page_protectable()}};
  return json;
}

Json volume_json(const ImageTree& tree, const Node& node) {
  Json json = place_json(tree, node);
  json["file_system"] = file_system_name(node.volume->file_system());
  json["file_system_guid"] = text_of(node.volume->file_system_guid());
  json["name"] = node.volume->name().has_value() ? Json(text_of(*node.volume->name())) : Json();
  json["files"] = count_files(node);
  json["free"] = free_bytes(node);
  return json;
}

Json module_json(const ImageTree& tree, const MmModule& module) {
  Json json = {{"model", to_string(module.model)},
               {"name", module.name.empty() ? Json() : Json(module.name)},
               {"guid", text_of(module.file->file->name())},
               {"file_type", static_cast<unsigned>(module.file->file->type())},
               {"entry", entry_kind(module.model)}};
  json.update(place_json(tree, *module.file));
  json["image"] = module.executable != nullptr ? executable_json(*module.executable->executable) : Json();
  json["depex"] = module.mm_depex != nullptr ? Json(image::to_infix(*module.mm_depex->depex)) : Json();
  if (module.dxe_depex != nullptr) {
    json["dxe_depex"] = image::to_infix(*module.dxe_depex->depex);
  }
  return json;
}

Json node_json(const ImageTree& tree, const Node& node) {
  Json json;
  switch (node.kind) {
    case NodeKind::volume:
      json["kind"] = "volume";
      json.update(volume_json(tree, node));
      break;
    case NodeKind::file:
      json["kind"] = "file";
      json.update(place_json(tree, node));
      json["type"] = image::type_name(node.file->type());
      json["type_number"] = static_cast<unsigned>(node.file->type());
      json["guid"] = text_of(node.file->name());
      if (const auto name = image::user_interface_name(node)) {
        json["name"] = *name;
      }
      break;
    case NodeKind::section:
      json["kind"] = "section";
      json.update(place_json(tree, node));
      json["type"] = image::type_name(node.section->type());
      json["type_number"] = static_cast<unsigned>(node.section->type());
      if (const auto guided = node.section->guided()) {
        json["definition"] = image::definition_name(guided->definition);
      }
      if (node.executable.has_value()) {
        json["image"] = executable_json(*node.executable);
      }
      if (node.depex.has_value()) {
        json["depex"] = image::to_infix(*node.depex);
      }
      break;
    case NodeKind::free_space:
      json["kind"] = "free space";
      json.update(place_json(tree, node));
      break;
    case NodeKind::other:
      json["kind"] = "other";
      json.update(place_json(tree, node));
      break;
  }
  if (!node.remark.empty()) {
    json["remark"] = node.remark;
  }
  for (const Node& child : node.children) {
    json["children"].push_back(node_json(tree, child));
  }
  return json;
}

Json image_json(const Options& options, const ImageTree& tree) {
  Json json = {{"file", options.image}, {"size", tree.buffers().front().bytes.size()}};
  std::vector<const Node*> volumes;
  collect_volumes(tree.nodes(), volumes);
  json["volumes"] = Json::array();
  for (const Node* volume : volumes) {
    json["volumes"].push_back(volume_json(tree, *volume));
  }
  json["mm_modules"] = Json::array();
  for (const MmModule& module : image::find_mm_modules(tree)) {
    json["mm_modules"].push_back(module_json(tree, module));
  }
  if (options.all) {
    json["tree"] = Json::array();
    for (const Node& node : tree.nodes()) {
      json["tree"].push_back(node_json(tree, node));
    }
  }
  json["problems"] = Json::array();
  for (const image::Problem& problem : tree.problems()) {
    json["problems"].push_back({{"path", tree.path(problem.location)}, {"reason", problem.reason}});
  }
  return json;
}

CommandResult list(const Options& options) {
  const auto bytes = TRY(read_file(options.image));
  const ImageTree tree = ImageTree::parse(bytes);
  if (options.json) {
    // File names and names in the image may not be UTF-8.
    print(image_json(options, tree).dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
  } else if (!tree.nodes().empty() &&
             std::ranges::any_of(tree.nodes(), [](const Node& node) { return node.kind == NodeKind::volume; })) {
    print(std::format("{}: {:#x} bytes\n\n", options.image, bytes.size()));
    if (options.all) {
      print_tree(tree, tree.nodes(), 0);
      print("\n");
    }
    print_volumes(tree);
    print_modules(tree);
  }
  if (!tree.problems().empty()) {
    const image::Problem& first = tree.problems().front();
    const std::string more =
        tree.problems().size() > 1 ? std::format(" (and {} more)", tree.problems().size() - 1) : "";
    return bad_input(options.image, std::format("offset {}: {}{}", tree.path_text(first.location), first.reason, more));
  }
  return ExitStatus::success;
}

}  // namespace

void add_image_list(CommandLine& command_line) {
  const Verb verb = command_line.group("image", "Read and change firmware images")
                        .add_verb("list", "List volumes, files, sections and MM modules of an image");
  const auto options = std::make_shared<Options>();
  verb.add_option("IMAGE", options->image, "Firmware image").required();
  verb.add_flag("--json", options->json, "Print JSON");
  verb.add_flag("--all", options->all, "Print the whole tree too: every file and section");
  command_line.on_chosen(verb, [options] { return list(*options); });
}

}  // namespace redoubt::tool
