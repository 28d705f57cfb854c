// SPDX-License-Identifier: BSD-2-Clause-Patent
// A module's plan as a person reads it, and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tool/port/plan/module_plan.hpp"

namespace redoubt::port {

// The verdict, and how much there is of everything.
[[nodiscard]] std::string head_of(const ModulePlan& plan);
// Nothing is left for a person.
[[nodiscard]] bool is_settled(const ModulePlan& plan);
[[nodiscard]] std::string plan_text(const ModulePlan& plan);
[[nodiscard]] nlohmann::ordered_json plan_json(const ModulePlan& plan);
// What --write would write.
[[nodiscard]] nlohmann::ordered_json files_json(const ModulePlan& plan);

}  // namespace redoubt::port
