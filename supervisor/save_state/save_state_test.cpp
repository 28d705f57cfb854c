// SPDX-License-Identifier: BSD-2-Clause-Patent
// Save states as a processor leaves them, read and written through system calls of the foundation.
#include "supervisor/save_state/save_state.hpp"

#include <gtest/gtest.h>

#include "abi/amd64/save_state.hpp"
#include "abi/pi/mm_cpu.hpp"
#include "supervisor/testing/launched_machine.hpp"

namespace redoubt::supervisor {
namespace {

using abi::SystemCall;
using abi::SystemStatus;
using Register = abi::MmSaveStateRegister;

class SaveStateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(machine_.launch().has_value());
    auto& own = state(0);
    own.revision = 0x0002'0064;
    own.rax = 0x1111'2222'3333'4444;
    set_command(0x44);
    own.rdx = 0x5555;
    own.r8 = 8;
    own.cr3 = 0x1000;
    own.efer = 0x500;
  }
  // What the command port holds; and another MMI.
  void set_command(std::uint8_t value) {
    arch::fake::machine().ports[platform::q35::apm_command_port] = value;
    machine_.supervisor().raisers.forget();
  }
  abi::SaveState& state(std::uint64_t cpu) {
    return machine_.at<abi::SaveState>(testing::LaunchedMachine::mmram_base - 0x8000 + cpu * 0x2000 + 0xFE00);
  }
  SystemStatus read(std::uint64_t cpu, Register reg, std::uint64_t width, std::uint64_t expected = 0) {
    machine_.call(SystemCall::read_save_state, cpu, static_cast<std::uint64_t>(reg), width);
    EXPECT_EQ(machine_.frame().rdx, machine_.answer() == SystemStatus::ok ? expected : 0);
    return machine_.answer();
  }
  SystemStatus write(std::uint64_t cpu, Register reg, std::uint64_t width, std::uint64_t value) {
    machine_.call(SystemCall::write_save_state, cpu, static_cast<std::uint64_t>(reg), width, value);
    return machine_.answer();
  }

  testing::LaunchedMachine machine_;
};

TEST_F(SaveStateTest, ParametersOfRingZeroCanBeRead) {
  EXPECT_EQ(read(0, Register::rax, 8, 0x1111'2222'3333'4444), SystemStatus::ok);
  EXPECT_EQ(read(0, Register::rax, 4, 0x3333'4444), SystemStatus::ok);
  EXPECT_EQ(read(0, Register::rax, 1, 0x44), SystemStatus::ok);
  EXPECT_EQ(read(0, Register::rdx, 8, 0x5555), SystemStatus::ok);
  EXPECT_EQ(read(0, Register::lma, 1, 64), SystemStatus::ok);
  state(0).efer = 0;
  EXPECT_EQ(read(0, Register::lma, 1, 32), SystemStatus::ok);
  EXPECT_EQ(read(0, Register::processor_id, 8, machine_.cpu().apic_id), SystemStatus::ok);
}

TEST_F(SaveStateTest, WhatRingThreeHeldIsNobodysBusiness) {
  state(0).ss.attributes = 0x00F3;
  set_command(0x44);
  EXPECT_EQ(read(0, Register::rax, 8), SystemStatus::not_permitted);
  EXPECT_EQ(write(0, Register::rax, 8, 1), SystemStatus::not_permitted);
  EXPECT_EQ(state(0).rax, 0x1111'2222'3333'4444u);
  EXPECT_EQ(read(0, Register::lma, 1, 64), SystemStatus::ok);
}

TEST_F(SaveStateTest, DeniedUndefinedAndTooWide) {
  for (const Register reg : {Register::r8, Register::rsp, Register::rbp, Register::rip, Register::rflags, Register::cr0,
                             Register::cr3, Register::cr4, Register::gdt_base, Register::es, Register::dr7}) {
    EXPECT_EQ(read(0, reg, 1), SystemStatus::not_permitted) << static_cast<unsigned>(reg);
  }
  for (const std::uint64_t number : {0ull, 3ull, 10ull, 11ull, 19ull, 47ull, 50ull, 55ull, 256ull, 287ull, 511ull,
                                     515ull, 0x1'0000'0026ull, ~0ull}) {
    machine_.call(SystemCall::read_save_state, 0, number, 8);
    EXPECT_EQ(machine_.answer(), SystemStatus::not_found) << number;
    machine_.call(SystemCall::write_save_state, 0, number, 8, 0);
    EXPECT_EQ(machine_.answer(), SystemStatus::not_found) << number;
  }
  for (const std::uint64_t width : {0ull, 9ull, ~0ull}) {
    EXPECT_EQ(read(0, Register::rax, width), SystemStatus::invalid_argument);
    EXPECT_EQ(write(0, Register::rax, width, 0), SystemStatus::invalid_argument);
  }
  EXPECT_EQ(read(0, Register::gdt_limit, 4), SystemStatus::invalid_argument);
}

TEST_F(SaveStateTest, OnlyOfCpusThatAreInMm) {
  for (const std::uint64_t cpu : {1ull, 2ull, 255ull, 256ull, 0x1'0000'0000ull, ~0ull}) {
    EXPECT_EQ(read(cpu, Register::rax, 8), SystemStatus::invalid_argument) << cpu;
    EXPECT_EQ(write(cpu, Register::rax, 8, 0), SystemStatus::invalid_argument) << cpu;
  }
}

TEST_F(SaveStateTest, WritesReachTheSaveState) {
  EXPECT_EQ(write(0, Register::rax, 2, 0xABCD), SystemStatus::ok);
  EXPECT_EQ(state(0).rax, 0x1111'2222'3333'ABCDu);
  EXPECT_EQ(write(0, Register::rbx, 8, 7), SystemStatus::ok);
  EXPECT_EQ(state(0).rbx, 7u);
  EXPECT_EQ(write(0, Register::rsi, 8, 7), SystemStatus::not_permitted);
  EXPECT_EQ(write(0, Register::rip, 8, 7), SystemStatus::not_permitted);
  for (const Register reg : {Register::cr0, Register::cr3, Register::gdt_base, Register::cs, Register::io,
                             Register::lma, Register::processor_id}) {
    EXPECT_EQ(write(0, reg, 1, 7), SystemStatus::unsupported) << static_cast<unsigned>(reg);
  }
  EXPECT_EQ(state(0).cr3, 0x1000u);
}

TEST_F(SaveStateTest, IoInformationWhereTheProcessorGivesIt) {
  constexpr std::uint32_t out_byte = abi::save_state_io_valid | abi::save_state_io_8_bits | 0xB2u << 16;
  state(0).io = out_byte;
  EXPECT_EQ(read(0, Register::io, 8), SystemStatus::not_found) << "the revision says that nothing was stored";
  state(0).revision = 0x0003'0064;
  set_command(0x55);
  EXPECT_EQ(read(0, Register::io, 8, std::uint64_t{0x44} << 32 | 0xB2u << 16 | 2u << 8 | 0), SystemStatus::ok)
      << "whatever the port holds now";
  EXPECT_EQ(write(0, Register::rax, 8, 1), SystemStatus::ok);
  state(0).io = out_byte & ~abi::save_state_io_valid;
  set_command(1);
  EXPECT_EQ(read(0, Register::io, 8), SystemStatus::not_found);
  EXPECT_EQ(read(0, Register::rax, 8), SystemStatus::not_permitted) << "the value matches, but there was no I/O";
  for (const std::uint32_t other :
       {abi::save_state_io_valid | abi::save_state_io_8_bits | 0x604u << 16,
        abi::save_state_io_valid | abi::save_state_io_8_bits | abi::save_state_io_input | 0xB2u << 16}) {
    state(0).io = other;
    set_command(1);
    EXPECT_EQ(read(0, Register::io, 8), SystemStatus::not_permitted);
    EXPECT_EQ(read(0, Register::rax, 8), SystemStatus::not_permitted);
  }
  state(0).io = out_byte;
  state(0).ss.attributes = 0x00F3;
  set_command(1);
  EXPECT_EQ(read(0, Register::io, 8), SystemStatus::not_permitted);
}

TEST_F(SaveStateTest, WithoutIoInformationTheCommandTellsWhoRaisedTheMmi) {
  set_command(0x45);
  EXPECT_EQ(read(0, Register::rax, 8), SystemStatus::not_permitted);
  EXPECT_EQ(read(0, Register::rsi, 8), SystemStatus::not_permitted);
  EXPECT_EQ(write(0, Register::rax, 8, 0), SystemStatus::not_permitted);
  EXPECT_EQ(state(0).rax, 0x1111'2222'3333'4444u);
  set_command(0x44);
  EXPECT_EQ(read(0, Register::rsi, 8, 0), SystemStatus::ok);
  EXPECT_EQ(write(0, Register::rax, 8, 0), SystemStatus::ok);
  EXPECT_EQ(write(0, Register::rbx, 8, 1), SystemStatus::ok) << "a result in RAX doesn't hide who asked";
}

TEST_F(SaveStateTest, ADriverCannotChangeWhatTheRaiserIsFoundBy) {
  state(0).rax = 0;
  set_command(0x44);
  machine_.call(SystemCall::write_io, platform::q35::apm_command_port, 1, 0);
  ASSERT_EQ(machine_.answer(), SystemStatus::ok);
  arch::fake::machine().ports[platform::q35::apm_command_port] = 0;
  EXPECT_EQ(read(0, Register::rbx, 8), SystemStatus::not_permitted);
}

TEST_F(SaveStateTest, NobodyAskedByWritingNothing) {
  state(0).rax = 0x1100;
  set_command(0);
  EXPECT_EQ(read(0, Register::rax, 8), SystemStatus::not_permitted);
  EXPECT_EQ(write(0, Register::rbx, 8, 1), SystemStatus::not_permitted);
  machine_.supervisor().message.kind = CapturedMessage::Kind::message;
  machine_.supervisor().raisers.forget();
  EXPECT_EQ(read(0, Register::rax, 8, 0x1100), SystemStatus::ok);
}

TEST(MmiRaisers, OneAloneIsCertain) {
  MmiRaisers raisers;
  EXPECT_FALSE(raisers.known());
  raisers.begin();
  raisers.add(3, policy::Raiser::perhaps);
  raisers.add(4, policy::Raiser::no);
  EXPECT_TRUE(raisers.known());
  EXPECT_EQ(raisers.of(3), policy::Raiser::certainly);
  EXPECT_EQ(raisers.of(4), policy::Raiser::no);
  raisers.add(255, policy::Raiser::perhaps);
  EXPECT_EQ(raisers.of(3), policy::Raiser::perhaps);
  EXPECT_EQ(raisers.of(255), policy::Raiser::perhaps);
  raisers.forget();
  EXPECT_FALSE(raisers.known());
  raisers.begin();
  raisers.add(1, policy::Raiser::certainly);
  raisers.add(2, policy::Raiser::certainly);
  EXPECT_EQ(raisers.of(3), policy::Raiser::no);
  EXPECT_EQ(raisers.of(2), policy::Raiser::certainly);
}

}  // namespace
}  // namespace redoubt::supervisor
