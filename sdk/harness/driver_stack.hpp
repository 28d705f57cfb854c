// SPDX-License-Identifier: BSD-2-Clause-Patent
// A stack for drivers, as the supervisor has one in MM: of a fixed size, with nothing below it, so that an overflow is
// a fault. Calls into drivers run on it; the foundation, which drivers call in turn, runs on the thread's own stack:
//
//     thread's stack              drivers' stack
//     test                        +----------------+ top
//      call into a driver ------> | driver A       |
//      foundation serves A <----- |  gate          |
//      call into a driver ------> | driver B       | below what A uses
//                                 +----------------+ guard
//
// A call is left in three ways: the function returns, it calls a gate, or a signal handler ends it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "abi/redoubt/syscall.hpp"

namespace redoubt::sdk {

class DriverStack {
 public:
  // `bytes`: a multiple of 4096. Ends the program if there is no memory.
  explicit DriverStack(std::size_t bytes);
  ~DriverStack();
  DriverStack(const DriverStack&) = delete;
  DriverStack& operator=(const DriverStack&) = delete;

  bool guards(std::uint64_t address) const { return address < base_ && address >= base_ - guard_bytes; }

 private:
  friend class DriverExecution;
  static constexpr std::size_t guard_bytes = 64U << 10;

  std::uint64_t base_;  // lowest usable byte
  std::uint64_t top_;
  std::uint64_t free_top_;  // where the next call may begin
};

// A function and its arguments, for redoubt_call_driver.
struct CallFrame {
  std::uint64_t entry;
  std::uint64_t arguments[4];
};
static_assert(sizeof(CallFrame) == 40);

// One call into a driver.
class DriverExecution {
 public:
  enum class Stop { returned, gate, abandoned };

  DriverExecution(DriverStack& stack, std::uint64_t entry, const std::array<std::uint64_t, 4>& arguments);
  ~DriverExecution();
  DriverExecution(const DriverExecution&) = delete;
  DriverExecution& operator=(const DriverExecution&) = delete;

  // Runs the driver until it stops. After Stop::gate it goes on in the gate when resumed again.
  Stop resume();
  std::uint64_t result() const { return result_; }  // after Stop::returned

  // After Stop::gate: what was called, and what it will return.
  std::uint64_t gate_number() const { return gate_number_; }
  const abi::ServiceCall& gate_call() const { return *gate_call_; }
  void answer_gate(std::uint64_t status) { gate_status_ = status; }

  // In the driver, on its stack: stops with Stop::gate, returns the answer.
  std::uint64_t call_gate(std::uint64_t number, const abi::ServiceCall& call);

  // In a signal handler: registers with which the thread, instead of going on in the driver, goes on in resume(), which
  // returns Stop::abandoned.
  struct Registers {
    std::uint64_t rip;
    std::uint64_t rsp;
  };
  Registers abandon();

  // The execution that the thread is in, between resume() and its stop; null outside.
  static DriverExecution* running();

 private:
  [[noreturn]] static void begin(void* execution);
  void to_thread(bool for_good);
  void to_driver();

  DriverStack& stack_;
  CallFrame frame_;
  std::uint64_t outer_free_top_;
  void* driver_pointer_ = nullptr;
  void* thread_pointer_ = nullptr;
  void* driver_fake_stack_ = nullptr;  // of the address sanitizer, as the next three
  void* thread_fake_stack_ = nullptr;
  const void* thread_stack_base_ = nullptr;
  std::size_t thread_stack_bytes_ = 0;
  Stop stop_ = Stop::returned;
  std::uint64_t result_ = 0;
  std::uint64_t gate_number_ = 0;
  const abi::ServiceCall* gate_call_ = nullptr;
  std::uint64_t gate_status_ = 0;
  DriverExecution* outer_ = nullptr;
};

}  // namespace redoubt::sdk
