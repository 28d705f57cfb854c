// SPDX-License-Identifier: BSD-2-Clause-Patent
// A text file as its lines, each with the line end that it had: what is read and not touched is written back byte for
// byte. The readers of this folder keep indices into it and change it line by line, so that a changed entry changes its
// own line only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tool/port/metadata/error.hpp"

namespace redoubt::port {

// Beyond any file that people write, small enough for a machine to read thousands of.
inline constexpr std::size_t longest_line = std::size_t{1} << 20;
inline constexpr std::size_t largest_document = std::size_t{64} << 20;

class Document {
 public:
  // Refuses what is no text: zero bytes, and lines and files beyond the limits above.
  static ReadResult<Document> parse(std::string name, std::string_view text);

  const std::string& name() const { return name_; }
  std::size_t size() const { return lines_.size(); }
  // Without its line end; index from zero.
  std::string_view line(std::size_t index) const { return lines_[index].text; }
  Place place(std::size_t index) const { return {name_, index + 1}; }
  // The whole file.
  std::string text() const;

  // A line in front of `index`, which may be size(). It gets the line end of most lines; behind a last line without
  // one, the two exchange, so that the file ends as it did.
  void insert(std::size_t index, std::string_view text);
  void remove(std::size_t index);
  void replace(std::size_t index, std::string_view text) { lines_[index].text = text; }

 private:
  enum class LineEnd : std::uint8_t { none, line_feed, both };
  struct Line {
    std::string text;
    LineEnd end;
  };

  static std::string_view text_of(LineEnd end);
  LineEnd usual_end() const;

  std::string name_;
  std::vector<Line> lines_;
};

}  // namespace redoubt::port
