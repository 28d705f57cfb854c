// SPDX-License-Identifier: BSD-2-Clause-Patent
// DSC and FDF files: conditions, includes and macros first, then what they say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tool/port/metadata/dsc.hpp"
#include "tool/port/metadata/expression.hpp"
#include "tool/port/metadata/fdf.hpp"

namespace redoubt::port {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Files = std::map<std::string, std::string>;

DirectiveInput input_of(const Files& files) {
  DirectiveInput input;
  input.given = {{"TARGET", "DEBUG"}};
  input.include = [files](const std::string& path, const std::string&,
                          const Place& place) -> ReadResult<std::shared_ptr<const Document>> {
    const auto found = files.find(path);
    if (found == files.end()) {
      return refuse(place, "no " + path);
    }
    return std::make_shared<const Document>(*Document::parse(path, found->second));
  };
  return input;
}

ReadResult<DscFile> dsc_of(const Files& files) {
  return read_dsc(std::make_shared<const Document>(*Document::parse("a.dsc", files.at("a.dsc"))), input_of(files));
}

std::string reason_of(const Files& files) {
  const auto dsc = dsc_of(files);
  return dsc.has_value() ? "" : to_string(dsc.error());
}

ReadResult<FdfFile> fdf_of(const std::string& text) {
  return read_fdf(std::make_shared<const Document>(*Document::parse("a.fdf", text)), input_of({}));
}

std::vector<std::string> components(const std::string& text) {
  const auto dsc = dsc_of({{"a.dsc", text}});
  EXPECT_TRUE(dsc.has_value()) << to_string(dsc.error());
  std::vector<std::string> result;
  for (const Component& component : dsc->components) {
    result.push_back(component.inf);
  }
  return result;
}

bool holds(const std::string& expression) {
  const Macros macros = {{"YES", "TRUE"}, {"NAME", "\"GCC\""}, {"ARCH", "IA32 X64"}, {"SIZE", "0x400"}};
  const ExpressionNames names = {
      [&](std::string_view name) {
        const auto found = macros.find(name);
        return found == macros.end() ? std::nullopt : std::optional(found->second);
      },
      [](std::string_view name) { return name == "gA.PcdB" ? std::optional<std::string>("3") : std::nullopt; }};
  const auto value = evaluate_condition(expression, names);
  EXPECT_TRUE(value.has_value()) << expression << ": " << value.error();
  return value.has_value() && *value;
}

TEST(Condition, OperatorsAndValues) {
  for (const char* expression : {"TRUE",
                                 "$(YES)",
                                 "$(YES) == TRUE",
                                 "$(NAME) == \"GCC\"",
                                 "$(NAME) == GCC",
                                 "\"X64\" IN $(ARCH)",
                                 "\"ARM\" not in $(ARCH)",
                                 "$(SIZE) == 1024",
                                 "($(SIZE) / 2 + 1) * 2 == 1026",
                                 "!FALSE",
                                 "not FALSE and TRUE",
                                 "FALSE OR TRUE",
                                 "1 < 2 && 2 <= 2",
                                 "gA.PcdB == 3",
                                 "gA.PcdB & 1",
                                 "FALSE ? FALSE : TRUE",
                                 "1 << 3 EQ 8",
                                 "~0 == 0xFFFFFFFFFFFFFFFF",
                                 "\"$(NAME)x\" == \"GCCx\"",
                                 "TRUE XOR FALSE",
                                 "3 % 2 == 1",
                                 "\"\" == \"\""}) {
    EXPECT_TRUE(holds(expression)) << expression;
  }
  for (const char* expression : {"FALSE", "0", "$(YES) == FALSE", "$(NAME) != GCC", "\"ARM\" in $(ARCH)", "! TRUE",
                                 "$(UNKNOWN)", "$(UNKNOWN) != TRUE", "!$(UNKNOWN)", "1 - 1", "\"\""}) {
    EXPECT_FALSE(holds(expression)) << expression;
  }
}

TEST(Condition, RefusesWhatItCannotDecide) {
  const ExpressionNames names = {[](std::string_view) { return std::nullopt; },
                                 [](std::string_view) { return std::nullopt; }};
  for (const std::string& expression :
       {std::string("("), std::string("1 +"), std::string("1 2"), std::string("gA.PcdB"), std::string("1 / 0"),
        std::string("\"a"), std::string("$(A"), std::string("\"a\" < 1"), std::string("1 ? 2"), std::string(")"),
        std::string(10'000, '('), std::string(10'000, '!'), std::string(10'000, '~')}) {
    EXPECT_FALSE(evaluate_condition(expression, names).has_value()) << expression.substr(0, 20);
  }
}

TEST(Dsc, ConditionsDecide) {
  const std::string text =
      "[Defines]\n"
      "  DEFINE A = FALSE\n"
      "  DEFINE TARGET = RELEASE\n"
      "[Components]\n"
      "!if $(A) == TRUE\n  One.inf\n!elseif $(TARGET) == DEBUG\n  Two.inf\n!if FALSE\n  Three.inf\n!else\n  Four.inf\n"
      "!endif\n!elseif TRUE\n  Five.inf\n!else\n  Six.inf\n!endif\n"
      "!ifdef A\n  Seven.inf\n!endif\n!ifndef $(A)\n  Eight.inf\n!endif\n"
      "!if gA.PcdB == 3\n  Nine.inf\n!endif\n"
      "[PcdsFixedAtBuild]\n  gA.PcdB|3\n";
  EXPECT_THAT(components(text), ElementsAre("Two.inf", "Four.inf", "Seven.inf", "Nine.inf"));
}

TEST(Dsc, ReadsWhatModulesAreLinkedWith) {
  const auto dsc = dsc_of(
      {{"a.dsc",
        "[LibraryClasses.common.MM_STANDALONE, LibraryClasses.X64.DXE_SMM_DRIVER]\n  DEFINE DIR = Lib\n"
        "  A|$(DIR)/A.inf # why\n"
        "[LibraryClasses]\n  !include b.inc\n"
        "[Components.X64]\n  DEFINE M = Mod\n  $(M)/M.inf {\n    <LibraryClasses>\n      NULL|N.inf\n      A|B.inf\n"
        "    <PcdsFixedAtBuild>\n      gT.PcdC|5\n    <BuildOptions>\n      GCC:*_*_*_CC_FLAGS = -DX=1\n  }\n"
        "[BuildOptions.common.EDKII.MM_STANDALONE]\n  GCC:*_*_*_DLINK_FLAGS == -z max-page-size=4096\n"
        "[PcdsDynamicHii.X64]\n  gT.PcdD|L\"V|W\"|gG|0|1\n"
        "[PcdsFixedAtBuild]\n  gT.PcdE|{CODE({\n  1|2,\n })}\n  gT.PcdF|1\n"},
       {"b.inc", "  C|$(DIR)/C.inf\n"}});
  ASSERT_TRUE(dsc.has_value()) << to_string(dsc.error());
  ASSERT_EQ(dsc->libraries.size(), 3U);
  EXPECT_EQ(dsc->libraries[0].instance, "Lib/A.inf");
  EXPECT_EQ(dsc->libraries[0].module_type, "MM_STANDALONE");
  EXPECT_EQ(dsc->libraries[1].architecture, "X64");
  // The macro ended with its section.
  EXPECT_EQ(dsc->libraries[2].instance, "$(DIR)/C.inf");
  EXPECT_EQ(dsc->libraries[2].place, (Place{"b.inc", 1}));
  ASSERT_EQ(dsc->components.size(), 1U);
  const Component& component = dsc->components.front();
  EXPECT_EQ(component.inf, "Mod/M.inf");
  EXPECT_EQ(component.place, (Place{"a.dsc", 8}));
  EXPECT_EQ(component.end, (Place{"a.dsc", 16}));
  ASSERT_EQ(component.libraries.size(), 2U);
  EXPECT_EQ(component.libraries[0].library_class, "NULL");
  EXPECT_EQ(component.pcds.at(0).value, "5");
  EXPECT_EQ(component.build_options.at(0).value, "-DX=1");
  EXPECT_EQ(dsc->build_options.at(0).module_type, "MM_STANDALONE");
  EXPECT_EQ(dsc->build_options.at(0).value, "-z max-page-size=4096");
  ASSERT_EQ(dsc->pcds.size(), 3U);
  EXPECT_EQ(dsc->pcds[0].kind, PcdKind::dynamic);
  EXPECT_EQ(dsc->pcds[0].value, "L\"V|W\"");
  EXPECT_EQ(dsc->pcds[2].name, "gT.PcdF");
}

TEST(Dsc, RefusesWhatItCannotRead) {
  EXPECT_EQ(reason_of({{"a.dsc", "!if TRUE\n[Defines]\n"}}), "a.dsc:1: condition without an !endif");
  EXPECT_EQ(reason_of({{"a.dsc", "!endif\n"}}), "a.dsc:1: !endif without an !if");
  EXPECT_EQ(reason_of({{"a.dsc", "!if TRUE\n!else\n!else\n!endif\n"}}), "a.dsc:3: !else behind an !else");
  EXPECT_EQ(reason_of({{"a.dsc", "!if\n!endif\n"}}), "a.dsc:1: condition is missing");
  EXPECT_EQ(reason_of({{"a.dsc", "!if (1\n!endif\n"}}), "a.dsc:1: condition has a parenthesis that isn't closed");
  EXPECT_EQ(reason_of({{"a.dsc", "!frob\n"}}), "a.dsc:1: unknown directive !frob");
  EXPECT_EQ(reason_of({{"a.dsc", "!error stop here\n"}}), "a.dsc:1: !error stop here");
  EXPECT_EQ(reason_of({{"a.dsc", "!include b\n"}}), "a.dsc:1: no b");
  EXPECT_EQ(reason_of({{"a.dsc", "!include b\n"}, {"b", "!include c\n"}, {"c", "!include b\n"}}), "b: includes itself");
  EXPECT_EQ(reason_of({{"a.dsc", "!include b\n"}, {"b", "!if TRUE\n"}}), "b:1: condition without an !endif");
  EXPECT_EQ(reason_of({{"a.dsc", "!if TRUE\n!include b\n!endif\n"}, {"b", "!endif\n"}}), "b:1: !endif without an !if");
  EXPECT_EQ(reason_of({{"a.dsc", "[Components]\n A.inf {\n"}}), "a.dsc:2: '{' without a '}'");
  EXPECT_EQ(reason_of({{"a.dsc", "[Components]\n A.inf {\n B.inf\n }\n"}}),
            "a.dsc:3: stands in a component's braces in front of the first <...>");
  EXPECT_EQ(reason_of({{"a.dsc", "[Components]\n ../A.inf\n"}}), "a.dsc:2: path leaves the tree");
  EXPECT_EQ(reason_of({{"a.dsc", "[LibraryClasses]\n A|/A.inf\n"}}), "a.dsc:2: path leaves the tree");
  EXPECT_EQ(reason_of({{"a.dsc", "[LibraryClasses]\n A\n"}}),
            "a.dsc:2: isn't a library class and its instance (CLASS|PATH)");
  EXPECT_EQ(reason_of({{"a.dsc", "[PcdsFixedAtBuild]\n A|1\n"}}), "a.dsc:2: isn't a PCD (TOKENSPACE.NAME|VALUE)");
  EXPECT_EQ(reason_of({{"a.dsc", "[PcdsFixedAtBuild]\n A.B|{CODE(\n"}}), "a.dsc:2: '{CODE(' without a ')}'");
  EXPECT_EQ(reason_of({{"a.dsc",
                        "\x7F"
                        "ELF\x02\x01\n"}}),
            "a.dsc:1: stands in front of the first section");
}

// A platform's DEFINE that is empty takes a statement away.
TEST(PlatformFiles, LinesOfWhichMacrosLeaveNothingDontCount) {
  EXPECT_THAT(components("[Components]\n  DEFINE EXTRA =\n  $(EXTRA)\n  $(EXTRA) $(EXTRA)\n  A.inf\n"),
              ElementsAre("A.inf"));
  const auto fdf = fdf_of("[FV.MAIN]\nDEFINE EXTRA =\n$(EXTRA)\n  $(EXTRA) INF A.inf\n");
  ASSERT_TRUE(fdf.has_value()) << to_string(fdf.error());
  ASSERT_EQ(fdf->modules.size(), 1U);
  EXPECT_EQ(fdf->modules.front().inf, "A.inf");
}

TEST(Dsc, IncludesThatMultiplyEnd) {
  Files files = {{"a.dsc", "[Components]\n!include 0\n"}};
  for (int i = 0; i < 20; ++i) {
    std::string& text = files[std::to_string(i)];
    for (int j = 0; j < 10; ++j) {
      text += std::format("!include {}\n", i + 1);
    }
  }
  files["20"] = "# end\n";
  EXPECT_THAT(reason_of(files), HasSubstr("too many lines"));
}

TEST(Fdf, FindsModulesAndRules) {
  const auto fdf = fdf_of(
      "[FD.A]\n0x0|0x1000\nFV = MAIN\nDATA = { 0x1, 0x2,\n 0x3 }\n"
      "[FV.MAIN]\nFvAlignment = 16\nAPRIORI DXE {\n  INF A/A.inf\n}\n  INF  A/A.inf\n"
      "  INF RuleOverride = ACPI UI = \"a {b\" B\\B.inf\n"
      "FILE FREEFORM = 11111111-2222-3333-4444-555555555555 {\n  SECTION RAW = a.bin\n}\n"
      "[Rule.Common.DXE_SMM_DRIVER]\n  FILE SMM = $(NAMED_GUID) {\n    PE32 PE32 a.efi\n  }\n\n"
      "[Rule.X64.DXE_DRIVER.BINARY]\n  FILE DRIVER = $(NAMED_GUID) {\n  }\n");
  ASSERT_TRUE(fdf.has_value()) << to_string(fdf.error());
  ASSERT_EQ(fdf->modules.size(), 3U);
  EXPECT_TRUE(fdf->modules[0].apriori);
  EXPECT_FALSE(fdf->modules[1].apriori);
  EXPECT_EQ(fdf->modules[1].volume, "MAIN");
  EXPECT_EQ(fdf->modules[2].inf, "B/B.inf");
  EXPECT_EQ(fdf->modules[2].options, "RuleOverride = ACPI UI = \"a {b\"");
  ASSERT_EQ(fdf->rules.size(), 2U);
  EXPECT_EQ(fdf->rules[0].module_type, "DXE_SMM_DRIVER");
  EXPECT_EQ(fdf->rules[0].last, (Place{"a.fdf", 19}));
  EXPECT_EQ(fdf->rules[1].name, "BINARY");
}

TEST(Fdf, RefusesWhatItCannotRead) {
  EXPECT_EQ(to_string(fdf_of("[FV.A]\nAPRIORI DXE {\n INF A.inf\n[FV.B]\n").error()), "a.fdf:2: '{' without a '}'");
  EXPECT_EQ(to_string(fdf_of("[FV.A]\n}\n").error()), "a.fdf:2: '}' without a '{'");
  EXPECT_EQ(to_string(fdf_of("[FV.A]\nINF ../A.inf\n").error()), "a.fdf:2: path leaves the tree");
  EXPECT_EQ(to_string(fdf_of("INF A.inf\n").error()), "a.fdf:1: stands in front of the first section");
}

}  // namespace
}  // namespace redoubt::port
