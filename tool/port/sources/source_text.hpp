// SPDX-License-Identifier: BSD-2-Clause-Patent
// A source file and what is to be changed of it. Places are those that redoubt-source-facts gives for the file as it
// was read; what isn't changed stays byte for byte.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::port {

class SourceText {
 public:
  explicit SourceText(std::string text);

  const std::string& original() const { return text_; }
  bool changed() const { return !edits_.empty(); }

  // What stands at [line, column, line, column]; nothing if that isn't in the file.
  std::optional<std::string> at(const nlohmann::json& extent) const;
  std::size_t line_of(std::size_t offset) const;  // from one
  struct Range {
    std::size_t begin;
    std::size_t end;
  };
  std::optional<Range> range(const nlohmann::json& extent) const;
  // The comment that stands right above a place, with the blanks between them.
  Range comment_above(std::size_t offset) const;

  // False, and nothing is changed, where another change overlaps.
  bool replace(const Range& range, std::string text);

  // What stands in a range now.
  std::string now_in(const Range& range) const;
  // The new text. `names` are replaced wherever they stand as words outside of comments and quotes.
  std::string applied(const std::map<std::string, std::string, std::less<>>& names) const;

 private:
  struct Edit {
    std::size_t end;
    std::string text;
  };
  std::string text_;
  std::vector<std::size_t> lines_;  // where each starts
  std::map<std::size_t, Edit> edits_;
};

// How often `name` stands in the text as a word outside of comments and quotes, and all such words.
std::set<std::string> words_in(std::string_view text);
std::size_t count_word(std::string_view text, std::string_view name);

std::string with_names(std::string_view text, const std::map<std::string, std::string, std::less<>>& names);

// Lines of `#include`, with the header's name and whether it is in angle brackets; from one.
struct IncludeLine {
  std::size_t line;
  std::string header;
  bool is_angled;
};
std::vector<IncludeLine> include_lines(std::string_view text);

// "\r\n" or "\n", whichever most lines end with.
std::string line_end_of(std::string_view text);
// All line ends made `line_end`.
std::string with_line_ends(std::string_view text, std::string_view line_end);

}  // namespace redoubt::port
