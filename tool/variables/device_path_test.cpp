// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/variables/device_path.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tool/variables/text.hpp"

namespace redoubt::tool::variables {
namespace {

std::string text_of(std::string_view hexadecimal) { return device_path_text(parse_hex(hexadecimal).value()); }

constexpr std::string_view end = "7fff0400";

std::string node(std::string_view hexadecimal) { return text_of(std::string(hexadecimal) + std::string(end)); }

TEST(DevicePath, WritesNodesAsTheSpecificationDoes) {
  const struct {
    std::string_view bytes;
    std::string_view text;
  } cases[] = {
      {"01010600 021f", "Pci(0x1f,0x2)"},
      {"01031800 0b000000 00008000 00000000 ffff8f00 00000000", "MemoryMapped(0xb,0x800000,0x8fffff)"},
      {"01041600 61dfe48bca93d211aa0d00e098032b8c abcd", "VenHw(8be4df61-93ca-11d2-aa0d-00e098032b8c,abcd)"},
      {"01050800 10000000", "Ctrl(0x10)"},
      {"02010c00 d041030a 00000000", "PciRoot(0x0)"},
      {"02010c00 d041080a 01000000", "PcieRoot(0x1)"},
      {"02010c00 d0410303 02000000", "Acpi(PNP0303,0x2)"},
      {"02030c00 00010180 00010180", "AcpiAdr(0x80010100,0x80010100)"},
      {"03010800 00010200", "Ata(Primary,Slave,0x2)"},
      {"03020800 01000200", "Scsi(0x1,0x2)"},
      {"03050600 0100", "USB(0x1,0x0)"},
      {"030a1400 5347c1e0bef9d2119a0c0090273fc14d", "VenPcAnsi()"},
      {"030a1500 5347c1e0bef9d2119a0c0090273fc14d 01", "VenMsg(e0c14753-f9be-11d2-9a0c-0090273fc14d,01)"},
      {"030b2500 525400123456000000000000 0000000000000000000000000000000000000000 01", "MAC(525400123456,0x1)"},
      {"030e1300 00000000 00c2010000000000 08 01 01", "Uart(115200,8,N,1)"},
      {"030e1300 00000000 0000000000000000 00 09 09", "Uart(DEFAULT,DEFAULT,9,9)"},
      {"03120a00 0100ffff0000", "Sata(0x1,0xffff,0x0)"},
      {"03171000 01000000 0102030405060708", "NVMe(0x1,08-07-06-05-04-03-02-01)"},
      {"03180900 687474701b", "Uri(http?)"},
      {"04012a00 01000000 0008000000000000 0000100000000000 61dfe48bca93d211aa0d00e098032b8c 02 02",
       "HD(1,GPT,8be4df61-93ca-11d2-aa0d-00e098032b8c,0x800,0x100000)"},
      {"04012a00 01000000 3f00000000000000 c1bf0f0000000000 d13ffa9b000000000000000000000000 01 01",
       "HD(1,MBR,0x9bfa3fd1,0x3f,0xfbfc1)"},
      {"04021800 00000000 1000000000000000 0020000000000000", "CDROM(0x0,0x10,0x2000)"},
      {"04040e00 5c0061002e0066000000", "\\a.f"},
      {"04061400 83a5047c3e9e1c4fad65e05268d0b4d1", "FvFile(7c04a583-9e3e-4f1c-ad65-e05268d0b4d1)"},
      {"04071400 c9bdb87cebf8344faaea3ee4af6516a1", "Fv(7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1)"},
      {"05010b00 02000000 484400", "BBS(0x2,HD)"},
      {"63010500 7a", "Path(99,1,7a)"},
      {"01010400", "Path(1,1)"},  // a node that is too short for its kind
      {"01770600 0102", "Path(1,119,0102)"},
  };
  for (const auto& test_case : cases) {
    EXPECT_EQ(node(test_case.bytes), test_case.text);
  }
}

TEST(DevicePath, JoinsNodesAndInstances) {
  EXPECT_EQ(text_of("02010c00d041030a00000000 010106000100 7f010400 010106000002 7fff0400"),
            "PciRoot(0x0)/Pci(0x0,0x1),Pci(0x2,0x0)");
  EXPECT_EQ(text_of(end), "");
}

TEST(DevicePath, SaysWhereItStopsMakingSense) {
  EXPECT_EQ(text_of(""), "(damaged)");
  EXPECT_EQ(text_of("0101"), "(damaged)");
  EXPECT_EQ(text_of("01010600 0001"), "Pci(0x1,0x0)(damaged)") << "no end node";
  EXPECT_EQ(text_of("01010300 7fff0400"), "(damaged)") << "shorter than its header";
  EXPECT_EQ(text_of("0101ffff 7fff0400"), "(damaged)") << "longer than the path";
}

}  // namespace
}  // namespace redoubt::tool::variables
