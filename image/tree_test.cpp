// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "image/tree.hpp"

#include <gtest/gtest.h>
#include <lzma.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "image/lzma.hpp"
#include "image/mm_modules.hpp"
#include "image/testing/builder.hpp"

namespace redoubt::image {
namespace {

using abi::FileType;
using abi::SectionType;
using namespace testing;

constexpr abi::Guid name_a = {0xA, 0, 0, {}};
constexpr abi::Guid name_b = {0xB, 0, 0, {}};

Buffer module_file(const abi::Guid& name, FileType type) {
  return file(
      name, type,
      join({section(SectionType::mm_depex, depex({{abi::DepexOpcode::constant_true, {}}, {abi::DepexOpcode::end, {}}})),
            section(SectionType::pe32, pe_image()), user_interface_section("Mödule")},
           4));
}

// An outer volume with an LZMA section, in it an inner volume with two modules.
Buffer nested_image() {
  const Buffer inner =
      volume({module_file(name_a, FileType::mm), module_file(name_b, FileType::mm_standalone)}, 0x2000);
  const Buffer compressed = lzma_section(section(SectionType::firmware_volume_image, inner));
  return join({repeated(0x18, 0xFF), volume({file(name_a, FileType::firmware_volume_image, compressed)}, 0x1000),
               repeated(0x10, 0x55)});
}

TEST(ImageTree, FindsModulesInNestedVolumes) {
  const Buffer bytes = nested_image();
  const ImageTree tree = ImageTree::parse(bytes);
  EXPECT_TRUE(tree.problems().empty()) << tree.problems().front().reason;
  ASSERT_EQ(tree.nodes().size(), 3u);
  EXPECT_EQ(tree.nodes()[0].kind, NodeKind::other);
  EXPECT_EQ(tree.nodes()[1].kind, NodeKind::volume);
  EXPECT_EQ(tree.nodes()[2].location.offset, 0x1018u);
  EXPECT_EQ(tree.buffers().size(), 2u);
  const auto modules = find_mm_modules(tree);
  ASSERT_EQ(modules.size(), 2u);
  EXPECT_EQ(modules[0].model, MmModel::traditional);
  EXPECT_EQ(modules[1].model, MmModel::standalone);
  EXPECT_EQ(modules[1].name, "M??dule");  // each byte of the test's UTF-8 became one character
  ASSERT_NE(modules[1].executable, nullptr);
  EXPECT_EQ(modules[1].executable->executable->format(), ExecutableFormat::pe32_plus);
  ASSERT_NE(modules[1].mm_depex, nullptr);
  EXPECT_EQ(tree.path_text(modules[0].file->location), "0x78 > 0x4c");
  EXPECT_EQ(tree.path(modules[0].file->location), (std::vector<std::uint64_t>{0x78, 0x4c}));
}

TEST(ImageTree, SaysWhenThereIsNoVolume) {
  const Buffer bytes = repeated(1000, 0x5A);
  const ImageTree tree = ImageTree::parse(bytes);
  ASSERT_EQ(tree.problems().size(), 1u);
  EXPECT_EQ(tree.problems()[0].code, Error::not_found);
  EXPECT_EQ(ImageTree::parse(Bytes()).problems().size(), 1u);
}

TEST(ImageTree, ReportsDamagedVolumesWithTheirOffset) {
  Buffer bytes = nested_image();
  bytes[0x18 + offsetof(abi::FirmwareVolumeHeader, checksum)] ^= std::byte{1};
  const ImageTree tree = ImageTree::parse(bytes);
  ASSERT_EQ(tree.problems().size(), 1u);
  EXPECT_EQ(tree.problems()[0].location, (Location{0, 0x18}));
  EXPECT_EQ(tree.problems()[0].reason, "firmware volume header checksum is wrong");
}

TEST(ImageTree, ReportsDamageInsideExpandedData) {
  Buffer inner = volume({module_file(name_a, FileType::mm)}, 0x1000);
  inner[72] ^= std::byte{1};
  const Buffer bytes = volume(
      {file(name_a, FileType::firmware_volume_image, lzma_section(section(SectionType::firmware_volume_image, inner)))},
      0x1000);
  const ImageTree tree = ImageTree::parse(bytes);
  ASSERT_EQ(tree.problems().size(), 1u);
  EXPECT_EQ(tree.path_text(tree.problems()[0].location), "0x60 > 0x4c");
}

TEST(ImageTree, NamesWhatItDoesNotExpand) {
  const Buffer data = join({guided_section(name_b, 1, {}, bytes_of("zz")),
                            guided_section(name_b, 0, {}, section(SectionType::raw, bytes_of("plain")))},
                           4);
  const Buffer bytes = volume({file(name_a, FileType::freeform, data)}, 0x1000);
  const ImageTree tree = ImageTree::parse(bytes);
  EXPECT_TRUE(tree.problems().empty());
  const auto& sections = tree.nodes().at(0).children.at(0).children;
  ASSERT_EQ(sections.size(), 2u);
  EXPECT_EQ(sections[0].remark, "encoded in a way unknown here");
  EXPECT_EQ(sections[1].remark, "");
  EXPECT_EQ(sections[1].children.size(), 1u);
}

TEST(ImageTree, ReportsWhatCannotBeExpanded) {
  Buffer fields;
  put(fields, 0, abi::CompressionSectionFields{0x1234, abi::compression_standard});
  const Buffer data = join({section(SectionType::compression, bytes_of("zz"), fields),
                            guided_section(abi::section_tiano_guid, 1, {}, bytes_of("zz")),
                            guided_section(abi::section_brotli_guid, 1, {}, bytes_of("zz"))},
                           4);
  const Buffer bytes = volume({file(name_a, FileType::freeform, data)}, 0x1000);
  const ImageTree tree = ImageTree::parse(bytes);
  ASSERT_EQ(tree.problems().size(), 3u);
  EXPECT_EQ(tree.problems()[0].reason, "compressed data's header is cut off");
  EXPECT_EQ(tree.problems()[1].reason, "compressed data's header is cut off");
  EXPECT_EQ(tree.problems()[2].reason, "Brotli header is cut off");
  EXPECT_EQ(tree.nodes().at(0).children.at(0).children.at(2).remark, "Brotli header is cut off");
}

TEST(ImageTree, ChecksCrc32) {
  const Buffer plain = section(SectionType::raw, bytes_of("plain"));
  Buffer crc;
  put(crc, 0, lzma_crc32(reinterpret_cast<const std::uint8_t*>(plain.data()), plain.size(), 0));
  const Buffer good =
      volume({file(name_a, FileType::freeform, guided_section(abi::section_crc32_guid, 3, crc, plain))}, 0x1000);
  EXPECT_TRUE(ImageTree::parse(good).problems().empty());
  crc[0] ^= std::byte{1};
  const Buffer bad =
      volume({file(name_a, FileType::freeform, guided_section(abi::section_crc32_guid, 3, crc, plain))}, 0x1000);
  EXPECT_EQ(ImageTree::parse(bad).problems().size(), 1u);
}

TEST(ImageTree, BoundsDepthNodesAndExpansion) {
  Buffer data = section(SectionType::raw, bytes_of("core"));
  for (int i = 0; i < 100; ++i) {
    data = section(SectionType::disposable, data);
  }
  const Buffer deep = volume({file(name_a, FileType::freeform, data)}, 0x1000);
  const ImageTree deep_tree = ImageTree::parse(deep);
  ASSERT_EQ(deep_tree.problems().size(), 1u);
  EXPECT_EQ(deep_tree.problems()[0].reason, "nested too deeply");

  const Buffer image = nested_image();
  const ImageTree few = ImageTree::parse(image, {.nodes = 4});
  ASSERT_FALSE(few.problems().empty());
  EXPECT_EQ(few.problems()[0].reason, "holds too many parts");

  const Buffer zeros = volume({file(name_a, FileType::freeform, lzma_section(repeated(1 << 22, 0)))}, 0x4000);
  const ImageTree small = ImageTree::parse(zeros, {.expanded_bytes = 1 << 20});
  ASSERT_EQ(small.problems().size(), 1u);
  EXPECT_EQ(small.problems()[0].reason, "LZMA data expands to more than the limit");
}

TEST(ImageTree, EndsOnEveryTruncation) {
  const Buffer bytes = nested_image();
  for (std::size_t size = 0; size < 0x1018; size += 7) {
    EXPECT_FALSE(ImageTree::parse(view(bytes).first(size)).problems().empty()) << size;
  }
}

TEST(LzmaExpand, RefusesDamage) {
  const Buffer section_bytes = lzma_section(repeated(100'000, 0x11));
  const Bytes payload = SectionView::create(section_bytes, 0).value().payload();
  EXPECT_EQ(lzma_expand(payload, 0, 1 << 20).value().size(), 100'000u);
  EXPECT_EQ(lzma_expand(payload.first(12), 0, 1 << 20).error().code, Error::truncated);
  EXPECT_EQ(lzma_expand(payload.first(20), 0, 1 << 20).error().code, Error::truncated);
  EXPECT_EQ(lzma_expand(payload, 0, 99'999).error().code, Error::unsupported);
  Buffer other(payload.begin(), payload.end());
  put(other, 5, std::uint64_t{100'001});  // more than there is
  EXPECT_FALSE(lzma_expand(other, 0, 1 << 20).has_value());
  put(other, 5, ~std::uint64_t{0});  // unknown size: the end marker counts
  EXPECT_EQ(lzma_expand(other, 0, 1 << 20).value().size(), 100'000u);
  EXPECT_EQ(lzma_expand(other, 0, 50'000).error().code, Error::unsupported);
  put(other, 0, std::uint8_t{0xFF});
  EXPECT_FALSE(lzma_expand(other, 0, 1 << 20).has_value());
}

// The first platform's own image.
TEST(ImageTree, ReadsDebiansOvmf) {
  const char* const path = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";
  std::FILE* input = std::fopen(path, "rb");
  ASSERT_NE(input, nullptr) << path << " is missing (package ovmf)";
  Buffer bytes(0x37C000);
  const std::size_t got = std::fread(bytes.data(), 1, bytes.size(), input);
  static_cast<void>(std::fclose(input));
  ASSERT_EQ(got, bytes.size());
  const ImageTree tree = ImageTree::parse(bytes);
  EXPECT_TRUE(tree.problems().empty());
  ASSERT_EQ(tree.buffers().size(), 2u);
  EXPECT_EQ(tree.buffers()[1].bytes.size(), 0xCE0090u);
  const auto modules = find_mm_modules(tree);
  ASSERT_EQ(modules.size(), 8u);
  EXPECT_EQ(modules[0].name, "PiSmmCore");
  EXPECT_EQ(modules[0].model, MmModel::traditional_core);
  // Every image in it loads.
  const std::function<void(const Node&)> load = [&load](const Node& node) {
    if (node.executable.has_value()) {
      Buffer memory(node.executable->image_size());
      const std::uint64_t base = node.executable->relocatable() ? 0x10000000 : node.executable->image_base();
      const auto loaded = node.executable->load_into(memory, base);
      EXPECT_TRUE(loaded.has_value()) << loaded.error().reason;
    }
    std::ranges::for_each(node.children, load);
  };
  std::ranges::for_each(tree.nodes(), load);
}

}  // namespace
}  // namespace redoubt::image
