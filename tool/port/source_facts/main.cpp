// SPDX-License-Identifier: BSD-2-Clause-Patent
// redoubt-source-facts: reads one request from standard input and writes what the sources say to standard output.
// facts.md describes both. It is a program of its own because clang's libraries are built against another C++ library
// than the rest of the tool, and because they are large: a user who ports nothing needn't install them.
#include <cstdio>
#include <expected>
#include <iostream>
#include <string>

#include "tool/port/source_facts/assembly_scan.hpp"
#include "tool/port/source_facts/module.hpp"
#include "tool/port/source_facts/request.hpp"
#include "tool/port/source_facts/unit_parser.hpp"

namespace redoubt::tool::port {
namespace {

constexpr int bad_input = 2;
constexpr std::size_t largest_request = 64U << 20U;

std::expected<std::string, std::string> read_input() {
  std::string text;
  std::string block(1U << 20U, '\0');
  while (const std::size_t count = std::fread(block.data(), 1, block.size(), stdin)) {
    text.append(block, 0, count);
    if (text.size() > largest_request) {
      return std::unexpected("the request is larger than " + std::to_string(largest_request) + " bytes");
    }
  }
  if (std::ferror(stdin) != 0) {
    return std::unexpected(std::string("the request can't be read"));
  }
  return text;
}

int fail(const std::string& reason) {
  std::fprintf(stderr, "redoubt-source-facts: %s\n", reason.c_str());
  return bad_input;
}

int run() {
  const auto text = read_input();
  if (!text) {
    return fail(text.error());
  }
  const auto request = read_request(*text);
  if (!request) {
    return fail(request.error());
  }
  std::vector<UnitSummary> units;
  for (const std::string& source : request->sources) {
    if (!is_assembly(source)) {
      units.push_back(parse_unit(*request, source));
      continue;
    }
    const auto content = read_source(source);
    if (!content) {
      return fail(content.error());
    }
    units.push_back(scan_assembly(*request, source, *content));
  }
  std::cout << module_facts(*request, units).dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
  return std::cout.flush() ? 0 : fail("the answer can't be written");
}

}  // namespace
}  // namespace redoubt::tool::port

int main(int argc, char**) {
  if (argc > 1) {
    return redoubt::tool::port::fail(
        "takes no arguments: a request on standard input (tool/port/source_facts/facts.md)");
  }
  return redoubt::tool::port::run();
}
