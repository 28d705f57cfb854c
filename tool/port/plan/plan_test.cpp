// SPDX-License-Identifier: BSD-2-Clause-Patent
// A small tree with a platform, and modules that need one step or another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "abi/uefi/guid_text.hpp"
#include "tool/port/plan/derived_names.hpp"
#include "tool/port/plan/module_plan.hpp"
#include "tool/port/plan/new_files.hpp"
#include "tool/port/plan/ranking.hpp"
#include "tool/testing/temporary_directory.hpp"

namespace redoubt::port {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string with_both(std::string text) {
  for (std::size_t i = text.find('\n'); i != std::string::npos; i = text.find('\n', i + 2)) {
    text.insert(i, "\r");
  }
  return text;
}

class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    write("Pkg/Pkg.dec",
          "[LibraryClasses]\n  MmServicesTableLib|a.h\n  MemLib|b.h\n  StandaloneMmDriverEntryPoint|c.h\n"
          "  LampLib|d.h\n"
          "[Protocols]\n"
          "  gLampProtocolGuid = {0x1,0x2,0x3,{0x4,0x5,0x6,0x7,0x8,0x9,0xa,0xb}}\n"
          "  gWallProtocolGuid = {0x2,0x2,0x3,{0x4,0x5,0x6,0x7,0x8,0x9,0xa,0xb}}\n"
          "  gEfiRuntimeArchProtocolGuid = {0x3,0x2,0x3,{0x4,0x5,0x6,0x7,0x8,0x9,0xa,0xb}}\n"
          "[PcdsFixedAtBuild, PcdsDynamic]\n  gT.PcdBright|1|UINT8|0x1\n  gT.PcdFixed|1|UINT8|0x2\n");
    write("Mm/Mm.dec", "[LibraryClasses]\n");
    library("EntryPoint", "StandaloneMmDriverEntryPoint|MM_STANDALONE");
    library("StandaloneMmServices", "MmServicesTableLib|MM_STANDALONE");
    library("SmmServices", "MmServicesTableLib|DXE_SMM_DRIVER");
    library("Lamp", "LampLib|DXE_SMM_DRIVER MM_STANDALONE", "[Depex]\n  gWallProtocolGuid\n");
    library("OldEntry", "UefiDriverEntryPoint|DXE_SMM_DRIVER");
    // Says that DXE alone has the wall's protocol.
    write("Dxe/Wall.inf",
          "[Defines]\nBASE_NAME=WallDxe\nFILE_GUID=x\nMODULE_TYPE=DXE_DRIVER\n"
          "[Protocols]\n  gWallProtocolGuid  ## PRODUCES\n  gLampProtocolGuid  ## CONSUMES\n");
  }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((folder_.path() / path).parent_path());
    std::ofstream(folder_.path() / path, std::ios::binary) << with_both(text);
  }
  std::string read(const std::string& path) const {
    std::ifstream file(folder_.path() / path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void library(const std::string& name, const std::string& provides, const std::string& more = "") {
    write("Lib/" + name + ".inf",
          "[Defines]\nBASE_NAME=" + name + "\nFILE_GUID=x\nMODULE_TYPE=BASE\nLIBRARY_CLASS=" + provides + "\n" + more);
  }
  void module(const std::string& name, const std::string& sections) {
    write("Mod/" + name + ".inf",
          "## @file\n[Defines]\n  INF_VERSION              = 0x00010005\n  BASE_NAME                = " + name +
              "\n  FILE_GUID                = 11111111-2222-3333-4444-555555555555\n"
              "  MODULE_TYPE              = DXE_SMM_DRIVER\n  PI_SPECIFICATION_VERSION = 0x0001000A\n"
              "  ENTRY_POINT              = Enter\n\n" +
              sections);
  }
  static constexpr const char* plain_sections =
      "[Packages]\n  Pkg/Pkg.dec\n\n"
      "[LibraryClasses]\n  UefiDriverEntryPoint  # starts it\n  MmServicesTableLib\n  UefiBootServicesTableLib\n\n"
      "[Depex]\n  TRUE\n";

  void platform(const std::string& more = "", const std::string& fdf = "") {
    write("P.dsc",
          "[Defines]\n  FLASH_DEFINITION = P.fdf\n"
          "[LibraryClasses.common.DXE_SMM_DRIVER]\n  UefiDriverEntryPoint|Lib/OldEntry.inf\n"
          "  MmServicesTableLib|Lib/SmmServices.inf\n  LampLib|Lib/Lamp.inf\n[Components.X64]\n  Mod/LampSmm.inf\n" +
              more);
    write("P.fdf", fdf.empty() ? "[FV.MAIN]\n  INF  Mod/LampSmm.inf\n" : fdf);
  }
  ModulePlan plan() {
    workspace_.emplace(*Tree::open({folder_.path().string()}));
    EXPECT_TRUE(workspace_->read_all().has_value());
    auto platform = Platform::read(*workspace_, "P.dsc", {});
    EXPECT_TRUE(platform.has_value()) << to_string(platform.error());
    platforms_ = {std::move(*platform)};
    auto made = plan_module(*workspace_, platforms_, Rules::built_in(), "Mod/LampSmm.inf");
    EXPECT_TRUE(made.has_value()) << to_string(made.error());
    return std::move(*made);
  }
  static std::vector<std::string> subjects(const ModulePlan& plan, Action action) {
    std::vector<std::string> result;
    for (const PlanItem& item : plan.items) {
      if (item.action == action) {
        result.push_back(item.step + " " + item.subject);
      }
    }
    return result;
  }
  static const PlanItem& decision(const ModulePlan& plan) {
    return *std::ranges::find(plan.items, Action::decision, &PlanItem::action);
  }

  tool::testing::TemporaryDirectory folder_;
  std::optional<Workspace> workspace_;
  std::vector<Platform> platforms_;
};

TEST(DerivedNames, AreTheSameTwice) {
  EXPECT_EQ(standalone_name("LampSmm"), "LampStandaloneMm");
  EXPECT_EQ(standalone_name("LampDxeSmm"), "LampStandaloneMm");
  EXPECT_EQ(standalone_name("SmmLampLib"), "StandaloneMmLampLib");
  EXPECT_EQ(standalone_name("Lamp"), "LampStandaloneMm");
  EXPECT_EQ(standalone_name("LampStandaloneMm"), "LampStandaloneMm");
  const abi::Guid old = *abi::parse_guid("11111111-2222-3333-4444-555555555555");
  const std::string text(abi::to_text(standalone_guid(old)).view());
  // Computed with Python's uuid.uuid5(UUID("0f8a5d0e-6a3c-4f57-9d0b-7265646f7562"), bytes of the old one).
  EXPECT_EQ(text, "ce30bca6-f965-57f0-b240-0c161ac52895");
}

TEST_F(PlanTest, APlainModuleIsMechanical) {
  module("LampSmm", plain_sections);
  platform();
  const ModulePlan made = plan();
  EXPECT_EQ(made.verdict, Verdict::mechanical);
  EXPECT_THAT(subjects(made, Action::decision), IsEmpty());
  EXPECT_EQ(made.standalone_inf, "Mod/LampStandaloneMm.inf");
  EXPECT_FALSE(made.exists);
  EXPECT_EQ(made.standalone_text,
            with_both("## @file\n[Defines]\n  INF_VERSION              = 0x00010005\n"
                      "  BASE_NAME                = LampStandaloneMm\n"
                      "  FILE_GUID                = ce30bca6-f965-57f0-b240-0c161ac52895\n"
                      "  MODULE_TYPE              = MM_STANDALONE\n  PI_SPECIFICATION_VERSION = 0x00010032\n"
                      "  ENTRY_POINT              = Enter\n\n[Packages]\n  Pkg/Pkg.dec\n\n"
                      "[LibraryClasses]\n  StandaloneMmDriverEntryPoint  # starts it\n  MmServicesTableLib\n\n"
                      "[Depex]\n  TRUE\n"));
}

TEST_F(PlanTest, PlatformsGetWhatTheyLackAndNothingElseChanges) {
  module("LampSmm", plain_sections);
  platform();
  EXPECT_EQ(plan().patch,
            "--- a/P.dsc\n+++ b/P.dsc\n@@ -6,3 +6,13 @@\n   LampLib|Lib/Lamp.inf\r\n [Components.X64]\r\n"
            "   Mod/LampSmm.inf\r\n+  Mod/LampStandaloneMm.inf\r\n+\r\n"
            "+[LibraryClasses.common.MM_STANDALONE]\r\n"
            "+  StandaloneMmDriverEntryPoint|Lib/EntryPoint.inf\r\n"
            "+  MmServicesTableLib|Lib/StandaloneMmServices.inf\r\n+\r\n"
            "+[BuildOptions.common.EDKII.MM_STANDALONE]\r\n"
            "+  GCC:*_*_*_DLINK_FLAGS      = -z common-page-size=0x1000\r\n"
            "+  CLANGPDB:*_*_*_DLINK_FLAGS = /ALIGN:4096\r\n+  MSFT:*_*_*_DLINK_FLAGS     = /ALIGN:4096\r\n"
            "--- a/P.fdf\n+++ b/P.fdf\n@@ -1,2 +1,11 @@\n [FV.MAIN]\r\n   INF  Mod/LampSmm.inf\r\n"
            "+  INF  Mod/LampStandaloneMm.inf\r\n+\r\n+[Rule.Common.MM_STANDALONE]\r\n"
            "+  FILE MM_STANDALONE = $(NAMED_GUID) {\r\n"
            "+    SMM_DEPEX SMM_DEPEX Optional       $(INF_OUTPUT)/$(MODULE_NAME).depex\r\n"
            "+    PE32      PE32                     $(INF_OUTPUT)/$(MODULE_NAME).efi\r\n"
            "+    UI        STRING=\"$(MODULE_NAME)\"  Optional\r\n"
            "+    VERSION   STRING=\"$(INF_VERSION)\"  Optional BUILD_NUM=$(BUILD_NUMBER)\r\n+  }\r\n");
}

TEST_F(PlanTest, APlatformThatHasItAllGetsNoPatch) {
  module("LampSmm", plain_sections);
  platform(
      "  Mod/LampStandaloneMm.inf\n[LibraryClasses.common.MM_STANDALONE]\n"
      "  StandaloneMmDriverEntryPoint|Lib/EntryPoint.inf\n  MmServicesTableLib|Lib/StandaloneMmServices.inf\n"
      "[BuildOptions.common.EDKII.MM_STANDALONE]\n  GCC:*_*_*_DLINK_FLAGS = -z common-page-size=0x1000\n",
      "[FV.MAIN]\n  INF  Mod/LampSmm.inf\n  INF  Mod/LampStandaloneMm.inf\n"
      "[Rule.Common.MM_STANDALONE]\n  FILE MM_STANDALONE = $(NAMED_GUID) {\n  }\n");
  const ModulePlan made = plan();
  EXPECT_EQ(made.patch, "");
  EXPECT_THAT(subjects(made, Action::decision), IsEmpty());
}

TEST_F(PlanTest, AnExistingSectionGetsTheBindings) {
  module("LampSmm", plain_sections);
  platform("[LibraryClasses.common.MM_STANDALONE]\n  MmServicesTableLib|Lib/StandaloneMmServices.inf\n");
  EXPECT_THAT(plan().patch, HasSubstr(" [LibraryClasses.common.MM_STANDALONE]\r\n"
                                      "+  StandaloneMmDriverEntryPoint|Lib/EntryPoint.inf\r\n"));
}

TEST_F(PlanTest, ThePlatformsChoiceForTheModelIsADecision) {
  module("LampSmm", plain_sections);
  platform("[LibraryClasses.common.MM_STANDALONE]\n  MmServicesTableLib|Lib/SmmServices.inf\n");
  const ModulePlan made = plan();
  EXPECT_THAT(made.patch, testing::Not(HasSubstr("+  MmServicesTableLib")));
  EXPECT_THAT(subjects(made, Action::decision), ElementsAre("S17 MmServicesTableLib"));
}

TEST_F(PlanTest, DatabasePcdsAreDecisions) {
  module("LampSmm", std::string(plain_sections) + "[Pcd]\n  gT.PcdBright  ## CONSUMES\n  gT.PcdFixed\n");
  platform("[PcdsDynamicDefault]\n  gT.PcdBright|3\n");
  const ModulePlan made = plan();
  EXPECT_EQ(made.verdict, Verdict::needs_decisions);
  EXPECT_THAT(subjects(made, Action::decision), ElementsAre("S7 gT.PcdBright"));
  EXPECT_EQ(to_string(decision(made).place), "Mod/LampSmm.inf:21");
  EXPECT_THAT(decision(made).reason, HasSubstr("Dynamic (P.dsc:10)"));
  EXPECT_THAT(decision(made).candidates, Contains("FixedAtBuild in the platform"));
}

TEST_F(PlanTest, DxeTermsLeaveTheDepex) {
  module("LampSmm",
         "[Packages]\n  Pkg/Pkg.dec\n[LibraryClasses]\n  MmServicesTableLib\n"
         "[Depex.common.DXE_SMM_DRIVER]\n  gLampProtocolGuid AND  # ours\n  gWallProtocolGuid AND\n"
         "  gEfiRuntimeArchProtocolGuid\n");
  platform();
  const ModulePlan made = plan();
  EXPECT_THAT(made.standalone_text, HasSubstr("[Depex.common.MM_STANDALONE]\r\n  gLampProtocolGuid  # ours\r\n"));
  EXPECT_THAT(made.standalone_text, testing::Not(HasSubstr("gWall")));
  EXPECT_THAT(subjects(made, Action::edit), Contains("S8 DEPEX"));
}

TEST_F(PlanTest, ATermThatOnlyTraditionalModulesInstallIsADecision) {
  module("LampSmm",
         "[Packages]\n  Pkg/Pkg.dec\n[LibraryClasses]\n  MmServicesTableLib\n[Depex]\n  gLampProtocolGuid\n");
  module("MainsSmm", "[Protocols]\n  gLampProtocolGuid  ## PRODUCES\n");
  platform();
  const ModulePlan made = plan();
  EXPECT_THAT(subjects(made, Action::decision), ElementsAre("S8 gLampProtocolGuid"));
  EXPECT_THAT(decision(made).candidates, Contains("port Mod/MainsSmm.inf first"));
  write("Mod/MainsStandaloneMm.inf",
        "[Defines]\nBASE_NAME=M\nFILE_GUID=x\nMODULE_TYPE=MM_STANDALONE\n[Protocols]\n  gLampProtocolGuid  ## "
        "PRODUCES\n");
  EXPECT_THAT(subjects(plan(), Action::decision), IsEmpty());
}

TEST_F(PlanTest, ALibrarysDepexComesBack) {
  module("LampSmm", std::string(plain_sections) + "[LibraryClasses]\n  LampLib\n");
  platform();
  const ModulePlan made = plan();
  EXPECT_THAT(subjects(made, Action::decision), ElementsAre("S8 gWallProtocolGuid"));
  EXPECT_THAT(decision(made).reason, HasSubstr("only DXE has it: Dxe/Wall.inf"));
}

TEST_F(PlanTest, WhatDxeHasAndWaitsForNeedsASplit) {
  module("LampSmm", std::string(plain_sections) +
                        "[Protocols]\n  gWallProtocolGuid  ## CONSUMES\n  ## PRODUCES\n  gLampProtocolGuid\n");
  platform();
  const ModulePlan made = plan();
  EXPECT_EQ(made.verdict, Verdict::needs_split);
  EXPECT_THAT(subjects(made, Action::decision), ElementsAre("S10 gLampProtocolGuid", "S11 gWallProtocolGuid"));
}

TEST_F(PlanTest, NullLibrariesAreReplacedByTheirSiblings) {
  library("CheckSmm", "NULL|DXE_SMM_DRIVER", "[Sources]\n  Check.c\n");
  library("CheckStandaloneMm", "NULL|MM_STANDALONE", "[Sources]\n  Check.c\n");
  library("Alone", "NULL|DXE_SMM_DRIVER", "[Sources]\n  Alone.c\n");
  module("LampSmm", plain_sections);
  write("P.dsc",
        "[LibraryClasses]\n  UefiDriverEntryPoint|Lib/OldEntry.inf\n  MmServicesTableLib|Lib/SmmServices.inf\n"
        "[Components]\n  Mod/LampSmm.inf {\n    <LibraryClasses>\n      NULL|Lib/CheckSmm.inf\n"
        "      NULL|Lib/Alone.inf\n  }\n");
  const ModulePlan made = plan();
  EXPECT_THAT(made.patch, HasSubstr("   }\r\n+  Mod/LampStandaloneMm.inf {\r\n+    <LibraryClasses>\r\n"
                                    "+      NULL|Lib/CheckStandaloneMm.inf\r\n+  }\r\n"));
  EXPECT_THAT(subjects(made, Action::decision), ElementsAre("S17 NULL|Lib/Alone.inf"));
}

TEST_F(PlanTest, PackagesAndTextsFollow) {
  write("Mm/Mm.dec", "[LibraryClasses]\n  MemLib|b.h\n");
  write("Pkg/Pkg.dec", "[LibraryClasses]\n  LampLib|d.h\n");
  module("LampSmm",
         "[Packages]\n  Pkg/Pkg.dec\n[LibraryClasses]\n  SmmMemLib\n  SmmServicesTableLib\n  MmServicesTableLib\n"
         "[UserExtensions.TianoCore.\"ExtraFiles\"]\n  LampExtra.uni\n");
  platform();
  const ModulePlan made = plan();
  EXPECT_THAT(made.standalone_text,
              HasSubstr("[Packages]\r\n  Pkg/Pkg.dec\r\n  Mm/Mm.dec\r\n[LibraryClasses]\r\n  MemLib\r\n"
                        "  MmServicesTableLib\r\n\r\n[Depex]\r\n  TRUE\r\n"));
  EXPECT_THAT(subjects(made, Action::decision), ElementsAre("S17 MemLib"));
}

TEST_F(PlanTest, OnlyTraditionalModulesArePlanned) {
  platform();
  module("LampSmm", plain_sections);
  static_cast<void>(plan());
  const auto other = plan_module(*workspace_, platforms_, Rules::built_in(), "Dxe/Wall.inf");
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(to_string(other.error()), "Dxe/Wall.inf: MODULE_TYPE is DXE_DRIVER, not DXE_SMM_DRIVER or SMM_CORE");
}

TEST_F(PlanTest, ProducersAreRankedFirst) {
  module("LampSmm", std::string(plain_sections) + "[Protocols]\n  gLampProtocolGuid  ## CONSUMES\n");
  module("MainsSmm", std::string(plain_sections) +
                         "[Protocols]\n  gLampProtocolGuid  ## PRODUCES\n  gWallProtocolGuid  ## CONSUMES\n");
  platform();
  static_cast<void>(plan());
  const Ranking ranking = rank_modules(*workspace_, platforms_, Rules::built_in(), [](std::size_t, std::size_t) {});
  ASSERT_THAT(ranking.modules, SizeIs(2));
  EXPECT_EQ(ranking.modules[0].plan.base_name, "MainsSmm");
  EXPECT_THAT(ranking.modules[1].waits_for, ElementsAre("Mod/MainsSmm.inf"));
}

TEST_F(PlanTest, FilesAreAddedOnceAndAllOrNone) {
  const Tree tree = *Tree::open({folder_.path().string()});
  const std::vector<NewFile> files = {{"Lib/A.inf", "a\r\n"}, {"Lib/B.inf", "b\r\n"}};
  EXPECT_THAT(*add_files(tree, files), ElementsAre("Lib/A.inf", "Lib/B.inf"));
  EXPECT_EQ(read("Lib/B.inf"), "b\r\n");
  EXPECT_THAT(*add_files(tree, files), IsEmpty());
  // One that was changed by hand keeps all others from being written.
  const std::vector<NewFile> more = {{"Lib/C.inf", "c"}, {"Lib/B.inf", "other"}};
  EXPECT_EQ(to_string(add_files(tree, more).error()),
            "Lib/B.inf: is there and differs from what would be written; nothing was written");
  const std::vector<NewFile> outside = {{"Lib/C.inf", "c"}, {"../D.inf", "d"}};
  EXPECT_FALSE(add_files(tree, outside).has_value());
  fs::create_directory_symlink("/tmp", folder_.path() / "Away");
  const std::vector<NewFile> by_link = {{"Lib/C.inf", "c"}, {"Away/redoubt-port-test.inf", "d"}};
  EXPECT_FALSE(add_files(tree, by_link).has_value());
  fs::create_symlink("A.inf", folder_.path() / "Lib/C.inf");
  const std::vector<NewFile> at_link = {{"Lib/C.inf", "a\r\n"}};
  EXPECT_FALSE(add_files(tree, at_link).has_value());
  for (const auto& entry : fs::directory_iterator(folder_.path() / "Lib")) {
    EXPECT_THAT(entry.path().extension(), ".inf") << "a temporary file was left";
  }
  EXPECT_EQ(read("Lib/A.inf"), "a\r\n");
}

TEST(Rules, RefusesOtherTables) {
  EXPECT_FALSE(Rules::parse("{").has_value());
  EXPECT_FALSE(Rules::parse("{\"format\": 2}").has_value());
  EXPECT_EQ(Rules::built_in().version, "2026-08");
}

}  // namespace
}  // namespace redoubt::port
