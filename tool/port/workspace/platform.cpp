// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/workspace/platform.hpp"

#include <algorithm>
#include <array>

#include "tool/port/metadata/text.hpp"

namespace redoubt::port {

namespace {

// How closely a binding fits; the architecture counts for more than the module type. Zero if it doesn't.
unsigned fit(const LibraryBinding& binding, const Build& build) {
  if (!applies(binding.architecture, build.architecture) || !applies(binding.module_type, build.module_type)) {
    return 0;
  }
  return 1 + (binding.architecture != "COMMON" ? 2 : 0) + (binding.module_type != "COMMON" ? 1 : 0);
}

// The order that the build gives libraries, of which constructors run last to first: each library behind all that use
// it. Where they use each other, the use by one without a constructor counts for nothing.
class ConstructorOrder {
 public:
  struct Node {
    bool has_constructor = false;
    std::vector<std::size_t> users;  // indices of nodes
  };

  explicit ConstructorOrder(std::vector<Node> nodes) : nodes_(std::move(nodes)), is_placed_(nodes_.size()) {}

  // Indices, constructors' order. `cycle` becomes a node whose constructor can't be placed.
  std::vector<std::size_t> run(std::optional<std::size_t>& cycle) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].users.empty()) {
        free_.push_back(i);
      }
    }
    while (!free_.empty() || break_cycle()) {
      const std::size_t next = free_.back();
      free_.pop_back();
      place(next);
      for (std::size_t i = 0; i < nodes_.size(); ++i) {
        auto& users = nodes_[i].users;
        if (std::erase(users, next) > 0 && users.empty()) {
          free_.insert(free_.begin(), i);
        }
      }
    }
    const auto constructors = std::ranges::count_if(nodes_, &Node::has_constructor);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i].users.empty() && nodes_[i].has_constructor && constructors > 1) {
        cycle = i;
      }
      place(i);
    }
    std::ranges::reverse(order_);
    return std::move(order_);
  }

 private:
  void place(std::size_t index) {
    if (!is_placed_[index]) {
      is_placed_[index] = true;
      order_.push_back(index);
    }
  }

  bool break_cycle() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      auto& users = nodes_[i].users;
      if (nodes_[i].has_constructor &&
          std::erase_if(users, [this](std::size_t user) { return !nodes_[user].has_constructor; }) > 0 &&
          users.empty()) {
        free_.push_back(i);
        return true;
      }
    }
    return false;
  }

  std::vector<Node> nodes_;
  std::vector<bool> is_placed_;
  std::vector<std::size_t> free_;
  std::vector<std::size_t> order_;
};

PcdKind kind_of_listing(const std::string& section) {
  return section == "FIXEDPCD"     ? PcdKind::fixed
         : section == "FEATUREPCD" ? PcdKind::feature_flag
         : section == "PATCHPCD"   ? PcdKind::patchable
                                   : PcdKind::dynamic_ex;
}

}  // namespace

ReadResult<Platform> Platform::read(Workspace& workspace, const std::string& dsc, const Macros& given) {
  Tree& tree = workspace.tree();
  DirectiveInput input;
  input.given = given;
  input.include = [&tree](const std::string& path, const std::string& including, const Place& place) {
    const std::string beside = join_path(folder_of(including), path);
    return tree.has(beside) ? tree.read(beside, place) : tree.read(path, place);
  };
  Platform platform;
  platform.dsc_ = TRY(read_dsc(TRY(tree.read(dsc)), input));
  const auto named = platform.dsc_.defines.find("FLASH_DEFINITION");
  if (named != platform.dsc_.defines.end()) {
    input.outer = platform.dsc_.macros;
    for (const PcdSetting& pcd : platform.dsc_.pcds) {
      if (!in_database(pcd.kind)) {
        input.pcds[pcd.name] = pcd.value;
      }
    }
    auto document = tree.read(named->second, {dsc});
    auto fdf = document.has_value() ? read_fdf(*document, input) : std::unexpected(std::move(document).error());
    if (fdf.has_value()) {
      platform.fdf_ = std::move(*fdf);
    } else {
      platform.fdf_problem_ = std::move(fdf).error();
    }
  }
  return platform;
}

const Component* Platform::component(std::string_view inf, std::string_view architecture) const {
  const auto found = std::ranges::find_if(dsc_.components, [&](const Component& component) {
    return component.inf == inf && applies(component.architecture, architecture);
  });
  return found == dsc_.components.end() ? nullptr : &*found;
}

const LibraryBinding* Platform::binding(std::string_view library_class, const Component* component,
                                        const Build& build) const {
  const LibraryBinding* best = nullptr;
  if (component != nullptr) {
    for (const LibraryBinding& binding : component->libraries) {
      if (binding.library_class == library_class) {
        best = &binding;  // the last one counts
      }
    }
  }
  if (best != nullptr) {
    return best;
  }
  for (const LibraryBinding& binding : dsc_.libraries) {
    const unsigned rank = binding.library_class == library_class ? fit(binding, build) : 0;
    if (rank > 0 && (best == nullptr || rank >= fit(*best, build))) {
      best = &binding;
    }
  }
  return best;
}

Linkage Platform::link(Workspace& workspace, const InfFile& module, const Component* component,
                       const Build& build) const {
  struct Consumer {
    std::string path;
    std::shared_ptr<const InfFile> inf;  // null for the module
    std::optional<std::size_t> node;
  };
  Linkage linkage;
  std::vector<LinkedLibrary> found;
  std::vector<ConstructorOrder::Node> nodes;
  std::map<std::string, std::optional<std::size_t>> by_class;  // nothing where it couldn't be read
  std::map<std::string, std::size_t> by_instance;
  std::vector<Consumer> open = {{module.document().name(), nullptr, std::nullopt}};

  // What is linked anyway counts as a class of its own, of the module alone.
  std::vector<LibraryBinding> forced;
  if (build.module_type != "USER_DEFINED") {
    std::ranges::copy_if(dsc_.libraries, std::back_inserter(forced), [&](const LibraryBinding& binding) {
      return binding.library_class == "NULL" && fit(binding, build) > 0;
    });
  }
  if (component != nullptr) {
    std::ranges::copy_if(component->libraries, std::back_inserter(forced),
                         [](const LibraryBinding& binding) { return binding.library_class == "NULL"; });
  }

  while (!open.empty()) {
    const Consumer consumer = std::move(open.back());
    open.pop_back();
    const InfFile& inf = consumer.inf == nullptr ? module : *consumer.inf;
    struct Wanted {
      std::string key;
      std::string library_class;
      const LibraryBinding* binding;
      Place place;
    };
    std::vector<Wanted> wanted;
    for (const InfEntry& entry : inf.entries("LIBRARYCLASSES", &build)) {
      wanted.push_back({entry.name, entry.name, binding(entry.name, component, build),
                        inf.document().place(inf.file().entries[entry.entry].line)});
    }
    if (consumer.inf == nullptr) {
      for (std::size_t i = 0; i < forced.size(); ++i) {
        wanted.push_back({std::format("NULL {}", i), "NULL", &forced[i], forced[i].place});
      }
    }
    for (const Wanted& want : wanted) {
      const auto [known, is_new] = by_class.try_emplace(want.key);
      if (is_new && want.binding == nullptr) {
        linkage.problems.push_back({want.library_class, "", consumer.path, want.place, "no instance is bound to it"});
      } else if (is_new) {
        const std::string& instance = want.binding->instance;
        auto library = workspace.inf(instance, want.binding->place);
        if (!library.has_value()) {
          linkage.problems.push_back(
              {want.library_class, instance, consumer.path, library.error().place, library.error().reason});
          continue;
        }
        const auto provided = (*library)->provided();
        if (want.library_class != "NULL" && (provided.empty() || !provided.front().supports(build.module_type))) {
          linkage.problems.push_back({want.library_class, instance, consumer.path, want.binding->place,
                                      std::format("{} doesn't support {}", instance, build.module_type)});
        }
        const auto [node, is_first] = by_instance.try_emplace(instance, nodes.size());
        known->second = node->second;
        if (is_first) {
          nodes.push_back({!(*library)->constructors().empty(), {}});
          found.push_back({want.library_class, instance, want.binding->place, consumer.path});
        }
        open.push_back({instance, *library, node->second});
      }
      if (known->second.has_value() && consumer.node.has_value()) {
        auto& users = nodes[*known->second].users;
        if (!std::ranges::contains(users, *consumer.node)) {
          users.push_back(*consumer.node);
        }
      }
    }
  }
  std::optional<std::size_t> cycle;
  for (const std::size_t index : ConstructorOrder(std::move(nodes)).run(cycle)) {
    linkage.libraries.push_back(found[index]);
  }
  if (cycle.has_value()) {
    const LinkedLibrary& library = found[*cycle];
    linkage.problems.push_back({library.library_class, library.instance, library.consumer, library.binding,
                                "constructors of libraries wait for each other"});
  }
  return linkage;
}

std::optional<Platform::PcdAnswer> Platform::pcd_kind(const Workspace& workspace, const InfFile::PcdEntry& pcd,
                                                      const Component* component, std::string_view architecture) const {
  const auto* declared = workspace.pcd(pcd.entry.name);
  if (pcd.kind != "PCD") {
    return PcdAnswer{kind_of_listing(pcd.kind), declared == nullptr ? Place() : declared->place};
  }
  if (component != nullptr) {
    for (const PcdSetting& setting : component->pcds) {
      if (setting.name == pcd.entry.name) {
        return PcdAnswer{setting.kind, setting.place};
      }
    }
  }
  for (const PcdSetting& setting : dsc_.pcds) {
    if (setting.name == pcd.entry.name && applies(setting.architecture, architecture)) {
      return PcdAnswer{setting.kind, setting.place};
    }
  }
  if (declared == nullptr) {
    return std::nullopt;
  }
  constexpr std::array preferred = {"PCDSFIXEDATBUILD", "PCDSPATCHABLEINMODULE", "PCDSFEATUREFLAG", "PCDSDYNAMIC",
                                    "PCDSDYNAMICEX"};
  for (const char* kind : preferred) {
    if (std::ranges::contains(declared->kinds, kind)) {
      return PcdAnswer{*pcd_kind_of_section(kind), declared->place};
    }
  }
  return std::nullopt;
}

ReadResult<std::vector<DepexPart>> depex_parts(Workspace& workspace, const InfFile& module, const Linkage& linkage,
                                               const Build& build) {
  std::vector<DepexPart> parts;
  const auto add = [&](const std::string& path, const InfFile& inf) -> ReadResult<void> {
    for (const InfFile::DepexSource& section : inf.depex(build)) {
      const Place place = inf.document().place(section.first_line);
      parts.push_back({path, place, TRY(DepexSource::parse(section.text, place))});
    }
    return {};
  };
  TRY(add(module.document().name(), module));
  for (const LinkedLibrary& library : linkage.libraries) {
    TRY(add(library.instance, *TRY(workspace.inf(library.instance, library.binding))));
  }
  return parts;
}

}  // namespace redoubt::port
