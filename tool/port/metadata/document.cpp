// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/metadata/document.hpp"

#include <algorithm>

namespace redoubt::port {

ReadResult<Document> Document::parse(std::string name, std::string_view text) {
  Document document;
  document.name_ = std::move(name);
  if (text.size() > largest_document) {
    return refuse({document.name_}, std::format("is larger than {} MiB", largest_document >> 20));
  }
  while (!text.empty()) {
    const std::size_t feed = text.find('\n');
    std::string_view line = text.substr(0, feed);
    text.remove_prefix(feed == std::string_view::npos ? text.size() : feed + 1);
    LineEnd end = feed == std::string_view::npos ? LineEnd::none : LineEnd::line_feed;
    if (end != LineEnd::none && line.ends_with('\r')) {
      end = LineEnd::both;
      line.remove_suffix(1);
    }
    const Place place = {document.name_, document.lines_.size() + 1};
    if (line.size() > longest_line) {
      return refuse(place, std::format("line is longer than {} MiB", longest_line >> 20));
    }
    if (line.contains('\0')) {
      return refuse(place, "isn't text: there is a zero byte");
    }
    document.lines_.push_back({std::string(line), end});
  }
  return document;
}

std::string_view Document::text_of(LineEnd end) {
  switch (end) {
    case LineEnd::none: return "";
    case LineEnd::line_feed: return "\n";
    case LineEnd::both: return "\r\n";
  }
  return "";
}

std::string Document::text() const {
  std::string text;
  for (const Line& line : lines_) {
    text += line.text;
    text += text_of(line.end);
  }
  return text;
}

// edk2's own files have both characters, so a file without any line end gets them too.
Document::LineEnd Document::usual_end() const {
  const auto feeds = std::ranges::count(lines_, LineEnd::line_feed, &Line::end);
  const auto both = std::ranges::count(lines_, LineEnd::both, &Line::end);
  return feeds > both ? LineEnd::line_feed : LineEnd::both;
}

void Document::insert(std::size_t index, std::string_view text) {
  LineEnd end = usual_end();
  if (index == lines_.size() && !lines_.empty() && lines_.back().end == LineEnd::none) {
    std::swap(end, lines_.back().end);
  }
  lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(index), Line{std::string(text), end});
}

void Document::remove(std::size_t index) {
  const bool ends_file = index + 1 == lines_.size() && lines_[index].end == LineEnd::none;
  lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(index));
  if (ends_file && !lines_.empty()) {
    lines_.back().end = LineEnd::none;
  }
}

}  // namespace redoubt::port
