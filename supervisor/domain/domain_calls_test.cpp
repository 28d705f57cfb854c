// SPDX-License-Identifier: BSD-2-Clause-Patent
// Control between foundation and drivers, with registers as ring 3 would leave them, an honest one and a hostile one.
#include "supervisor/domain/domain_calls.hpp"

#include <gtest/gtest.h>

#include "arch/x86_64/registers/control.hpp"
#include "supervisor/testing/launched_machine.hpp"

namespace redoubt::supervisor {
namespace {

using abi::SystemCall;
using abi::SystemStatus;

class DomainCallsTest : public ::testing::Test {
 protected:
  DomainCallsTest() {
    EXPECT_TRUE(machine_.launch().has_value());
    machine_.start_operating_system();
    arch::fake::machine().cr3 = machine_.supervisor().memory.root(DomainId::foundation).number;
    // The foundation has moved down its stack a little.
    frame().rsp -= 0x100;
    call_address_ = frame().rsp + 0x10;
    call() = {.entry = 0x1F20'0000,
              .arguments = {1, 2, 3, 4},
              .scratch = {0xAAAA, 0xBBBB},
              .scratch_argument = abi::DriverCall::no_scratch,
              .driver = 7,
              .result = 0xDEAD,
              .ticks = 0,
              .count_ticks = 0,
              .fault_vector = 0,
              .fault_address = 0,
              .fault_rip = 0};
  }

  arch::RegisterFrame& frame() { return machine_.frame(); }
  abi::DriverCall& call() { return machine_.at<abi::DriverCall>(call_address_); }
  Continuation call_driver() { return machine_.call(SystemCall::call_driver, call_address_); }
  // Everything that ring 3 may have in its registers.
  void fill_registers(std::uint64_t pattern) {
    const std::uint64_t rsp = frame().rsp;
    const std::uint64_t rip = frame().rip;
    auto* words = reinterpret_cast<std::uint64_t*>(&frame());
    for (std::size_t i = 0; i < 15; ++i) words[i] = pattern + i;
    frame().rsp = rsp;
    frame().rip = rip;
  }

  testing::LaunchedMachine machine_;
  std::uint64_t call_address_ = 0;
};

TEST_F(DomainCallsTest, ACallShowsTheDriverItsArgumentsAndNothingElse) {
  fill_registers(0x5EC8'E700);
  ASSERT_EQ(call_driver(), Continuation::resume);
  EXPECT_TRUE(machine_.in_driver_space());
  EXPECT_EQ(frame().rip, 0x1F20'0000u);
  EXPECT_EQ(frame().rcx, 1u);
  EXPECT_EQ(frame().rdx, 2u);
  EXPECT_EQ(frame().r8, 3u);
  EXPECT_EQ(frame().r9, 4u);
  EXPECT_EQ(frame().cs, 0x23u);
  EXPECT_EQ(frame().rflags, arch::rflags::always_set);
  for (const std::uint64_t value : {frame().rax, frame().rbx, frame().rbp, frame().rsi, frame().rdi, frame().r10,
                                    frame().r11, frame().r12, frame().r13, frame().r14, frame().r15}) {
    EXPECT_EQ(value, 0u);
  }
  EXPECT_EQ(frame().rsp % 16, 8u);
  EXPECT_TRUE(machine_.supervisor().driver_stack.contains(
      Range<DriverSpace>::create(DriverAddress(frame().rsp), 8 + 8 * 8).value()));
  EXPECT_EQ(machine_.at<std::uint64_t>(frame().rsp),
            machine_.supervisor().gates.number + std::uint64_t{abi::gate_return} * abi::gate_stub_bytes);
}

TEST_F(DomainCallsTest, TheReturnGateBringsTheFoundationBack) {
  fill_registers(0x1000);
  frame().rdi = call_address_;
  frame().rax = static_cast<std::uint64_t>(SystemCall::call_driver);
  const arch::RegisterFrame before = frame();
  machine_.trap(abi::system_call_vector);
  fill_registers(0x2000);
  frame().rax = 0x42;
  ASSERT_EQ(machine_.gate(abi::gate_return), Continuation::resume);
  EXPECT_TRUE(machine_.in_foundation_space());
  EXPECT_EQ(machine_.answer(), SystemStatus::ok);
  EXPECT_EQ(call().result, 0x42u);
  EXPECT_EQ(frame().rbx, before.rbx);
  EXPECT_EQ(frame().r15, before.r15);
  EXPECT_EQ(frame().r10, before.r10);
  EXPECT_EQ(frame().rsp, before.rsp);
  EXPECT_EQ(frame().rip, before.rip);
  EXPECT_TRUE(machine_.supervisor().calls.empty());
}

TEST_F(DomainCallsTest, ScratchGoesThereAndBack) {
  call().scratch_argument = 2;
  ASSERT_EQ(call_driver(), Continuation::resume);
  const std::uint64_t scratch = frame().r8;
  EXPECT_EQ(machine_.at<std::uint64_t>(scratch), 0xAAAAu);
  machine_.at<std::uint64_t>(scratch) = 0x1111;
  machine_.at<std::uint64_t>(scratch + 8) = 0x2222;
  machine_.gate(abi::gate_return);
  EXPECT_EQ(call().scratch[0], 0x1111u);
  EXPECT_EQ(call().scratch[1], 0x2222u);
}

TEST_F(DomainCallsTest, AServiceSeesEightArgumentsAndReturnsToTheDriver) {
  call_driver();
  frame().rsp -= 0x200;
  const std::uint64_t driver_rsp = frame().rsp;
  frame().rcx = 11;
  frame().rdx = 12;
  frame().r8 = 13;
  frame().r9 = 14;
  for (std::uint64_t i = 0; i < 4; ++i) machine_.at<std::uint64_t>(driver_rsp + 0x28 + 8 * i) = 15 + i;
  fill_registers(0x3000);
  frame().rcx = 11;
  frame().rdx = 12;
  frame().r8 = 13;
  frame().r9 = 14;
  const arch::RegisterFrame driver = frame();
  ASSERT_EQ(machine_.gate(9), Continuation::resume);
  EXPECT_TRUE(machine_.in_foundation_space());
  EXPECT_EQ(frame().rip, machine_.supervisor().foundation_entry.number);
  EXPECT_EQ(frame().rdi, static_cast<std::uint64_t>(abi::EntryReason::service));
  EXPECT_EQ(frame().rsi, 9u);
  EXPECT_EQ(frame().rbx, 0u);
  EXPECT_LT(frame().rdx, call_address_ - 0x10) << "below the foundation's own stack pointer";
  const auto& arguments = machine_.at<abi::ServiceCall>(frame().rdx).arguments;
  for (std::uint64_t i = 0; i < 8; ++i) EXPECT_EQ(arguments[i], 11 + i);

  fill_registers(0x5EC8'E700);
  ASSERT_EQ(machine_.call(SystemCall::finish_service, 0x8000'0000'0000'0002), Continuation::resume);
  EXPECT_TRUE(machine_.in_driver_space());
  EXPECT_EQ(frame().rax, 0x8000'0000'0000'0002u);
  EXPECT_EQ(frame().rsp, driver_rsp);
  EXPECT_EQ(frame().rip, driver.rip);
  // Callee-saved registers of the Microsoft convention are the driver's again, the others empty.
  EXPECT_EQ(frame().rbx, driver.rbx);
  EXPECT_EQ(frame().rbp, driver.rbp);
  EXPECT_EQ(frame().rsi, driver.rsi);
  EXPECT_EQ(frame().rdi, driver.rdi);
  EXPECT_EQ(frame().r12, driver.r12);
  EXPECT_EQ(frame().r15, driver.r15);
  for (const std::uint64_t value : {frame().rcx, frame().rdx, frame().r8, frame().r9, frame().r10, frame().r11}) {
    EXPECT_EQ(value, 0u);
  }
}

TEST_F(DomainCallsTest, AServiceSeesWhereTheDriverGoesOn) {
  call_driver();
  frame().rsp -= 0x200;
  const auto seen = [this] {
    EXPECT_EQ(machine_.gate(9), Continuation::resume);
    const std::uint64_t address = machine_.at<abi::ServiceCall>(frame().rdx).return_address;
    machine_.call(SystemCall::finish_service, 0);
    return address;
  };
  machine_.at<std::uint64_t>(frame().rsp) = 0x1234'5678;
  const std::uint64_t gates = machine_.supervisor().gates.number;
  for (const std::uint64_t in_stub : {gates + 8, gates + 9 * abi::gate_stub_bytes + 8, gates + page_bytes - 1}) {
    frame().rip = in_stub;
    EXPECT_EQ(seen(), 0x1234'5678u);
  }
  // An instruction of the driver's own doesn't return to anybody's address.
  for (const std::uint64_t own : {gates - 1, gates + page_bytes, std::uint64_t{0x4444'1000}}) {
    frame().rip = own;
    EXPECT_EQ(seen(), own);
  }
}

TEST_F(DomainCallsTest, NestedCallsGoOnBelow) {
  std::uint64_t last_driver_rsp = machine_.supervisor().driver_stack.end().number;
  std::uint64_t last_foundation_rsp = frame().rsp;
  for (unsigned depth = 0; depth < abi::domain_call_depth / 2; ++depth) {
    ASSERT_EQ(call_driver(), Continuation::resume);
    ASSERT_TRUE(machine_.in_driver_space()) << depth;
    EXPECT_LT(frame().rsp, last_driver_rsp);
    frame().rsp -= 0x80;
    last_driver_rsp = frame().rsp;
    ASSERT_EQ(machine_.gate(1), Continuation::resume);
    if (depth + 1 == abi::domain_call_depth / 2) break;
    ASSERT_TRUE(machine_.in_foundation_space()) << depth;
    EXPECT_LT(frame().rsp, last_foundation_rsp);
    frame().rsp -= 0x80;
    last_foundation_rsp = frame().rsp;
  }
  ASSERT_TRUE(machine_.supervisor().calls.full());
  EXPECT_TRUE(machine_.in_foundation_space());
  EXPECT_EQ(call_driver(), Continuation::resume);
  EXPECT_EQ(machine_.answer(), SystemStatus::too_deep);
  EXPECT_TRUE(machine_.in_foundation_space());
  while (!machine_.supervisor().calls.empty()) {
    machine_.call(SystemCall::finish_service, 0);
    machine_.gate(abi::gate_return);
  }
  EXPECT_EQ(frame().rsp, call_address_ - 0x10);
}

TEST_F(DomainCallsTest, ADriverFaultReturnsToTheFoundation) {
  call_driver();
  machine_.gate(3);
  // In the service the foundation calls another driver, which faults: that call alone returns.
  ASSERT_EQ(call_driver(), Continuation::resume);
  arch::fake::machine().cr2 = 0x1234;
  frame().rip = 0x1F20'0042;
  ASSERT_EQ(machine_.trap(arch::vector::page_fault), Continuation::resume);
  EXPECT_TRUE(machine_.in_foundation_space());
  EXPECT_EQ(machine_.answer(), SystemStatus::driver_fault);
  EXPECT_EQ(call().fault_vector, 14u);
  EXPECT_EQ(call().fault_address, 0x1234u);
  EXPECT_EQ(call().fault_rip, 0x1F20'0042u);
  EXPECT_EQ(machine_.supervisor().fault_count, 1u);
  EXPECT_FALSE(machine_.supervisor().calls.empty());
}

TEST_F(DomainCallsTest, EveryVectorFromADriverIsContained) {
  for (unsigned vector = 0; vector <= abi::system_call_vector; ++vector) {
    if (vector == arch::vector::device_not_available) continue;
    call_driver();
    ASSERT_EQ(machine_.trap(vector), Continuation::resume);
    EXPECT_EQ(machine_.answer(), SystemStatus::driver_fault) << vector;
    EXPECT_TRUE(machine_.in_foundation_space());
  }
}

TEST_F(DomainCallsTest, TheFpuIsLoadedOnceForDrivers) {
  call_driver();
  EXPECT_EQ(machine_.trap(arch::vector::device_not_available), Continuation::resume);
  EXPECT_TRUE(machine_.in_driver_space());
  EXPECT_EQ(machine_.trap(arch::vector::device_not_available), Continuation::resume);
  EXPECT_EQ(machine_.answer(), SystemStatus::driver_fault) << "with the state loaded there is no cause for a trap";
  EXPECT_EQ(arch::fake::machine().fpu_trace, (std::vector<std::string>{"fxsave", "fxrstor"}));
  machine_.call(SystemCall::finish_launch, 0);
  EXPECT_EQ(arch::fake::machine().fpu_trace.size(), 3u) << "the host has its state back";
}

// Each call of a driver traps at its first use, and a driver that waits for a service has its own state back.
TEST_F(DomainCallsTest, DriversDontSeeEachOthersFpu) {
  std::vector<std::string>& trace = arch::fake::machine().fpu_trace;
  arch::fake::machine().cr0 |= arch::cr0::task_switched;
  const auto use = [&] {
    if ((arch::fake::machine().cr0 & arch::cr0::task_switched) == 0) return false;
    EXPECT_EQ(machine_.trap(arch::vector::device_not_available), Continuation::resume);
    EXPECT_TRUE(machine_.in_driver_space());
    return true;
  };
  call_driver();
  EXPECT_TRUE(use());
  EXPECT_FALSE(use());
  machine_.gate(3);
  call_driver();
  trace.clear();
  EXPECT_TRUE(use());
  EXPECT_EQ(trace, (std::vector<std::string>{"fxsave", "fxrstor"}));
  machine_.gate(abi::gate_return);
  call_driver();
  trace.clear();
  EXPECT_TRUE(use()) << "the next call, at the same depth";
  EXPECT_EQ(trace, (std::vector<std::string>{"fxrstor"}));
  machine_.gate(abi::gate_return);
  machine_.call(SystemCall::finish_service, 0);
  trace.clear();
  EXPECT_TRUE(use());
  EXPECT_EQ(trace, (std::vector<std::string>{"fxrstor", "fxrstor"}));
}

TEST_F(DomainCallsTest, AHostileDriversStackIsRefused) {
  const std::uint64_t bottom = machine_.supervisor().driver_stack.base().number;
  const std::uint64_t top = machine_.supervisor().driver_stack.end().number;
  for (const std::uint64_t rsp : {std::uint64_t{0}, top, top - 0x40, bottom - 8, top + 0x1000,
                                  machine_.supervisor().foundation_stack.end().number - 0x200, ~std::uint64_t{0},
                                  std::uint64_t{0x8000'0000'0000'0000}}) {
    call_driver();
    frame().rsp = rsp;
    ASSERT_EQ(machine_.gate(1), Continuation::resume);
    EXPECT_EQ(machine_.answer(), SystemStatus::driver_fault) << std::hex << rsp;
    EXPECT_TRUE(machine_.supervisor().calls.empty());
  }
  // Memory of drivers' that isn't their stack is none.
  machine_.call(SystemCall::allocate_pages, 1);
  const std::uint64_t page = frame().rdx;
  machine_.call(SystemCall::set_page_access, page, 1, abi::encode(abi::held_by_drivers(abi::read_write)));
  ASSERT_EQ(machine_.answer(), SystemStatus::ok);
  call_driver();
  frame().rsp = page + 0x800;
  ASSERT_EQ(machine_.gate(1), Continuation::resume);
  EXPECT_EQ(machine_.answer(), SystemStatus::driver_fault);
  // Barely in: the gate works, a call from there doesn't fit.
  call_driver();
  frame().rsp = bottom;
  machine_.gate(1);
  EXPECT_TRUE(machine_.in_foundation_space());
  EXPECT_EQ(call_driver(), Continuation::resume);
  EXPECT_EQ(machine_.answer(), SystemStatus::too_deep);
}

TEST_F(DomainCallsTest, UnknownGatesFaultTheDriver) {
  for (const std::uint64_t gate : {std::uint64_t{abi::gate_return + 1}, std::uint64_t{0xFFFF'FFFF}}) {
    call_driver();
    frame().r10 = gate;
    machine_.trap(abi::driver_gate_vector);
    EXPECT_EQ(machine_.answer(), SystemStatus::driver_fault);
  }
}

TEST_F(DomainCallsTest, AHostileFoundationsCallIsRefused) {
  const std::uint64_t supervisor_memory = testing::LaunchedMachine::page(41);
  for (const std::uint64_t address :
       {std::uint64_t{0}, supervisor_memory, machine_.supervisor().driver_stack.end().number - 0x200,
        ~std::uint64_t{0} - 50, machine_.supervisor().foundation_stack.end().number - 8,
        machine_.supervisor().foundation_entry.number}) {
    machine_.call(SystemCall::call_driver, address);
    EXPECT_EQ(machine_.answer(), SystemStatus::bad_address) << std::hex << address;
    EXPECT_TRUE(machine_.in_foundation_space());
  }
  call().entry = std::uint64_t{1} << 47;
  call_driver();
  EXPECT_EQ(machine_.answer(), SystemStatus::bad_address);
  call().entry = 0x1F20'0000;
  call().scratch_argument = 4;
  call_driver();
  EXPECT_EQ(machine_.answer(), SystemStatus::invalid_argument);
}

TEST_F(DomainCallsTest, AFoundationWithoutAStackEndsTheActivity) {
  call_driver();
  machine_.supervisor().calls.top().caller.rsp = testing::LaunchedMachine::page(45);
  EXPECT_EQ(machine_.gate(1), Continuation::leave);
  EXPECT_EQ(machine_.record().result, static_cast<std::uint64_t>(abi::LaunchResult::failed));
}

TEST_F(DomainCallsTest, ADriverCallTakenAwayMeanwhileEndsTheActivity) {
  // The foundation keeps its DriverCall in pages that it frees while the driver runs a service.
  machine_.call(SystemCall::allocate_pages, 1);
  const std::uint64_t page = frame().rdx;
  machine_.at<abi::DriverCall>(page) = call();
  machine_.call(SystemCall::call_driver, page);
  machine_.gate(1);
  machine_.call(SystemCall::free_pages, page, 1);
  EXPECT_EQ(machine_.answer(), SystemStatus::ok);
  machine_.call(SystemCall::finish_service, 0);
  EXPECT_EQ(machine_.gate(abi::gate_return), Continuation::leave);
  EXPECT_EQ(machine_.at<std::uint64_t>(page), 0u) << "nothing is written to a page that is no longer its own";
}

}  // namespace
}  // namespace redoubt::supervisor
