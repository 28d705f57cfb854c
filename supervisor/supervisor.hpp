// SPDX-License-Identifier: BSD-2-Clause-Patent
// All state of ring 0, in one object. Written by the CPU that runs MM (rendezvous/), read by others only where it
// never changes after the launch; what others write is theirs alone (Cpu, Procedure) or atomic.
#pragma once

#include <atomic>
#include <cstdint>

#include "abi/redoubt/launch.hpp"
#include "abi/redoubt/syscall.hpp"
#include "policy/closed_answers.hpp"
#include "policy/fault_record.hpp"
#include "supervisor/communication/comm_buffer.hpp"
#include "supervisor/cpu/cpu.hpp"
#include "supervisor/cpu/features.hpp"
#include "supervisor/domain/call_stack.hpp"
#include "supervisor/memory/memory_map.hpp"
#include "supervisor/memory/unblocked_ranges.hpp"
#include "supervisor/procedures/procedure.hpp"
#include "supervisor/rendezvous/local_apic.hpp"
#include "supervisor/rendezvous/rendezvous.hpp"
#include "supervisor/save_state/mmi_raisers.hpp"
#include "supervisor/transparency/extended_state_keeper.hpp"
#include "supervisor/transparency/host_doors.hpp"

namespace redoubt::supervisor {

// What assembly does when C++ has handled an entry. Its values are known there.
enum class Continuation : std::uint32_t {
  leave = 0,   // RSM
  resume = 1,  // into ring 3, through the per-CPU register frame
};

// What the foundation was last entered for from outside.
enum class Activity : std::uint8_t { none, launch, mmi };

// Whether the machine is to go no further. A halt is for good: no later verdict makes a reset of it.
enum class MachineEnd : std::uint8_t {
  none,
  reset,  // decided and recorded: the CPU that learns of it may carry it out
  halt,   // every CPU in MM stands still, those that come later too
};

inline constexpr std::uint64_t domain_stack_pages = 16;

struct Supervisor {
  MemoryMap memory;
  UnblockedRanges unblocked;
  CommBuffer comm_buffer;
  Rendezvous<cpu_limit> rendezvous;
  LocalApic local_apic;
  ExtendedStateKeeper extended_state;
  HostDoors host_doors;
  CallStack calls;
  CapturedMessage message;          // of the MMI that runs
  policy::ClosedQuestion question;  // of that message, as it was before ring 3 saw it
  MmiRaisers raisers;               // of the MMI that runs

  std::uint64_t mmi_count = 0;
  std::uint64_t fault_count = 0;
  std::uint8_t reported_outside[static_cast<std::size_t>(Outside::What::out_of_reach) + 1] = {};  // lines
  bool ready = false;                   // the launch succeeded: messages are answered
  bool foundation_over = false;         // it was cut off in its own code: ring 0 answers, and never enters it again
  std::uint64_t active_procedures = 0;  // started and not fetched yet; of the CPU that runs MM
  bool root_interest = false;           // the foundation wants MMIs without a message as well
  bool look_again = false;              // when the activity ends: this CPU's MMI is still to be served
  Activity activity = Activity::none;

  policy::BootPhase phase = policy::BootPhase::launch;
  policy::ResetHistory resets{};
  bool fault_recorded = false;  // by this boot
  std::uint32_t stops_told = 0;
  std::atomic<MachineEnd> end = MachineEnd::none;
  std::atomic<bool> panicking = false;
  std::atomic<bool> recording = false;          // a CPU writes the record below
  policy::FaultRecord* fault_record = nullptr;  // in MMRAM, of this boot or the last that had one

  // Fixed at launch.
  Cpu* cpus[cpu_limit] = {};
  Procedure* procedures = nullptr;  // one for each CPU
  DirectMap direct_map;
  PhysicalAddress first_save_state;  // CPU 0's; the others follow at abi::smbase_stride
  CpuFeatures features{};
  abi::LaunchRecord launch{};                  // a copy
  abi::LaunchRecord* launch_record = nullptr;  // the IPL's, in MMRAM, until the launch is over
  std::uint64_t launch_start_ticks = 0;
  std::uint32_t ticks_per_microsecond = 0;  // of the TSC, rounded up; 0 = not known
  FoundationAddress foundation_entry;
  Range<FoundationSpace> foundation_stack;
  Range<DriverSpace> driver_stack;
  DriverAddress gates;  // gate stub 0
};

// The one of the image (launch/supervisor_entry.cpp). Everything but entry points from assembly gets it as a parameter.
extern Supervisor the_supervisor;

}  // namespace redoubt::supervisor
