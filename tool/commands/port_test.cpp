// SPDX-License-Identifier: BSD-2-Clause-Patent
// The verb as a user has it: exit statuses, one-line errors, JSON, and files that are written once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tool/commands/commands.hpp"
#include "tool/testing/temporary_directory.hpp"

namespace redoubt::tool {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PortCommand : public ::testing::Test {
 protected:
  // Without the C analysis, which isn't built everywhere.
  PortCommand() {
    ::setenv("REDOUBT_SOURCE_FACTS", "/nowhere", 1);
    write("Pkg.dec", "[LibraryClasses]\n  StandaloneMmDriverEntryPoint|a.h\n");
    write("Lamp.inf",
          "[Defines]\n  BASE_NAME = LampSmm\n  FILE_GUID = 11111111-2222-3333-4444-555555555555\n"
          "  MODULE_TYPE = DXE_SMM_DRIVER\n[Packages]\n  Pkg.dec\n[LibraryClasses]\n  UefiDriverEntryPoint\n"
          "[Depex]\n  TRUE\n");
  }
  ~PortCommand() override { ::unsetenv("REDOUBT_SOURCE_FACTS"); }
  void write(const std::string& name, const std::string& text) { std::ofstream(folder_.file(name)) << text; }
  std::string read(const std::string& name) const {
    std::ifstream file(folder_.file(name));
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  int run(std::vector<std::string> arguments) {
    CommandLine command_line;
    add_port(command_line);
    arguments.insert(arguments.begin(), {"redoubt", "port"});
    std::vector<char*> pointers;
    for (std::string& argument : arguments) {
      pointers.push_back(argument.data());
    }
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int status = command_line.run(static_cast<int>(pointers.size()), pointers.data());
    output_ = ::testing::internal::GetCapturedStdout();
    error_ = ::testing::internal::GetCapturedStderr();
    return status;
  }

  testing::TemporaryDirectory folder_;
  std::string output_;
  std::string error_;
};

TEST_F(PortCommand, PrintsThePlan) {
  EXPECT_EQ(run({folder_.file("Lamp.inf")}), 1) << "nobody has looked at the sources";
  EXPECT_THAT(output_, HasSubstr("LampSmm: mechanical: 5 edits, 0 decisions, 8 not examined\n"));
  EXPECT_THAT(
      output_,
      HasSubstr("\nredoubt-source-facts isn't built, which reads C sources: `scripts/build --port` builds it\n"));
  EXPECT_THAT(output_, HasSubstr("S5  edit     Lamp.inf:8: UefiDriverEntryPoint: "));
  EXPECT_THAT(output_, HasSubstr("built by no platform"));
  EXPECT_EQ(run({folder_.file("Lamp.inf"), "--json"}), 1);
  const auto json = nlohmann::json::parse(output_);
  EXPECT_EQ(json.at("standalone_inf"), "LampStandaloneMm.inf");
  EXPECT_EQ(json.at("items").at(0).at("step"), "S1");
}

TEST_F(PortCommand, WritesOnce) {
  EXPECT_EQ(run({folder_.file("Lamp.inf"), "--write"}), 1);
  EXPECT_THAT(output_, HasSubstr("LampStandaloneMm.inf written\n"));
  const std::string written = read("LampStandaloneMm.inf");
  EXPECT_THAT(written, HasSubstr("MODULE_TYPE = MM_STANDALONE"));
  EXPECT_EQ(run({folder_.file("Lamp.inf"), "--write"}), 1);
  EXPECT_THAT(output_, HasSubstr("is there as it should be"));
  write("LampStandaloneMm.inf", written + "# mine\n");
  EXPECT_EQ(run({folder_.file("Lamp.inf"), "--write"}), 2);
  EXPECT_EQ(error_,
            "redoubt: LampStandaloneMm.inf: is there and differs from what would be written; nothing was written\n");
  EXPECT_EQ(read("LampStandaloneMm.inf"), written + "# mine\n");
}

TEST_F(PortCommand, PrintsAPatchOfPlatforms) {
  write("P.dsc", "[Components]\n  Lamp.inf\n");
  EXPECT_EQ(run({folder_.file("Lamp.inf"), "--patch"}), 1);  // nothing in the tree links it
  EXPECT_THAT(output_, HasSubstr("--- a/P.dsc\n+++ b/P.dsc\n@@ -1,2 +1,"));
  EXPECT_EQ(error_, "");
  write("Broken.dsc", "!if TRUE\n");
  EXPECT_EQ(run({folder_.file("Lamp.inf"), "--patch"}), 1);
  EXPECT_THAT(output_, Not(HasSubstr("not read")));
  EXPECT_EQ(error_, "not read: Broken.dsc:1: condition without an !endif\n");
}

TEST_F(PortCommand, NoPlatformIsNoPatch) {
  write("P.dsc", "!if $(WITH) == TRUE\n[Components]\n  Lamp.inf\n!endif\n");
  EXPECT_EQ(run({folder_.file("Lamp.inf"), "--patch"}), 2);
  EXPECT_EQ(error_, "redoubt: Lamp.inf: no platform of the tree builds it with these macros (see -D and --platform)\n");
  EXPECT_EQ(run({folder_.file("Lamp.inf"), "--platform", folder_.file("P.dsc")}), 2);
  EXPECT_EQ(output_, "");
  EXPECT_THAT(error_, HasSubstr("Lamp.inf: no platform named builds it"));
  EXPECT_EQ(run({folder_.file("Lamp.inf"), "--platform", folder_.file("P.dsc"), "-D", "WITH=TRUE"}), 1);
  write("Broken.dsc", "!if TRUE\n");
  EXPECT_EQ(run({folder_.file("Lamp.inf"), "--patch"}), 2);
  EXPECT_THAT(error_, HasSubstr("; not read: Broken.dsc:1: condition without an !endif\n"));
}

TEST_F(PortCommand, RanksATree) {
  write("P.dsc", "!if $(WITH) == TRUE\n[Components]\n  Lamp.inf\n!endif\n");
  EXPECT_EQ(run({"--tree", folder_.path().string()}), 1);
  write("Broken.dsc", "!if TRUE\n");
  write("Broken.inf", "what\n");
  EXPECT_EQ(run({"--tree", folder_.path().string()}), 1) << "what isn't read may have decisions";
  EXPECT_THAT(output_, HasSubstr("   1  LampSmm "));
  EXPECT_THAT(output_, HasSubstr("not read: Broken.inf:1: stands in front of the first section\n"));
  EXPECT_THAT(output_, HasSubstr("not read: Broken.dsc:1: condition without an !endif\n"));
  EXPECT_EQ(run({"--tree", folder_.path().string(), "-D", "WITH=TRUE", "--json"}), 1);
  const auto json = nlohmann::json::parse(output_);
  EXPECT_EQ(json.at("modules").at(0).at("platforms").at(0), "P.dsc");
}

TEST_F(PortCommand, OtherProgramsReadWhatIsLeft) {
  EXPECT_EQ(run({folder_.file("Lamp.inf"), "--sarif"}), 1);
  const auto json = nlohmann::json::parse(output_);
  EXPECT_EQ(json.at("version"), "2.1.0");
  const auto& results = json.at("runs").at(0).at("results");
  ASSERT_EQ(results.size(), 8U);
  EXPECT_EQ(results.at(0).at("ruleId"), "S2");
  EXPECT_EQ(results.at(0).at("locations").at(0).at("physicalLocation").at("artifactLocation").at("uri"), "Lamp.inf");
  EXPECT_EQ(run({"--tree", folder_.path().string(), "--svg"}), 1);
  EXPECT_THAT(output_, HasSubstr("1. LampSmm: mechanical, 5 edits, 0 decisions</text>\n</svg>\n"));
}

TEST_F(PortCommand, APairThatDriftsApartIsAnError) {
  EXPECT_EQ(run({folder_.file("Lamp.inf"), "--check"}), 2);
  EXPECT_EQ(error_, "redoubt: LampStandaloneMm.inf: isn't there: the module isn't ported\n");
  EXPECT_EQ(run({folder_.file("Lamp.inf"), "--write"}), 1);
  EXPECT_EQ(run({folder_.file("Lamp.inf"), "--check"}), 2);
  EXPECT_THAT(error_, HasSubstr("can't be compared without redoubt-source-facts\n"));
}

TEST_F(PortCommand, BadInputIsOneLine) {
  const auto refuses = [this](const std::vector<std::string>& arguments) {
    EXPECT_EQ(run(arguments), 2);
    EXPECT_EQ(std::ranges::count(error_, '\n'), 1) << error_;
    EXPECT_EQ(output_, "");
    return error_;
  };
  EXPECT_THAT(refuses({}), HasSubstr("names neither a module nor a tree"));
  EXPECT_THAT(refuses({folder_.file("None.inf")}), HasSubstr("None.inf: No such file"));
  write("Binary.inf", std::string("MZ\0\1", 4));
  EXPECT_THAT(refuses({folder_.file("Binary.inf")}), HasSubstr("Binary.inf:1: isn't text"));
  write("Other.inf", "[Defines]\nBASE_NAME=A\nFILE_GUID=x\nMODULE_TYPE=PEIM\n[Packages]\n  Pkg.dec\n");
  EXPECT_THAT(refuses({folder_.file("Other.inf")}), HasSubstr("MODULE_TYPE is PEIM"));
  EXPECT_THAT(refuses({folder_.file("Lamp.inf"), "--platform", folder_.file("None.dsc")}), HasSubstr("None.dsc"));
  write("Loop.dsc", "!include Loop.dsc\n");
  EXPECT_THAT(refuses({folder_.file("Lamp.inf"), "--platform", folder_.file("Loop.dsc")}),
              HasSubstr("Loop.dsc: includes itself"));
  write("Answers.json", "[]");
  EXPECT_THAT(refuses({folder_.file("Lamp.inf"), "--answers", folder_.file("Answers.json")}),
              HasSubstr("isn't a JSON object of decisions"));
  EXPECT_THAT(refuses({folder_.file("Lamp.inf"), "--svg"}), HasSubstr("takes no module"));
  write("Rules.json", "{}");
  EXPECT_THAT(refuses({folder_.file("Lamp.inf"), "--rules", folder_.file("Rules.json")}), HasSubstr("Rules.json: "));
  EXPECT_THAT(refuses({"--tree", folder_.path().string(), "--write"}), HasSubstr("need a module"));
  for (const char* define : {"", "=x", "A B=1", "$(A)=1"}) {
    EXPECT_THAT(refuses({folder_.file("Lamp.inf"), "-D", define}), HasSubstr("has no macro's name in front"));
  }
  for (const char* option : {"--tree", "--platform", "--rules"}) {
    EXPECT_THAT(refuses({folder_.file("Lamp.inf"), option, ""}), HasSubstr(std::string(option) + ": is empty"));
  }
  EXPECT_THAT(refuses({""}), HasSubstr("MODULE: is empty"));
  std::filesystem::create_directory(folder_.file("empty"));
  EXPECT_THAT(refuses({"--tree", folder_.file("empty")}), HasSubstr("empty: has no INF files"));
  EXPECT_THAT(refuses({folder_.file("empty")}), HasSubstr("empty: is a directory"));
}

}  // namespace
}  // namespace redoubt::tool
