// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who called whom in this MMI. The foundation runs first; then frames alternate:
//
//   foundation --driver_call--> driver --service--> foundation --driver_call--> driver ...
//
// so the top frame says who runs now: a driver above a driver_call, the foundation above a service or an empty stack.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "abi/redoubt/syscall.hpp"
#include "arch/x86_64/registers/register_frame.hpp"

namespace redoubt::supervisor {

struct CallFrame {
  arch::RegisterFrame caller;  // to be resumed when the call returns

  // Of a driver_call only.
  abi::DriverCall call;           // as fetched when the call was made
  std::uint64_t call_address;     // of the foundation's DriverCall
  std::uint64_t scratch_address;  // in the driver's stack
  std::uint64_t start_ticks;
};

class CallStack {
 public:
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == frames_.size(); }
  // Whether a driver runs now.
  bool driver_runs() const { return size_ % 2 != 0; }
  // How many calls of drivers there are, the one that runs or waits last included.
  std::uint32_t driver_depth() const { return static_cast<std::uint32_t>((size_ + 1) / 2); }

  // Not when full() or empty(), respectively. A pushed frame holds whatever was there before.
  CallFrame& push() { return frames_[size_++]; }
  CallFrame& top() { return frames_[size_ - 1]; }
  void pop() { --size_; }
  void clear() { size_ = 0; }

 private:
  std::array<CallFrame, abi::domain_call_depth> frames_{};
  std::size_t size_ = 0;
};

}  // namespace redoubt::supervisor
