// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt port`: what moving a Traditional MM module to Standalone MM takes, by its build metadata and its sources.
// Exit status 1 when a person has something to decide, or when something wasn't looked at.
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <format>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "tool/commands/commands.hpp"
#include "tool/files.hpp"
#include "tool/port/plan/module_plan.hpp"
#include "tool/port/plan/new_files.hpp"
#include "tool/port/plan/plan_text.hpp"
#include "tool/port/plan/ranking.hpp"
#include "tool/port/plan/reports.hpp"

namespace redoubt::tool {

namespace {

using port::Action;
using port::ModulePlan;
using port::Platform;
using port::Rules;
using port::Workspace;
using Json = nlohmann::ordered_json;

struct Options {
  std::string module;
  std::string tree;
  std::vector<std::string> platforms;
  std::vector<std::string> defines;
  std::string rules;
  std::string answers;
  std::string target = "redoubt";
  bool json = false;
  bool sarif = false;
  bool svg = false;
  bool check = false;
  bool write = false;
  bool patch = false;
};

CommandError from(const port::ReadError& error) { return {ExitStatus::bad_input, to_string(error)}; }

template <typename T>
Result<T, CommandError> checked(port::ReadResult<T> result) {
  if (!result.has_value()) {
    return std::unexpected(from(result.error()));
  }
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*result);
  }
}

bool is_macro_name(std::string_view text) {
  const auto belongs = [](char character) {
    const auto code = static_cast<unsigned char>(character);
    return std::isalnum(code) != 0 || character == '_';
  };
  return !text.empty() && std::ranges::all_of(text, belongs);
}

Result<port::Macros, CommandError> macros_of(const Options& options) {
  // What a build without options of its own has.
  port::Macros macros = {{"TARGET", "DEBUG"}, {"TOOL_CHAIN_TAG", "GCC"}, {"ARCH", "IA32 X64"}};
  for (const std::string& define : options.defines) {
    const std::size_t equals = define.find('=');
    const std::string name = define.substr(0, equals);
    if (!is_macro_name(name)) {
      return bad_input("-D " + define, "has no macro's name in front: letters, digits and underscores");
    }
    macros[name] = equals == std::string::npos ? "TRUE" : define.substr(equals + 1);
  }
  return macros;
}

Result<Rules, CommandError> rules_of(const Options& options) {
  if (options.rules.empty()) {
    return Rules::built_in();
  }
  const auto bytes = TRY(read_file(options.rules));
  auto rules = Rules::parse(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  if (!rules.has_value()) {
    return bad_input(options.rules, rules.error());
  }
  return std::move(*rules);
}

Result<port::SourceOptions, CommandError> source_options_of(const Options& options) {
  port::SourceOptions result;
  result.target = options.target == "mu"     ? port::Target::mu
                  : options.target == "edk2" ? port::Target::edk2
                                             : port::Target::redoubt;
  if (options.answers.empty()) {
    return result;
  }
  const auto bytes = TRY(read_file(options.answers));
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return bad_input(options.answers, "isn't a JSON object of decisions (\"STEP SUBJECT\") and answers");
  }
  for (const auto& [decision, answer] : json.items()) {
    if (!answer.is_string()) {
      return bad_input(options.answers, std::format("the answer to \"{}\" isn't a text", decision));
    }
    result.answers[decision] = answer.get<std::string>();
  }
  return result;
}

// What reads the sources, if it is there.
struct SourceReader {
  std::optional<port::FactsProgram> program;
  std::string missing;  // why it isn't there
};
SourceReader source_reader() {
  auto program = port::FactsProgram::find();
  if (!program.has_value()) {
    return {std::nullopt, program.error()};
  }
  return {std::move(*program), {}};
}

struct Platforms {
  std::vector<Platform> read;
  std::vector<port::ReadError> unread;
};

// Those that the user names, each of which must be readable; else all of the tree that are.
Result<Platforms, CommandError> platforms_of(Workspace& workspace, const Options& options, const port::Macros& macros) {
  Platforms platforms;
  for (const std::string& file : options.platforms) {
    const std::string path = TRY(checked(workspace.tree().path_of(file)));
    platforms.read.push_back(TRY(checked(Platform::read(workspace, path, macros))));
  }
  if (!options.platforms.empty()) {
    return platforms;
  }
  for (const std::string& path : TRY(checked(workspace.tree().list({".dsc"})))) {
    auto platform = Platform::read(workspace, path, macros);
    if (platform.has_value()) {
      platforms.read.push_back(std::move(*platform));
    } else {
      platforms.unread.push_back(std::move(platform).error());
    }
  }
  return platforms;
}

std::string dump(const Json& json) { return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n"; }

// Standard output's errors are looked at once, at the end (tool/command.cpp).
void print(const std::string& text) { static_cast<void>(std::fwrite(text.data(), 1, text.size(), stdout)); }

std::string notes_on(const std::vector<port::ReadError>& problems) {
  std::string text;
  for (const port::ReadError& problem : problems) {
    text += std::format("not read: {}\n", to_string(problem));
  }
  return text;
}

std::string notes_on(const Workspace& workspace, const Platforms& platforms) {
  return notes_on(workspace.problems()) + notes_on(platforms.unread);
}

std::string notes_on(const SourceReader& reader) { return reader.missing.empty() ? "" : reader.missing + "\n"; }

Json notes_json(const Workspace& workspace, const Platforms& platforms) {
  Json json = Json::array();
  for (const auto* problems : {&workspace.problems(), &platforms.unread}) {
    for (const port::ReadError& problem : *problems) {
      json.push_back({{"file", problem.place.file}, {"line", problem.place.line}, {"reason", problem.reason}});
    }
  }
  return json;
}

Result<std::string, CommandError> write_files(Workspace& workspace, const ModulePlan& plan) {
  std::vector<port::NewFile> files = {{plan.standalone_inf, plan.standalone_text}};
  files.insert(files.end(), plan.new_files.begin(), plan.new_files.end());
  const auto written = TRY(checked(write_port(workspace.tree(), files, plan.changed_files)));
  std::string text;
  for (const std::string& path : written) {
    text += std::format("{} written\n", path);
  }
  if (written.empty()) {
    text = std::format("{} is there as it should be\n", plan.standalone_inf);
  }
  text += std::format("{} decisions are left{}\n", plan.count(Action::decision),
                      plan.sources_read ? " (see the plan)" : "; the C sources weren't touched (see the plan)");
  return text;
}

// For CI: whether the pair that is there still goes together.
CommandResult check_pair(const ModulePlan& plan) {
  if (!plan.exists) {
    return bad_input(plan.standalone_inf, "isn't there: the module isn't ported");
  }
  if (!plan.sources_read) {
    return bad_input(plan.inf, "its sources can't be compared without redoubt-source-facts");
  }
  for (const port::ReadError& error : plan.drift) {
    print(to_string(error) + "\n");
  }
  return plan.drift.empty() && plan.count(Action::unexamined) == 0 ? ExitStatus::success : ExitStatus::negative;
}

CommandResult port_module(const Options& options) {
  const port::Macros macros = TRY(macros_of(options));
  const Rules rules = TRY(rules_of(options));
  std::string module;
  auto tree = options.tree.empty() ? TRY(checked(port::Tree::around(options.module, module)))
                                   : TRY(checked(port::Tree::open({options.tree})));
  if (module.empty()) {
    module = TRY(checked(tree.path_of(options.module)));
  }
  Workspace workspace(std::move(tree));
  TRY(checked(workspace.read_all()));
  Platforms platforms = TRY(platforms_of(workspace, options, macros));
  std::erase_if(platforms.read,
                [&module](const Platform& platform) { return platform.component(module, "X64") == nullptr; });
  // A plan says that no platform builds the module; an empty patch would say that none needs a change.
  if (platforms.read.empty() && (options.patch || !options.platforms.empty())) {
    return bad_input(module,
                     std::format("{} builds it with these macros (see -D and --platform){}",
                                 options.platforms.empty() ? "no platform of the tree" : "no platform named",
                                 platforms.unread.empty() ? "" : "; not read: " + to_string(platforms.unread[0])));
  }
  const SourceReader reader = source_reader();
  const port::SourceOptions source_options = TRY(source_options_of(options));
  const ModulePlan plan =
      TRY(checked(plan_module(workspace, platforms.read, rules, module,
                              reader.program.has_value() ? &*reader.program : nullptr, source_options)));
  if (options.check) {
    return check_pair(plan);
  }
  if (options.patch) {
    print(plan.patch);
    // Nothing but the patch may stand on standard output. A platform that can't be read may build the module, too.
    static_cast<void>(std::fputs(notes_on(platforms.unread).c_str(), stderr));
    if (!platforms.unread.empty()) {
      return ExitStatus::negative;
    }
  } else if (options.write) {
    print(TRY(write_files(workspace, plan)) + notes_on(reader));
  } else if (options.sarif) {
    print(port::sarif({&plan}, REDOUBT_VERSION));
  } else if (options.json) {
    Json json = port::plan_json(plan);
    json["files"] = port::files_json(plan);
    json["sources_not_read"] = reader.missing;
    json["rules"] = rules.version;
    json["not_read"] = notes_json(workspace, platforms);
    print(dump(json));
  } else {
    print(port::plan_text(plan) + notes_on(workspace, platforms) + notes_on(reader));
  }
  return port::is_settled(plan) ? ExitStatus::success : ExitStatus::negative;
}

void show_progress(std::size_t done, std::size_t all) {
  if (::isatty(STDERR_FILENO) == 1) {
    static_cast<void>(
        std::fputs(std::format("\rplanning: {} of {}{}", done, all, done == all ? "\r\x1B[K" : "").c_str(), stderr));
  }
}

CommandResult rank_tree(const Options& options) {
  const port::Macros macros = TRY(macros_of(options));
  const Rules rules = TRY(rules_of(options));
  Workspace workspace(TRY(checked(port::Tree::open({options.tree}))));
  TRY(checked(workspace.read_all()));
  if (workspace.infs().empty() && workspace.problems().empty()) {
    return bad_input(options.tree, "has no INF files, so that it isn't a source tree");
  }
  const Platforms platforms = TRY(platforms_of(workspace, options, macros));
  const SourceReader reader = source_reader();
  const port::SourceOptions source_options = TRY(source_options_of(options));
  const port::Ranking ranking = rank_modules(workspace, platforms.read, rules, show_progress,
                                             reader.program.has_value() ? &*reader.program : nullptr, source_options);
  if (options.svg) {
    print(port::svg(ranking));
  } else if (options.sarif) {
    std::vector<const ModulePlan*> plans;
    for (const port::RankedModule& module : ranking.modules) {
      plans.push_back(&module.plan);
    }
    print(port::sarif(plans, REDOUBT_VERSION));
  } else if (options.json) {
    Json json = {{"tree", options.tree},
                 {"rules", rules.version},
                 {"sources_not_read", reader.missing},
                 {"modules", Json::array()}};
    for (const port::RankedModule& module : ranking.modules) {
      Json entry = port::plan_json(module.plan);
      entry["waits_for"] = module.waits_for;
      json["modules"].push_back(std::move(entry));
    }
    json["not_read"] = notes_json(workspace, platforms);
    for (const port::ReadError& error : ranking.unplanned) {
      json["not_read"].push_back({{"file", error.place.file}, {"line", error.place.line}, {"reason", error.reason}});
    }
    print(dump(json));
  } else {
    std::string text =
        std::format("{} Traditional modules, in an order in which they can be ported, by {}:\n", ranking.modules.size(),
                    reader.program.has_value() ? "build metadata and sources" : "build metadata alone");
    for (std::size_t i = 0; i < ranking.modules.size(); ++i) {
      const port::RankedModule& module = ranking.modules[i];
      text += std::format("{:>4}  {:<32} {}\n      {}{}\n", i + 1, module.plan.base_name, port::head_of(module.plan),
                          module.plan.inf, module.plan.exists ? " (ported already)" : "");
      for (const std::string& path : module.waits_for) {
        text += std::format("      behind {}\n", path);
      }
    }
    for (const port::ReadError& error : ranking.unplanned) {
      text += std::format("no plan: {}\n", to_string(error));
    }
    print(text + notes_on(workspace, platforms) + notes_on(reader));
  }
  // What can't be read may be a module, too.
  const bool complete =
      ranking.unplanned.empty() && workspace.problems().empty() && platforms.unread.empty() &&
      std::ranges::all_of(ranking.modules, [](const auto& module) { return port::is_settled(module.plan); });
  return complete ? ExitStatus::success : ExitStatus::negative;
}

CommandResult run(const Options& options) {
  if (options.module.empty() && options.tree.empty()) {
    return bad_input("port", "names neither a module nor a tree (see --help)");
  }
  if (options.module.empty() && (options.write || options.patch || options.check)) {
    return bad_input("port", "--write, --patch and --check need a module");
  }
  if (!options.module.empty() && options.svg) {
    return bad_input("port", "--svg shows a tree's order, and takes no module");
  }
  return options.module.empty() ? rank_tree(options) : port_module(options);
}

}  // namespace

void add_port(CommandLine& command_line) {
  const Verb verb = command_line.root().add_verb(
      "port", "Plan how a Traditional MM module's sources move to Standalone MM, and move them");
  const auto options = std::make_shared<Options>();
  verb.footer(
      "Works on edk2's source trees, by INF, DEC, DSC and FDF files, and by C and assembly sources where\n"
      "redoubt-source-facts is built (`scripts/build --port`). Without MODULE all Traditional modules of the tree are\n"
      "ranked. Steps and pitfalls (S.., P..) are those of docs/porting.md.\n"
      "Exit status: 0 when nothing is left to decide, 1 when something is, 2 for bad usage or input.");
  verb.add_option("MODULE", options->module, "The module's INF file").type_name("FILE").not_empty();
  verb.add_option("--tree", options->tree,
                  "Top of the source tree; found by the module's packages where it isn't given")
      .type_name("DIR")
      .not_empty();
  verb.add_option("--platform", options->platforms,
                  "DSC file of a platform that counts; all of the tree if none is given")
      .type_name("FILE")
      .not_empty();
  verb.add_option("-D,--define", options->defines, "A macro of the build, as edk2's build takes it")
      .type_name("NAME=VALUE");
  verb.add_option("--rules", options->rules, "Another table of library classes, protocols and PCDs")
      .type_name("FILE")
      .not_empty();
  verb.add_option("--answers", options->answers, "JSON file with answers to decisions: {\"STEP SUBJECT\": \"ANSWER\"}")
      .type_name("FILE")
      .not_empty();
  verb.add_option("--target", options->target,
                  "Whose Standalone MM it is for, which decides how a message's primary buffer is checked")
      .one_of({"redoubt", "edk2", "mu"})
      .capture_default();
  const Option json = verb.add_flag("--json", options->json, "Print JSON");
  const Option sarif = verb.add_flag("--sarif", options->sarif, "Print what is left as SARIF 2.1.0").excludes(json);
  verb.add_flag("--svg", options->svg, "Print the order of a tree's modules as a picture")
      .excludes(json)
      .excludes(sarif);
  const Option check = verb.add_flag("--check", options->check,
                                     "Say whether the module and its Standalone counterpart still go together")
                           .excludes(json)
                           .excludes(sarif);
  const Option write = verb.add_flag("--write", options->write,
                                     "Write the Standalone INF and sources, and change those that both models have")
                           .excludes(json)
                           .excludes(sarif)
                           .excludes(check);
  verb.add_flag("--patch", options->patch, "Print what the platforms' DSC and FDF files need, for `git apply`")
      .excludes(json)
      .excludes(sarif)
      .excludes(check)
      .excludes(write);
  command_line.on_chosen(verb, [options] { return run(*options); });
}

}  // namespace redoubt::tool
