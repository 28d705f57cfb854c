// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/workspace/depex_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/depex.hpp"

namespace redoubt::port {
namespace {

using testing::ElementsAre;

DepexSource parse(const std::string& text) {
  const auto source = DepexSource::parse(text, {"a.inf", 9});
  EXPECT_TRUE(source.has_value()) << text << ": " << to_string(source.error());
  return *source;
}

std::string reason_of(const std::string& text) {
  const auto source = DepexSource::parse(text, {"a.inf", 9});
  return source.has_value() ? "" : to_string(source.error());
}

// gA to gD, by their last letter.
std::optional<abi::Guid> value_of(const std::string& name) {
  return name.size() == 2 ? std::optional(abi::Guid{static_cast<std::uint32_t>(name[1] - 'A'), 0, 0, {}})
                          : std::nullopt;
}

bool evaluate(const std::string& text, unsigned installed) {
  const auto bytes = parse(text).compile(value_of);
  EXPECT_TRUE(bytes.has_value());
  const auto view = image::DepexView::create(*bytes);
  EXPECT_TRUE(view.has_value());
  return view->evaluate([installed](const abi::Guid& guid) { return (installed >> guid.data1 & 1) != 0; });
}

TEST(DepexSource, AndAndOrBindAlikeAndToTheRight) {
  for (unsigned installed = 0; installed < 8; ++installed) {
    const bool a = (installed & 1) != 0;
    const bool b = (installed & 2) != 0;
    const bool c = (installed & 4) != 0;
    EXPECT_EQ(evaluate("gA AND gB OR gC", installed), a && (b || c));
    EXPECT_EQ(evaluate("gA OR gB AND gC", installed), a || (b && c));
    EXPECT_EQ(evaluate("(gA AND gB) OR gC", installed), (a && b) || c);
    EXPECT_EQ(evaluate("NOT gA AND gB", installed), !a && b);
    EXPECT_EQ(evaluate("NOT (gA AND gB) END", installed), !(a && b));
    EXPECT_EQ(evaluate("", installed), true);
  }
}

TEST(DepexSource, ItsTextSaysTheSame) {
  for (const char* text : {"gA AND gB OR gC", "(gA AND gB) OR gC", "NOT (gA OR gB) AND gC", "gA AND (gB AND gC)",
                           "(gA OR gB) AND (gC OR FALSE)", "TRUE", "NOT NOT gA"}) {
    for (unsigned installed = 0; installed < 8; ++installed) {
      EXPECT_EQ(evaluate(parse(text).text(), installed), evaluate(text, installed)) << text;
    }
  }
  EXPECT_EQ(parse("BEFORE gA").text(), "BEFORE gA");
  EXPECT_EQ(parse("SOR gA").text(), "SOR gA");
  EXPECT_EQ(parse("gA  AND gB AND gC").text(), "gA AND gB AND gC");
}

TEST(DepexSource, NamesAreLeftOutAndReplaced) {
  const auto without = [](const std::string& text) {
    return parse(text)
        .replaced([](const std::string& name) { return name == "gA"   ? ""
                                                       : name == "gB" ? "gX"
                                                                      : name; })
        .text();
  };
  EXPECT_EQ(without("gA AND gC"), "gC");
  EXPECT_EQ(without("gB AND gA"), "gX");
  EXPECT_EQ(without("gA"), "TRUE");
  EXPECT_EQ(without("gC AND (gA OR NOT gA)"), "gC");
  EXPECT_EQ(without("(gA OR gC) AND gB"), "gC AND gX");
  EXPECT_EQ(without("AFTER gA"), "AFTER gA");
  EXPECT_THAT(parse("gA AND (gB OR gA)").names(), ElementsAre("gA", "gB"));
}

TEST(DepexSource, LibrariesAddTheirs) {
  const std::vector<DepexSource> parts = {parse("gA OR gB"), parse(""), parse("gC")};
  EXPECT_EQ(DepexSource::all_of(parts, {"a.inf"})->text(), "(gA OR gB) AND gC");
  const std::vector<DepexSource> ordered = {parse("BEFORE gA"), parse("gC")};
  EXPECT_FALSE(DepexSource::all_of(ordered, {"a.inf"}).has_value());
}

TEST(DepexSource, RefusesWhatItCannotRead) {
  EXPECT_EQ(reason_of("gA AND"), "a.inf:9: DEPEX ends where an operand should be");
  EXPECT_EQ(reason_of("gA gB"), "a.inf:9: DEPEX has 'gB' where an operator or its end should be");
  EXPECT_EQ(reason_of("(gA"), "a.inf:9: DEPEX has a parenthesis that isn't closed");
  EXPECT_EQ(reason_of("({0x1 OR gA)"), "a.inf:9: DEPEX has a GUID whose brace isn't closed");
  EXPECT_EQ(reason_of("gA AND NOT gB OR {0 {0x1}"), "a.inf:9: DEPEX has a GUID whose brace isn't closed");
  EXPECT_EQ(reason_of("OR gA"), "a.inf:9: DEPEX has 'OR' where an operand should be");
  EXPECT_EQ(reason_of("BEFORE gA AND gB"), "a.inf:9: DEPEX has more than one driver behind BEFORE");
  EXPECT_EQ(reason_of(std::string(100'000, '(')), "a.inf:9: DEPEX is too long");
  EXPECT_EQ(to_string(parse("gLong").compile(value_of).error()), "a.inf:9: DEPEX names gLong, whose GUID is unknown");
}

}  // namespace
}  // namespace redoubt::port
