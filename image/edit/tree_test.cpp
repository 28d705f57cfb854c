// SPDX-License-Identifier: BSD-2-Clause-Patent
// The tree on every image that Debian's ovmf package brings: what was not edited comes out as it went in, also when
// everything is built anew; and the rules of room on volumes made here.
#include "image/edit/tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "image/edit/assemble.hpp"
#include "image/lzma.hpp"

namespace redoubt::image::edit {
namespace {

Buffer read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const Bytes bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

abi::Guid guid(std::uint32_t number) { return {number, 1, 2, {3, 4, 5, 6, 7, 8, 9, 10}}; }

Buffer file_of(std::uint32_t number, std::size_t data_size, std::size_t alignment = 1) {
  const Buffer data(data_size, std::byte{0x5A});
  auto file = make_file({.name = guid(number), .type = abi::FileType::raw, .data_alignment = alignment}, data);
  EXPECT_TRUE(file.has_value());
  return *file;
}

Volume volume_of(const std::vector<Buffer>& files) {
  const auto bytes = make_volume(guid(99), files);
  EXPECT_TRUE(bytes.has_value());
  const auto view = FirmwareVolumeView::create(*bytes);
  EXPECT_TRUE(view.has_value());
  return Volume::parse(*view);
}

// Everything a reader of the composed bytes relies on.
void expect_sound(const Volume& volume) {
  const auto view = FirmwareVolumeView::create(volume.bytes());
  ASSERT_TRUE(view.has_value());
  const Volume again = Volume::parse(*view);
  EXPECT_TRUE(again.editable());
  ASSERT_EQ(again.slots().size(), volume.slots().size());
  for (std::size_t i = 0; i < again.slots().size(); ++i) {
    EXPECT_EQ(again.slots()[i].offset, volume.slots()[i].offset);
    EXPECT_EQ(again.slots()[i].file.name(), volume.slots()[i].file.name());
    const auto file = FileView::create(again.slots()[i].file.bytes(), 0, view->file_system(), view->erased());
    ASSERT_TRUE(file.has_value());
    EXPECT_TRUE(file->check_data().has_value());
    EXPECT_EQ((again.slots()[i].offset + file->header_size()) % file->data_alignment(), 0U);
  }
  EXPECT_EQ(again.free_space(), volume.free_space());
}

TEST(ImageTree, UntouchedImagesComposeIdentically) {
  int images = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/share/OVMF")) {
    if (entry.path().extension() != ".fd" || entry.is_symlink()) continue;
    SCOPED_TRACE(entry.path().string());
    const Buffer original = read_file(entry.path());
    FirmwareImage image = FirmwareImage::parse(original);
    EXPECT_FALSE(image.roots().empty());
    for (const Reuse reuse : {Reuse::untouched_nodes, Reuse::nothing_but_compressed}) {
      const auto composed = image.compose(reuse);
      ASSERT_TRUE(composed.has_value()) << composed.error().reason;
      EXPECT_TRUE(*composed == original);
    }
    ++images;
  }
  EXPECT_GE(images, 4);
}

// Recompressing is the only thing that may change bytes, and it changes none of those inside.
TEST(ImageTree, AnEditInsideACompressedSectionSurvives) {
  const Buffer original = read_file("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd");
  FirmwareImage image = FirmwareImage::parse(original);
  const auto edit_dxe = [&](FirmwareImage& in, const auto& action) {
    bool found = false;
    in.visit([&](Volume& volume) {
      if (volume.find(abi::FileType::dxe_core) == nullptr) return;
      found = true;
      action(volume);
    });
    EXPECT_TRUE(found);
  };
  Buffer expected;
  edit_dxe(image, [&](Volume& volume) {
    ASSERT_TRUE(volume.add(file_of(1, 100'000)).has_value());
    const Volume::Slot* core = volume.find(abi::FileType::mm_core);
    ASSERT_NE(core, nullptr);
    ASSERT_TRUE(volume.remove(core->offset).has_value());
    EXPECT_EQ(volume.find(abi::FileType::mm_core), nullptr);
    ASSERT_TRUE(volume.compose(Reuse::nothing_but_compressed).has_value());
    expected.assign(volume.bytes().begin(), volume.bytes().end());
  });
  const auto composed = image.compose();
  ASSERT_TRUE(composed.has_value()) << composed.error().reason;
  EXPECT_EQ(composed->size(), original.size());
  FirmwareImage again = FirmwareImage::parse(*composed);
  edit_dxe(again, [&](Volume& volume) {
    EXPECT_TRUE(std::ranges::equal(volume.bytes(), expected));
    EXPECT_NE(volume.find(guid(1)), nullptr);
    expect_sound(volume);
  });
}

TEST(Volume, RemovedFilesBecomePadsAndTheirRoomIsUsed) {
  std::vector<Buffer> files;
  for (std::uint32_t i = 1; i <= 4; ++i) files.push_back(file_of(i, 1000 + i));
  Volume volume = volume_of(files);
  const std::size_t second = volume.find(guid(2))->offset;
  const std::size_t third = volume.find(guid(3))->offset;
  ASSERT_TRUE(volume.remove(second).has_value());
  ASSERT_TRUE(volume.remove(third).has_value());
  expect_sound(volume);
  // 2000 bytes fit nowhere but in the two PAD files together.
  ASSERT_TRUE(volume.add(file_of(5, volume.free_space() - 24)).has_value());
  EXPECT_EQ(volume.free_space(), 0U);
  const auto offset = volume.add(file_of(6, 2000));
  ASSERT_TRUE(offset.has_value()) << offset.error().reason;
  EXPECT_EQ(*offset, second);
  expect_sound(volume);
  const auto refused = volume.add(file_of(7, 100));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().error, Error::out_of_memory);
}

TEST(Volume, AlignmentOfDataIsKept) {
  Volume volume = volume_of({file_of(1, 3)});
  for (const std::size_t alignment : {16U, 128U, 512U, 1024U}) {
    const auto offset = volume.add(file_of(static_cast<std::uint32_t>(alignment), 40, alignment));
    ASSERT_TRUE(offset.has_value()) << offset.error().reason;
    EXPECT_EQ((*offset + 24) % alignment, 0U);
    expect_sound(volume);
  }
}

TEST(Volume, ReplacingShrinksToAPadAndGrowsIntoIt) {
  Volume volume = volume_of({file_of(1, 500), file_of(2, 500)});
  const std::size_t first = volume.find(guid(1))->offset;
  ASSERT_TRUE(volume.replace(first, file_of(3, 100)).has_value());
  expect_sound(volume);
  ASSERT_TRUE(volume.replace(first, file_of(4, 499)).has_value());
  expect_sound(volume);
  EXPECT_FALSE(volume.replace(first, file_of(5, 600)).has_value());
  // Eight bytes left over are no room for a PAD file.
  EXPECT_FALSE(volume.replace(first, file_of(5, 492)).has_value());
  const std::size_t last = volume.find(guid(2))->offset;
  ASSERT_TRUE(volume.replace(last, file_of(6, 900)).has_value()) << "free space behind it";
  expect_sound(volume);
}

TEST(Volume, LargeFilesNeedFileSystem3) {
  Volume small = volume_of({file_of(1, 3)});
  const Buffer large = file_of(2, std::size_t{17} << 20);
  EXPECT_FALSE(small.add(large).has_value());
  Volume volume = volume_of({file_of(1, 3), large});
  expect_sound(volume);
  ASSERT_TRUE(volume.remove(volume.find(guid(2))->offset).has_value());
  expect_sound(volume);
  ASSERT_TRUE(volume.add(file_of(3, (std::size_t{16} << 20) - 24)).has_value());
  expect_sound(volume);
}

TEST(Assemble, AlignedSectionsAndNames) {
  Buffer data;
  const Buffer name = user_interface_data("Redoubt");
  append_section(data, abi::SectionType::user_interface, name);
  const Buffer payload(100, std::byte{1});
  append_section(data, abi::SectionType::pe32, payload, 64);
  const auto file = make_file({.name = guid(1), .type = abi::FileType::peim, .data_alignment = 64}, data);
  ASSERT_TRUE(file.has_value());
  const auto view = FileView::create(*file, 0, FileSystem::ffs2);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->data_alignment(), 128U);
  const auto section = view->find_section(abi::SectionType::pe32);
  ASSERT_TRUE(section.has_value() && section->has_value());
  EXPECT_EQ(((*section)->payload_offset() - view->data_offset()) % 64, 0U);
  EXPECT_EQ(File::parse(*view, 0).user_interface_name(), "Redoubt");
  EXPECT_FALSE(make_file({.name = guid(1), .data_alignment = std::size_t{32} << 20}, data).has_value());
}

TEST(Compress, ExpandsAgainAndSaysItsSize) {
  Buffer data(300'000);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * i >> 7);
  const auto packed = lzma_compress(data, {.properties = 0x5D, .dictionary_size = 1 << 20});
  ASSERT_TRUE(packed.has_value());
  EXPECT_EQ(*read_at<std::uint64_t>(*packed, 5), data.size());
  const auto parameters = lzma_parameters(*packed);
  ASSERT_TRUE(parameters.has_value());
  EXPECT_EQ(parameters->properties, 0x5D);
  EXPECT_EQ(parameters->dictionary_size, 1U << 20);
  const auto unpacked = lzma_expand(*packed, 0, data.size());
  ASSERT_TRUE(unpacked.has_value());
  EXPECT_TRUE(*unpacked == data);
  EXPECT_FALSE(lzma_parameters(Bytes(*packed).first(5)).has_value());
}

}  // namespace
}  // namespace redoubt::image::edit
