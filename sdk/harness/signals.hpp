// SPDX-License-Identifier: BSD-2-Clause-Patent
// Exceptions of the processor, which Linux delivers as signals, on their way to code that can make something of them: a
// copy from memory that may not be there, or the harness whose driver runs. All others go to the handlers that were
// there before (a sanitizer's, as a rule), as if this code weren't there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace redoubt::sdk {

// The interrupted registers, to be changed in place.
struct ExceptionFrame {
  std::uint32_t vector;
  std::uint64_t address;     // of a page fault; else 0
  std::uint64_t error_code;  // of a page fault: bit 1 write, bit 4 fetch
  std::uint64_t rip;
  std::uint64_t rsp;
  std::uint64_t rax;
  std::uint64_t rdx;
};

class ExceptionHandler {
 public:
  // True: go on with the registers as they are in `frame` now. False: not ours.
  virtual bool handle(ExceptionFrame& frame) = 0;

 protected:
  ~ExceptionHandler() = default;
};

// Handlers are installed while there is at least one of these.
class SignalHandlers {
 public:
  SignalHandlers();
  ~SignalHandlers();
  SignalHandlers(const SignalHandlers&) = delete;
  SignalHandlers& operator=(const SignalHandlers&) = delete;
};

// The handler of this thread's exceptions; null = none. Returns the previous one.
ExceptionHandler* set_exception_handler(ExceptionHandler* handler);

// False if one of the two isn't there; part of `destination` may have been written then. Needs a SignalHandlers.
bool copy_if_present(void* destination, const void* source, std::size_t bytes);

}  // namespace redoubt::sdk
