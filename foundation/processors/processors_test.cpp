// SPDX-License-Identifier: BSD-2-Clause-Patent
// Procedures on other CPUs and registers of interrupted code, as a driver sees them: MmStartupThisAp,
// EFI_MM_MP_PROTOCOL and EFI_MM_CPU_PROTOCOL over a supervisor whose CPUs are threads.
#include "foundation/processors/processors.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <vector>

#include "abi/pi/mm_cpu.hpp"
#include "abi/pi/mm_mp.hpp"
#include "foundation/testing/machine.hpp"
#include "foundation/testing/test_handlers.hpp"

namespace redoubt::foundation {
namespace {

using abi::EfiStatus;
using abi::MmCompletion;
using abi::MmCpuProtocol;
using abi::MmMpProtocol;
using abi::MmSaveStateRegister;
using abi::MmSystemTable;
using testing::FakeSupervisor;
using testing::test_guid;
namespace status = abi::status;

constexpr std::uint64_t cpus = 4;
constexpr EfiStatus not_touched = 0x1234'5678;

// What procedures do; the argument is their mailbox.
std::atomic<bool> go_on = false;
std::atomic<unsigned> runs = 0;
MmSystemTable* table = nullptr;

EFIAPI EfiStatus count(void* argument) {
  ++runs;
  if (argument != nullptr) ++*static_cast<std::atomic<unsigned>*>(argument);
  return status::warn_interrupt_source_pending;
}
EFIAPI void count_void(void* argument) { static_cast<void>(count(argument)); }
EFIAPI EfiStatus wait_for_go(void*) {
  while (!go_on) FakeSupervisor::pause();
  return status::success;
}
EFIAPI EfiStatus loop_for_ever(void*) {
  for (;;) FakeSupervisor::pause();
}
EFIAPI EfiStatus crash(void*) { FakeSupervisor::fault(13); }
EFIAPI void crash_void(void*) { FakeSupervisor::fault(13); }
EFIAPI EfiStatus call_service(void* argument) {
  void* buffer = nullptr;
  const EfiStatus result = table->allocate_pool(abi::runtime_services_data, 8, &buffer);
  *static_cast<std::atomic<EfiStatus>*>(argument) = result;
  return status::success;
}

class ProcessorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::clear_functions();
    runs = 0;
    go_on = false;
    ASSERT_EQ(machine_.launch(), status::success);
    machine_.supervisor.held = {1, 2, 3};
    table = &machine_.mmst();
  }

  void as_driver(const std::function<void(MmSystemTable&, const MmMpProtocol&)>& body) {
    machine_.as_driver([&](MmSystemTable& mmst) {
      void* interface = nullptr;
      ASSERT_EQ(mmst.locate_protocol(&abi::mm_mp_protocol_guid, nullptr, &interface), status::success);
      body(mmst, *static_cast<const MmMpProtocol*>(interface));
    });
  }
  bool disabled() { return machine_.supervisor.logged("driver.disabled"); }

  testing::Machine machine_{4096, cpus};
};

TEST_F(ProcessorsTest, StartupThisApRunsTheProcedureAndWaitsForIt) {
  as_driver([](MmSystemTable& mmst, const MmMpProtocol&) {
    std::atomic<unsigned> mailbox = 0;
    for (std::uint64_t cpu = 1; cpu < cpus; ++cpu) {
      EXPECT_EQ(mmst.startup_this_ap(count_void, cpu, &mailbox), status::success);
      EXPECT_EQ(mailbox, cpu);
    }
    EXPECT_EQ(mmst.startup_this_ap(count_void, 0, &mailbox), status::invalid_parameter) << "the caller's CPU";
    EXPECT_EQ(mmst.startup_this_ap(count_void, cpus, &mailbox), status::invalid_parameter);
    EXPECT_EQ(mmst.startup_this_ap(nullptr, 1, &mailbox), status::invalid_parameter);
    EXPECT_EQ(mailbox, cpus - 1);
  });
  EXPECT_FALSE(disabled());
}

TEST_F(ProcessorsTest, ACpuThatIsNotInMmRunsNothing) {
  machine_.supervisor.held = {1};
  as_driver([](MmSystemTable& mmst, const MmMpProtocol& mp) {
    EXPECT_EQ(mmst.startup_this_ap(count_void, 2, nullptr), status::invalid_parameter);
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, 2, 0, nullptr, nullptr, nullptr), status::invalid_parameter);
    std::array<EfiStatus, cpus> statuses{not_touched, not_touched, not_touched, not_touched};
    EXPECT_EQ(mp.broadcast_procedure(&mp, count, 0, nullptr, nullptr, statuses.data()), status::success);
    EXPECT_EQ(statuses, (std::array<EfiStatus, cpus>{status::not_started, status::warn_interrupt_source_pending,
                                                     status::not_started, status::not_started}));
  });
  EXPECT_EQ(runs, 1u);
}

TEST_F(ProcessorsTest, NumberOfProcessors) {
  as_driver([](MmSystemTable&, const MmMpProtocol& mp) {
    EXPECT_EQ(mp.revision, 0u);
    EXPECT_EQ(mp.attributes, MmMpProtocol::timeout_supported);
    abi::UintN number = 0;
    EXPECT_EQ(mp.get_number_of_processors(&mp, &number), status::success);
    EXPECT_EQ(number, cpus);
    EXPECT_EQ(mp.get_number_of_processors(&mp, nullptr), status::invalid_parameter);
  });
}

TEST_F(ProcessorsTest, ABlockingDispatchReturnsWhenTheProcedureHas) {
  as_driver([](MmSystemTable&, const MmMpProtocol& mp) {
    std::atomic<unsigned> mailbox = 0;
    EfiStatus result = not_touched;
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, 2, 0, &mailbox, nullptr, &result), status::success);
    EXPECT_EQ(mailbox, 1u);
    EXPECT_EQ(result, status::warn_interrupt_source_pending);
    EXPECT_EQ(mp.dispatch_procedure(&mp, nullptr, 2, 0, nullptr, nullptr, nullptr), status::invalid_parameter);
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, 0, 0, nullptr, nullptr, nullptr), status::invalid_parameter);
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, ~abi::UintN{0}, 0, nullptr, nullptr, nullptr),
              status::invalid_parameter);
  });
}

TEST_F(ProcessorsTest, ATokenMakesItNonBlocking) {
  as_driver([](MmSystemTable& mmst, const MmMpProtocol& mp) {
    MmCompletion token = nullptr;
    EfiStatus result = not_touched;
    ASSERT_EQ(mp.dispatch_procedure(&mp, wait_for_go, 1, 0, nullptr, &token, &result), status::success);
    EXPECT_NE(token, nullptr);
    EXPECT_EQ(result, status::not_ready);
    EXPECT_EQ(mp.check_for_procedure(&mp, token), status::not_ready);
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, 1, 0, nullptr, nullptr, nullptr), status::not_ready) << "busy";
    EXPECT_EQ(mmst.startup_this_ap(count_void, 1, nullptr), status::invalid_parameter) << "busy";
    EXPECT_EQ(mp.broadcast_procedure(&mp, count, 0, nullptr, nullptr, nullptr), status::not_ready);
    MmCompletion same = token;
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, 2, 0, nullptr, &same, nullptr), status::already_started);
    EXPECT_EQ(mp.broadcast_procedure(&mp, count, 0, nullptr, &same, nullptr), status::not_ready);
    go_on = true;
    EXPECT_EQ(mp.wait_for_procedure(&mp, token), status::success);
    EXPECT_EQ(result, status::success);
    EXPECT_EQ(mp.check_for_procedure(&mp, token), status::success) << "still known";
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, 1, 0, nullptr, &token, nullptr), status::success) << "over: reusable";
    EXPECT_EQ(mp.wait_for_procedure(&mp, token), status::success);
  });
}

TEST_F(ProcessorsTest, TokensThatNameNothing) {
  MmCompletion token = nullptr;
  as_driver([&](MmSystemTable&, const MmMpProtocol& mp) {
    for (const auto query : {mp.check_for_procedure, mp.wait_for_procedure}) {
      EXPECT_EQ(query(&mp, nullptr), status::invalid_parameter);
      EXPECT_EQ(query(&mp, &token), status::not_found);
    }
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, 1, 0, nullptr, &token, nullptr), status::success);
  });
  as_driver([&](MmSystemTable&, const MmMpProtocol& mp) {
    EXPECT_EQ(mp.check_for_procedure(&mp, token), status::not_found) << "of an MMI that is over";
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, 1, 0, nullptr, &token, nullptr), status::success);
  });
  EXPECT_EQ(runs, 2u);
}

TEST_F(ProcessorsTest, ABroadcastRunsEverywhereElse) {
  as_driver([](MmSystemTable&, const MmMpProtocol& mp) {
    std::atomic<unsigned> mailbox = 0;
    std::array<EfiStatus, cpus> statuses{};
    EXPECT_EQ(mp.broadcast_procedure(&mp, count, 0, &mailbox, nullptr, statuses.data()), status::success);
    EXPECT_EQ(mailbox, cpus - 1);
    constexpr EfiStatus done = status::warn_interrupt_source_pending;
    EXPECT_EQ(statuses, (std::array<EfiStatus, cpus>{status::not_started, done, done, done}));

    MmCompletion token = nullptr;
    ASSERT_EQ(mp.broadcast_procedure(&mp, wait_for_go, 0, nullptr, &token, statuses.data()), status::success);
    EXPECT_EQ(statuses, (std::array<EfiStatus, cpus>{status::not_started, status::not_ready, status::not_ready,
                                                     status::not_ready}));
    EXPECT_EQ(mp.check_for_procedure(&mp, token), status::not_ready);
    go_on = true;
    EXPECT_EQ(mp.wait_for_procedure(&mp, token), status::success);
    EXPECT_EQ(statuses, (std::array<EfiStatus, cpus>{status::not_started, 0, 0, 0}));
    EXPECT_EQ(mp.broadcast_procedure(&mp, nullptr, 0, nullptr, nullptr, nullptr), status::invalid_parameter);
  });
}

TEST_F(ProcessorsTest, ATimeoutStopsTheProcedure) {
  as_driver([](MmSystemTable& mmst, const MmMpProtocol& mp) {
    EfiStatus result = not_touched;
    EXPECT_EQ(mp.dispatch_procedure(&mp, loop_for_ever, 1, 2000, nullptr, nullptr, &result), status::timeout);
    EXPECT_EQ(result, status::timeout);
    EXPECT_EQ(mmst.startup_this_ap(count_void, 1, nullptr), status::success) << "the CPU is free again";

    MmCompletion token = nullptr;
    ASSERT_EQ(mp.dispatch_procedure(&mp, loop_for_ever, 1, 2000, nullptr, &token, &result), status::success);
    EXPECT_EQ(mp.wait_for_procedure(&mp, token), status::success);
    EXPECT_EQ(result, status::timeout);

    std::array<EfiStatus, cpus> statuses{};
    EXPECT_EQ(mp.broadcast_procedure(&mp, loop_for_ever, 2000, nullptr, nullptr, statuses.data()), status::timeout);
    EXPECT_EQ(statuses,
              (std::array<EfiStatus, cpus>{status::not_started, status::timeout, status::timeout, status::timeout}));
  });
  EXPECT_FALSE(disabled()) << "a timeout is no fault";
  EXPECT_TRUE(machine_.supervisor.logged("procedure.stopped"));
}

TEST_F(ProcessorsTest, AFaultDisablesTheProceduresDriver) {
  EfiStatus result = not_touched;
  EfiStatus after = not_touched;
  as_driver([&](MmSystemTable& mmst, const MmMpProtocol& mp) {
    EXPECT_EQ(mp.dispatch_procedure(&mp, crash, 3, 0, nullptr, nullptr, &result), status::device_error);
    void* buffer = nullptr;
    after = mmst.allocate_pool(abi::runtime_services_data, 8, &buffer);
  });
  EXPECT_EQ(result, status::device_error);
  EXPECT_EQ(after, status::access_denied) << "its driver is disabled";
  EXPECT_TRUE(disabled());
}

TEST_F(ProcessorsTest, FaultsOnAllCpusAtOnce) {
  as_driver([](MmSystemTable& mmst, const MmMpProtocol& mp) {
    EXPECT_EQ(mp.broadcast_procedure(&mp, crash, 0, nullptr, nullptr, nullptr), status::device_error);
    EXPECT_EQ(mmst.startup_this_ap(crash_void, 1, nullptr), status::access_denied);
  });
  EXPECT_EQ(std::ranges::count_if(machine_.supervisor.lines,
                                  [](const std::string& line) { return line.starts_with("driver.disabled"); }),
            1);
}

TEST_F(ProcessorsTest, TheEndOfTheMmiWaitsForProcedures) {
  std::atomic<unsigned> mailbox = 0;
  as_driver([&](MmSystemTable&, const MmMpProtocol& mp) {
    MmCompletion token = nullptr;
    EXPECT_EQ(mp.dispatch_procedure(&mp, wait_for_go, 1, 0, nullptr, &token, nullptr), status::success);
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, 2, 0, &mailbox, &token, nullptr), status::already_started);
    MmCompletion other = nullptr;
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, 2, 0, &mailbox, &other, nullptr), status::success);
    go_on = true;
  });
  EXPECT_EQ(mailbox, 1u);
  EXPECT_FALSE(disabled());
}

TEST_F(ProcessorsTest, WhatNeverReturnsIsStoppedWithTheMmiAndItsDriverDisabled) {
  as_driver([](MmSystemTable&, const MmMpProtocol& mp) {
    MmCompletion token = nullptr;
    EXPECT_EQ(mp.broadcast_procedure(&mp, loop_for_ever, 0, nullptr, &token, nullptr), status::success);
  });
  EXPECT_TRUE(disabled());
  EXPECT_TRUE(machine_.supervisor.logged("reason=\"left running\""));
}

TEST_F(ProcessorsTest, ProceduresCanCallNoService) {
  as_driver([](MmSystemTable&, const MmMpProtocol& mp) {
    std::atomic<EfiStatus> result = not_touched;
    EXPECT_EQ(mp.dispatch_procedure(&mp, call_service, 1, 0, &result, nullptr, nullptr), status::success);
    EXPECT_EQ(result, status::unsupported);
  });
  EXPECT_TRUE(machine_.supervisor.logged("procedure.refused"));
  EXPECT_FALSE(disabled());
}

TEST_F(ProcessorsTest, PointersThatLeadNowhere) {
  as_driver([this](MmSystemTable&, const MmMpProtocol& mp) {
    auto* wild = at_address<MmCompletion>(0x10);
    auto* foundation = at_address<EfiStatus>(address_of(&machine_.foundation));
    auto* last_page = at_address<EfiStatus>(UINT64_MAX - 8);
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, 1, 0, nullptr, wild, nullptr), status::invalid_parameter);
    EXPECT_EQ(mp.broadcast_procedure(&mp, count, 0, nullptr, wild, nullptr), status::invalid_parameter);
    for (EfiStatus* statuses : {foundation, last_page}) {
      MmCompletion token = nullptr;
      EXPECT_EQ(mp.dispatch_procedure(&mp, count, 1, 0, nullptr, nullptr, statuses), status::invalid_parameter);
      EXPECT_EQ(mp.dispatch_procedure(&mp, count, 1, 0, nullptr, &token, statuses), status::invalid_parameter);
      EXPECT_EQ(mp.broadcast_procedure(&mp, count, 0, nullptr, &token, statuses), status::invalid_parameter);
      EXPECT_EQ(mp.check_for_procedure(&mp, token), status::not_found);
    }
    auto* number = at_address<abi::UintN>(address_of(&machine_.foundation));
    EXPECT_EQ(mp.get_number_of_processors(&mp, number), status::invalid_parameter);
    const auto beyond = reinterpret_cast<abi::MmProcedure>(std::uintptr_t{1} << 63);
    EXPECT_EQ(mp.dispatch_procedure(&mp, beyond, 1, 0, nullptr, nullptr, nullptr), status::invalid_parameter);
  });
  EXPECT_EQ(runs, 0u);
}

TEST_F(ProcessorsTest, TokensOfFinishedCallsDontPileUp) {
  as_driver([this](MmSystemTable&, const MmMpProtocol& mp) {
    const std::uint64_t before = machine_.supervisor.used_pages();
    for (unsigned i = 0; i < 600; ++i) {
      MmCompletion token = nullptr;
      ASSERT_EQ(mp.dispatch_procedure(&mp, count, 1, 0, nullptr, &token, nullptr), status::success);
      ASSERT_EQ(mp.wait_for_procedure(&mp, token), status::success);
    }
    EXPECT_LE(machine_.supervisor.used_pages(), before + 8);
  });
}

// Whatever the entry point says afterwards.
TEST(ProcessorsAtLaunch, AFaultThatNobodyAskedForStopsADriverThatFails) {
  for (const EfiStatus entry_status : {status::success, status::device_error}) {
    testing::clear_functions();
    testing::Machine machine(4096, cpus);
    machine.supervisor.held = {1, 2, 3};
    machine.add({.file = test_guid(7), .name = "crashing", .entry = [&](abi::Handle, MmSystemTable* mmst) {
                   void* interface = nullptr;
                   EXPECT_EQ(mmst->locate_protocol(&abi::mm_mp_protocol_guid, nullptr, &interface), status::success);
                   const auto& mp = *static_cast<const MmMpProtocol*>(interface);
                   MmCompletion token = nullptr;
                   EXPECT_EQ(mp.dispatch_procedure(&mp, crash, 1, 0, nullptr, &token, nullptr), status::success);
                   machine.supervisor.await_procedure(1);
                   return entry_status;
                 }});
    ASSERT_EQ(machine.launch(), status::success);
    const bool failed = abi::status::is_error(entry_status);
    EXPECT_EQ(machine.supervisor.logged("driver.disabled driver=1"), failed) << entry_status;
    EXPECT_EQ(machine.supervisor.logged("driver.quarantined driver=1"), failed) << "nothing of it is used again";
    machine.send(test_guid(0xBAD));
    EXPECT_EQ(std::ranges::count_if(machine.supervisor.lines,
                                    [](const std::string& line) { return line.starts_with("driver.disabled"); }),
              1);
  }
}

// Another driver's token is what it would be if it named nothing, and no number of its calls makes one forgotten.
TEST(ProcessorsOfTwoDrivers, TokensAreTheirMakersAlone) {
  testing::clear_functions();
  go_on = false;
  testing::Machine machine(4096, cpus);
  const abi::Guid message = test_guid(0x77);
  machine.add({.file = test_guid(7), .name = "other", .entry = [&](abi::Handle, MmSystemTable* mmst) {
                 abi::Handle handle = nullptr;
                 return mmst->mmi_handler_register(testing::handlers[3], &message, &handle);
               }});
  ASSERT_EQ(machine.launch(), status::success);
  machine.supervisor.held = {1, 2, 3};
  MmCompletion waiting = nullptr;
  MmCompletion over = nullptr;
  testing::handler_bodies[3] = [&](const testing::HandlerCall&) {
    void* interface = nullptr;
    EXPECT_EQ(machine.mmst().locate_protocol(&abi::mm_mp_protocol_guid, nullptr, &interface), status::success);
    const auto& mp = *static_cast<const MmMpProtocol*>(interface);
    EXPECT_EQ(mp.check_for_procedure(&mp, waiting), status::not_found);
    EXPECT_EQ(mp.wait_for_procedure(&mp, waiting), status::not_found);
    EXPECT_EQ(mp.check_for_procedure(&mp, over), status::not_found);
    MmCompletion token = waiting;
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, 2, 0, nullptr, &token, nullptr), status::success) << "not in use";
    EXPECT_EQ(mp.wait_for_procedure(&mp, token), status::success);
    for (unsigned i = 0; i < 600; ++i) {
      token = nullptr;
      EXPECT_EQ(mp.dispatch_procedure(&mp, count, 2, 0, nullptr, &token, nullptr), status::success);
      EXPECT_EQ(mp.wait_for_procedure(&mp, token), status::success);
    }
    return status::success;
  };
  machine.as_driver([&](MmSystemTable& mmst) {
    void* interface = nullptr;
    ASSERT_EQ(mmst.locate_protocol(&abi::mm_mp_protocol_guid, nullptr, &interface), status::success);
    const auto& mp = *static_cast<const MmMpProtocol*>(interface);
    ASSERT_EQ(mp.dispatch_procedure(&mp, wait_for_go, 1, 0, nullptr, &waiting, nullptr), status::success);
    ASSERT_EQ(mp.dispatch_procedure(&mp, count, 2, 0, nullptr, &over, nullptr), status::success);
    ASSERT_EQ(mp.wait_for_procedure(&mp, over), status::success);
    EXPECT_EQ(mmst.mmi_manage(&message, nullptr, nullptr, nullptr), status::success);
    EXPECT_EQ(mp.check_for_procedure(&mp, waiting), status::not_ready);
    EXPECT_EQ(mp.check_for_procedure(&mp, over), status::success);
    go_on = true;
    EXPECT_EQ(mp.wait_for_procedure(&mp, waiting), status::success);
  });
  testing::clear_functions();
}

TEST_F(ProcessorsTest, StartupProcedures) {
  as_driver([](MmSystemTable&, const MmMpProtocol& mp) {
    int argument = 0;
    EXPECT_EQ(mp.set_startup_procedure(&mp, count_void, &argument), status::success);
    EXPECT_EQ(mp.set_startup_procedure(&mp, nullptr, nullptr), status::success);
    EXPECT_EQ(mp.set_startup_procedure(&mp, nullptr, &argument), status::invalid_parameter);
  });
  EXPECT_EQ(runs, 0u);
}

TEST(ProcessorsWithoutClock, TimeoutsAreNotSupported) {
  testing::Machine machine{4096, cpus};
  machine.supervisor.ticks_per_microsecond = 0;
  ASSERT_EQ(machine.launch(), status::success);
  machine.supervisor.held = {1, 2, 3};
  machine.as_driver([](MmSystemTable& mmst) {
    void* interface = nullptr;
    ASSERT_EQ(mmst.locate_protocol(&abi::mm_mp_protocol_guid, nullptr, &interface), status::success);
    const auto& mp = *static_cast<const MmMpProtocol*>(interface);
    EXPECT_EQ(mp.attributes, 0u);
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, 1, 1, nullptr, nullptr, nullptr), status::invalid_parameter);
    EXPECT_EQ(mp.broadcast_procedure(&mp, count, 1, nullptr, nullptr, nullptr), status::invalid_parameter);
    EXPECT_EQ(mp.dispatch_procedure(&mp, count, 1, 0, nullptr, nullptr, nullptr), status::success);
  });
}

// ---- EFI_MM_CPU_PROTOCOL

class SaveStatesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(machine_.launch(), status::success);
    machine_.supervisor.held = {1};
    set(0, MmSaveStateRegister::rax, {0x1122'3344'5566'7788});
    set(1, MmSaveStateRegister::rax, {5});
    set(0, MmSaveStateRegister::cr3, {0x1000, 8, false, false});
    set(0, MmSaveStateRegister::rip, {0x1000, 8, false, true});
    set(0, MmSaveStateRegister::lma, {64, 8, true, false});
    set(1, MmSaveStateRegister::processor_id, {7, 8, true, false});
  }
  void set(std::uint64_t cpu, MmSaveStateRegister reg, const FakeSupervisor::SaveStateRegister& state) {
    machine_.supervisor.save_states[{cpu, static_cast<std::uint32_t>(reg)}] = state;
  }
  void as_driver(const std::function<void(const MmCpuProtocol&)>& body) {
    machine_.as_driver([&](MmSystemTable& mmst) {
      EXPECT_EQ(mmst.cpu_save_state, nullptr);
      EXPECT_EQ(mmst.cpu_save_state_size, nullptr);
      void* interface = nullptr;
      ASSERT_EQ(mmst.locate_protocol(&abi::mm_cpu_protocol_guid, nullptr, &interface), status::success);
      body(*static_cast<const MmCpuProtocol*>(interface));
    });
  }

  testing::Machine machine_{4096, cpus};
};

TEST_F(SaveStatesTest, ReadsAsManyBytesAsAreWanted) {
  as_driver([](const MmCpuProtocol& cpu) {
    std::uint64_t value = ~std::uint64_t{0};
    EXPECT_EQ(cpu.read_save_state(&cpu, 8, MmSaveStateRegister::rax, 0, &value), status::success);
    EXPECT_EQ(value, 0x1122'3344'5566'7788u);
    value = ~std::uint64_t{0};
    EXPECT_EQ(cpu.read_save_state(&cpu, 4, MmSaveStateRegister::rax, 0, &value), status::success);
    EXPECT_EQ(value, 0xFFFF'FFFF'5566'7788u);
    EXPECT_EQ(cpu.read_save_state(&cpu, 8, MmSaveStateRegister::rax, 1, &value), status::success);
    EXPECT_EQ(value, 5u);
  });
}

TEST_F(SaveStatesTest, ErrorsOfReading) {
  as_driver([this](const MmCpuProtocol& cpu) {
    std::uint64_t value = 1;
    const auto read = [&](abi::UintN width, MmSaveStateRegister reg, abi::UintN index) {
      return cpu.read_save_state(&cpu, width, reg, index, &value);
    };
    EXPECT_EQ(read(8, MmSaveStateRegister::rax, 2), status::invalid_parameter) << "not in MM";
    EXPECT_EQ(read(8, MmSaveStateRegister::rax, cpus), status::invalid_parameter);
    EXPECT_EQ(read(9, MmSaveStateRegister::rax, 0), status::invalid_parameter);
    EXPECT_EQ(read(0, MmSaveStateRegister::rax, 0), status::invalid_parameter);
    EXPECT_EQ(read(8, MmSaveStateRegister::xmm15, 0), status::not_found);
    EXPECT_EQ(read(8, MmSaveStateRegister::cr3, 0), status::access_denied);
    EXPECT_EQ(value, 1u);
    EXPECT_EQ(cpu.read_save_state(&cpu, 8, MmSaveStateRegister::rax, 0, nullptr), status::invalid_parameter);
    EXPECT_EQ(cpu.read_save_state(&cpu, 8, MmSaveStateRegister::rax, 0, &machine_.foundation),
              status::invalid_parameter);
  });
}

TEST_F(SaveStatesTest, PseudoRegisters) {
  const std::uint64_t io = 0x000000AB'00B2'02'00;
  set(0, MmSaveStateRegister::io, {io, 8, true, false});
  as_driver([](const MmCpuProtocol& cpu) {
    std::uint64_t value = 0;
    EXPECT_EQ(cpu.read_save_state(&cpu, 1, MmSaveStateRegister::lma, 0, &value), status::success);
    EXPECT_EQ(value, abi::mm_save_state_lma_64);
    EXPECT_EQ(cpu.read_save_state(&cpu, 8, MmSaveStateRegister::lma, 0, &value), status::invalid_parameter);
    EXPECT_EQ(cpu.read_save_state(&cpu, 8, MmSaveStateRegister::processor_id, 1, &value), status::success);
    EXPECT_EQ(value, 7u);
    EXPECT_EQ(cpu.read_save_state(&cpu, 4, MmSaveStateRegister::processor_id, 1, &value), status::invalid_parameter);
    EXPECT_EQ(cpu.read_save_state(&cpu, 8, MmSaveStateRegister::processor_id, 2, &value), status::not_found);
    abi::MmSaveStateIoInfo info{};
    EXPECT_EQ(cpu.read_save_state(&cpu, sizeof(info), MmSaveStateRegister::io, 0, &info), status::success);
    EXPECT_EQ(info.data, 0xABu);
    EXPECT_EQ(info.port, 0xB2u);
    EXPECT_EQ(info.type, abi::mm_save_state_io_output);
    EXPECT_EQ(info.width, abi::mm_save_state_io_uint8);
    EXPECT_EQ(cpu.read_save_state(&cpu, 8, MmSaveStateRegister::io, 0, &info), status::invalid_parameter);
    EXPECT_EQ(cpu.read_save_state(&cpu, sizeof(info), MmSaveStateRegister::io, 1, &info), status::not_found)
        << "no I/O instruction, or a processor that doesn't say";
  });
}

TEST_F(SaveStatesTest, Writing) {
  as_driver([this](const MmCpuProtocol& cpu) {
    const std::uint64_t value = 0xAABB'CCDD'EEFF'0011;
    const auto write = [&](abi::UintN width, MmSaveStateRegister reg, abi::UintN index) {
      return cpu.write_save_state(&cpu, width, reg, index, &value);
    };
    EXPECT_EQ(write(2, MmSaveStateRegister::rax, 0), status::success);
    EXPECT_EQ((machine_.supervisor.save_states[{0, 38}].value), 0x1122'3344'5566'0011u);
    EXPECT_EQ(write(8, MmSaveStateRegister::rax, 0), status::success);
    EXPECT_EQ((machine_.supervisor.save_states[{0, 38}].value), value);
    EXPECT_EQ(write(8, MmSaveStateRegister::rip, 0), status::access_denied);
    EXPECT_EQ(write(8, MmSaveStateRegister::cr3, 0), status::unsupported);
    EXPECT_EQ(write(8, MmSaveStateRegister::xmm15, 0), status::not_found);
    EXPECT_EQ(write(8, MmSaveStateRegister::rax, 2), status::invalid_parameter);
    EXPECT_EQ(write(9, MmSaveStateRegister::rax, 0), status::invalid_parameter);
    EXPECT_EQ(write(0, MmSaveStateRegister::rax, 0), status::invalid_parameter);
    EXPECT_EQ(write(8, MmSaveStateRegister::rax, cpus), status::invalid_parameter);
    EXPECT_EQ(cpu.write_save_state(&cpu, 8, MmSaveStateRegister::rax, 0, nullptr), status::invalid_parameter);
    EXPECT_EQ(cpu.write_save_state(&cpu, 8, MmSaveStateRegister::rax, 0, &machine_.foundation),
              status::invalid_parameter);
    EXPECT_EQ((machine_.supervisor.save_states[{0, 38}].value), value);
  });
}

}  // namespace
}  // namespace redoubt::foundation
