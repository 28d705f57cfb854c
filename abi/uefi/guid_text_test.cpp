// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "abi/uefi/guid_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace redoubt::abi {
namespace {

// An independent copy: of the text below.
constexpr Guid ffs2 = {0x8c8ce578, 0x8a3d, 0x4f1c, {0x99, 0x35, 0x89, 0x61, 0x85, 0xc3, 0x2d, 0xd3}};
constexpr std::string_view ffs2_text = "8c8ce578-8a3d-4f1c-9935-896185c32dd3";

TEST(GuidText, PrintsRegistryFormat) {
  EXPECT_EQ(to_text(ffs2).view(), ffs2_text);
  EXPECT_EQ(std::string(to_text(ffs2).characters), ffs2_text);
}

TEST(GuidText, ParsesEitherCase) {
  EXPECT_EQ(parse_guid(ffs2_text), ffs2);
  EXPECT_EQ(parse_guid("8C8CE578-8A3D-4F1C-9935-896185C32DD3"), ffs2);
}

TEST(GuidText, RefusesEverythingElse) {
  EXPECT_EQ(parse_guid(""), std::nullopt);
  EXPECT_EQ(parse_guid("8c8ce578-8a3d-4f1c-9935-896185c32dd"), std::nullopt);
  EXPECT_EQ(parse_guid("8c8ce578-8a3d-4f1c-9935-896185c32ddx"), std::nullopt);
  EXPECT_EQ(parse_guid("8c8ce57808a3d-4f1c-9935-896185c32dd3"), std::nullopt);
  EXPECT_EQ(parse_guid("8c8ce578-8a3d-4f1c-9935 896185c32dd3"), std::nullopt);
  EXPECT_EQ(parse_guid("{c8ce578-8a3d-4f1c-9935-896185c32dd3"), std::nullopt);
}

}  // namespace
}  // namespace redoubt::abi
