// SPDX-License-Identifier: BSD-2-Clause-Patent
// MmStartupThisAp and EFI_MM_MP_PROTOCOL (PI 1.9, volume 4): procedures of drivers on the CPUs that the supervisor
// holds while an MMI is served. The foundation runs on one CPU; what it knows of the others it asks for, so an end or a
// timeout is noticed when a driver checks, waits or dispatches, and at the end of the MMI at the latest.
//
// Tokens live until the MMI ends: all calls are over by then. One that has ended can still be checked and waited for,
// by whom it was made for or by the driver that asked for it; to others it names nothing.
//
// A procedure's fault is its driver's: a caller asks take_fault() afterwards.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/pi/mm_mp.hpp"
#include "abi/redoubt/syscall.hpp"
#include "abi/uefi/types.hpp"
#include "foundation/driver_memory.hpp"
#include "foundation/protocol_database.hpp"
#include "foundation/slot_table.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

// One dispatch or broadcast.
struct Completion {
  std::uint64_t pending = 0;  // CPUs that run it still
  bool timed_out = false;
  bool failed = false;                     // a CPU was lost or its procedure stopped by a fault
  DriverNumber owner = foundation_itself;  // whose procedure it is
  DriverNumber maker = foundation_itself;  // who has it run
};

// Whose procedure a driver has run, and which driver that is: one that this driver called, or the owner.
struct ProcedureParties {
  DriverNumber owner;
  DriverNumber maker;
};

struct ProcedureFault {
  DriverNumber driver;
  std::uint64_t cpu;
  abi::ProcedureEnd end;
  bool left_running;  // when the MMI ended
};

class Processors {
 public:
  constexpr explicit Processors(Supervisor& supervisor)
      : supervisor_(supervisor), memory_(supervisor), completions_(supervisor) {}
  Processors(const Processors&) = delete;
  Processors& operator=(const Processors&) = delete;

  // Error::out_of_memory.
  Result<void> create(std::uint64_t cpu_count, std::uint32_t ticks_per_microsecond);

  // MmMpProtocol::attributes.
  std::uint32_t attributes() const { return ticks_per_microsecond_ != 0 ? abi::MmMpProtocol::timeout_supported : 0; }

  // The CPU that runs the foundation from now on.
  void set_current(std::uint64_t cpu) { current_ = cpu; }

  // Services: arguments as they came from a driver. `owner`: whose procedure it is; `caller`: who asks.
  abi::EfiStatus startup_this_ap(std::uint64_t procedure, std::uint64_t cpu, std::uint64_t argument,
                                 DriverNumber owner);
  abi::EfiStatus get_number_of_processors(std::uint64_t number_address);
  abi::EfiStatus dispatch(std::uint64_t procedure, std::uint64_t cpu, std::uint64_t timeout, std::uint64_t argument,
                          std::uint64_t token_address, std::uint64_t status_address, ProcedureParties parties);
  abi::EfiStatus broadcast(std::uint64_t procedure, std::uint64_t timeout, std::uint64_t argument,
                           std::uint64_t token_address, std::uint64_t status_address, ProcedureParties parties);
  // EFI_ACCESS_DENIED while it is another driver's.
  abi::EfiStatus set_startup_procedure(std::uint64_t procedure, std::uint64_t argument, DriverNumber owner);
  DriverNumber startup_owner() const { return startup_owner_; }
  abi::EfiStatus check(std::uint64_t token, DriverNumber caller);
  abi::EfiStatus wait(std::uint64_t token, DriverNumber caller);

  // Whether there is something to end with the MMI.
  bool active() const { return busy_ != 0 || faults_ != 0 || completions_.size() != 0; }
  // The MMI is over: what runs still gets a last second.
  void finish();
  // The driver is gone: its procedures are stopped, its code may be unmapped afterwards.
  void stop_driver(DriverNumber driver);

  // Faults that came up, one by one.
  std::optional<ProcedureFault> take_fault();

 private:
  struct Processor {
    bool busy;
    bool faulted;  // `fault` waits for take_fault()
    bool left_running;
    DriverNumber driver;
    std::uint64_t status_address;  // of the driver's; 0 = none
    std::uint64_t start;           // ticks
    std::uint64_t limit;           // ticks it may take; 0 = for ever
    Completion* completion;
    abi::ProcedureEnd fault;
    DriverNumber fault_driver;
  };

  struct Request {
    std::uint64_t procedure;
    std::uint64_t argument;
    std::uint64_t timeout;
    DriverNumber owner;
  };

  // What to do with the token before anything starts: `named` becomes the record it will name, or stays null.
  abi::EfiStatus open_token(std::uint64_t token_address, const ProcedureParties& parties, Completion*& named);
  // The call that the token names, if the driver has to do with it.
  Completion* find(std::uint64_t token, DriverNumber caller);
  abi::EfiStatus start(std::uint64_t cpu, const Request& request, std::uint64_t status_address, Completion& completion);
  // Looks at a busy CPU, and stops its procedure if its time is over or there is another reason.
  enum class Outcome : std::uint8_t { running, ended, stopped };
  Outcome look(std::uint64_t cpu, const char* stop_reason = nullptr);
  // Whether the CPU has nothing to do (any more).
  bool settle(std::uint64_t cpu) { return !processors_[cpu].busy || look(cpu) != Outcome::running; }
  void settle_all(const Completion& completion);
  abi::EfiStatus wait_for(const Completion& completion);
  void complete(std::uint64_t cpu, abi::EfiStatus status, bool by_procedure);
  void note_fault(std::uint64_t cpu, const abi::ProcedureEnd& end, bool left_running);
  bool expired(const Processor& processor) const {
    return processor.limit != 0 && supervisor_.ticks() - processor.start >= processor.limit;
  }
  std::uint64_t ticks_of(std::uint64_t microseconds) const;

  Supervisor& supervisor_;
  DriverMemory memory_;
  SlotTable<Completion, TokenKind::completion> completions_;
  Processor* processors_ = nullptr;
  std::uint64_t cpu_count_ = 0;
  std::uint64_t current_ = 0;
  std::uint64_t busy_ = 0;
  std::uint64_t faults_ = 0;
  std::uint32_t ticks_per_microsecond_ = 0;

  // What every CPU would run first when it comes back from a state in which it lost its configuration. On machines
  // without CPU hotplug none does without a reset, which ends MM too; so nothing ever calls it.
  std::uint64_t startup_procedure_ = 0;
  std::uint64_t startup_argument_ = 0;
  DriverNumber startup_owner_ = foundation_itself;
};

}  // namespace redoubt::foundation
