// SPDX-License-Identifier: BSD-2-Clause-Patent
// Any bytes as a PE or TE image: it is refused, or loads into exactly the memory that it asked for.
#include <cstdlib>
#include <vector>

#include "image/executable.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redoubt;
  constexpr std::uint32_t largest = 1u << 24;
  // A copy of its own, so that reading one byte too far is noticed.
  const Bytes input = std::as_bytes(std::span(data, size));
  const std::vector<std::byte> bytes(input.begin(), input.end());
  const auto image = image::ExecutableView::create(bytes);
  if (!image.has_value()) {
    return 0;
  }
  std::uint64_t end = image->headers_size();
  for (std::uint32_t i = 0; i < image->section_count(); ++i) {
    const image::ExecutableSection section = image->section(i);
    if (section.rva < end || section.data.size() > section.memory_size ||
        std::uint64_t{section.rva} + section.memory_size > image->image_size()) {
      std::abort();
    }
    end = std::uint64_t{section.rva} + section.memory_size;
  }
  static_cast<void>(image->debug_path());
  static_cast<void>(image->page_protectable());
  auto cursor = image->relocations();
  for (auto relocation = cursor.next(); relocation.has_value() && relocation->has_value(); relocation = cursor.next()) {
    if (std::uint64_t{(*relocation)->rva} + (*relocation)->width > image->image_size()) {
      std::abort();
    }
  }
  if (image->image_size() <= largest) {
    std::vector<std::byte> memory(image->image_size());
    static_cast<void>(image->load_into(memory, 0x10000000));
    static_cast<void>(image->load_into(memory, image->image_base()));
  }
  return 0;
}
