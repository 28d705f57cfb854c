// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/metadata/fdf.hpp"

#include <algorithm>

#include "tool/port/metadata/sections.hpp"
#include "tool/port/metadata/text.hpp"

namespace redoubt::port {

namespace {

class Builder {
 public:
  explicit Builder(std::string name) { fdf_.name = std::move(name); }

  ReadResult<void> line(const ActiveLine& line) {
    if (line.is_heading) {
      TRY(end_section());
      section_ = TRY(parse_heading(line.content, line.place)).front();
      if (section_.kind == "RULE") {
        FdfRule rule = {section_.qualifier(0), section_.qualifier(1), "", line.place, line.place};
        if (section_.qualifiers.size() > 2) {
          rule.name = section_.qualifiers[2];
        }
        fdf_.rules.push_back(std::move(rule));
      }
      return {};
    }
    if (section_.kind.empty()) {
      return refuse(line.place, "stands in front of the first section");
    }
    if (section_.kind == "RULE") {
      fdf_.rules.back().last = line.place;
    }
    const auto parts = words(line.content);
    const std::string first = upper(parts.front());
    if (section_.kind == "FV" && first == "INF" && parts.size() > 1) {
      TRY(module(line, parts));
    }
    return count_braces(line, first);
  }

  ReadResult<FdfFile> finish() && {
    TRY(end_section());
    return std::move(fdf_);
  }

 private:
  ReadResult<void> module(const ActiveLine& line, const std::vector<std::string_view>& parts) {
    // A file may have sections of its own in braces behind the path.
    std::size_t last = parts.size() - 1;
    while (last > 0 && (parts[last] == "{" || parts[last] == "}")) {
      --last;
    }
    const std::string inf = tree_path(parts[last]);
    if (last == 0 || inf.empty()) {
      return refuse(line.place, last == 0 ? "INF statement has no path" : "path leaves the tree");
    }
    FdfModule module = {inf, section_.qualifiers.empty() ? "" : section_.qualifiers.front(), "", line.place,
                        !open_.empty() && open_.front().apriori};
    for (std::size_t i = 1; i < last; ++i) {
      module.options.append(module.options.empty() ? "" : " ").append(parts[i]);
    }
    fdf_.modules.push_back(std::move(module));
    return {};
  }

  ReadResult<void> count_braces(const ActiveLine& line, std::string_view first) {
    for (const std::string_view word : words(line.content)) {
      if (word.front() == '"' || word.front() == '\'') {
        continue;
      }
      for (const char character : word) {
        if (character == '{') {
          open_.push_back({line.place, first == "APRIORI"});
        } else if (character == '}') {
          if (open_.empty()) {
            return refuse(line.place, "'}' without a '{'");
          }
          open_.pop_back();
        }
      }
    }
    return {};
  }

  ReadResult<void> end_section() {
    if (!open_.empty()) {
      return refuse(open_.back().place, "'{' without a '}'");
    }
    return {};
  }

  struct Brace {
    Place place;
    bool apriori;
  };

  FdfFile fdf_;
  SectionName section_;
  std::vector<Brace> open_;
};

}  // namespace

ReadResult<FdfFile> read_fdf(std::shared_ptr<const Document> document, const DirectiveInput& input) {
  Builder builder(document->name());
  TRY(read_active_lines(document, input, [&builder](const ActiveLine& line) { return builder.line(line); }));
  return std::move(builder).finish();
}

}  // namespace redoubt::port
