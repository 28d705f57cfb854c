// SPDX-License-Identifier: BSD-2-Clause-Patent
// The search must find its HOB among others, and stop at a broken list.
#include "launch/dxe/hob_search.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "abi/pi/communicate.hpp"

namespace redoubt::launch::dxe {
namespace {

using abi::comm_buffer_hob_guid;
using abi::CommBufferDescription;
using abi::Guid;
using abi::HobType;

constexpr Guid other_guid = {0x11111111, 0x2222, 0x3333, {4, 4, 4, 4, 4, 4, 4, 4}};

class HobList {
 public:
  void add(HobType type, std::uint16_t length, const void* body, std::size_t body_size) {
    const std::size_t start = bytes_.size();
    bytes_.resize(start + std::max<std::size_t>(length, sizeof(abi::HobHeader)));
    const abi::HobHeader header{type, length, 0};
    std::memcpy(bytes_.data() + start, &header, sizeof(header));
    if (body_size != 0) std::memcpy(bytes_.data() + start + sizeof(header), body, body_size);
  }
  void add_guid(const Guid& name, const CommBufferDescription& data) {
    struct {
      Guid name;
      CommBufferDescription data;
    } body{name, data};
    add(HobType::guid_extension, sizeof(abi::HobHeader) + sizeof(body), &body, sizeof(body));
  }
  void end() { add(HobType::end_of_list, sizeof(abi::HobHeader), nullptr, 0); }
  const void* list() const { return bytes_.data(); }

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
  EXPECT_FALSE(find_guid_hob<CommBufferDescription>(nullptr, comm_buffer_hob_guid).has_value());
}

TEST(HobSearch, SkipsAHobTooShortForItsData) {
  HobList hobs;
  hobs.add(HobType::guid_extension, sizeof(abi::HobGuid), &comm_buffer_hob_guid, sizeof(Guid));
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

}  // namespace
}  // namespace redoubt::launch::dxe
