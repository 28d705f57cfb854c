// SPDX-License-Identifier: BSD-2-Clause-Patent
// The new INF is the old one with changes, so that its order and its comments stay; each change is an item of the plan.
#include "tool/port/plan/module_plan.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "abi/uefi/guid_text.hpp"
#include "tool/port/metadata/text.hpp"
#include "tool/port/plan/derived_names.hpp"
#include "tool/port/plan/evidence.hpp"
#include "tool/port/plan/platform_patch.hpp"

namespace redoubt::port {

namespace {

constexpr std::string_view architecture = "X64";
constexpr std::string_view specification_version = "0x00010032";

// Step, subject and reason of what only the C sources can tell.
constexpr std::array unexamined = std::to_array<std::array<const char*, 3>>({
    {"S2", "entry point", "its prototype takes the MM system table"},
    {"S3", "sources", "what differs between the models goes to a file for each"},
    {"S4", "headers", "PiMm.h and the MM names of services and protocols"},
    {"S9", "buffers", "checks of the communication buffer and of pointers in it"},
    {"S11", "services", "calls of boot, runtime and DXE services"},
    {"S14", "events", "notifications and configuration tables"},
    {"S15", "memory", "allocations, and buffers shared with DXE"},
    {"S16", "dispatch", "registers that only MM may touch, in entry points"},
});

class InfPlan {
 public:
  // `sources` is null where they aren't examined.
  InfPlan(Workspace& workspace, const std::vector<Platform>& platforms, const Rules& rules, const InfFile& inf,
          const SourcePlan* sources, ModulePlan& plan)
      : workspace_(workspace), platforms_(platforms), rules_(rules), inf_(inf), sources_(sources), plan_(plan) {}

  ReadResult<void> run() {
    defines();
    headings();
    sources();
    left_behind();
    library_classes();
    protocols_and_guids();
    pcds();
    TRY(depex());
    packages();
    user_extensions();
    flush_additions();
    return {};
  }

  const LineChanges& changes() const { return changes_; }
  // Whether a part of the module is DXE's business.
  bool needs_split() const { return needs_split_; }

 private:
  Build old_build() const { return {std::string(architecture), inf_.module_type()}; }
  // In the INF as it is, which the one that the plan rests on may have lines more than.
  Place place(std::size_t line) const {
    return inf_.document().place(
        sources_ != nullptr && line < sources_->traditional_lines.size() ? sources_->traditional_lines[line] : line);
  }
  std::string content(std::size_t line) const { return std::string(clean(inf_.document().line(line)).content); }
  std::size_t line_of(const InfEntry& entry) const { return inf_.file().entries[entry.entry].line; }

  void edit(const char* step, std::size_t line, std::string subject, std::string reason, std::string after) {
    if (content(line) == after) {
      return;
    }
    plan_.items.push_back(
        {step, Action::edit, place(line), std::move(subject), std::move(reason), content(line), after, {}});
    changes_.replace(line, with_content(inf_.document().line(line), after));
  }

  void remove(const char* step, const InfEntry& entry, std::string reason) {
    const Entry& listed = inf_.file().entries[entry.entry];
    plan_.items.push_back(
        {step, Action::edit, place(listed.line), entry.name, std::move(reason), listed.content, "", {}});
    for (std::size_t line = listed.first_line; line <= listed.line; ++line) {
      changes_.remove(line);
    }
  }

  void decide(const char* step, std::size_t line, std::string subject, std::string reason,
              std::vector<std::string> candidates) {
    plan_.items.push_back({step, Action::decision, place(line), std::move(subject), std::move(reason), content(line),
                           "", std::move(candidates)});
  }

  // A line in the section of that kind, made if there is none.
  void add(const char* step, const char* kind, const char* heading, const std::string& name, std::string reason) {
    const Build build = old_build();
    std::optional<std::size_t> last;
    std::string indent = "  ";
    for (const InfEntry& entry : inf_.entries(kind, &build)) {
      last = line_of(entry);
    }
    if (!last.has_value()) {
      additions_[heading].push_back(name);
    } else {
      const std::string_view line = inf_.document().line(*last);
      indent = line.substr(0, line.find_first_not_of(" \t"));
      changes_.insert_after(*last, indent + name);
    }
    plan_.items.push_back({step,
                           Action::edit,
                           last.has_value() ? place(*last) : Place{inf_.document().name(), 0},
                           name,
                           std::move(reason),
                           "",
                           name,
                           {}});
  }

  void flush_additions() {
    for (const auto& [heading, names] : additions_) {
      changes_.append(inf_.document(), "");
      changes_.append(inf_.document(), heading);
      for (const std::string& name : names) {
        changes_.append(inf_.document(), "  " + name);
      }
    }
  }

  void set_define(const char* step, const DefineEntry& define, const std::string& value, std::string reason) {
    // Name, equals sign and the blanks around it stay.
    const std::string old = content(define.line);
    const std::size_t equals = old.find('=');
    const std::size_t start = std::min(old.find_first_not_of(" \t", equals + 1), old.size());
    edit(step, define.line, define.name, std::move(reason), old.substr(0, start) + value);
  }

  void defines() {
    for (const DefineEntry& define : inf_.defines()) {
      if (define.is_macro) {
        continue;
      }
      if (define.name == "BASE_NAME") {
        set_define("S1", define, standalone_name(define.value), "names of modules are unique");
      } else if (define.name == "FILE_GUID") {
        if (const auto old = abi::parse_guid(define.value)) {
          set_define("S1", define, std::string(abi::to_text(standalone_guid(*old)).view()),
                     "both models may be in one build; derived from the old one");
        } else {
          decide("S1", define.line, define.name, "isn't a GUID that a new one can be derived from", {"a new GUID"});
        }
      } else if (define.name == "MODULE_TYPE") {
        set_define("S1", define, plan_.standalone_type, "the model");
        if (inf_.module_type() == "SMM_CORE" && !inf_.is_library()) {
          core(define);
        }
      } else if (define.name == "PI_SPECIFICATION_VERSION") {
        has_specification_ = true;
        set_define("S1", define, std::string(specification_version), "the version that has Standalone MM");
      } else if (define.name == "MODULE_UNI_FILE") {
        plan_.items.push_back({"S1",
                               Action::edit,
                               place(define.line),
                               define.name,
                               "its texts are those of the Traditional module",
                               content(define.line),
                               "",
                               {}});
        changes_.remove(define.line);
      } else if (define.name == "LIBRARY_CLASS") {
        library_class(define);
      } else if (sources_ != nullptr && (define.name == "ENTRY_POINT" || define.name == "CONSTRUCTOR")) {
        const auto entry = sources_->standalone_entries.find(define.value);
        if (entry != sources_->standalone_entries.end()) {
          set_define("S2", define, entry->second, "the model's own entry point");
        }
      }
    }
    if (!has_specification_) {
      const DefineEntry& type = *inf_.define("MODULE_TYPE");
      const std::string line = std::format("PI_SPECIFICATION_VERSION       = {}", specification_version);
      changes_.insert_after(type.line, "  " + line);
      plan_.items.push_back({"S1",
                             Action::edit,
                             place(type.line),
                             "PI_SPECIFICATION_VERSION",
                             "the version that has Standalone MM",
                             "",
                             line,
                             {}});
    }
  }

  // A core isn't moved as drivers are.
  void core(const DefineEntry& define) {
    std::vector<std::string> candidates;
    for (const auto& [path, other] : workspace_.infs()) {
      if (other->module_type() == "MM_CORE_STANDALONE" && !other->is_library()) {
        candidates.push_back(path);
      }
    }
    candidates.emplace_back("Redoubt");
    decide("S18", define.line, "SMM_CORE", "PEI launches the core of Standalone MM, and it serves one model",
           std::move(candidates));
  }

  void library_class(const DefineEntry& define) {
    const auto fields = split(define.value, '|');
    if (fields.size() < 2) {
      return;  // for all types
    }
    std::string types;
    for (const std::string_view type : words(fields[1])) {
      const std::string_view other = type == "DXE_SMM_DRIVER" ? "MM_STANDALONE"
                                     : type == "SMM_CORE"     ? "MM_CORE_STANDALONE"
                                                              : std::string_view();
      if (!other.empty() && !types.contains(other)) {
        types.append(types.empty() ? "" : " ").append(other);
      }
    }
    set_define("S17", define, std::string(fields.front()) + "|" + types, "the module types that may link it");
  }

  void headings() {
    const std::string old_type = inf_.module_type();
    for (const Section& section : inf_.file().sections) {
      std::string heading = content(section.heading);
      const std::string shouted = upper(heading);
      const std::size_t found = shouted.find("." + old_type);
      if (found != std::string::npos) {
        heading.replace(found + 1, old_type.size(), plan_.standalone_type);
        edit("S1", section.heading, "section", "the section is for one module type", heading);
      }
    }
  }

  void sources() {
    if (sources_ == nullptr) {
      return;
    }
    const Build build = old_build();
    for (const InfEntry& entry : inf_.entries("SOURCES", &build)) {
      const auto other = sources_->standalone_sources.find(entry.name);
      if (other != sources_->standalone_sources.end()) {
        edit("S3", line_of(entry), entry.name, "the model's own half", other->second);
      }
    }
    for (const std::string& source : sources_->more_standalone_sources) {
      add("S3", "SOURCES", "[Sources]", source, "the model's own half");
    }
  }

  // What only the Traditional half names. Protocols and GUIDs follow the code of each half.
  void left_behind() {
    if (sources_ == nullptr) {
      return;
    }
    const Build build = old_build();
    for (const char* kind : {"PROTOCOLS", "GUIDS"}) {
      for (const InfEntry& entry : inf_.entries(kind, &build)) {
        if (sources_->traditional_names.contains(entry.name)) {
          remove("S11", entry, "only the Traditional half names it");
          left_behind_.insert(entry.name);
        }
      }
    }
    for (const InfFile::PcdEntry& pcd : inf_.pcds(&build)) {
      if (sources_->traditional_names.contains(pcd.entry.name.substr(pcd.entry.name.find('.') + 1))) {
        remove("S7", pcd.entry, "only the Traditional half reads it");
        left_behind_.insert(pcd.entry.name);
      }
    }
  }

  std::vector<Place> uses_of(const std::map<std::string, std::vector<Place>> SourcePlan::* uses,
                             const std::string& name) const {
    if (sources_ == nullptr) {
      return {};
    }
    const auto found = (sources_->*uses).find(name.substr(name.find('.') + 1));
    return found == (sources_->*uses).end() ? std::vector<Place>() : found->second;
  }

  void library_classes() {
    const Build build = old_build();
    const bool is_core = plan_.standalone_type == "MM_CORE_STANDALONE";
    std::set<std::string> listed;
    for (const InfEntry& entry : inf_.entries("LIBRARYCLASSES", &build)) {
      listed.insert(entry.name);
    }
    const bool has_pcds = std::ranges::any_of(
        inf_.pcds(&build), [this](const auto& pcd) { return !left_behind_.contains(pcd.entry.name); });
    for (const InfEntry& entry : inf_.entries("LIBRARYCLASSES", &build)) {
      if (const auto rule = rules_.library_classes.find(entry.name); rule != rules_.library_classes.end()) {
        const std::string& other = is_core ? rule->second.core : rule->second.standalone;
        if (other.empty() || listed.contains(other)) {
          remove("S5", entry, rule->second.why);
        } else {
          edit("S5", line_of(entry), entry.name, rule->second.why, other);
          listed.insert(other);
          added_classes_.push_back(other);
        }
      } else if (entry.name == "PcdLib" && !has_pcds) {
        remove("S5", entry, "the module has no PCDs");
      } else if (const auto decision = rules_.class_decisions.find(entry.name);
                 decision != rules_.class_decisions.end()) {
        decide(decision->second.step.c_str(), line_of(entry), entry.name, decision->second.why,
               decision->second.candidates);
      }
    }
    if (sources_ != nullptr) {
      for (const std::string& needed : sources_->standalone_classes) {
        if (listed.insert(needed).second) {
          add("S5", "LIBRARYCLASSES", "[LibraryClasses]", needed, "the Standalone half calls it");
          added_classes_.push_back(needed);
        }
      }
    }
  }

  void protocols_and_guids() {
    const Build build = old_build();
    std::set<std::string> listed;
    for (const char* kind : {"PROTOCOLS", "GUIDS"}) {
      for (const InfEntry& entry : inf_.entries(kind, &build)) {
        if (left_behind_.contains(entry.name)) {
          continue;
        }
        listed.insert(entry.name);
        if (const auto rule = rules_.dxe_guids.find(entry.name); rule != rules_.dxe_guids.end()) {
          decide("S11", line_of(entry), entry.name, rule->second,
                 {"leave the code that uses it to the Traditional part", "read it from a HOB"});
          continue;
        }
        const bool is_protocol = kind == std::string_view("PROTOCOLS") || upper(entry.comment).contains("PROTOCOL");
        const bool produced = is_protocol && says_produced(entry.comment);
        const auto dxe = produced ? std::nullopt : dxe_protocol(workspace_, rules_, entry.name, inf_.document().name());
        if (dxe.has_value() && kind == std::string_view("PROTOCOLS")) {
          needs_split_ = true;
          if (!uses_of(&SourcePlan::protocol_uses, entry.name).empty()) {
            continue;  // a decision where it is located
          }
          std::vector<std::string> candidates;
          if (!dxe->standalone.empty()) {
            candidates.push_back(dxe->standalone);
          }
          candidates.insert(candidates.end(), {"leave the code that uses it to the Traditional part",
                                               "have DXE or PEI hand over what is needed, in a HOB or a message"});
          decide("S11", line_of(entry), entry.name, dxe->reason, std::move(candidates));
        } else if (produced) {
          const auto waiting = dxe_consumers(workspace_, entry.name);
          if (sources_ != nullptr) {
            continue;  // the sources say what is installed in DXE's database
          }
          if (!waiting.empty()) {
            needs_split_ = true;
            decide("S10", line_of(entry), entry.name,
                   std::format("DXE may wait for it ({}{}), and MM can't install it there", waiting.front(),
                               waiting.size() > 1 ? std::format(" and {} more", waiting.size() - 1) : ""),
                   {"a NULL library on the DXE driver that talks to MM, which installs it once MM answers",
                    "install it in MM alone"});
          }
        }
      }
    }
    protocols_of_the_half(listed);
  }

  void protocols_of_the_half(const std::set<std::string>& listed) {
    if (sources_ == nullptr) {
      return;
    }
    for (const std::string& protocol : sources_->standalone_protocols) {
      if (!listed.contains(protocol)) {
        add("S13", "PROTOCOLS", "[Protocols]", protocol, "the Standalone half locates it");
        added_guids_.push_back(protocol);
      }
    }
  }

  void pcds() {
    const Build build = old_build();
    for (const InfFile::PcdEntry& pcd : inf_.pcds(&build)) {
      std::optional<Platform::PcdAnswer> answer;
      if (left_behind_.contains(pcd.entry.name)) {
        continue;
      }
      if (pcd.kind == "PCDEX") {
        answer = {PcdKind::dynamic_ex, place(line_of(pcd.entry))};
      }
      for (const Platform& platform : platforms_) {
        const Component* component = platform.component(inf_.document().name(), architecture);
        const auto here = platform.pcd_kind(workspace_, pcd, component, architecture);
        if (here.has_value() && (!answer.has_value() || in_database(here->kind))) {
          answer = here;
        }
      }
      const auto* declared = workspace_.pcd(pcd.entry.name);
      const bool may_be_fixed = declared != nullptr && std::ranges::contains(declared->kinds, "PCDSFIXEDATBUILD");
      const bool only_database =
          declared != nullptr && std::ranges::all_of(declared->kinds, [](const std::string& kind) {
            return in_database(*pcd_kind_of_section(kind));
          });
      const auto hob = rules_.pcd_hobs.find(pcd.entry.name);
      const bool is_database = answer.has_value() ? in_database(answer->kind) : only_database;
      // Where a HOB is known to carry it, other platforms have it in the database.
      const bool may_be_database = pcd.kind == "PCD" && hob != rules_.pcd_hobs.end() && declared != nullptr &&
                                   std::ranges::any_of(declared->kinds, [](const std::string& kind) {
                                     return in_database(*pcd_kind_of_section(kind));
                                   });
      if (!is_database && !may_be_database) {
        continue;
      }
      std::vector<std::string> candidates;
      if (hob != rules_.pcd_hobs.end()) {
        candidates.push_back(std::format("the HOB {}, with HobLib for PcdLib", hob->second));
      } else {
        candidates.emplace_back("a HOB of your own that PEI produces, with HobLib for PcdLib");
      }
      if (may_be_fixed) {
        candidates.emplace_back("FixedAtBuild in the platform");
      }
      const std::string where = answer.has_value() ? " (" + to_string(answer->place) + ")" : "";
      decide("S7", line_of(pcd.entry), pcd.entry.name,
             std::format("it {}{}, and Standalone MM has no PCD database",
                         !is_database         ? "may be Dynamic"
                         : answer.has_value() ? std::string("is ") + to_string(answer->kind)
                                              : "is Dynamic",
                         is_database ? where : ""),
             std::move(candidates));
      plan_.items.back().uses = uses_of(&SourcePlan::pcd_uses, pcd.entry.name);
    }
  }

  ReadResult<void> depex() {
    const Build build = old_build();
    const auto sections = inf_.depex(build);
    for (const InfFile::DepexSource& section : sections) {
      const Place here = place(section.first_line);
      const DepexSource old = TRY(DepexSource::parse(section.text, here));
      std::vector<std::string> left_out;
      const DepexSource now = old.replaced([&](const std::string& name) {
        const auto dxe = dxe_protocol(workspace_, rules_, name, "");
        if (!dxe.has_value()) {
          return name;
        }
        left_out.push_back(name + ": " + dxe->reason);
        return is_produced_in_mm(dxe->standalone) ? dxe->standalone : std::string();
      });
      for (const std::string& name : now.names()) {
        check_term(section.first_line, name);
      }
      if (left_out.empty()) {
        continue;
      }
      std::string reason;
      for (const std::string& each : left_out) {
        reason += (reason.empty() ? "" : "; ") + each;
      }
      plan_.items.push_back({"S8", Action::edit, here, "DEPEX", reason, old.text(), now.text(), {}});
      changes_.replace(section.first_line, with_content(inf_.document().line(section.first_line), now.text()));
      for (const Entry& entry : inf_.file().entries) {
        if (entry.line > section.first_line && entry.line <= section.last_line) {
          changes_.remove(entry.line);
        }
      }
    }
    if (sections.empty() && !inf_.is_library()) {
      additions_["[Depex]"].push_back("TRUE");
      plan_.items.push_back({"S8",
                             Action::edit,
                             {inf_.document().name()},
                             "DEPEX",
                             "edk2's core before 2026-03 starts no driver without one",
                             "",
                             "TRUE",
                             {}});
    }
    return {};
  }

  // A protocol that only Traditional modules install never comes in Standalone MM.
  void check_term(std::size_t line, const std::string& name) {
    std::vector<std::string> traditional;
    for (const std::string& path : workspace_.users(name, Workspace::Usage::produces)) {
      const InfFile& producer = *workspace_.infs().find(path)->second;
      if (!is_traditional(producer)) {
        return;
      }
      traditional.push_back(path);
    }
    if (traditional.empty()) {
      return;  // no source says what installs it
    }
    std::vector<std::string> candidates;
    candidates.reserve(traditional.size() + 1);
    for (const std::string& path : traditional) {
      candidates.push_back("port " + path + " first");
    }
    candidates.emplace_back("leave it out");
    decide("S8", line, name, "nobody but Traditional MM installs it", std::move(candidates));
  }

  // By another module, or the module would wait for itself.
  bool is_produced_in_mm(const std::string& name) const {
    return !name.empty() &&
           std::ranges::any_of(workspace_.users(name, Workspace::Usage::produces), [&](const std::string& path) {
             return path != plan_.inf && path != plan_.standalone_inf &&
                    runs_in_mm(*workspace_.infs().find(path)->second);
           });
  }

  void packages() {
    const Build build = old_build();
    std::set<std::string> listed;
    for (const InfEntry& entry : inf_.entries("PACKAGES", &build)) {
      listed.insert(tree_path(entry.name));
    }
    for (const std::string& library_class : added_classes_) {
      const auto* declared = workspace_.library_class(library_class);
      if (declared != nullptr && listed.insert(declared->package).second) {
        add("S6", "PACKAGES", "[Packages]", declared->package, std::format("it declares {}", library_class));
      }
    }
    for (const std::string& name : added_guids_) {
      const auto* declared = workspace_.guid(name);
      if (declared != nullptr && listed.insert(declared->package).second) {
        add("S6", "PACKAGES", "[Packages]", declared->package, std::format("it declares {}", name));
      }
    }
  }

  // Texts for a user's list of modules; their names are the Traditional module's.
  void user_extensions() {
    for (const Section& section : inf_.file().sections) {
      if (section.names.front().kind != "USEREXTENSIONS") {
        continue;
      }
      const std::string heading = content(section.heading);
      if (!upper(heading).contains("\"EXTRAFILES\"")) {
        continue;
      }
      plan_.items.push_back({"S1",
                             Action::edit,
                             place(section.heading),
                             "extra files",
                             "its texts are those of the Traditional module",
                             heading,
                             "",
                             {}});
      changes_.remove(section.heading);
      for (std::size_t i = 0; i < inf_.file().entries.size(); ++i) {
        const Entry& entry = inf_.file().entries[i];
        if (&inf_.file().sections[entry.section] == &section) {
          changes_.remove(entry.line);
        }
      }
    }
  }

  Workspace& workspace_;
  const std::vector<Platform>& platforms_;
  const Rules& rules_;
  const InfFile& inf_;
  const SourcePlan* sources_;
  ModulePlan& plan_;
  std::set<std::string> left_behind_;
  LineChanges changes_;
  std::map<std::string, std::vector<std::string>> additions_;
  std::vector<std::string> added_classes_;
  std::vector<std::string> added_guids_;
  bool has_specification_ = false;
  bool needs_split_ = false;
};

}  // namespace

const char* to_string(Action action) {
  switch (action) {
    case Action::edit: return "edit";
    case Action::decision: return "decision";
    case Action::note: return "note";
    case Action::unexamined: return "unexamined";
  }
  return "";
}

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::mechanical: return "mechanical";
    case Verdict::needs_decisions: return "needs decisions";
    case Verdict::needs_split: return "needs a split between DXE and MM";
  }
  return "";
}

namespace {

// A pair's INFs list the same sources but for the halves.
ReadResult<void> find_drift(Workspace& workspace, const InfFile& planned, ModulePlan& plan) {
  const auto there = TRY(workspace.inf(plan.standalone_inf, {plan.standalone_inf}));
  const auto drift = [&plan](const InfFile& inf, const std::string& reason) {
    plan.drift.push_back({{inf.document().name()}, reason});
  };
  if (there->module_type() != plan.standalone_type) {
    drift(*there, std::format("MODULE_TYPE is {}, not {}", there->module_type(), plan.standalone_type));
  }
  const Build build = {std::string(architecture), plan.standalone_type};
  const auto sources_of = [&build](const InfFile& inf) {
    std::set<std::string> sources;
    for (const InfEntry& entry : inf.entries("SOURCES", &build)) {
      sources.insert(entry.name);
    }
    return sources;
  };
  const std::set<std::string> wanted = sources_of(planned);
  const std::set<std::string> listed = sources_of(*there);
  for (const std::string& source : wanted) {
    if (!listed.contains(source)) {
      drift(*there, std::format("doesn't list {}, as {} asks for", source, plan.inf));
    }
  }
  for (const std::string& source : listed) {
    if (!wanted.contains(source)) {
      drift(*there, std::format("lists {}, which {} has no counterpart of", source, plan.inf));
    }
  }
  return {};
}

}  // namespace

std::size_t ModulePlan::count(Action action) const {
  return static_cast<std::size_t>(std::ranges::count(items, action, &PlanItem::action));
}

bool is_traditional(const InfFile& inf) {
  return inf.module_type() == "DXE_SMM_DRIVER" || inf.module_type() == "SMM_CORE";
}

ReadResult<ModulePlan> plan_module(Workspace& workspace, const std::vector<Platform>& platforms, const Rules& rules,
                                   const std::string& path, const FactsProgram* program, const SourceOptions& options) {
  const auto inf = TRY(workspace.inf(path, {path}));
  if (!is_traditional(*inf)) {
    return refuse({path}, std::format("MODULE_TYPE is {}, not DXE_SMM_DRIVER or SMM_CORE", inf->module_type()));
  }
  ModulePlan plan;
  plan.inf = inf->document().name();
  plan.base_name = inf->base_name();
  plan.module_type = inf->module_type();
  plan.standalone_type = plan.module_type == "SMM_CORE" ? "MM_CORE_STANDALONE" : "MM_STANDALONE";
  const std::string file = plan.inf.substr(folder_of(plan.inf).empty() ? 0 : folder_of(plan.inf).size() + 1);
  plan.standalone_inf = join_path(folder_of(plan.inf), standalone_name(file.substr(0, file.size() - 4)) + ".inf");
  plan.exists = workspace.tree().has(plan.standalone_inf);
  for (const Platform& platform : platforms) {
    plan.platforms.push_back(platform.dsc().name);
  }

  std::optional<SourcePlan> sources;
  InfFile basis = *inf;
  // A core is replaced, not moved: nothing of its sources has to change.
  const bool is_core = plan.module_type == "SMM_CORE" && !inf->is_library();
  if (program != nullptr && is_core) {
    plan.sources_read = true;
  } else if (program != nullptr) {
    sources = TRY(plan_sources(workspace, rules, *inf, *program, options));
    plan.sources_read = true;
    plan.new_files = sources->new_files;
    plan.changed_files = sources->changed_files;
    plan.items = sources->items;
    plan.drift = sources->drift;
    if (!sources->traditional_inf.empty()) {
      basis = TRY(InfFile::parse(TRY(Document::parse(plan.inf, sources->traditional_inf))));
    }
  }
  InfPlan inf_plan(workspace, platforms, rules, basis, sources.has_value() ? &*sources : nullptr, plan);
  TRY(inf_plan.run());
  plan.standalone_text = inf_plan.changes().applied(basis.document()).text();
  const InfFile standalone = TRY(InfFile::parse(TRY(Document::parse(plan.standalone_inf, plan.standalone_text))));
  if (plan.exists) {
    TRY(find_drift(workspace, standalone, plan));
  }
  PlatformPatch patch(workspace, rules, basis, standalone, plan);
  for (const Platform& platform : platforms) {
    TRY(patch.add(platform));
  }
  plan.patch = TRY(patch.text());
  if (!plan.sources_read) {
    for (const auto& [step, subject, reason] : unexamined) {
      plan.items.push_back({step, Action::unexamined, {plan.inf}, subject, reason, "", "", {}});
    }
  }
  // By step, and in the order of files within one.
  std::ranges::stable_sort(plan.items, {}, [](const PlanItem& item) { return std::stoi(item.step.substr(1)); });
  const bool needs_split = inf_plan.needs_split() || (sources.has_value() && sources->needs_split);
  const bool is_settled =
      plan.count(Action::decision) == 0 && (!plan.sources_read || plan.count(Action::unexamined) == 0);
  plan.verdict = needs_split ? Verdict::needs_split : is_settled ? Verdict::mechanical : Verdict::needs_decisions;
  return plan;
}

}  // namespace redoubt::port
