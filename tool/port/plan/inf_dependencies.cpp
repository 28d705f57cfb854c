// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a module depends on: library classes, protocols, GUIDs, PCDs and its DEPEX.
#include "tool/port/plan/inf_plan.hpp"

#include <algorithm>
#include <format>

#include "tool/port/metadata/text.hpp"
#include "tool/port/plan/evidence.hpp"

namespace redoubt::port {

namespace {

constexpr std::string_view architecture = "X64";

}  // namespace

void InfPlan::library_classes() {
  const Build build = old_build();
  const bool is_core = plan_.standalone_type == "MM_CORE_STANDALONE";
  std::set<std::string> listed;
  for (const InfEntry& entry : inf_.entries("LIBRARYCLASSES", &build)) {
    listed.insert(entry.name);
  }
  const bool has_pcds = std::ranges::any_of(inf_.pcds(&build),
                                            [this](const auto& pcd) { return !left_behind_.contains(pcd.entry.name); });
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

void InfPlan::protocols_and_guids() {
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

void InfPlan::protocols_of_the_half(const std::set<std::string>& listed) {
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

void InfPlan::pcds() {
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
    const bool only_database = declared != nullptr && std::ranges::all_of(declared->kinds, [](const std::string& kind) {
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

ReadResult<void> InfPlan::depex() {
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

void InfPlan::check_term(std::size_t line, const std::string& name) {
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

bool InfPlan::is_produced_in_mm(const std::string& name) const {
  return !name.empty() &&
         std::ranges::any_of(workspace_.users(name, Workspace::Usage::produces), [&](const std::string& path) {
           return path != plan_.inf && path != plan_.standalone_inf &&
                  runs_in_mm(*workspace_.infs().find(path)->second);
         });
}

}  // namespace redoubt::port
