// SPDX-License-Identifier: BSD-2-Clause-Patent
// Everything that reads a guest's output, on arbitrary bytes.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "tool/boot/console.hpp"
#include "tool/boot/log.hpp"
#include "tool/boot/report.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redoubt::tool::boot;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  LineReader reader;
  Console console;
  BootReport report;
  console.feed(bytes);
  for (const std::string& line : reader.feed(bytes)) {
    report.witness.apply(line);
    if (const auto event = parse_event(line)) {
      report.apply(*event);
    }
  }
  static_cast<void>(console.contains("Shell> "));
  static_cast<void>(to_text(report));
  static_cast<void>(to_json(report).dump());
  return 0;
}
