// SPDX-License-Identifier: BSD-2-Clause-Patent
// Drivers in every form in which a user may hand them over: what becomes of them, and what is refused by name.
#include "tool/convert/driver_input.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/edit/assemble.hpp"
#include "image/firmware_volume.hpp"
#include "image/testing/builder.hpp"
#include "tool/files.hpp"
#include "tool/testing/executables.hpp"
#include "tool/testing/temporary_directory.hpp"

namespace redoubt::tool {
namespace {

using abi::FileType;
using abi::SectionType;
using elf2pe::Machine;
using elf2pe::Subsystem;
using testing::driver_executable;
using ::testing::ElementsAre;
using testing::executable_of;
using testing::Form;
using ::testing::HasSubstr;
using testing::TemporaryDirectory;
namespace made = image::testing;

abi::Guid guid(std::uint32_t number) { return {number, 1, 2, {3, 4, 5, 6, 7, 8, 9, 10}}; }

DriverFile made_up_driver(std::uint32_t number) {
  const auto file = make_driver_file("driver", guid(number), "Driver", {guid(1000)}, driver_executable());
  EXPECT_TRUE(file.has_value());
  return *file;
}

Buffer contents_of(const Buffer& file) {
  const auto view = image::FileView::create(file, 0, image::FileSystem::ffs3);
  EXPECT_TRUE(view.has_value());
  return {view->data().begin(), view->data().end()};
}

Buffer file_of(std::uint32_t number, FileType type, Bytes data, std::size_t alignment = 1) {
  const auto file = image::edit::make_file({.name = guid(number), .type = type, .data_alignment = alignment}, data);
  EXPECT_TRUE(file.has_value());
  return *file;
}

class DriverInputTest : public ::testing::Test {
 protected:
  std::string write(const std::string& name, Bytes bytes) {
    EXPECT_TRUE(write_file(directory_.file(name), bytes).has_value());
    return directory_.file(name);
  }
  DriverInput read(Bytes bytes) {
    auto input = read_driver_input(write("input", bytes));
    EXPECT_TRUE(input.has_value()) << input.error().message;
    return input.has_value() ? std::move(*input) : DriverInput{};
  }
  // Why it was refused, path and colon cut off.
  std::string refused(Bytes bytes) {
    const std::string path = write("bad", bytes);
    const auto input = read_driver_input(path);
    if (input.has_value()) {
      return "accepted";
    }
    EXPECT_EQ(input.error().status, ExitStatus::bad_input);
    EXPECT_THAT(input.error().message, ::testing::StartsWith(path + ": "));
    EXPECT_EQ(input.error().message.find('\n'), std::string::npos);
    return input.error().message.substr(path.size() + 2);
  }

  TemporaryDirectory directory_;
};

// ---- Images and files ----

TEST_F(DriverInputTest, AnImageGetsNameGuidAndDepex) {
  for (const Form form : {Form::pe, Form::te}) {
    const std::string path = write("Acme Driver.efi", driver_executable(form));
    const auto input = read_driver_input(path);
    ASSERT_TRUE(input.has_value()) << input.error().message;
    ASSERT_EQ(input->drivers.size(), 1U);
    const DriverFile& driver = input->drivers[0];
    EXPECT_EQ(driver.source, path);
    EXPECT_EQ(driver.name, "Acme Driver");
    EXPECT_EQ(driver.alignment, 4096U);
    EXPECT_EQ(driver.guid, read_driver_input(path)->drivers[0].guid);
    const auto file = image::FileView::create(driver.file, 0, image::FileSystem::ffs2);
    ASSERT_TRUE(file.has_value());
    const auto depex = file->find_section(SectionType::mm_depex);
    ASSERT_TRUE(depex.has_value() && depex->has_value());
    EXPECT_THAT((*depex)->payload(), ElementsAre(std::byte{6}, std::byte{8}));
    const auto image = file->find_section(form == Form::te ? SectionType::te : SectionType::pe32);
    ASSERT_TRUE(image.has_value() && image->has_value());
    EXPECT_TRUE(std::ranges::equal((*image)->payload(), driver_executable(form)));
  }
}

TEST_F(DriverInputTest, AFileIsTakenAsItIs) {
  const DriverFile made = made_up_driver(7);
  const DriverInput input = read(made.file);
  ASSERT_EQ(input.drivers.size(), 1U);
  EXPECT_TRUE(input.drivers[0].file == made.file);
  EXPECT_EQ(input.drivers[0].guid, guid(7));
  EXPECT_EQ(input.drivers[0].name, "Driver");
  EXPECT_TRUE(input.drivers[0].unpacked.empty());
}

TEST_F(DriverInputTest, WhatIsCompressedIsUnpacked) {
  const Buffer plain = contents_of(made_up_driver(7).file);
  const Buffer inner = made::lzma_section(plain);
  struct Case {
    Buffer data;
    std::vector<std::string> encodings;
  };
  Buffer no_compression;
  made::put(no_compression, 0,
            abi::CompressionSectionFields{static_cast<std::uint32_t>(plain.size()), abi::compression_none});
  const Case cases[] = {
      {inner, {"LZMA"}},
      {made::brotli_section(plain), {"Brotli"}},
      {made::brotli_section(inner), {"Brotli", "LZMA"}},
      {made::section(SectionType::disposable, made::brotli_section(plain)), {"Brotli"}},
      {made::section(SectionType::compression, plain, no_compression), {}},
      {made::guided_section(guid(99), 0, {}, plain), {}},
  };
  for (const Case& one : cases) {
    const DriverInput input = read(file_of(7, FileType::mm_standalone, one.data, 16));
    ASSERT_EQ(input.drivers.size(), 1U);
    const DriverFile& driver = input.drivers[0];
    EXPECT_EQ(driver.unpacked, one.encodings);
    EXPECT_EQ(driver.name, "Driver");
    const auto view = image::FileView::create(driver.file, 0, image::FileSystem::ffs2);
    ASSERT_TRUE(view.has_value());
    EXPECT_TRUE(std::ranges::equal(view->data(), plain)) << "the same sections, in the same order";
    EXPECT_EQ(view->data_alignment(), 16U);
    EXPECT_TRUE(view->check_data().has_value());
  }
}

TEST_F(DriverInputTest, RefusesWhatItCannotUnpack) {
  const Buffer plain = contents_of(made_up_driver(7).file);
  const auto reason = [&](const Buffer& data) { return refused(file_of(7, FileType::mm_standalone, data)); };
  EXPECT_EQ(reason(made::guided_section(guid(99), abi::guided_section_processing_required, {}, plain)),
            "offset 0x18: has a section encoded in a way unknown here: 00000063-0001-0002-0304-05060708090a");
  Buffer crc(4);
  EXPECT_EQ(reason(made::guided_section(abi::section_crc32_guid, 0, crc, plain)),
            "offset 0x18: CRC-32 of section is wrong");
  Buffer cut = made::lzma_section(plain);
  cut.resize(cut.size() / 2);
  image::edit::put_size24(*reinterpret_cast<std::uint8_t(*)[3]>(cut.data()), cut.size());
  EXPECT_THAT(reason(cut), ::testing::EndsWith("LZMA data ends too early, of its LZMA section"));
  EXPECT_THAT(reason(made::lzma_section(made::repeated(64, 0xEE))),
              ::testing::EndsWith("in what its LZMA section expands to"));
  Buffer deep = plain;
  for (int i = 0; i < 9; ++i) {
    deep = made::section(SectionType::disposable, deep);
  }
  EXPECT_THAT(reason(deep), HasSubstr("nested too deeply"));
  EXPECT_THAT(reason(made::lzma_section(made::repeated(std::size_t{65} << 20, 0))),
              HasSubstr("expands to more than the limit"));
  EXPECT_EQ(reason(made::lzma_section(made::user_interface_section("Nothing"))), "has no PE32 or TE section");
}

TEST_F(DriverInputTest, TellsAlignmentAndLeavesTheDecisionToOthers) {
  for (const Form form : {Form::pe, Form::te}) {
    const DriverInput input = read(executable_of(Machine::x64, 64, Subsystem::runtime, form));
    ASSERT_EQ(input.drivers.size(), 1U);
    EXPECT_EQ(input.drivers[0].alignment, 64U);
  }
  EXPECT_EQ(why_not_protectable(executable_of(Machine::x64, 64, Subsystem::runtime)),
            "its sections are aligned to 64, not to 4 KiB");
  EXPECT_EQ(why_not_protectable(driver_executable()), "");
}

TEST_F(DriverInputTest, RefusesByNameWithReason) {
  EXPECT_THAT(refused(executable_of(Machine::ia32, 4096, Subsystem::runtime)), HasSubstr("IA32"));
  EXPECT_THAT(refused(executable_of(Machine::ia32, 4096, Subsystem::runtime, Form::te)), HasSubstr("IA32"));
  EXPECT_THAT(refused(executable_of(Machine::x64, 4096, Subsystem::application)), HasSubstr("subsystem 10"));
  EXPECT_THAT(refused(Buffer(100)), HasSubstr("neither a PE or TE image, nor a firmware file"));
  Buffer damaged = made_up_driver(1).file;
  damaged.back() ^= std::byte{1};
  EXPECT_THAT(refused(damaged), HasSubstr("checksum"));
  Buffer longer = made_up_driver(1).file;
  longer.push_back(std::byte{0});
  EXPECT_THAT(refused(longer), HasSubstr("bytes behind"));
  EXPECT_THAT(refused(file_of(1, FileType::mm, Buffer(8))), HasSubstr("type 0x0a"));
  const Buffer depex = made::section(SectionType::mm_depex, Buffer(1, std::byte{3}));
  const Buffer image = made::section(SectionType::pe32, driver_executable());
  EXPECT_THAT(refused(file_of(1, FileType::mm_standalone, made::join({depex, image}, 4))), HasSubstr("DEPEX: offset"));
  for (const Form form : {Form::pe, Form::te}) {
    const Buffer cut = driver_executable(form);
    // Behind the relocations is padding, which isn't missed.
    for (std::size_t size = 2; size < cut.size() - 4096; size = size * 3 / 2 + 1) {
      EXPECT_NE(refused(Bytes(cut).first(size)), "accepted");
    }
  }
}

// ---- Volumes ----

TEST_F(DriverInputTest, AVolumeBringsItsDriversAndLeavesTheRest) {
  const Buffer inner = *image::edit::make_volume(guid(60), std::vector<Buffer>{made_up_driver(3).file});
  Buffer inner_section;
  image::edit::append_section(inner_section, SectionType::firmware_volume_image, inner, 8);
  Buffer list;
  image::edit::append(list, guid(2));
  const auto apriori = image::edit::make_file({.name = abi::dxe_apriori_guid, .type = FileType::freeform},
                                              made::lzma_section(made::section(SectionType::raw, list)));
  const std::vector<Buffer> files = {
      made_up_driver(1).file,
      file_of(2, FileType::mm_standalone, made::lzma_section(contents_of(made_up_driver(2).file))),
      file_of(4, FileType::mm_core_standalone, made::section(SectionType::pe32, driver_executable())),
      file_of(5, FileType::driver, made::section(SectionType::pe32, driver_executable())),
      file_of(6, FileType::freeform, made::section(SectionType::raw, made::bytes_of("settings"))),
      file_of(8, FileType::firmware_volume_image, made::brotli_section(inner_section)),
      file_of(9, FileType::firmware_volume_image,
              made::section(SectionType::firmware_volume_image, *image::edit::make_volume(guid(61), {}))),
      *apriori,
  };
  const abi::Guid name = guid(70);
  for (const bool ones : {true, false}) {
    std::vector<Buffer> in_polarity = files;
    for (Buffer& file : in_polarity) {
      if (!ones) {
        file[offsetof(abi::FileHeader, state)] ^= std::byte{0xFF};
      }
    }
    Buffer volume = made::volume(in_polarity, 0x20000, {.erase_polarity = ones, .name = &name});
    volume.resize(volume.size() + 0x1000, std::byte{0xFF});  // as flash goes on
    const DriverInput input = read(volume);
    EXPECT_TRUE(input.drivers.empty());
    ASSERT_EQ(input.volumes.size(), 1U);
    const VolumeFile& result = input.volumes[0];
    ASSERT_EQ(result.drivers.size(), 3U);
    EXPECT_EQ(result.drivers[0].guid, guid(1));
    EXPECT_THAT(result.drivers[1].unpacked, ElementsAre("LZMA"));
    EXPECT_EQ(result.drivers[2].guid, guid(3));
    EXPECT_THAT(result.left_out, ElementsAre(HasSubstr("00000004"), HasSubstr("00000005"), HasSubstr("00000009")));

    const auto file = image::FileView::create(result.file, 0, image::FileSystem::ffs2);
    ASSERT_TRUE(file.has_value());
    EXPECT_EQ(file->type(), FileType::firmware_volume_image);
    const auto section = file->find_section(SectionType::firmware_volume_image);
    ASSERT_TRUE(section.has_value() && section->has_value());
    const auto view = image::FirmwareVolumeView::create((*section)->payload());
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->name(), name);
    std::vector<abi::Guid> names;
    image::FileCursor cursor = view->files();
    for (auto next = cursor.next(); next.has_value() && next->has_value(); next = cursor.next()) {
      EXPECT_TRUE((*next)->check_data().has_value());
      names.push_back((*next)->name());
    }
    EXPECT_THAT(names, ElementsAre(guid(1), guid(2), guid(6), guid(8), abi::dxe_apriori_guid));
    const auto open_list = (*view->find_file(abi::dxe_apriori_guid))->find_section(SectionType::raw);
    ASSERT_TRUE(open_list.has_value() && open_list->has_value());
    EXPECT_TRUE(std::ranges::equal((*open_list)->payload(), list));
  }
}

TEST_F(DriverInputTest, SeveralVolumesInAFile) {
  const Buffer first = made::volume({made_up_driver(1).file}, 0x8000);
  const Buffer second = *image::edit::make_volume(guid(60), std::vector<Buffer>{made_up_driver(2).file});
  Buffer both = made::join({first, Buffer(0x100, std::byte{0xFF}), second});
  EXPECT_EQ(read(both).volumes.size(), 2U);
  EXPECT_NE(read(both).volumes[0].guid, read(both).volumes[1].guid);
  both.push_back(std::byte{7});
  EXPECT_EQ(refused(both), std::format("offset {:#x}: bytes behind the volume that are no volume", both.size() - 1));
}

// A file system 3 volume with a file that has the large header.
TEST_F(DriverInputTest, FilesWithLargeHeaders) {
  Buffer data = contents_of(made_up_driver(1).file);
  const Buffer large = made::file(guid(1), FileType::mm_standalone, data,
                                  {.attributes = abi::file_attribute_large | abi::file_attribute_checksum});
  const Buffer volume = made::volume({large}, 0x8000, {.file_system = abi::file_system_3_guid});
  const DriverInput input = read(volume);
  ASSERT_EQ(input.volumes.size(), 1U);
  ASSERT_EQ(input.volumes[0].drivers.size(), 1U);
  EXPECT_EQ(input.volumes[0].drivers[0].guid, guid(1));
  EXPECT_EQ(read(large).drivers.at(0).guid, guid(1)) << "also on its own";
}

TEST_F(DriverInputTest, RefusesVolumesByFileAndReason) {
  EXPECT_EQ(refused(*image::edit::make_volume(guid(60), {})), "has no MM_STANDALONE driver in it");
  Buffer damaged = made::volume({made_up_driver(1).file}, 0x8000);
  damaged[0x200] ^= std::byte{1};
  EXPECT_THAT(refused(damaged), ::testing::AllOf(HasSubstr("file 00000001-0001"), HasSubstr("checksum")));
  damaged = made::volume({made_up_driver(1).file}, 0x8000);
  damaged[offsetof(abi::FirmwareVolumeHeader, checksum)] ^= std::byte{1};
  EXPECT_THAT(refused(damaged), HasSubstr("offset 0x0"));
  const auto empty_list = image::edit::make_file({.name = abi::dxe_apriori_guid, .type = FileType::freeform},
                                                 made::user_interface_section("Order"));
  EXPECT_THAT(refused(made::volume({made_up_driver(1).file, *empty_list}, 0x8000)), HasSubstr("no RAW section"));
  EXPECT_THAT(refused(made::volume({}, 0x1000, {.file_system = guid(1)})), HasSubstr("file system unknown"));
  Buffer nested = *image::edit::make_volume(guid(60), std::vector<Buffer>{made_up_driver(1).file});
  for (std::uint32_t level = 0; level < 4; ++level) {
    Buffer section;
    image::edit::append_section(section, SectionType::firmware_volume_image, nested, 8);
    nested = *image::edit::make_volume(
        guid(60), std::vector<Buffer>{file_of(80 + level, FileType::firmware_volume_image, section)});
  }
  EXPECT_THAT(refused(nested), HasSubstr("volumes are nested too deeply"));
  const Buffer whole = made::volume({made_up_driver(1).file}, 0x8000);
  for (std::size_t size = 60; size < whole.size(); size = size * 3 / 2) {
    EXPECT_NE(refused(Bytes(whole).first(size)), "accepted");
  }
}

}  // namespace
}  // namespace redoubt::tool
