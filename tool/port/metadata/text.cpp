// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/metadata/text.hpp"

#include <algorithm>
#include <ranges>

namespace redoubt::port {

namespace {

constexpr std::string_view blanks = " \t\r\f\v";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

char upper_case(char character) {
  return character >= 'a' && character <= 'z' ? static_cast<char>(character - 'a' + 'A') : character;
}

// Whether the character at hand is outside of quotes. A quote that nothing closes is a character like any other: one in
// prose would hide the rest of the line.
class Quotes {
 public:
  explicit Quotes(std::string_view text) : text_(text) {}
  bool outside(std::size_t position) {
    const char character = text_[position];
    if (position < closed_at_) {
      return false;
    }
    bool& unclosed = character == '"' ? double_unclosed_ : single_unclosed_;
    if ((character == '"' || character == '\'') && !unclosed) {
      const std::size_t close = closing(position, character);
      if (close != std::string_view::npos) {
        closed_at_ = close + 1;
        return false;
      }
      unclosed = true;  // or a line full of them would be searched once for each
    }
    return true;
  }

 private:
  std::size_t closing(std::size_t open, char quote) const {
    for (std::size_t i = open + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        return i;
      }
    }
    return std::string_view::npos;
  }

  std::string_view text_;
  std::size_t closed_at_ = 0;
  bool double_unclosed_ = false;
  bool single_unclosed_ = false;
};

}  // namespace

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) {
    return text.substr(0, 0);  // still a place in the line
  }
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), upper_case);
  return result;
}

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, {}, upper_case, upper_case);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  Quotes quotes(text);
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quotes.outside(i) && text[i] == separator) {
      pieces.push_back(trim(text.substr(start, i - start)));
      start = i + 1;
    }
  }
  pieces.push_back(trim(text.substr(start)));
  return pieces;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> result;
  Quotes quotes(text);
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (quotes.outside(i) && blanks.contains(text[i]))) {
      if (i > start) {
        result.push_back(text.substr(start, i - start));
      }
      start = i + 1;
    }
  }
  return result;
}

CleanLine clean(std::string_view line) {
  if (line.starts_with(byte_order_mark)) {
    line.remove_prefix(byte_order_mark.size());
  }
  // Most lines with a comment are nothing else.
  if (const std::string_view whole = trim(line); whole.starts_with('#')) {
    return {whole.substr(0, 0), whole};
  }
  Quotes quotes(line);
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (quotes.outside(i) && line[i] == '#') {
      return {trim(line.substr(0, i)), trim(line.substr(i))};
    }
  }
  return {trim(line), {}};
}

std::string with_content(std::string_view line, std::string_view to) {
  const std::string_view content = clean(line).content;
  const auto start = static_cast<std::size_t>(content.data() - line.data());
  return std::string(line.substr(0, start)).append(to).append(line.substr(start + content.size()));
}

std::string tree_path(std::string_view path) {
  std::string slashes(path);
  std::ranges::replace(slashes, '\\', '/');
  if (slashes.starts_with('/') || (slashes.size() > 1 && slashes[1] == ':')) {
    return {};
  }
  std::vector<std::string_view> parts;
  for (const auto piece : std::views::split(slashes, '/')) {
    const std::string_view part(piece);
    if (part.empty() || part == ".") {
      continue;
    }
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return {};
    } else {
      parts.pop_back();
    }
  }
  std::string result;
  for (const std::string_view part : parts) {
    result.append(result.empty() ? "" : "/").append(part);
  }
  return result;
}

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string join_path(std::string_view folder, std::string_view path) {
  return folder.empty() ? std::string(path) : std::string(folder).append("/").append(path);
}

}  // namespace redoubt::port
