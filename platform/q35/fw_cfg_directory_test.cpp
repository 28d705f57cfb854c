// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "platform/q35/fw_cfg_directory.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace redoubt::platform::q35 {
namespace {

TEST(FwCfg, MatchesWholeNamesOnly) {
  std::array<std::byte, fw_cfg_entry_size> entry{};
  entry[3] = std::byte{8};
  entry[4] = std::byte{0x12};
  entry[5] = std::byte{0x34};
  std::memcpy(entry.data() + 8, "etc/smi/features-ok", 19);
  const auto file = match_fw_cfg_entry(entry, "etc/smi/features-ok");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size, 8U);
  EXPECT_EQ(file->key, 0x1234U);
  EXPECT_FALSE(match_fw_cfg_entry(entry, "etc/smi/features-o"));
  EXPECT_FALSE(match_fw_cfg_entry(entry, "etc/smi/features-okay"));
  std::memset(entry.data() + 8, 'a', 56);
  EXPECT_FALSE(match_fw_cfg_entry(entry, std::string_view(std::string(56, 'a'))));
}

}  // namespace
}  // namespace redoubt::platform::q35
