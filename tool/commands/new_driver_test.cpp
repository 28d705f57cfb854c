// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt new-driver` as its user sees it: what it writes, and what it refuses without leaving anything. That the
// result builds and passes its own test is the test
// sdk.outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tool/commands/commands.hpp"
#include "tool/testing/temporary_directory.hpp"

namespace redoubt::tool {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
  int status;
  std::string output;
  std::string error;
};

class NewDriver : public ::testing::Test {
 protected:
  static Outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"redoubt", "new-driver"});
    std::vector<char*> argv;
    std::ranges::transform(arguments, std::back_inserter(argv), [](std::string& text) { return text.data(); });
    CommandLine command_line;
    add_new_driver(command_line);
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int status = command_line.run(static_cast<int>(argv.size()), argv.data());
    return {status, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
  }
  Outcome make(const std::string& name, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {name, "--directory", directory_.path().string()});
    if (std::ranges::find(more, "--sdk") == more.end()) {
      more.insert(more.end(), {"--sdk", REDOUBT_SDK});
    }
    return run(more);
  }
  void expect_refused(const Outcome& outcome, const std::string& part) {
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << outcome.error;
    EXPECT_THAT(outcome.error, HasSubstr(part));
    EXPECT_EQ(outcome.output, "");
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(directory_.path()), std::filesystem::directory_iterator()));
  }
  std::string read(const std::string& file) const {
    std::ifstream input(directory_.path() / file);
    EXPECT_TRUE(input.good()) << file;
    return {std::istreambuf_iterator<char>(input), {}};
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(NewDriver, WritesAProjectOfThatName) {
  const Outcome outcome = make("fan_control");
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_THAT(outcome.output, HasSubstr("cmake --preset default"));
  EXPECT_EQ(entries(), 1U);
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path() / "fan_control")) {
    files.push_back(entry.path().filename().string());
    const std::string text = read("fan_control/" + files.back());
    EXPECT_THAT(text, Not(HasSubstr("@"))) << files.back() << ": a placeholder was left";
    EXPECT_THAT(text, Not(HasSubstr("NAME"))) << files.back();
  }
  EXPECT_THAT(files, ::testing::UnorderedElementsAre(".gitignore", "CMakeLists.txt", "CMakePresets.json", "README.md",
                                                     "driver.hpp", "standalone.cpp", "traditional.cpp",
                                                     "fan_control.hpp", "fan_control.cpp", "fan_control_test.cpp"));
  EXPECT_THAT(read("fan_control/fan_control.cpp"), HasSubstr("namespace fan_control_driver {"));
  const auto presets = nlohmann::json::parse(read("fan_control/CMakePresets.json"));
  EXPECT_EQ(presets["configurePresets"].at(0)["cacheVariables"]["RedoubtSdk_DIR"],
            std::filesystem::canonical(REDOUBT_SDK).string());
}

TEST_F(NewDriver, EveryDriverHasAGuidOfItsOwn) {
  ASSERT_EQ(make("a").status, 0);
  ASSERT_EQ(make("b").status, 0);
  const auto guid_of = [this](const std::string& name) {
    const std::string text = read(name + "/" + name + ".hpp");
    const std::size_t at = text.find("message_guid = {");
    EXPECT_NE(at, std::string::npos);
    return text.substr(at, text.find("};", at) - at);
  };
  EXPECT_NE(guid_of("a"), guid_of("b"));
  EXPECT_THAT(guid_of("a"), HasSubstr(", 0x4")) << "version 4";
}

TEST_F(NewDriver, RefusesBadNames) {
  for (const char* name : {"", "Fan", "1fan", "_fan", "fan-control", "fan control", "fan/control", "../fan", "fan_",
                           "fan__control", "f\xC3\xA4n", "fan\n", "driver", "standalone", "traditional", "."}) {
    expect_refused(make(name), "no name for a driver");
  }
  expect_refused(make(std::string(41, 'a')), "longer than 40");
  EXPECT_EQ(make(std::string(40, 'a')).status, 0);
  EXPECT_EQ(make("class").status, 0) << "the namespace is class_driver";
  EXPECT_EQ(entries(), 2U);
}

TEST_F(NewDriver, RefusesWhatIsThere) {
  ASSERT_EQ(make("fan").status, 0);
  expect_refused(make("fan"), "fan: exists already");
  std::filesystem::create_directory(directory_.path() / "empty");
  expect_refused(make("empty"), "exists already");
  std::ofstream(directory_.path() / "file").close();
  expect_refused(make("file"), "exists already");
  std::filesystem::create_symlink("nowhere", directory_.path() / "link");
  expect_refused(make("link"), "exists already");
  EXPECT_EQ(entries(), 4U) << "and nothing else is left";
}

TEST_F(NewDriver, RefusesBadPlaces) {
  const std::string here = directory_.path().string();
  expect_refused(run({"fan", "--directory", here + "/missing", "--sdk", REDOUBT_SDK}), "No such file or directory");
  expect_refused(run({"fan", "--directory", "/dev/null", "--sdk", REDOUBT_SDK}), "/dev/null: is not a directory");
  expect_refused(run({"fan", "--directory", "/proc", "--sdk", REDOUBT_SDK}), "/proc/fan: ");
  expect_refused(make("fan", {"--sdk", here}), "isn't Redoubt's SDK");
  std::ofstream(directory_.path() / "RedoubtSdkConfig.cmake").close();
  expect_refused(make("fan", {"--sdk", here}), "template/CMakeLists.txt.in: No such file");
  expect_refused(run({}), "NAME is required");
  expect_refused(run({"fan", "--nonsense"}), "nonsense");
  expect_refused(run({"fan", "extra"}), "extra");
  EXPECT_EQ(entries(), 1U);
  EXPECT_EQ(run({"--help"}).status, 0);
}

}  // namespace
}  // namespace redoubt::tool
