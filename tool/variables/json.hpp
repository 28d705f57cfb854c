// SPDX-License-Identifier: BSD-2-Clause-Patent
// Variables as JSON, the same for every verb that prints it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tool/variables/stored_variable.hpp"

namespace redoubt::tool::variables {

using Json = nlohmann::ordered_json;

// Names, attributes, time stamp, place and data; what the data mean is left to others.
Json variable_json(const StoredVariable& variable);
Json variables_json(const std::vector<StoredVariable>& variables);

// Indented, with a line feed at the end. What isn't UTF-8 is replaced.
std::string json_text(const Json& json);

}  // namespace redoubt::tool::variables
