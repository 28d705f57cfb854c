// SPDX-License-Identifier: BSD-2-Clause-Patent
// redoubt-source-facts (../source_facts/facts.md) as a program beside this one: it is built against another C++ library
// and only where ports are planned, so that it may not be there.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/result.hpp"

namespace redoubt::port {

class FactsProgram {
 public:
  // `beside` is this program's folder, or what the environment's REDOUBT_SOURCE_FACTS names. The error says how to get
  // it where it isn't there.
  static Result<FactsProgram, std::string> find();

  explicit FactsProgram(std::filesystem::path program) : program_(std::move(program)) {}

  // One request, one answer. An error is one line: it can't be started, refused the request, failed, or took too long.
  Result<nlohmann::json, std::string> ask(const nlohmann::json& request) const;

 private:
  std::filesystem::path program_;
};

}  // namespace redoubt::port
