// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the communication driver does to the machine. The guest's are in machine.cpp; a host test brings its own, with
// a stand-in for MM behind raise_mmi().
#pragma once

#include <cstdint>

namespace redoubt::launch::dxe {

// Raises a software MMI on this CPU, on all CPUs where the platform broadcasts it. MM may run only some instructions
// later, so the caller polls for an effect.
void raise_mmi();

// One turn of a polling loop.
void wait_a_moment();

// Keeps interrupts off while it lives: nothing else runs on this CPU between filling the mailbox and reading the
// answer. The same before and after ExitBootServices(), which RaiseTPL() is not.
class InterruptsOff {
 public:
  InterruptsOff();
  ~InterruptsOff();
  InterruptsOff(const InterruptsOff&) = delete;
  InterruptsOff& operator=(const InterruptsOff&) = delete;

 private:
  [[maybe_unused]] std::uint64_t flags_;
};

}  // namespace redoubt::launch::dxe
