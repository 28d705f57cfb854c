// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/domain/domain_calls.hpp"
#include "supervisor/stopping/machine_stop.hpp"
#include "supervisor/system_calls/system_calls.hpp"

namespace redoubt::supervisor::system_calls {

Continuation call_driver(Supervisor& supervisor, Cpu& cpu) {
  const abi::SystemStatus status = supervisor::call_driver(supervisor, cpu);
  return status == abi::SystemStatus::ok ? Continuation::resume : answer(cpu, status);
}

Continuation stop_machine(Supervisor& supervisor, Cpu& cpu) {
  abi::StopRequest request;
  if (!supervisor.memory.copy_from(Domain::foundation, &request, cpu.frame.rdi, sizeof(request))) {
    return answer(cpu, abi::SystemStatus::bad_address);
  }
  stop_for(supervisor, cpu, request);
  return answer(cpu, abi::SystemStatus::not_permitted);
}

Continuation set_root_interest(Supervisor& supervisor, Cpu& cpu) {
  supervisor.root_interest = cpu.frame.rdi != 0;
  return answer(cpu, abi::SystemStatus::ok);
}

}  // namespace redoubt::supervisor::system_calls
