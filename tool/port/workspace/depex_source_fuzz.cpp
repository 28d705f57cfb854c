// SPDX-License-Identifier: BSD-2-Clause-Patent
// Any bytes as a DEPEX expression: what is read is written in a form that reads the same, and compiles to what a
// dispatcher takes.
#include <cstdint>
#include <cstdlib>
#include <functional>

#include "image/depex.hpp"
#include "tool/port/workspace/depex_source.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redoubt;
  const auto source = port::DepexSource::parse(std::string(data, data + size), {"fuzz.inf"});
  if (!source.has_value()) {
    return 0;
  }
  const auto value = [](const std::string& name) -> std::optional<abi::Guid> {
    return abi::Guid{static_cast<std::uint32_t>(std::hash<std::string>()(name)), 0, 0, {}};
  };
  const auto again = port::DepexSource::parse(source->text(), {"again.inf"});
  if (!again.has_value() || again->text() != source->text()) {
    std::abort();
  }
  const auto bytes = source->compile(value);
  constexpr std::size_t room = 256;  // no deeper than the dispatcher's stack
  if (bytes.has_value() && bytes->size() < room && !image::DepexView::create(*bytes).has_value()) {
    std::abort();
  }
  static_cast<void>(source->replaced([](const std::string& name) { return name.size() % 2 == 0 ? "" : name; }).text());
  return 0;
}
