// SPDX-License-Identifier: BSD-2-Clause-Patent
// The three calls that end an entry of the foundation. They come back only if refused.
#include "supervisor/domain/domain_calls.hpp"
#include "supervisor/mmi/activity.hpp"
#include "supervisor/system_calls/system_calls.hpp"

namespace redoubt::supervisor::system_calls {

Continuation finish_launch(Supervisor& supervisor, Cpu& cpu) {
  const abi::SystemStatus status = supervisor::finish_launch(supervisor, cpu, cpu.frame.rdi);
  return status == abi::SystemStatus::ok ? Continuation::leave : answer(cpu, status);
}

Continuation finish_mmi(Supervisor& supervisor, Cpu& cpu) {
  const abi::SystemStatus status = supervisor::finish_mmi(supervisor, cpu, cpu.frame.rdi, cpu.frame.rsi);
  return status == abi::SystemStatus::ok ? after_mmi(supervisor, cpu) : answer(cpu, status);
}

Continuation finish_service(Supervisor& supervisor, Cpu& cpu) {
  const abi::SystemStatus status = supervisor::finish_service(supervisor, cpu);
  return status == abi::SystemStatus::ok ? Continuation::resume : answer(cpu, status);
}

}  // namespace redoubt::supervisor::system_calls
