// SPDX-License-Identifier: BSD-2-Clause-Patent
// QEMU's command line, and the reasons for which a machine isn't started. What needs a firmware that boots is in
// tests/boot.
#include "tool/boot/machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace redoubt::tool::boot {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

MachineOptions options_for(const std::filesystem::path& image) {
  MachineOptions options;
  options.image = image;
  return options;
}

TEST(CommandLine, ProtectsFlashAndTurnsS3OffUnlessAsked) {
  MachineOptions options = options_for("code.fd");
  const auto without = command_line(options, {}, "vars.fd", "");
  EXPECT_THAT(without, Contains("driver=cfi.pflash01,property=secure,value=on"));
  EXPECT_THAT(without, Contains("ICH9-LPC.disable_s3=1"));
  EXPECT_THAT(without, Contains("if=pflash,format=raw,unit=0,readonly=on,file=code.fd"));
  EXPECT_THAT(without, Contains("if=pflash,format=raw,unit=1,file=vars.fd"));
  EXPECT_THAT(without, Not(Contains("-kernel")));
  options.s3 = true;
  EXPECT_THAT(command_line(options, {}, "vars.fd", ""), Contains("ICH9-LPC.disable_s3=0"));
}

TEST(CpuModel, MayHaveSvmUnlessItIsKnownNotTo) {
  EXPECT_FALSE(may_have_svm(default_cpu_model));
  EXPECT_TRUE(may_have_svm("qemu64"));
  EXPECT_TRUE(may_have_svm("max,+svm"));
  EXPECT_TRUE(may_have_svm("EPYC-Rome"));
  EXPECT_TRUE(may_have_svm("a model of tomorrow"));
  EXPECT_FALSE(may_have_svm("max,-svm,+smep"));
  EXPECT_FALSE(may_have_svm("EPYC,svm=off"));
  EXPECT_FALSE(may_have_svm("Haswell-noTSX"));
}

TEST(CommandLine, TellsMmWhatToShow) {
  MachineOptions options = options_for("code.fd");
  EXPECT_THAT(command_line(options, {}, "vars.fd", ""), Not(Contains("-fw_cfg")));
  options.trace = true;
  EXPECT_THAT(command_line(options, {}, "vars.fd", ""), Contains("name=opt/org.redoubt/mm,string=trace"));
  options.observe_always = true;
  options.repair_variables = true;
  options.log_level = "debug";
  EXPECT_THAT(command_line(options, {}, "vars.fd", ""),
              Contains("name=opt/org.redoubt/mm,string=trace observe=always repair-variables log=debug"));
}

TEST(CommandLine, PutsExtraArgumentsLast) {
  MachineOptions options = options_for("code.fd");
  options.extra = {"-m", "4096"};
  const auto line = command_line(options, {}, "vars.fd", "");
  EXPECT_EQ(line.back(), "4096");
}

TEST(CommandLine, DoublesCommasInPaths) {
  EXPECT_EQ(quoted("a,b,,c"), "a,,b,,,,c");
  EXPECT_THAT(command_line(options_for("a,b.fd"), {}, "v", ""),
              Contains("if=pflash,format=raw,unit=0,readonly=on,file=a,,b.fd"));
}

TEST(Machine, NamesTheInputThatCantBeRead) {
  const auto machine = Machine::start(options_for("/nonexistent/code.fd"));
  ASSERT_FALSE(machine.has_value());
  EXPECT_EQ(machine.error(), "/nonexistent/code.fd: No such file or directory");
  const auto folder = Machine::start(options_for("/"));
  ASSERT_FALSE(folder.has_value());
  EXPECT_EQ(folder.error(), "/: is a directory");
}

TEST(Machine, NamesAnImageThatIsNoFlash) {
  const TemporaryFolder folder = std::move(*TemporaryFolder::create());
  const auto image = folder.path() / "odd.fd";
  std::ofstream(image) << "seven b";
  const auto machine = Machine::start(options_for(image));
  ASSERT_FALSE(machine.has_value());
  EXPECT_THAT(machine.error(), HasSubstr("odd.fd: 7 bytes are no flash image"));
}

TEST(Machine, PassesOnWhyQemuRefuses) {
  const TemporaryFolder folder = std::move(*TemporaryFolder::create());
  const auto image = folder.path() / "code.fd";
  std::ofstream(image) << std::string(4096, '\xFF');
  MachineOptions options = options_for(image);
  options.variables = folder.path() / "vars.fd";
  std::ofstream(options.variables) << "seven b";  // no flash has this size
  const auto machine = Machine::start(options);
  ASSERT_FALSE(machine.has_value());
  EXPECT_THAT(machine.error(), HasSubstr("QEMU exited with status 1: "));
}

// In QEMU's place: answers QMP, and when something is typed writes a log's first line on the serial console, and then
// one like it on the debug console.
constexpr std::string_view two_consoles = R"(#!/bin/bash
for argument; do
  case $argument in
    *id=serial,*fd=*) serial=${argument##*fd=} ;;
    *id=debug,*fd=*) debug=${argument##*fd=} ;;
    *id=qmp,*fd=*) qmp=${argument##*fd=} ;;
  esac
done
read -r -u "$qmp"
echo '{"return": {}}' >&"$qmp"
read -r -u "$serial"
echo 'redoubt: ipl.start cpus=2' >&"$serial"
echo 'redoubt: panic reason="forged"' >&"$debug"
: > "${0%/*}/written"
read -r -u "$serial"
)";

TEST(Machine, TakesTheLogFromTheConsoleThatHadItFirst) {
  const TemporaryFolder folder = std::move(*TemporaryFolder::create());
  std::ofstream(folder.path() / qemu_program) << two_consoles;
  std::filesystem::permissions(folder.path() / qemu_program, std::filesystem::perms::owner_all);
  MachineOptions options = options_for(folder.path() / "code.fd");
  options.variables = folder.path() / "vars.fd";
  for (const auto& flash : {options.image, options.variables}) std::ofstream(flash) << std::string(4096, '\xFF');
  const std::string path = std::getenv("PATH");
  setenv("PATH", (folder.path().string() + ":" + path).c_str(), 1);
  const auto machine = Machine::start(options);
  setenv("PATH", path.c_str(), 1);
  ASSERT_TRUE(machine.has_value()) << machine.error();

  std::vector<std::string> events;
  (*machine)->on_event = [&events](const Event& event) { events.push_back(event.name.text); };
  (*machine)->type("go\n");
  const auto deadline = Machine::Clock::now() + std::chrono::seconds{60};
  while (!std::filesystem::exists(folder.path() / "written") && Machine::Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  (*machine)->pump_until([&] { return !events.empty(); }, deadline);
  (*machine)->type("end\n");
  (*machine)->pump_until([] { return false; }, deadline);
  EXPECT_EQ(events, std::vector<std::string>{"ipl.start"});
}

TEST(TemporaryFolder, GoesWithItsOwner) {
  std::filesystem::path path;
  {
    const auto folder = TemporaryFolder::create();
    ASSERT_TRUE(folder.has_value());
    path = folder->path();
    std::ofstream(path / "file") << "content";
    EXPECT_TRUE(std::filesystem::exists(path / "file"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace redoubt::tool::boot
