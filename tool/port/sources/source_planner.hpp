// SPDX-License-Identifier: BSD-2-Clause-Patent
// Plans the sources of one module: facts become items first, of which some are edits of the sources as they were read;
// then the two halves are written from what the edits took out. Nothing here goes by a module's name. The parts, each
// in a file of its own, work on one state: what is known of the module, and the plan as far as it is made.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tool/port/sources/fact_text.hpp"
#include "tool/port/sources/module_request.hpp"
#include "tool/port/sources/service_wrappers.hpp"
#include "tool/port/sources/source_plan.hpp"
#include "tool/port/sources/source_text.hpp"

namespace redoubt::port {

class SourcePlanner {
 public:
  SourcePlanner(Workspace& workspace, const Rules& rules, const InfFile& inf, const SourceOptions& options)
      : workspace_(workspace), rules_(rules), inf_(inf), options_(options) {}
  ReadResult<SourcePlan> run(const FactsProgram& program);

 private:
  // ---- sources and facts ----

  struct Source {
    std::string path;  // in the tree
    SourceText text;
    std::vector<std::string> others;  // INFs that list it, too
    std::set<std::string> needed_headers = {};
  };

  ReadResult<void> read_sources(const ModuleRequest& request);
  static std::string key(const std::string& file, const Json& line, const Json& column);
  void index();
  Source* source_of(const Json& fact);
  // Where a fact is, by tree paths where the file is in the tree.
  Place place_of(const Json& fact) const;
  std::vector<const Json*> facts(const char* kind) const;
  // A fact of this kind about the same call.
  const Json* beside(const Json& fact, const char* kind) const;

  // ---- items ----

  PlanItem& add(const char* step, Action action, Place place, std::string subject, std::string reason,
                std::string before = {}, std::string after = {}, std::vector<std::string> candidates = {});
  void note_unexamined(const char* step, const Place& place, const char* subject, std::string reason);
  // A decision that may be met at several places, of which the first is its own.
  PlanItem& decide(const std::string& step, const Place& place, const std::string& subject, const std::string& reason,
                   const std::vector<std::string>& candidates);
  std::string answer_to(const std::string& step, const std::string& subject) const;
  static std::string one_line(std::string_view text);
  // Changes the source, unless another module has it, too; then it is a decision.
  bool edit(Source* source, const Json& extent, const char* step, const std::string& subject, const std::string& reason,
            const std::string& after);

  // ---- how much is known ----

  void understood();
  // A module that is split already has a source with the entry point and nothing of MM in it.
  void find_half();
  bool in_half(const Json& fact) const { return !half_.empty() && text_in(fact, "file") == half_; }

  // ---- services of DXE ----

  void services();
  // What takes the place of an event, first of the candidates; returns what the decision's subject says of it.
  [[nodiscard]] std::string event_candidates(const Json& event, std::vector<std::string>& candidates) const;
  void service(const Json& fact, const std::string& table, const std::string& name);
  // A function of both halves takes the service's place.
  bool wrapped(const Json& fact, const std::string& table, const std::string& name, const ServiceRule& rule);
  // What a function of the Standalone half does that in the other calls DXE.
  PlanItem* decide_on_function(HalfFunction& half, const std::string& step, const Place& place,
                               const std::string& reason, std::vector<std::string> candidates);
  // Looked for in DXE's database, and MM has it in its own.
  bool located_in_mm(const Json& fact, const std::string& guid, const ServiceRule& rule);
  std::vector<std::string> arguments_of(const Source& source, const Json& call) const;
  // What an argument that gives an address out stores to: "&Crc" is "Crc", "(VOID **)&Buffer" is "Buffer".
  static std::string pointee(const std::string& argument);
  bool lists_class(const char* library_class) const;
  std::string indentation(const Source& source, const Json& statement) const;
  // A statement that a value and a status take the place of; false where the call is a part of something larger.
  bool replace_statement(Source& source, const Json& call, const std::string& statement, const std::string& status,
                         const char* step, const std::string& subject, const std::string& reason);
  bool replaced(const Json& fact, const std::string& table, const std::string& name, const ServiceRule& rule);
  bool needs(Source& source, const char* library_class);
  // Memory of boot services that the function which allocates it also frees, and that no other code gets to see.
  bool scratch_memory(const Json& fact, const Json& call, Source& source, const std::string& name,
                      const std::vector<std::string>& arguments);
  // The MM table's own services give the same memory as the library, which both models have.
  void memory_service(const Json& fact);
  void tables();

  // ---- messages ----

  void checks();
  void messages();

  // ---- what comes from elsewhere ----

  void pcds();
  void configuration_tables();
  void shared_buffers();
  void early_save_state();
  void dispatch_protocols();
  // Functions of libraries that Standalone MM doesn't have.
  void library_calls();

  // ---- entry points ----

  std::string prefix() const;
  const Json* function_named(const std::string& file, const std::string& name) const;
  void entries();
  // An entry point that others have or name, too, stays as it is; the Standalone module's calls it.
  bool wrap_entry(const Source& source, const Json& function, const std::string& name);
  static std::vector<std::string> parameters_in(const std::string& parentheses);
  static std::string parameter_name(const std::string& piece);
  // The entry point becomes a function of both models, and each model's half gets an entry point that calls it.
  bool split_entry(Source& source, const Json& function, const std::string& name);
  // "@param[in] SystemTable ..." of what is no parameter any more, and one of two empty lines that are left then.
  static void remove_parameter_comments(Source& source, const SourceText::Range& comment, const Json& unused);

  // ---- names, headers and the new files ----

  bool halves_are_needed() const;
  std::string header_name() const { return prefix() + "Mm.h"; }

  // An old tree has no library that gives both models the table of services.
  bool has_common_table() const { return workspace_.library_class("MmServicesTableLib") != nullptr; }
  void rename();
  bool still_used(const char* word) const;
  // Lines of `#include` of a source of the common part.
  std::string with_includes(const Source& source, const std::string& text);
  bool uses_halves(const std::string& text) const;
  // Headers of libraries that Standalone MM doesn't have, if nothing of them is left.
  bool is_dropped(const std::string& header) const;
  void finish();
  // Words that only the existing half has, neither the common part nor the other half.
  void traditional_names();
  std::string old_names_in(const Source& source) const;
  // What the other module's build doesn't have can't be given to it.
  void shared_names(const Source& source);
  void rename_items(const Source& source);
  void add_checks();
  // Includes of the source that the halves come from, as both models have them.
  std::vector<std::string> includes_of(const std::string& path) const;
  std::string any_source() const;
  void write_halves();
  // A module that is split already gets the other half of what it has.
  void finish_half();
  // The Standalone half: the only source that a Standalone module of the folder has of its own, if it shares sources
  // with this one; else the one that is to be written.
  std::string other_half(const std::string& half) const;
  void find_drift(const Halves& halves, const std::string& path);
  // What a source has besides functions, lines of #include, and comments: its variables, types and macros.
  std::string outside_of_functions(const Source& source);
  bool is_library_of_dxe(const std::string& library_class) const;
  void half_function(Halves& halves, const Source& source, const Json& function,
                     const std::map<std::string, const Json*>& checks);
  // A function of the half that an earlier run wrote.
  [[nodiscard]] const ServiceWrapper* own_wrapper(const std::string& name) const;
  void traditional_function(HalfFunction& half, const Place& place, const Json& use);
  // The Traditional module lists the new sources, and libraries of both models' names.
  void traditional_inf();

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

}  // namespace redoubt::port
