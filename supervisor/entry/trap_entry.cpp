// SPDX-License-Identifier: BSD-2-Clause-Patent
// Where assembly enters C++ from ring 3. By itself, so that a test image can look at the supervisor between two calls
// (tests/guest/random_calls).
#include "supervisor/exceptions/trap.hpp"

extern "C" redoubt::supervisor::Continuation supervisor_trap(redoubt::supervisor::Cpu& cpu) {
  return redoubt::supervisor::handle_trap(redoubt::supervisor::the_supervisor, cpu);
}
