// SPDX-License-Identifier: BSD-2-Clause-Patent
// What is known beforehand about moving from Traditional to Standalone MM, as data (rules.json): what library classes,
// protocols and PCDs become. A table has a version, since instances move between packages; a user may bring another.
// Where a tree says something itself, the tree counts.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace redoubt::port {

struct ClassRule {
  std::string standalone;  // what it becomes for MM_STANDALONE; empty if it is dropped
  std::string core;        // and for MM_CORE_STANDALONE
  std::string why;
};

// What a call of a service that Standalone MM doesn't have becomes.
struct ServiceRule {
  std::string step;
  std::string why;
  std::vector<std::string> candidates;
};

struct DecisionRule {
  std::string step;
  std::string why;
  std::vector<std::string> candidates;
};

class Rules {
 public:
  // The table that the command was built with.
  static const Rules& built_in();
  // The error is the reason in words.
  static Result<Rules, std::string> parse(const std::string& json);

  std::string version;
  std::map<std::string, ClassRule, std::less<>> library_classes;
  std::map<std::string, DecisionRule, std::less<>> class_decisions;
  std::map<std::string, std::vector<std::string>, std::less<>> instances;  // paths, the newest first
  std::map<std::string, std::string, std::less<>> dxe_protocols;           // with their names in MM, if any
  std::map<std::string, std::string, std::less<>> dxe_guids;               // with the reason
  std::map<std::string, std::string, std::less<>> pcd_hobs;
  // By table and service (../source_facts/facts.md), as "boot_services.Stall"; "boot_services" for all others of it.
  std::map<std::string, ServiceRule, std::less<>> services;
  // Groups of DXE's events, with what tells a handler in MM.
  std::map<std::string, std::string, std::less<>> event_groups;
  // Names of Traditional MM in C sources, with those that both models have.
  std::map<std::string, std::string, std::less<>> source_names;

  const ServiceRule& service(const std::string& table, const std::string& name) const;
};

}  // namespace redoubt::port
