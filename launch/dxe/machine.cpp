// SPDX-License-Identifier: BSD-2-Clause-Patent
// The guest's side of machine.hpp. Nothing here may need boot services.
#include "launch/dxe/machine.hpp"

#include "arch/processor.hpp"
#include "platform/board.hpp"

namespace redoubt::launch::dxe {

namespace {
constexpr std::uint64_t flags_interrupt = 0x200;
}  // namespace

void raise_mmi() { platform::raise_mmi(); }

void wait_a_moment() { arch::spin_hint(); }

InterruptsOff::InterruptsOff() { asm volatile("pushfq\n\tpopq %0\n\tcli" : "=r"(flags_) : : "memory"); }

InterruptsOff::~InterruptsOff() {
  if ((flags_ & flags_interrupt) != 0) {
    asm volatile("sti" : : : "memory");
  }
}

}  // namespace redoubt::launch::dxe
