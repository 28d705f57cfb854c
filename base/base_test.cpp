// SPDX-License-Identifier: BSD-2-Clause-Patent
// Checked arithmetic, byte reader, addresses and the fixed vector at their limits.
#include <gtest/gtest.h>

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/address.hpp"
#include "base/byte_reader.hpp"
#include "base/checked.hpp"
#include "base/fixed_vector.hpp"
#include "base/result.hpp"

namespace redoubt {
namespace {

constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();

TEST(Checked, ReportsOverflow) {
  EXPECT_EQ(checked_add<std::uint64_t>(highest, 0).value(), highest);
  EXPECT_EQ(checked_add<std::uint64_t>(highest, 1).error(), Error::overflow);
  EXPECT_EQ(checked_add<std::uint8_t>(200, 55).value(), 255);
  EXPECT_EQ(checked_add<std::uint8_t>(200, 56).error(), Error::overflow);
  EXPECT_EQ(checked_subtract<std::uint32_t>(5, 5).value(), 0u);
  EXPECT_EQ(checked_subtract<std::uint32_t>(5, 6).error(), Error::overflow);
  EXPECT_EQ(checked_multiply<std::uint32_t>(0x10000, 0xFFFF).value(), 0xFFFF0000u);
  EXPECT_EQ(checked_multiply<std::uint32_t>(0x10000, 0x10000).error(), Error::overflow);
  EXPECT_EQ(checked_cast<std::uint8_t>(255u).value(), 255);
  EXPECT_EQ(checked_cast<std::uint8_t>(256u).error(), Error::overflow);
}

TEST(Checked, Aligns) {
  EXPECT_EQ(align_up<std::uint32_t>(0, 8), 0u);
  EXPECT_EQ(align_up<std::uint32_t>(1, 8), 8u);
  EXPECT_EQ(align_down<std::uint32_t>(15, 8), 8u);
  EXPECT_EQ(checked_align_up<std::uint64_t>(highest - 7, 8).value(), highest - 7);
  EXPECT_EQ(checked_align_up<std::uint64_t>(highest - 6, 8).error(), Error::overflow);
  EXPECT_TRUE(is_power_of_two(64u));
  EXPECT_FALSE(is_power_of_two(0u));
  EXPECT_FALSE(is_power_of_two(65u));
  EXPECT_TRUE(is_aligned<std::uint32_t>(64, 64));
}

TEST(ByteReader, ReadsValuesAndStopsAtTheEnd) {
  const std::array bytes{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}, std::byte{5}};
  ByteReader reader(bytes, 0x100);
  EXPECT_EQ(reader.read<std::uint16_t>().value(), 0x0201);
  EXPECT_EQ(reader.offset(), 0x102u);
  EXPECT_EQ(reader.read<std::uint32_t>().error(), Error::truncated);
  EXPECT_EQ(reader.remaining(), 3u);
  EXPECT_EQ(reader.peek<std::uint8_t>().value(), 3);
  EXPECT_EQ(reader.take(2).value().size(), 2u);
  EXPECT_EQ(reader.take(highest).error(), Error::truncated);
  EXPECT_TRUE(reader.skip(1).has_value());
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(reader.skip(1).error(), Error::truncated);
  EXPECT_TRUE(reader.seek(0).has_value());
  EXPECT_EQ(reader.seek(6).error(), Error::truncated);
  EXPECT_EQ(reader.position(), 0u);
}

TEST(ByteReader, SlicesWithoutWrapping) {
  const std::array<std::byte, 8> bytes{};
  EXPECT_EQ(slice(bytes, 8, 0).value().size(), 0u);
  EXPECT_EQ(slice(bytes, 9, 0).error(), Error::truncated);
  EXPECT_EQ(slice(bytes, 4, highest).error(), Error::truncated);
  EXPECT_EQ(slice(bytes, highest, 2).error(), Error::truncated);
  EXPECT_EQ(slice_from(bytes, 3).value().size(), 5u);
  EXPECT_EQ(read_at<std::uint64_t>(bytes, 1).error(), Error::truncated);
}

PhysicalAddress at(std::uint64_t number) { return PhysicalAddress(number); }

Range<PhysicalSpace> range_of(std::uint64_t base, std::uint64_t bytes) {
  return Range<PhysicalSpace>::create(at(base), bytes).value();
}

// A number of one space is none of another, and no number becomes an address by itself.
static_assert(std::is_constructible_v<PhysicalAddress, std::uint64_t>);
static_assert(!std::is_convertible_v<std::uint64_t, PhysicalAddress>);
static_assert(!std::is_convertible_v<PhysicalAddress, std::uint64_t>);
static_assert(std::is_convertible_v<DriverAddress, DriverAddress>);
static_assert(!std::is_constructible_v<FoundationAddress, DriverAddress>);
static_assert(!std::is_constructible_v<PhysicalAddress, LinearAddress>);
static_assert(std::equality_comparable<DriverAddress>);
static_assert(!std::equality_comparable_with<DriverAddress, FoundationAddress>);
// A range is made by its check alone.
static_assert(!std::is_constructible_v<Range<DriverSpace>, DriverAddress, std::uint64_t>);
static_assert(sizeof(PhysicalAddress) == 8 && sizeof(Range<PhysicalSpace>) == 16);

TEST(Range, NeverWraps) {
  EXPECT_EQ(Range<PhysicalSpace>::create(at(highest), 1).error(), Error::overflow);
  EXPECT_EQ(range_of(highest - 1, 1).end(), at(highest));
  EXPECT_FALSE(range_of(highest - 1, 1).contains(at(highest)));
}

TEST(Range, ContainsAndOverlaps) {
  const Range<PhysicalSpace> range = range_of(0x1000, 0x1000);
  EXPECT_TRUE(range.contains(at(0x1000)));
  EXPECT_FALSE(range.contains(at(0xFFF)));
  EXPECT_FALSE(range.contains(at(0x2000)));
  EXPECT_TRUE(range.contains(range_of(0x1800, 0x800)));
  EXPECT_FALSE(range.contains(range_of(0x1800, 0x801)));
  EXPECT_TRUE(range.overlaps(range_of(0xFFF, 2)));
  EXPECT_FALSE(range.overlaps(range_of(0xFFF, 1)));
  EXPECT_FALSE(range.overlaps(range_of(0x2000, 1)));
  EXPECT_FALSE(range.overlaps(range_of(0x1800, 0)));
}

TEST(FixedVector, KeepsOrderAndRefusesWhenFull) {
  FixedVector<int, 3> items;
  EXPECT_TRUE(items.push_back(1).has_value());
  EXPECT_TRUE(items.push_back(2).has_value());
  EXPECT_TRUE(items.push_back(3).has_value());
  EXPECT_EQ(items.push_back(4).error(), Error::out_of_memory);
  items.erase(0);
  EXPECT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0], 2);
  EXPECT_EQ(items.back(), 3);
  items.clear();
  EXPECT_TRUE(items.empty());
}

TEST(FixedVectorDeathTest, TrapsOnAnIndexOutOfRange) {
  FixedVector<int, 1> items;
  EXPECT_DEATH(static_cast<void>(items[0]), "");
}

Result<int> half_of(int value) {
  if (value % 2 != 0) {
    return std::unexpected(Error::invalid_argument);
  }
  return value / 2;
}

Result<int> quarter_of(int value) { return TRY(half_of(TRY(half_of(value)))); }

TEST(Result, TryPassesErrorsOn) {
  EXPECT_EQ(quarter_of(8).value(), 2);
  EXPECT_EQ(quarter_of(6).error(), Error::invalid_argument);
  EXPECT_STREQ(to_string(Error::out_of_memory), "out of memory");
}

}  // namespace
}  // namespace redoubt
