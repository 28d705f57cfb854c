// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/sources/fact_text.hpp"

#include <algorithm>
#include <array>

#include "tool/port/metadata/text.hpp"

namespace redoubt::port {

std::string text_in(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& list_in(const Json& json, const char* name) {
  static const Json empty = Json::array();
  const auto found = json.find(name);
  return found != json.end() && found->is_array() ? *found : empty;
}

bool has(const Json& list, std::string_view text) {
  return std::ranges::any_of(list, [text](const Json& each) { return each.is_string() && each == text; });
}

std::string_view bare(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

bool is_c_source(std::string_view path) { return path.ends_with(".c") || path.ends_with(".C"); }

bool is_handler_phase(const Json& phases) {
  return std::ranges::any_of(std::to_array({"handler", "dispatch", "notification", "protocol", "callback"}),
                             [&](const char* phase) { return has(phases, phase); });
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }
std::string stem_of(const std::string& path) {
  const std::string file = file_name(path);
  return file.substr(0, file.rfind('.'));
}

std::string licence_of(const std::string& text) {
  if (!text.starts_with("/**")) {
    return {};
  }
  const std::size_t end = text.find("*/");
  const std::string top = text.substr(0, end == std::string::npos ? 0 : end);
  const std::size_t mark = top.find("SPDX-License-Identifier");
  if (mark == std::string::npos) {
    return {};
  }
  const std::size_t start = top.rfind('\n', mark) + 1;
  const std::size_t stop = std::min(top.find('\n', mark), top.size());
  std::string line(trim(std::string_view(top).substr(start, stop - start)));
  return "  " + line + "\n";
}

}  // namespace redoubt::port
