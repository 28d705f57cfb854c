// SPDX-License-Identifier: BSD-2-Clause-Patent
// A CPU that comes back although it never left as it should: reset in the middle of an MMI, or taken out of it by an
// RSM of ring 3's, which nothing can prevent.
#include "supervisor/mmi/activity.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "abi/pi/mm_cpu.hpp"
#include "abi/pi/variable_messages.hpp"
#include "arch/x86_64/registers/control.hpp"
#include "arch/x86_64/registers/msr.hpp"
#include "policy/closed_answers.hpp"
#include "supervisor/testing/launched_machine.hpp"

namespace redoubt::supervisor {
namespace {

using abi::SystemCall;
using abi::SystemStatus;

class ActivityTest : public ::testing::Test {
 protected:
  void SetUp() override {
    code_segment() = 0x10;
    breakpoint() = 0x9000;
    ASSERT_TRUE(machine_.launch().has_value());
  }
  void finish_launch() {
    ASSERT_EQ(machine_.call(SystemCall::finish_launch, 0), Continuation::leave);
    machine_.start_operating_system();
  }

  static std::uint64_t& code_segment() { return arch::fake::machine().msrs[arch::msr::sysenter_code_segment]; }
  static std::uint64_t& breakpoint() { return arch::fake::machine().dr3; }
  Supervisor& supervisor() { return machine_.supervisor(); }

  void post(std::uint8_t data) {
    const abi::CommunicateHeader header{.header_guid = {data, 2, 3, {4}}, .message_length = 1};
    std::memcpy(machine_.mailbox(), &header, sizeof(header));
    machine_.mailbox()[sizeof(header)] = std::byte{data};
    machine_.status().return_status = 77;
    machine_.status().is_comm_buffer_valid = 1;
  }
  bool answered() { return machine_.status().is_comm_buffer_valid == 0; }
  // An SMI as a CPU enters: CR0.TS set, the host's LDT loaded, no ports.
  Continuation mmi() {
    arch::fake::machine().tsc += std::uint64_t{1} << 30;
    arch::fake::machine().cr0 |= arch::cr0::task_switched;
    arch::fake::machine().local_descriptors = 0x50;
    return machine_.mmi();
  }
  // The foundation, in whatever it does, calls driver 7.
  void call_driver() {
    machine_.frame().rsp -= 0x200;
    call_address_ = machine_.frame().rsp + 0x10;
    call() = {};
    call().entry = 0x1F20'0000;
    call().scratch_argument = abi::DriverCall::no_scratch;
    call().driver = 7;
    ASSERT_EQ(machine_.call(SystemCall::call_driver, call_address_), Continuation::resume);
    ASSERT_TRUE(machine_.in_driver_space());
  }
  abi::DriverCall& call() { return machine_.at<abi::DriverCall>(call_address_); }
  // The MMI whose event the foundation was entered with.
  const abi::MmiEvent& event() { return machine_.at<abi::MmiEvent>(machine_.frame().rsi); }
  void expect_driver_fault(std::uint32_t vector = abi::fault_left_mm) {
    EXPECT_TRUE(machine_.in_foundation_space());
    EXPECT_EQ(machine_.answer(), SystemStatus::driver_fault);
    EXPECT_EQ(call().fault_vector, vector);
    EXPECT_EQ(supervisor().fault_count, 1u);
    EXPECT_EQ(code_segment(), 0u) << "the doors are shut";
    EXPECT_EQ(arch::fake::machine().local_descriptors, 0u);
  }

  testing::LaunchedMachine machine_;
  std::uint64_t call_address_ = 0;
};

TEST_F(ActivityTest, ADriverThatLeavesMmIsStoppedAtTheNextMmi) {
  finish_launch();
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  call_driver();
  // RSM. The caller sees no answer, and sends something else.
  EXPECT_FALSE(answered());
  post(6);
  ASSERT_EQ(mmi(), Continuation::resume);
  expect_driver_fault();
  EXPECT_FALSE(answered()) << "the new message isn't what the foundation was at";
  // The foundation ends the old MMI, and is entered for the new one.
  ASSERT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::resume);
  EXPECT_EQ(event().has_message, 1u);
  EXPECT_EQ(event().guid.data1, 6u);
  EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::leave);
  EXPECT_TRUE(answered());
  EXPECT_EQ(machine_.status().return_status, 0u);
  EXPECT_EQ(code_segment(), 0x10u);
  EXPECT_EQ(breakpoint(), 0x9000u);
  // And that was all.
  EXPECT_EQ(mmi(), Continuation::leave);
}

TEST_F(ActivityTest, ADriverMayLeaveAgainAndAgain) {
  finish_launch();
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  for (unsigned count = 1; count <= 4; ++count) {
    call_driver();
    ASSERT_EQ(mmi(), Continuation::resume);
    EXPECT_EQ(supervisor().fault_count, count);
    EXPECT_EQ(machine_.answer(), SystemStatus::driver_fault);
    machine_.frame().rsp += 0x200;
  }
  ASSERT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::resume);
  EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::leave);
  EXPECT_TRUE(answered());
}

TEST_F(ActivityTest, WithoutANewMessageTheOldOneIsServedAgain) {
  finish_launch();
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  call_driver();
  ASSERT_EQ(mmi(), Continuation::resume);
  ASSERT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::resume);
  EXPECT_EQ(event().guid.data1, 5u);
  EXPECT_EQ(machine_.call(SystemCall::finish_mmi, abi::status::not_found, 0), Continuation::leave);
  EXPECT_EQ(machine_.status().return_status, abi::status::not_found);
}

TEST_F(ActivityTest, ADriverThatLeavesMmDuringTheLaunchIsStopped) {
  ASSERT_TRUE(supervisor().rendezvous.enter_first(0)) << "as the image's entry point does";
  call_driver();
  ASSERT_EQ(mmi(), Continuation::resume);
  expect_driver_fault();
  EXPECT_EQ(machine_.record().result, static_cast<std::uint64_t>(abi::LaunchResult::not_run));
  EXPECT_EQ(machine_.call(SystemCall::finish_launch, 0), Continuation::leave);
  EXPECT_EQ(machine_.record().result, static_cast<std::uint64_t>(abi::LaunchResult::ready));
  EXPECT_EQ(code_segment(), 0x10u);
}

class CutOffTest : public ActivityTest, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(LeftOrReset, CutOffTest, ::testing::Bool());

// Whatever it was at may be half-done: nobody goes on with it.
TEST_P(CutOffTest, AFoundationThatIsCutOffIsOver) {
  const bool reset = GetParam();
  machine_.call(SystemCall::set_root_interest, 1);
  finish_launch();
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  if (reset) breakpoint() = 0;
  post(6);
  ASSERT_EQ(mmi(), Continuation::leave);
  EXPECT_EQ(supervisor().fault_count, 1u);
  EXPECT_TRUE(supervisor().foundation_over);
  EXPECT_TRUE(answered());
  EXPECT_EQ(machine_.status().return_status, abi::status::device_error);
  EXPECT_EQ(code_segment(), reset ? 0u : 0x10u);
  EXPECT_NE(machine_.frame().vector, arch::in_ring_3) << "the next time it is ring 0 that is cut off";
  post(7);
  EXPECT_EQ(mmi(), Continuation::leave);
  EXPECT_TRUE(answered());
  EXPECT_EQ(machine_.status().return_status, abi::status::device_error);
  EXPECT_EQ(mmi(), Continuation::leave) << "it wants nothing any more";
}

// A driver waits below what the foundation is at: neither the launch nor an MMI may end over its head.
TEST_F(ActivityTest, NothingEndsWhileADriversCallIsOpen) {
  const auto returns = [this] {
    ASSERT_EQ(machine_.call(SystemCall::finish_service, 0), Continuation::resume);
    ASSERT_TRUE(machine_.in_driver_space());
    ASSERT_EQ(machine_.gate(abi::gate_return), Continuation::resume);
    ASSERT_EQ(machine_.answer(), SystemStatus::ok);
  };
  call_driver();
  ASSERT_EQ(machine_.gate(3), Continuation::resume);
  EXPECT_EQ(machine_.call(SystemCall::finish_launch, 0), Continuation::resume);
  EXPECT_EQ(machine_.answer(), SystemStatus::not_permitted);
  EXPECT_EQ(machine_.record().result, static_cast<std::uint64_t>(abi::LaunchResult::not_run));
  returns();
  finish_launch();
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  call_driver();
  ASSERT_EQ(machine_.gate(3), Continuation::resume);
  EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::resume);
  EXPECT_EQ(machine_.answer(), SystemStatus::not_permitted);
  EXPECT_FALSE(answered());
  EXPECT_EQ(supervisor().activity, Activity::mmi);
  EXPECT_EQ(code_segment(), 0u) << "the doors are shut";
  returns();
  EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::leave);
  EXPECT_TRUE(answered());
}

TEST_F(ActivityTest, AFoundationWhoseLaunchFailedIsNotEntered) {
  machine_.call(SystemCall::set_root_interest, 1);
  ASSERT_EQ(machine_.call(SystemCall::finish_launch, abi::status::device_error), Continuation::leave);
  EXPECT_EQ(machine_.record().result, static_cast<std::uint64_t>(abi::LaunchResult::failed));
  EXPECT_EQ(mmi(), Continuation::leave);
}

TEST_F(ActivityTest, AFoundationThatFaultsIsOver) {
  finish_launch();
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  // Its stack is gone, and a driver calls a service.
  call_driver();
  supervisor().calls.top().caller.rsp = 0x1000;
  EXPECT_EQ(machine_.gate(1), Continuation::leave);
  EXPECT_TRUE(supervisor().foundation_over);
  EXPECT_TRUE(answered());
  EXPECT_EQ(machine_.status().return_status, abi::status::device_error);
}

// What goes back is an answer to what was asked, whatever ring 3 made of the message before it was cut off: with a
// forbidden list that seems to be one byte long, every program is allowed.
TEST_F(ActivityTest, ACutOffMessageIsAnsweredAsItCame) {
  namespace messages = abi::variable_messages;
  finish_launch();
  struct [[gnu::packed]] Question {
    abi::CommunicateHeader header;
    messages::VariableMessageHeader variable;
    messages::AccessVariable access;
    char16_t name[11];
    std::byte data[16];
  };
  Question question{};
  question.header = {.header_guid = abi::smm_variable_guid,
                     .message_length = sizeof(Question) - sizeof(abi::CommunicateHeader)};
  question.variable.function = static_cast<std::uint64_t>(messages::VariableFunction::get_variable);
  question.access.data_size = sizeof(question.data);
  question.access.name_size = sizeof(u"dbx");
  std::memcpy(question.name, u"dbx", sizeof(u"dbx"));
  std::memcpy(machine_.mailbox(), &question, sizeof(question));
  machine_.status().is_comm_buffer_valid = 1;
  ASSERT_EQ(mmi(), Continuation::resume);
  auto& captured = machine_.at<Question>(supervisor().memory.capture().number);
  captured.access.vendor = abi::global_variable_guid;
  captured.access.name_size = sizeof(policy::closed::secure_boot_name);
  std::memcpy(captured.name, policy::closed::secure_boot_name, sizeof(captured.name));
  ASSERT_EQ(machine_.trap(arch::vector::general_protection), Continuation::leave);
  ASSERT_TRUE(answered());
  EXPECT_EQ(machine_.status().return_status, abi::status::success);
  std::memcpy(&question, machine_.mailbox(), sizeof(question));
  EXPECT_EQ(question.variable.return_status, abi::status::device_error);
}

// The CPU comes back without the mark: an INIT, in the middle of a driver. What was under way goes on without it.
TEST_F(ActivityTest, AResetStopsTheDriverThatItCutOff) {
  finish_launch();
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  call_driver();
  breakpoint() = 0x7000;  // somebody else's by now
  code_segment() = 0x20;
  machine_.cpu().nmi_count = 3;
  post(6);
  ASSERT_EQ(mmi(), Continuation::resume);
  expect_driver_fault(abi::fault_cpu_reset);
  EXPECT_FALSE(answered()) << "the new message isn't what the foundation was at";
  EXPECT_EQ(machine_.cpu().nmi_count, 0u) << "owed to somebody who is gone";
  ASSERT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::resume);
  EXPECT_EQ(event().guid.data1, 6u);
  EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::leave);
  EXPECT_TRUE(answered());
  EXPECT_EQ(machine_.status().return_status, 0u);
  EXPECT_EQ(code_segment(), 0x20u) << "the old leader's registers are gone";
  EXPECT_EQ(breakpoint(), 0x7000u);
  EXPECT_EQ(machine_.cpu().task_state.io_bitmap_offset, arch::no_io_bitmap);
  EXPECT_FALSE(supervisor().foundation_over);
}

// A driver that waits for a service, below which another one is cut off, goes on with what its service says.
TEST_P(CutOffTest, CallsAroundTheOneThatWasCutOffEndInOrder) {
  const bool reset = GetParam();
  finish_launch();
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  call_driver();
  const std::uint64_t outer = machine_.frame().rsp;
  const std::uint64_t outer_call = call_address_;
  ASSERT_EQ(machine_.gate(3), Continuation::resume);
  call_driver();
  if (reset) breakpoint() = 0;
  ASSERT_EQ(mmi(), Continuation::resume);
  EXPECT_EQ(call().fault_vector, reset ? abi::fault_cpu_reset : abi::fault_left_mm);
  EXPECT_EQ(machine_.at<abi::DriverCall>(outer_call).fault_vector, 0u);
  ASSERT_EQ(machine_.call(SystemCall::finish_service, abi::status::device_error), Continuation::resume);
  ASSERT_TRUE(machine_.in_driver_space());
  EXPECT_EQ(machine_.frame().rsp, outer);
  EXPECT_EQ(machine_.frame().rax, abi::status::device_error);
  ASSERT_EQ(machine_.gate(abi::gate_return), Continuation::resume);
  EXPECT_EQ(machine_.answer(), SystemStatus::ok);
  EXPECT_FALSE(supervisor().foundation_over);
}

TEST_F(ActivityTest, AResetOfRingZeroStartsTheMachineAfresh) {
  ASSERT_EQ(machine_.call(SystemCall::finish_launch, 0), Continuation::leave);
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  call_driver();
  machine_.frame().vector = abi::driver_gate_vector;  // as ring 0 has it
  EXPECT_DEATH(mmi(), "the processor shuts down");
}

// Between the last word of an activity and the end of its round. What the host had before its INIT must
// not be put over what it has now.
TEST_F(ActivityTest, AResetAtTheEndOfARoundLeavesTheHostsNewRegisters) {
  finish_launch();
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  supervisor().activity = Activity::none;
  breakpoint() = 0x7000;
  code_segment() = 0x20;
  machine_.cpu().nmi_count = 3;
  ASSERT_EQ(mmi(), Continuation::resume) << "the message is still there";
  EXPECT_EQ(code_segment(), 0u);
  EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::leave);
  EXPECT_EQ(code_segment(), 0x20u);
  EXPECT_EQ(breakpoint(), 0x7000u);
  EXPECT_EQ(machine_.cpu().nmi_count, 0u) << "an INIT clears NMIs that wait";
}

TEST_F(ActivityTest, TheFpuIsTheHostsAgain) {
  finish_launch();
  for (const bool reset : {false, true}) {
    post(5);
    ASSERT_EQ(mmi(), Continuation::resume);
    call_driver();
    ASSERT_EQ(machine_.trap(arch::vector::device_not_available), Continuation::resume);
    arch::fake::machine().fpu_trace.clear();
    if (reset) breakpoint() = 0;
    ASSERT_EQ(mmi(), Continuation::resume);
    ASSERT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::resume);
    EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::leave);
    EXPECT_TRUE(arch::fake::machine().fpu_trace.empty()) << "ring 0 must not touch it with CR0.TS set";
  }
}

TEST_F(ActivityTest, TheSecondMmiTrapsTheFirstUseOfTheFpuAgain) {
  finish_launch();
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  call_driver();
  post(6);
  ASSERT_EQ(mmi(), Continuation::resume);
  // Still in the old activity another driver uses the FPU.
  call_driver();
  ASSERT_EQ(machine_.trap(arch::vector::device_not_available), Continuation::resume);
  machine_.gate(abi::gate_return);
  ASSERT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::resume);
  EXPECT_EQ(event().guid.data1, 6u);
  EXPECT_NE(arch::fake::machine().cr0 & arch::cr0::task_switched, 0u);
  EXPECT_FALSE(supervisor().extended_state.loaded());
}

TEST_F(ActivityTest, WhoAskedForAnMmiThatWasLeftIsForgotten) {
  finish_launch();
  arch::fake::machine().ports[platform::q35::apm_command_port] = 0;
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  const auto rbx = static_cast<std::uint64_t>(abi::MmSaveStateRegister::rbx);
  machine_.call(SystemCall::read_save_state, 0, rbx, 8);
  ASSERT_EQ(machine_.answer(), SystemStatus::ok) << "it did ask";
  call_driver();
  ASSERT_EQ(mmi(), Continuation::resume);
  machine_.call(SystemCall::read_save_state, 0, rbx, 8);
  EXPECT_EQ(machine_.answer(), SystemStatus::not_permitted);
  machine_.call(SystemCall::write_save_state, 0, rbx, 8, 1);
  EXPECT_EQ(machine_.answer(), SystemStatus::not_permitted);
  ASSERT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::resume);
  machine_.call(SystemCall::read_save_state, 0, rbx, 8);
  EXPECT_EQ(machine_.answer(), SystemStatus::ok) << "the new one was asked for";
}

}  // namespace
}  // namespace redoubt::supervisor
