// SPDX-License-Identifier: BSD-2-Clause-Patent
// See log.hpp.
#include "tool/boot/log.hpp"

#include <algorithm>
#include <charconv>

#include "abi/redoubt/report.hpp"

namespace redoubt::tool::boot {
namespace {

bool is_word(char character) {
  return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9') || character == '_' ||
         character == '.';
}

// Takes the longest word off the front of `text`; empty when there is none.
std::string_view take_word(std::string_view& text) {
  const auto end = std::ranges::find_if_not(text, is_word);
  const auto length = static_cast<std::size_t>(end - text.begin());
  const std::string_view word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

// Takes a value, quoted or not, off the front of `text`.
std::optional<std::string_view> take_value(std::string_view& text) {
  const bool quoted = text.starts_with('"');
  if (quoted) {
    text.remove_prefix(1);
  }
  const std::size_t end = quoted ? text.find('"') : std::min(text.find(' '), text.size());
  if (end == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view value = text.substr(0, end);
  text.remove_prefix(quoted ? end + 1 : end);
  return value;
}

}  // namespace

std::optional<std::string_view> Event::text(std::string_view key) const {
  const auto found = std::ranges::find(values, key, &std::pair<std::string, std::string>::first);
  if (found == values.end()) {
    return std::nullopt;
  }
  return found->second;
}

std::optional<std::uint64_t> Event::number(std::string_view key) const {
  const std::optional<std::string_view> value = text(key);
  if (!value) {
    return std::nullopt;
  }
  const bool hexadecimal = value->starts_with("0x");
  const std::string_view digits = hexadecimal ? value->substr(2) : *value;
  std::uint64_t result = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, result, hexadecimal ? 16 : 10);
  if (error != std::errc() || stop != end) {
    return std::nullopt;
  }
  return result;
}

std::optional<Event> parse_event(std::string_view line) {
  constexpr std::string_view prefix = abi::report_prefix;
  if (!line.starts_with(prefix)) {
    return std::nullopt;
  }
  line.remove_prefix(prefix.size());
  Event event;
  event.name = take_word(line);
  if (event.name.empty()) {
    return std::nullopt;
  }
  for (;;) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (line.empty()) {
      return event;
    }
    const std::string_view key = take_word(line);
    if (key.empty() || !line.starts_with('=') || event.values.size() == Event::max_values) {
      return std::nullopt;
    }
    line.remove_prefix(1);
    const std::optional<std::string_view> value = take_value(line);
    if (!value || (!line.empty() && !line.starts_with(' '))) {
      return std::nullopt;
    }
    event.values.emplace_back(key, printable(*value));
  }
}

std::string printable(std::string_view bytes) {
  std::string result(bytes);
  std::ranges::replace_if(result, [](char character) { return character < 0x20 || character > 0x7E; }, '?');
  return result;
}

std::vector<std::string> LineReader::feed(std::string_view bytes) {
  std::vector<std::string> lines;
  for (const char byte : bytes) {
    if (byte == '\n') {
      lines.push_back(std::move(pending_));
      pending_.clear();
    } else if (byte != '\r' && pending_.size() < max_line) {
      pending_.push_back(byte);
    }
  }
  return lines;
}

}  // namespace redoubt::tool::boot
