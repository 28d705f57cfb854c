// SPDX-License-Identifier: BSD-2-Clause-Patent
// Drivers of Standalone MM are found by the walk that the foundation makes; those of Traditional MM as PiSmmCore finds
// them, whose few rules of its own are put into the terms of image/dispatch_order.hpp here.
#include "tool/depex/prediction.hpp"

#include <algorithm>
#include <deque>
#include <format>
#include <map>

#include "abi/redoubt/image_names.hpp"
#include "abi/uefi/guid_text.hpp"
#include "image/depex_text.hpp"
#include "image/known_guids.hpp"
#include "image/mm_volume.hpp"
#include "tool/depex/producers.hpp"

namespace redoubt::tool::depex {

namespace {

using image::DispatchNode;
using image::DispatchRule;
using image::DispatchState;
using image::ImageTree;
using image::Node;
using image::NodeKind;

std::string text_of(const abi::Guid& guid) { return std::string(abi::to_text(guid).view()); }

void visit_nodes(const std::vector<Node>& nodes, const auto& visitor) {
  for (const Node& node : nodes) {
    visitor(node);
    visit_nodes(node.children, visitor);
  }
}

const Node* child_file(const Node& volume, abi::FileType type) {
  const auto found = std::ranges::find_if(volume.children, [type](const Node& child) {
    return child.kind == NodeKind::file && child.file->type() == type;
  });
  return found != volume.children.end() ? &*found : nullptr;
}

std::string name_of(const Node& file) {
  const auto name = image::user_interface_name(file);
  return name.has_value() && !name->empty() ? *name : text_of(file.file->name());
}

struct Entry final : DispatchNode {
  const Node* source = nullptr;  // the driver's file
  const Module* module = nullptr;
  std::string never;  // why PiSmmCore never starts it
  PredictedDriver result;
  bool started = false;
};

// One dispatcher's drivers, and the simulation of what it does with them.
class Simulation {
 public:
  Simulation(const ImageTree& tree, const Producers& producers, DispatcherKind kind)
      : tree_(tree), producers_(producers) {
    result_.kind = kind;
  }

  Dispatcher& result() { return result_; }
  bool empty() const { return entries_.empty(); }

  Entry& add(const Node& file) {
    Entry& entry = entries_.emplace_back();
    entry.source = &file;
    entry.module = producers_.module_of(file);
    entry.file = file.file->name();
    entry.result.file = file.file->name();
    entry.result.name = image::user_interface_name(file).value_or("");
    entry.result.where = tree_.path_text(file.location);
    return entry;
  }

  void read_depex(Entry& entry, const image::SectionView& section) {
    image::read_rule(entry, section.payload());
    if (const auto view = image::DepexView::create(section.payload())) {
      entry.result.depex = image::to_infix(*view);
    } else {
      entry.result.depex = "(malformed)";
    }
  }

  void discovered(Entry& entry) { order_.add(entry); }
  void apriori(Bytes list) { order_.schedule_apriori(list); }
  void skipped(std::string what) { result_.skipped.push_back(std::move(what)); }

  Dispatcher run() {
    const auto installed = [this](const abi::Guid& protocol) { return availability(protocol).has_value(); };
    std::vector<Entry*> order;
    while (DispatchNode* node = order_.next(installed)) {
      Entry& entry = static_cast<Entry&>(*node);
      start(entry);
      order.push_back(&entry);
    }
    settle_neighbours();
    for (Entry* entry : order) {
      result_.started.push_back(entry->result);
    }
    for (Entry& entry : entries_) {
      if (!entry.started) {
        explain(entry);
        result_.left_over.push_back(entry.result);
      }
    }
    compare_with_record();
    return std::move(result_);
  }

 private:
  Entry* find(const abi::Guid& file) {
    const auto found = std::ranges::find(entries_, file, &Entry::file);
    return found != entries_.end() ? &*found : nullptr;
  }

  const std::vector<Producer>& producers_of(const abi::Guid& protocol) {
    const auto [place, added] = known_.try_emplace(text_of(protocol));
    if (added) {
      place->second = producers_.of(protocol, result_.kind);
    }
    return place->second;
  }

  // Whether a producer has installed its protocol by now, and how sure that is.
  std::optional<Basis> availability(const Producer& producer) {
    if (!producer.when.empty()) {
      return std::nullopt;
    }
    const Entry* driver = producer.file.has_value() ? find(*producer.file) : nullptr;
    if (driver == nullptr) {
      return producer.basis;  // the core, or DXE
    }
    return driver->started ? std::optional(std::max(producer.basis, driver->result.basis)) : std::nullopt;
  }

  std::optional<Basis> availability(const abi::Guid& protocol) {
    std::optional<Basis> best;
    for (const Producer& producer : producers_of(protocol)) {
      const auto available = availability(producer);
      if (available.has_value() && (!best.has_value() || *available < *best)) {
        best = available;
      }
    }
    return best;
  }

  void start(Entry& entry) {
    entry.result.apriori = entry.apriori;
    entry.result.basis = Basis::declared;
    if (!entry.apriori && entry.rule == DispatchRule::expression) {
      entry.result.basis = basis_of_expression(entry);
      add_terms(entry, true);
    }
    if (entry.module != nullptr && entry.module->record != nullptr && entry.module->record->started) {
      entry.result.basis = Basis::boot;
    }
    entry.started = true;
  }

  // The strongest evidence that alone makes the expression true.
  Basis basis_of_expression(const Entry& entry) {
    const auto expression = image::DepexView::create(entry.expression);
    for (const Basis limit : {Basis::declared, Basis::code}) {
      const auto installed = [&](const abi::Guid& protocol) {
        const auto available = availability(protocol);
        return available.has_value() && *available <= limit;
      };
      if (expression.has_value() && expression->evaluate(installed)) {
        return limit;
      }
    }
    return Basis::mention;
  }

  void add_terms(Entry& entry, bool available) {
    const auto expression = image::DepexView::create(entry.expression);
    for (std::size_t position = 0; expression.has_value() && position < expression->size();) {
      const image::DepexTerm term = expression->term(position);
      if (term.opcode != abi::DepexOpcode::push || availability(term.guid).has_value() != available ||
          std::ranges::find(entry.result.terms, term.guid, &Term::protocol) != entry.result.terms.end()) {
        continue;
      }
      Term named{.protocol = term.guid, .producers = {}};
      for (Producer producer : producers_of(term.guid)) {
        const Entry* driver = producer.file.has_value() ? find(*producer.file) : nullptr;
        producer.started = driver != nullptr && driver->started;
        if (!available || availability(producer).has_value()) {
          named.producers.push_back(std::move(producer));
        }
      }
      entry.result.terms.push_back(std::move(named));
    }
  }

  // A driver that starts because its neighbour does rests on what the neighbour rests on.
  void settle_neighbours() {
    for (std::size_t round = 0; round < entries_.size(); ++round) {
      bool changed = false;
      for (Entry& entry : entries_) {
        const bool neighbour = entry.rule == DispatchRule::before || entry.rule == DispatchRule::after;
        const Entry* anchor = neighbour && entry.started && !entry.apriori ? find(entry.anchor) : nullptr;
        if (anchor != nullptr && entry.result.basis < anchor->result.basis && entry.result.basis != Basis::boot) {
          entry.result.basis = anchor->result.basis;
          changed = true;
        }
      }
      if (!changed) {
        return;
      }
    }
  }

  void explain(Entry& entry) {
    std::string& reason = entry.result.reason;
    if (!entry.never.empty()) {
      reason = entry.never;
      return;
    }
    switch (entry.rule) {
      case DispatchRule::malformed:
        reason = std::format("its DEPEX is malformed at offset {:#x}: {}", entry.defect.offset, entry.defect.reason);
        break;
      case DispatchRule::on_request: reason = "SOR: it waits to be asked for, and MM has no service for that"; break;
      case DispatchRule::before:
      case DispatchRule::after: {
        const Entry* anchor = find(entry.anchor);
        reason = std::format("{} {}, which {}", entry.rule == DispatchRule::before ? "BEFORE" : "AFTER",
                             anchor != nullptr ? name_of(*anchor->source) : image::name_or_text(entry.anchor),
                             anchor == nullptr  ? "isn't among the drivers"
                             : anchor == &entry ? "is the driver itself"
                             : !anchor->started ? "is left over, too"
                                                : "starts before anybody looks for its neighbours");
        break;
      }
      default:
        add_terms(entry, false);
        reason = entry.result.terms.empty() ? "its DEPEX is false whatever is installed" : "protocols are missing";
    }
  }

  void compare_with_record() {
    if (!producers_.record().has_value()) {
      return;
    }
    const auto differ = [this](std::string what) { result_.differences.push_back(std::move(what)); };
    std::vector<const Entry*> predicted;
    for (const PredictedDriver& driver : result_.started) {
      predicted.push_back(find(driver.file));
    }
    std::vector<const RecordedDriver*> order;  // as predicted, of those that the boot started
    for (const Entry* entry : predicted) {
      const RecordedDriver* record = entry->module != nullptr ? entry->module->record : nullptr;
      if (record == nullptr) {
        differ(std::format("the boot doesn't know {}", name_of(*entry->source)));
      } else if (!record->started) {
        differ(std::format("the boot didn't start {}", name_of(*entry->source)));
      } else {
        order.push_back(record);
      }
    }
    for (const Entry& entry : entries_) {
      if (!entry.started && entry.module != nullptr && entry.module->record != nullptr &&
          entry.module->record->started) {
        differ(std::format("the boot started {}", name_of(*entry.source)));
      }
    }
    // A record lists its drivers in the order of their starts, so addresses rise where it agrees.
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (order[i] < order[i - 1]) {
        differ(std::format("the boot started {} before {}", order[i]->name, order[i - 1]->name));
      }
    }
  }

  const ImageTree& tree_;
  const Producers& producers_;
  Dispatcher result_;
  std::deque<Entry> entries_;
  image::DispatchOrder order_;
  std::map<std::string, std::vector<Producer>> known_;  // by GUID
};

// ---- Standalone MM ----

class StandaloneVisitor final : public image::MmVolumeVisitor {
 public:
  StandaloneVisitor(Simulation& simulation, const std::map<const std::byte*, const Node*>& files)
      : simulation_(simulation), files_(files) {}

  void driver(const image::FileView& file, const image::SectionView& /*executable*/) override {
    const auto node = files_.find(file.bytes().data());
    if (node == files_.end()) {
      simulation_.skipped(std::format("{}: isn't readable as part of the image", text_of(file.name())));
      return;
    }
    Entry& entry = simulation_.add(*node->second);
    if (const auto depex = image::find_open_section(file, abi::SectionType::mm_depex)) {
      simulation_.read_depex(entry, *depex);
    }
    simulation_.discovered(entry);
  }
  void apriori(Bytes list) override { simulation_.apriori(list); }
  void skipped(const abi::Guid* file, const image::ImageError& error) override {
    simulation_.skipped(std::format("{}: {}", file != nullptr ? text_of(*file) : std::string("volume"), error.reason));
  }

 private:
  Simulation& simulation_;
  const std::map<const std::byte*, const Node*>& files_;
};

bool holds_type(const Node& node, abi::FileType type) {
  bool found = false;
  visit_nodes(node.children, [&](const Node& below) {
    found = found || (below.kind == NodeKind::file && below.file->type() == type);
  });
  return found;
}

class StandaloneFinder {
 public:
  StandaloneFinder(const ImageTree& tree, const Producers& producers, std::vector<Dispatcher>& dispatchers)
      : tree_(tree), producers_(producers), dispatchers_(dispatchers) {
    visit_nodes(tree.nodes(), [this](const Node& node) {
      if (node.kind == NodeKind::file) {
        files_[node.bytes.data()] = &node;
      }
    });
  }

  // A volume with a core of its own is a dispatcher with all that is in it; so is the outermost volume with drivers
  // around which there is no core, since some core must take it.
  void find(const std::vector<Node>& nodes) {
    for (const Node& node : nodes) {
      const bool volume = node.kind == NodeKind::volume;
      const Node* core = volume ? child_file(node, abi::FileType::mm_core_standalone) : nullptr;
      const bool drivers = volume && child_file(node, abi::FileType::mm_standalone) != nullptr;
      if (core != nullptr ? holds_type(node, abi::FileType::mm_standalone) : drivers) {
        simulate(node, core);
      } else {
        find(node.children);
      }
    }
  }

 private:
  void simulate(const Node& volume, const Node* core) {
    const bool ours = core != nullptr && core->file->name() == abi::image_names::supervisor;
    Simulation simulation(tree_, producers_, ours ? DispatcherKind::foundation : DispatcherKind::standalone);
    simulation.result().name = ours              ? abi::image_names::foundation_name
                               : core != nullptr ? name_of(*core)
                                                 : "no MM core in the volume";
    simulation.result().where = tree_.path_text(volume.location);
    StandaloneVisitor visitor(simulation, files_);
    image::visit_mm_volumes(volume.bytes, visitor);
    dispatchers_.push_back(simulation.run());
  }

  const ImageTree& tree_;
  const Producers& producers_;
  std::vector<Dispatcher>& dispatchers_;
  std::map<const std::byte*, const Node*> files_;  // by where they begin
};

// ---- Traditional MM ----

// PiSmmCore takes a volume's drivers of type 0x0A, then those of type 0x0C, then the volume's a priori list; volumes as
// DXE produces them, of which the order in the image is the best guess there is.
void add_traditional(const std::vector<Node>& nodes, Simulation& simulation, std::vector<Entry*>& entries,
                     std::vector<abi::Guid>& apriori) {
  for (const Node& volume : nodes) {
    if (volume.kind == NodeKind::volume) {
      for (const abi::FileType type : {abi::FileType::mm, abi::FileType::combined_mm_dxe}) {
        for (const Node& file : volume.children) {
          if (file.kind != NodeKind::file || file.file->type() != type) {
            continue;
          }
          Entry& entry = simulation.add(file);
          const Node* depex = image::find_section_node(file, abi::SectionType::mm_depex);
          if (entry.module == nullptr) {
            entry.never = "it has no image that could be read";
          } else if (depex == nullptr) {
            entry.never = "it has no MM DEPEX, without which PiSmmCore starts nobody";
          } else {
            simulation.read_depex(entry, *depex->section);
          }
          entries.push_back(&entry);
          simulation.discovered(entry);
        }
      }
      for (const Node& file : volume.children) {
        if (file.kind == NodeKind::file && file.file->name() == abi::dxe_apriori_guid) {
          if (const Node* list = image::find_section_node(file, abi::SectionType::raw)) {
            const Bytes names = list->section->payload();
            for (std::size_t at = 0; at + sizeof(abi::Guid) <= names.size(); at += sizeof(abi::Guid)) {
              apriori.push_back(read_at<abi::Guid>(names, at).value());
            }
            simulation.apriori(names);
          }
        }
      }
    }
    add_traditional(volume.children, simulation, entries, apriori);
  }
}

void find_traditional(const ImageTree& tree, const Producers& producers, std::vector<Dispatcher>& dispatchers) {
  Simulation simulation(tree, producers, DispatcherKind::traditional);
  std::vector<Entry*> entries;
  std::vector<abi::Guid> apriori;
  add_traditional(tree.nodes(), simulation, entries, apriori);
  if (entries.empty()) {
    return;
  }
  for (Entry* entry : entries) {
    // A rule that no driver gets past, for those that PiSmmCore passes over.
    if (entry->rule == DispatchRule::after && std::ranges::find(apriori, entry->anchor) != apriori.end()) {
      entry->never = "AFTER a driver of the a priori list, whose neighbours PiSmmCore doesn't look for";
    }
    if (!entry->never.empty()) {
      entry->rule = DispatchRule::malformed;
    }
  }
  simulation.result().name = "no MM core in the image";
  visit_nodes(tree.nodes(), [&](const Node& node) {
    if (node.kind == NodeKind::file && node.file->type() == abi::FileType::mm_core) {
      simulation.result().name = name_of(node);
      simulation.result().where = tree.path_text(node.location);
    }
  });
  dispatchers.push_back(simulation.run());
}

}  // namespace

const char* to_string(Basis basis) {
  switch (basis) {
    case Basis::boot: return "boot";
    case Basis::declared: return "declared";
    case Basis::code: return "code";
    case Basis::mention: return "mention";
  }
  return "unknown";
}

std::vector<Dispatcher> predict(const ImageTree& tree, const std::optional<BootRecord>& record) {
  const Producers producers(tree, record);
  std::vector<Dispatcher> dispatchers;
  StandaloneFinder(tree, producers, dispatchers).find(tree.nodes());
  find_traditional(tree, producers, dispatchers);
  return dispatchers;
}

}  // namespace redoubt::tool::depex
