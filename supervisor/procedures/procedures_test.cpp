// SPDX-License-Identifier: BSD-2-Clause-Patent
// Two CPUs: the test's thread runs MM, another plays the held CPU, ring 3 included. NMIs are the test's own: what the
// leader writes to its interrupt command register is delivered to the other thread as arch/x86_64/entry/traps.S would.
#include "supervisor/procedures/procedures.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "arch/x86_64/registers/local_apic.hpp"
#include "arch/x86_64/registers/msr.hpp"
#include "supervisor/testing/launched_machine.hpp"

namespace redoubt::supervisor {
namespace {

using abi::ProcessorState;
using abi::SystemCall;
using abi::SystemStatus;

constexpr std::uint64_t entry = 0x4000'1000;
constexpr std::uint64_t argument = 0x4000'2000;

class ProceduresTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(machine_.launch().has_value());
    supervisor().local_apic.initialize(LinearAddress(reinterpret_cast<std::uint64_t>(apic_.data())));
    use_apic();
    apic_[arch::local_apic::id / 4] = 1u << 24;
    page_ = call(SystemCall::allocate_pages, 1);
    ASSERT_EQ(machine_.call(SystemCall::finish_launch, 0), Continuation::leave);
  }
  void TearDown() override {
    if (other_.joinable()) {
      end_mmi();
    }
  }

  static void use_apic() { arch::fake::machine().msrs[arch::msr::apic_base] = 0xFEE0'0900; }
  Supervisor& supervisor() { return machine_.supervisor(); }
  Cpu& other() { return *supervisor().cpus[1]; }
  Procedure& procedure() { return supervisor().procedures[1]; }

  std::uint64_t call(SystemCall number, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
                     std::uint64_t d = 0) {
    machine_.call(number, a, b, c, d);
    EXPECT_EQ(machine_.answer(), SystemStatus::ok);
    return machine_.frame().rdx;
  }

  // An MMI on both CPUs; `ring3` is what the held one does each time it enters ring 3: it changes the frame and returns
  // the vector that leads back. A return of no_vector means that an NMI with a request stops it.
  static constexpr std::uint64_t no_vector = ~std::uint64_t{0};
  void begin(std::function<std::uint64_t(Cpu&)> ring3, bool apic = true) {
    machine_.status().is_comm_buffer_valid = 1;
    other_ = std::thread([this, apic, ring3 = std::move(ring3)] {
      if (apic) {
        use_apic();
      }
      arch::fake::machine().msrs[0x174] = 0x10;
      // NMIs that find the CPU in ring 0.
      arch::fake::machine().on_spin = [this] { static_cast<void>(take_request(false)); };
      wait_for_leader();
      Continuation next = begin_mmi(supervisor(), other());
      while (next == Continuation::resume) {
        EXPECT_EQ(arch::fake::machine().cr3, supervisor().memory.root(DomainId::drivers).number);
        EXPECT_EQ(arch::fake::machine().msrs[0x174], 0u) << "the host's doors are shut";
        EXPECT_GT(arch::fake::machine().nmi_openings, 0u);
        std::uint64_t vector = ring3(other());
        while (vector == no_vector) {
          vector = take_request(true);
        }
        other().frame.vector = vector;
        next = handle_trap(supervisor(), other());
      }
      EXPECT_EQ(arch::fake::machine().msrs[0x174], 0x10u);
      others_fpu_trace_ = arch::fake::machine().fpu_trace;
    });
    leaders_mmi();
  }
  // The held one comes second.
  void wait_for_leader() {
    while (!supervisor().rendezvous.was_reset(0)) {
      std::this_thread::yield();
    }
  }
  void leaders_mmi() {
    ASSERT_EQ(begin_mmi(supervisor(), machine_.cpu()), Continuation::resume);
    ASSERT_TRUE(supervisor().rendezvous.is_held(1));
  }
  void end_mmi() {
    EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 0), Continuation::leave);
    other_.join();
  }

  // What the NMI handler does with a request: cleared; true of one that stops ring 3 gives its vector.
  std::uint64_t take_request(bool in_ring_3) {
    std::atomic_ref request(other().request);
    if (request.load() == 0) {
      std::this_thread::yield();
      return no_vector;
    }
    ++requests_;
    return request.exchange(0) == REQUEST_STOP && in_ring_3 ? std::uint64_t{arch::vector::nmi} : no_vector;
  }

  SystemStatus start(std::uint64_t cpu = 1, std::uint64_t where = entry) {
    machine_.at<abi::ProcedureCall>(page_) = {where, argument, 0x7000, 9, 0};
    machine_.call(SystemCall::start_procedure, cpu, page_);
    return machine_.answer();
  }
  ProcessorState check() { return static_cast<ProcessorState>(call(SystemCall::check_procedure, 1, page_)); }
  ProcessorState wait() {
    ProcessorState state = check();
    for (; state == ProcessorState::running; state = check()) {
      std::this_thread::yield();
    }
    return state;
  }
  void wait_until_it_runs() {
    while (procedure().state.load() != ProcedureState::running) {
      std::this_thread::yield();
    }
  }
  const abi::ProcedureEnd& end() { return machine_.at<abi::ProcedureEnd>(page_); }

  static std::uint64_t return_from_procedure(Cpu& cpu) {
    cpu.frame.r10 = abi::gate_return;
    cpu.frame.rax = 77;
    return abi::driver_gate_vector;
  }

  testing::LaunchedMachine machine_;
  alignas(4096) std::array<std::uint32_t, 1024> apic_{};
  std::uint64_t page_ = 0;
  std::atomic<unsigned> requests_ = 0;
  std::thread other_;
  std::vector<std::string> others_fpu_trace_;
};

TEST_F(ProceduresTest, RunsOnAStackOfItsOwnAndReturns) {
  begin([this](Cpu& cpu) {
    EXPECT_EQ(cpu.frame.rip, entry);
    EXPECT_EQ(cpu.frame.rcx, argument);
    EXPECT_EQ(cpu.frame.rsp % 16, 8u);
    EXPECT_EQ(machine_.at<std::uint64_t>(cpu.frame.rsp),
              supervisor().gates.number + std::uint64_t{abi::procedure_return} * abi::gate_stub_bytes);
    EXPECT_EQ(machine_.at<std::uint64_t>(cpu.frame.rsp + 40), 0x7000u) << "where the status goes";
    EXPECT_FALSE(supervisor().driver_stack.contains(DriverAddress(cpu.frame.rsp)));
    EXPECT_EQ(cpu.task_state.io_bitmap_offset, io_bitmap_offset);
    return return_from_procedure(cpu);
  });
  EXPECT_EQ(check(), ProcessorState::idle);
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(start(), SystemStatus::ok);
    EXPECT_EQ(start(), SystemStatus::busy);
    EXPECT_EQ(wait(), ProcessorState::finished);
    EXPECT_EQ(end().result, 77u);
    EXPECT_EQ(check(), ProcessorState::idle);
  }
  EXPECT_EQ(supervisor().active_procedures, 0u);
}

TEST_F(ProceduresTest, WhereNothingCanBeStarted) {
  begin(return_from_procedure);
  for (const std::uint64_t cpu : {0ull, 2ull, 256ull, 0x1'0000'0001ull, ~0ull}) {
    EXPECT_EQ(start(cpu), SystemStatus::not_found) << cpu;
    EXPECT_EQ(static_cast<ProcessorState>(call(SystemCall::check_procedure, cpu, page_)), ProcessorState::absent);
    machine_.call(SystemCall::stop_procedure, cpu);
    EXPECT_EQ(machine_.answer(), SystemStatus::not_found);
  }
  EXPECT_EQ(start(1, std::uint64_t{1} << 47), SystemStatus::bad_address);
  EXPECT_EQ(start(1, ~std::uint64_t{0}), SystemStatus::bad_address);
  machine_.call(SystemCall::start_procedure, 1, supervisor().gates.number);
  EXPECT_EQ(machine_.answer(), SystemStatus::bad_address);
  machine_.call(SystemCall::check_procedure, 1, supervisor().gates.number);
  EXPECT_EQ(machine_.answer(), SystemStatus::bad_address);
  arch::fake::machine().msrs[arch::msr::apic_base] = 0;
  EXPECT_EQ(start(), SystemStatus::unsupported) << "nobody could stop it";
  use_apic();
  EXPECT_EQ(supervisor().active_procedures, 0u);
  end_mmi();
  EXPECT_EQ(check(), ProcessorState::absent);
}

// Who asks again and again where memory is short doesn't use up what is left.
TEST_F(ProceduresTest, WhatCannotBePreparedCostsNothingTheSecondTime) {
  begin([](Cpu&) { return no_vector; });
  const PagePool& pool = supervisor().memory.pool();
  const std::uint64_t last = pool.free_pages() - 2;
  std::uint64_t taken = 0;
  for (std::uint64_t pages = last; pages != 0; pages /= 2) {
    while (pool.free_pages() > pages + 1) {
      machine_.call(SystemCall::allocate_pages, pages, 0);
      if (machine_.answer() != SystemStatus::ok) break;
      taken = machine_.frame().rdx;
    }
  }
  ASSERT_NE(taken, 0u);
  ASSERT_EQ(start(), SystemStatus::out_of_memory);
  const std::uint64_t left = pool.free_pages();
  ASSERT_GT(left, 0u);
  for (unsigned attempt = 0; attempt < 3; ++attempt) EXPECT_EQ(start(), SystemStatus::out_of_memory);
  EXPECT_EQ(pool.free_pages(), left);
}

TEST_F(ProceduresTest, ACpuThatNobodyCanReachDoesNotBegin) {
  begin(return_from_procedure, false);
  ASSERT_EQ(start(), SystemStatus::ok);
  EXPECT_EQ(wait(), ProcessorState::lost);
}

TEST_F(ProceduresTest, FaultsAreContainedAndReported) {
  arch::fake::machine().ports[platform::q35::debug_console_port] = platform::q35::debug_console_signature;
  begin([](Cpu& cpu) {
    arch::fake::machine().cr2 = 0xDEAD'0000;
    cpu.frame.rip = 0x1234;
    return std::uint64_t{arch::vector::page_fault};
  });
  ASSERT_EQ(start(), SystemStatus::ok);
  EXPECT_EQ(wait(), ProcessorState::faulted);
  EXPECT_EQ(end().fault_vector, arch::vector::page_fault);
  EXPECT_EQ(end().fault_address, 0xDEAD'0000u);
  EXPECT_EQ(end().rip, 0x1234u);
  EXPECT_EQ(supervisor().fault_count, 1u);
  EXPECT_NE(arch::fake::machine().port_text[platform::q35::debug_console_port].find("driver=9 cpu=1"),
            std::string::npos);
  ASSERT_EQ(start(), SystemStatus::ok) << "the CPU works on";
  EXPECT_EQ(wait(), ProcessorState::faulted);
}

TEST_F(ProceduresTest, TheFoundationsDoorAndWrongGatesAreFaults) {
  std::atomic<int> attempt = 0;
  begin([&](Cpu& cpu) {
    cpu.frame.rax = static_cast<std::uint64_t>(SystemCall::finish_mmi);
    cpu.frame.r10 = abi::gate_return + 1;
    return attempt++ == 0 ? std::uint64_t{abi::system_call_vector} : std::uint64_t{abi::driver_gate_vector};
  });
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(start(), SystemStatus::ok);
    EXPECT_EQ(wait(), ProcessorState::faulted);
  }
}

TEST_F(ProceduresTest, ServicesAreRefused) {
  std::atomic<int> step = 0;
  begin([&](Cpu& cpu) -> std::uint64_t {
    if (step++ == 0) {
      cpu.frame.r10 = 5;
      cpu.frame.rcx = 0x1234;
      return abi::driver_gate_vector;
    }
    EXPECT_EQ(cpu.frame.rax, abi::status::unsupported);
    EXPECT_EQ(cpu.frame.rcx, 0u);
    return return_from_procedure(cpu);
  });
  ASSERT_EQ(start(), SystemStatus::ok);
  EXPECT_EQ(wait(), ProcessorState::finished);
  EXPECT_EQ(end().refused, 6u);
  EXPECT_FALSE(supervisor().calls.driver_runs());
}

TEST_F(ProceduresTest, TheFpuIsSavedOnceAndGivenBack) {
  std::atomic<int> step = 0;
  begin([&](Cpu& cpu) -> std::uint64_t {
    switch (step++) {
      case 0: return arch::vector::device_not_available;
      case 1: return return_from_procedure(cpu);
      case 2: return arch::vector::device_not_available;  // not what the last one left
      case 3: return arch::vector::device_not_available;  // loaded already: a real fault
      default: return return_from_procedure(cpu);
    }
  });
  ASSERT_EQ(start(), SystemStatus::ok);
  EXPECT_EQ(wait(), ProcessorState::finished);
  ASSERT_EQ(start(), SystemStatus::ok);
  EXPECT_EQ(wait(), ProcessorState::faulted);
  EXPECT_TRUE(arch::fake::machine().fpu_trace.empty()) << "not the host's";
  end_mmi();
  EXPECT_EQ(others_fpu_trace_, (std::vector<std::string>{"fxsave", "fxrstor", "fxrstor", "fxrstor"}))
      << "saved, a known state, a known state for the next one, restored";
}

TEST_F(ProceduresTest, AnEndlessLoopIsStopped) {
  begin([](Cpu&) { return no_vector; });
  ASSERT_EQ(start(), SystemStatus::ok);
  EXPECT_EQ(check(), ProcessorState::running);
  wait_until_it_runs();
  machine_.call(SystemCall::stop_procedure, 1);
  EXPECT_EQ(machine_.answer(), SystemStatus::ok);
  EXPECT_EQ(wait(), ProcessorState::stopped);
  EXPECT_EQ(end().fault_vector, arch::vector::nmi);
  EXPECT_EQ(apic_[arch::local_apic::interrupt_command_low / 4], arch::local_apic::command_nmi);
  EXPECT_EQ(supervisor().fault_count, 0u) << "it was wanted";
}

TEST_F(ProceduresTest, WhatDidNotBeginIsWithdrawn) {
  // A race on purpose: the stop comes before the CPU has begun, while it runs or after it has ended.
  begin([this](Cpu& cpu) {
    static_cast<void>(take_request(true));
    return return_from_procedure(cpu);
  });
  for (int attempt = 0; attempt < 200; ++attempt) {
    ASSERT_EQ(start(), SystemStatus::ok);
    machine_.call(SystemCall::stop_procedure, 1);
    ASSERT_EQ(machine_.answer(), SystemStatus::ok);
    const ProcessorState state = wait();
    EXPECT_TRUE(state == ProcessorState::stopped || state == ProcessorState::finished);
  }
}

TEST_F(ProceduresTest, AStopThatFindsTheCpuInRingZeroComesAgain) {
  // All NMIs hit ring 0; the way back from a refused service looks at the flag.
  std::atomic<int> step = 0;
  begin([&](Cpu& cpu) -> std::uint64_t {
    ++step;
    while (requests_ == 0) {
      static_cast<void>(take_request(false));
    }
    cpu.frame.r10 = 5;
    return abi::driver_gate_vector;
  });
  ASSERT_EQ(start(), SystemStatus::ok);
  while (step == 0) {
    std::this_thread::yield();
  }
  machine_.call(SystemCall::stop_procedure, 1);
  EXPECT_EQ(machine_.answer(), SystemStatus::ok);
  EXPECT_EQ(wait(), ProcessorState::stopped);
}

TEST_F(ProceduresTest, TheEndOfTheRoundStopsWhatRunsStill) {
  for (const bool by_fault : {false, true}) {
    begin([](Cpu&) { return no_vector; });
    ASSERT_EQ(start(), SystemStatus::ok);
    wait_until_it_runs();
    machine_.start_operating_system();
    if (by_fault) {
      EXPECT_EQ(machine_.trap(arch::vector::general_protection), Continuation::leave);
      other_.join();
    } else {
      end_mmi();
    }
    EXPECT_EQ(procedure().state.load(), ProcedureState::idle);
    EXPECT_EQ(supervisor().active_procedures, 0u);
  }
  EXPECT_EQ(supervisor().fault_count, 3u) << "two procedures and the foundation";
}

// Drivers can write to the message: an answer with a procedure beside it would be the procedure's.
TEST_F(ProceduresTest, NobodyIsAnsweredWhileAProcedureRuns) {
  for (const bool by_fault : {false, true}) {
    std::atomic<bool> answered = false;
    begin([&](Cpu&) {
      std::uint64_t vector = no_vector;
      while (vector == no_vector) vector = take_request(true);
      answered = machine_.status().is_comm_buffer_valid == 0;
      return vector;
    });
    ASSERT_EQ(start(), SystemStatus::ok);
    wait_until_it_runs();
    machine_.start_operating_system();
    if (by_fault) {
      EXPECT_EQ(machine_.trap(arch::vector::general_protection), Continuation::leave);
      other_.join();
    } else {
      end_mmi();
    }
    EXPECT_FALSE(answered) << by_fault;
    EXPECT_EQ(machine_.status().is_comm_buffer_valid, 0);
  }
}

TEST_F(ProceduresTest, PagesTakenAwayAreForgottenEverywhere) {
  begin([](Cpu&) { return no_vector; });
  const std::uint64_t page = call(SystemCall::allocate_pages, 1);
  call(SystemCall::set_page_access, page, 1, abi::encode(abi::held_by_drivers(abi::read_write)));
  EXPECT_EQ(requests_, 0u) << "nobody to tell";
  ASSERT_EQ(start(), SystemStatus::ok);
  wait_until_it_runs();
  call(SystemCall::set_page_access, page, 1, abi::encode(abi::held_by_foundation(abi::read_only, abi::read_only)));
  EXPECT_EQ(requests_, 1u);
  call(SystemCall::free_pages, page, 1);
  EXPECT_EQ(requests_, 2u);
  machine_.call(SystemCall::free_pages, page, 1);
  EXPECT_EQ(machine_.answer(), SystemStatus::not_permitted);
  EXPECT_EQ(requests_, 2u);
  EXPECT_EQ(check(), ProcessorState::running) << "nothing was stopped by that";
}

TEST_F(ProceduresTest, AProcedureWhoseCpuIsResetIsAFaultOfItsDriver) {
  // In its ring 3 the other CPU "is reset": another SMI brings it back, through the front door.
  std::atomic<bool> reset = false;
  machine_.status().is_comm_buffer_valid = 1;
  other_ = std::thread([&] {
    use_apic();
    wait_for_leader();
    EXPECT_EQ(begin_mmi(supervisor(), other()), Continuation::resume);
    arch::fake::machine().dr3 = 0;
    reset = true;
    EXPECT_EQ(begin_mmi(supervisor(), other()), Continuation::leave) << "nobody is leader, nothing to do";
  });
  leaders_mmi();
  ASSERT_EQ(start(), SystemStatus::ok);
  while (!reset) {
    std::this_thread::yield();
  }
  EXPECT_EQ(wait(), ProcessorState::faulted);
  EXPECT_EQ(end().fault_vector, abi::fault_cpu_reset);
  EXPECT_EQ(check(), ProcessorState::absent) << "and is in this round no more";
  EXPECT_EQ(start(), SystemStatus::not_found);
  EXPECT_EQ(other().runs_procedure, 0);
  machine_.status().is_comm_buffer_valid = 0;
  EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 0), Continuation::leave);
  other_.join();
}

TEST_F(ProceduresTest, AProcedureThatLeavesMmIsAFaultOfItsDriver) {
  std::atomic<bool> left = false;
  machine_.status().is_comm_buffer_valid = 1;
  other_ = std::thread([&] {
    use_apic();
    arch::fake::machine().msrs[0x174] = 0x10;
    arch::fake::machine().dr3 = 0x1234;
    wait_for_leader();
    EXPECT_EQ(begin_mmi(supervisor(), other()), Continuation::resume);
    // RSM in ring 3; the next SMI finds the registers as they were.
    left = true;
    EXPECT_EQ(begin_mmi(supervisor(), other()), Continuation::leave);
    EXPECT_EQ(arch::fake::machine().msrs[0x174], 0x10u);
    EXPECT_EQ(arch::fake::machine().dr3, 0x1234u);
    EXPECT_EQ(other().task_state.io_bitmap_offset, arch::no_io_bitmap);
  });
  leaders_mmi();
  ASSERT_EQ(start(), SystemStatus::ok);
  while (!left) {
    std::this_thread::yield();
  }
  const std::uint64_t faults = supervisor().fault_count;
  EXPECT_EQ(wait(), ProcessorState::faulted);
  EXPECT_EQ(end().fault_vector, abi::fault_left_mm);
  EXPECT_EQ(supervisor().fault_count, faults + 1);
  EXPECT_EQ(other().runs_procedure, 0);
  machine_.status().is_comm_buffer_valid = 0;
  EXPECT_EQ(machine_.call(SystemCall::finish_mmi, 0, 0), Continuation::leave);
  other_.join();
}

TEST_F(ProceduresTest, ACpuWithAnotherIdBeginsNothing) {
  apic_[arch::local_apic::id / 4] = 2u << 24;
  begin([](Cpu&) -> std::uint64_t {
    ADD_FAILURE() << "whoever is called to stop it wouldn't be this CPU";
    return arch::vector::general_protection;
  });
  ASSERT_EQ(start(), SystemStatus::ok);
  EXPECT_EQ(wait(), ProcessorState::lost);
}

}  // namespace
}  // namespace redoubt::supervisor
