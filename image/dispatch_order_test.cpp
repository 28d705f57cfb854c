// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "image/dispatch_order.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <string>

#include "image/testing/builder.hpp"

namespace redoubt::image {
namespace {

using abi::DepexOpcode;
using testing::Buffer;
using testing::depex;

abi::Guid driver(std::uint32_t number) { return {0xD0000000U + number, 1, 2, {3}}; }
abi::Guid protocol(std::uint32_t number) { return {0xB0000000U + number, 4, 5, {6}}; }
Buffer rule(DepexOpcode opcode, std::uint32_t number) {
  return depex({{opcode, driver(number)}, {DepexOpcode::end, {}}});
}
Buffer needs(std::uint32_t number) { return depex({{DepexOpcode::push, protocol(number)}, {DepexOpcode::end, {}}}); }

// Drivers named by number; each provides the protocol of its number once it started.
class DispatchOrderTest : public ::testing::Test {
 protected:
  DispatchNode& add(std::uint32_t number, Buffer expression = {}) {
    DispatchNode& node = nodes_.emplace_back();
    node.file = driver(number);
    if (!expression.empty()) read_rule(node, expressions_.emplace_back(std::move(expression)));
    order_.add(node);
    return node;
  }
  auto installed() {
    return [this](const abi::Guid& guid) { return installed_.contains(guid.data1); };
  }
  // "1 5 3": in which order they start until none can.
  std::string run() {
    std::string text;
    while (const DispatchNode* node = order_.next(installed())) {
      EXPECT_EQ(node->state, DispatchState::taken);
      const std::uint32_t number = node->file.data1 - 0xD0000000U;
      text += (text.empty() ? "" : " ") + std::to_string(number);
      installed_.insert(protocol(number).data1);
    }
    return text;
  }
  void apriori(const std::vector<std::uint32_t>& numbers, std::size_t extra_bytes = 0) {
    Buffer list(numbers.size() * sizeof(abi::Guid) + extra_bytes);
    for (std::size_t i = 0; i < numbers.size(); ++i) testing::put(list, i * sizeof(abi::Guid), driver(numbers[i]));
    order_.schedule_apriori(list);
  }

  DispatchOrder order_;
  std::deque<DispatchNode> nodes_;
  std::deque<Buffer> expressions_;
  std::set<std::uint32_t> installed_;
};

TEST_F(DispatchOrderTest, DiscoveryDecidesWhereNothingElseDoes) {
  for (const std::uint32_t number : {3U, 1U, 2U}) add(number);
  EXPECT_EQ(run(), "3 1 2");
  EXPECT_EQ(run(), "");
}

TEST_F(DispatchOrderTest, ExpressionsWaitForTheirProtocols) {
  add(3, needs(2));
  add(2, needs(1));
  add(1);
  EXPECT_EQ(run(), "1 2 3");
}

TEST_F(DispatchOrderTest, NeighboursStandNextToTheirAnchors) {
  add(12, rule(DepexOpcode::after, 10));
  add(8, rule(DepexOpcode::before, 9));
  add(9, rule(DepexOpcode::before, 10));
  add(13, rule(DepexOpcode::after, 12));
  add(7, rule(DepexOpcode::before, 10));
  add(1, needs(0));
  add(10, needs(0));
  add(0);
  EXPECT_EQ(run(), "0 1 8 9 7 10 12 13");
}

TEST_F(DispatchOrderTest, NeighboursOfWaitersWait) {
  add(1, rule(DepexOpcode::before, 2));
  add(2, needs(99));
  add(3, rule(DepexOpcode::after, 2));
  add(4, rule(DepexOpcode::after, 77));
  EXPECT_EQ(run(), "");
  installed_.insert(protocol(99).data1);
  EXPECT_EQ(run(), "1 2 3");
  EXPECT_EQ(nodes_[3].state, DispatchState::waiting);
}

TEST_F(DispatchOrderTest, CirclesEnd) {
  add(1, rule(DepexOpcode::before, 2));
  add(2, rule(DepexOpcode::before, 1));
  add(3, rule(DepexOpcode::after, 3));
  add(4);
  add(5, rule(DepexOpcode::after, 4));
  add(4, rule(DepexOpcode::after, 5));
  EXPECT_EQ(run(), "4 5 4");
}

TEST_F(DispatchOrderTest, TheAprioriListComesFirstWhateverTheRules) {
  add(1);
  add(2, needs(99));
  add(3, depex({{DepexOpcode::constant_false, {}}, {DepexOpcode::end, {}}}));
  add(4, rule(DepexOpcode::after, 2));
  apriori({3, 55, 2, 3}, 5);
  EXPECT_EQ(run(), "3 2 1 4");
  EXPECT_TRUE(nodes_[1].apriori && nodes_[2].apriori);
  EXPECT_FALSE(nodes_[3].apriori);
}

TEST_F(DispatchOrderTest, WhoNeverStartsHasARuleThatSaysWhy) {
  const DispatchNode& request =
      add(1, depex({{DepexOpcode::schedule_on_request, {}}, {DepexOpcode::constant_true, {}}, {DepexOpcode::end, {}}}));
  const DispatchNode& malformed = add(2, depex({{DepexOpcode::logical_not, {}}, {DepexOpcode::end, {}}}));
  EXPECT_EQ(run(), "");
  EXPECT_EQ(request.rule, DispatchRule::on_request);
  EXPECT_EQ(malformed.rule, DispatchRule::malformed);
  EXPECT_STREQ(malformed.defect.reason, "dependency expression has an operator without operands");
}

TEST_F(DispatchOrderTest, MissingProtocolsAreNamed) {
  const DispatchNode& node = add(1, depex({{DepexOpcode::push, protocol(7)},
                                           {DepexOpcode::push, protocol(8)},
                                           {DepexOpcode::logical_and, {}},
                                           {DepexOpcode::push, protocol(9)},
                                           {DepexOpcode::logical_or, {}},
                                           {DepexOpcode::end, {}}}));
  installed_.insert(protocol(8).data1);
  std::vector<abi::Guid> missing;
  for_each_missing(node, installed(), [&](const abi::Guid& guid) { missing.push_back(guid); });
  EXPECT_EQ(missing, (std::vector{protocol(7), protocol(9)}));
  const DispatchNode& other = add(2, rule(DepexOpcode::before, 3));
  for_each_missing(other, installed(), [](const abi::Guid&) { ADD_FAILURE(); });
}

TEST_F(DispatchOrderTest, LongChainsNeedNoStack) {
  constexpr std::uint32_t count = 3000;
  for (std::uint32_t number = count; number > 1; --number) add(number, rule(DepexOpcode::after, number - 1));
  add(1);
  std::string expected = "1";
  for (std::uint32_t number = 2; number <= count; ++number) expected += " " + std::to_string(number);
  EXPECT_EQ(run(), expected);
}

TEST_F(DispatchOrderTest, DriversFoundLaterJoin) {
  add(1);
  EXPECT_EQ(run(), "1");
  add(3, rule(DepexOpcode::after, 1));
  add(2, rule(DepexOpcode::before, 1));
  EXPECT_EQ(run(), "3") << "nobody can be before what started";
  EXPECT_EQ(order_.find(driver(2))->state, DispatchState::waiting);
  EXPECT_EQ(order_.find(driver(9)), nullptr);
}

}  // namespace
}  // namespace redoubt::image
