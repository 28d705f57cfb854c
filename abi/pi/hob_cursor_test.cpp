// SPDX-License-Identifier: BSD-2-Clause-Patent
// The cursor must lead to each HOB and to nothing else, and stop at a broken list.
#include "abi/pi/hob_cursor.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "abi/pi/communicate.hpp"

namespace redoubt::abi {
namespace {

constexpr Guid other_guid = {0x11111111, 0x2222, 0x3333, {4, 4, 4, 4, 4, 4, 4, 4}};

class HobList {
 public:
  void add(HobType type, std::uint16_t length, const void* body, std::size_t body_size) {
    const std::size_t start = bytes_.size();
    bytes_.resize(start + std::max<std::size_t>(length, sizeof(HobHeader)));
    const HobHeader header{type, length, 0};
    std::memcpy(bytes_.data() + start, &header, sizeof(header));
    if (body_size != 0) std::memcpy(bytes_.data() + start + sizeof(header), body, body_size);
  }
  void add_guid(const Guid& name, const CommBufferDescription& data) {
    struct {
      Guid name;
      CommBufferDescription data;
    } body{name, data};
    add(HobType::guid_extension, sizeof(HobHeader) + sizeof(body), &body, sizeof(body));
  }
  void end() { add(HobType::end_of_list, sizeof(HobHeader), nullptr, 0); }
  HobCursor list() const { return HobCursor::trusting(bytes_.data()); }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

TEST(HobSearch, FindsTheFirstOfItsName) {
  HobList hobs;
  hobs.add(HobType::handoff, 56, nullptr, 0);
  hobs.add_guid(other_guid, {1, 1, 1});
  hobs.add_guid(comm_buffer_hob_guid, {0x1000, 128, 0x2000});
  hobs.add_guid(comm_buffer_hob_guid, {0x3000, 1, 0x4000});
  hobs.end();
  const auto found = find_guid_hob<CommBufferDescription>(hobs.list(), comm_buffer_hob_guid);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->physical_start, 0x1000U);
  EXPECT_EQ(found->number_of_pages, 128U);
  EXPECT_EQ(found->status, 0x2000U);
}

TEST(HobSearch, FindsNothingBehindTheEnd) {
  HobList hobs;
  hobs.add_guid(other_guid, {1, 1, 1});
  hobs.end();
  hobs.add_guid(comm_buffer_hob_guid, {0x1000, 128, 0x2000});
  EXPECT_FALSE(find_guid_hob<CommBufferDescription>(hobs.list(), comm_buffer_hob_guid).has_value());
  EXPECT_FALSE(find_guid_hob<CommBufferDescription>(HobCursor::trusting(nullptr), comm_buffer_hob_guid).has_value());
}

TEST(HobSearch, SkipsAHobTooShortForItsData) {
  HobList hobs;
  hobs.add(HobType::guid_extension, sizeof(HobGuid), &comm_buffer_hob_guid, sizeof(Guid));
  hobs.end();
  EXPECT_FALSE(find_guid_hob<CommBufferDescription>(hobs.list(), comm_buffer_hob_guid).has_value());
}

TEST(HobSearch, StopsAtALengthOfNothing) {
  HobList hobs;
  hobs.add(HobType::cpu, 0, nullptr, 0);
  hobs.add_guid(comm_buffer_hob_guid, {0x1000, 128, 0x2000});
  hobs.end();
  EXPECT_FALSE(find_guid_hob<CommBufferDescription>(hobs.list(), comm_buffer_hob_guid).has_value());
}

TEST(HobCursor, EndsBehindTheEnd) {
  HobList hobs;
  hobs.add(HobType::handoff, 56, nullptr, 0);
  hobs.add(HobType::cpu, 16, nullptr, 0);
  hobs.end();
  hobs.add(HobType::cpu, 16, nullptr, 0);
  HobCursor cursor(hobs.bytes());
  EXPECT_EQ(cursor.next()->type, HobType::handoff);
  EXPECT_EQ(cursor.position(), 56U);
  EXPECT_EQ(cursor.next()->bytes.size(), 16U);
  EXPECT_EQ(cursor.stop(), HobCursor::Stop::none);
  EXPECT_FALSE(cursor.next().has_value());
  EXPECT_FALSE(cursor.next().has_value());
  EXPECT_EQ(cursor.stop(), HobCursor::Stop::end_of_list);
  EXPECT_EQ(cursor.position(), 56U + 16 + 8);
}

TEST(HobCursor, NeverReadsBehindTheBytes) {
  HobList hobs;
  hobs.add(HobType::cpu, 16, nullptr, 0);
  hobs.add(HobType::cpu, 24, nullptr, 0);
  for (std::size_t size = 0; size < hobs.bytes().size(); ++size) {
    const std::vector<std::byte> cut(hobs.bytes().begin(), hobs.bytes().begin() + static_cast<std::ptrdiff_t>(size));
    HobCursor cursor(cut);
    std::size_t count = 0;
    while (cursor.next()) ++count;
    EXPECT_EQ(count, size < 16 ? 0U : 1U) << size;
    EXPECT_EQ(cursor.stop(), HobCursor::Stop::cut_off) << size;
  }
}

TEST(HobCursor, StopsAtALengthThatLeadsNowhere) {
  for (const std::uint16_t length : {std::uint16_t{0}, std::uint16_t{7}, std::uint16_t{12}}) {
    HobList hobs;
    hobs.add(HobType::cpu, length, nullptr, 0);
    hobs.end();
    HobCursor cursor(hobs.bytes());
    EXPECT_FALSE(cursor.next().has_value());
    EXPECT_EQ(cursor.stop(), HobCursor::Stop::bad_length) << length;
  }
}

TEST(HobCursor, ReadsNothingBehindAHob) {
  HobList hobs;
  hobs.add(HobType::cpu, 16, nullptr, 0);
  hobs.end();
  const auto hob = HobCursor(hobs.bytes()).next();
  ASSERT_TRUE(hob.has_value());
  EXPECT_TRUE(hob->read<std::uint64_t>(8).has_value());
  EXPECT_FALSE(hob->read<std::uint64_t>(9).has_value());
  EXPECT_FALSE(hob->read<std::uint8_t>(SIZE_MAX).has_value());
}

}  // namespace
}  // namespace redoubt::abi
