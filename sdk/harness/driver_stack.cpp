// SPDX-License-Identifier: BSD-2-Clause-Patent
// The address sanitizer is told of every change of stack; without it those calls are nothing.
#include "sdk/harness/driver_stack.hpp"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define REDOUBT_ADDRESS_SANITIZER 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define REDOUBT_ADDRESS_SANITIZER 1
#endif
#ifdef REDOUBT_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

extern "C" {
void redoubt_switch_stack(void** save, void* load);
void redoubt_resume_stack();
void redoubt_begin_stack();
std::uint64_t redoubt_call_driver(const redoubt::sdk::CallFrame* frame);
}

namespace redoubt::sdk {
namespace {

// Per thread, as a Harness is.
thread_local DriverExecution* running_execution = nullptr;

#ifdef REDOUBT_ADDRESS_SANITIZER
void leave_stack(void** fake_stack, const void* base, std::size_t bytes) {
  __sanitizer_start_switch_fiber(fake_stack, base, bytes);
}
void arrive_on_stack(void* fake_stack, const void** old_base, std::size_t* old_bytes) {
  __sanitizer_finish_switch_fiber(fake_stack, old_base, old_bytes);
}
void forget_frames(std::uint64_t base, std::uint64_t end) {
  __asan_unpoison_memory_region(reinterpret_cast<const void*>(base), end - base);
}
#else
void leave_stack(void**, const void*, std::size_t) {}
void arrive_on_stack(void*, const void**, std::size_t*) {}
void forget_frames(std::uint64_t, std::uint64_t) {}
#endif

std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

}  // namespace

DriverStack::DriverStack(std::size_t bytes) {
  void* memory = mmap(nullptr, guard_bytes + bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED ||
      mprotect(static_cast<std::byte*>(memory) + guard_bytes, bytes, PROT_READ | PROT_WRITE) != 0) {
    std::perror("harness: no memory for a stack");
    std::abort();
  }
  base_ = address_of(memory) + guard_bytes;
  top_ = free_top_ = base_ + bytes;
}

DriverStack::~DriverStack() {
  forget_frames(base_, top_);
  munmap(reinterpret_cast<void*>(base_ - guard_bytes), guard_bytes + (top_ - base_));
}

DriverExecution* DriverExecution::running() { return running_execution; }

DriverExecution::DriverExecution(DriverStack& stack, std::uint64_t entry, const std::array<std::uint64_t, 4>& arguments)
    : stack_(stack),
      frame_{entry, {arguments[0], arguments[1], arguments[2], arguments[3]}},
      outer_free_top_(stack.free_top_) {
  constexpr std::uint64_t red_zone = 128;
  const std::uint64_t top = (stack.free_top_ - red_zone) & ~std::uint64_t{15};
  forget_frames(stack.base_, top);
  // As redoubt_resume_stack takes it up: r15, r14, r13, r12, rbx, rbp, return address.
  auto* words = reinterpret_cast<std::uint64_t*>(top) - 7;
  words[0] = words[1] = words[2] = words[5] = 0;
  words[3] = address_of(this);
  words[4] = reinterpret_cast<std::uintptr_t>(&begin);
  words[6] = reinterpret_cast<std::uintptr_t>(&redoubt_begin_stack);
  driver_pointer_ = words;
}

DriverExecution::~DriverExecution() { stack_.free_top_ = outer_free_top_; }

void DriverExecution::begin(void* argument) {
  auto& execution = *static_cast<DriverExecution*>(argument);
  arrive_on_stack(nullptr, &execution.thread_stack_base_, &execution.thread_stack_bytes_);
  execution.result_ = redoubt_call_driver(&execution.frame_);
  execution.stop_ = Stop::returned;
  execution.to_thread(/*for_good=*/true);
  std::abort();  // an execution that returned isn't resumed
}

DriverExecution::Stop DriverExecution::resume() {
  outer_ = std::exchange(running_execution, this);
  leave_stack(&thread_fake_stack_, reinterpret_cast<const void*>(stack_.base_), stack_.top_ - stack_.base_);
  redoubt_switch_stack(&thread_pointer_, driver_pointer_);
  // From a signal handler: not there, since its own variables may lie on the stack that the sanitizer then gives up.
  if (stop_ == Stop::abandoned) leave_stack(nullptr, thread_stack_base_, thread_stack_bytes_);
  arrive_on_stack(thread_fake_stack_, nullptr, nullptr);
  running_execution = outer_;
  return stop_;
}

void DriverExecution::to_thread(bool for_good) {
  leave_stack(for_good ? nullptr : &driver_fake_stack_, thread_stack_base_, thread_stack_bytes_);
  redoubt_switch_stack(&driver_pointer_, thread_pointer_);
  arrive_on_stack(driver_fake_stack_, &thread_stack_base_, &thread_stack_bytes_);
}

std::uint64_t DriverExecution::call_gate(std::uint64_t number, const abi::ServiceCall& call) {
  gate_number_ = number;
  gate_call_ = &call;
  stop_ = Stop::gate;
  const std::uint64_t outer_top = std::exchange(stack_.free_top_, address_of(__builtin_frame_address(0)) - 1024);
  to_thread(/*for_good=*/false);
  stack_.free_top_ = outer_top;
  return gate_status_;
}

DriverExecution::Registers DriverExecution::abandon() {
  stop_ = Stop::abandoned;
  return {reinterpret_cast<std::uintptr_t>(&redoubt_resume_stack), address_of(thread_pointer_)};
}

}  // namespace redoubt::sdk
