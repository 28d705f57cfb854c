// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who called whom in this MMI. The foundation runs first:
//
//   foundation --driver_call--> driver --service--> foundation --driver_call--> driver ...
//
// so the top frame says who runs now: a driver above a driver_call, the foundation above a service or an empty stack.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "abi/redoubt/syscall.hpp"
#include "arch/x86_64/registers/register_frame.hpp"

namespace redoubt::supervisor {

enum class CallKind : std::uint8_t { driver_call, service };

struct CallFrame {
  arch::RegisterFrame caller;  // to be resumed when the call returns

  // Of a driver_call only.
  abi::DriverCall call;            // as fetched when the call was made
  FoundationAddress call_address;  // of the foundation's DriverCall
  DriverAddress scratch_address;   // in the driver's stack
  std::uint64_t start_ticks;
};

class CallStack {
 public:
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == frames_.size(); }
  // Whether a driver runs now.
  bool driver_runs() const { return size_ != 0 && (driver_calls_ >> (size_ - 1) & 1) != 0; }
  // How many calls of drivers there are, the one that runs or waits last included.
  std::uint32_t driver_depth() const { return static_cast<std::uint32_t>(std::popcount(driver_calls_)); }

  // Not when full() or empty(), respectively. A pushed frame holds whatever was there before.
  CallFrame& push(CallKind kind) {
    driver_calls_ |= (kind == CallKind::driver_call ? 1u : 0u) << size_;
    return frames_[size_++];
  }
  CallFrame& top() { return frames_[size_ - 1]; }
  void pop() {
    --size_;
    driver_calls_ &= ~(1u << size_);
  }
  void clear() {
    size_ = 0;
    driver_calls_ = 0;
  }

 private:
  std::array<CallFrame, abi::domain_call_depth> frames_{};
  std::size_t size_ = 0;
  std::uint32_t driver_calls_ = 0;  // a bit for each frame
  static_assert(abi::domain_call_depth <= 32);
};

}  // namespace redoubt::supervisor
