// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/stopping/machine_stop.hpp"

#include "abi/redoubt/image_names.hpp"
#include "arch/processor.hpp"
#include "supervisor/procedures/procedures.hpp"
#include "supervisor/rendezvous/rendezvous_hardware.hpp"
#include "supervisor/report/report.hpp"
#include "supervisor/stopping/machine_end.hpp"

namespace redoubt::supervisor {
namespace {

[[noreturn]] void halt(Supervisor& supervisor, const Cpu& cpu) {
  if (supervisor.active_procedures != 0) {
    stop_procedures(supervisor, cpu);
  }
  // Those that MMIs don't wait for as well: a CPU that goes on outside has the machine to itself.
  RendezvousHardware hardware(supervisor);
  const Outside outside = supervisor.rendezvous.hold(cpu.index, hardware);
  if (outside.what != Outside::What::nobody) {
    report_outside(supervisor, outside);
  }
  arch::halt();
}

}  // namespace

void stop_for(Supervisor& supervisor, const Cpu& cpu, const abi::StopRequest& request) {
  if (record_failure(supervisor, request) == policy::StopVerdict::halt) {
    halt(supervisor, cpu);
  }
}

void stop_for_foundation(Supervisor& supervisor, const Cpu& cpu, const Fault& fault) {
  abi::StopRequest request = request_for(abi::image_names::foundation, abi::image_names::foundation_name, fault);
  request.handler = supervisor.message.guid;
  stop_for(supervisor, cpu, request);
}

}  // namespace redoubt::supervisor
