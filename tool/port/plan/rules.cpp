// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/plan/rules.hpp"

#include <cstdlib>
#include <format>
#include <nlohmann/json.hpp>

namespace redoubt::port {

// Written by the build from rules.json.
extern const char* const built_in_rules;

namespace {

using Json = nlohmann::json;

std::string text_in(const Json& entry, const char* key) { return entry.value(key, std::string()); }

}  // namespace

Result<Rules, std::string> Rules::parse(const std::string& json) {
  constexpr int known_format = 1;
  try {
    const Json root = Json::parse(json);
    if (root.at("format").get<int>() != known_format) {
      return std::unexpected(std::format("is of a format other than {}", known_format));
    }
    Rules rules;
    rules.version = root.at("version").get<std::string>();
    for (const Json& entry : root.at("library_classes")) {
      const bool drops = entry.contains("drop");
      rules.library_classes[entry.at("class").get<std::string>()] = {
          text_in(entry, "standalone"), text_in(entry, "core"),
          drops ? entry.at("drop").get<std::string>() : entry.at("why").get<std::string>()};
    }
    for (const Json& entry : root.at("decisions_on_classes")) {
      rules.class_decisions[entry.at("class").get<std::string>()] = {
          entry.at("step").get<std::string>(), entry.at("why").get<std::string>(),
          entry.at("candidates").get<std::vector<std::string>>()};
    }
    for (const Json& entry : root.at("instances")) {
      rules.instances[entry.at("class").get<std::string>()] = entry.at("paths").get<std::vector<std::string>>();
    }
    for (const Json& entry : root.at("dxe_protocols")) {
      rules.dxe_protocols[entry.at("name").get<std::string>()] = text_in(entry, "standalone");
    }
    for (const Json& entry : root.at("dxe_guids")) {
      rules.dxe_guids[entry.at("name").get<std::string>()] = entry.at("why").get<std::string>();
    }
    for (const Json& entry : root.at("pcd_hobs")) {
      rules.pcd_hobs[entry.at("pcd").get<std::string>()] = entry.at("hob").get<std::string>();
    }
    for (const Json& entry : root.at("services")) {
      const ServiceRule rule = {entry.at("step").get<std::string>(), entry.at("why").get<std::string>(),
                                entry.at("candidates").get<std::vector<std::string>>()};
      const std::string table = entry.at("table").get<std::string>();
      if (!entry.contains("names")) {
        rules.services[table] = rule;
        continue;
      }
      for (const Json& name : entry.at("names")) {
        rules.services[table + "." + name.get<std::string>()] = rule;
      }
    }
    for (const char* table : {"boot_services", "runtime_services", "dxe_services", "system_table"}) {
      if (!rules.services.contains(table)) {
        return std::unexpected(std::format("has no entry of services for all of {}", table));
      }
    }
    rules.event_groups = root.at("event_groups").get<decltype(rules.event_groups)>();
    rules.source_names = root.at("source_names").get<decltype(rules.source_names)>();
    return rules;
  } catch (const Json::exception& error) {
    return std::unexpected(std::string(error.what()));
  }
}

const ServiceRule& Rules::service(const std::string& table, const std::string& name) const {
  const auto own = services.find(table + "." + name);
  return own != services.end() ? own->second : services.at(table);
}

const Rules& Rules::built_in() {
  static const Rules rules = [] {
    auto parsed = parse(built_in_rules);
    if (!parsed.has_value()) {
      std::abort();  // a test reads the table
    }
    return std::move(*parsed);
  }();
  return rules;
}

}  // namespace redoubt::port
