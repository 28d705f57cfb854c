// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/workspace/tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tool/testing/temporary_directory.hpp"

namespace redoubt::port {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class TreeTest : public testing::Test {
 protected:
  TreeTest() {
    fs::create_directories(top_ / "Pkg/.git");
    write("Pkg/A.inf", "[Defines]\nBASE_NAME=A\nFILE_GUID=x\nMODULE_TYPE=PEIM\n[Packages]\n  Pkg/Pkg.dec\n");
    write("Pkg/Pkg.dec", "[Defines]\n");
    write("Pkg/.git/B.inf", "");
    write("../outside.inf", "");
  }
  void write(const std::string& path, const std::string& text) { std::ofstream(top_ / path) << text; }
  Tree open() const { return *Tree::open({top_.string()}); }
  std::string reason_of(const std::string& path) const {
    Tree tree = open();
    const auto document = tree.read(path, {"asks.inf", 3});
    return document.has_value() ? "" : to_string(document.error());
  }

  tool::testing::TemporaryDirectory folder_;
  fs::path top_ = folder_.path() / "top";
};

TEST_F(TreeTest, ReadsAndLists) {
  EXPECT_EQ(reason_of("Pkg\\Pkg.dec"), "");
  EXPECT_THAT(*open().list({".inf"}), ElementsAre("Pkg/A.inf"));
  EXPECT_EQ(*open().path_of((top_ / "Pkg/../Pkg/A.inf").string()), "Pkg/A.inf");
}

TEST_F(TreeTest, IsFoundByAModulesPackages) {
  std::string module;
  const auto tree = Tree::around((top_ / "Pkg/A.inf").string(), module);
  ASSERT_TRUE(tree.has_value()) << to_string(tree.error());
  EXPECT_EQ(tree->tops().front(), fs::canonical(top_));
  EXPECT_EQ(module, "Pkg/A.inf");
}

TEST_F(TreeTest, NothingOutsideIsRead) {
  EXPECT_EQ(reason_of("../outside.inf"), "asks.inf:3: path leaves the tree: ../outside.inf");
  EXPECT_EQ(reason_of("/etc/passwd"), "asks.inf:3: path leaves the tree: /etc/passwd");
  fs::create_symlink("../../outside.inf", top_ / "Pkg/Link.inf");
  EXPECT_EQ(reason_of("Pkg/Link.inf"), "asks.inf:3: path leaves the tree by a symbolic link: Pkg/Link.inf");
  EXPECT_FALSE(open().path_of((top_ / "Pkg/Link.inf").string()).has_value());
}

TEST_F(TreeTest, LoopsOfLinksEnd) {
  fs::create_symlink("Loop.inf", top_ / "Pkg/Loop.inf");
  fs::create_directory_symlink(".", top_ / "Pkg/Again");
  EXPECT_THAT(reason_of("Pkg/Loop.inf"), testing::StartsWith("asks.inf:3: Pkg/Loop.inf: "));
  EXPECT_THAT(*open().list({".inf"}), ElementsAre("Pkg/A.inf", "Pkg/Loop.inf"));
}

TEST_F(TreeTest, WhatIsNoFileIsRefused) {
  EXPECT_EQ(reason_of("Pkg"), "Pkg: is a directory");
  EXPECT_EQ(reason_of("Pkg/None.inf"), "asks.inf:3: there is no Pkg/None.inf in the tree");
  EXPECT_FALSE(Tree::open({(top_ / "None").string()}).has_value());
  EXPECT_FALSE(Tree::open({(top_ / "Pkg/A.inf").string()}).has_value());
}

}  // namespace
}  // namespace redoubt::port
