// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/request.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tool/port/source_facts/kinds.hpp"

namespace redoubt::tool::port {
namespace {

using Json = nlohmann::json;

// The largest source of edk2 has about 2 MiB. More than this is generated data that no parser should be given.
constexpr std::uintmax_t largest_source = 16U << 20U;

using Problem = std::unexpected<std::string>;

/// A name as it may stand in a one-line message: without what would break the line, and not too long.
std::string printable(std::string_view text) {
  std::string line;
  for (char letter : text.substr(0, 200)) {
    line += std::isprint(static_cast<unsigned char>(letter)) != 0 ? letter : '?';
  }
  return line;
}

/// The names of the fields that a request may have, so that a misspelt one isn't passed over.
constexpr std::array known_fields{"module", "architecture", "module_type",  "sources",      "include_directories",
                                  "macros", "autogen",      "entry_points", "constructors", "unload",
                                  "kinds"};

std::expected<std::string, std::string> text_field(const Json& request, const char* name, std::string fallback) {
  auto field = request.find(name);
  if (field == request.end()) {
    return fallback;
  }
  if (!field->is_string()) {
    return Problem(std::string(name) + " isn't a text");
  }
  return field->get<std::string>();
}

std::expected<std::vector<std::string>, std::string> list_field(const Json& request, const char* name) {
  std::vector<std::string> texts;
  auto field = request.find(name);
  if (field == request.end()) {
    return texts;
  }
  if (!field->is_array()) {
    return Problem(std::string(name) + " isn't a list");
  }
  for (const Json& entry : *field) {
    if (!entry.is_string()) {
      return Problem(std::string(name) + " has an entry that isn't a text");
    }
    texts.push_back(entry.get<std::string>());
    if (texts.back().find('\0') != std::string::npos) {
      return Problem(std::string(name) + " has an entry with a zero byte");
    }
  }
  return texts;
}

bool is_identifier(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) == 0 &&
         std::ranges::all_of(text, [](unsigned char letter) { return std::isalnum(letter) != 0 || letter == '_'; });
}

std::expected<std::map<std::string, std::string>, std::string> macros_field(const Json& request) {
  std::map<std::string, std::string> macros;
  auto field = request.find("macros");
  if (field == request.end()) {
    return macros;
  }
  if (!field->is_object()) {
    return Problem("macros isn't an object");
  }
  for (const auto& [name, value] : field->items()) {
    if (!is_identifier(name) || !value.is_string()) {
      return Problem("macros: " + printable(name) + " isn't a name with a text");
    }
    macros[name] = value.get<std::string>();
  }
  return macros;
}

std::expected<void, std::string> check_source(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error || !std::filesystem::exists(status)) {
    return Problem(printable(path) + ": no such file");
  }
  if (!std::filesystem::is_regular_file(status)) {
    return Problem(printable(path) + ": not a file");
  }
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) {
    return Problem(printable(path) + ": " + error.message());
  }
  if (size > largest_source) {
    return Problem(printable(path) + ": " + std::to_string(size) + " bytes, more than a source can have (" +
                   std::to_string(largest_source) + ")");
  }
  if (!std::ifstream(path, std::ios::binary)) {
    return Problem(printable(path) + ": can't be read");
  }
  return {};
}

/// What stands in no relation to files: names, lists and texts.
std::expected<Request, std::string> read_fields(const Json& json) {
  Request request;
  for (const auto& [name, field] : json.items()) {
    if (std::ranges::find(known_fields, name) == known_fields.end()) {
      return Problem("unknown field " + printable(name));
    }
  }
  struct TextField {
    const char* name;
    std::string* value;
  };
  for (const TextField& field :
       {TextField{"module", &request.module}, TextField{"architecture", &request.architecture},
        TextField{"module_type", &request.module_type}, TextField{"autogen", &request.autogen}}) {
    auto text = text_field(json, field.name, *field.value);
    if (!text) {
      return Problem(text.error());
    }
    *field.value = std::move(*text);
  }
  struct ListField {
    const char* name;
    std::vector<std::string>* value;
    bool of_identifiers;
  };
  std::vector<std::string> kinds;
  for (const ListField& field :
       {ListField{"sources", &request.sources, false},
        ListField{"include_directories", &request.include_directories, false},
        ListField{"entry_points", &request.entry_points, true}, ListField{"constructors", &request.constructors, true},
        ListField{"unload", &request.unload, true}, ListField{"kinds", &kinds, true}}) {
    auto list = list_field(json, field.name);
    if (!list) {
      return Problem(list.error());
    }
    *field.value = std::move(*list);
    for (const std::string& text : *field.value) {
      if (field.of_identifiers && !is_identifier(text)) {
        return Problem(std::string(field.name) + ": not a name: " + printable(text));
      }
    }
  }
  for (const std::string& kind : kinds) {
    if (std::ranges::find(all_kinds, kind) == all_kinds.end()) {
      return Problem("kinds: unknown kind " + kind);
    }
    request.kinds.insert(kind);
  }
  auto macros = macros_field(json);
  if (!macros) {
    return Problem(macros.error());
  }
  request.macros = std::move(*macros);
  return request;
}

}  // namespace

bool is_assembly(std::string_view path) {
  std::string ending(path.substr(std::min(path.size(), path.rfind('.'))));
  std::ranges::transform(ending, ending.begin(), [](unsigned char letter) { return std::tolower(letter); });
  return ending == ".nasm" || ending == ".nasmb" || ending == ".asm" || ending == ".s";
}

std::expected<std::string, std::string> read_source(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream) {
    return Problem(printable(path) + ": can't be read");
  }
  return content;
}

std::expected<Request, std::string> read_request(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) {
    return Problem("the request isn't JSON");
  }
  if (!json.is_object()) {
    return Problem("the request isn't a JSON object");
  }
  auto request = read_fields(json);
  if (!request) {
    return request;
  }
  constexpr std::array architectures{"IA32", "X64", "ARM", "AARCH64", "RISCV64", "LOONGARCH64"};
  if (std::ranges::find(architectures, request->architecture) == architectures.end()) {
    return Problem("unknown architecture " + printable(request->architecture));
  }
  if (request->sources.empty()) {
    return Problem("the request has no sources");
  }
  for (const std::string& source : request->sources) {
    if (auto good = check_source(source); !good) {
      return Problem(good.error());
    }
  }
  return request;
}

}  // namespace redoubt::tool::port
