// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/metadata/inf.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace redoubt::port {
namespace {

using testing::ElementsAre;

constexpr const char* module_text =
    "## @file\r\n"
    "[Defines]\r\n"
    "  INF_VERSION = 0x00010005\r\n"
    "  BASE_NAME   = LampSmm # its name\r\n"
    "  FILE_GUID   = 11111111-2222-3333-4444-555555555555\r\n"
    "  MODULE_TYPE = DXE_SMM_DRIVER\r\n"
    "  DEFINE HERE = Lamp\r\n"
    "  LIBRARY_CLASS = LampLib|DXE_SMM_DRIVER MM_STANDALONE\r\n"
    "\r\n"
    "[Sources]\r\n"
    "  $(HERE)\\Lamp.c | GCC\r\n"
    "[Sources.IA32]\r\n"
    "  Ia32.c\r\n"
    "[LibraryClasses.common.DXE_SMM_DRIVER, LibraryClasses.X64.PEIM]\r\n"
    "  MmServicesTableLib\r\n"
    "[Protocols]\r\n"
    "  ## PRODUCES\r\n"
    "  ## CONSUMES # in some cases\r\n"
    "  gLampProtocolGuid   ## NOTIFY\r\n"
    "  gOtherProtocolGuid\r\n"
    "[FeaturePcd]\r\n"
    "  gLampTokenSpaceGuid.PcdBright|TRUE\r\n"
    "[Depex.common.DXE_SMM_DRIVER]\r\n"
    "  gLampProtocolGuid AND\r\n"
    "  # all of them\r\n"
    "  gOtherProtocolGuid\r\n";

InfFile parse(const std::string& text) {
  auto inf = InfFile::parse(*Document::parse("Lamp.inf", text));
  EXPECT_TRUE(inf.has_value()) << to_string(inf.error());
  return std::move(*inf);
}

std::string reason_of(const std::string& text) {
  const auto inf = InfFile::parse(*Document::parse("Lamp.inf", text));
  return inf.has_value() ? "" : to_string(inf.error());
}

std::vector<std::string> names(const std::vector<InfEntry>& entries) {
  std::vector<std::string> result;
  for (const InfEntry& entry : entries) {
    result.push_back(entry.name);
  }
  return result;
}

TEST(Inf, ReadsDefines) {
  const InfFile inf = parse(module_text);
  EXPECT_EQ(inf.base_name(), "LampSmm");
  EXPECT_EQ(inf.module_type(), "DXE_SMM_DRIVER");
  ASSERT_EQ(inf.provided().size(), 1U);
  EXPECT_TRUE(inf.provided().front().supports("MM_STANDALONE"));
  EXPECT_FALSE(inf.provided().front().supports("PEIM"));
}

TEST(Inf, SectionsApplyByArchitectureAndModuleType) {
  const InfFile inf = parse(module_text);
  const Build smm = {"X64", "DXE_SMM_DRIVER"};
  EXPECT_THAT(names(inf.entries("SOURCES", &smm)), ElementsAre("Lamp/Lamp.c"));
  EXPECT_THAT(names(inf.entries("SOURCES")), ElementsAre("Lamp/Lamp.c", "Ia32.c"));
  EXPECT_THAT(names(inf.entries("LIBRARYCLASSES", &smm)), ElementsAre("MmServicesTableLib"));
  const Build peim = {"IA32", "PEIM"};
  EXPECT_TRUE(inf.entries("LIBRARYCLASSES", &peim).empty());
  ASSERT_EQ(inf.pcds().size(), 1U);
  EXPECT_EQ(inf.pcds().front().kind, "FEATUREPCD");
  EXPECT_EQ(inf.pcds().front().entry.name, "gLampTokenSpaceGuid.PcdBright");
  ASSERT_EQ(inf.depex(smm).size(), 1U);
  EXPECT_EQ(inf.depex(smm).front().text, "gLampProtocolGuid AND gOtherProtocolGuid");
  EXPECT_TRUE(inf.depex(peim).empty());
}

TEST(Inf, UsageMayStandAboveAnEntry) {
  const auto protocols = parse(module_text).entries("PROTOCOLS");
  ASSERT_EQ(protocols.size(), 2U);
  EXPECT_EQ(protocols[0].comment, "## PRODUCES\n## CONSUMES # in some cases\n## NOTIFY");
  EXPECT_EQ(protocols[1].comment, "");
}

TEST(Inf, RefusesWhatItCannotRead) {
  EXPECT_EQ(reason_of("MODULE_TYPE = PEIM\n"), "Lamp.inf:1: stands in front of the first section");
  EXPECT_EQ(reason_of("[Defines\n"), "Lamp.inf:1: section heading has no closing bracket");
  EXPECT_EQ(reason_of("[]\n"), "Lamp.inf:1: section heading has no name");
  EXPECT_EQ(reason_of("[Defines]\nBASE_NAME\n"), "Lamp.inf:2: has no '=' (NAME = VALUE)");
  EXPECT_EQ(reason_of("[Defines]\n= A\n"), "Lamp.inf:2: has no name in front of '='");
  EXPECT_EQ(reason_of("[Defines]\nBASE_NAME = A\n"), "Lamp.inf: has no MODULE_TYPE in its [Defines]");
  std::string growing = "[Defines]\nDEFINE A = " + std::string(60'000, 'x') + "\n";
  for (int i = 0; i < 2000; ++i) {
    growing += "DEFINE B = $(A)\n";
  }
  EXPECT_THAT(reason_of(growing), testing::HasSubstr("macros grow beyond all bounds"));
}

}  // namespace
}  // namespace redoubt::port
