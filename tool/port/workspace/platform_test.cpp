// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/workspace/platform.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tool/testing/temporary_directory.hpp"

namespace redoubt::port {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

const Build smm = {"X64", "DXE_SMM_DRIVER"};
const Build standalone = {"X64", "MM_STANDALONE"};

class PlatformTest : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((folder_.path() / path).parent_path());
    std::ofstream(folder_.path() / path) << text;
  }
  // A library of its own class, or another, that uses `classes`.
  void library(const std::string& name, const std::vector<std::string>& classes, bool has_constructor,
               const std::string& more = "") {
    std::string text = "[Defines]\nBASE_NAME=" + name + "\nFILE_GUID=x\nMODULE_TYPE=BASE\nLIBRARY_CLASS=" + name +
                       "|DXE_SMM_DRIVER\n" + (has_constructor ? "CONSTRUCTOR=" + name + "Constructor\n" : "") +
                       "[LibraryClasses]\n";
    for (const std::string& library_class : classes) {
      text += "  " + library_class + "\n";
    }
    write("Lib/" + name + ".inf", text + more);
  }
  void module(const std::string& body) {
    write("Mod/M.inf", "[Defines]\nBASE_NAME=M\nFILE_GUID=x\nMODULE_TYPE=DXE_SMM_DRIVER\n" + body);
  }
  Platform platform(const std::string& dsc) {
    write("P.dsc", dsc);
    workspace_.emplace(*Tree::open({folder_.path().string()}));
    EXPECT_TRUE(workspace_->read_all().has_value());
    auto read = Platform::read(*workspace_, "P.dsc", {});
    EXPECT_TRUE(read.has_value()) << to_string(read.error());
    return std::move(*read);
  }
  Linkage link(const Platform& platform, const Build& build = smm) {
    return platform.link(*workspace_, **workspace_->inf("Mod/M.inf", {}), platform.component("Mod/M.inf", "X64"),
                         build);
  }
  static std::vector<std::string> names(const Linkage& linkage) {
    std::vector<std::string> result;
    for (const LinkedLibrary& library : linkage.libraries) {
      result.push_back(library.instance.substr(4, library.instance.size() - 8));
    }
    return result;
  }

  tool::testing::TemporaryDirectory folder_;
  std::optional<Workspace> workspace_;
};

TEST_F(PlatformTest, TheClosestBindingCounts) {
  module("");
  const Platform p = platform(
      "[LibraryClasses]\nA|1.inf\nA|2.inf\nB|1.inf\nC|1.inf\nD|1.inf\n"
      "[LibraryClasses.common.DXE_SMM_DRIVER]\nB|3.inf\nC|3.inf\n"
      "[LibraryClasses.X64]\nC|4.inf\nD|4.inf\n"
      "[LibraryClasses.IA32.DXE_SMM_DRIVER]\nA|5.inf\n"
      "[Components]\nMod/M.inf {\n<LibraryClasses>\nD|6.inf\n}\n");
  const auto bound = [&](const char* library_class, const Build& build) {
    return p.binding(library_class, p.component("Mod/M.inf", "X64"), build)->instance;
  };
  EXPECT_EQ(bound("A", smm), "2.inf");
  EXPECT_EQ(bound("B", smm), "3.inf");
  EXPECT_EQ(bound("C", smm), "4.inf");  // the architecture goes before the module type
  EXPECT_EQ(bound("D", smm), "6.inf");
  EXPECT_EQ(bound("B", standalone), "1.inf");
  EXPECT_EQ(p.binding("E", nullptr, smm), nullptr);
}

TEST_F(PlatformTest, ConstructorsRunFromTheUsedToTheUsers) {
  library("A", {"B"}, true);
  library("B", {"C"}, true);
  library("C", {}, true);
  library("N", {"A"}, true);
  module("[LibraryClasses]\n  A\n");
  const Platform p = platform(
      "[LibraryClasses]\nA|Lib/A.inf\nB|Lib/B.inf\nC|Lib/C.inf\n"
      "[Components]\nMod/M.inf {\n<LibraryClasses>\nNULL|Lib/N.inf\n}\n");
  const Linkage linkage = link(p);
  EXPECT_THAT(names(linkage), ElementsAre("C", "B", "A", "N"));
  EXPECT_THAT(linkage.problems, SizeIs(0));
}

TEST_F(PlatformTest, CyclesBreakWhereThereIsNoConstructor) {
  library("A", {"B"}, true);
  library("B", {"A"}, false);
  module("[LibraryClasses]\n  A\n");
  const std::string dsc = "[LibraryClasses]\nA|Lib/A.inf\nB|Lib/B.inf\n[Components]\nMod/M.inf\n";
  EXPECT_THAT(link(platform(dsc)).problems, SizeIs(0));
  library("B", {"A"}, true);
  const Linkage both = link(platform(dsc));
  ASSERT_THAT(both.problems, SizeIs(1));
  EXPECT_EQ(both.problems.front().reason, "constructors of libraries wait for each other");
}

TEST_F(PlatformTest, SaysWhatCannotBeLinked) {
  library("A", {"None"}, false);
  module("[LibraryClasses]\n  A\n  Gone\n");
  const Platform p = platform("[LibraryClasses]\nA|Lib/A.inf\nGone|Lib/Gone.inf\n[Components]\nMod/M.inf\n");
  EXPECT_THAT(link(p).problems, SizeIs(2));
  const Linkage other = link(p, standalone);
  ASSERT_THAT(other.problems, SizeIs(3));
  EXPECT_EQ(other.problems[0].reason, "Lib/A.inf doesn't support MM_STANDALONE");
  EXPECT_EQ(other.problems[1].reason, "there is no Lib/Gone.inf in the tree");
  EXPECT_EQ(other.problems[2].reason, "no instance is bound to it");
  EXPECT_EQ(other.problems[2].consumer, "Lib/A.inf");
}

TEST_F(PlatformTest, DepexIsInherited) {
  library("A", {}, false, "[Depex]\n  gA OR gB\n[Depex.common.MM_STANDALONE]\n  gC\n");
  module("[LibraryClasses]\n  A\n[Depex]\n  gM\n");
  const Platform p = platform("[LibraryClasses]\nA|Lib/A.inf\n[Components]\nMod/M.inf\n");
  const Linkage linkage = link(p);
  const auto parts = depex_parts(*workspace_, **workspace_->inf("Mod/M.inf", {}), linkage, smm);
  ASSERT_TRUE(parts.has_value());
  ASSERT_THAT(*parts, SizeIs(2));
  EXPECT_EQ((*parts)[1].source.text(), "gA OR gB");
  EXPECT_EQ(to_string((*parts)[1].place), "Lib/A.inf:8");
}

TEST_F(PlatformTest, PcdsHaveTheKindThatThePlatformGives) {
  write("Pkg.dec",
        "[PcdsFixedAtBuild, PcdsDynamic]\ngT.A|1|UINT8|0x1\ngT.B|1|UINT8|0x2\n[PcdsDynamicEx]\ngT.C|1|UINT8|0x3\n");
  module("[Pcd]\n  gT.A\n  gT.B\n  gT.C\n  gT.None\n[FixedPcd]\n  gT.B\n");
  const Platform p = platform("[PcdsDynamicDefault]\ngT.A|2\n[Components]\nMod/M.inf\n");
  const auto pcds = (*workspace_->inf("Mod/M.inf", {}))->pcds(&smm);
  ASSERT_THAT(pcds, SizeIs(5));
  const auto kind = [&](std::size_t index) { return p.pcd_kind(*workspace_, pcds[index], nullptr, "X64"); };
  EXPECT_EQ(kind(0)->kind, PcdKind::dynamic);
  EXPECT_EQ(to_string(kind(0)->place), "P.dsc:2");
  EXPECT_EQ(kind(1)->kind, PcdKind::fixed);
  EXPECT_EQ(kind(2)->kind, PcdKind::dynamic_ex);
  EXPECT_FALSE(kind(3).has_value());
  EXPECT_EQ(kind(4)->kind, PcdKind::fixed);
}

TEST_F(PlatformTest, FindsWhoProducesAProtocolUnderAnyOfItsNames) {
  write("Pkg.dec",
        "[Protocols]\ngOld = {0x1,0x2,0x3,{0x4,0x5,0x6,0x7,0x8,0x9,0xa,0xb}}\n"
        "gNew = {0x1,0x2,0x3,{0x4,0x5,0x6,0x7,0x8,0x9,0xa,0xb}}\n");
  module("[Protocols]\n  gOld  ## SOMETIMES_PRODUCES\n");
  platform("[Defines]\n");
  EXPECT_THAT(workspace_->users("gNew", Workspace::Usage::produces), ElementsAre("Mod/M.inf"));
  EXPECT_THAT(workspace_->users("gNew", Workspace::Usage::consumes), SizeIs(0));
}

TEST_F(PlatformTest, TheFdfSeesThePlatformsMacrosAndPcds) {
  module("");
  write("P.fdf", "[FV.A]\n!if $(X) == TRUE && gT.A == 2\nINF $(DIR)/M.inf\n!endif\n");
  const Platform p =
      platform("[Defines]\nDEFINE X = TRUE\nDEFINE DIR = Mod\nFLASH_DEFINITION = P.fdf\n[PcdsFixedAtBuild]\ngT.A|2\n");
  ASSERT_TRUE(p.fdf().has_value());
  ASSERT_THAT(p.fdf()->modules, SizeIs(1));
  EXPECT_EQ(p.fdf()->modules.front().inf, "Mod/M.inf");
}

}  // namespace
}  // namespace redoubt::port
