// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/plan/reports.hpp"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

namespace redoubt::port {

namespace {

using Json = nlohmann::ordered_json;

Json location(const Place& place) {
  Json where = {{"artifactLocation", {{"uri", place.file}}}};
  if (place.line > 0) {
    where["region"] = {{"startLine", place.line}};
  }
  return {{"physicalLocation", std::move(where)}};
}

std::string message(const PlanItem& item) {
  std::string text = std::format("{}: {}", item.subject, item.reason);
  for (const std::string& candidate : item.candidates) {
    text += std::format("\nor {}", candidate);
  }
  return text;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char each : text) {
    switch (each) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      default: result += static_cast<unsigned char>(each) < 0x20 ? ' ' : each;
    }
  }
  return result;
}

const char* colour(Verdict verdict) {
  switch (verdict) {
    case Verdict::mechanical: return "#cfe8cf";
    case Verdict::needs_decisions: return "#f6e7b4";
    case Verdict::needs_split: return "#f3c9c0";
  }
  return "";
}

}  // namespace

std::string sarif(const std::vector<const ModulePlan*>& plans, const std::string& tool_version) {
  Json results = Json::array();
  std::set<std::string> steps;
  for (const ModulePlan* plan : plans) {
    for (const PlanItem& item : plan->items) {
      if (item.action != Action::decision && item.action != Action::unexamined) {
        continue;
      }
      steps.insert(item.step);
      Json result = {{"ruleId", item.step},
                     {"level", item.action == Action::decision ? "warning" : "note"},
                     {"message", {{"text", message(item)}}},
                     {"locations", Json::array({location(item.place)})}};
      if (!item.uses.empty()) {
        result["relatedLocations"] = Json::array();
        for (const Place& use : item.uses) {
          result["relatedLocations"].push_back(location(use));
        }
      }
      results.push_back(std::move(result));
    }
  }
  Json rules = Json::array();
  for (const std::string& step : steps) {
    std::string anchor = step;
    std::ranges::transform(anchor, anchor.begin(),
                           [](unsigned char each) { return static_cast<char>(std::tolower(each)); });
    rules.push_back({{"id", step}, {"helpUri", "docs/porting.md#" + anchor}});
  }
  const Json driver = {{"name", "redoubt port"}, {"version", tool_version}, {"rules", std::move(rules)}};
  const Json run = {{"tool", {{"driver", driver}}}, {"results", std::move(results)}};
  const Json root = {
      {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"}, {"version", "2.1.0"}, {"runs", Json::array({run})}};
  return root.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

std::string svg(const Ranking& ranking) {
  constexpr std::size_t row = 34;
  constexpr std::size_t box_width = 560;
  constexpr std::size_t left = 160;
  std::map<std::string, std::size_t> rows;
  for (std::size_t i = 0; i < ranking.modules.size(); ++i) {
    rows[ranking.modules[i].plan.inf] = i;
  }
  const auto middle = [](std::size_t index) { return row * index + row / 2 + 8; };
  std::string text = std::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n<title>Traditional modules, in an order in which they can be ported</title>\n",
      left + box_width + 16, row * ranking.modules.size() + 16);
  for (std::size_t i = 0; i < ranking.modules.size(); ++i) {
    for (const std::string& other : ranking.modules[i].waits_for) {
      const auto found = rows.find(other);
      if (found == rows.end()) {
        continue;
      }
      const std::size_t distance =
          std::min<std::size_t>(140, 12 + 6 * (i > found->second ? i - found->second : found->second - i));
      text += std::format("<path d=\"M{0} {1} C{2} {1} {2} {3} {0} {3}\" fill=\"none\" stroke=\"#777\"/>\n", left,
                          middle(found->second), left - distance, middle(i));
    }
  }
  for (std::size_t i = 0; i < ranking.modules.size(); ++i) {
    const ModulePlan& plan = ranking.modules[i].plan;
    text += std::format(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"4\" fill=\"{}\"/>\n"
        "<text x=\"{}\" y=\"{}\">{}. {}: {}, {} edits, {} decisions</text>\n",
        left, middle(i) - row / 2 + 3, box_width, row - 6, colour(plan.verdict), left + 8, middle(i) + 4, i + 1,
        escaped(plan.base_name), to_string(plan.verdict), plan.count(Action::edit), plan.count(Action::decision));
  }
  return text + "</svg>\n";
}

}  // namespace redoubt::port
