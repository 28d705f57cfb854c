// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "sdk/harness/port_instruction.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace redoubt::sdk {
namespace {

struct Case {
  std::vector<std::uint8_t> code;
  bool write;
  unsigned width;
  int port;  // -1 = DX
  std::size_t length;
};

TEST(PortInstruction, DecodesInAndOut) {
  const Case cases[] = {
      {{0xE4, 0x70}, false, 1, 0x70, 2},
      {{0xE5, 0x70}, false, 4, 0x70, 2},
      {{0xE6, 0x80}, true, 1, 0x80, 2},
      {{0xE7, 0x80}, true, 4, 0x80, 2},
      {{0xEC}, false, 1, -1, 1},
      {{0xED}, false, 4, -1, 1},
      {{0xEE}, true, 1, -1, 1},
      {{0xEF}, true, 4, -1, 1},
      {{0x66, 0xED}, false, 2, -1, 2},
      {{0x66, 0xEF}, true, 2, -1, 2},
      {{0x66, 0xE5, 0x71}, false, 2, 0x71, 3},
      {{0x48, 0xED}, false, 4, -1, 2},
  };
  for (const Case& expected : cases) {
    const auto found = decode_port_instruction(expected.code);
    ASSERT_TRUE(found.has_value()) << static_cast<int>(expected.code[0]);
    EXPECT_EQ(found->write, expected.write);
    EXPECT_EQ(found->width, expected.width);
    EXPECT_EQ(found->length, expected.length);
    EXPECT_EQ(found->port.has_value() ? int{*found->port} : -1, expected.port);
  }
}

TEST(PortInstruction, LeavesOthersAlone) {
  const std::vector<std::uint8_t> others[] = {{},           {0x90}, {0xFA},       {0x6C}, {0x6F}, {0xF3, 0x6E},
                                              {0xE8, 0, 0}, {0xEB}, {0x66, 0x66}, {0xE4}, {0xF4}, {0x0F, 0x30}};
  for (const auto& code : others) EXPECT_FALSE(decode_port_instruction(code).has_value());
}

}  // namespace
}  // namespace redoubt::sdk
