// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/metadata/line_changes.hpp"

#include <algorithm>
#include <ranges>

namespace redoubt::port {

namespace {

constexpr std::size_t context = 3;

// A whole file's lines, each with its end, as a patch has them.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t feed = std::min(text.find('\n'), text.size() - 1);
    lines.push_back(text.substr(0, feed + 1));
    text.remove_prefix(feed + 1);
  }
  return lines;
}

std::string patch_line(char mark, std::string_view line) {
  std::string text(1, mark);
  text += line;
  return line.ends_with('\n') ? text : text + "\n\\ No newline at end of file\n";
}

std::string range(std::size_t start, std::size_t count) {
  // A range without lines is named by the line in front of it.
  return std::format("{},{}", count == 0 ? start : start + 1, count);
}

}  // namespace

std::vector<std::size_t> LineChanges::origins(const Document& document) const {
  std::vector<std::size_t> lines;
  for (std::size_t i = 0; i <= document.size(); ++i) {
    if (const auto found = inserted_.find(i); found != inserted_.end()) {
      lines.insert(lines.end(), found->second.size(), i == 0 ? 0 : i - 1);
    }
    const auto replaced = replaced_.find(i);
    if (i < document.size() && (replaced == replaced_.end() || replaced->second.has_value())) {
      lines.push_back(i);
    }
  }
  return lines;
}

Document LineChanges::applied(const Document& document) const {
  Document result = document;
  // From the end on, so that indices stay true.
  for (std::size_t i = document.size() + 1; i-- > 0;) {
    if (const auto found = inserted_.find(i); found != inserted_.end()) {
      for (const std::string& line : std::views::reverse(found->second)) {
        result.insert(i, line);
      }
    }
    if (i == 0) {
      break;
    }
    if (const auto found = replaced_.find(i - 1); found != replaced_.end()) {
      if (found->second.has_value()) {
        result.replace(i - 1, *found->second);
      } else {
        result.remove(i - 1);
      }
    }
  }
  return result;
}

// Which lines of `after` each line of `before` became, as the changes say.
std::vector<LineChanges::Step> LineChanges::steps(const Lines& before, const Lines& after) const {
  std::vector<Step> steps;
  std::size_t a = 0;
  for (std::size_t b = 0; b <= before.size(); ++b) {
    std::size_t added = 0;
    if (const auto found = inserted_.find(b); found != inserted_.end()) {
      added = found->second.size();
    }
    for (; added > 0; --added, ++a) {
      steps.push_back({'+', b, a});
    }
    if (b == before.size()) {
      break;
    }
    const auto changed = replaced_.find(b);
    if (changed == replaced_.end()) {
      // The last line's end may have changed.
      const bool same = before[b] == after[a];
      steps.push_back({same ? ' ' : '-', b, a});
      if (!same) {
        steps.push_back({'+', b + 1, a});
      }
      ++a;
      continue;
    }
    steps.push_back({'-', b, a});
    if (changed->second.has_value()) {
      steps.push_back({'+', b + 1, a});
      ++a;
    }
  }
  return steps;
}

std::string LineChanges::hunks(const std::vector<Step>& steps, const Lines& before, const Lines& after) {
  std::string diff;
  for (std::size_t i = 0; i < steps.size();) {
    if (steps[i].mark == ' ') {
      ++i;
      continue;
    }
    // A hunk: up to the last change with no more than twice the context to the next one.
    const std::size_t first = i > context ? i - context : 0;
    std::size_t last = i;
    for (std::size_t j = i; j < steps.size() && j <= last + 2 * context; ++j) {
      last = steps[j].mark != ' ' ? j : last;
    }
    const std::size_t end = std::min(last + 1 + context, steps.size());
    std::string body;
    std::size_t before_count = 0;
    std::size_t after_count = 0;
    for (std::size_t j = first; j < end; ++j) {
      const Step& step = steps[j];
      body += patch_line(step.mark, step.mark == '+' ? after[step.after] : before[step.before]);
      before_count += step.mark != '+' ? 1 : 0;
      after_count += step.mark != '-' ? 1 : 0;
    }
    diff += std::format("@@ -{} +{} @@\n", range(steps[first].before, before_count),
                        range(steps[first].after, after_count));
    diff += body;
    i = end;
  }
  return diff;
}

std::string LineChanges::unified_diff(const Document& document) const {
  const std::string before_text = document.text();
  const std::string after_text = applied(document).text();
  const Lines before = lines_of(before_text);
  const Lines after = lines_of(after_text);
  const std::string diff = hunks(steps(before, after), before, after);
  return diff.empty() ? diff : std::format("--- a/{0}\n+++ b/{0}\n", document.name()) + diff;
}

}  // namespace redoubt::port
