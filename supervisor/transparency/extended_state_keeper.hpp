// SPDX-License-Identifier: BSD-2-Clause-Patent
// x87, SSE, AVX and whatever else XSAVE knows belong to the host. They stay untouched until a driver
// uses them: MM runs with CR0.TS set, and the trap saves the host's state and loads a known one. One for the CPU that
// runs MM, whichever it is, and one for each CPU that runs procedures for it.
//
// No driver's state reaches another's call, MXCSR and pending exceptions included. From the first use in an MMI on
// CR0.TS is set again whenever another call begins, and its first use traps: it begins with the known state, while the
// state of a call that waits for a service further down goes into a place of its own, to come back by the same trap.
// There is room for what the calling convention lets it count on: x87 and SSE (UEFI 2.10, 2.3.4.2).
#pragma once

#include <cstdint>

#include "abi/redoubt/syscall.hpp"
#include "supervisor/cpu/features.hpp"

namespace redoubt::supervisor {

// Calls of drivers are numbered by how deep they are nested, from 1.
using CallDepth = std::uint32_t;
inline constexpr CallDepth call_depth_limit = abi::domain_call_depth / 2;

// Where the state of one waiting call is: an FXSAVE area.
struct alignas(16) WaitingState {
  std::byte bytes[512];
};

class ExtendedStateKeeper {
 public:
  // `area`: zeroed, 64-byte aligned, features.extended_state_bytes long. `waiting`: call_depth_limit of them, or null
  // where calls aren't nested.
  void initialize(void* area, const CpuFeatures& features, WaitingState* waiting = nullptr) {
    area_ = area;
    waiting_ = waiting;
    xsave_ = features.xsave;
  }

  bool has_area() const { return area_ != nullptr; }

  // A use of the driver's call at `depth` trapped. False if the trap has another cause, or the state that it counts on
  // is lost.
  bool load(CallDepth depth);

  // A call begins, none of whose state is there.
  void begin_call() {
    if (loaded_) arm();
  }
  // A call is over, however it ended.
  void end_call(CallDepth depth);

  // Gives the host its state back, if it was taken. Before RSM, on the CPU that ran.
  void restore();

  // Forgets the host's state, which is gone: the CPU was reset, or left. The state of a call that had it loaded is
  // lost.
  void drop();

  bool loaded() const { return loaded_; }

 private:
  void load_known() const;
  void arm();
  void disarm();
  static constexpr std::uint32_t bit(CallDepth depth) { return std::uint32_t{1} << depth; }

  void* area_ = nullptr;
  WaitingState* waiting_ = nullptr;
  // What the host's XCR0 enables. Without SSE in it XSAVE would leave out the XMM registers, which drivers can change
  // all the same: then FXSAVE has everything there is.
  std::uint64_t components_ = 0;
  bool xsave_ = false;
  bool loaded_ = false;     // the host's state is in the area
  bool armed_ = false;      // CR0.TS is set although it is
  CallDepth holder_ = 0;    // whose state the registers hold; 0 = no call's
  std::uint32_t kept_ = 0;  // bits: whose state is in its place of waiting_
  std::uint32_t lost_ = 0;  // bits: whose state is gone
};
static_assert(call_depth_limit < 32);

}  // namespace redoubt::supervisor
