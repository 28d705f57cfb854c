// SPDX-License-Identifier: BSD-2-Clause-Patent
// Takes any bytes apart, puts them together, edits every volume found and composes again. An untouched image must come
// out as it went in, and an edited one must keep its size and read back.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "image/edit/assemble.hpp"
#include "image/edit/tree.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redoubt;
  using namespace redoubt::image::edit;
  const Bytes input = std::as_bytes(std::span(data, size));
  FirmwareImage image = FirmwareImage::parse(input);
  const auto untouched = image.compose();
  if (!untouched.has_value() || !std::ranges::equal(*untouched, input)) std::abort();
  static_cast<void>(image.compose(Reuse::nothing_but_compressed));

  FirmwareImage edited = FirmwareImage::parse(input);
  const auto file = make_file({.name = {}, .type = abi::FileType::raw, .data_alignment = 128}, Buffer(size % 200));
  edited.visit([&](Volume& volume) {
    const std::size_t free = volume.free_space();
    if (!volume.slots().empty()) static_cast<void>(volume.remove(volume.slots().front().offset));
    static_cast<void>(volume.add(*file));
    if (!volume.slots().empty()) static_cast<void>(volume.replace(volume.slots().back().offset, *file));
    if (volume.free_space() > free + volume.size()) std::abort();
  });
  const auto composed = edited.compose();
  if (!composed.has_value()) return 0;
  if (composed->size() != size) std::abort();
  static_cast<void>(FirmwareImage::parse(*composed));
  return 0;
}
