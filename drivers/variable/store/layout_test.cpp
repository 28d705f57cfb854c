// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/layout.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "drivers/variable/board.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

using namespace test;

std::vector<std::byte> read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return bytes(text);
}

const struct {
  const char* path;
  StoreLayout layout;
} stock_volumes[] = {{"/usr/share/OVMF/OVMF_VARS_4M.fd", board::layout},
                     {"/usr/share/OVMF/OVMF_VARS_4M.ms.fd", board::layout},
                     {"/usr/share/OVMF/OVMF_VARS.fd", ovmf_2m_layout}};

TEST(Layout, OfStockVolumesIsFound) {
  for (const auto& stock : stock_volumes) {
    const Result<StoreLayout> found = find_layout(read_file(stock.path));
    ASSERT_TRUE(found.has_value()) << stock.path;
    EXPECT_EQ(*found, stock.layout) << stock.path;
  }
}

TEST(Layout, IsFoundWithoutAWorkArea) {
  for (const auto& stock : stock_volumes) {
    std::vector<std::byte> image = read_file(stock.path);
    std::fill_n(image.begin() + stock.layout.work, stock.layout.work_size, std::byte{0xFF});
    const Result<StoreLayout> found = find_layout(image);
    ASSERT_TRUE(found.has_value()) << stock.path;
    EXPECT_EQ(*found, stock.layout) << stock.path;
  }
}

TEST(Layout, IsFoundWhileTheStoreIsInTheSpareArea) {
  for (const auto& stock : stock_volumes) {
    std::vector<std::byte> image = read_file(stock.path);
    std::copy_n(image.begin(), stock.layout.store_size, image.begin() + stock.layout.spare);
    std::fill_n(image.begin(), stock.layout.block_size, std::byte{0xFF});
    const Result<StoreLayout> found = find_layout(image);
    ASSERT_TRUE(found.has_value()) << stock.path;
    EXPECT_EQ(*found, stock.layout) << stock.path;
    // Headers anywhere else are a variable's data.
    std::copy_n(image.begin() + stock.layout.spare, stock.layout.block_size,
                image.begin() + stock.layout.spare + stock.layout.block_size);
    std::fill_n(image.begin() + stock.layout.spare, stock.layout.block_size, std::byte{0xFF});
    EXPECT_EQ(find_layout(image).error(), Error::malformed);
  }
}

TEST(Layout, OfAnotherBlockSizeIsFound) {
  // As firmware for other machines has it: three areas of one block each.
  constexpr StoreLayout expected = {.block_size = 0x40000,
                                    .volume_size = 0xC0000,
                                    .store_size = 0x40000,
                                    .work = 0x40000,
                                    .work_size = 0x40000,
                                    .spare = 0x80000,
                                    .spare_size = 0x40000};
  const std::vector<std::byte> stock = read_file("/usr/share/OVMF/OVMF_VARS_4M.fd");
  std::vector<std::byte> image(0x100000, std::byte{0xFF});
  std::copy_n(stock.begin(), 0x40000, image.begin());
  std::copy_n(stock.begin() + board::layout.work, sizeof(format::WorkingBlockHeader), image.begin() + expected.work);
  const std::uint64_t length = expected.volume_size;
  const std::uint32_t block = expected.block_size;
  const std::uint64_t queue = expected.work_size - sizeof(format::WorkingBlockHeader);
  std::memcpy(image.data() + offsetof(format::VolumeHeader, fixed.length), &length, sizeof(length));
  std::memcpy(image.data() + offsetof(format::VolumeHeader, map) + 4, &block, sizeof(block));
  std::memcpy(image.data() + expected.work + offsetof(format::WorkingBlockHeader, queue_size), &queue, sizeof(queue));
  const Result<StoreLayout> found = find_layout(image);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(*found, expected);
}

TEST(Layout, OfOvmfsVolumesIsKnownBySize) {
  EXPECT_EQ(layout_of_size(0x84000).value(), board::layout);
  EXPECT_EQ(layout_of_size(0x20000).value(), ovmf_2m_layout);
  for (const std::uint64_t size : {0ULL, 0x83FFFULL, 0x100084000ULL}) {
    EXPECT_EQ(layout_of_size(size).error(), Error::not_found);
  }
}

TEST(Layout, IsRefusedWhereHeadersLie) {
  const std::vector<std::byte> stock = read_file("/usr/share/OVMF/OVMF_VARS_4M.fd");
  EXPECT_EQ(find_layout({}).error(), Error::malformed);
  EXPECT_EQ(find_layout(std::vector<std::byte>(0x84000, std::byte{0xFF})).error(), Error::malformed);
  EXPECT_EQ(find_layout(Bytes(stock).first(0x83FFF)).error(), Error::truncated);

  const auto with = [&](std::size_t offset, auto value) {
    std::vector<std::byte> image = stock;
    std::memcpy(image.data() + offset, &value, sizeof(value));
    return find_layout(image);
  };
  constexpr std::size_t block_size = offsetof(format::VolumeHeader, map) + 4;
  constexpr std::size_t store_size = sizeof(format::VolumeHeader) + offsetof(format::StoreHeader, size);
  constexpr std::size_t queue_size = board::layout.work + offsetof(format::WorkingBlockHeader, queue_size);
  EXPECT_EQ(with(block_size, std::uint32_t{0}).error(), Error::malformed);
  EXPECT_EQ(with(block_size, std::uint32_t{3000}).error(), Error::malformed);
  EXPECT_EQ(with(block_size, std::uint32_t{16}).error(), Error::unsupported);
  EXPECT_EQ(with(store_size, std::uint32_t{0}).error(), Error::malformed);
  EXPECT_EQ(with(store_size, UINT32_MAX).error(), Error::overflow);
  EXPECT_EQ(with(store_size, std::uint32_t{0x80000000}).error(), Error::unsupported);
  EXPECT_EQ(with(queue_size, UINT64_MAX).error(), Error::overflow);
  EXPECT_EQ(with(queue_size, std::uint64_t{0x7FFFFFE0}).error(), Error::overflow);
  EXPECT_EQ(with(queue_size, std::uint64_t{0x30FE0}).error(), Error::unsupported);
  EXPECT_EQ(with(offsetof(format::VolumeHeader, fixed.length), std::uint64_t{0x1000}).error(), Error::unsupported);
}

}  // namespace
}  // namespace redoubt::variable
