// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/metadata/directives.hpp"

#include <algorithm>

#include "tool/port/metadata/expression.hpp"
#include "tool/port/metadata/macros.hpp"
#include "tool/port/metadata/sections.hpp"
#include "tool/port/metadata/text.hpp"

namespace redoubt::port {

namespace {

class Reader {
 public:
  Reader(const DirectiveInput& input, const std::function<ReadResult<void>(const ActiveLine&)>& line)
      : input_(input), line_(line), file_macros_(input.outer) {}

  ReadResult<void> read(const Document& document) {
    if (std::ranges::contains(open_, document.name())) {
      return refuse({document.name()}, "includes itself");
    }
    if (open_.size() == deepest_include) {
      return refuse({document.name()}, "is included too deeply");
    }
    open_.push_back(document.name());
    // Conditions end in the file that they begin in.
    const std::size_t outer_conditions = conditions_.size();
    for (std::size_t i = 0; i < document.size(); ++i) {
      if (++lines_ > most_active_lines) {
        return refuse(document.place(i), "too many lines, with all that is included");
      }
      const std::string_view content = clean(document.line(i)).content;
      if (content.starts_with('!')) {
        TRY(directive(content, document.place(i), outer_conditions));
      } else if (!content.empty() && active()) {
        TRY(active_line(content, document.place(i)));
      }
    }
    if (conditions_.size() > outer_conditions) {
      return refuse(conditions_.back().place, "condition without an !endif");
    }
    open_.pop_back();
    return {};
  }

  Macros macros() && { return std::move(file_macros_); }

 private:
  struct Condition {
    Place place;
    bool holds;       // the branch that we are in counts
    bool had_branch;  // one before it did
    bool outer;       // what surrounds it counts
    bool had_else = false;
  };

  bool active() const { return conditions_.empty() || (conditions_.back().holds && conditions_.back().outer); }

  std::optional<std::string> macro(std::string_view name) const {
    for (const Macros* macros : {&input_.given, &global_macros_, &section_macros_, &file_macros_}) {
      if (const auto found = macros->find(name); found != macros->end()) {
        return found->second;
      }
    }
    return std::nullopt;
  }

  ReadResult<std::string> expand(std::string_view text, const Place& place) {
    std::string result = expand_macros(text, [this](std::string_view name) { return macro(name); });
    expanded_ += result.size();
    if (expanded_ > 4 * largest_document) {
      return refuse(place, "macros grow beyond all bounds");
    }
    return result;
  }

  ReadResult<bool> condition(std::string_view expression, const Place& place) {
    if (expression.empty()) {
      return refuse(place, "condition is missing");
    }
    bool lacks_pcd = false;
    const ExpressionNames names = {[this](std::string_view name) { return macro(name); },
                                   [&](std::string_view name) -> std::optional<std::string> {
                                     if (const auto found = input_.pcds.find(name); found != input_.pcds.end()) {
                                       return found->second;
                                     }
                                     lacks_pcd = true;
                                     return std::nullopt;
                                   }};
    const auto value = evaluate_condition(expression, names);
    if (value.has_value()) {
      return *value;
    }
    if (lacks_pcd && !input_.pcds_complete) {
      return false;
    }
    return refuse(place, "condition " + value.error());
  }

  bool is_defined(std::string_view name) const {
    if (name.starts_with("$(") && name.ends_with(')')) {
      name = name.substr(2, name.size() - 3);
    }
    return macro(name).has_value();
  }

  ReadResult<void> directive(std::string_view content, const Place& place, std::size_t outer_conditions) {
    const std::size_t end = std::min(content.find_first_of(" \t("), content.size());
    const std::string name = upper(content.substr(0, end));
    const std::string_view rest = trim(content.substr(end));
    if (name == "!IF" || name == "!IFDEF" || name == "!IFNDEF") {
      const bool outer = active();
      bool holds = false;
      if (outer && name == "!IF") {
        holds = TRY(condition(rest, place));
      } else if (rest.empty()) {
        return refuse(place, "condition is missing");
      } else {
        holds = outer && is_defined(rest) == (name == "!IFDEF");
      }
      conditions_.push_back({place, holds, holds, outer});
      return {};
    }
    if (name == "!ELSEIF" || name == "!ELSE" || name == "!ENDIF") {
      if (conditions_.size() == outer_conditions) {
        return refuse(place, std::format("{} without an !if", content.substr(0, end)));
      }
      Condition& innermost = conditions_.back();
      if (name == "!ENDIF") {
        conditions_.pop_back();
        return {};
      }
      if (innermost.had_else) {
        return refuse(place, std::format("{} behind an !else", content.substr(0, end)));
      }
      innermost.had_else = name == "!ELSE";
      const bool may_hold = innermost.outer && !innermost.had_branch;
      innermost.holds = may_hold && (innermost.had_else || TRY(condition(rest, place)));
      innermost.had_branch = innermost.had_branch || innermost.holds;
      return {};
    }
    if (name == "!INCLUDE") {
      return active() ? include(rest, place) : ReadResult<void>();
    }
    if (name == "!ERROR") {
      // Where PCDs are only being gathered, conditions on them don't mean anything yet.
      return active() && input_.pcds_complete ? refuse(place, "!error " + std::string(rest)) : ReadResult<void>();
    }
    return refuse(place, std::format("unknown directive {}", content.substr(0, end)));
  }

  ReadResult<void> include(std::string_view path, const Place& place) {
    const std::string expanded = TRY(expand(path, place));
    if (expanded.empty()) {
      return refuse(place, "!include has no path");
    }
    return read(*TRY(input_.include(expanded, open_.back(), place)));
  }

  ReadResult<void> active_line(std::string_view content, const Place& place) {
    if (is_heading(content)) {
      // Macros of a section end with it, but for those of [Defines].
      section_macros_.clear();
      const std::string expanded = TRY(expand(content, place));
      in_defines_ = upper(content).starts_with("[DEFINES");
      return line_({place, expanded, true});
    }
    const std::size_t end = content.find_first_of(" \t");
    const std::string_view first = content.substr(0, end);
    const bool is_global = first == "EDK_GLOBAL";
    if (end != std::string_view::npos && (is_global || first == "DEFINE")) {
      const std::string_view definition = trim(content.substr(end));
      const std::size_t equals = definition.find('=');
      const std::string_view name = trim(definition.substr(0, equals));
      if (equals == std::string_view::npos || name.empty()) {
        return refuse(place, "isn't a macro and its value (DEFINE NAME = VALUE)");
      }
      Macros& macros = is_global ? global_macros_ : in_defines_ ? file_macros_ : section_macros_;
      macros[std::string(name)] = TRY(expand(trim(definition.substr(equals + 1)), place));
      return {};
    }
    // Macros may leave nothing of it.
    const std::string expanded = TRY(expand(content, place));
    const std::string_view rest = trim(expanded);
    return rest.empty() ? ReadResult<void>() : line_({place, std::string(rest)});
  }

  const DirectiveInput& input_;
  const std::function<ReadResult<void>(const ActiveLine&)>& line_;
  std::vector<std::string> open_;
  std::vector<Condition> conditions_;
  Macros global_macros_;
  Macros file_macros_;
  Macros section_macros_;
  bool in_defines_ = false;
  std::size_t lines_ = 0;
  std::size_t expanded_ = 0;
};

}  // namespace

ReadResult<Macros> read_active_lines(std::shared_ptr<const Document> document, const DirectiveInput& input,
                                     const std::function<ReadResult<void>(const ActiveLine&)>& line) {
  Reader reader(input, line);
  TRY(reader.read(*document));
  return std::move(reader).macros();
}

}  // namespace redoubt::port
