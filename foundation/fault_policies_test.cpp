// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the image wants when a driver fails, and when the supervisor is asked for it.
#include "foundation/fault_policies.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "abi/pi/mm_protocols.hpp"
#include "abi/redoubt/image_names.hpp"
#include "foundation/testing/machine.hpp"
#include "foundation/testing/test_handlers.hpp"

namespace redoubt::foundation {
namespace {

using abi::EfiStatus;
using abi::FaultCause;
using abi::FaultPolicy;
using abi::Handle;
using abi::MmSystemTable;
using testing::ByteVector;
using testing::FakeSupervisor;
using testing::test_guid;
namespace status = abi::status;

const abi::Guid message = test_guid(0x101);

ByteVector entry(const abi::Guid& file, FaultPolicy policy) {
  const abi::FaultPolicyEntry value{file, policy, {}};
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  return {bytes, bytes + sizeof(value)};
}

ByteVector table(const std::vector<ByteVector>& entries) {
  ByteVector list;
  for (const ByteVector& one : entries) list.insert(list.end(), one.begin(), one.end());
  return testing::file(abi::image_names::fault_policies, abi::FileType::freeform,
                       testing::section(abi::SectionType::raw, list));
}

FaultPolicy policy_in(const ByteVector& volume, const abi::Guid& file) { return FaultPolicies(volume).of(file); }

TEST(FaultPolicies, EachDriverHasItsOwn) {
  const ByteVector volume =
      testing::volume({table({entry(test_guid(1), FaultPolicy::reset), entry(test_guid(2), FaultPolicy::disable),
                              entry(test_guid(3), FaultPolicy::halt)})});
  EXPECT_EQ(policy_in(volume, test_guid(1)), FaultPolicy::reset);
  EXPECT_EQ(policy_in(volume, test_guid(2)), FaultPolicy::disable);
  EXPECT_EQ(policy_in(volume, test_guid(3)), FaultPolicy::halt);
  EXPECT_EQ(policy_in(volume, test_guid(4)), FaultPolicy::disable) << "not named";
}

TEST(FaultPolicies, NonsenseAsksForAReset) {
  const ByteVector volume = testing::volume({table({entry(test_guid(1), static_cast<FaultPolicy>(3))})});
  EXPECT_EQ(policy_in(volume, test_guid(1)), FaultPolicy::reset);
}

TEST(FaultPolicies, ATableThatCannotBeReadMayHaveNamedAnybody) {
  const ByteVector good = table({entry(test_guid(1), FaultPolicy::halt)});
  ByteVector unchecked = good;
  unchecked[17] = std::byte{0x55};  // IntegrityCheck.Checksum.File, of a file whose data has no checksum
  EXPECT_EQ(policy_in(testing::volume({unchecked}), test_guid(1)), FaultPolicy::reset);
  const ByteVector without_section =
      testing::volume({testing::file(abi::image_names::fault_policies, abi::FileType::freeform,
                                     testing::section(abi::SectionType::user_interface, ByteVector(4)))});
  EXPECT_EQ(policy_in(without_section, test_guid(1)), FaultPolicy::reset);
  ByteVector no_volume = testing::volume({good});
  std::ranges::fill_n(no_volume.begin(), 64, std::byte{0});
  EXPECT_EQ(policy_in(no_volume, test_guid(1)), FaultPolicy::reset);
}

TEST(FaultPolicies, ACutEntryEndsTheTable) {
  ByteVector cut = entry(test_guid(2), FaultPolicy::halt);
  cut.pop_back();
  const ByteVector volume = testing::volume({table({entry(test_guid(1), FaultPolicy::halt), cut})});
  EXPECT_EQ(policy_in(volume, test_guid(1)), FaultPolicy::halt);
  EXPECT_EQ(policy_in(volume, test_guid(2)), FaultPolicy::reset) << "the entry that was cut may have been anybody's";
}

TEST(FaultPolicies, WithoutATableEverybodyIsDisabled) {
  EXPECT_EQ(policy_in({}, test_guid(1)), FaultPolicy::disable);
  EXPECT_EQ(policy_in(testing::volume({}), test_guid(1)), FaultPolicy::disable);
}

// A machine whose driver 1, "victim", has a policy, and driver 2, "other", none.
class FaultPolicyTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::clear_functions(); }
  void launch(FaultPolicy policy, testing::TestDriver victim) {
    victim.file = test_guid(1);
    victim.name = "victim";
    machine_.add(victim);
    machine_.add({.file = test_guid(2), .name = "other", .entry = [](Handle, MmSystemTable* mmst) {
                    Handle handle = nullptr;
                    return mmst->mmi_handler_register(testing::handlers[2], &message, &handle);
                  }});
    machine_.add_file(table({entry(test_guid(1), policy), entry(test_guid(2), FaultPolicy::disable)}));
    ASSERT_EQ(machine_.launch(), status::success);
  }
  const std::vector<abi::StopRequest>& stops() { return machine_.supervisor.stops; }
  static EfiStatus fine(Handle, MmSystemTable*) { return status::success; }
  static EfiStatus crash(const testing::HandlerCall&) { FakeSupervisor::fault(14, 0xDEAD); }

  testing::Machine machine_;
};

TEST_F(FaultPolicyTest, AFaultAsksWithAllThatIsKnownOfIt) {
  launch(FaultPolicy::reset, {.entry = [](Handle, MmSystemTable* mmst) {
           Handle handle = nullptr;
           return mmst->mmi_handler_register(testing::handlers[0], &message, &handle);
         }});
  EXPECT_TRUE(stops().empty());
  EXPECT_TRUE(machine_.supervisor.logged("name=\"victim\""));
  EXPECT_TRUE(machine_.supervisor.logged("policy=reset number=1"));
  EXPECT_TRUE(machine_.supervisor.logged("policy=disable number=2"));
  testing::handler_bodies[0] = crash;
  EXPECT_EQ(machine_.send(message).status, status::device_error) << "refused: the machine goes on";
  ASSERT_EQ(stops().size(), 1U);
  const abi::StopRequest& stop = stops()[0];
  EXPECT_EQ(stop.file, test_guid(1));
  EXPECT_EQ(stop.handler, message);
  EXPECT_EQ(stop.vector, 14U);
  EXPECT_EQ(stop.address, 0xDEADU);
  EXPECT_EQ(stop.driver, 1U);
  EXPECT_EQ(stop.policy, FaultPolicy::reset);
  EXPECT_EQ(stop.cause, FaultCause::fault);
  EXPECT_STREQ(stop.name, "victim");
  machine_.send(message);
  EXPECT_EQ(stops().size(), 1U) << "it isn't called any more";
}

TEST_F(FaultPolicyTest, ADriverThatNobodyNeedsIsStoppedWithoutAWord) {
  launch(FaultPolicy::reset, {.entry = fine});
  testing::handler_bodies[2] = crash;
  EXPECT_EQ(machine_.send(message).status, status::device_error);
  EXPECT_TRUE(stops().empty());
}

TEST_F(FaultPolicyTest, AnEntryPointThatFailsAsks) {
  launch(FaultPolicy::halt, {.entry = [](Handle, MmSystemTable*) { return status::device_error; }});
  ASSERT_EQ(stops().size(), 1U);
  EXPECT_EQ(stops()[0].policy, FaultPolicy::halt);
  EXPECT_EQ(stops()[0].cause, FaultCause::entry_point);
}

TEST_F(FaultPolicyTest, AFaultInAnEntryPointAsksOnce) {
  launch(FaultPolicy::reset, {.entry = [](Handle, MmSystemTable*) -> EfiStatus { FakeSupervisor::fault(13, 0); }});
  ASSERT_EQ(stops().size(), 1U);
  EXPECT_EQ(stops()[0].cause, FaultCause::fault);
  EXPECT_EQ(stops()[0].vector, 13U);
}

TEST_F(FaultPolicyTest, AnImageThatIsRefusedAsks) {
  testing::ImageRecipe recipe;
  recipe.text.resize(64);
  recipe.writable_text = true;
  launch(FaultPolicy::reset, {.image = testing::pe_image(recipe)});
  ASSERT_EQ(stops().size(), 1U);
  EXPECT_EQ(stops()[0].cause, FaultCause::image);
}

TEST_F(FaultPolicyTest, ADriverThatWaitsHasUntilTheLock) {
  launch(FaultPolicy::reset, {.depex = testing::Depex().push(test_guid(0x999)).end(), .entry = fine});
  EXPECT_TRUE(machine_.supervisor.logged("missing=1 policy=reset"));
  EXPECT_TRUE(stops().empty());
  machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid);
  ASSERT_EQ(stops().size(), 1U);
  EXPECT_EQ(stops()[0].cause, FaultCause::not_started);
  EXPECT_EQ(stops()[0].file, test_guid(1));
  machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid);
  EXPECT_EQ(stops().size(), 1U) << "a replay";
}

TEST_F(FaultPolicyTest, ADriverWhoseFileIsGoneIsMissedAtTheLock) {
  machine_.add_file(table({entry(test_guid(7), FaultPolicy::reset)}));
  ASSERT_EQ(machine_.launch(), status::success);
  machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid);
  ASSERT_EQ(stops().size(), 1U);
  EXPECT_EQ(stops()[0].file, test_guid(7));
  EXPECT_EQ(stops()[0].driver, 0U);
}

TEST_F(FaultPolicyTest, ADriverThatStartedIsNotMissed) {
  launch(FaultPolicy::reset, {.entry = fine});
  machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid);
  EXPECT_TRUE(stops().empty());
}

}  // namespace
}  // namespace redoubt::foundation
