// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the sources take from elsewhere: PCDs, tables, memory of DXE, registers, libraries of one model.
#include <format>

#include "tool/port/sources/source_planner.hpp"

namespace redoubt::port {

void SourcePlanner::pcds() {
  for (const Json* fact : facts("pcd")) {
    const std::string access = text_in(*fact, "access");
    const std::string name = text_in(*fact, "name");
    if (in_half(*fact)) {
      continue;
    }
    if (access == "set") {
      decide("S7", place_of(*fact), name, "the PCD is set, and Standalone MM has no PCD database",
             {"leave it to the Traditional part", "a variable of the module's own, if nobody else reads it"});
    } else if (access == "get" || access == "token") {
      plan_.pcd_uses[name].push_back(place_of(*fact));
    }
  }
}

void SourcePlanner::configuration_tables() {
  for (const Json* fact : facts("configuration_table")) {
    const std::string operation = text_in(*fact, "operation");
    if (in_half(*fact) || (operation != "lookup" && operation != "search")) {
      continue;
    }
    const Json& users = list_in(*fact, "used_by_handlers");
    decide("S11", place_of(*fact), text_in(*fact, "guid"),
           "it is looked for in UEFI's configuration tables, which Standalone MM doesn't have" +
               (users.empty() ? std::string()
                              : "; what it leads to is memory of DXE that " + text_in(users.front(), "function") +
                                    " uses in a handler"),
           {"a HOB that PEI produces, by GetFirstGuidHob; where there is none the module must go on",
            "leave it to the Traditional part"})
        .pitfall = "P4";
  }
}

void SourcePlanner::shared_buffers() {
  for (const Json* fact : facts("shared_buffer")) {
    const std::string origin = text_in(*fact, "source");
    if (in_half(*fact) || origin == "configuration_table") {
      continue;
    }
    const Json& kept = list_in(*fact, "kept");
    const std::string name = kept.empty() ? origin : text_in(kept.front(), "name");
    if (origin == "dxe_allocation") {
      decide("S15", place_of(*fact), name, "memory that DXE allocates and handlers use",
             {"a buffer that PEI allocates, describes in a HOB and unblocks (MmUnblockMemoryRequest)",
              "memory of MM, if DXE needs no access"})
          .pitfall = "P14";
    } else {
      decide("S15", place_of(*fact), name, "an address that came in a message outlives it",
             {"a buffer that PEI allocates, describes in a HOB and unblocks (MmUnblockMemoryRequest), and a check at "
              "each use"})
          .pitfall = "P14";
    }
  }
}

void SourcePlanner::early_save_state() {
  for (const Json* fact : facts("save_state")) {
    // A map's members are reached by a pointer that one of these gives.
    if (has(list_in(*fact, "phases"), "initialization") && !text_in(*fact, "record").contains("SAVE_STATE_MAP")) {
      decide("S16", place_of(*fact), text_in(*fact, "access"),
             "an entry point reads the CPU's save state, and may run before the CPU is in MM",
             {"gEfiSmmCpuProtocolGuid in the DEPEX", "read it in a handler"});
    }
  }
}

void SourcePlanner::dispatch_protocols() {
  for (const Json* fact : facts("handler")) {
    if (text_in(*fact, "registration") == "dispatch" && !in_half(*fact)) {
      add("S11", Action::note, place_of(*fact), text_in(*fact, "through"),
          "who installs the dispatch protocol is the chipset's module, which has to be ported first")
          .pitfall = "P18";
    }
  }
}

void SourcePlanner::library_calls() {
  for (const Json* fact : facts("unresolved_call")) {
    const std::string header = text_in(*fact, "declared_in");
    if (header.empty() || in_half(*fact)) {
      continue;
    }
    std::string name = workspace_.tree()
                           .path_of(header)
                           .transform([&](const std::string& path) { return workspace_.class_of_header(path); })
                           .value_or("");
    if (name.empty() && header.contains("/Library/")) {
      name = stem_of(header);
    }
    const auto rule = rules_.library_classes.find(name);
    if (rule == rules_.library_classes.end() || !rule->second.standalone.empty()) {
      continue;
    }
    const std::string function = text_in(*fact, "name");
    if (beside(*fact, "event") != nullptr || beside(*fact, "configuration_table") != nullptr) {
      if (const Json* event = beside(*fact, "event")) {
        const std::string guid = text_in(*event, "guid");
        const auto group = rules_.event_groups.find(guid);
        std::vector<std::string> candidates = rules_.service("boot_services", "CreateEvent").candidates;
        if (group != rules_.event_groups.end()) {
          candidates.insert(candidates.begin(), group->second);
        }
        decide("S14", place_of(*fact), function + (guid.empty() ? "" : " (" + guid + ")"), "events are DXE's",
               candidates);
      }
      continue;
    }
    decide("S5", place_of(*fact), function,
           std::format("{} has it, and {} ({} calls)", name, rule->second.why, fact->value("calls", 0)),
           {"leave the code that calls it to the Traditional part", "code of the module's own"});
  }
}

}  // namespace redoubt::port
