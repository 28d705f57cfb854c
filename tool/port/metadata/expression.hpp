// SPDX-License-Identifier: BSD-2-Clause-Patent
// The conditions of !if in DSC and FDF files (edk2 Build Specification, "Expressions").
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace redoubt::port {

// What an expression's names stand for.
struct ExpressionNames {
  std::function<std::optional<std::string>(std::string_view)> macro;  // of $(NAME)
  std::function<std::optional<std::string>(std::string_view)> pcd;    // of TokenSpace.Name
};

// Whether the condition holds. One that names an undefined macro doesn't, whatever else it says: so does the build have
// it. The error is the reason in words.
Result<bool, std::string> evaluate_condition(std::string_view expression, const ExpressionNames& names);

}  // namespace redoubt::port
