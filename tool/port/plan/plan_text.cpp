// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/plan/plan_text.hpp"

#include <algorithm>
#include <format>
#include <nlohmann/json.hpp>
#include <utility>

namespace redoubt::port {

namespace {

using Json = nlohmann::ordered_json;

std::string indented(const std::string& mark, const std::string& text) {
  std::string result;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    result += std::format("      {} {}\n", mark, text.substr(start, end - start));
    start = end + 1;
  }
  return result;
}

std::string item_text(const PlanItem& item) {
  std::string text = std::format(
      "  {:<3} {:<8} {}: {}: {}\n", item.step, item.action == Action::decision ? "DECISION" : to_string(item.action),
      to_string(item.place), item.subject, item.reason + (item.pitfall.empty() ? "" : " [" + item.pitfall + "]"));
  if (item.action == Action::edit) {
    text += indented("-", item.before) + indented("+", item.after);
  }
  for (const std::string& candidate : item.candidates) {
    text += indented("or", candidate);
  }
  for (const Place& use : item.uses) {
    text += indented("at", to_string(use));
  }
  return text;
}

Json item_json(const PlanItem& item) {
  Json uses = Json::array();
  for (const Place& use : item.uses) {
    uses.push_back({{"file", use.file}, {"line", use.line}});
  }
  return {{"step", item.step},
          {"action", to_string(item.action)},
          {"file", item.place.file},
          {"line", item.place.line},
          {"subject", item.subject},
          {"reason", item.reason},
          {"before", item.before},
          {"after", item.after},
          {"candidates", item.candidates},
          {"pitfall", item.pitfall},
          {"uses", std::move(uses)}};
}

}  // namespace

std::string head_of(const ModulePlan& plan) {
  const std::size_t unexamined = plan.count(Action::unexamined);
  return std::format("{}: {} edits, {} decisions{}", to_string(plan.verdict), plan.count(Action::edit),
                     plan.count(Action::decision), unexamined == 0 ? "" : std::format(", {} not examined", unexamined));
}

bool is_settled(const ModulePlan& plan) {
  return plan.count(Action::decision) == 0 && plan.count(Action::unexamined) == 0;
}

std::string plan_text(const ModulePlan& plan) {
  std::string text = std::format("{}: {}\n", plan.base_name, head_of(plan));
  text += std::format("  {} ({}) to {} ({}{})\n", plan.inf, plan.module_type, plan.standalone_inf, plan.standalone_type,
                      plan.exists ? ", there is one already" : "");
  if (!plan.sources_read) {
    text += "  by build metadata alone: what only the C sources tell is listed as not examined\n";
  }
  std::string platforms;
  for (const std::string& platform : plan.platforms) {
    platforms += (platforms.empty() ? "" : ", ") + platform;
  }
  text += std::format("  built by {}\n",
                      platforms.empty() ? "no platform, with these macros (see -D and --platform)" : platforms);
  for (const PlanItem& item : plan.items) {
    if (item.action != Action::unexamined) {
      text += item_text(item);
    }
  }
  if (plan.count(Action::unexamined) == 0) {
    return text;
  }
  text += plan.sources_read ? "  not understood:\n" : "  not examined, since they are in the C sources:\n";
  for (const PlanItem& item : plan.items) {
    if (item.action == Action::unexamined) {
      text += plan.sources_read ? std::format("  {:<3} {}: {}\n", item.step, to_string(item.place), item.reason)
                                : std::format("  {:<3} {}: {}\n", item.step, item.subject, item.reason);
    }
  }
  return text;
}

nlohmann::ordered_json plan_json(const ModulePlan& plan) {
  Json json = {{"module", plan.base_name},
               {"inf", plan.inf},
               {"module_type", plan.module_type},
               {"standalone_inf", plan.standalone_inf},
               {"standalone_type", plan.standalone_type},
               {"exists", plan.exists},
               {"basis", plan.sources_read ? "metadata and sources" : "metadata"},
               {"verdict", to_string(plan.verdict)},
               {"edits", plan.count(Action::edit)},
               {"decisions", plan.count(Action::decision)},
               {"unexamined", plan.count(Action::unexamined)},
               {"platforms", plan.platforms},
               {"items", Json::array()}};
  for (const PlanItem& item : plan.items) {
    json["items"].push_back(item_json(item));
  }
  return json;
}

nlohmann::ordered_json files_json(const ModulePlan& plan) {
  Json files = Json::array({{{"path", plan.standalone_inf}, {"text", plan.standalone_text}}});
  for (const NewFile& file : plan.new_files) {
    files.push_back({{"path", file.path}, {"text", file.text}});
  }
  for (const ChangedFile& file : plan.changed_files) {
    files.push_back({{"path", file.path}, {"text", file.after}});
  }
  return files;
}

}  // namespace redoubt::port
