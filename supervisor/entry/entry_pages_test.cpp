// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/entry/entry_pages.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace redoubt::supervisor {
namespace {

const EntryParameters parameters = {.descriptors = LinearAddress(0x1234'5678),
                                    .root = PhysicalAddress(0x2000'1000),
                                    .cr4 = 0x620,
                                    .efer = 0x900,
                                    .cpu = LinearAddress(0x3000),
                                    .long_mode = LinearAddress(0x4000)};

TEST(EntryPages, HoldsCodeAndFields) {
  std::vector<std::byte> page(4096);
  const std::vector<std::byte> code(67, std::byte{0x90});
  ASSERT_TRUE(write_entry_page(page, code, parameters).has_value());
  EXPECT_EQ(page[66], std::byte{0x90});
  EXPECT_EQ(page[67], std::byte{0xCC});
  EntryFields fields;
  std::memcpy(&fields, page.data() + ENTRY_FIELDS, sizeof(fields));
  EXPECT_EQ(+fields.idt_limit, 0u);
  EXPECT_EQ(+fields.gdt_base, 0x1234'5678u);
  EXPECT_EQ(+fields.gdt_limit, 55u);
  EXPECT_EQ(+fields.cr3, 0x2000'1000u);
  EXPECT_EQ(+fields.cpu, 0x3000u);
  EXPECT_EQ(+fields.far_offset, 0x4000u);
  EXPECT_EQ(+fields.far_selector, 0x08u);
}

TEST(EntryPages, RefusesAddressesThatRealModeCannotLoad) {
  std::vector<std::byte> page(4096);
  EntryParameters high = parameters;
  high.root = PhysicalAddress(std::uint64_t{1} << 32);
  EXPECT_EQ(write_entry_page(page, {}, high).error(), Error::overflow);
  EXPECT_EQ(write_entry_page(page, std::vector<std::byte>(ENTRY_FIELDS + 1), parameters).error(),
            Error::invalid_argument);
}

TEST(EntryPages, DeadPageLeavesAtOnce) {
  std::vector<std::byte> page(4096);
  write_dead_entry_page(page);
  EXPECT_EQ(page[0], std::byte{0x0F});
  EXPECT_EQ(page[1], std::byte{0xAA});
}

}  // namespace
}  // namespace redoubt::supervisor
