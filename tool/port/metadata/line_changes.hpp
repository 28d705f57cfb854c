// SPDX-License-Identifier: BSD-2-Clause-Patent
// Changes of a Document, gathered before any is made, so that all indices are those of the document as it was read.
// They become another document, or a patch that `git apply` takes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tool/port/metadata/document.hpp"

namespace redoubt::port {

class LineChanges {
 public:
  void replace(std::size_t line, std::string text) { replaced_[line] = std::move(text); }
  void remove(std::size_t line) { replaced_[line] = std::nullopt; }
  // Behind the line, and behind what was put there before.
  void insert_after(std::size_t line, std::string text) { inserted_[line + 1].push_back(std::move(text)); }
  void append(const Document& document, std::string text) { inserted_[document.size()].push_back(std::move(text)); }

  bool empty() const { return replaced_.empty() && inserted_.empty(); }
  Document applied(const Document& document) const;
  // For each line of what applied() gives, the line that it was or was put behind.
  std::vector<std::size_t> origins(const Document& document) const;
  // With three lines of context, and the document's name on both sides.
  std::string unified_diff(const Document& document) const;

 private:
  // A line of a patch: one of the text before, of the one after, or of both.
  struct Step {
    char mark;
    std::size_t before;
    std::size_t after;
  };
  using Lines = std::vector<std::string_view>;
  std::vector<Step> steps(const Lines& before, const Lines& after) const;
  static std::string hunks(const std::vector<Step>& steps, const Lines& before, const Lines& after);

  std::map<std::size_t, std::optional<std::string>> replaced_;
  std::map<std::size_t, std::vector<std::string>> inserted_;  // in front of the line
};

}  // namespace redoubt::port
