// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "image/depex.hpp"

#include <gtest/gtest.h>

#include "image/depex_text.hpp"
#include "image/testing/builder.hpp"

namespace redoubt::image {
namespace {

using abi::DepexOpcode;
using namespace testing;

constexpr abi::Guid a = {0xA, 0, 0, {}};
constexpr abi::Guid b = {0xB, 0, 0, {}};
constexpr abi::Guid c = {0xC, 0, 0, {}};
// An independent copy: the text below names it.
constexpr abi::Guid mm_base = {0xf4ccbfb7, 0xf6e0, 0x47fd, {0x9d, 0xd4, 0x10, 0xa8, 0xf1, 0x50, 0xc1, 0x91}};
constexpr DepexTerm op(DepexOpcode opcode) { return {opcode, {}}; }
constexpr DepexTerm push_term(const abi::Guid& guid) { return {DepexOpcode::push, guid}; }

bool evaluate(const Buffer& bytes, bool has_a, bool has_b) {
  return DepexView::create(bytes).value().evaluate(
      [&](const abi::Guid& guid) { return guid == a ? has_a : guid == b && has_b; });
}

Error error_of(const std::vector<DepexTerm>& terms) {
  const auto result = DepexView::create(depex(terms));
  EXPECT_FALSE(result.has_value());
  return result.has_value() ? Error::not_found : result.error().code;
}

TEST(DepexView, EvaluatesOperators) {
  const Buffer both = depex({push_term(a), push_term(b), op(DepexOpcode::logical_and), op(DepexOpcode::end)});
  const Buffer either = depex({push_term(a), push_term(b), op(DepexOpcode::logical_or), op(DepexOpcode::end)});
  const Buffer neither = depex(
      {push_term(a), push_term(b), op(DepexOpcode::logical_or), op(DepexOpcode::logical_not), op(DepexOpcode::end)});
  for (const bool has_a : {false, true}) {
    for (const bool has_b : {false, true}) {
      EXPECT_EQ(evaluate(both, has_a, has_b), has_a && has_b);
      EXPECT_EQ(evaluate(either, has_a, has_b), has_a || has_b);
      EXPECT_EQ(evaluate(neither, has_a, has_b), !(has_a || has_b));
    }
  }
  EXPECT_TRUE(evaluate(depex({op(DepexOpcode::constant_true), op(DepexOpcode::end)}), false, false));
  EXPECT_FALSE(evaluate(depex({op(DepexOpcode::constant_false), op(DepexOpcode::end)}), true, true));
}

TEST(DepexView, KnowsOrderAndRequest) {
  const Buffer bytes = depex({{DepexOpcode::after, c}, op(DepexOpcode::end)});
  const auto after = DepexView::create(bytes).value();
  ASSERT_TRUE(after.order().has_value());
  EXPECT_FALSE(after.order()->before);
  EXPECT_EQ(after.order()->file, c);
  const Buffer request = depex({op(DepexOpcode::schedule_on_request), push_term(a), op(DepexOpcode::end)});
  EXPECT_TRUE(DepexView::create(request).value().on_request());
  EXPECT_TRUE(evaluate(request, true, false));
}

TEST(DepexView, IgnoresWhatIsBehindEnd) {
  Buffer bytes = depex({op(DepexOpcode::constant_true), op(DepexOpcode::end)});
  bytes.push_back(std::byte{0xFF});
  EXPECT_TRUE(DepexView::create(bytes).has_value());
}

TEST(DepexView, RefusesBadGrammar) {
  using enum DepexOpcode;
  EXPECT_EQ(error_of({}), Error::truncated);
  EXPECT_EQ(error_of({push_term(a)}), Error::truncated);
  EXPECT_EQ(error_of({op(end)}), Error::malformed);
  EXPECT_EQ(error_of({push_term(a), push_term(b), op(end)}), Error::malformed);
  EXPECT_EQ(error_of({push_term(a), op(logical_and), op(end)}), Error::malformed);
  EXPECT_EQ(error_of({op(logical_not), op(end)}), Error::malformed);
  EXPECT_EQ(error_of({push_term(a), {before, b}, op(end)}), Error::malformed);
  EXPECT_EQ(error_of({{before, b}, push_term(a), op(end)}), Error::malformed);
  EXPECT_EQ(error_of({{before, b}, {after, a}, op(end)}), Error::malformed);
  EXPECT_EQ(error_of({push_term(a), op(schedule_on_request), op(end)}), Error::malformed);
  EXPECT_EQ(error_of({op(schedule_on_request), op(end)}), Error::malformed);
  EXPECT_EQ(error_of({op(static_cast<DepexOpcode>(10)), op(end)}), Error::malformed);
  const Buffer cut = depex({push_term(a)});
  EXPECT_EQ(DepexView::create(view(cut).first(10)).error().code, Error::truncated);
}

TEST(DepexView, BoundsItsStack) {
  const auto nested = [](std::size_t depth) {
    std::vector<DepexTerm> terms(depth, op(DepexOpcode::constant_true));
    terms.insert(terms.end(), depth - 1, op(DepexOpcode::logical_and));
    terms.push_back(op(DepexOpcode::end));
    return depex(terms);
  };
  EXPECT_TRUE(evaluate(nested(DepexStack::limit), false, false));
  EXPECT_EQ(DepexView::create(nested(DepexStack::limit + 1)).error().code, Error::unsupported);
}

std::string infix(const std::vector<DepexTerm>& terms) {
  const Buffer bytes = depex(terms);
  return to_infix(DepexView::create(bytes).value());
}

TEST(DepexText, PutsParenthesesWhereTheyAreNeeded) {
  using enum DepexOpcode;
  const std::string a_text = "0000000a-0000-0000-0000-000000000000";
  EXPECT_EQ(infix({push_term(mm_base), op(end)}), "MmBase");
  EXPECT_EQ(infix({push_term(a), op(end)}), a_text);
  EXPECT_EQ(
      infix({push_term(mm_base), push_term(mm_base), op(logical_and), push_term(mm_base), op(logical_and), op(end)}),
      "MmBase AND MmBase AND MmBase");
  EXPECT_EQ(
      infix({push_term(mm_base), op(constant_true), op(constant_false), op(logical_or), op(logical_and), op(end)}),
      "MmBase AND (TRUE OR FALSE)");
  EXPECT_EQ(infix({push_term(mm_base), op(constant_true), op(logical_and), op(logical_not), op(end)}),
            "NOT (MmBase AND TRUE)");
  EXPECT_EQ(infix({push_term(mm_base), op(logical_not), op(constant_true), op(logical_and), op(end)}),
            "NOT MmBase AND TRUE");
  EXPECT_EQ(infix({{before, a}, op(end)}), "BEFORE " + a_text);
  EXPECT_EQ(infix({op(schedule_on_request), push_term(mm_base), op(end)}), "SOR MmBase");
  std::vector<DepexTerm> many(depex_text_terms + 1, op(logical_not));
  many.front() = op(constant_true);
  many.push_back(op(end));
  EXPECT_EQ(infix(many), "(an expression too long to print)");
}

}  // namespace
}  // namespace redoubt::image
