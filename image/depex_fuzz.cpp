// SPDX-License-Identifier: BSD-2-Clause-Patent
// Any bytes as a dependency expression: what the grammar check lets through can be evaluated and printed.
#include <vector>

#include "image/depex.hpp"
#include "image/depex_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redoubt;
  const Bytes input = std::as_bytes(std::span(data, size));
  const std::vector<std::byte> bytes(input.begin(), input.end());
  const auto depex = image::DepexView::create(bytes);
  if (depex.has_value()) {
    static_cast<void>(depex->evaluate([](const abi::Guid& guid) { return (guid.data1 & 1) != 0; }));
    static_cast<void>(image::to_infix(*depex));
  }
  return 0;
}
