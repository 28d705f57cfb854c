// SPDX-License-Identifier: BSD-2-Clause-Patent
// Any bytes as a driver that a user hands over: reading ends, and what it takes is a sound file that MM's walk finds a
// driver in. Checksums of headers are put right first, as in the fuzzer of whole images, by the last byte's choice.
#include <cstdlib>
#include <span>

#include "image/edit/assemble.hpp"
#include "image/firmware_volume.hpp"
#include "image/mm_volume.hpp"
#include "tool/convert/driver_input.hpp"

namespace {

using namespace redoubt;

class Counter final : public image::MmVolumeVisitor {
 public:
  void driver(const image::FileView&, const image::SectionView&) override { ++drivers; }
  void apriori(Bytes) override {}
  void skipped(const abi::Guid*, const image::ImageError&) override { ++unusable; }

  std::size_t drivers = 0;
  std::size_t unusable = 0;
};

void check(bool holds) {
  if (!holds) {
    std::abort();
  }
}

// MM must find all of `drivers` in a volume with this file, and nothing that it can't use.
void check_file(const std::vector<std::byte>& file, std::size_t drivers) {
  const auto view = image::FileView::create(file, 0, image::FileSystem::ffs3);
  check(view.has_value() && view->check_data().has_value());
  const auto volume = image::edit::make_volume({1, 0, 0, {}}, std::span(&file, 1));
  check(volume.has_value());
  Counter counter;
  image::visit_mm_volumes(*volume, counter);
  check(counter.drivers == drivers && counter.unusable == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input = std::as_bytes(std::span(data, size));
  std::vector<std::byte> bytes(input.begin(), input.end());
  if (bytes.size() > sizeof(abi::FileHeader) && (bytes.back() & std::byte{1}) != std::byte{0}) {
    bytes[offsetof(abi::FileHeader, header_checksum)] =
        static_cast<std::byte>(image::file_header_checksum(Bytes(bytes).first(sizeof(abi::FileHeader))));
  }
  const auto result = tool::parse_driver_input(bytes, "input");
  if (!result.has_value()) {
    return 0;
  }
  for (const tool::DriverFile& driver : result->drivers) {
    check_file(driver.file, 1);
  }
  for (const tool::VolumeFile& volume : result->volumes) {
    check_file(volume.file, volume.drivers.size());
  }
  return 0;
}
