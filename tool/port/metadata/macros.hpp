// SPDX-License-Identifier: BSD-2-Clause-Patent
// $(NAME) in metadata files.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace redoubt::port {

// What a macro stands for may be long, and hold macros itself; text that grows beyond this stays unexpanded.
inline constexpr std::size_t longest_expansion = std::size_t{64} << 10;

// Unknown names stay as they are, which is how the build takes them. Values aren't expanded again: they were when they
// were defined.
std::string expand_macros(std::string_view text,
                          const std::function<std::optional<std::string>(std::string_view)>& value);

}  // namespace redoubt::port
