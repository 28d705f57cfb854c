// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/metadata/macros.hpp"

namespace redoubt::port {

std::string expand_macros(std::string_view text,
                          const std::function<std::optional<std::string>(std::string_view)>& value) {
  std::string result;
  const std::string_view whole = text;
  while (!text.empty()) {
    const std::size_t open = text.find("$(");
    const std::size_t close = open == std::string_view::npos ? open : text.find(')', open);
    if (close == std::string_view::npos) {
      break;
    }
    result += text.substr(0, open);
    const auto found = value(text.substr(open + 2, close - open - 2));
    result += found.has_value() ? std::string_view(*found) : text.substr(open, close - open + 1);
    text.remove_prefix(close + 1);
    if (result.size() > longest_expansion) {
      return std::string(whole);
    }
  }
  return result.append(text);
}

}  // namespace redoubt::port
