// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/metadata/dec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abi/uefi/guid_text.hpp"

namespace redoubt::port {
namespace {

using testing::ElementsAre;

std::string reason_of(const std::string& text) {
  const auto dec = DecFile::parse(*Document::parse("Lamp.dec", text));
  return dec.has_value() ? "" : to_string(dec.error());
}

TEST(Dec, ReadsWhatAPackageDeclares) {
  const auto dec = DecFile::parse(*Document::parse(
      "Lamp.dec",
      "[Defines]\n  DEC_SPECIFICATION = 0x00010005\n"
      "[Includes.Common.Private]\n  Private\\Include\n"
      "[LibraryClasses]\n  LampLib|Include/Library/LampLib.h\n"
      "[Guids]\n  gLampGuid = { 0x8c8ce578, 0x8a3d, 0x4f1c, { 0x99, 0x35, 0x89, 0x61, 0x85, 0xc3, 0x2d, 0xd3 }}\n"
      "[Protocols]\n  gLampProtocolGuid={0x1,0x2,0x3,{0x4,5,0x6,0x7,0x8,0x9,0xa,0xb}}\n"));
  EXPECT_FALSE(dec.has_value());  // a number without 0x, which the build refuses as well
  const auto good = DecFile::parse(*Document::parse(
      "Lamp.dec",
      "[Includes.Common.Private]\n  Private\\Include\n"
      "[LibraryClasses]\n  LampLib|Include/Library/LampLib.h\n"
      "[Guids]\n  gLampGuid = { 0x8c8ce578, 0x8a3d, 0x4f1c, { 0x99, 0x35, 0x89, 0x61, 0x85, 0xc3, 0x2d, 0xd3 }}\n"
      "[PcdsFixedAtBuild, PcdsDynamic]\n"
      "  gLamp.PcdBright|1 | UINT8|0x00000001\n"
      "  gLamp.PcdText|L\"a|b\"|VOID*|0x2\n"
      "  gLamp.PcdRecord|{0}|LAMP_RECORD|0x3 {\n    <HeaderFiles>\n      Lamp.h\n  }\n"
      "  gLamp.PcdRecord.Field|1\n"
      "[PcdsPatchableInModule]\n  gLamp.PcdBright|2|UINT8|0x00000001\n"));
  ASSERT_TRUE(good.has_value()) << to_string(good.error());
  ASSERT_EQ(good->guids().size(), 1U);
  EXPECT_EQ(abi::to_text(good->guids().front().value).view(), "8c8ce578-8a3d-4f1c-9935-896185c32dd3");
  EXPECT_EQ(good->includes().front().folder, "Private/Include");
  EXPECT_EQ(good->library_classes().front().header, "Include/Library/LampLib.h");
  ASSERT_EQ(good->pcds().size(), 3U);
  EXPECT_THAT(good->pcds()[0].kinds, ElementsAre("PCDSFIXEDATBUILD", "PCDSDYNAMIC", "PCDSPATCHABLEINMODULE"));
  EXPECT_EQ(good->pcds()[0].default_value, "1");
  EXPECT_EQ(good->pcds()[0].datum_type, "UINT8");
  EXPECT_EQ(good->pcds()[1].default_value, "L\"a|b\"");
  EXPECT_EQ(good->pcds()[2].datum_type, "LAMP_RECORD");
}

TEST(Dec, RefusesWhatItCannotRead) {
  EXPECT_EQ(reason_of("[Guids]\n gA = {0x1}\n"), "Lamp.dec:2: has a GUID that can't be read");
  EXPECT_EQ(reason_of("[Guids]\n gA = {0x100000000,0x2,0x3,{0x4,0x5,0x6,0x7,0x8,0x9,0xa,0xb}}\n"),
            "Lamp.dec:2: has a GUID that can't be read");
  EXPECT_EQ(reason_of("[Ppis]\n gA\n"), "Lamp.dec:2: isn't a name and its GUID (NAME = VALUE)");
  EXPECT_EQ(reason_of("[LibraryClasses]\n A\n"), "Lamp.dec:2: isn't a library class and its header (NAME|PATH)");
  EXPECT_EQ(reason_of("[PcdsFixedAtBuild]\n A.B|1\n"), "Lamp.dec:2: isn't a PCD (TOKENSPACE.NAME|DEFAULT|TYPE|TOKEN)");
  EXPECT_EQ(reason_of("[PcdsFixedAtBuild]\n A.B|1|T|1 {\n"), "Lamp.dec:2: '{' without a '}'");
}

}  // namespace
}  // namespace redoubt::port
