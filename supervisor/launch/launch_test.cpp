// SPDX-License-Identifier: BSD-2-Clause-Patent
// The launch over an array: what the foundation starts with, and what is refused.
#include <gtest/gtest.h>

#include "platform/q35/chipset.hpp"
#include "supervisor/testing/launched_machine.hpp"

namespace redoubt::supervisor {
namespace {

using testing::LaunchedMachine;
using testing::tiny_image;
using testing::volume_with;

TEST(Launch, EntersTheFoundationWithWhatItWasPromised) {
  LaunchedMachine machine;
  const auto launched = machine.launch();
  ASSERT_TRUE(launched.has_value()) << launched.error();
  const arch::RegisterFrame& frame = machine.frame();
  EXPECT_EQ(frame.rip, machine.supervisor().foundation_entry.number);
  EXPECT_EQ(frame.cs, 0x23u);
  EXPECT_EQ(frame.ss, 0x1Bu);
  EXPECT_EQ(frame.rflags, 2u);
  EXPECT_EQ(frame.rdi, 0u);
  EXPECT_EQ(frame.rsp % 16, 8u);
  const auto& data = machine.at<abi::FoundationLaunch>(frame.rsi);
  EXPECT_EQ(data.volume_base, machine.record().volume_base);
  EXPECT_EQ(data.comm_buffer, LaunchedMachine::comm_buffer);
  EXPECT_EQ(data.gates, machine.supervisor().gates.number);
  EXPECT_EQ(data.cpu_count, 2u);
  EXPECT_EQ(data.options, machine.record().options);
  EXPECT_NE(data.options, 0u);
}

TEST(Launch, EachPageHasTheRightsOfItsSection) {
  LaunchedMachine machine;
  ASSERT_TRUE(machine.launch().has_value());
  const MemoryMap& memory = machine.supervisor().memory;
  const std::uint64_t base = machine.supervisor().foundation_entry.number - 0x1000;
  const auto foundation_may = [&](abi::Rights rights, std::uint64_t address, std::uint64_t bytes) {
    return memory.foundation_may(rights, Range<FoundationSpace>::create(FoundationAddress(address), bytes).value());
  };
  const auto drivers_may = [&](abi::Rights rights, std::uint64_t address, std::uint64_t bytes) {
    return memory.driver_may(rights, Range<DriverSpace>::create(DriverAddress(address), bytes).value());
  };
  EXPECT_FALSE(foundation_may(abi::read_only, base, 1)) << "headers";
  EXPECT_TRUE(foundation_may(abi::read_execute, base + 0x1000, 0x1000));
  EXPECT_FALSE(foundation_may({.write = true}, base + 0x1000, 1));
  EXPECT_TRUE(foundation_may(abi::read_write, base + 0x2000, 0x1000));
  EXPECT_FALSE(foundation_may({.execute = true}, base + 0x2000, 1));
  for (std::uint64_t page = base; page < base + 0x3000; page += page_bytes) {
    EXPECT_FALSE(drivers_may(abi::read_only, page, 1));
  }
  const std::uint64_t gates = machine.supervisor().gates.number;
  EXPECT_TRUE(drivers_may(abi::read_execute, gates, page_bytes));
  EXPECT_FALSE(drivers_may({.write = true}, gates, 1));
}

TEST(Launch, ATimerThatStandsStillLeavesTheRateUnknown) {
  LaunchedMachine machine;
  ASSERT_TRUE(machine.launch().has_value());
  arch::fake::machine().ports[platform::q35::pm_timer_port] = 7;
  machine.supervisor().ticks_per_microsecond = 5;
  const std::uint64_t before = arch::fake::machine().tsc;
  measure_tick_rate(machine.supervisor());
  EXPECT_EQ(machine.supervisor().ticks_per_microsecond, 0u);
  EXPECT_LT(arch::fake::machine().tsc - before, std::uint64_t{1} << 20);
}

TEST(Launch, GateStubsCarryTheirNumbers) {
  LaunchedMachine machine;
  ASSERT_TRUE(machine.launch().has_value());
  for (std::uint32_t gate = 0; gate <= abi::gate_return; ++gate) {
    const std::uint8_t* stub =
        &machine.at<std::uint8_t>(machine.supervisor().gates.number + std::uint64_t{gate} * abi::gate_stub_bytes);
    EXPECT_EQ(stub[0], 0x41);
    EXPECT_EQ(stub[2], gate);
    EXPECT_EQ(stub[6], 0xCD);
    EXPECT_EQ(stub[7], 0x81);
  }
}

TEST(Launch, SuccessIsWrittenAndTheBootstrapFreed) {
  LaunchedMachine machine;
  ASSERT_TRUE(machine.launch().has_value());
  arch::fake::machine().ports[platform::q35::debug_console_port] = platform::q35::debug_console_signature;
  const std::uint64_t before = machine.supervisor().memory.pool().free_pages();
  EXPECT_EQ(machine.call(abi::SystemCall::finish_launch, 0), Continuation::leave);
  EXPECT_EQ(machine.record().result, static_cast<std::uint64_t>(abi::LaunchResult::ready));
  EXPECT_EQ(machine.supervisor().memory.pool().free_pages(), before + 14);
  EXPECT_TRUE(machine.supervisor().ready);
  EXPECT_TRUE(arch::fake::machine().port_text[platform::q35::debug_console_port].starts_with("redoubt: launch.done "));
}

TEST(Launch, FailureOfTheFoundationLeavesMmSilent) {
  for (const bool by_fault : {false, true}) {
    LaunchedMachine machine;
    ASSERT_TRUE(machine.launch().has_value());
    machine.start_operating_system();
    EXPECT_EQ(by_fault ? machine.trap(arch::vector::general_protection)
                       : machine.call(abi::SystemCall::finish_launch, abi::status::device_error),
              Continuation::leave);
    EXPECT_EQ(machine.record().result, static_cast<std::uint64_t>(abi::LaunchResult::failed));
    machine.status().is_comm_buffer_valid = 1;
    EXPECT_EQ(begin_mmi(machine.supervisor(), machine.cpu()), Continuation::leave);
    EXPECT_EQ(machine.status().is_comm_buffer_valid, 1);
  }
}

TEST(Launch, BadRecordsAreRefused) {
  const auto refused = [](auto change) {
    LaunchedMachine machine;
    change(machine.record());
    return !machine.launch().has_value();
  };
  EXPECT_TRUE(refused([](abi::LaunchRecord& record) { record.signature ^= 1; }));
  EXPECT_TRUE(refused([](abi::LaunchRecord& record) { ++record.version; }));
  EXPECT_TRUE(refused([](abi::LaunchRecord& record) { record.size -= 8; }));
  EXPECT_TRUE(refused([](abi::LaunchRecord& record) { record.cpu_count = 0; }));
  EXPECT_TRUE(refused([](abi::LaunchRecord& record) { record.cpu_count = cpu_limit + 1; }));
  EXPECT_TRUE(refused([](abi::LaunchRecord& record) { record.mmram_base += std::uint64_t{1} << 32; }));
  EXPECT_TRUE(refused([](abi::LaunchRecord& record) { record.volume_size = ~std::uint64_t{0}; }));
  EXPECT_TRUE(refused([](abi::LaunchRecord& record) { record.comm_buffer = record.mmram_base; }));
}

TEST(Launch, BadFoundationsAreRefused) {
  const auto refused = [](auto change) {
    std::vector<std::byte> image = tiny_image();
    change(image);
    LaunchedMachine machine(volume_with(image));
    return !machine.launch().has_value();
  };
  constexpr std::size_t coff = 68;
  constexpr std::size_t optional = coff + sizeof(abi::pe::CoffHeader);
  constexpr std::size_t sections = optional + sizeof(abi::pe::OptionalHeader64);
  EXPECT_FALSE(refused([](std::vector<std::byte>&) {}));
  EXPECT_TRUE(refused([](std::vector<std::byte>& image) { image[0] = std::byte{0}; }));
  EXPECT_TRUE(refused([](std::vector<std::byte>& image) { image[coff] = std::byte{0x4C}; }));
  EXPECT_TRUE(refused([](std::vector<std::byte>& image) {
    image[optional + offsetof(abi::pe::OptionalHeader64, entry_point) + 1] = std::byte{0};
  })) << "no entry point";
  EXPECT_TRUE(refused([](std::vector<std::byte>& image) {
    image[sections + offsetof(abi::pe::SectionHeader, characteristics) + 3] |= std::byte{0x80};
  })) << "writable code";
  LaunchedMachine empty(std::vector<std::byte>(4096));
  EXPECT_FALSE(empty.launch().has_value());
}

TEST(Launch, TooMuchForMmramIsRefused) {
  LaunchedMachine machine;
  machine.record().comm_buffer_pages = testing::LaunchedMachine::mmram_pages;
  machine.record().comm_status = machine.record().comm_buffer + machine.record().comm_buffer_pages * page_bytes;
  EXPECT_FALSE(machine.launch().has_value());
}

}  // namespace
}  // namespace redoubt::supervisor
