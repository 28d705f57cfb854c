// SPDX-License-Identifier: BSD-2-Clause-Patent
// What this program is asked: one module's sources and what its compiler would have been told. The JSON form is in
// facts.md. A request that names what can't be read is refused as a whole, so that facts are never about half a module.
#pragma once

#include <expected>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::tool::port {

struct Request {
  std::string module;
  std::string architecture = "X64";
  std::string module_type;
  std::vector<std::string> sources;
  std::vector<std::string> include_directories;
  std::map<std::string, std::string> macros;
  std::string autogen;
  std::vector<std::string> entry_points;
  std::vector<std::string> constructors;
  std::vector<std::string> unload;
  /// The kinds of facts that are looked for; empty: all.
  std::set<std::string> kinds;

  bool wants(const std::string& kind) const { return kinds.empty() || kinds.contains(kind); }
};

/// The request in `text`, or one line that says what is wrong with it. Every source exists and is of a size that is
/// parsed in reasonable time and memory.
std::expected<Request, std::string> read_request(std::string_view text);

/// Whether a source is assembly, by the end of its name.
bool is_assembly(std::string_view path);

/// The content of a file that read_request() has accepted, or why it can't be read now.
std::expected<std::string, std::string> read_source(const std::string& path);

}  // namespace redoubt::tool::port
