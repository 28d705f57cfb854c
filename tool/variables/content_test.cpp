// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/variables/content.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drivers/variable/defined_variables.hpp"
#include "tool/variables/text.hpp"

namespace redoubt::tool::variables {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> global(std::u16string_view name, std::string_view hexadecimal) {
  return describe_content({variable::global_variable_guid, name}, parse_hex(hexadecimal).value());
}

constexpr std::string_view sha256 = "2616c4c14c509240aca941f936934328";
constexpr std::string_view owner = "11111111111111111111111111111111";

TEST(VariableContent, LoadOptions) {
  const std::string option = "01000000 0a00 6f006b000000 010106000001 7fff0400";
  EXPECT_THAT(global(u"Boot0001", option), ElementsAre("\"ok\"", "Pci(0x1,0x0)"));
  EXPECT_THAT(global(u"SysPrep00AF", option + "abcd"),
              ElementsAre("\"ok\"", "Pci(0x1,0x0)", "2 bytes of optional data"));
  EXPECT_THAT(global(u"Driver0001", "08000000 0400 0000 7fff0400"), ElementsAre("\"\", inactive, hidden", ""));
  EXPECT_THAT(global(u"Boot0001", "0100"), ElementsAre("damaged: too short for a load option"));
  for (const char* damaged : {"01000000 0a00 6f006b00", "01000000 0b00 6f006b000000 010106000001 7fff0400"}) {
    EXPECT_THAT(global(u"Boot0001", damaged),
                ElementsAre("damaged: description or device path reaches beyond the end"));
  }
  EXPECT_THAT(global(u"Boot001", option), IsEmpty());
  EXPECT_THAT(global(u"Boot00af", option), IsEmpty());
}

TEST(VariableContent, OrdersNumbersAndText) {
  EXPECT_THAT(global(u"BootOrder", "0300 0000 af10"), ElementsAre("0003 0000 10AF"));
  EXPECT_THAT(global(u"DriverOrder", "0300 00"), ElementsAre("0003 (and one byte)"));
  EXPECT_THAT(global(u"BootNext", "0700"), ElementsAre("0007"));
  EXPECT_THAT(global(u"Timeout", "0500"), ElementsAre("5 seconds"));
  EXPECT_THAT(global(u"Timeout", "ffff"), ElementsAre("waits for a key"));
  EXPECT_THAT(global(u"Timeout", "05"), IsEmpty());
  EXPECT_THAT(global(u"PlatformLang", "656e00"), ElementsAre("\"en\""));
  EXPECT_THAT(global(u"ConOut", "010106000001 7fff0400"), ElementsAre("Pci(0x1,0x0)"));
  EXPECT_THAT(global(u"OsIndications", "0500000000000000"),
              ElementsAre("boot to firmware's user interface", "file capsule delivery"));
  EXPECT_THAT(global(u"OsIndications", "0000000000000000"), ElementsAre("nothing"));
  EXPECT_THAT(global(u"OsIndications", "01"), IsEmpty());
  EXPECT_THAT(global(u"Unknown", "01"), IsEmpty());
  EXPECT_THAT(describe_content({{1, 2, 3, {}}, u"BootOrder"}, {}), IsEmpty());
  EXPECT_THAT(describe_content(variable::secure_boot_enable, parse_hex("00").value()),
              ElementsAre("Secure Boot is switched off"));
}

TEST(VariableContent, SignatureLists) {
  const std::string hashes = std::string(sha256) + "7c000000 00000000 30000000" + std::string(owner) +
                             std::string(64, 'a') + std::string(owner) + std::string(64, 'b');
  const auto bytes_of_hashes = parse_hex(hashes).value();
  const auto parsed = parse_signatures(bytes_of_hashes);
  ASSERT_TRUE(parsed.has_value());
  ASSERT_EQ(parsed->size(), 2u);
  EXPECT_EQ((*parsed)[0].owner, (abi::Guid{0x11111111, 0x1111, 0x1111, {17, 17, 17, 17, 17, 17, 17, 17}}));
  EXPECT_EQ(to_hex((*parsed)[1].data), std::string(64, 'b'));
  EXPECT_THAT(describe_content({variable::image_security_database_guid, u"dbx"}, parse_hex(hashes + hashes).value()),
              ElementsAre("SHA-256 hash: 4"));
  EXPECT_TRUE(parse_signatures({}).value().empty());
  for (const std::string& damaged :
       {hashes + "00", hashes.substr(2), std::string(sha256) + "1b000000 00000000 30000000",
        std::string(sha256) + "1c000000 01000000 30000000", std::string(sha256) + "1c000000 00000000 10000000",
        std::string(sha256) + "1d000000 00000000 30000000 00", std::string(sha256) + "ffffffff 00000000 30000000",
        std::string(sha256) + "1c000000 ffffffff 30000000"}) {
    const auto bytes = parse_hex(damaged).value();
    EXPECT_FALSE(parse_signatures(bytes).has_value()) << damaged;
    EXPECT_THAT(describe_content({variable::global_variable_guid, u"KEK"}, bytes),
                ElementsAre("damaged: not a sequence of signature lists"));
  }
}

TEST(VariableContent, CertificatesThatCannotBeRead) {
  const std::string list =
      "a159c0a5e494a74a87b5ab155c2bf072 2f000000 00000000 13000000" + std::string(owner) + "300100";
  EXPECT_THAT(global(u"PK", list),
              ElementsAre("X.509 certificate: not readable", "  owner 11111111-1111-1111-1111-111111111111"));
}

}  // namespace
}  // namespace redoubt::tool::variables
