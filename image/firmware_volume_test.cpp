// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "image/firmware_volume.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "image/testing/builder.hpp"

namespace redoubt::image {
namespace {

using abi::FileType;
using abi::SectionType;
using namespace testing;

constexpr abi::Guid name_a = {0xA, 0, 0, {}};
constexpr abi::Guid name_b = {0xB, 0, 0, {}};
constexpr std::size_t length = 0x1000;

Buffer good_volume() {
  return volume({file(name_a, FileType::peim, section(SectionType::raw, bytes_of("abc"))),
                 file(name_b, FileType::mm, section(SectionType::raw, bytes_of("defg")))},
                length);
}

Error error_of(const Buffer& bytes) {
  const auto result = FirmwareVolumeView::create(bytes);
  EXPECT_FALSE(result.has_value());
  return result.has_value() ? Error::not_found : result.error().code;
}

// Files a walk hands out, and how it ended.
struct Walk {
  std::vector<FileView> files;
  std::optional<ImageError> error;
  std::size_t free = 0;
};
Walk walk(const FirmwareVolumeView& volume) {
  Walk result;
  FileCursor cursor = volume.files();
  while (true) {
    const auto file = cursor.next();
    if (!file.has_value()) {
      result.error = file.error();
      break;
    }
    if (!file->has_value()) {
      break;
    }
    result.files.push_back(**file);
  }
  result.free = cursor.free_space().size();
  return result;
}

TEST(FirmwareVolumeView, ReadsItsHeader) {
  const Buffer bytes = join({good_volume(), repeated(100, 0)});
  const auto view = FirmwareVolumeView::create(bytes, 0x5000).value();
  EXPECT_EQ(view.bytes().size(), length);
  EXPECT_EQ(view.offset(), 0x5000u);
  EXPECT_EQ(view.file_system(), FileSystem::ffs2);
  EXPECT_EQ(view.erased(), 0xFF);
  EXPECT_FALSE(view.name().has_value());
  EXPECT_EQ(view.files_position(), 72u);
}

TEST(FirmwareVolumeView, WalksFilesToTheFreeSpace) {
  const Buffer bytes = good_volume();
  const Walk result = walk(FirmwareVolumeView::create(bytes, 0x5000).value());
  ASSERT_FALSE(result.error.has_value()) << result.error->reason;
  ASSERT_EQ(result.files.size(), 2u);
  EXPECT_EQ(result.files[0].name(), name_a);
  EXPECT_EQ(result.files[0].offset(), 0x5048u);
  EXPECT_EQ(result.files[1].type(), FileType::mm);
  EXPECT_EQ(result.files[1].offset(), 0x5068u);
  EXPECT_TRUE(result.files[1].check_data().has_value());
  EXPECT_EQ(result.free, length - 0x68 - 32);
}

TEST(FirmwareVolumeView, FindsByNameAndType) {
  const Buffer bytes = good_volume();
  const auto view = FirmwareVolumeView::create(bytes).value();
  EXPECT_EQ(view.find_file(name_b).value()->type(), FileType::mm);
  EXPECT_EQ(view.find_file(FileType::peim).value()->name(), name_a);
  EXPECT_FALSE(view.find_file(FileType::dxe_core).value().has_value());
  const auto section = view.find_file(name_b).value()->find_section(SectionType::raw).value();
  EXPECT_EQ(section->payload().size(), 4u);
}

TEST(FirmwareVolumeView, ReadsItsExtendedHeader) {
  const Buffer bytes = volume({file(name_a, FileType::peim, {})}, length, {.name = &name_b});
  const auto view = FirmwareVolumeView::create(bytes).value();
  EXPECT_EQ(view.name(), name_b);
  EXPECT_EQ(view.files_position(), 96u);
  EXPECT_EQ(walk(view).files.size(), 1u);
}

TEST(FirmwareVolumeView, HonoursErasePolarityZero) {
  const Buffer bytes = volume({file(name_a, FileType::peim, {}, {.state = 0x07})}, length, {.erase_polarity = false});
  const auto view = FirmwareVolumeView::create(bytes).value();
  EXPECT_EQ(view.erased(), 0);
  EXPECT_EQ(walk(view).files.size(), 1u);
}

TEST(FirmwareVolumeView, LeavesOtherFileSystemsAlone) {
  const Buffer bytes = volume({}, length, {.file_system = abi::system_nv_data_guid});
  const auto view = FirmwareVolumeView::create(bytes).value();
  EXPECT_EQ(view.file_system(), FileSystem::none);
  EXPECT_TRUE(walk(view).files.empty());
}

TEST(FirmwareVolumeView, RefusesDamagedHeaders) {
  using Header = abi::FirmwareVolumeHeader;
  const Buffer good = good_volume();
  Buffer bytes = good;
  put(bytes, offsetof(Header, signature), std::uint32_t{1});
  EXPECT_EQ(error_of(bytes), Error::malformed);
  bytes = good;
  put(bytes, offsetof(Header, checksum), std::uint16_t{0x1111});
  EXPECT_EQ(error_of(bytes), Error::malformed);
  bytes = good;
  put(bytes, offsetof(Header, revision), std::uint8_t{1});
  EXPECT_EQ(error_of(bytes), Error::unsupported);
  bytes = good;
  put(bytes, offsetof(Header, header_length), std::uint16_t{56});
  EXPECT_EQ(error_of(bytes), Error::malformed);
  bytes = good;
  put(bytes, offsetof(Header, length), std::uint64_t{length + 0x100});
  fix_volume_header(bytes);
  EXPECT_EQ(error_of(bytes), Error::truncated);
  bytes = good;
  put(bytes, offsetof(Header, length), ~std::uint64_t{0});
  fix_volume_header(bytes);
  EXPECT_EQ(error_of(bytes), Error::truncated);
  bytes = good;
  put(bytes, offsetof(Header, length), std::uint64_t{16});
  fix_volume_header(bytes);
  EXPECT_EQ(error_of(bytes), Error::malformed);
  bytes = good;  // a block more than the volume has
  put(bytes, sizeof(Header), std::uint32_t{length / 0x100 + 1});
  fix_volume_header(bytes);
  EXPECT_EQ(error_of(bytes), Error::malformed);
  bytes = good;  // the block map has no end
  put(bytes, sizeof(Header) + 8, abi::FirmwareVolumeBlock{1, 1});
  fix_volume_header(bytes);
  EXPECT_EQ(error_of(bytes), Error::truncated);
  bytes = good;  // extended header inside the header, and outside the volume
  put(bytes, offsetof(Header, extended_header_offset), std::uint16_t{8});
  fix_volume_header(bytes);
  EXPECT_EQ(error_of(bytes), Error::malformed);
  bytes = good;
  put(bytes, offsetof(Header, extended_header_offset), std::uint16_t{length - 4});
  fix_volume_header(bytes);
  EXPECT_EQ(error_of(bytes), Error::truncated);
}

TEST(FirmwareVolumeView, RefusesEveryTruncation) {
  const Buffer bytes = good_volume();
  for (std::size_t size = 0; size < length; ++size) {
    const auto result = FirmwareVolumeView::create(view(bytes).first(size));
    ASSERT_FALSE(result.has_value()) << size;
  }
}

TEST(FileCursor, SkipsFilesThatDontCount) {
  Buffer broken = file(name_a, FileType::peim, {}, {.state = 0xFE});  // header construction: 24 bytes are taken
  const Buffer bytes = volume({file(name_a, FileType::peim, bytes_of("1"), {.state = 0xE8}),          // deleted
                               broken, file(name_a, FileType::peim, bytes_of("2"), {.state = 0xFC}),  // data not valid
                               file(name_a, FileType::peim, bytes_of("3"), {.state = 0xF0}),  // marked for update
                               file(name_b, FileType::peim, bytes_of("4"))},
                              length);
  const Walk result = walk(FirmwareVolumeView::create(bytes).value());
  ASSERT_FALSE(result.error.has_value()) << result.error->reason;
  ASSERT_EQ(result.files.size(), 2u);
  EXPECT_EQ(result.files[0].state(), FileState::marked_for_update);
  EXPECT_EQ(result.files[1].name(), name_b);
}

TEST(FileCursor, NamesTheOffsetOfADamagedFile) {
  Buffer bytes = good_volume();
  bytes[0x68] ^= std::byte{1};
  const Walk result = walk(FirmwareVolumeView::create(bytes, 0x5000).value());
  EXPECT_EQ(result.files.size(), 1u);
  ASSERT_TRUE(result.error.has_value());
  EXPECT_EQ(result.error->offset, 0x5068u);
  EXPECT_STREQ(result.error->reason, "file header checksum is wrong");
  EXPECT_EQ(result.free, 0u);
}

TEST(FileCursor, RefusesFilesBeyondTheVolume) {
  for (const std::uint8_t size : {std::uint8_t{0}, std::uint8_t{23}, std::uint8_t{0xFF}}) {
    Buffer bytes = volume({file(name_a, FileType::peim, {})}, 0x100);
    bytes[72 + 20] = std::byte{size};
    fix_file_header(bytes, 72);
    const Walk result = walk(FirmwareVolumeView::create(bytes).value());
    EXPECT_TRUE(result.error.has_value()) << unsigned{size};
  }
}

TEST(FileView, ReadsLargeFilesInFileSystem3Only) {
  const Buffer large = file(name_a, FileType::peim, bytes_of("abc"), {.attributes = abi::file_attribute_large});
  const auto view = FileView::create(large, 0, FileSystem::ffs3).value();
  EXPECT_EQ(view.header_size(), 32u);
  EXPECT_EQ(view.data().size(), 3u);
  EXPECT_FALSE(FileView::create(large, 0, FileSystem::ffs2).has_value());
  Buffer huge = large;
  put(huge, 24, ~std::uint64_t{0});
  fix_file_header(huge);
  EXPECT_EQ(FileView::create(huge, 0, FileSystem::ffs3).error().code, Error::truncated);
}

TEST(FileView, ChecksItsData) {
  Buffer bytes = file(name_a, FileType::peim, bytes_of("abc"), {.attributes = abi::file_attribute_checksum});
  EXPECT_TRUE(FileView::create(bytes, 0, FileSystem::ffs2).value().check_data().has_value());
  bytes.back() ^= std::byte{1};
  EXPECT_FALSE(FileView::create(bytes, 0, FileSystem::ffs2).value().check_data().has_value());
  Buffer plain = file(name_a, FileType::peim, bytes_of("abc"));
  put(plain, offsetof(abi::FileHeader, file_checksum), std::uint8_t{0x12});
  EXPECT_FALSE(FileView::create(plain, 0, FileSystem::ffs2).value().check_data().has_value());
}

TEST(FileView, KnowsItsAlignment) {
  const auto alignment = [](std::uint8_t attributes) {
    const Buffer bytes = file(name_a, FileType::peim, {}, {.attributes = attributes});
    return FileView::create(bytes, 0, FileSystem::ffs2).value().data_alignment();
  };
  EXPECT_EQ(alignment(0), 1u);
  EXPECT_EQ(alignment(5 << 3), 4096u);
  EXPECT_EQ(alignment(7 << 3), 65536u);
  EXPECT_EQ(alignment(abi::file_attribute_data_alignment_2), 128u * 1024);
  EXPECT_EQ(alignment(abi::file_attribute_data_alignment_2 | 7 << 3), 16u * 1024 * 1024);
}

TEST(Checksums, SumToZero) {
  const Buffer bytes = bytes_of("\x01\x02\x03\x04");
  EXPECT_EQ(checksum8(bytes), 0xF6);
  EXPECT_EQ(checksum16(bytes), static_cast<std::uint16_t>(-(0x0201 + 0x0403)));
}

// Whatever one byte is changed to, walking ends and hands out nothing outside the volume.
TEST(FirmwareVolumeView, SurvivesEveryChangedByte) {
  const Buffer good = volume({file(name_a, FileType::peim, section(SectionType::raw, bytes_of("abc")))}, 0x100);
  for (std::size_t position = 0; position < good.size(); ++position) {
    for (unsigned value = 0; value < 256; value += 5) {
      Buffer bytes = good;
      bytes[position] = static_cast<std::byte>(value);
      const auto volume_view = FirmwareVolumeView::create(bytes);
      if (!volume_view.has_value()) {
        continue;
      }
      for (const FileView& each : walk(*volume_view).files) {
        SectionCursor cursor = each.sections();
        for (auto section = cursor.next(); section.has_value() && section->has_value(); section = cursor.next()) {
          ASSERT_LE((*section)->offset() + (*section)->bytes().size(), bytes.size());
        }
      }
    }
  }
}

}  // namespace
}  // namespace redoubt::image
