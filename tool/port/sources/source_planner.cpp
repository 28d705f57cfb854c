// SPDX-License-Identifier: BSD-2-Clause-Patent
#include <algorithm>
#include <format>

#include "tool/port/metadata/text.hpp"
#include "tool/port/plan/derived_names.hpp"
#include "tool/port/sources/source_planner.hpp"

namespace redoubt::port {

namespace {

// A Traditional half has little in it but the entry point and what it calls of DXE.
constexpr std::ptrdiff_t longest_half = 400;

}  // namespace

ReadResult<SourcePlan> SourcePlanner::run(const FactsProgram& program) {
  const ModuleRequest request = TRY(module_request(workspace_, inf_));
  for (const ReadError& missing : request.missing) {
    note_unexamined("S3", missing.place, "source", missing.reason);
  }
  if (!request.json.contains("sources")) {
    return std::move(plan_);
  }
  auto answer = program.ask(request.json);
  if (!answer.has_value()) {
    return refuse({inf_.document().name()}, answer.error());
  }
  answer_ = std::move(*answer);
  TRY(read_sources(request));
  index();
  understood();
  find_half();
  services();
  tables();
  checks();
  messages();
  pcds();
  configuration_tables();
  shared_buffers();
  early_save_state();
  dispatch_protocols();
  library_calls();
  entries();
  rename();
  finish();
  return std::move(plan_);
}

ReadResult<void> SourcePlanner::read_sources(const ModuleRequest& request) {
  for (const auto& [file, path] : request.sources) {
    const std::string ending = upper(path.substr(std::min(path.size(), path.rfind('.'))));
    if (ending != ".C" && ending != ".H") {
      continue;
    }
    const auto document = TRY(workspace_.tree().read(path));
    std::vector<std::string> others = workspace_.users_of_source(path);
    std::erase_if(others, [&](const std::string& other) {
      return other == inf_.document().name() ||
             workspace_.infs().find(other)->second->module_type().contains("STANDALONE");
    });
    sources_.emplace(file, Source{path, SourceText(document->text()), std::move(others), {}});
  }
  return {};
}

std::string SourcePlanner::key(const std::string& file, const Json& line, const Json& column) {
  return std::format("{}:{}:{}", file, line.get<std::size_t>(), column.get<std::size_t>());
}

void SourcePlanner::index() {
  for (const Json& fact : list_in(answer_, "facts")) {
    if (!fact.contains("line") || !fact.contains("column")) {
      continue;
    }
    by_place_[key(text_in(fact, "file"), fact["line"], fact["column"])].push_back(&fact);
    if (text_in(fact, "kind") == "handler") {
      for (const Json& handler : list_in(fact, "handlers")) {
        registered_.insert(handler.get<std::string>());
      }
    }
  }
  for (const Json& function : list_in(answer_, "functions")) {
    functions_[text_in(function, "file")].push_back(&function);
  }
}

SourcePlanner::Source* SourcePlanner::source_of(const Json& fact) {
  if (in_half(fact)) {
    return &*standalone_copy_;
  }
  const auto found = sources_.find(text_in(fact, "file"));
  return found == sources_.end() ? nullptr : &found->second;
}

Place SourcePlanner::place_of(const Json& fact) const {
  const std::string file = text_in(fact, "file");
  const std::size_t line = fact.contains("line") ? fact["line"].get<std::size_t>() : 0;
  if (const auto found = sources_.find(file); found != sources_.end()) {
    return {found->second.path, line};
  }
  return {workspace_.tree().path_of(file).value_or(file), line};
}

std::vector<const Json*> SourcePlanner::facts(const char* kind) const {
  std::vector<const Json*> result;
  for (const Json& fact : list_in(answer_, "facts")) {
    if (text_in(fact, "kind") == kind) {
      result.push_back(&fact);
    }
  }
  return result;
}

const Json* SourcePlanner::beside(const Json& fact, const char* kind) const {
  const auto call = fact.find("call");
  std::string at = key(text_in(fact, "file"), fact["line"], fact["column"]);
  if (call != fact.end() && call->is_object() && (*call)["at"].is_array()) {
    at = key(text_in(fact, "file"), (*call)["at"][0], (*call)["at"][1]);
  }
  const auto found = by_place_.find(at);
  if (found == by_place_.end()) {
    return nullptr;
  }
  const auto fits =
      std::ranges::find_if(found->second, [kind](const Json* each) { return text_in(*each, "kind") == kind; });
  return fits == found->second.end() ? nullptr : *fits;
}

PlanItem& SourcePlanner::add(const char* step, Action action, Place place, std::string subject, std::string reason,
                             std::string before, std::string after, std::vector<std::string> candidates) {
  plan_.items.push_back({step,
                         action,
                         std::move(place),
                         std::move(subject),
                         std::move(reason),
                         std::move(before),
                         std::move(after),
                         std::move(candidates),
                         {},
                         {}});
  return plan_.items.back();
}

void SourcePlanner::note_unexamined(const char* step, const Place& place, const char* subject, std::string reason) {
  add(step, Action::unexamined, place, subject, std::move(reason));
}

PlanItem& SourcePlanner::decide(const std::string& step, const Place& place, const std::string& subject,
                                const std::string& reason, const std::vector<std::string>& candidates) {
  const auto same = std::ranges::find_if(plan_.items, [&](const PlanItem& item) {
    return item.action == Action::decision && item.step == step && item.subject == subject && item.reason == reason;
  });
  if (same != plan_.items.end()) {
    if (!std::ranges::contains(same->uses, place) && same->place != place) {
      same->uses.push_back(place);
    }
    return *same;
  }
  return add(step.c_str(), Action::decision, place, subject, reason, {}, {}, candidates);
}

std::string SourcePlanner::answer_to(const std::string& step, const std::string& subject) const {
  const auto found = options_.answers.find(step + " " + subject);
  return found == options_.answers.end() ? std::string() : found->second;
}

std::string SourcePlanner::one_line(std::string_view text) {
  std::string line;
  for (const char each : bare(text)) {
    const bool is_blank = each == ' ' || each == '\t' || each == '\r' || each == '\n';
    if (!is_blank) {
      line += each;
    } else if (!line.ends_with(' ')) {
      line += ' ';
    }
  }
  return line;
}

bool SourcePlanner::edit(Source* source, const Json& extent, const char* step, const std::string& subject,
                         const std::string& reason, const std::string& after) {
  const auto range = source == nullptr ? std::nullopt : source->text.range(extent);
  if (!range.has_value()) {
    return false;
  }
  const Place place{source->path, source->text.line_of(range->begin)};
  if (!source->others.empty()) {
    decide(step, place, subject, std::format("{}; {} has the source, too", reason, source->others.front()),
           {"a copy of the source for this module", "the same change there"})
        .pitfall = "P1";
    return true;
  }
  const std::string before = one_line(*source->text.at(extent));
  if (!source->text.replace(*range, after)) {
    return false;
  }
  add(step, Action::edit, place, subject, reason, before, one_line(after));
  return true;
}

void SourcePlanner::understood() {
  for (const Json& unit : list_in(answer_, "units")) {
    const Place place = place_of(unit);
    const Json& errors = list_in(unit, "errors");
    if (!unit.value("parsed", false)) {
      note_unexamined("S3", place, "source", "the parser gave up: nothing is known of it");
      continue;
    }
    const Json& incomplete = list_in(unit, "incomplete_functions");
    if (!incomplete.empty()) {
      std::string names;
      for (const Json& name : incomplete) {
        names += (names.empty() ? "" : ", ") + name.get<std::string>();
      }
      std::string message = errors.empty() ? "" : ": " + text_in(errors.front(), "message");
      note_unexamined("S3", errors.empty() ? place : place_of(errors.front()), "source",
                      std::format("a part of {} isn't understood{}", names, message));
    } else if (!errors.empty()) {
      add("S3", Action::note, place_of(errors.front()), "source",
          std::format("declarations that aren't understood: {}", text_in(errors.front(), "message")));
    }
    for (const Json& include : list_in(unit, "missing_includes")) {
      if (!include.value("stood_in", false)) {
        add("S4", Action::note, place_of(include), text_in(include, "name"), "the header isn't in the tree");
      }
    }
  }
}

void SourcePlanner::find_half() {
  std::set<std::string> with_services;
  for (const Json* fact : facts("service_use")) {
    if (text_in(*fact, "table") == "mm_system_table") {
      with_services.insert(text_in(*fact, "file"));
    }
  }
  std::size_t c_sources = 0;
  for (const auto& [file, source] : sources_) {
    c_sources += is_c_source(source.path) ? 1U : 0U;
  }
  for (const Json* entry : facts("entry_point")) {
    const std::string file = text_in(*entry, "file");
    const auto source = sources_.find(file);
    if (!entry->value("found", false) || source == sources_.end() || c_sources < 2 || with_services.contains(file) ||
        std::ranges::count(source->second.text.original(), '\n') > longest_half ||
        std::ranges::any_of(functions_[file],
                            [&](const Json* function) { return registered_.contains(text_in(*function, "name")); })) {
      continue;
    }
    half_ = file;
  }
  // What an earlier run wrote is the half, also without an entry point, which can't always be split.
  for (const auto& [file, source] : sources_) {
    if (file_name(source.path) == prefix() + "TraditionalMm.c") {
      half_ = file;
    }
  }
  if (!half_.empty()) {
    const Source& half = sources_.at(half_);
    standalone_copy_.emplace(Source{half.path, SourceText(half.text.original()), {}, {}});
  }
}

bool SourcePlanner::lists_class(const char* library_class) const {
  const Build build = {std::string(architecture), inf_.module_type()};
  return std::ranges::any_of(inf_.entries("LIBRARYCLASSES", &build),
                             [&](const InfEntry& entry) { return entry.name == library_class; });
}

std::string SourcePlanner::prefix() const {
  std::string name = standalone_name(inf_.base_name());
  const std::size_t at = name.find("StandaloneMm");
  name.erase(at, std::string_view("StandaloneMm").size());
  return name.empty() ? "Mm" : name;
}

const Json* SourcePlanner::function_named(const std::string& file, const std::string& name) const {
  const auto found = functions_.find(file);
  if (found == functions_.end()) {
    return nullptr;
  }
  const auto fits =
      std::ranges::find_if(found->second, [&](const Json* each) { return text_in(*each, "name") == name; });
  return fits == found->second.end() ? nullptr : *fits;
}

void SourcePlanner::finish() {
  if (!half_.empty()) {
    finish_half();
  }
  add_checks();
  for (auto& [file, source] : sources_) {
    if (file != half_ && !source.others.empty()) {
      shared_names(source);
    }
    if (file == half_ || !source.others.empty()) {
      continue;
    }
    rename_items(source);
    const std::string text = with_includes(source, source.text.applied(names_));
    if (text != source.text.original()) {
      plan_.changed_files.push_back({source.path, source.text.original(), text});
    }
  }
  if (halves_are_needed()) {
    write_halves();
  }
  if (!memory_library_.empty()) {
    plan_.standalone_classes.insert("MemLib");
  }
  traditional_inf();
  traditional_names();
}

}  // namespace redoubt::port
