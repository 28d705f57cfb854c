// SPDX-License-Identifier: BSD-2-Clause-Patent
// What becomes of the machine by default, and as the user says.
#include "tool/convert/fault_policies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "image/edit/assemble.hpp"
#include "tool/testing/executables.hpp"

namespace redoubt::tool {
namespace {

using abi::FaultPolicy;
using testing::driver_executable;
using ::testing::HasSubstr;

abi::Guid guid(std::uint32_t number) { return {number, 1, 2, {3, 4, 5, 6, 7, 8, 9, 10}}; }

// A driver with a protocol's GUID among its constants: it may install it.
Buffer executable_with(const abi::Guid& protocol) {
  Buffer executable = driver_executable();
  const Buffer place(sizeof(protocol), std::byte{0x90});
  const auto found = std::ranges::search(executable, place);
  std::ranges::copy(image::edit::bytes_of(protocol), found.begin());
  return executable;
}

constexpr std::uint32_t variable = 1;
constexpr std::uint32_t flash = 2;
constexpr std::uint32_t timer = 3;
constexpr std::uint32_t stranger = 4;
constexpr std::uint32_t flash_protocol = 100;
constexpr std::uint32_t timer_protocol = 101;

// "Variable" of ours needs "Flash", which needs "Timer"; no driver needs "Stranger".
class FaultPoliciesTest : public ::testing::Test {
 protected:
  FaultPoliciesTest() {
    add(variable, "Variable", {guid(flash_protocol)}, driver_executable());
    add(flash, "Flash", {guid(timer_protocol)}, executable_with(guid(flash_protocol)));
    add(timer, "Timer", {}, executable_with(guid(timer_protocol)));
    add(stranger, "Stranger", {guid(flash_protocol)}, driver_executable());
    bundle_.drivers.push_back({.source = "ours",
                               .guid = guid(variable),
                               .name = "Variable",
                               .depex = {},
                               .executable = {},
                               .fault_policy = FaultPolicy::reset});
  }
  void add(std::uint32_t number, const std::string& name, const std::vector<abi::Guid>& depex, const Buffer& image) {
    const auto file = make_driver_file(name + ".efi", guid(number), name, depex, image);
    ASSERT_TRUE(file.has_value());
    drivers_.drivers.push_back(*file);
  }
  std::string policy_of(std::uint32_t number, const std::vector<std::string>& options = {}) {
    const auto policies = decide_fault_policies(bundle_, drivers_, options);
    if (!policies.has_value()) return policies.error().message;
    const auto found = std::ranges::find(*policies, guid(number), &DriverFaultPolicy::guid);
    return found == policies->end() ? "none" : abi::to_string(found->policy);
  }

  FirmwareBundle bundle_;
  DriverInput drivers_;
};

TEST_F(FaultPoliciesTest, WhatTheVariableDriverNeedsIsAsImportant) {
  EXPECT_EQ(policy_of(variable), "reset");
  EXPECT_EQ(policy_of(flash), "reset");
  EXPECT_EQ(policy_of(timer), "reset") << "needed by one that is needed";
  EXPECT_EQ(policy_of(stranger), "disable");
  const auto policies = decide_fault_policies(bundle_, drivers_, {});
  ASSERT_EQ(policies->size(), 4U);
  EXPECT_EQ((*policies)[0].reason, "default");
  EXPECT_THAT((*policies)[1].reason, HasSubstr("Variable needs"));
  EXPECT_EQ((*policies)[3].reason, "not a driver of ours");
}

TEST_F(FaultPoliciesTest, TheUserDecides) {
  EXPECT_EQ(policy_of(stranger, {"Stranger=halt"}), "halt");
  EXPECT_EQ(policy_of(variable, {"Variable=disable"}), "disable");
  EXPECT_EQ(policy_of(flash, {"Variable=disable"}), "disable") << "nobody needs it to be more";
  EXPECT_EQ(policy_of(flash, {"Flash=disable"}), "disable") << "although it is needed";
  EXPECT_EQ(policy_of(timer, {"Flash=disable"}), "disable");
  EXPECT_EQ(policy_of(timer, {"00000002-0001-0002-0304-05060708090a=halt"}), "halt") << "by GUID, and what that needs";
}

TEST_F(FaultPoliciesTest, WhatMakesNoSenseIsRefused) {
  EXPECT_THAT(policy_of(1, {"Nobody=reset"}), HasSubstr("--fault Nobody=reset: names no MM driver"));
  EXPECT_THAT(policy_of(1, {"=reset"}), HasSubstr("names no MM driver"));
  EXPECT_THAT(policy_of(1, {"0000000f-0001-0002-0304-05060708090a=halt"}), HasSubstr("names no MM driver"));
  EXPECT_THAT(policy_of(1, {"Variable"}), HasSubstr("isn't of the form"));
  for (const char* word : {"", "Reset", "resets", "2"}) {
    EXPECT_THAT(policy_of(1, {std::string("Variable=") + word}), HasSubstr("names no policy"));
  }
  EXPECT_THAT(policy_of(1, {"Variable=halt", "00000001-0001-0002-0304-05060708090a=halt"}), HasSubstr("second policy"));
  add(9, "Flash", {}, driver_executable());
  EXPECT_THAT(policy_of(1, {"Flash=halt"}), HasSubstr("several drivers"));
}

// It isn't taken for one that needs no driver, wherever such a driver gets through.
TEST_F(FaultPoliciesTest, AnExpressionThatCantBeReadIsRefused) {
  Buffer data;
  image::edit::append_section(data, abi::SectionType::mm_depex, Buffer(1, std::byte{3}));  // ends without END
  image::edit::append_section(data, abi::SectionType::pe32, driver_executable());
  drivers_.drivers[2].file = *image::edit::make_file({.name = guid(timer), .type = abi::FileType::mm_standalone}, data);
  EXPECT_THAT(policy_of(variable), HasSubstr("Timer: has a DEPEX or an executable that can't be read"));
}

TEST_F(FaultPoliciesTest, DriversInVolumesCount) {
  Buffer data;
  const auto inner = image::edit::make_volume(guid(50), std::vector<Buffer>{drivers_.drivers.back().file});
  image::edit::append_section(data, abi::SectionType::firmware_volume_image, *inner, 8);
  drivers_.volumes.push_back(
      {.source = "vendor.fv",
       .guid = guid(51),
       .file = *image::edit::make_file({.name = guid(51), .type = abi::FileType::firmware_volume_image}, data),
       .drivers = {drivers_.drivers.back()},
       .left_out = {}});
  drivers_.drivers.pop_back();
  EXPECT_EQ(policy_of(stranger), "disable");
  EXPECT_EQ(policy_of(stranger, {"Stranger=reset"}), "reset");
}

}  // namespace
}  // namespace redoubt::tool
