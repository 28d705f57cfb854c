// SPDX-License-Identifier: BSD-2-Clause-Patent
// System calls through the trap handler, and whole MMIs from mailbox to reply.
#include "supervisor/system_calls/system_calls.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "abi/pi/mm_protocols.hpp"
#include "arch/x86_64/registers/msr.hpp"
#include "platform/q35/chipset.hpp"
#include "supervisor/testing/launched_machine.hpp"
#include "supervisor/testing/memory_audit.hpp"

namespace redoubt::supervisor {
namespace {

using abi::SystemCall;
using abi::SystemStatus;
namespace q35 = platform::q35;

#define REDOUBT_X(number, name, Value, parameters, names) +1
constexpr std::size_t system_call_count = 0 REDOUBT_SYSTEM_CALLS(REDOUBT_X);
#undef REDOUBT_X

class SystemCallsTest : public ::testing::Test {
 protected:
  SystemCallsTest() {
    EXPECT_TRUE(machine_.launch().has_value());
    arch::fake::machine().on_spin = [] { arch::fake::machine().tsc += std::uint64_t{1} << 24; };
  }
  ~SystemCallsTest() override { arch::fake::machine().on_spin = nullptr; }

  std::uint64_t ok(SystemCall number, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
                   std::uint64_t d = 0) {
    EXPECT_EQ(machine_.call(number, a, b, c, d), Continuation::resume);
    EXPECT_EQ(machine_.answer(), SystemStatus::ok);
    return machine_.frame().rdx;
  }
  void expect(SystemStatus status, SystemCall number, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
              std::uint64_t d = 0) {
    EXPECT_EQ(machine_.call(number, a, b, c, d), Continuation::resume);
    EXPECT_EQ(machine_.answer(), status);
  }
  // A message to a handler: header and one data byte.
  void post(std::uint8_t data) {
    abi::CommunicateHeader header{.header_guid = {1, 2, 3, {4}}, .message_length = 1};
    std::memcpy(machine_.mailbox(), &header, sizeof(header));
    machine_.mailbox()[sizeof(header)] = std::byte{data};
    machine_.status().is_comm_buffer_valid = 1;
  }
  // A second CPU that never comes would make each MMI wait.
  Continuation mmi() {
    arch::fake::machine().tsc += std::uint64_t{1} << 30;
    return machine_.mmi();
  }
  void finish_launch() { EXPECT_EQ(machine_.call(SystemCall::finish_launch, 0), Continuation::leave); }

  testing::LaunchedMachine machine_;
};

TEST_F(SystemCallsTest, NumbersOutOfRange) {
  for (const std::uint64_t number : {std::uint64_t{1000}, std::uint64_t{0x1'0000'0000}, ~std::uint64_t{0}}) {
    machine_.frame().rax = number;
    EXPECT_EQ(machine_.trap(abi::system_call_vector), Continuation::resume);
    EXPECT_EQ(machine_.answer(), SystemStatus::invalid_argument);
  }
}

TEST_F(SystemCallsTest, ProcessorsAreHeldOrPresumedStopped) {
  arch::fake::Machine& fake = arch::fake::machine();
  EXPECT_EQ(ok(SystemCall::hold_processors), 0U) << "nobody is outside during the launch";
  EXPECT_TRUE(fake.port_writes.empty());
  finish_launch();
  // Whose local APIC is off calls nobody for sure.
  fake.ports[q35::debug_console_port] = q35::debug_console_signature;
  post(1);
  mmi();
  expect(SystemStatus::busy, SystemCall::hold_processors);
  EXPECT_NE(fake.port_text[q35::debug_console_port].find("processor.outside cpu=1"), std::string::npos);
  EXPECT_TRUE(std::ranges::any_of(
      fake.port_writes, [](const arch::fake::PortWrite& write) { return write.port == q35::apm_command_port; }));
  constexpr std::uint64_t on_in_x2apic_mode = 0xFEE0'0D00;
  fake.msrs[arch::msr::apic_base] = on_in_x2apic_mode;
  EXPECT_EQ(ok(SystemCall::hold_processors), 1U);
  EXPECT_EQ(fake.msrs[arch::msr::x2apic_interrupt_command], 0xC'4200U);
}

// Who keeps a CPU outside, MMI after MMI, doesn't fill the log.
TEST_F(SystemCallsTest, RefusalsForACpuOutsideAreReportedSomeTimes) {
  arch::fake::Machine& fake = arch::fake::machine();
  finish_launch();
  fake.ports[q35::debug_console_port] = q35::debug_console_signature;
  const auto lines = [&fake](std::string_view text) {
    std::size_t count = 0;
    const std::string& log = fake.port_text[q35::debug_console_port];
    for (std::size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++count;
    return count;
  };
  for (std::size_t round = 1; round <= 30; ++round) {
    post(1);
    mmi();
    expect(SystemStatus::busy, SystemCall::hold_processors);
    EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 0), Continuation::leave);
    ASSERT_EQ(lines("processor.outside cpu=1"), std::min<std::size_t>(round, 9)) << round;
    ASSERT_EQ(lines("more=not_reported"), round < 9 ? 0U : 1U);
  }
}

TEST_F(SystemCallsTest, MemoryIsUnblockedUntilTheLock) {
  machine_.supervisor().launch.memory_count = 1;
  machine_.supervisor().launch.memory[0] = {0, 0x8000'0000};
  EXPECT_EQ(ok(SystemCall::unblock_memory, 0x1000'0000, 2), 1U);
  EXPECT_EQ(ok(SystemCall::unblock_memory, 0x1000'0000, 2), 0U);
  expect(SystemStatus::invalid_argument, SystemCall::unblock_memory, 0x1000'0800, 1);
  expect(SystemStatus::not_permitted, SystemCall::unblock_memory, machine_.supervisor().gates.number, 1);
  expect(SystemStatus::not_permitted, SystemCall::unblock_memory, 0x8000'0000, 1);
  expect(SystemStatus::out_of_memory, SystemCall::unblock_memory, 0x2000'0000, abi::unblocked_pages_limit);
  finish_launch();
  const auto message = [this](const abi::Guid& guid) {
    const abi::CommunicateHeader header{.header_guid = guid, .message_length = 1};
    std::memcpy(machine_.mailbox(), &header, sizeof(header));
    machine_.status().is_comm_buffer_valid = 1;
    EXPECT_EQ(mmi(), Continuation::resume);
  };
  // The foundation need not say anything about the lock.
  message({1, 2, 3, {4}});
  EXPECT_EQ(ok(SystemCall::unblock_memory, 0x2000'0000, 1), 1U);
  EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 0), Continuation::leave);
  message(abi::dxe_mm_ready_to_lock_protocol_guid);
  expect(SystemStatus::not_permitted, SystemCall::unblock_memory, 0x2100'0000, 1);
  EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 0), Continuation::leave);
  message({1, 2, 3, {4}});
  expect(SystemStatus::not_permitted, SystemCall::unblock_memory, 0x2100'0000, 1);
}

TEST_F(SystemCallsTest, PagesAndCopies) {
  const std::uint64_t page = ok(SystemCall::allocate_pages, 2);
  ok(SystemCall::set_page_access, page + page_bytes, 1, abi::encode(abi::held_by_drivers(abi::read_write)));
  machine_.at<std::uint64_t>(page) = 0x1234;
  ok(SystemCall::write_driver, page + page_bytes, page, 8);
  EXPECT_EQ(machine_.at<std::uint64_t>(page + page_bytes), 0x1234u);
  machine_.at<std::uint64_t>(page + page_bytes) = 0x5678;
  ok(SystemCall::read_driver, page, page + page_bytes, 8);
  EXPECT_EQ(machine_.at<std::uint64_t>(page), 0x5678u);
  expect(SystemStatus::bad_address, SystemCall::read_driver, page, page, 8);
  expect(SystemStatus::bad_address, SystemCall::write_driver, machine_.supervisor().gates.number, page, 8);
  expect(SystemStatus::out_of_memory, SystemCall::allocate_pages, ~std::uint64_t{0});
  expect(SystemStatus::not_permitted, SystemCall::free_pages, machine_.supervisor().gates.number, 1);
  expect(SystemStatus::invalid_argument, SystemCall::set_page_access, page, 1,
         abi::encode(abi::held_by_foundation({.read = true, .write = true, .execute = true})));
  expect(SystemStatus::invalid_argument, SystemCall::free_pages, page + 1, 1);
  ok(SystemCall::free_pages, page, 2);
  ok(SystemCall::allocate_pages_at, page, 1);
}

TEST_F(SystemCallsTest, Statistics) {
  const std::uint64_t page = ok(SystemCall::allocate_pages, 1);
  ok(SystemCall::read_memory_statistics, page);
  const auto& statistics = machine_.at<abi::MemoryStatistics>(page);
  EXPECT_EQ(statistics.mmram_bytes, testing::LaunchedMachine::mmram_pages * page_bytes);
  EXPECT_GT(statistics.used_bytes, 0u);
  EXPECT_LT(statistics.used_bytes, statistics.mmram_bytes);
  expect(SystemStatus::bad_address, SystemCall::read_memory_statistics, machine_.supervisor().foundation_entry.number);
}

TEST_F(SystemCallsTest, PortsAreThePlatforms) {
  arch::fake::machine().ports[q35::pm_timer_port] = 0x00AB'CDEF;
  EXPECT_EQ(ok(SystemCall::read_io, q35::pm_timer_port, 4), 0x00AB'CDEFu);
  EXPECT_EQ(ok(SystemCall::read_io, q35::pm_timer_port, 1), 0xEFu);
  ok(SystemCall::write_io, q35::pm_timer_port, 2, 0x11'2233);
  ASSERT_EQ(arch::fake::machine().port_writes.size(), 1u);
  EXPECT_EQ(arch::fake::machine().port_writes[0].value, 0x2233u);
  for (const std::uint64_t port : {std::uint64_t{q35::reset_control_port}, std::uint64_t{q35::debug_console_port},
                                   std::uint64_t{0x1'0608}, ~std::uint64_t{0}}) {
    expect(SystemStatus::not_permitted, SystemCall::read_io, port, 1);
    expect(SystemStatus::not_permitted, SystemCall::write_io, port, 1, 0);
  }
  for (const std::uint64_t width : {0u, 3u, 8u}) {
    expect(SystemStatus::invalid_argument, SystemCall::read_io, q35::pm_timer_port, width);
  }
  EXPECT_EQ(ok(SystemCall::read_io, q35::apm_command_port, 1), 0xFFu);
  expect(SystemStatus::not_permitted, SystemCall::write_io, q35::apm_command_port, 1, 0x55);
  EXPECT_EQ(arch::fake::machine().port_writes.size(), 1u);
}

TEST_F(SystemCallsTest, DeviceMemoryIsThePlatforms) {
  const policy::OutsideRange& flash = platform::board::grants.ranges[0];
  ASSERT_EQ(flash.access, policy::RangeAccess::drivers);
  auto& machine = arch::fake::machine();
  machine.device_memory[MemoryMap::outside(PhysicalAddress(flash.base + 8)).number] = 0x1122'3344'5566'7788;
  EXPECT_EQ(ok(SystemCall::read_device, flash.base + 8, 8), 0x1122'3344'5566'7788u);
  EXPECT_EQ(ok(SystemCall::read_device, flash.base + 8, 2), 0x7788u);
  ok(SystemCall::write_device, flash.base + flash.size - 4, 4, 0xAA'BBCC'DDEE);
  ASSERT_EQ(machine.device_writes.size(), 1u);
  EXPECT_EQ(machine.device_writes[0].address, MemoryMap::outside(PhysicalAddress(flash.base + flash.size - 4)).number);
  EXPECT_EQ(machine.device_writes[0].value, 0xBBCC'DDEEu);
  ok(SystemCall::check_device, flash.base, flash.size);
  for (const std::uint64_t address :
       {flash.base - 8, flash.base + flash.size, platform::board::local_apic_base,
        testing::LaunchedMachine::mmram_base - 8, testing::LaunchedMachine::comm_buffer, ~std::uint64_t{7}}) {
    expect(SystemStatus::not_permitted, SystemCall::check_device, address, 8);
    expect(SystemStatus::not_permitted, SystemCall::read_device, address, 8);
    expect(SystemStatus::not_permitted, SystemCall::write_device, address, 8, 0);
  }
  expect(SystemStatus::not_permitted, SystemCall::check_device, flash.base, flash.size + 1);
  expect(SystemStatus::not_permitted, SystemCall::check_device, flash.base, ~std::uint64_t{0});
  expect(SystemStatus::not_permitted, SystemCall::check_device, flash.base, 0);
  for (const std::uint64_t width : {0u, 3u, 5u, 16u}) {
    expect(SystemStatus::invalid_argument, SystemCall::read_device, flash.base, width);
    expect(SystemStatus::invalid_argument, SystemCall::write_device, flash.base, width, 0);
  }
  expect(SystemStatus::invalid_argument, SystemCall::read_device, flash.base + 2, 4);
  EXPECT_EQ(machine.device_writes.size(), 1u);
}

TEST_F(SystemCallsTest, LogLinesAreMadeHarmless) {
  arch::fake::machine().ports[q35::debug_console_port] = q35::debug_console_signature;
  const std::uint64_t page = ok(SystemCall::allocate_pages, 1);
  std::memcpy(&machine_.at<char>(page), "driver\nname", 11);
  ok(SystemCall::log, page, 11);
  EXPECT_EQ(arch::fake::machine().port_text[q35::debug_console_port], "redoubt: driver?name\n");
  expect(SystemStatus::invalid_argument, SystemCall::log, page, abi::log_line_bytes + 1);
  expect(SystemStatus::bad_address, SystemCall::log, machine_.supervisor().gates.number, 4);
}

TEST_F(SystemCallsTest, FinishesOfWhatIsNotGoingOnAreRefused) {
  expect(SystemStatus::not_permitted, SystemCall::finish_mmi, 0, 0);
  expect(SystemStatus::not_permitted, SystemCall::finish_service, 0);
  finish_launch();
  post(5);
  EXPECT_EQ(mmi(), Continuation::resume);
  expect(SystemStatus::not_permitted, SystemCall::finish_launch, 0);
}

TEST_F(SystemCallsTest, AMessageGoesInAndAReplyComesOut) {
  finish_launch();
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  EXPECT_EQ(machine_.frame().rdi, static_cast<std::uint64_t>(abi::EntryReason::mmi));
  const auto event = machine_.at<abi::MmiEvent>(machine_.frame().rsi);
  EXPECT_EQ(event.has_message, 1u);
  EXPECT_EQ(event.guid, (abi::Guid{1, 2, 3, {4}}));
  EXPECT_EQ(event.data, testing::LaunchedMachine::comm_buffer + sizeof(abi::CommunicateHeader));
  EXPECT_EQ(event.data_size, 1u);
  auto& data =
      machine_.at<std::uint8_t>(machine_.supervisor().memory.capture().number + sizeof(abi::CommunicateHeader));
  EXPECT_EQ(data, 5);
  data = 6;
  EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 1), Continuation::leave);
  EXPECT_EQ(machine_.mailbox()[sizeof(abi::CommunicateHeader)], std::byte{6});
  EXPECT_EQ(machine_.status().is_comm_buffer_valid, 0);
  EXPECT_EQ(machine_.status().return_status, 0u);
  EXPECT_EQ(machine_.supervisor().mmi_count, 1u);
}

TEST_F(SystemCallsTest, TheHostDoorsAreShutWhileRingThreeRuns) {
  finish_launch();
  std::uint64_t& sysenter = arch::fake::machine().msrs[0x174];
  sysenter = 0x10;
  arch::fake::machine().local_descriptors = 0x50;
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  EXPECT_EQ(sysenter, 0u);
  EXPECT_EQ(arch::fake::machine().local_descriptors, 0u);
  machine_.call(SystemCall::finish_mmi, 0, 0);
  EXPECT_EQ(sysenter, 0x10u);
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  EXPECT_EQ(sysenter, 0u);
  machine_.start_operating_system();
  machine_.trap(arch::vector::general_protection);
  EXPECT_EQ(sysenter, 0x10u) << "after a fault of the foundation as well";
}

TEST_F(SystemCallsTest, AnEmptyMmiDoesNothing) {
  finish_launch();
  EXPECT_EQ(mmi(), Continuation::leave);
  EXPECT_EQ(mmi(), Continuation::leave);
  EXPECT_EQ(machine_.supervisor().mmi_count, 2u);
}

TEST_F(SystemCallsTest, RootInterestBringsEveryMmiToTheFoundation) {
  ok(SystemCall::set_root_interest, 1);
  finish_launch();
  ASSERT_EQ(mmi(), Continuation::resume);
  EXPECT_EQ(machine_.at<abi::MmiEvent>(machine_.frame().rsi).has_message, 0u);
  EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 100), Continuation::leave);
}

TEST_F(SystemCallsTest, AWrongSizeIsAnsweredWithoutTheFoundation) {
  finish_launch();
  post(5);
  const std::uint64_t length = ~std::uint64_t{0} - 7;
  std::memcpy(machine_.mailbox() + offsetof(abi::CommunicateHeader, message_length), &length, sizeof(length));
  EXPECT_EQ(mmi(), Continuation::leave);
  EXPECT_EQ(machine_.status().is_comm_buffer_valid, 0);
  EXPECT_EQ(machine_.status().return_status, abi::status::bad_buffer_size);
}

TEST_F(SystemCallsTest, AFaultOfTheFoundationAnswersTheMessage) {
  finish_launch();
  machine_.start_operating_system();
  post(5);
  ASSERT_EQ(mmi(), Continuation::resume);
  EXPECT_EQ(machine_.trap(arch::vector::general_protection), Continuation::leave);
  EXPECT_EQ(machine_.status().is_comm_buffer_valid, 0);
  EXPECT_EQ(machine_.status().return_status, abi::status::device_error);
  post(6);
  EXPECT_EQ(mmi(), Continuation::leave) << "its databases may be half-changed";
  EXPECT_EQ(machine_.status().is_comm_buffer_valid, 0);
  EXPECT_EQ(machine_.status().return_status, abi::status::device_error);
}

// A page that drivers may write and the foundation may only read: no copy of the foundation's goes there, and ring 0's
// own goes through the window, whichever space is loaded.
TEST_F(SystemCallsTest, CopiesDontDependOnTheLoadedSpace) {
  const std::uint64_t page = ok(SystemCall::allocate_pages, 3);
  ok(SystemCall::set_page_access, page + page_bytes, 1,
     abi::encode(abi::PageAccess{DomainId::drivers, abi::read_write, abi::read_only}));
  ok(SystemCall::set_page_access, page + 2 * page_bytes, 1, abi::encode(abi::held_by_drivers(abi::read_write)));
  machine_.at<std::uint64_t>(page) = 0x1234;
  expect(SystemStatus::bad_address, SystemCall::write_driver, page + page_bytes, page, 8);
  ok(SystemCall::write_driver, page + 2 * page_bytes, page, 8);
  EXPECT_EQ(machine_.at<std::uint64_t>(page + 2 * page_bytes), 0x1234u);
  for (const DomainId loaded : {DomainId::drivers, DomainId::foundation}) {
    arch::write_cr3(machine_.supervisor().memory.root(loaded));
    const std::uint64_t value = 0x5678;
    EXPECT_TRUE(machine_.supervisor().memory.copy_to_driver(DriverAddress(page + page_bytes), object_bytes(value)));
    EXPECT_TRUE(machine_.supervisor().memory.copy_to_foundation(FoundationAddress(page), object_bytes(value)));
  }
  EXPECT_EQ(machine_.at<std::uint64_t>(page + page_bytes), 0x5678u);
  EXPECT_EQ(testing::audit_memory(machine_.supervisor()), nullptr);
}

// A compromised foundation: any number with any arguments, drivers that come back in any state. Ring 0 must stay
// whole: no sanitizer report, no store that its page tables forbid, records and tables in step, and pages of its own
// never change hands.
TEST_F(SystemCallsTest, RandomCallsBreakNothing) {
  finish_launch();
  machine_.start_operating_system();
  arch::fake::machine().on_end = [](const char*) { throw 0; };  // it may ask for a halt, and then gets another machine
  std::mt19937_64 random(1);
  Supervisor& supervisor = machine_.supervisor();
  const std::uint64_t interesting[] = {0,
                                       1,
                                       8,
                                       4096,
                                       ~std::uint64_t{0},
                                       std::uint64_t{1} << 63,
                                       testing::LaunchedMachine::mmram_base,
                                       testing::LaunchedMachine::page(41),
                                       testing::LaunchedMachine::page(1000),
                                       testing::LaunchedMachine::page(1023) + 4090,
                                       testing::LaunchedMachine::comm_buffer,
                                       testing::LaunchedMachine::comm_buffer + 4 * page_bytes - 4,
                                       supervisor.foundation_stack.end().number - 0x300,
                                       supervisor.driver_stack.end().number - 0x300,
                                       supervisor.gates.number};
  // Pages that the foundation has or had, so that many calls succeed.
  std::array<std::uint64_t, 16> obtained{};
  const auto any = [&]() -> std::uint64_t {
    if (random() % 2 == 0) return random() % 2 == 0 ? obtained[random() % obtained.size()] : random() % 8;
    const std::uint64_t value = interesting[random() % std::size(interesting)];
    return random() % 4 == 0 ? value + random() % 64 : value;
  };
  // What set_page_access() takes: a holder, the holder's rights and everybody else's. Numbers at random name none.
  const auto any_access = [&]() -> std::uint64_t {
    const abi::Rights rights[] = {abi::no_rights, abi::read_only, abi::read_write, abi::read_execute, abi::unprotected};
    const auto any_rights = [&] { return random() % 8 == 0 ? abi::decode_rights(random()) : rights[random() % 5]; };
    const auto holder = static_cast<DomainId>(random() % 2);
    const abi::Rights holders = any_rights();
    return abi::encode({holder, holders, random() % 2 == 0 ? abi::no_rights : any_rights()});
  };
  bool inside = false;
  int opened = 0;  // how often pages got rights
  for (int step = 0; step < 60'000; ++step) {
    if (!inside) {
      post(1);
      inside = mmi() == Continuation::resume;
      continue;
    }
    arch::RegisterFrame& frame = machine_.frame();
    if (random() % 4 == 0) frame.rsp = any();
    if (supervisor.calls.driver_runs()) {
      const std::uint64_t choice = random() % 8;
      frame.r10 = choice < 4 ? random() % 64 : choice < 6 ? abi::gate_return : any();
      inside = machine_.trap(choice == 7 ? random() % 0x82 : abi::driver_gate_vector) == Continuation::resume;
    } else {
      try {
        const auto number = static_cast<SystemCall>(random() % (system_call_count + 1));
        const bool sets_access = number == SystemCall::set_page_access;
        const std::uint64_t third = sets_access && random() % 8 != 0 ? any_access() : any();
        const std::uint64_t first = sets_access && random() % 4 != 0 ? obtained[random() % obtained.size()] : any();
        inside = machine_.call(number, first, any(), third, any()) == Continuation::resume;
        opened += sets_access && machine_.answer() == SystemStatus::ok && third >> 8 != 0 ? 1 : 0;
        if (number == SystemCall::allocate_pages && machine_.answer() == SystemStatus::ok)
          obtained[random() % obtained.size()] = frame.rdx;
      } catch (int) {
        supervisor.end = MachineEnd::none;
        inside = abort_activity(supervisor, machine_.cpu()) == Continuation::resume;
      }
    }
    if (step % 1000 == 0) {
      const char* wrong = testing::audit_memory(supervisor);
      ASSERT_EQ(wrong, nullptr) << wrong;
      ASSERT_TRUE(machine_.mmram().agrees()) << "a translation was forgotten";
    }
    if (!inside) {
      supervisor.foundation_over = false;  // a fault of its own doesn't end the test
      ASSERT_TRUE(supervisor.calls.empty());
      ASSERT_EQ(supervisor.activity, Activity::none);
    }
  }
  EXPECT_GT(opened, 50) << "numbers that mean nothing try nothing";
  for (std::uint64_t page = 40; page < 60; ++page) {
    EXPECT_EQ(supervisor.memory.pool().find(PhysicalAddress(testing::LaunchedMachine::page(page)))->use,
              PageUse::supervisor);
  }
}

}  // namespace
}  // namespace redoubt::supervisor
