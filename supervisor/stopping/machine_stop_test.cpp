// SPDX-License-Identifier: BSD-2-Clause-Patent
// Drivers that fail, boot after boot, over an MMRAM that survives resets.
#include "supervisor/stopping/machine_stop.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "abi/pi/mm_protocols.hpp"
#include "platform/q35/chipset.hpp"
#include "supervisor/exceptions/panic.hpp"
#include "supervisor/testing/launched_machine.hpp"

namespace redoubt::supervisor {
namespace {

using abi::FaultPolicy;
using abi::SystemCall;
using abi::SystemStatus;
using policy::BootPhase;
using testing::LaunchedMachine;

struct End {
  std::string how;
};

constexpr abi::Guid victim = {7, 2, 3, {4}};
constexpr std::uint64_t kept_page = LaunchedMachine::page(LaunchedMachine::mmram_pages - 1);

class MachineStopTest : public ::testing::Test {
 protected:
  using Kept = std::array<std::byte, abi::kept_bytes>;

  // A boot, with what the last one left. MM is ready unless `finish` is false.
  void boot(bool finish = true) {
    Kept kept{};
    if (machine_ != nullptr) kept = machine_->at<Kept>(kept_page);
    machine_ = std::make_unique<LaunchedMachine>();
    machine_->at<Kept>(kept_page) = kept;
    arch::fake::machine().ports[platform::q35::debug_console_port] = platform::q35::debug_console_signature;
    arch::fake::machine().on_end = [](const char* how) { throw End{how}; };
    ASSERT_TRUE(machine_->launch().has_value());
    if (finish) {
      ASSERT_EQ(machine_->call(SystemCall::finish_launch, 0), Continuation::leave);
    }
  }

  // A message comes; the foundation has it.
  void post(const abi::Guid& guid) {
    const abi::CommunicateHeader header{.header_guid = guid, .message_length = 1};
    std::memcpy(machine_->mailbox(), &header, sizeof(header));
    machine_->status().is_comm_buffer_valid = 1;
    ASSERT_EQ(begin_mmi(supervisor(), machine_->cpu()), Continuation::resume);
  }
  void answer_message() { ASSERT_EQ(machine_->call(SystemCall::finish_mmi, 0, 0), Continuation::leave); }

  static abi::StopRequest request(FaultPolicy policy) {
    abi::StopRequest request{};
    request.file = victim;
    request.vector = 14;
    request.rip = 0x1F20'1234;
    request.driver = 3;
    request.policy = policy;
    std::memcpy(request.name, "Victim", 6);
    return request;
  }
  // The foundation asks; how the processor ended, or nothing if it went on.
  std::string ask(const abi::StopRequest& request) {
    const std::uint64_t address = machine_->frame().rsp - 0x200;
    machine_->at<abi::StopRequest>(address) = request;
    try {
      EXPECT_EQ(machine_->call(SystemCall::stop_machine, address), Continuation::resume);
    } catch (const End& end) {
      return end.how;
    }
    EXPECT_EQ(machine_->answer(), SystemStatus::not_permitted);
    return {};
  }
  std::string fault_in_foundation() {
    try {
      EXPECT_EQ(machine_->trap(arch::vector::general_protection), Continuation::leave);
    } catch (const End& end) {
      return end.how;
    }
    return {};
  }

  // Ring 0 panics, on whatever CPU; how the processor ended.
  std::string panics() {
    arch::RegisterFrame frame{};
    frame.vector = arch::vector::page_fault;
    frame.rip = 0x1F01'0123;
    try {
      panic(supervisor(), frame, "a reason");
    } catch (const End& end) {
      return end.how;
    }
  }
  std::string how_an_mmi_ends() {
    try {
      begin_mmi(supervisor(), machine_->cpu());
    } catch (const End& end) {
      return end.how;
    }
    return {};
  }

  Supervisor& supervisor() { return machine_->supervisor(); }
  std::optional<policy::FaultRecord> left() {
    return policy::accept_fault_record(machine_->at<policy::FaultRecordBytes>(kept_page));
  }
  static std::string log() { return arch::fake::machine().port_text[platform::q35::debug_console_port]; }
  // What a terminal at COM1 shows.
  static std::string console() {
    using namespace platform::q35;
    std::string text;
    bool divisor = false;
    for (const auto& write : arch::fake::machine().port_writes) {
      if (write.port == serial_console_port + uart_line_control) {
        divisor = (write.value & uart_line_show_divisor) != 0;
      } else if (write.port == serial_console_port && !divisor) {
        text += static_cast<char>(write.value);
      }
    }
    return text;
  }
  static std::size_t reset_requests() {
    std::size_t requests = 0;
    for (const auto& write : arch::fake::machine().port_writes) {
      requests += write.port == platform::q35::reset_control_port && write.value == 6 ? 1 : 0;
    }
    return requests;
  }

  std::unique_ptr<LaunchedMachine> machine_;
};

TEST_F(MachineStopTest, AResetIsTriedAtTheRegisterAndThenWithoutIt) {
  boot();
  post(victim);
  EXPECT_EQ(ask(request(FaultPolicy::reset)), "shuts down");
  EXPECT_EQ(reset_requests(), 1000U) << "the port may lead nowhere";
  EXPECT_EQ(supervisor().end, MachineEnd::reset);
  ASSERT_TRUE(left().has_value());
  EXPECT_EQ(left()->request.file, victim);
  EXPECT_EQ(left()->request.rip, 0x1F20'1234U);
  EXPECT_EQ(left()->phase, BootPhase::firmware);
  EXPECT_EQ(left()->in_a_row, 1U);
  const std::string line =
      "machine.reset name=\"Victim\" guid=00000007-0002-0003-0400-000000000000 cause=fault vector=14 "
      "phase=firmware in_a_row=1 reason=\"its policy\"";
  EXPECT_TRUE(log().find("redoubt: " + line + "\n") != std::string::npos) << log();
  EXPECT_EQ(console(), "\r\nRedoubt MM: " + line + "\r\n");
}

TEST_F(MachineStopTest, TheNextBootSaysWhatTheLastOneLeft) {
  boot();
  post(victim);
  ask(request(FaultPolicy::reset));
  boot();
  EXPECT_TRUE(log().find("redoubt: fault.record name=\"Victim\" guid=00000007-0002-0003-0400-000000000000 cause=fault "
                         "vector=14 rip=0x1f201234 address=0x0 handler=00000000-0000-0000-0000-000000000000 "
                         "phase=firmware action=reset in_a_row=1\n") != std::string::npos)
      << log();
}

TEST_F(MachineStopTest, TheThirdTimeInARowTheMachineGoesOnClosed) {
  for (std::uint32_t time = 1; time <= policy::resets_in_a_row; ++time) {
    boot(false);
    EXPECT_EQ(ask(request(FaultPolicy::reset)), "shuts down") << time;
    EXPECT_EQ(left()->in_a_row, time);
    EXPECT_EQ(left()->phase, BootPhase::launch);
  }
  boot(false);
  EXPECT_EQ(ask(request(FaultPolicy::reset)), "");
  EXPECT_EQ(reset_requests(), 0U);
  EXPECT_EQ(supervisor().end, MachineEnd::none);
  EXPECT_TRUE(console().find("machine.closed name=\"Victim\"") != std::string::npos);
  EXPECT_TRUE(console().find("reason=\"resets did not help\"") != std::string::npos) << console();
  ASSERT_TRUE(left().has_value());
  EXPECT_EQ(left()->verdict, policy::StopVerdict::closed_for_loop);
  // Still so if the machine is reset by hand.
  boot(false);
  EXPECT_EQ(ask(request(FaultPolicy::reset)), "");
}

TEST_F(MachineStopTest, ReadyToBootClearsTheCount) {
  for (unsigned time = 0; time < policy::resets_in_a_row; ++time) {
    boot();
    post(victim);
    EXPECT_EQ(ask(request(FaultPolicy::reset)), "shuts down");
  }
  boot();
  ASSERT_TRUE(left().has_value());
  post(abi::ready_to_boot_event_group_guid);
  EXPECT_EQ(supervisor().resets.in_a_row, policy::resets_in_a_row) << "not before it was answered";
  answer_message();
  EXPECT_EQ(supervisor().phase, BootPhase::ready_to_boot);
  EXPECT_FALSE(left().has_value()) << "it was shown, and is over";
  post(victim);
  EXPECT_EQ(ask(request(FaultPolicy::reset)), "shuts down");
  EXPECT_EQ(left()->in_a_row, 1U);
}

TEST_F(MachineStopTest, AFaultOfThisBootStaysForTheNextOneToShow) {
  boot();
  supervisor().phase = BootPhase::operating_system;
  post(victim);
  EXPECT_EQ(ask(request(FaultPolicy::reset)), "");
  answer_message();
  post(abi::ready_to_boot_event_group_guid);
  answer_message();
  ASSERT_TRUE(left().has_value());
  EXPECT_EQ(left()->request.file, victim);
  EXPECT_EQ(left()->total, 0U);
}

TEST_F(MachineStopTest, NoOperatingSystemIsReset) {
  boot();
  post(abi::exit_boot_services_event_group_guid);
  // Already its own handlers.
  EXPECT_EQ(ask(request(FaultPolicy::reset)), "");
  EXPECT_TRUE(console().find("reason=\"an operating system runs\"") != std::string::npos);
  EXPECT_EQ(left()->verdict, policy::StopVerdict::closed_for_system);
  answer_message();
  post(abi::ready_to_boot_event_group_guid);
  answer_message();
  EXPECT_EQ(supervisor().phase, BootPhase::operating_system) << "phases don't go back";
}

TEST_F(MachineStopTest, TheOperatingSystemsSpeedStays) {
  boot();
  supervisor().phase = BootPhase::operating_system;
  const auto line_control =
      static_cast<std::uint16_t>(platform::q35::serial_console_port + platform::q35::uart_line_control);
  arch::fake::machine().ports[line_control] = 0x9B;  // it was at the divisor
  post(victim);
  EXPECT_EQ(ask(request(FaultPolicy::reset)), "");
  EXPECT_TRUE(console().find("machine.closed") != std::string::npos);
  for (const auto& write : arch::fake::machine().port_writes) {
    if (write.port == line_control) {
      EXPECT_TRUE(write.value == 0x1B || write.value == 0x9B) << write.value;
    }
  }
}

TEST_F(MachineStopTest, AConsoleThatIsStuckHangsNobody) {
  boot();
  arch::fake::machine().ports[platform::q35::serial_console_port + platform::q35::uart_line_status] = 0;
  post(victim);
  EXPECT_EQ(ask(request(FaultPolicy::reset)), "shuts down");
  EXPECT_EQ(console(), "");
}

TEST_F(MachineStopTest, HaltedCpusStayInMmAndLateOnesToo) {
  boot();
  post(victim);
  EXPECT_EQ(ask(request(FaultPolicy::halt)), "halts");
  EXPECT_EQ(reset_requests(), 0U);
  EXPECT_TRUE(console().find("machine.halted name=\"Victim\"") != std::string::npos);
  for (const std::uint32_t cpu : {0U, 1U}) {
    EXPECT_THROW(begin_mmi(supervisor(), *supervisor().cpus[cpu]), End);
  }
}

// It didn't come to the last MMI, so that nobody waits for it; it may run again by now.
TEST_F(MachineStopTest, WhoWasAbsentIsCalledToStandStillToo) {
  boot();
  arch::fake::Machine& fake = arch::fake::machine();
  fake.on_spin = [&fake] { fake.tsc += std::uint64_t{1} << 24; };
  post(victim);
  answer_message();
  ASSERT_TRUE(supervisor().rendezvous.is_absent(1));
  post(victim);
  const auto calls = [&fake] {
    return std::ranges::count_if(fake.port_writes, [](const arch::fake::PortWrite& write) {
      return write.port == platform::q35::apm_command_port;
    });
  };
  const auto before = calls();
  EXPECT_EQ(ask(request(FaultPolicy::halt)), "halts");
  EXPECT_EQ(calls(), before + 1);
  EXPECT_NE(log().find("processor.outside cpu=1"), std::string::npos);
}

TEST_F(MachineStopTest, AFoundationThatFaultsIsReset) {
  boot();
  post(victim);
  EXPECT_EQ(fault_in_foundation(), "shuts down");
  ASSERT_TRUE(left().has_value());
  EXPECT_EQ(left()->request.file, abi::image_names::foundation);
  EXPECT_EQ(left()->request.handler, victim);
  EXPECT_EQ(left()->request.vector, static_cast<std::uint32_t>(arch::vector::general_protection));
  boot(false);
  EXPECT_EQ(fault_in_foundation(), "shuts down") << "in its launch";
  boot(false);
  EXPECT_EQ(fault_in_foundation(), "");
  EXPECT_EQ(machine_->record().result, static_cast<std::uint64_t>(abi::LaunchResult::failed));
}

TEST_F(MachineStopTest, APanicIsCountedAsADriversFaultIs) {
  for (std::uint32_t time = 1; time <= policy::resets_in_a_row; ++time) {
    boot();
    EXPECT_EQ(panics(), "shuts down") << time;
    EXPECT_EQ(supervisor().end, MachineEnd::reset);
    ASSERT_TRUE(left().has_value());
    EXPECT_EQ(left()->request.file, abi::image_names::supervisor);
    EXPECT_EQ(left()->request.vector, static_cast<std::uint32_t>(arch::vector::page_fault));
    EXPECT_EQ(left()->request.rip, 0x1F01'0123U);
    EXPECT_EQ(left()->in_a_row, time);
  }
  // Nobody can go on without ring 0, so that the machine stands still, also after a reset by hand.
  for (unsigned time = 0; time < 2; ++time) {
    boot(false);
    EXPECT_EQ(panics(), "halts");
    EXPECT_EQ(reset_requests(), 0U);
    EXPECT_TRUE(console().find("panic vector=14 reason=\"a reason\"") != std::string::npos) << console();
    EXPECT_TRUE(console().find("machine.halted name=\"RedoubtSupervisor\"") != std::string::npos) << console();
    EXPECT_TRUE(console().find("in_a_row=2 reason=\"resets did not help\"") != std::string::npos) << console();
  }
}

TEST_F(MachineStopTest, APanicUnderAnOperatingSystemBringsTheMachineBack) {
  boot();
  supervisor().phase = BootPhase::operating_system;
  EXPECT_EQ(panics(), "shuts down");
  EXPECT_EQ(left()->phase, BootPhase::operating_system);
  EXPECT_TRUE(console().find("machine.reset name=\"RedoubtSupervisor\"") != std::string::npos) << console();
}

TEST_F(MachineStopTest, APanicThatCannotBeCountedHalts) {
  boot();
  supervisor().fault_record = nullptr;
  EXPECT_EQ(panics(), "halts");
  EXPECT_EQ(reset_requests(), 0U);
}

TEST_F(MachineStopTest, AfterAPanicElsewhereNoMmiRuns) {
  for (const MachineEnd end : {MachineEnd::reset, MachineEnd::halt}) {
    boot();
    if (end == MachineEnd::halt) supervisor().resets.total = policy::resets_in_total;
    post(victim);
    // The CPU that isn't at work in MM panics; the one that is comes to its end.
    panics();
    answer_message();
    EXPECT_EQ(supervisor().end, end);
    EXPECT_EQ(how_an_mmi_ends(), end == MachineEnd::reset ? "shuts down" : "halts");
  }
}

TEST_F(MachineStopTest, OfTwoThatPanicAtOnceOneDecides) {
  boot();
  supervisor().panicking = true;
  unsigned polls = 0;
  arch::fake::machine().on_spin = [&] {
    if (++polls == 1000) supervisor().end = MachineEnd::reset;
  };
  EXPECT_EQ(panics(), "shuts down");
  EXPECT_FALSE(left().has_value()) << "the other one counts";
  EXPECT_EQ(console(), "");
  // It faulted in its panic.
  boot();
  supervisor().panicking = true;
  EXPECT_EQ(panics(), "halts");
  EXPECT_EQ(supervisor().end, MachineEnd::halt);
  EXPECT_EQ(how_an_mmi_ends(), "halts");
}

// The CPU that runs MM comes to a stop of its own, or to ReadyToBoot, while the panic is being told.
TEST_F(MachineStopTest, WhatAPanicHasCountedStays) {
  boot();
  post(victim);
  supervisor().panicking = true;
  const PanicStop stop = record_panic(supervisor(), {arch::vector::page_fault, 1, 2});
  EXPECT_EQ(stop.verdict, policy::StopVerdict::reset);
  arch::fake::machine().on_spin = [this] { supervisor().end = MachineEnd::reset; };
  EXPECT_EQ(ask(request(FaultPolicy::disable)), "shuts down");
  ASSERT_TRUE(left().has_value());
  EXPECT_EQ(left()->request.file, abi::image_names::supervisor);
  EXPECT_EQ(left()->total, 1U);
}

TEST_F(MachineStopTest, APanicWhileTheRecordIsWrittenWritesItAnew) {
  boot();
  supervisor().recording = true;  // by this CPU, which faulted in it
  EXPECT_EQ(panics(), "shuts down");
  ASSERT_TRUE(left().has_value());
  EXPECT_EQ(left()->request.file, abi::image_names::supervisor);
}

TEST_F(MachineStopTest, AHaltStaysAHalt) {
  boot();
  post(victim);
  EXPECT_EQ(ask(request(FaultPolicy::halt)), "halts");
  EXPECT_EQ(panics(), "halts");
  supervisor().panicking = false;
  EXPECT_EQ(ask(request(FaultPolicy::reset)), "halts") << "of another CPU, at the same time";
  EXPECT_EQ(supervisor().end, MachineEnd::halt);
  EXPECT_EQ(reset_requests(), 0U);
}

// A halt is decided before anything is done that may go wrong.
TEST_F(MachineStopTest, APanicInAHaltIsNoReset) {
  boot();
  post(victim);
  arch::fake::machine().on_spin = [this] { panic(supervisor(), {}, "on the way"); };
  supervisor().rendezvous.note_call(1);
  EXPECT_EQ(ask(request(FaultPolicy::halt)), "halts");
  EXPECT_EQ(reset_requests(), 0U);
  EXPECT_EQ(left()->request.file, victim);
}

TEST_F(MachineStopTest, AStopThatIsCutOffAndBegunAgainCountsOnce) {
  boot();
  post(victim);
  EXPECT_EQ(ask(request(FaultPolicy::reset)), "shuts down");
  supervisor().end = MachineEnd::none;  // as it was when its CPU was reset
  EXPECT_EQ(ask(request(FaultPolicy::reset)), "shuts down");
  EXPECT_EQ(left()->in_a_row, 1U);
  EXPECT_EQ(left()->total, 1U);
  supervisor().end = MachineEnd::none;
  EXPECT_EQ(panics(), "shuts down") << "the CPU comes back in ring 0";
  EXPECT_EQ(left()->total, 1U);
  supervisor().panicking = false;
  EXPECT_EQ(panics(), "shuts down") << "it was decided";
  EXPECT_EQ(left()->total, 1U);
}

TEST_F(MachineStopTest, WhoComesBackIntoAResetCarriesItOut) {
  boot();
  post(victim);
  EXPECT_EQ(ask(request(FaultPolicy::reset)), "shuts down");
  EXPECT_EQ(how_an_mmi_ends(), "shuts down");
  EXPECT_EQ(left()->total, 1U);
}

// ReadyToBoot comes, and nobody takes note of it but ring 0, which answers for a foundation that is over.
TEST_F(MachineStopTest, AClosedMachinesReadyToBootClearsNothing) {
  for (unsigned time = 0; time < policy::resets_in_a_row; ++time) {
    boot();
    post(victim);
    EXPECT_EQ(fault_in_foundation(), "shuts down");
  }
  boot();
  post(victim);
  EXPECT_EQ(fault_in_foundation(), "");
  ASSERT_TRUE(supervisor().foundation_over);
  const abi::CommunicateHeader header{.header_guid = abi::ready_to_boot_event_group_guid, .message_length = 1};
  std::memcpy(machine_->mailbox(), &header, sizeof(header));
  machine_->status().is_comm_buffer_valid = 1;
  ASSERT_EQ(begin_mmi(supervisor(), machine_->cpu()), Continuation::leave);
  EXPECT_EQ(machine_->status().is_comm_buffer_valid, 0);
  EXPECT_EQ(supervisor().phase, BootPhase::firmware);
  EXPECT_EQ(supervisor().resets.in_a_row, policy::resets_in_a_row);
  ASSERT_TRUE(left().has_value());
  EXPECT_EQ(left()->in_a_row, policy::resets_in_a_row);
  EXPECT_EQ(left()->verdict, policy::StopVerdict::closed_for_loop);
}

TEST_F(MachineStopTest, WhatTheFoundationAsksIsMadeSound) {
  boot();
  supervisor().phase = BootPhase::operating_system;
  post(victim);
  abi::StopRequest wrong = request(static_cast<FaultPolicy>(200));
  wrong.cause = static_cast<abi::FaultCause>(99);
  std::memset(wrong.name, '"', sizeof(wrong.name));
  EXPECT_EQ(ask(wrong), "");
  ASSERT_TRUE(left().has_value());
  EXPECT_TRUE(console().find("name=\"" + std::string(sizeof(wrong.name) - 1, '?') + "\" guid=") != std::string::npos);
  machine_->call(SystemCall::stop_machine, kept_page);
  EXPECT_EQ(machine_->answer(), SystemStatus::bad_address) << "not the foundation's to read";
}

TEST_F(MachineStopTest, TheConsoleIsNotFlooded) {
  boot();
  supervisor().phase = BootPhase::operating_system;
  post(victim);
  for (unsigned time = 0; time < 100; ++time) ask(request(FaultPolicy::reset));
  std::size_t lines = 0;
  const std::string text = console();
  for (std::size_t at = text.find("machine.closed"); at != std::string::npos;
       at = text.find("machine.closed", at + 1)) {
    ++lines;
  }
  EXPECT_EQ(lines, 16U);
}

TEST_F(MachineStopTest, NobodyTouchesTheKeptPage) {
  LaunchedMachine machine;
  auto& kept = machine.at<Kept>(kept_page);
  kept.fill(std::byte{0x5A});
  ASSERT_TRUE(machine.launch().has_value());
  while (machine.supervisor().memory.allocate_pages(1, {}).has_value()) {
  }
  EXPECT_FALSE(machine.supervisor().memory.allocate_pages_at(PhysicalAddress(kept_page), 1).has_value());
  EXPECT_FALSE(machine.supervisor().memory.foundation_may(
      abi::read_only, Range<FoundationSpace>::create(FoundationAddress(kept_page), 1).value()));
  EXPECT_TRUE(std::ranges::all_of(kept, [](std::byte byte) { return byte == std::byte{0x5A}; }));
  EXPECT_EQ(machine.supervisor().resets.total, 0U) << "noise is no record";
}

}  // namespace
}  // namespace redoubt::supervisor
