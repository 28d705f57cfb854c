// SPDX-License-Identifier: BSD-2-Clause-Patent
// Facts become items first, of which some are edits of the sources as they were read; then the two halves are written
// from what the edits took out. Nothing here goes by a module's name.
#include "tool/port/sources/source_plan.hpp"

#include <algorithm>
#include <array>

#include "tool/port/metadata/line_changes.hpp"
#include "tool/port/metadata/text.hpp"
#include "tool/port/plan/derived_names.hpp"
#include "tool/port/plan/evidence.hpp"
#include "tool/port/sources/module_request.hpp"
#include "tool/port/sources/source_text.hpp"

namespace redoubt::port {

namespace {

using Json = nlohmann::json;

constexpr std::string_view architecture = "X64";

// A Traditional half has little in it but the entry point and what it calls of DXE.
constexpr std::ptrdiff_t longest_half = 400;

std::string text_in(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& list_in(const Json& json, const char* name) {
  static const Json empty = Json::array();
  const auto found = json.find(name);
  return found != json.end() && found->is_array() ? *found : empty;
}

bool has(const Json& list, std::string_view text) {
  return std::ranges::any_of(list, [text](const Json& each) { return each.is_string() && each == text; });
}

// Without blanks and line ends around it.
std::string_view bare(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

bool is_c_source(std::string_view path) { return path.ends_with(".c") || path.ends_with(".C"); }

bool is_handler_phase(const Json& phases) {
  return std::ranges::any_of(std::to_array({"handler", "dispatch", "notification", "protocol", "callback"}),
                             [&](const char* phase) { return has(phases, phase); });
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }
std::string stem_of(const std::string& path) {
  const std::string file = file_name(path);
  return file.substr(0, file.rfind('.'));
}

// "LampTraditional.c" and "LampSmm.c" become "LampStandaloneMm.c".
std::string standalone_source_name(const std::string& path) {
  std::string stem = stem_of(path);
  if (stem.ends_with("Traditional")) {
    stem += "Mm";
  }
  return join_path(folder_of(path), standalone_name(stem) + ".c");
}

// The comment at a file's top, if it says under which licence the file is: from the line of its copyright on.
std::string licence_of(const std::string& text) {
  if (!text.starts_with("/**")) {
    return {};
  }
  const std::size_t end = text.find("*/");
  const std::string top = text.substr(0, end == std::string::npos ? 0 : end);
  const std::size_t mark = top.find("SPDX-License-Identifier");
  if (mark == std::string::npos) {
    return {};
  }
  const std::size_t start = top.rfind('\n', mark) + 1;
  const std::size_t stop = std::min(top.find('\n', mark), top.size());
  std::string line(trim(std::string_view(top).substr(start, stop - start)));
  return "  " + line + "\n";
}

// Services of DXE that a function of both halves can stand for: in Traditional MM it calls the service, in Standalone
// MM it does what `standalone` says, or what a person decides.
struct ServiceWrapper {
  const char* table;
  const char* service;
  const char* through;
  const char* suffix;  // of the function's name
  const char* comment;
  const char* parameters;
  std::array<int, 5> arguments;  // of the call, that the function gets; -1: no more
  const char* traditional;
  const char* standalone;
};

constexpr const char* located_variables =
    "{\n  EFI_STATUS                 Status;\n  EFI_SMM_VARIABLE_PROTOCOL  *Variables;\n\n"
    "  Status = gMmst->MmLocateProtocol (&gEfiSmmVariableProtocolGuid, NULL, (VOID **)&Variables);\n"
    "  if (EFI_ERROR (Status)) {\n    return Status;\n  }\n\n  return Variables->";
constexpr const char* variable_protocol = "gEfiSmmVariableProtocolGuid";

constexpr std::array wrappers = std::to_array<ServiceWrapper>({
    {"boot_services",
     "InstallProtocolInterface",
     "gBS",
     "InstallInDxe",
     "/**\n  Installs a protocol in DXE's database.\n\n  @param[in,out] Handle     Its handle, NULL for a new one.\n"
     "  @param[in]     Protocol   Its GUID.\n  @param[in]     Interface  Its interface.\n\n"
     "  @return What DXE answers.\n**/\n",
     "(\n  IN OUT EFI_HANDLE  *Handle,\n  IN EFI_GUID        *Protocol,\n  IN VOID            *Interface OPTIONAL\n  )",
     {0, 1, 3, -1, -1},
     "{\n  return gBS->InstallProtocolInterface (Handle, Protocol, EFI_NATIVE_INTERFACE, Interface);\n}",
     ""},
    {"dxe_services",
     "AddMemorySpace",
     "gDS",
     "AddMemorySpace",
     "/**\n  Tells DXE of a range of memory.\n\n  @param[in] Type          Its type.\n"
     "  @param[in] BaseAddress   Where it starts.\n  @param[in] Length        Its size in bytes.\n"
     "  @param[in] Capabilities  What it may have.\n\n  @return What DXE answers.\n**/\n",
     "(\n  IN UINTN                 Type,\n  IN EFI_PHYSICAL_ADDRESS  BaseAddress,\n  IN UINT64                "
     "Length,\n"
     "  IN UINT64                Capabilities\n  )",
     {0, 1, 2, 3, -1},
     "{\n  return gDS->AddMemorySpace ((EFI_GCD_MEMORY_TYPE)Type, BaseAddress, Length, Capabilities);\n}",
     ""},
    {"dxe_services",
     "SetMemorySpaceAttributes",
     "gDS",
     "SetMemorySpaceAttributes",
     "/**\n  Gives a range of memory attributes in DXE.\n\n  @param[in] BaseAddress  Where it starts.\n"
     "  @param[in] Length       Its size in bytes.\n  @param[in] Attributes   What it has.\n\n"
     "  @return What DXE answers.\n**/\n",
     "(\n  IN EFI_PHYSICAL_ADDRESS  BaseAddress,\n  IN UINT64                Length,\n"
     "  IN UINT64                Attributes\n  )",
     {0, 1, 2, -1, -1},
     "{\n  return gDS->SetMemorySpaceAttributes (BaseAddress, Length, Attributes);\n}",
     ""},
    {"runtime_services",
     "GetVariable",
     "gRT",
     "GetVariable",
     "/**\n  Reads a variable.\n\n  @param[in]     VariableName  Its name.\n  @param[in]     VendorGuid    Its "
     "vendor.\n"
     "  @param[out]    Attributes    Its attributes.\n  @param[in,out] DataSize      The buffer's size, and the "
     "data's.\n"
     "  @param[out]    Data          The data.\n\n  @return What the variable driver answers.\n**/\n",
     "(\n  IN     CHAR16    *VariableName,\n  IN     EFI_GUID  *VendorGuid,\n  OUT    UINT32    *Attributes OPTIONAL,\n"
     "  IN OUT UINTN     *DataSize,\n  OUT    VOID      *Data OPTIONAL\n  )",
     {0, 1, 2, 3, 4},
     "{\n  return gRT->GetVariable (VariableName, VendorGuid, Attributes, DataSize, Data);\n}",
     "SmmGetVariable (VariableName, VendorGuid, Attributes, DataSize, Data);\n}"},
    {"runtime_services",
     "SetVariable",
     "gRT",
     "SetVariable",
     "/**\n  Writes a variable.\n\n  @param[in] VariableName  Its name.\n  @param[in] VendorGuid    Its vendor.\n"
     "  @param[in] Attributes    Its attributes.\n  @param[in] DataSize      The data's size.\n"
     "  @param[in] Data          The data.\n\n  @return What the variable driver answers.\n**/\n",
     "(\n  IN CHAR16    *VariableName,\n  IN EFI_GUID  *VendorGuid,\n  IN UINT32    Attributes,\n  IN UINTN     "
     "DataSize,\n"
     "  IN VOID      *Data\n  )",
     {0, 1, 2, 3, 4},
     "{\n  return gRT->SetVariable (VariableName, VendorGuid, Attributes, DataSize, Data);\n}",
     "SmmSetVariable (VariableName, VendorGuid, Attributes, DataSize, Data);\n}"},
});

// Of a function that goes to the halves: all but its body. `head` and `name_begin`: where it and its name begin.
HalfFunction function_of_half(HalfFunction::Kind kind, const std::string& name, const SourceText& text,
                              std::size_t head, std::size_t name_begin, std::string_view parameters) {
  const std::string_view original = text.original();
  const SourceText::Range above = text.comment_above(head);
  HalfFunction function;
  function.kind = kind;
  function.name = name;
  function.comment = with_line_ends(original.substr(above.begin, above.end - above.begin), "\n");
  function.result = with_line_ends(bare(original.substr(head, name_begin - head)), "\n");
  function.parameters = with_line_ends(parameters, "\n");
  return function;
}

class Planner {
 public:
  Planner(Workspace& workspace, const Rules& rules, const InfFile& inf, const SourceOptions& options)
      : workspace_(workspace), rules_(rules), inf_(inf), options_(options) {}

  ReadResult<SourcePlan> run(const FactsProgram& program) {
    const ModuleRequest request = TRY(module_request(workspace_, inf_));
    for (const ReadError& missing : request.missing) {
      note_unexamined("S3", missing.place, "source", missing.reason);
    }
    if (!request.json.contains("sources")) {
      if (request.missing.empty()) {
        return std::move(plan_);
      }
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

 private:
  // ---- sources and facts ----

  struct Source {
    std::string path;  // in the tree
    SourceText text;
    std::vector<std::string> others;  // INFs that list it, too
    std::set<std::string> needed_headers = {};
  };

  ReadResult<void> read_sources(const ModuleRequest& request) {
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

  static std::string key(const std::string& file, const Json& line, const Json& column) {
    return std::format("{}:{}:{}", file, line.get<std::size_t>(), column.get<std::size_t>());
  }

  void index() {
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

  Source* source_of(const Json& fact) {
    if (in_half(fact)) {
      return &*standalone_copy_;
    }
    const auto found = sources_.find(text_in(fact, "file"));
    return found == sources_.end() ? nullptr : &found->second;
  }

  // Where a fact is, by tree paths where the file is in the tree.
  Place place_of(const Json& fact) const {
    const std::string file = text_in(fact, "file");
    const std::size_t line = fact.contains("line") ? fact["line"].get<std::size_t>() : 0;
    if (const auto found = sources_.find(file); found != sources_.end()) {
      return {found->second.path, line};
    }
    return {workspace_.tree().path_of(file).value_or(file), line};
  }

  std::vector<const Json*> facts(const char* kind) const {
    std::vector<const Json*> result;
    for (const Json& fact : list_in(answer_, "facts")) {
      if (text_in(fact, "kind") == kind) {
        result.push_back(&fact);
      }
    }
    return result;
  }

  // A fact of this kind about the same call.
  const Json* beside(const Json& fact, const char* kind) const {
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

  // ---- items ----

  PlanItem& add(const char* step, Action action, Place place, std::string subject, std::string reason,
                std::string before = {}, std::string after = {}, std::vector<std::string> candidates = {}) {
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

  void note_unexamined(const char* step, const Place& place, const char* subject, std::string reason) {
    add(step, Action::unexamined, place, subject, std::move(reason));
  }

  // A decision that may be met at several places, of which the first is its own.
  PlanItem& decide(const std::string& step, const Place& place, const std::string& subject, const std::string& reason,
                   const std::vector<std::string>& candidates) {
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

  std::string answer_to(const std::string& step, const std::string& subject) const {
    const auto found = options_.answers.find(step + " " + subject);
    return found == options_.answers.end() ? std::string() : found->second;
  }

  static std::string one_line(std::string_view text) {
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

  // Changes the source, unless another module has it, too; then it is a decision.
  bool edit(Source* source, const Json& extent, const char* step, const std::string& subject, const std::string& reason,
            const std::string& after) {
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

  // ---- how much is known ----

  void understood() {
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

  // A module that is split already has a source with the entry point and nothing of MM in it.
  void find_half() {
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
  bool in_half(const Json& fact) const { return !half_.empty() && text_in(fact, "file") == half_; }

  // ---- services of DXE ----

  void services() {
    for (const Json* installed : facts("protocol_installed")) {
      if (text_in(*installed, "database") == "dxe") {
        plan_.installed_in_dxe.insert(text_in(*installed, "guid"));
      }
    }
    for (const Json* fact : facts("service_use")) {
      const std::string table = text_in(*fact, "table");
      if (table == "mm_system_table") {
        memory_service(*fact);
      } else if (in_half(*fact)) {
        // The Traditional half stays as it is; what takes a service's place goes into its counterpart.
        if (!replaced(*fact, table, text_in(*fact, "service"), rules_.service(table, text_in(*fact, "service")))) {
          dxe_functions_[text_in(*fact, "function")].push_back(fact);
        }
      } else {
        service(*fact, table, text_in(*fact, "service"));
      }
    }
  }

  void service(const Json& fact, const std::string& table, const std::string& name) {
    const bool leads_on = table == "system_table" && (name == "BootServices" || name == "RuntimeServices") &&
                          !fact.value("called", false);
    if (leads_on && std::ranges::any_of(facts("service_use"), [&](const Json* other) {
          return other != &fact && text_in(*other, "file") == text_in(fact, "file") &&
                 other->at("line") == fact.at("line");
        })) {
      return;
    }
    const ServiceRule& rule = rules_.service(table, name);
    const Place place = place_of(fact);
    std::string step = rule.step;
    std::string subject = text_in(fact, "through") + (name.empty() ? "" : "->" + name);
    std::vector<std::string> candidates = rule.candidates;
    std::string reason = rule.why;
    std::string pitfall;
    if (const Json* located = beside(fact, "protocol_located")) {
      const std::string guid = text_in(*located, "guid");
      subject += " (" + guid + ")";
      if (located_in_mm(fact, guid, rule)) {
        return;
      }
      plan_.protocol_uses[guid].push_back(place);
      if (const auto dxe = dxe_protocol(workspace_, rules_, guid, inf_.document().name());
          dxe && !dxe->standalone.empty()) {
        candidates.insert(candidates.begin(), std::format("gMmst->MmLocateProtocol (&{}, ...)", dxe->standalone));
      }
      const Json& users = list_in(*located, "used_by_handlers");
      if (!users.empty()) {
        reason += std::format("; the handler's {} uses it, when DXE may be over", text_in(users.front(), "function"));
      }
    }
    if (const Json* installed = beside(fact, "protocol_installed")) {
      subject += " (" + text_in(*installed, "guid") + ")";
      plan_.needs_split = true;
    }
    if (const Json* event = beside(fact, "event")) {
      const std::string guid = text_in(*event, "guid");
      const auto group = rules_.event_groups.find(guid);
      if (!guid.empty()) {
        subject += " (" + guid + ")";
      }
      if (group != rules_.event_groups.end()) {
        candidates.insert(candidates.begin(), group->second);
      } else if (text_in(*event, "type").contains("VIRTUAL_ADDRESS_CHANGE")) {
        candidates = {"leave it out in Standalone MM: there is no virtual address map in MM"};
      } else if (text_in(*event, "type").contains("EXIT_BOOT_SERVICES")) {
        candidates.insert(candidates.begin(), rules_.event_groups.at("gEfiEventExitBootServicesGuid"));
      }
    }
    if (const Json* table_fact = beside(fact, "configuration_table")) {
      subject += " (" + text_in(*table_fact, "guid") + ")";
    }
    if (replaced(fact, table, name, rule)) {
      return;
    }
    if (wrapped(fact, table, name, rule)) {
      return;
    }
    if (is_handler_phase(list_in(fact, "phases"))) {
      reason += "; a handler gets there, when DXE may be over";
    }
    decide(step, place, subject, reason, candidates).pitfall = pitfall;
    dxe_functions_[text_in(fact, "function")].push_back(&fact);
  }

  // A function of both halves takes the service's place.
  bool wrapped(const Json& fact, const std::string& table, const std::string& name, const ServiceRule& rule) {
    const auto wrapper = std::ranges::find_if(
        wrappers, [&](const ServiceWrapper& each) { return table == each.table && name == each.service; });
    const auto call = fact.find("call");
    Source* source = source_of(fact);
    if (wrapper == wrappers.end() || source == nullptr || !source->others.empty() || call == fact.end() ||
        !call->is_object() || text_in(fact, "through") != wrapper->through) {
      return false;
    }
    const bool is_variable = *wrapper->standalone != '\0';
    const std::vector<std::string> arguments = arguments_of(*source, *call);
    const bool fits =
        name != "InstallProtocolInterface" || (arguments.size() == 4 && arguments[2] == "EFI_NATIVE_INTERFACE");
    if (!fits || (is_variable && workspace_.guid(variable_protocol) == nullptr)) {
      return false;
    }
    std::string given;
    for (const int argument : wrapper->arguments) {
      if (argument >= 0 && static_cast<std::size_t>(argument) >= arguments.size()) {
        return false;
      }
      given += argument < 0 ? "" : (given.empty() ? "" : ", ") + arguments[static_cast<std::size_t>(argument)];
    }
    const std::string function = prefix() + wrapper->suffix;
    const Place place = place_of(fact);
    if (!edit(source, (*call)["at"], rule.step.c_str(), std::format("{}->{}", wrapper->through, name), rule.why,
              std::format("{} ({})", function, given))) {
      return false;
    }
    HalfFunction& half = service_functions_.try_emplace(function).first->second;
    half.name = function;
    half.comment = wrapper->comment;
    half.result = "EFI_STATUS";
    half.parameters = wrapper->parameters;
    half.body = wrapper->traditional;
    if (is_variable) {
      half.standalone_body = std::string(located_variables) + wrapper->standalone;
      plan_.standalone_protocols.insert(variable_protocol);
    } else {
      half.kind = HalfFunction::Kind::traditional;
      decide_on_function(half, rule.step, place, std::format("{} ({}->{})", rule.why, wrapper->through, name),
                         rule.candidates);
    }
    service_headers_.insert(std::string("<Library/") +
                            (table == "dxe_services"    ? "DxeServicesTableLib"
                             : table == "boot_services" ? "UefiBootServicesTableLib"
                                                        : "UefiRuntimeServicesTableLib") +
                            ".h>");
    return true;
  }

  // What a function of the Standalone half does that in the other calls DXE.
  PlanItem* decide_on_function(HalfFunction& half, const std::string& step, const Place& place,
                               const std::string& reason, std::vector<std::string> candidates) {
    const std::string nothing = "nothing in Standalone MM";
    half.decision = step + " " + half.name;
    half.does_nothing = answer_to(step, half.name) == nothing;
    if (half.does_nothing) {
      add(step.c_str(), Action::edit, place, half.name, "decided: " + nothing, "", nothing);
      return nullptr;
    }
    candidates.insert(candidates.begin(), nothing);
    return &decide(step, place, half.name, reason, candidates);
  }

  // Looked for in DXE's database, and MM has it in its own.
  bool located_in_mm(const Json& fact, const std::string& guid, const ServiceRule& rule) {
    const auto call = fact.find("call");
    if (!has_common_table() || text_in(fact, "service") != "LocateProtocol" || call == fact.end() ||
        !call->is_object() || dxe_protocol(workspace_, rules_, guid, "").has_value()) {
      return false;
    }
    const auto producers = workspace_.users(guid, Workspace::Usage::produces);
    if (producers.empty() || !std::ranges::all_of(producers, [&](const std::string& path) {
          return runs_in_mm(*workspace_.infs().find(path)->second);
        })) {
      return false;
    }
    Source* source = source_of(fact);
    const Json& at = (*call)["at"];
    const Json& arguments = list_in(*call, "arguments");
    if (source == nullptr || arguments.empty()) {
      return false;
    }
    const Json callee = Json::array({at[0], at[1], arguments[0][0], arguments[0][1]});
    const auto text = source->text.at(callee);
    const std::size_t parenthesis = text.has_value() ? text->find('(') : std::string::npos;
    if (parenthesis == std::string::npos) {
      return false;
    }
    if (!lists_class("SmmServicesTableLib")) {
      needs(*source, "MmServicesTableLib");
    }
    return edit(source, callee, rule.step.c_str(), std::format("gBS->LocateProtocol ({})", guid),
                "MM itself has the protocol: " + producers.front(),
                "gMmst->MmLocateProtocol " + text->substr(parenthesis));
  }

  std::vector<std::string> arguments_of(const Source& source, const Json& call) const {
    std::vector<std::string> result;
    for (const Json& argument : list_in(call, "arguments")) {
      result.push_back(source.text.at(argument).value_or(""));
    }
    return std::ranges::contains(result, std::string()) ? std::vector<std::string>() : result;
  }

  // What an argument that gives an address out stores to: "&Crc" is "Crc", "(VOID **)&Buffer" is "Buffer".
  static std::string pointee(const std::string& argument) {
    std::string_view text = trim(argument);
    while (text.starts_with('(')) {
      const std::size_t close = text.find(')');
      if (close == std::string_view::npos || !text.substr(0, close).contains('*')) {
        break;
      }
      text = trim(text.substr(close + 1));
    }
    return text.starts_with('&') ? std::string(trim(text.substr(1))) : std::format("*({})", text);
  }

  bool lists_class(const char* library_class) const {
    const Build build = {std::string(architecture), inf_.module_type()};
    return std::ranges::any_of(inf_.entries("LIBRARYCLASSES", &build),
                               [&](const InfEntry& entry) { return entry.name == library_class; });
  }

  std::string indentation(const Source& source, const Json& statement) const {
    const auto column = statement[1].get<std::size_t>();
    return line_end_of(source.text.original()) + std::string(column - 1, ' ');
  }

  // A statement that a value and a status take the place of; false where the call is a part of something larger.
  bool replace_statement(Source& source, const Json& call, const std::string& statement, const std::string& status,
                         const char* step, const std::string& subject, const std::string& reason) {
    const std::string use = text_in(call, "use");
    if (!call.contains("statement") || call["statement"].is_null()) {
      return false;
    }
    std::string text = statement;
    if (use == "assigned") {
      const auto target = source.text.at(call["assigned_to"]);
      if (!target.has_value()) {
        return false;
      }
      text += ";" + indentation(source, call["statement"]) + *target + " = " + status;
    } else if (use == "returned") {
      text += ";" + indentation(source, call["statement"]) + "return " + status;
    }
    return edit(&source, call["statement"], step, subject, reason, text);
  }

  bool replaced(const Json& fact, const std::string& table, const std::string& name, const ServiceRule& rule) {
    const auto call = fact.find("call");
    Source* source = source_of(fact);
    if (table != "boot_services" || source == nullptr || call == fact.end() || !call->is_object()) {
      return false;
    }
    const std::vector<std::string> arguments = arguments_of(*source, *call);
    const std::string subject = "gBS->" + name;
    if (name == "CalculateCrc32" && arguments.size() == 3) {
      // The service refuses these, and the library's function stops at them.
      return replace_statement(
                 *source, *call,
                 std::format("{} = CalculateCrc32 ({}, {})", pointee(arguments[2]), arguments[0], arguments[1]),
                 "EFI_SUCCESS", rule.step.c_str(), subject, rule.candidates.front()) &&
             needs(*source, "BaseLib");
    }
    if ((name == "CopyMem" || name == "SetMem") && arguments.size() == 3 && text_in(*call, "use") == "ignored") {
      return edit(source, (*call)["statement"], rule.step.c_str(), subject, rule.candidates.front(),
                  std::format("{} ({}, {}, {})", name, arguments[0], arguments[1], arguments[2])) &&
             needs(*source, "BaseMemoryLib");
    }
    if (name == "Stall" && arguments.size() == 1 && lists_class("TimerLib") && text_in(*call, "use") == "ignored") {
      return edit(source, (*call)["statement"], rule.step.c_str(), subject, rule.candidates.front(),
                  std::format("MicroSecondDelay ({})", arguments[0])) &&
             needs(*source, "TimerLib");
    }
    return scratch_memory(fact, *call, *source, name, arguments);
  }

  bool needs(Source& source, const char* library_class) {
    source.needed_headers.insert(std::format("Library/{}.h", library_class));
    if (!lists_class(library_class)) {
      needed_classes_.insert(library_class);
    }
    return true;
  }

  // Memory of boot services that the function which allocates it also frees, and that no other code gets to see.
  bool scratch_memory(const Json& fact, const Json& call, Source& source, const std::string& name,
                      const std::vector<std::string>& arguments) {
    const Json* memory = beside(fact, "memory");
    if (memory == nullptr || !lists_class("MemoryAllocationLib")) {
      return false;
    }
    if (name == "FreePool" && arguments.size() == 1) {
      return scratch_.contains(key(text_in(*memory, "file"), memory->at("line"), memory->at("column"))) &&
             text_in(call, "use") == "ignored" &&
             edit(&source, call["statement"], "S15", "gBS->FreePool", "memory that MM alone uses",
                  std::format("FreePool ({})", arguments[0]));
    }
    if (name != "AllocatePool" || arguments.size() != 3 || text_in(*memory, "memory_type") != "EfiBootServicesData") {
      return false;
    }
    const Json& kept = list_in(*memory, "kept");
    const Json& freed = list_in(*memory, "freed");
    const bool is_local = kept.size() == 1 && text_in(kept.front(), "kind") == "local" && !freed.empty() &&
                          std::ranges::all_of(freed, [&](const Json& each) {
                            return text_in(each, "function") == text_in(fact, "function");
                          });
    if (!is_local) {
      return false;
    }
    for (const Json& each : freed) {
      scratch_.insert(key(text_in(each, "file"), each["line"], each["column"]));
    }
    const std::string buffer = pointee(arguments[2]);
    return replace_statement(source, call, std::format("{} = AllocatePool ({})", buffer, arguments[1]),
                             std::format("({} == NULL) ? EFI_OUT_OF_RESOURCES : EFI_SUCCESS", buffer), "S15",
                             "gBS->AllocatePool", "memory that MM alone uses") &&
           needs(source, "MemoryAllocationLib");
  }

  // The MM table's own services give the same memory as the library, which both models have.
  void memory_service(const Json& fact) {
    const auto call = fact.find("call");
    Source* source = source_of(fact);
    const Json* memory = beside(fact, "memory");
    if (source == nullptr || memory == nullptr || call == fact.end() || !call->is_object() || in_half(fact) ||
        !lists_class("MemoryAllocationLib") || text_in(fact, "through_kind") != "global") {
      return;
    }
    const std::vector<std::string> arguments = arguments_of(*source, *call);
    const std::string name = text_in(fact, "service");
    const std::string subject = text_in(fact, "through") + "->" + name;
    const std::string reason = "MemoryAllocationLib gives the same memory in both models";
    if (name.ends_with("FreePool") && arguments.size() == 1 && text_in(*call, "use") == "ignored") {
      if (edit(source, (*call)["statement"], "S15", subject, reason, std::format("FreePool ({})", arguments[0]))) {
        needs(*source, "MemoryAllocationLib");
      }
    } else if (name.ends_with("AllocatePool") && arguments.size() == 3 &&
               text_in(*memory, "memory_type") == "EfiRuntimeServicesData") {
      const std::string buffer = pointee(arguments[2]);
      if (replace_statement(*source, *call, std::format("{} = AllocatePool ({})", buffer, arguments[1]),
                            std::format("({} == NULL) ? EFI_OUT_OF_RESOURCES : EFI_SUCCESS", buffer), "S15", subject,
                            reason)) {
        needs(*source, "MemoryAllocationLib");
      }
    }
  }

  void tables() {
    for (const Json* fact : facts("table_stored")) {
      if (text_in(*fact, "table") == "mm_system_table" || in_half(*fact)) {
        continue;
      }
      const Json& users = list_in(*fact, "used_by_handlers");
      decide("S11", place_of(*fact), text_in(*fact, "from"),
             "a pointer to DXE's services is kept" +
                 (users.empty() ? std::string() : ", and used by " + text_in(users.front(), "function") + " after DXE"),
             {"leave it to the Traditional part"});
    }
  }

  // ---- messages ----

  void checks() {
    for (const Json* fact : facts("buffer_check")) {
      const std::string check = text_in(*fact, "check");
      if (in_half(*fact) || !check.contains("IsBufferOutside")) {
        if (!in_half(*fact) && check.starts_with("Smm")) {
          decide("S9", place_of(*fact), check, "SmmMemLib has it, and MemLib has it by another name",
                 {"a wrapper in each half: " + check + " and Mm" + check.substr(3)});
          memory_library_.insert(text_in(*fact, "file"));
        }
        continue;
      }
      const Json& of = list_in(*fact, "of");
      const auto call = fact->find("call");
      Source* source = source_of(*fact);
      const Place place = place_of(*fact);
      if (has(of, "buffer") && of.size() > 1) {
        decide("S9", place, check, "what it checks is the primary buffer on one way and a pointer in it on another",
               {"a check for each: the primary buffer is a copy in MMRAM in Standalone MM, which this check refuses"})
            .pitfall = "P10";
        continue;
      }
      const bool is_primary = has(of, "buffer");
      const std::string wrapper = prefix() + (is_primary ? "IsPrimaryBufferValid" : "IsNestedBufferValid");
      const std::vector<std::string> arguments = source != nullptr && call != fact->end() && call->is_object()
                                                     ? arguments_of(*source, *call)
                                                     : std::vector<std::string>();
      const std::string reason =
          is_primary ? "the primary buffer is a copy in MMRAM in Standalone MM, which this check would refuse"
                     : "pointers that come in a message are checked in both models, by libraries of different names";
      if (arguments.size() != 2 || !edit(source, (*call)["at"], "S9", check, reason,
                                         std::format("{} ({}, {})", wrapper, arguments[0], arguments[1]))) {
        decide("S9", place, check, reason + "; the call comes from a macro", {wrapper});
        continue;
      }
      (is_primary ? primary_check_ : nested_check_) = wrapper;
    }
  }

  void messages() {
    struct Unvalidated {
      const Json* first = nullptr;
      std::size_t count = 0;
    };
    std::map<std::pair<std::string, std::string>, Unvalidated> found;
    for (const Json* fact : facts("buffer_access")) {
      if (fact->value("validated", false)) {
        continue;
      }
      for (const Json& handler : list_in(*fact, "handlers")) {
        Unvalidated& entry = found[{handler.get<std::string>(), text_in(*fact, "of")}];
        entry.first = entry.first == nullptr ? fact : entry.first;
        ++entry.count;
      }
    }
    for (const auto& [what, entry] : found) {
      const auto& [handler, of] = what;
      const bool nested = of == "nested";
      decide(
          "S9", place_of(*entry.first), std::format("{} ({})", text_in(*entry.first, "expression"), handler),
          std::format("{} of a message {} before any check of it ({} places)",
                      nested ? "memory that a pointer in the buffer" : "the buffer",
                      nested ? "leads to is touched" : "is touched", entry.count),
          {nested ? "MmIsBufferOutsideMmValid (Traditional: SmmIsBufferOutsideSmmValid) of the pointer, in both models"
                  : "a check of the primary buffer first, and of its size"})
          .pitfall = nested ? "" : "P10";
    }
    for (const Json* fact : facts("comm_buffer")) {
      if (!list_in(*fact, "incomplete").empty()) {
        note_unexamined("S9", place_of(*fact), "buffers",
                        "what gets the message isn't understood as a whole: " +
                            list_in(*fact, "incomplete").front().get<std::string>());
      }
    }
  }

  // ---- what comes from elsewhere ----

  void pcds() {
    for (const Json* fact : facts("pcd")) {
      const std::string access = text_in(*fact, "access");
      const std::string name = text_in(*fact, "name");
      if (in_half(*fact)) {
        continue;
      }
      if (access == "set") {
        decide("S7", place_of(*fact), name, "the PCD is set, and Standalone MM has no PCD database",
               {"leave it to the Traditional part", "a variable of the module's own, if nobody else reads it"});
      } else if (access == "get" || access == "token") {
        plan_.pcd_uses[name].push_back(place_of(*fact));
      }
    }
  }

  void configuration_tables() {
    for (const Json* fact : facts("configuration_table")) {
      const std::string operation = text_in(*fact, "operation");
      if (in_half(*fact) || (operation != "lookup" && operation != "search")) {
        continue;
      }
      const Json& users = list_in(*fact, "used_by_handlers");
      decide("S11", place_of(*fact), text_in(*fact, "guid"),
             "it is looked for in UEFI's configuration tables, which Standalone MM doesn't have" +
                 (users.empty() ? std::string()
                                : "; what it leads to is memory of DXE that " + text_in(users.front(), "function") +
                                      " uses in a handler"),
             {"a HOB that PEI produces, by GetFirstGuidHob; where there is none the module must go on",
              "leave it to the Traditional part"})
          .pitfall = "P4";
    }
  }

  void shared_buffers() {
    for (const Json* fact : facts("shared_buffer")) {
      const std::string origin = text_in(*fact, "source");
      if (in_half(*fact) || origin == "configuration_table") {
        continue;
      }
      const Json& kept = list_in(*fact, "kept");
      const std::string name = kept.empty() ? origin : text_in(kept.front(), "name");
      if (origin == "dxe_allocation") {
        decide("S15", place_of(*fact), name, "memory that DXE allocates and handlers use",
               {"a buffer that PEI allocates, describes in a HOB and unblocks (MmUnblockMemoryRequest)",
                "memory of MM, if DXE needs no access"})
            .pitfall = "P14";
      } else {
        decide("S15", place_of(*fact), name, "an address that came in a message outlives it",
               {"a buffer that PEI allocates, describes in a HOB and unblocks (MmUnblockMemoryRequest), and a check at "
                "each use"})
            .pitfall = "P14";
      }
    }
  }

  void early_save_state() {
    for (const Json* fact : facts("save_state")) {
      // A map's members are reached by a pointer that one of these gives.
      if (has(list_in(*fact, "phases"), "initialization") && !text_in(*fact, "record").contains("SAVE_STATE_MAP")) {
        decide("S16", place_of(*fact), text_in(*fact, "access"),
               "an entry point reads the CPU's save state, and may run before the CPU is in MM",
               {"gEfiSmmCpuProtocolGuid in the DEPEX", "read it in a handler"});
      }
    }
  }

  void dispatch_protocols() {
    for (const Json* fact : facts("handler")) {
      if (text_in(*fact, "registration") == "dispatch" && !in_half(*fact)) {
        add("S11", Action::note, place_of(*fact), text_in(*fact, "through"),
            "who installs the dispatch protocol is the chipset's module, which has to be ported first")
            .pitfall = "P18";
      }
    }
  }

  // Functions of libraries that Standalone MM doesn't have.
  void library_calls() {
    for (const Json* fact : facts("unresolved_call")) {
      const std::string header = text_in(*fact, "declared_in");
      if (header.empty() || in_half(*fact)) {
        continue;
      }
      std::string name = workspace_.tree()
                             .path_of(header)
                             .transform([&](const std::string& path) { return workspace_.class_of_header(path); })
                             .value_or("");
      if (name.empty() && header.contains("/Library/")) {
        name = stem_of(header);
      }
      const auto rule = rules_.library_classes.find(name);
      if (rule == rules_.library_classes.end() || !rule->second.standalone.empty()) {
        continue;
      }
      const std::string function = text_in(*fact, "name");
      if (beside(*fact, "event") != nullptr || beside(*fact, "configuration_table") != nullptr) {
        if (const Json* event = beside(*fact, "event")) {
          const std::string guid = text_in(*event, "guid");
          const auto group = rules_.event_groups.find(guid);
          std::vector<std::string> candidates = rules_.service("boot_services", "CreateEvent").candidates;
          if (group != rules_.event_groups.end()) {
            candidates.insert(candidates.begin(), group->second);
          }
          decide("S14", place_of(*fact), function + (guid.empty() ? "" : " (" + guid + ")"), "events are DXE's",
                 candidates);
        }
        continue;
      }
      decide("S5", place_of(*fact), function,
             std::format("{} has it, and {} ({} calls)", name, rule->second.why, fact->value("calls", 0)),
             {"leave the code that calls it to the Traditional part", "code of the module's own"});
    }
  }

  // ---- entry points ----

  std::string prefix() const {
    std::string name = standalone_name(inf_.base_name());
    const std::size_t at = name.find("StandaloneMm");
    name.erase(at, std::string_view("StandaloneMm").size());
    return name.empty() ? "Mm" : name;
  }

  const Json* function_named(const std::string& file, const std::string& name) const {
    const auto found = functions_.find(file);
    if (found == functions_.end()) {
      return nullptr;
    }
    const auto fits =
        std::ranges::find_if(found->second, [&](const Json* each) { return text_in(*each, "name") == name; });
    return fits == found->second.end() ? nullptr : *fits;
  }

  void entries() {
    for (const Json* fact : facts("entry_point")) {
      const std::string role = text_in(*fact, "role");
      const std::string name = text_in(*fact, "function");
      if (role == "unload" || in_half(*fact)) {
        continue;
      }
      if (!fact->value("found", false)) {
        note_unexamined("S2", {inf_.document().name()}, "entry point",
                        name + " isn't among the sources that could be read");
        continue;
      }
      Source* source = source_of(*fact);
      const Json* function = function_named(text_in(*fact, "file"), name);
      if (source == nullptr || function == nullptr ||
          (!split_entry(*source, *function, name) && !wrap_entry(*source, *function, name))) {
        decide("S2", place_of(*fact), name,
               "its prototype takes EFI_MM_SYSTEM_TABLE * in Standalone MM, and it uses the UEFI system table",
               {"a part that is common to both models, called by an entry point for each"});
      }
    }
  }

  // An entry point that others have or name, too, stays as it is; the Standalone module's calls it.
  bool wrap_entry(const Source& source, const Json& function, const std::string& name) {
    const Json definition = function.value("definition", Json::object());
    const Json& unused = list_in(definition, "unused_parameters");
    const auto parameters = source.text.at(definition.value("parameters", Json()));
    const auto name_range = source.text.range(definition.value("name", Json()));
    const auto head_range = source.text.range(definition.value("head", Json()));
    if (!parameters || !name_range || !head_range || function.value("static", false)) {
      return false;
    }
    const std::vector<std::string> pieces = parameters_in(*parameters);
    if (pieces.size() != 2 || !has(unused, parameter_name(pieces[1]))) {
      return false;
    }
    HalfFunction entry = function_of_half(HalfFunction::Kind::standalone_entry, name, source.text, head_range->begin,
                                          name_range->begin, *parameters);
    entry.body = std::format("{{\n  return {} ({}, NULL);\n}}", name, parameter_name(pieces[0]));
    plan_.standalone_entries[name] = standalone_entry(name);
    functions_of_halves_.push_back(std::move(entry));
    return true;
  }

  static std::vector<std::string> parameters_in(const std::string& parentheses) {
    std::vector<std::string> pieces;
    const std::string list = parentheses.substr(1, parentheses.size() - 2);
    for (const std::string_view piece : split(list, ',')) {
      pieces.emplace_back(bare(piece));
    }
    return pieces;
  }

  static std::string parameter_name(const std::string& piece) {
    std::size_t start = piece.size();
    while (start > 0 && (std::isalnum(static_cast<unsigned char>(piece[start - 1])) != 0 || piece[start - 1] == '_')) {
      --start;
    }
    return piece.substr(start);
  }

  // The entry point becomes a function of both models, and each model's half gets an entry point that calls it.
  bool split_entry(Source& source, const Json& function, const std::string& name) {
    const Json definition = function.value("definition", Json::object());
    const Json& unused = list_in(definition, "unused_parameters");
    const auto parameters = source.text.at(definition.value("parameters", Json()));
    const auto head = source.text.at(definition.value("head", Json()));
    const auto name_range = source.text.range(definition.value("name", Json()));
    const auto head_range = source.text.range(definition.value("head", Json()));
    if (!parameters || !head || !name_range || !head_range) {
      return false;
    }
    const std::vector<std::string> pieces = parameters_in(*parameters);
    if (pieces.size() != 2 || unused.empty()) {
      return false;
    }
    if (!has(unused, parameter_name(pieces[1]))) {
      return false;
    }
    const bool keeps_handle = !has(unused, parameter_name(pieces[0]));
    // Other code that names it would have to be changed by hand.
    std::size_t known = 1 + list_in(definition, "declarations").size();
    std::size_t met = 0;
    for (const auto& [file, each] : sources_) {
      met += count_word(each.text.original(), name);
    }
    if (met != known || !source.others.empty()) {
      return false;
    }
    const std::string common = name + "Common";
    const std::string new_parameters = keeps_handle ? "(\n  " + pieces[0] + "\n  )" : "(\n  VOID\n  )";
    const std::string end = line_end_of(source.text.original());
    for (const Json& declaration : list_in(definition, "declarations")) {
      Source* other = source_of(declaration);
      if (other == nullptr ||
          !edit(other,
                Json::array({declaration["name"][0], declaration["name"][1], declaration["parameters"][2],
                             declaration["parameters"][3]}),
                "S2", name, "the part that both models have", common + " " + with_line_ends(new_parameters, end))) {
        return false;
      }
    }
    HalfFunction entry = function_of_half(HalfFunction::Kind::entry, name, source.text, head_range->begin,
                                          name_range->begin, *parameters);
    entry.body = std::format("{{\n  return {} ({});\n}}", common, keeps_handle ? parameter_name(pieces[0]) : "");
    if (!edit(&source,
              Json::array({definition["name"][0], definition["name"][1], definition["parameters"][2],
                           definition["parameters"][3]}),
              "S2", name, "the part that both models have; each has an entry point that calls it",
              common + " " + with_line_ends(new_parameters, end))) {
      return false;
    }
    remove_parameter_comments(source, source.text.comment_above(head_range->begin), unused);
    if (list_in(definition, "declarations").empty()) {
      prototypes_.push_back(std::format("{}\n{} {};\n", entry.result, common, new_parameters));
    }
    entry_source_ = entry_source_.empty() ? source.path : entry_source_;
    plan_.standalone_entries[name] = standalone_entry(name);
    functions_of_halves_.push_back(std::move(entry));
    return true;
  }

  // "@param[in] SystemTable ..." of what is no parameter any more, and one of two empty lines that are left then.
  static void remove_parameter_comments(Source& source, const SourceText::Range& comment, const Json& unused) {
    const std::string& text = source.text.original();
    bool behind_blank = false;
    bool removes = false;
    for (std::size_t at = comment.begin; at < comment.end;) {
      const std::size_t end = std::min(text.find('\n', at), comment.end);
      const std::string line(bare(std::string_view(text).substr(at, end - at)));
      const bool names_unused = line.starts_with("@param") && std::ranges::any_of(unused, [&](const Json& each) {
                                  return std::ranges::contains(words(line), each.get<std::string>());
                                });
      if ((names_unused || (removes && behind_blank && line.empty())) && end < comment.end) {
        static_cast<void>(source.text.replace({at, end + 1}, ""));
      }
      behind_blank = names_unused ? behind_blank : line.empty();
      removes = names_unused;
      at = end + 1;
    }
  }

  // ---- names, headers and the new files ----

  bool halves_are_needed() const {
    return !functions_of_halves_.empty() || !primary_check_.empty() || !nested_check_.empty() ||
           !service_functions_.empty();
  }

  std::string header_name() const { return prefix() + "Mm.h"; }

  // An old tree has no library that gives both models the table of services.
  bool has_common_table() const { return workspace_.library_class("MmServicesTableLib") != nullptr; }

  void rename() {
    if (!has_common_table()) {
      decide("S4", {inf_.document().name()}, "MmServicesTableLib",
             "the tree has no library class that gives both models the table of MM's services",
             {"the library classes and instances of a newer MdePkg first"});
      return;
    }
    for (const auto& [old, now] : rules_.source_names) {
      names_.emplace(old, now);
    }
  }

  bool still_used(const char* word) const {
    return std::ranges::any_of(sources_, [&](const auto& each) {
      return each.first != half_ && count_word(each.second.text.applied(names_), word) > 0;
    });
  }

  // Lines of `#include` of a source of the common part.
  std::string with_includes(const Source& source, const std::string& text) {
    SourceText edited(text);
    const std::vector<IncludeLine> includes = include_lines(text);
    const bool has_mm = std::ranges::any_of(includes, [](const auto& each) { return each.header == "PiMm.h"; });
    const bool has_table =
        std::ranges::any_of(includes, [](const auto& each) { return each.header == "Library/MmServicesTableLib.h"; });
    const auto line_range = [&](const IncludeLine& include) {
      return *edited.range(Json::array({include.line, 1U, include.line + 1, 1U}));
    };
    bool said_mm = has_mm;
    bool said_table = has_table;
    std::size_t last = 0;
    for (const IncludeLine& include : includes) {
      last = include.line;
      std::string becomes = include.header;
      if (include.header == "PiSmm.h" && has_common_table()) {
        becomes = said_mm ? "" : "PiMm.h";
        said_mm = true;
      } else if (include.header == "Library/SmmServicesTableLib.h" && has_common_table()) {
        becomes = said_table ? "" : "Library/MmServicesTableLib.h";
        said_table = true;
      } else if (include.header == "Library/SmmMemLib.h") {
        becomes = memory_library_.empty() ? "" : include.header;
      } else if (is_dropped(include.header)) {
        becomes = "";
      }
      if (becomes == include.header || !edited.range(Json::array({include.line, 1U, include.line + 1, 1U}))) {
        continue;
      }
      const auto range = line_range(include);
      const std::string old = text.substr(range.begin, range.end - range.begin);
      const std::string now =
          becomes.empty() ? "" : old.substr(0, old.find('<')) + "<" + becomes + old.substr(old.find('>'));
      if (!edited.replace(range, now)) {
        continue;
      }
      add("S4", Action::edit, {source.path, include.line}, include.header,
          becomes.empty() ? "nothing of it is left in what both models have" : "the header of both models",
          one_line(old), one_line(now));
    }
    std::string more;
    for (const std::string& header : source.needed_headers) {
      if (std::ranges::none_of(includes, [&](const IncludeLine& include) { return include.header == header; })) {
        more += "#include <" + header + ">" + line_end_of(text);
        add("S4", Action::edit, {source.path, last}, header, "what takes a service's place", "",
            "#include <" + header + ">");
      }
    }
    if (is_c_source(source.path) && halves_are_needed() && uses_halves(text)) {
      more += "#include \"" + header_name() + "\"" + line_end_of(text);
      add("S3", Action::edit, {source.path, last}, header_name(), "what the sources call of each other", "",
          "#include \"" + header_name() + "\"");
    }
    if (const auto at = edited.range(Json::array({last + 1, 1U, last + 1, 1U})); at.has_value() && !more.empty()) {
      static_cast<void>(edited.replace(*at, more));
    }
    return edited.applied({});
  }

  bool uses_halves(const std::string& text) const {
    const auto names = [&](const std::string& name) { return !name.empty() && count_word(text, name) > 0; };
    return names(primary_check_) || names(nested_check_) ||
           std::ranges::any_of(service_functions_, [&](const auto& each) { return names(each.first); }) ||
           std::ranges::any_of(functions_of_halves_,
                               [&](const HalfFunction& function) { return names(function.name + "Common"); });
  }

  // Headers of libraries that Standalone MM doesn't have, if nothing of them is left.
  bool is_dropped(const std::string& header) const {
    static constexpr std::array<std::pair<std::string_view, std::array<const char*, 3>>, 3> known = {{
        {"Library/UefiBootServicesTableLib.h", {"gBS", "gST", "gImageHandle"}},
        {"Library/UefiRuntimeServicesTableLib.h", {"gRT", "gRT", "gRT"}},
        {"Library/DxeServicesTableLib.h", {"gDS", "gDS", "gDS"}},
    }};
    const auto found = std::ranges::find(known, header, [](const auto& each) { return std::string(each.first); });
    return found != known.end() &&
           std::ranges::none_of(found->second, [&](const char* name) { return still_used(name); });
  }

  void finish() {
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

  // Words that only the existing half has, neither the common part nor the other half.
  void traditional_names() {
    if (half_.empty()) {
      return;
    }
    std::set<std::string> others;
    for (const auto& [file, source] : sources_) {
      if (file != half_) {
        const std::set<std::string> words_of_it = words_in(source.text.original());
        others.insert(words_of_it.begin(), words_of_it.end());
      }
    }
    const std::set<std::string> written = words_in(standalone_half_);
    for (const std::string& word : words_in(sources_.at(half_).text.original())) {
      if (!others.contains(word) && !written.contains(word)) {
        plan_.traditional_names.insert(word);
      }
    }
  }

  std::string old_names_in(const Source& source) const {
    std::string list;
    for (const auto& [old, now] : names_) {
      if (count_word(source.text.original(), old) > 0) {
        list += (list.empty() ? "" : ", ") + old;
      }
    }
    return list;
  }

  // What the other module's build doesn't have can't be given to it.
  void shared_names(const Source& source) {
    if (const std::string list = old_names_in(source); !list.empty()) {
      decide("S4", {source.path}, list,
             std::format("Standalone MM has other names for these; {} has the source, too", source.others.front()),
             {"the names that both models have, if that module may link MmServicesTableLib",
              "a copy of the source for this module"})
          .pitfall = "P1";
    }
    for (const IncludeLine& include : include_lines(source.text.original())) {
      if (is_dropped(include.header)) {
        decide("S4", {source.path, include.line}, include.header,
               std::format(
                   "Standalone MM doesn't have what it declares, of which nothing is used here; {} has the source, too",
                   source.others.front()),
               {"leave the line out, if that module's build allows it", "a copy of the source for this module"})
            .pitfall = "P1";
      }
    }
  }

  void rename_items(const Source& source) {
    const std::string list = old_names_in(source);
    if (!list.empty()) {
      add("S4", Action::edit, {source.path}, "names", "the names that both models have", list, "Mm for Smm and Smi");
    }
  }

  void add_checks() {
    const auto check = [&](const std::string& name, HalfFunction::Kind kind, const char* what) {
      if (name.empty()) {
        return;
      }
      HalfFunction function;
      function.kind = kind;
      function.name = name;
      function.comment = std::format(
          "/**\n  Whether {} may be used.\n\n  @param[in] Buffer  Where it starts.\n  @param[in] Length  Its size in "
          "bytes.\n\n  @retval TRUE   It may be used.\n  @retval FALSE  It may not: a part of it is in MMRAM.\n**/\n",
          what);
      function.result = "BOOLEAN";
      function.parameters = "(\n  IN EFI_PHYSICAL_ADDRESS  Buffer,\n  IN UINT64                Length\n  )";
      function.body = "{\n  return SmmIsBufferOutsideSmmValid (Buffer, Length);\n}";
      functions_of_halves_.push_back(std::move(function));
    };
    check(primary_check_, HalfFunction::Kind::primary_check, "a message's buffer");
    check(nested_check_, HalfFunction::Kind::nested_check, "memory that a pointer in a message leads to");
  }

  // Includes of the source that the halves come from, as both models have them.
  std::vector<std::string> includes_of(const std::string& path) const {
    std::vector<std::string> result;
    const auto changed = std::ranges::find(plan_.changed_files, path, &ChangedFile::path);
    for (const auto& [file, source] : sources_) {
      if (source.path == path) {
        for (const IncludeLine& include :
             include_lines(changed == plan_.changed_files.end() ? source.text.original() : changed->after)) {
          const std::string written = include.is_angled ? "<" + include.header + ">" : "\"" + include.header + "\"";
          if (!std::ranges::contains(result, written)) {
            result.push_back(written);
          }
        }
      }
    }
    return result;
  }

  std::string any_source() const {
    for (const auto& [file, source] : sources_) {
      if (is_c_source(source.path) && file != half_) {
        return source.path;
      }
    }
    return {};
  }

  void write_halves() {
    const std::string from = entry_source_.empty() ? any_source() : entry_source_;
    const std::string folder(folder_of(inf_.document().name()));
    Halves halves;
    halves.title = prefix();
    for (const auto& [file, source] : sources_) {
      if (source.path == from) {
        halves.licence = with_line_ends(licence_of(source.text.original()), "\n");
        line_end_ = line_end_of(source.text.original());
      }
    }
    halves.header = header_name();
    halves.includes = {"<PiMm.h>", "\"" + halves.header + "\""};
    halves.traditional_includes = {"<PiMm.h>"};
    const bool has_checks = !primary_check_.empty() || !nested_check_.empty();
    if (has_checks) {
      halves.traditional_includes.emplace_back("<Library/SmmMemLib.h>");
    }
    halves.traditional_includes.insert(halves.traditional_includes.end(), service_headers_.begin(),
                                       service_headers_.end());
    halves.traditional_includes.push_back("\"" + halves.header + "\"");
    if (!plan_.standalone_protocols.empty()) {
      halves.includes.insert(halves.includes.begin() + 1,
                             {"<Library/MmServicesTableLib.h>", "<Protocol/SmmVariable.h>"});
    }
    halves.prototypes = prototypes_;
    halves.functions = functions_of_halves_;
    for (const auto& [name, function] : service_functions_) {
      halves.functions.push_back(function);
    }
    const std::string traditional = join_path(folder, prefix() + "TraditionalMm.c");
    const std::string standalone = join_path(folder, prefix() + "StandaloneMm.c");
    const std::string header = join_path(folder, halves.header);
    const auto write = [&](const std::string& path, const std::string& text, const char* subject, const char* what) {
      plan_.new_files.push_back({path, with_line_ends(text, line_end_)});
      add("S3", Action::edit, {path}, subject, what, "", file_name(path));
    };
    const bool both = has_traditional(halves);
    if (both) {
      write(traditional, traditional_source(halves), "new source", "what Traditional MM alone needs");
      write(header, common_header(halves), "new header", "what the sources call of each other");
      plan_.standalone_sources[file_name(traditional)] = file_name(standalone);
      added_sources_ = {halves.header, file_name(traditional)};
    } else {
      std::erase(halves.includes, "\"" + halves.header + "\"");
      plan_.more_standalone_sources.push_back(file_name(standalone));
    }
    write(standalone, standalone_source(halves, options_.target, names_), "new source",
          "what Standalone MM alone needs");
    if (!nested_check_.empty() || (!primary_check_.empty() && options_.target == Target::mu)) {
      plan_.standalone_classes.insert("MemLib");
    }
  }

  // A module that is split already gets the other half of what it has.
  void finish_half() {
    Source& source = sources_.at(half_);
    Halves halves;
    halves.title = prefix();
    halves.licence = with_line_ends(licence_of(source.text.original()), "\n");
    for (const std::string& header : standalone_copy_->needed_headers) {
      halves.includes.push_back("<" + header + ">");
    }
    for (const IncludeLine& include : include_lines(source.text.original())) {
      std::string name = include.header;
      if (name == "PiSmm.h" || name == "PiDxe.h") {
        name = "PiMm.h";
      } else if (name == "Library/SmmServicesTableLib.h") {
        name = "Library/MmServicesTableLib.h";
      } else if (name == "Library/SmmMemLib.h") {
        name = "Library/StandaloneMmMemLib.h";
      } else if (name.starts_with("Library/") && is_library_of_dxe(stem_of(name))) {
        continue;
      }
      const std::string written = include.is_angled ? "<" + name + ">" : "\"" + name + "\"";
      if (!std::ranges::contains(halves.includes, written)) {
        halves.includes.push_back(written);
      }
    }
    std::map<std::string, const Json*> checks;
    for (const Json* fact : facts("buffer_check")) {
      if (in_half(*fact)) {
        checks[text_in(*fact, "function")] = fact;
      }
    }
    for (const Json* each : functions_[half_]) {
      half_function(halves, source, *each, checks);
    }
    halves.declarations = with_line_ends(outside_of_functions(source), "\n");
    const std::string path = other_half(source.path);
    const std::string text = with_line_ends(standalone_source(halves, options_.target, rules_.source_names),
                                            line_end_of(source.text.original()));
    plan_.standalone_sources[source.path.substr(folder_of(inf_.document().name()).size() +
                                                (folder_of(inf_.document().name()).empty() ? 0 : 1))] = file_name(path);
    standalone_half_ = text;
    if (!workspace_.tree().has(path)) {
      plan_.new_files.push_back({path, text});
      add("S3", Action::edit, {path}, "new source", "what Standalone MM alone needs, by the Traditional half", "",
          file_name(path));
    } else {
      find_drift(halves, path);
    }
    if (std::ranges::any_of(halves.functions, [&](const HalfFunction& function) {
          return function.kind == HalfFunction::Kind::nested_check;
        })) {
      plan_.standalone_classes.insert("MemLib");
    }
  }

  // The Standalone half: the only source that a Standalone module of the folder has of its own, if it shares sources
  // with this one; else the one that is to be written.
  std::string other_half(const std::string& half) const {
    std::set<std::string> own;
    std::set<std::string> modules;
    for (const auto& [file, source] : sources_) {
      own.insert(source.path);
      for (const std::string& user : workspace_.users_of_source(source.path)) {
        if (is_c_source(source.path) && folder_of(user) == folder_of(inf_.document().name()) &&
            workspace_.infs().find(user)->second->module_type().contains("STANDALONE")) {
          modules.insert(user);
        }
      }
    }
    std::vector<std::string> found;
    for (const std::string& module : modules) {
      for (const InfEntry& entry : workspace_.infs().find(module)->second->entries("SOURCES")) {
        std::string path = tree_path(join_path(folder_of(module), entry.name));
        if (is_c_source(path) && !own.contains(path)) {
          found.push_back(std::move(path));
        }
      }
    }
    return found.size() == 1 ? found.front() : standalone_source_name(half);
  }

  void find_drift(const Halves& halves, const std::string& path) {
    const auto document = workspace_.tree().read(path);
    if (!document.has_value()) {
      plan_.drift.push_back(document.error());
      return;
    }
    const std::set<std::string> there = words_in((*document)->text());
    for (const HalfFunction& function : halves.functions) {
      if (!function.is_static && function.kind != HalfFunction::Kind::entry && !there.contains(function.name)) {
        plan_.drift.push_back({{path}, std::format("has no {}, which {} has", function.name, sources_.at(half_).path)});
      }
    }
  }

  // What a source has besides functions, lines of #include, and comments: its variables, types and macros.
  std::string outside_of_functions(const Source& source) {
    const std::string& text = source.text.original();
    SourceText rest(text);
    for (const Json* function : functions_[half_]) {
      const Json definition = function->value("definition", Json::object());
      const auto head = source.text.range(definition.value("head", Json()));
      const auto body = source.text.range(definition.value("body", Json()));
      if (head && body) {
        static_cast<void>(rest.replace({source.text.comment_above(head->begin).begin, body->end}, ""));
      }
    }
    for (const IncludeLine& include : include_lines(text)) {
      const auto line = rest.range(Json::array({include.line, 1U, include.line + 1, 1U}));
      if (line.has_value()) {
        static_cast<void>(rest.replace(*line, ""));
      }
    }
    std::string left = rest.applied({});
    if (left.starts_with("/**")) {
      left.erase(0, std::min(left.find("*/"), left.size() - 2) + 2);
    }
    return words_in(left).empty() ? std::string() : std::string(bare(left)) + "\n\n";
  }

  bool is_library_of_dxe(const std::string& library_class) const {
    const auto rule = rules_.library_classes.find(library_class);
    return rule != rules_.library_classes.end() && rule->second.standalone.empty();
  }

  void half_function(Halves& halves, const Source& source, const Json& function,
                     const std::map<std::string, const Json*>& checks) {
    const Json definition = function.value("definition", Json::object());
    const auto head_range = source.text.range(definition.value("head", Json()));
    const auto name_range = source.text.range(definition.value("name", Json()));
    const auto parameters = source.text.at(definition.value("parameters", Json()));
    const auto body = source.text.at(definition.value("body", Json()));
    HalfFunction half;
    half.name = text_in(function, "name");
    if (!head_range || !name_range || !parameters || !body) {
      note_unexamined("S3", place_of(function), "function", half.name + " comes from a macro");
      return;
    }
    const SourceText::Range above = source.text.comment_above(head_range->begin);
    half.comment = with_line_ends(source.text.original().substr(above.begin, above.end - above.begin), "\n");
    half.result = with_line_ends(
        bare(std::string_view(source.text.original()).substr(head_range->begin, name_range->begin - head_range->begin)),
        "\n");
    half.is_static = function.value("static", false);
    if (half.is_static && half.result.starts_with("STATIC")) {
      half.result = std::string(bare(std::string_view(half.result).substr(6)));
    }
    half.parameters = with_line_ends(*parameters, "\n");
    half.body = with_line_ends(standalone_copy_->text.now_in(*source.text.range(definition["body"])), "\n");
    const Place place = place_of(function);
    const auto dxe = dxe_functions_.find(half.name);
    const auto check = checks.find(half.name);
    const bool is_entry = std::ranges::any_of(facts("entry_point"), [&](const Json* entry) {
      return text_in(*entry, "function") == half.name && text_in(*entry, "role") != "unload";
    });
    if (is_entry) {
      half.kind = HalfFunction::Kind::entry;
      plan_.standalone_entries[half.name] = standalone_entry(half.name);
      if (dxe != dxe_functions_.end()) {
        half.decision = "S11 " + half.name;
        decide("S11", place, half.name, "the entry point calls services of DXE", {"an entry point without them"});
      }
    } else if (check != checks.end()) {
      const Json& of = list_in(*check->second, "of");
      const bool is_primary = of.size() == 1 && has(of, "buffer");
      half.kind = is_primary ? HalfFunction::Kind::primary_check : HalfFunction::Kind::nested_check;
      if (of.size() > 1 && has(of, "buffer")) {
        half.kind = HalfFunction::Kind::traditional;
        half.decision = "S9 " + half.name;
        decide("S9", place, half.name, "it checks the primary buffer on one way and a pointer in it on another",
               {"a check for each"})
            .pitfall = "P10";
      }
    } else if (const ServiceWrapper* wrapper = own_wrapper(half.name);
               wrapper != nullptr && *wrapper->standalone != '\0') {
      half.standalone_body = std::string(located_variables) + wrapper->standalone;
      plan_.standalone_protocols.insert(variable_protocol);
    } else if (dxe != dxe_functions_.end()) {
      traditional_function(half, place, *dxe->second.front());
    }
    halves.functions.push_back(std::move(half));
  }

  // A function of the half that an earlier run wrote.
  const ServiceWrapper* own_wrapper(const std::string& name) const {
    const auto found =
        std::ranges::find_if(wrappers, [&](const ServiceWrapper& each) { return name == prefix() + each.suffix; });
    return found == wrappers.end() ? nullptr : found;
  }

  void traditional_function(HalfFunction& half, const Place& place, const Json& use) {
    half.kind = HalfFunction::Kind::traditional;
    const bool installs = beside(use, "protocol_installed") != nullptr;
    const std::string step = rules_.service(text_in(use, "table"), text_in(use, "service")).step;
    const std::string reason =
        std::format("{} ({}->{})",
                    installs ? "it tells DXE, whose database Standalone MM can't change" : "it calls services of DXE",
                    text_in(use, "through"), text_in(use, "service"));
    PlanItem* item = decide_on_function(half, step, place, reason,
                                        rules_.service(text_in(use, "table"), text_in(use, "service")).candidates);
    if (item == nullptr) {
      return;
    }
    item->pitfall = installs ? "" : "P3";
    plan_.needs_split = plan_.needs_split || installs;
  }

  // The Traditional module lists the new sources, and libraries of both models' names.
  void traditional_inf() {
    if (added_sources_.empty() && needed_classes_.empty() && plan_.changed_files.empty()) {
      return;
    }
    LineChanges changes;
    const Build build = {std::string(architecture), inf_.module_type()};
    const auto line_of = [&](const InfEntry& entry) { return inf_.file().entries[entry.entry].line; };
    std::optional<std::size_t> last;
    std::string indent = "  ";
    for (const InfEntry& entry : inf_.entries("SOURCES", &build)) {
      last = line_of(entry);
      const std::string_view line = inf_.document().line(*last);
      indent = line.substr(0, line.find_first_not_of(" \t"));
    }
    for (const std::string& source : added_sources_) {
      if (last.has_value()) {
        changes.insert_after(*last, indent + source);
        add("S3", Action::edit, inf_.document().place(*last), source, "the Traditional module has it, too", "", source);
      }
    }
    const auto libraries = inf_.entries("LIBRARYCLASSES", &build);
    const bool has_mm =
        std::ranges::any_of(libraries, [](const InfEntry& entry) { return entry.name == "MmServicesTableLib"; });
    for (const InfEntry& entry : libraries) {
      if (entry.name != "SmmServicesTableLib" || plan_.changed_files.empty() || inf_.module_type() == "SMM_CORE" ||
          !has_common_table()) {
        continue;
      }
      if (has_mm) {
        changes.remove(line_of(entry));
      } else {
        changes.replace(line_of(entry), with_content(inf_.document().line(line_of(entry)), "MmServicesTableLib"));
      }
      add("S5", Action::edit, inf_.document().place(line_of(entry)), entry.name,
          "the common part uses gMmst in both models", entry.name, has_mm ? "" : "MmServicesTableLib");
    }
    for (const std::string& needed : needed_classes_) {
      if (!libraries.empty()) {
        changes.insert_after(line_of(libraries.back()), "  " + needed);
        add("S5", Action::edit, inf_.document().place(line_of(libraries.back())), needed,
            "what takes the place of a service", "", needed);
      }
    }
    if (!changes.empty()) {
      plan_.traditional_inf = changes.applied(inf_.document()).text();
      plan_.traditional_lines = changes.origins(inf_.document());
      plan_.changed_files.push_back({inf_.document().name(), inf_.document().text(), plan_.traditional_inf});
    }
  }

  Workspace& workspace_;
  const Rules& rules_;
  const InfFile& inf_;
  const SourceOptions& options_;
  SourcePlan plan_;
  Json answer_;
  std::map<std::string, Source> sources_;
  std::map<std::string, std::vector<const Json*>> by_place_;
  std::map<std::string, std::vector<const Json*>> functions_;
  std::map<std::string, std::vector<const Json*>> dxe_functions_;  // by function
  std::set<std::string> registered_;
  std::string half_;
  std::map<std::string, std::string, std::less<>> names_;
  std::set<std::string> memory_library_;
  std::set<std::string> scratch_;
  std::set<std::string> needed_classes_;
  std::string primary_check_;
  std::string nested_check_;
  std::vector<HalfFunction> functions_of_halves_;
  std::map<std::string, HalfFunction> service_functions_;
  std::set<std::string> service_headers_;
  std::vector<std::string> prototypes_;
  std::vector<std::string> added_sources_;
  std::string entry_source_;
  std::string line_end_ = "\n";
  std::optional<Source> standalone_copy_;
  std::string standalone_half_;
};

}  // namespace

ReadResult<SourcePlan> plan_sources(Workspace& workspace, const Rules& rules, const InfFile& traditional,
                                    const FactsProgram& program, const SourceOptions& options) {
  return Planner(workspace, rules, traditional, options).run(program);
}

}  // namespace redoubt::port
