// SPDX-License-Identifier: BSD-2-Clause-Patent
// Reads a line of the report (report.hpp), without its prefix and line end. Nothing in it is believed: what breaks the
// format is found out, and nothing is read behind the text.
#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

#include "abi/redoubt/report.hpp"

namespace redoubt::abi {

struct ReportField {
  std::string_view key;
  std::string_view value;  // without its quotes
};

class ReportReader {
 public:
  constexpr explicit ReportReader(std::string_view line) : rest_(line), event_(take_word(rest_)) {
    broken_ = event_.empty();
  }

  // Empty if the line has none.
  constexpr std::string_view event() const { return event_; }
  // No event's name, or a field that isn't one, was met so far.
  constexpr bool is_broken() const { return broken_; }

  // The next field; none at the end of the line, and from where it is broken on.
  constexpr std::optional<ReportField> next() {
    if (broken_) return std::nullopt;
    rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
    if (rest_.empty()) return std::nullopt;
    broken_ = true;
    ReportField field{.key = take_word(rest_), .value = {}};
    if (field.key.empty() || !rest_.starts_with('=')) return std::nullopt;
    rest_.remove_prefix(1);
    const bool quoted = rest_.starts_with('"');
    if (quoted) rest_.remove_prefix(1);
    const std::size_t end = quoted ? rest_.find('"') : std::min(rest_.find(' '), rest_.size());
    if (end == std::string_view::npos) return std::nullopt;
    field.value = rest_.substr(0, end);
    rest_.remove_prefix(quoted ? end + 1 : end);
    if (!rest_.empty() && !rest_.starts_with(' ')) return std::nullopt;
    broken_ = false;
    return field;
  }

  // The value of the first `key` from here on; none as well if the line is broken before it.
  constexpr std::optional<std::string_view> find(KeyName key) const {
    ReportReader reader = *this;
    while (const auto field = reader.next()) {
      if (field->key == key.text()) return field->value;
    }
    return std::nullopt;
  }

 private:
  static constexpr bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  }
  // The longest word at the front of `text`, which loses it.
  static constexpr std::string_view take_word(std::string_view& text) {
    std::size_t length = 0;
    while (length != text.size() && is_word(text[length])) ++length;
    const std::string_view word = text.substr(0, length);
    text.remove_prefix(length);
    return word;
  }

  std::string_view rest_;
  std::string_view event_;
  bool broken_ = false;
};

}  // namespace redoubt::abi
