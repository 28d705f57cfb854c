// SPDX-License-Identifier: BSD-2-Clause-Patent
// Handlers run on a stack of their own, since a driver's may be what overflowed.
#include "sdk/harness/signals.hpp"

#include <sys/mman.h>
#include <ucontext.h>

#include <array>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace redoubt::sdk {
namespace {

constexpr std::array signals = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
constexpr std::size_t signal_stack_bytes = 256U << 10;

int users = 0;
std::array<struct sigaction, signals.size()> previous_actions;
thread_local ExceptionHandler* exception_handler = nullptr;
thread_local sigjmp_buf* copying = nullptr;

// A signal stack for as long as the thread lives: a sanitizer's own is too small for a test's functions.
class SignalStack {
 public:
  SignalStack() {
    memory_ = mmap(nullptr, signal_stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack{};
    stack.ss_sp = memory_;
    stack.ss_size = signal_stack_bytes;
    if (memory_ == MAP_FAILED || sigaltstack(&stack, &previous_) != 0) {
      std::perror("harness: no memory for a signal stack");
      std::abort();
    }
  }
  ~SignalStack() {
    sigaltstack(&previous_, nullptr);
    munmap(memory_, signal_stack_bytes);
  }
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  void* memory_;
  stack_t previous_{};
};

std::uint64_t& register_of(ucontext_t& context, int number) {
  static_assert(sizeof(context.uc_mcontext.gregs[0]) == sizeof(std::uint64_t));
  return reinterpret_cast<std::uint64_t&>(context.uc_mcontext.gregs[number]);
}

// The state of the floating-point unit and of the direction flag that System V programs expect.
void make_sane(ucontext_t& context) {
  constexpr std::uint64_t direction_flag = 1U << 10;
  constexpr std::uint64_t trap_flag = 1U << 8;
  register_of(context, REG_EFL) &= ~(direction_flag | trap_flag);
  if (context.uc_mcontext.fpregs != nullptr) {
    context.uc_mcontext.fpregs->cwd = 0x037F;
    context.uc_mcontext.fpregs->mxcsr = 0x1F80;
  }
}

void handle_signal(int signal, siginfo_t* information, void* raw_context) {
  constexpr std::uint32_t page_fault = 14;
  // From the kernel, about an instruction of this thread; not by kill().
  if (information->si_code > 0) {
    if (copying != nullptr) siglongjmp(*copying, 1);
    if (exception_handler != nullptr) {
      auto& context = *static_cast<ucontext_t*>(raw_context);
      ExceptionFrame frame{};
      frame.vector = static_cast<std::uint32_t>(register_of(context, REG_TRAPNO));
      if (frame.vector == page_fault) {
        frame.address = register_of(context, REG_CR2);
        frame.error_code = register_of(context, REG_ERR);
      }
      frame.rip = register_of(context, REG_RIP);
      frame.rsp = register_of(context, REG_RSP);
      frame.rax = register_of(context, REG_RAX);
      frame.rdx = register_of(context, REG_RDX);
      if (exception_handler->handle(frame)) {
        if (frame.rsp != register_of(context, REG_RSP)) make_sane(context);
        register_of(context, REG_RIP) = frame.rip;
        register_of(context, REG_RSP) = frame.rsp;
        register_of(context, REG_RAX) = frame.rax;
        return;
      }
    }
  }
  // What would have happened without us happens when the instruction runs again.
  for (std::size_t i = 0; i < signals.size(); ++i) {
    if (signals[i] == signal) sigaction(signal, &previous_actions[i], nullptr);
  }
  if (information->si_code <= 0) raise(signal);
}

}  // namespace

SignalHandlers::SignalHandlers() {
  thread_local SignalStack stack;
  if (users++ != 0) return;
  struct sigaction action{};
  action.sa_sigaction = handle_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &action, &previous_actions[i]);
}

SignalHandlers::~SignalHandlers() {
  if (--users != 0) return;
  for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &previous_actions[i], nullptr);
}

ExceptionHandler* set_exception_handler(ExceptionHandler* handler) { return std::exchange(exception_handler, handler); }

bool copy_if_present(void* destination, const void* source, std::size_t bytes) {
  sigjmp_buf place;
  copying = &place;
  const bool whole = sigsetjmp(place, 0) == 0;
  if (whole) std::memmove(destination, source, bytes);
  copying = nullptr;
  return whole;
}

}  // namespace redoubt::sdk
