// SPDX-License-Identifier: BSD-2-Clause-Patent
// The tree of tests/port: a module for each step and pitfall, among them the mistakes that people make. Each is
// planned, written and planned again; what is written is compiled for both models, and what is left for a person stands
// in residual.txt, which people have read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tool/port/plan/module_plan.hpp"
#include "tool/port/sources/source_text.hpp"
#include "tool/testing/temporary_directory.hpp"

namespace redoubt::port {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const fs::path original = REDOUBT_PORT_TEST_TREE;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::map<std::string, std::string> contents(const fs::path& top) {
  std::map<std::string, std::string> result;
  for (const auto& entry : fs::recursive_directory_iterator(top)) {
    if (entry.is_regular_file()) {
      result[entry.path().lexically_relative(top).generic_string()] = read(entry.path());
    }
  }
  return result;
}

class PortTree : public testing::Test {
 protected:
  PortTree() {
    fs::copy(original, tree(), fs::copy_options::recursive);
    // Headers that packages of edk2 have: a declaration of our own stands behind each name.
    for (const char* name :
         {"Base.h", "Uefi.h", "PiDxe.h", "PiSmm.h", "PiMm.h", "Library/BaseLib.h", "Library/BaseMemoryLib.h",
          "Library/DebugLib.h", "Library/DxeServicesTableLib.h", "Library/MemoryAllocationLib.h",
          "Library/MmServicesTableLib.h", "Library/PcdLib.h", "Library/SmmMemLib.h", "Library/SmmServicesTableLib.h",
          "Library/StandaloneMmMemLib.h", "Library/UefiBootServicesTableLib.h", "Library/UefiLib.h",
          "Library/UefiRuntimeServicesTableLib.h"}) {
      const fs::path file = headers() / name;
      fs::create_directories(file.parent_path());
      std::ofstream(file) << "#include \"foundation.h\"\n";
    }
    // What a model doesn't have is no word in it.
    std::ofstream(headers() / "standalone.h")
        << "#include \"foundation.h\"\n"
           "#pragma GCC poison gBS gST gRT gDS gSmst EFI_SYSTEM_TABLE SmmIsBufferOutsideSmmValid\n";
    std::ofstream(headers() / "traditional.h")
        << "#include \"foundation.h\"\n#pragma GCC poison MmIsBufferOutsideMmValid MmCommBufferValid\n";
  }

  fs::path tree() const { return folder_.path() / "tree"; }
  fs::path headers() const { return folder_.path() / "headers"; }

  void open() {
    workspace_.emplace(*Tree::open({tree().string()}));
    ASSERT_TRUE(workspace_->read_all().has_value());
    auto platform = Platform::read(*workspace_, "Stub.dsc", {});
    ASSERT_TRUE(platform.has_value()) << to_string(platform.error());
    platforms_.clear();
    platforms_.push_back(std::move(*platform));
  }

  // All Traditional modules that stand in a folder of their name.
  std::vector<std::string> modules() const {
    std::vector<std::string> result;
    for (const auto& [path, inf] : workspace_->infs()) {
      if (is_traditional(*inf)) {
        result.push_back(path);
      }
    }
    return result;
  }

  ModulePlan plan(const std::string& inf, const SourceOptions& options = {}) {
    const FactsProgram program(REDOUBT_SOURCE_FACTS);
    auto made = plan_module(*workspace_, platforms_, Rules::built_in(), inf, &program, options);
    EXPECT_TRUE(made.has_value()) << inf << ": " << to_string(made.error());
    return made.has_value() ? std::move(*made) : ModulePlan();
  }

  ReadResult<std::vector<std::string>> write(const ModulePlan& made) {
    std::vector<NewFile> files = {{made.standalone_inf, made.standalone_text}};
    files.insert(files.end(), made.new_files.begin(), made.new_files.end());
    return write_port(workspace_->tree(), files, made.changed_files);
  }

  // Whether all sources that an INF lists compile for its model.
  bool compiles(const std::string& inf_path, const char* model) {
    open();
    const InfFile& inf = *workspace_->infs().at(inf_path);
    for (const InfEntry& entry : inf.entries("SOURCES")) {
      if (!entry.name.ends_with(".c")) {
        continue;
      }
      const std::string command =
          "clang-19 -fsyntax-only -xc -std=gnu11 -fshort-wchar -ffreestanding -Wall -Werror "
          "-D_PCD_GET_MODE_32_PcdBrightness=3 -D_PCD_SET_MODE_8_PcdColour=0 -include '" +
          (headers() / model).string() + "' -I '" REDOUBT_PORT_FOUNDATION "' -I '" +
          (tree() / "StubPkg/Include").string() + "' -I '" + headers().string() + "' '" +
          (tree() / folder_of(inf_path) / entry.name).string() + "' 2>> '" + (folder_.path() / "errors").string() + "'";
      const int status = std::system(command.c_str());
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return false;
      }
    }
    return true;
  }

  tool::testing::TemporaryDirectory folder_;
  std::optional<Workspace> workspace_;
  std::vector<Platform> platforms_;
};

std::string residual(const ModulePlan& made) {
  std::string text = std::format("{}: {}\n", made.inf, to_string(made.verdict));
  for (const PlanItem& item : made.items) {
    if (item.action == Action::edit) {
      continue;
    }
    text += std::format("  {} {} {}: {}: {}{}\n", item.step, to_string(item.action), to_string(item.place),
                        item.subject, item.reason, item.pitfall.empty() ? "" : " [" + item.pitfall + "]");
    for (const std::string& candidate : item.candidates) {
      text += "      or " + candidate + "\n";
    }
    for (const Place& use : item.uses) {
      text += "      at " + to_string(use) + "\n";
    }
  }
  return text;
}

TEST_F(PortTree, WhatIsLeftIsWhatPeopleHaveRead) {
  open();
  std::string text;
  for (const std::string& inf : modules()) {
    text += residual(plan(inf));
  }
  if (std::getenv("REDOUBT_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(original.parent_path() / "residual.txt") << text;
  }
  EXPECT_EQ(text, read(original.parent_path() / "residual.txt"));
}

TEST_F(PortTree, BothModelsCompileWhereNothingIsLeftToDecide) {
  open();
  std::size_t compiled = 0;
  for (const std::string& inf : modules()) {
    EXPECT_TRUE(compiles(inf, "traditional.h")) << inf << " as it was\n" << read(folder_.path() / "errors");
    const ModulePlan made = plan(inf);
    const auto written = write(made);
    ASSERT_TRUE(written.has_value()) << to_string(written.error());
    EXPECT_TRUE(compiles(inf, "traditional.h")) << inf << " as it is now\n" << read(folder_.path() / "errors");
    const bool is_settled = made.count(Action::decision) + made.count(Action::unexamined) == 0;
    if (is_settled) {
      EXPECT_TRUE(compiles(made.standalone_inf, "standalone.h")) << inf << "\n" << read(folder_.path() / "errors");
      ++compiled;
    }
  }
  EXPECT_GE(compiled, 13U);
}

TEST_F(PortTree, ASecondRunFindsAllAsItShouldBe) {
  open();
  for (const std::string& inf : modules()) {
    ASSERT_TRUE(write(plan(inf)).has_value()) << inf;
  }
  const auto before = contents(tree());
  open();
  for (const std::string& inf : modules()) {
    const auto written = write(plan(inf));
    ASSERT_TRUE(written.has_value()) << to_string(written.error());
    EXPECT_THAT(*written, IsEmpty()) << inf;
  }
  EXPECT_EQ(contents(tree()), before);
}

TEST_F(PortTree, UndecidedHalvesDoNotCompileAndAnswersAreTaken) {
  open();
  const std::string inf = "Ready/Ready.inf";
  ModulePlan made = plan(inf);
  EXPECT_EQ(made.verdict, Verdict::needs_split);
  ASSERT_EQ(made.new_files.size(), 1U);
  EXPECT_EQ(made.new_files[0].path, "Ready/ReadyStandaloneMm.c");
  EXPECT_THAT(made.new_files[0].text, HasSubstr("#error"));
  EXPECT_THAT(made.new_files[0].text, HasSubstr("return TRUE;"));
  SourceOptions options;
  options.answers["S10 ReadyTellDxe"] = "nothing in Standalone MM";
  made = plan(inf, options);
  EXPECT_EQ(made.count(Action::decision), 0U) << residual(made);
  ASSERT_TRUE(write(made).has_value());
  EXPECT_TRUE(compiles(made.standalone_inf, "standalone.h")) << read(folder_.path() / "errors");
  EXPECT_THAT(made.standalone_text, Not(HasSubstr("gStubReadyProtocolGuid")));
}

TEST_F(PortTree, ServicesThatAHalfStandsForAreDecidedOnce) {
  open();
  for (const auto& [inf, decision] :
       std::to_array<std::pair<const char*, const char*>>({{"TellsDxe/TellsDxe.inf", "S10 TellsDxeInstallInDxe"},
                                                           {"Mmio/Mmio.inf", "S12 MmioSetMemorySpaceAttributes"}})) {
    ModulePlan made = plan(inf);
    ASSERT_EQ(made.count(Action::decision), 1U) << residual(made);
    const PlanItem& item = *std::ranges::find(made.items, Action::decision, &PlanItem::action);
    EXPECT_EQ(item.step + " " + item.subject, decision);
    EXPECT_THAT(item.candidates, Contains("nothing in Standalone MM"));
    SourceOptions options;
    options.answers[decision] = "nothing in Standalone MM";
    made = plan(inf, options);
    EXPECT_EQ(made.count(Action::decision), 0U) << residual(made);
    ASSERT_TRUE(write(made).has_value());
    EXPECT_TRUE(compiles(inf, "traditional.h")) << read(folder_.path() / "errors");
    EXPECT_TRUE(compiles(made.standalone_inf, "standalone.h")) << read(folder_.path() / "errors");
  }
}

TEST_F(PortTree, TheTargetDecidesAboutThePrimaryBufferAlone) {
  open();
  for (const auto& [target, primary] :
       std::to_array<std::pair<Target, const char*>>({{Target::redoubt, "return TRUE;"},
                                                      {Target::edk2, "return TRUE;"},
                                                      {Target::mu, "return MmCommBufferValid ("}})) {
    SourceOptions options;
    options.target = target;
    const ModulePlan made = plan("Nested/Nested.inf", options);
    const auto half = std::ranges::find(made.new_files, "Nested/NestedStandaloneMm.c", &NewFile::path);
    ASSERT_NE(half, made.new_files.end());
    EXPECT_THAT(half->text, HasSubstr(primary));
    EXPECT_THAT(half->text, HasSubstr("return MmIsBufferOutsideMmValid (Buffer, Length);"));
  }
}

TEST_F(PortTree, ADriftingPairIsNamed) {
  open();
  const std::string inf = "CommBuffer/CommBuffer.inf";
  ASSERT_TRUE(write(plan(inf)).has_value());
  open();
  EXPECT_THAT(plan(inf).drift, IsEmpty());
  std::ofstream(tree() / "CommBuffer/CommBufferStandaloneMm.c") << "// nothing\n";
  std::ofstream(tree() / "CommBuffer/CommBufferStandaloneMm.inf", std::ios::app) << "[Sources]\n  More.c\n";
  open();
  std::vector<std::string> drift;
  for (const ReadError& each : plan(inf).drift) {
    drift.push_back(to_string(each));
  }
  EXPECT_THAT(drift, testing::UnorderedElementsAre(
                         "CommBuffer/CommBufferStandaloneMm.c: has no CommBufferIsPrimaryBufferValid, which "
                         "CommBuffer/CommBufferTraditionalMm.c has",
                         "CommBuffer/CommBufferStandaloneMm.inf: lists More.c, which CommBuffer/CommBuffer.inf has no "
                         "counterpart of"));
}

TEST_F(PortTree, ATreeWithoutTheCommonTableKeepsItsNames) {
  const fs::path dec = tree() / "StubPkg/StubPkg.dec";
  std::string text = read(dec);
  text.erase(text.find("  MmServicesTableLib|"),
             text.find('\n', text.find("  MmServicesTableLib|")) + 1 - text.find("  MmServicesTableLib|"));
  std::ofstream(dec) << text;
  open();
  const ModulePlan made = plan("Lamp/Lamp.inf");
  ASSERT_EQ(made.count(Action::decision), 1U) << residual(made);
  const auto common = std::ranges::find(made.changed_files, "Lamp/Lamp.c", &ChangedFile::path);
  ASSERT_NE(common, made.changed_files.end());
  EXPECT_THAT(common->after, HasSubstr("gSmst->SmmInstallProtocolInterface"));
}

TEST_F(PortTree, NothingIsWrittenOverWhatSomebodyChanged) {
  open();
  const ModulePlan made = plan("CommBuffer/CommBuffer.inf");
  std::ofstream(tree() / "CommBuffer/CommBuffer.c", std::ios::app) << "// mine\n";
  const auto before = contents(tree());
  EXPECT_FALSE(write(made).has_value());
  EXPECT_EQ(contents(tree()), before);
}

TEST(FactsProgram, SaysWhatWentWrong) {
  const nlohmann::json request = {{"sources", nlohmann::json::array()}};
  EXPECT_EQ(FactsProgram(REDOUBT_SOURCE_FACTS).ask(request).error(),
            "redoubt-source-facts: the request has no sources");
  EXPECT_EQ(FactsProgram("/bin/false").ask(request).error(), "redoubt-source-facts: exit status 1");
  EXPECT_EQ(FactsProgram("/bin/true").ask(request).error(), "redoubt-source-facts: its answer isn't one");
  EXPECT_EQ(FactsProgram("/nowhere").ask(request).error(), "redoubt-source-facts: No such file or directory");
}

TEST(SourceText, ChangesWhatIsNamedAndNothingElse) {
  SourceText text("/* a */ a (b, \"a\"); // a\r\na = 'a';\r\n");
  EXPECT_EQ(text.at(nlohmann::json::array({1U, 9U, 1U, 19U})), "a (b, \"a\")");
  EXPECT_FALSE(text.at(nlohmann::json::array({9U, 1U, 9U, 2U})).has_value());
  EXPECT_TRUE(text.replace(*text.range(nlohmann::json::array({1U, 12U, 1U, 13U})), "c"));
  EXPECT_FALSE(text.replace(*text.range(nlohmann::json::array({1U, 11U, 1U, 19U})), "overlaps"));
  EXPECT_EQ(text.applied({{"a", "x"}}), "/* a */ x (c, \"a\"); // a\r\nx = 'a';\r\n");
}

}  // namespace
}  // namespace redoubt::port
