// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a source means is asked of a parser (../source_facts). Here are only bytes, and the words between comments and
// quotes.
#include "tool/port/sources/source_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>

#include "tool/port/metadata/text.hpp"

namespace redoubt::port {

namespace {

bool is_word_part(char each) { return std::isalnum(static_cast<unsigned char>(each)) != 0 || each == '_'; }

// Behind the comment or the quoted text that starts at `at`; `at` itself if none does.
std::size_t behind_comment_or_quote(std::string_view text, std::size_t at) {
  if (text.substr(at).starts_with("//")) {
    return std::min(text.find('\n', at), text.size());
  }
  if (text.substr(at).starts_with("/*")) {
    const std::size_t end = text.find("*/", at + 2);
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  if (text[at] != '"' && text[at] != '\'') {
    return at;
  }
  std::size_t end = at + 1;
  while (end < text.size() && text[end] != text[at] && text[end] != '\n') {
    end += text[end] == '\\' ? 2U : 1U;
  }
  return std::min(end + 1, text.size());
}

// `use` gets each word, and what is between words.
void split_words(std::string_view text, const std::function<void(std::string_view, bool)>& use) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = behind_comment_or_quote(text, at);
    bool is_word = false;
    if (end == at) {
      is_word = is_word_part(text[at]);
      end = at + 1;
      while (is_word && end < text.size() && is_word_part(text[end])) {
        ++end;
      }
    }
    use(text.substr(at, end - at), is_word);
    at = end;
  }
}

}  // namespace

SourceText::SourceText(std::string text) : text_(std::move(text)), lines_({0}) {
  for (std::size_t i = text_.find('\n'); i != std::string::npos; i = text_.find('\n', i + 1)) {
    lines_.push_back(i + 1);
  }
}

std::optional<SourceText::Range> SourceText::range(const nlohmann::json& extent) const {
  if (!extent.is_array() || extent.size() != 4 ||
      !std::ranges::all_of(extent, [](const auto& each) { return each.is_number_unsigned(); })) {
    return std::nullopt;
  }
  std::array<std::size_t, 2> offsets{};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto line = extent[2 * i].get<std::size_t>();
    const auto column = extent[2 * i + 1].get<std::size_t>();
    if (line == 0 || line > lines_.size() || column == 0 || lines_[line - 1] + column - 1 > text_.size()) {
      return std::nullopt;
    }
    offsets[i] = lines_[line - 1] + column - 1;
  }
  return offsets[0] <= offsets[1] ? std::optional(Range{offsets[0], offsets[1]}) : std::nullopt;
}

std::optional<std::string> SourceText::at(const nlohmann::json& extent) const {
  const auto found = range(extent);
  return found.has_value() ? std::optional(text_.substr(found->begin, found->end - found->begin)) : std::nullopt;
}

std::size_t SourceText::line_of(std::size_t offset) const {
  return static_cast<std::size_t>(std::ranges::upper_bound(lines_, offset) - lines_.begin());
}

SourceText::Range SourceText::comment_above(std::size_t offset) const {
  const std::size_t last = text_.find_last_not_of(" \t\r\n", offset == 0 ? 0 : offset - 1);
  if (offset == 0 || last == std::string::npos || last == 0) {
    return {offset, offset};
  }
  if (text_[last] == '/' && text_[last - 1] == '*') {
    const std::size_t start = text_.rfind("/*", last - 1);
    return {start == std::string::npos ? offset : start, offset};
  }
  std::size_t start = offset;
  for (std::size_t line = line_of(offset) - 1; line > 0; --line) {
    const std::string_view content =
        trim(std::string_view(text_).substr(lines_[line - 1], lines_[line] - lines_[line - 1]));
    if (!content.starts_with("//")) {
      break;
    }
    start = lines_[line - 1];
  }
  return {start, offset};
}

bool SourceText::replace(const Range& range, std::string text) {
  const auto next = edits_.lower_bound(range.begin);
  if ((next != edits_.end() && next->first < range.end) || (next != edits_.end() && next->first == range.begin) ||
      (next != edits_.begin() && std::prev(next)->second.end > range.begin)) {
    return false;
  }
  edits_.emplace(range.begin, Edit{range.end, std::move(text)});
  return true;
}

std::string SourceText::applied(const std::map<std::string, std::string, std::less<>>& names) const {
  std::string result;
  std::size_t at = 0;
  for (const auto& [begin, edit] : edits_) {
    result += text_.substr(at, begin - at);
    result += edit.text;
    at = edit.end;
  }
  result += text_.substr(at);
  return with_names(result, names);
}

std::string SourceText::now_in(const Range& range) const {
  std::string result;
  std::size_t at = range.begin;
  for (auto edit = edits_.lower_bound(range.begin); edit != edits_.end() && edit->second.end <= range.end; ++edit) {
    result += text_.substr(at, edit->first - at);
    result += edit->second.text;
    at = edit->second.end;
  }
  return result + text_.substr(at, range.end - at);
}

std::size_t count_word(std::string_view text, std::string_view name) {
  std::size_t count = 0;
  split_words(text, [&](std::string_view piece, bool is_word) { count += is_word && piece == name ? 1U : 0U; });
  return count;
}

std::set<std::string> words_in(std::string_view text) {
  std::set<std::string> result;
  split_words(text, [&](std::string_view piece, bool is_word) {
    if (is_word) {
      result.emplace(piece);
    }
  });
  return result;
}

std::string with_names(std::string_view text, const std::map<std::string, std::string, std::less<>>& names) {
  std::string result;
  split_words(text, [&](std::string_view piece, bool is_word) {
    const auto found = is_word ? names.find(piece) : names.end();
    result += found == names.end() ? piece : std::string_view(found->second);
  });
  return result;
}

std::vector<IncludeLine> include_lines(std::string_view text) {
  std::vector<IncludeLine> lines;
  std::size_t line = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view content = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
    if (!content.starts_with('#')) {
      continue;
    }
    content = trim(content.substr(1));
    if (!content.starts_with("include")) {
      continue;
    }
    content = trim(content.substr(7));
    const char close = content.starts_with('<') ? '>' : '"';
    const std::size_t stop = content.size() < 2 ? std::string_view::npos : content.find(close, 1);
    if (stop != std::string_view::npos && (content.front() == '<' || content.front() == '"')) {
      lines.push_back({line, std::string(content.substr(1, stop - 1)), close == '>'});
    }
  }
  return lines;
}

std::string line_end_of(std::string_view text) {
  const auto all = std::ranges::count(text, '\n');
  std::ptrdiff_t both = 0;
  for (std::size_t i = text.find("\r\n"); i != std::string_view::npos; i = text.find("\r\n", i + 2)) {
    ++both;
  }
  return 2 * both > all ? "\r\n" : "\n";
}

std::string with_line_ends(std::string_view text, std::string_view line_end) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
      continue;
    }
    if (text[i] == '\n') {
      result += line_end;
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace redoubt::port
