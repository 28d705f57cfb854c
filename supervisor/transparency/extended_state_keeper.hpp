// SPDX-License-Identifier: BSD-2-Clause-Patent
// x87, SSE, AVX and whatever else XSAVE knows belong to the owner of the machine. They stay untouched until a driver
// uses them: MM runs with CR0.TS set, and the trap saves the owner's state and loads a known one. One for the CPU that
// runs MM, whichever it is, and one for each CPU that runs procedures for it.
#pragma once

#include <cstdint>

#include "supervisor/cpu/features.hpp"

namespace redoubt::supervisor {

class ExtendedStateKeeper {
 public:
  // `area`: zeroed, 64-byte aligned, features.extended_state_bytes long.
  void initialize(void* area, const CpuFeatures& features) {
    area_ = area;
    xsave_ = features.xsave;
  }

  // A driver's first use in this MMI. False if the state was loaded already, so that the trap has another cause.
  bool load();

  // After a driver was stopped: what it left behind, pending exceptions included, must not meet the next one.
  void reload_known();

  // Gives the owner his state back, if it was taken. Before RSM, on the CPU that ran.
  void restore();

  // Forgets the owner's state, which is gone: the CPU was reset.
  void drop() { loaded_ = false; }

  bool loaded() const { return loaded_; }

 private:
  void load_known() const;

  void* area_ = nullptr;
  // What the owner's XCR0 enables. Without SSE in it XSAVE would leave out the XMM registers, which drivers can change
  // all the same: then FXSAVE has everything there is.
  std::uint64_t components_ = 0;
  bool xsave_ = false;
  bool loaded_ = false;
};

}  // namespace redoubt::supervisor
