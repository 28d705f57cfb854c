// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "image/mm_volume.hpp"

#include <gtest/gtest.h>

#include <string>

#include "image/testing/builder.hpp"

namespace redoubt::image {
namespace {

using testing::Buffer;
using testing::join;

abi::Guid name(char letter) { return {static_cast<std::uint32_t>(letter), 0, 0, {}}; }
Buffer pe() { return testing::section(abi::SectionType::pe32, Buffer(8)); }
Buffer driver(char letter, const Buffer& data = pe()) {
  return testing::file(name(letter), abi::FileType::mm_standalone, data);
}
Buffer volume_file(char letter, const Buffer& data) {
  return testing::file(name(letter), abi::FileType::firmware_volume_image, data);
}
Buffer inside(const Buffer& volume) { return testing::section(abi::SectionType::firmware_volume_image, volume); }
Buffer apriori() {
  return testing::file(abi::dxe_apriori_guid, abi::FileType::freeform,
                       testing::section(abi::SectionType::raw, Buffer(16)));
}

// What a walk finds, as letters: drivers as they are named, '*' an a priori list, '!' with a letter a skipped file,
// '?' a skipped volume.
class Finder final : public MmVolumeVisitor {
 public:
  explicit Finder(const Buffer& region) : end(visit_mm_volumes(region, *this)) {}
  void driver(const FileView& file, const SectionView& executable) override {
    found += static_cast<char>(file.name().data1);
    EXPECT_TRUE(executable.type() == abi::SectionType::pe32 || executable.type() == abi::SectionType::te);
  }
  void apriori(Bytes list) override {
    found += '*';
    EXPECT_EQ(list.size(), 16U);
  }
  void skipped(const abi::Guid* file, const ImageError& error) override {
    found += file == nullptr ? std::string("?") : std::string("!") + static_cast<char>(file->data1);
    reasons.emplace_back(error.reason);
  }
  std::string found;
  std::vector<std::string> reasons;
  std::size_t end;
};

TEST(MmVolume, DriversThenAprioriThenVolumesInside) {
  const Buffer inner = testing::volume({driver('i'), apriori()}, 0x400);
  const Buffer region = testing::volume({apriori(), volume_file('v', inside(inner)), driver('a'), driver('b')}, 0x1000);
  EXPECT_EQ(Finder(region).found, "ab*i*");
}

TEST(MmVolume, VolumesBehindEachOther) {
  const Buffer first = testing::volume({driver('a')}, 0x400);
  const Buffer second = testing::volume({driver('b')}, 0x300, {.file_system = abi::file_system_3_guid});
  EXPECT_EQ(Finder(join({first, second})).found, "ab");
  EXPECT_EQ(Finder(join({first, second}, 0x1000, 0xFF)).found, "ab");
  EXPECT_EQ(Finder(join({first, second, Buffer(0x100)}, 0x1000)).found, "ab");
  EXPECT_EQ(Finder(join({first, second, Buffer(0x100)}, 0x1000)).end, 0x1300U);
  EXPECT_EQ(Finder(Buffer(64)).end, 0U);
  Buffer broken = second;
  broken[4] = std::byte{1};
  EXPECT_EQ(Finder(join({first, broken, first})).found, "a?");
  EXPECT_EQ(Finder(join({first, testing::repeated(64, 0x5A)})).found, "a?");
  EXPECT_EQ(Finder(testing::repeated(64, 0)).found, "?");
  EXPECT_EQ(Finder({}).found, "?");
}

TEST(MmVolume, OpenSectionsAreLookedIntoAndClosedOnesNamed) {
  const Buffer crc = testing::guided_section(abi::section_crc32_guid, 0, Buffer(4), pe());
  const Buffer lzma = testing::lzma_section(pe());
  Buffer fields(sizeof(abi::CompressionSectionFields));
  const Buffer stored = testing::section(abi::SectionType::compression, pe(), fields);
  fields[4] = std::byte{abi::compression_standard};
  const Buffer packed = testing::section(abi::SectionType::compression, pe(), fields);
  const Buffer disposable = testing::section(abi::SectionType::disposable, crc);
  const Buffer region = testing::volume({driver('a', crc), driver('b', lzma), driver('c', stored), driver('d', packed),
                                         driver('e', disposable), volume_file('f', lzma)},
                                        0x1000);
  const Finder finder(region);
  EXPECT_EQ(finder.found, "a!bc!de!f");
  EXPECT_EQ(finder.reasons[0], "no PE32 or TE section that needs no decoding");
}

TEST(MmVolume, OtherFilesArePassedOver) {
  const Buffer region = testing::volume(
      {testing::file(name('x'), abi::FileType::driver, pe()), testing::file(name('y'), abi::FileType::mm, pe()),
       testing::file(abi::dxe_apriori_guid, abi::FileType::raw, Buffer(16)), driver('a')},
      0x1000);
  EXPECT_EQ(Finder(region).found, "a");
}

TEST(MmVolume, ADamagedFileCostsItselfOnly) {
  Buffer bad = driver('x');
  bad[17] = std::byte{0x55};  // file checksum, which isn't used
  testing::fix_file_header(bad);
  bad[17] = std::byte{0x56};
  const Buffer empty = testing::file(abi::dxe_apriori_guid, abi::FileType::freeform, Buffer(4));
  EXPECT_EQ(Finder(testing::volume({bad, driver('a'), driver('n', {})}, 0x1000)).found, "!xa!n");
  const Finder finder(testing::volume({empty, driver('a')}, 0x1000));
  EXPECT_EQ(finder.reasons, (std::vector<std::string>{"a priori file has no RAW section"}));
}

TEST(MmVolume, NestingIsBounded) {
  Buffer volume = testing::volume({driver('z')}, 0x200);
  for (unsigned depth = 0; depth < deepest_mm_volume; ++depth) {
    volume = testing::volume({volume_file('v', inside(volume))}, std::size_t{0x200} * (depth + 2));
  }
  EXPECT_EQ(Finder(volume).found, "z");
  EXPECT_EQ(Finder(testing::volume({volume_file('w', inside(volume))}, 0x2000)).found, "!v");
}

}  // namespace
}  // namespace redoubt::image
