// SPDX-License-Identifier: BSD-2-Clause-Patent
// The AutoGen.h of a module is made here: PCDs have their declared defaults, since only their names and types matter to
// the analysis, and what a `#if` asks.
#include "tool/port/sources/module_request.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "tool/port/metadata/text.hpp"

namespace redoubt::port {

namespace {

constexpr std::string_view architecture = "X64";

bool is_compiled(std::string_view path) {
  const std::string ending = upper(path.substr(std::min(path.size(), path.rfind('.'))));
  return ending == ".C" || ending == ".NASM" || ending == ".NASMB";
}

// A whole number as C writes it, which may stand in a `#if`.
bool is_number(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) != 0 &&
         std::ranges::all_of(text, [](unsigned char each) { return std::isalnum(each) != 0; });
}

struct Value {
  const char* suffix;  // as the macros of PcdLib have it
  std::string text;
};

Value value_of(const Workspace::PcdDeclaration* declared) {
  const std::string type = declared == nullptr ? "" : upper(declared->datum_type);
  const std::string written = declared == nullptr ? "" : std::string(trim(declared->default_value));
  if (type == "BOOLEAN") {
    return {"BOOL", upper(written) == "TRUE" || written == "1" ? "1" : "0"};
  }
  const std::string number = is_number(written) ? written : "0";
  for (const auto& [name, suffix] : std::to_array<std::pair<const char*, const char*>>(
           {{"UINT8", "8"}, {"UINT16", "16"}, {"UINT32", "32"}, {"UINT64", "64"}})) {
    if (type == name) {
      return {suffix, number};
    }
  }
  return {"PTR", "((VOID *)1)"};
}

void add_pcd(std::string& text, const Workspace& workspace, const InfFile::PcdEntry& pcd) {
  const std::string name = pcd.entry.name.substr(pcd.entry.name.find('.') + 1);
  if (name.empty() ||
      !std::ranges::all_of(name, [](unsigned char each) { return std::isalnum(each) != 0 || each == '_'; })) {
    return;
  }
  const Value value = value_of(workspace.pcd(pcd.entry.name));
  const auto define = [&](const std::string& macro, const std::string& what) {
    text += "#define " + macro + " " + what + "\n";
  };
  define("_PCD_TOKEN_" + name, "1U");
  define("_PCD_VALUE_" + name, value.text);
  define("_PCD_SIZE_" + name, "8");
  define("_PCD_GET_MODE_SIZE_" + name, "8");
  define(std::string("_PCD_GET_MODE_") + value.suffix + "_" + name, value.text);
  define(std::string("_PCD_SET_MODE_") + value.suffix + "_S_" + name + "(...)", "((RETURN_STATUS)0)");
  define(std::string("_PCD_SET_MODE_") + value.suffix + "_" + name, "0");
}

std::string autogen(const Workspace& workspace, const InfFile& inf, const Build& build) {
  // The header of the module's type, as the build's own file has it.
  std::string text = inf.module_type().contains("STANDALONE") ? "#include <PiMm.h>\n" : "#include <PiDxe.h>\n";
  text += "extern GUID gEfiCallerIdGuid;\nextern CHAR8 *gEfiCallerBaseName;\n";
  for (const char* kind : {"GUIDS", "PROTOCOLS", "PPIS"}) {
    for (const InfEntry& entry : inf.entries(kind, &build)) {
      if (!entry.name.empty() &&
          std::ranges::all_of(entry.name, [](unsigned char each) { return std::isalnum(each) != 0 || each == '_'; })) {
        text += "extern GUID " + entry.name + ";\n";
      }
    }
  }
  if (!inf.pcds(&build).empty()) {
    text += "#include <Library/PcdLib.h>\n";
  }
  for (const InfFile::PcdEntry& pcd : inf.pcds(&build)) {
    add_pcd(text, workspace, pcd);
  }
  return text;
}

// Definitions on the compiler's command line, as [BuildOptions] has them for any toolchain that takes -D.
void add_macros(nlohmann::json& macros, const InfFile& inf, const Build& build) {
  for (const InfEntry& entry : inf.entries("BUILDOPTIONS", &build)) {
    const std::string whole = inf.file().entries[entry.entry].content;
    const std::size_t equals = whole.find('=');
    const std::string_view left = std::string_view(whole).substr(0, std::min(equals, whole.size()));
    if (equals == std::string::npos || !left.contains("CC_FLAGS") || left.starts_with("MSFT")) {
      continue;
    }
    for (const std::string_view word : words(std::string_view(whole).substr(equals + 1))) {
      if (!word.starts_with("-D") || word.size() == 2) {
        continue;
      }
      const std::string_view macro = word.substr(2);
      const std::size_t value = macro.find('=');
      const std::string_view name = macro.substr(0, value);
      if (std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
          std::ranges::all_of(name, [](unsigned char each) { return std::isalnum(each) != 0 || each == '_'; })) {
        macros[std::string(name)] = value == std::string_view::npos ? "1" : std::string(macro.substr(value + 1));
      }
    }
  }
}

// The functions that an INF names as its entry points, or to be called when it is unloaded.
std::vector<std::string> functions_named(const InfFile& inf, std::string_view name) {
  std::vector<std::string> functions;
  for (const DefineEntry& define : inf.defines()) {
    if (define.name == name && !define.is_macro) {
      functions.emplace_back(split(define.value, '|').front());
    }
  }
  return functions;
}

}  // namespace

ReadResult<ModuleRequest> module_request(const Workspace& workspace, const InfFile& inf) {
  const Build build = {std::string(architecture), inf.module_type()};
  const std::string& path = inf.document().name();
  const std::string folder(folder_of(path));
  ModuleRequest request;
  std::vector<std::string> sources;
  std::vector<std::string> folders;
  const auto add_folder = [&](const std::string& tree_folder) {
    const auto found = tree_folder.empty() ? workspace.tree().tops().front().string()
                                           : workspace.tree()
                                                 .locate(tree_folder, {path})
                                                 .transform([](const auto& each) { return each.string(); })
                                                 .value_or("");
    if (!found.empty() && !std::ranges::contains(folders, found)) {
      folders.push_back(found);
    }
  };
  add_folder(folder);
  for (const InfEntry& entry : inf.entries("SOURCES", &build)) {
    // Sources for one toolchain family only: `X64/Fast.nasm | GCC`.
    if (!entry.fields.empty() && !entry.fields.front().empty() && upper(entry.fields.front()) != "GCC" &&
        entry.fields.front() != "*") {
      continue;
    }
    const std::string source = tree_path(join_path(folder, entry.name));
    const Place place = inf.document().place(inf.file().entries[entry.entry].line);
    const auto found = workspace.tree().locate(source, place);
    if (!found.has_value()) {
      request.missing.push_back(found.error());
      continue;
    }
    request.sources.emplace(found->string(), source);
    if (is_compiled(source) && !std::ranges::contains(sources, found->string())) {
      sources.push_back(found->string());
    }
    if (!folder_of(source).empty()) {
      add_folder(std::string(folder_of(source)));
    }
  }
  for (const InfEntry& entry : inf.entries("PACKAGES", &build)) {
    for (const std::string& include : workspace.include_folders(tree_path(entry.name), architecture)) {
      add_folder(include);
    }
  }
  nlohmann::json macros = nlohmann::json::object();
  add_macros(macros, inf, build);
  request.json = {{"module", inf.base_name()},
                  {"module_type", inf.module_type()},
                  {"architecture", architecture},
                  {"include_directories", folders},
                  {"autogen", autogen(workspace, inf, build)},
                  {"macros", macros},
                  {"entry_points", functions_named(inf, "ENTRY_POINT")},
                  {"constructors", inf.constructors()},
                  {"unload", functions_named(inf, "UNLOAD_IMAGE")}};
  if (!sources.empty()) {
    request.json["sources"] = sources;
  }
  return request;
}

}  // namespace redoubt::port
