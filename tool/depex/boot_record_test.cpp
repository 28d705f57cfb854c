// SPDX-License-Identifier: BSD-2-Clause-Patent
// What is learned from reports and logs of boots, and from files that are neither.
#include "tool/depex/boot_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abi/uefi/guid_text.hpp"

namespace redoubt::tool::depex {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

abi::Guid guid(std::uint32_t number) { return {number, 1, 2, {3, 4, 5, 6, 7, 8, 9, 10}}; }
std::string text(std::uint32_t number) { return std::string(abi::to_text(guid(number)).view()); }

BootRecord parsed(const std::string& contents) {
  auto record = parse_boot_record(contents);
  EXPECT_TRUE(record.has_value()) << record.error();
  return record.has_value() ? std::move(*record) : BootRecord{};
}

std::string refused(const std::string& contents) {
  const auto record = parse_boot_record(contents);
  return record.has_value() ? "accepted" : record.error();
}

TEST(BootRecord, ReportOfABoot) {
  const BootRecord record =
      parsed(R"({"drivers": [{"guid": ")" + text(1) + R"(", "name": "One", "started": true, "status": "0x0"},
                      {"guid": ")" +
             text(2) + R"(", "name": "Two", "started": true, "status": "0x8000000000000003"},
                      {"guid": ")" +
             text(3) + R"(", "name": "Three", "started": false, "status": null}],
          "protocols": [{"guid": ")" +
             text(11) + R"(", "driver": ")" + text(1) + R"("},
                        {"guid": ")" +
             text(12) + R"(", "driver": null}]})");
  ASSERT_EQ(record.drivers.size(), 3U);
  EXPECT_EQ(record.drivers[0].file, guid(1));
  EXPECT_TRUE(record.drivers[0].started && !record.drivers[0].failed);
  EXPECT_TRUE(record.drivers[1].failed);
  EXPECT_FALSE(record.drivers[2].started);
  EXPECT_TRUE(record.knows_protocols);
  EXPECT_THAT(record.drivers[0].installed, ElementsAre(guid(11)));
  EXPECT_THAT(record.core_installed, ElementsAre(guid(12)));
}

TEST(BootRecord, AReportWithoutProtocolsClaimsNothing) {
  const BootRecord record = parsed(R"({"drivers": [{"guid": ")" + text(1) + R"(", "started": true}]})");
  EXPECT_FALSE(record.knows_protocols);
}

TEST(BootRecord, LogOfTheDebugConsole) {
  const BootRecord record = parsed(
      "SecCoreStartupWithStack(0xFFFCC000, 0x820000)\r\n"
      "redoubt: ipl.start boot_mode=0 cpus=1\n"
      "redoubt: driver guid=" +
      text(9) +
      " name=\"Stale\" status=0x0\n"
      "redoubt: ipl.start boot_mode=0 cpus=1\n"
      "redoubt: driver.waiting guid=" +
      text(3) +
      " name=\"Late\" depex=\"missing\" missing=1\n"
      "redoubt: driver.waiting guid=" +
      text(4) +
      " name=\"Never\" depex=\"missing\" missing=1\n"
      "redoubt: driver guid=" +
      text(1) +
      " name=\"One\" status=0x0\n"
      "redoubt: protocol guid=" +
      text(11) + " driver=" + text(1) +
      "\n"
      "redoubt: protocol guid=" +
      text(12) +
      "\n"
      "redoubt: driver guid=" +
      text(3) +
      " name=\"Late\" status=0x0\n"
      "redoubt: driver.waiting guid=" +
      text(4) +
      " name=\"Never\" depex=\"missing\" missing=1\n"
      "redoubt: protocol guid=" +
      text(11) + " driver=" + text(1) +
      "\n"
      "redoubt: protocol guid=" +
      text(13) + " driver=" + text(3) + "\n");
  ASSERT_EQ(record.drivers.size(), 3U);
  EXPECT_EQ(record.drivers[0].name, "Never");
  EXPECT_EQ(record.drivers[1].name, "One");
  EXPECT_EQ(record.drivers[2].name, "Late") << "where it started, not where it waited";
  EXPECT_TRUE(record.drivers[2].started);
  EXPECT_THAT(record.drivers[1].installed, ElementsAre(guid(11)));
  EXPECT_THAT(record.drivers[2].installed, ElementsAre(guid(13)));
  EXPECT_THAT(record.core_installed, ElementsAre(guid(12)));
}

// The lines that PiSmmCore and the Standalone MM core of edk2 print in a DEBUG build.
TEST(BootRecord, LogOfEdk2) {
  const BootRecord record = parsed("SmmInstallProtocolInterface: " + text(20) +
                                   " 7FFB1230\r\n"
                                   "Loading SMM driver at 0x0007FFA1000 EntryPoint=0x0007FFA2000 CpuIo2Smm.efi\r\n"
                                   "SmmInstallProtocolInterface: 3242A9D8-CE70-4AA0-955D-5E7B140DE4D2 7FFB1230\r\n"
                                   "InstallProtocolInterface: " +
                                   text(30) +
                                   " 7FFB1230\r\n"
                                   "SmmInstallProtocolInterface: " +
                                   text(31) +
                                   " 0 failed with Invalid Parameter\r\n"
                                   "Loading MM driver at 0x0007FF81000 EntryPoint=0x0007FF82000 Other.efi\r\n"
                                   "MmInstallProtocolInterface: Installing non-entry/exit protocol " +
                                   text(21) + " 7FFB1230\r\n");
  ASSERT_EQ(record.drivers.size(), 2U);
  EXPECT_EQ(record.drivers[0].name, "CpuIo2Smm");
  EXPECT_FALSE(record.drivers[0].file.has_value());
  ASSERT_EQ(record.drivers[0].installed.size(), 1U) << "DXE's protocols and failures don't count";
  EXPECT_EQ(record.drivers[0].installed[0], *abi::parse_guid("3242a9d8-ce70-4aa0-955d-5e7b140de4d2"));
  EXPECT_EQ(record.drivers[1].name, "Other");
  EXPECT_THAT(record.drivers[1].installed, ElementsAre(guid(21)));
  EXPECT_THAT(record.core_installed, ElementsAre(guid(20)));
}

TEST(BootRecord, RefusesWhatShowsNoBoot) {
  EXPECT_THAT(refused("\n"), HasSubstr("shows no boot"));
  EXPECT_THAT(refused("redoubt: ipl.start boot_mode=0\n"), HasSubstr("shows no boot"));
  EXPECT_THAT(refused(std::string(100'000, 'x')), HasSubstr("shows no boot"));
  EXPECT_EQ(refused("{"), "isn't a report of redoubt boot --json");
  EXPECT_EQ(refused("{}"), "isn't a report of redoubt boot --json");
  EXPECT_EQ(refused(R"({"drivers": null})"), "is the report of a boot without Redoubt");
  EXPECT_EQ(refused(R"({"drivers": [1]})"), "has a driver without guid or started");
  EXPECT_EQ(refused(R"({"drivers": [{"guid": "x", "started": true}]})"), "has a driver without guid or started");
  EXPECT_EQ(refused(R"({"drivers": [{"guid": ")" + text(1) + R"(", "started": 1}]})"),
            "has a driver without guid or started");
  EXPECT_EQ(refused(R"({"drivers": [], "protocols": [{"guid": 5}]})"), "has a protocol without guid");
  EXPECT_EQ(refused("Loading SMM driver at 0x0 EntryPoint=0x0 \n"), refused("\n"));
}

}  // namespace
}  // namespace redoubt::tool::depex
