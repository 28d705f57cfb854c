// SPDX-License-Identifier: BSD-2-Clause-Patent
// Procedures of drivers on CPUs that the rendezvous holds. The CPU that runs MM starts them and learns of their end;
// the held CPU enters ring 3 with drivers' page tables on a stack of its own, and comes back to its wait:
//
//              leader starts      the CPU begins       returns, faults, leaves MM, is stopped
//      idle ----------------> posted -------> running ----------------------------> finished, faulted, stopped
//       ^                        |               |                                           |
//       |                        | withdrawn     | the CPU was reset                         |
//       +---- leader fetches -----+---> lost <----+                                           |
//       +------------------------------------------------------------------------------------+
//
// While it runs, the CPU touches its own Procedure and Cpu, and what never changes after the launch. It writes no log,
// changes no page and holds no lock.
//
// A procedure that doesn't return is stopped by an NMI: NMIs, blocked since the SMI, are opened before ring 3 and stay
// open on that CPU until RSM. Which NMI is whose: the leader sets Cpu::request and waits until a handler has cleared
// it; the handler counts every other one as owed to the host, who gets it after RSM (arch/x86_64/entry/traps.S). NMIs
// look alike, so if a foreign one comes first it is taken for ours, and ours for it. Only one that comes in the very
// moment between sending ours and its delivery merges with it, as two foreign ones would.
//
// A procedure that executes RSM leaves MM, and the host has the CPU back before the round is over. The next
// NMI isn't answered, the SMI after it is: the CPU comes back and says what happened (forget).
//
// The same NMI makes the CPU forget translations (flush_procedures): a page taken away from drivers must be gone
// everywhere before another holder gets it.
#pragma once

#include <cstdint>

#include "abi/redoubt/system_call_arguments.hpp"
#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// ---- On the CPU that runs MM: the system calls (abi/redoubt/syscall.hpp). `cpu` comes from ring 3.

abi::SystemResult<void> start_procedure(Supervisor& supervisor, const Cpu& leader, abi::CpuNumber cpu,
                                        const abi::ProcedureCall& call);
// `end` is filled if a procedure has ended.
abi::ProcessorState check_procedure(Supervisor& supervisor, const Cpu& leader, abi::CpuNumber cpu,
                                    abi::ProcedureEnd& end);
abi::SystemResult<void> stop_procedure(Supervisor& supervisor, const Cpu& leader, abi::CpuNumber cpu);

// Before the round ends: stops whatever runs still. Returns when nothing does.
void stop_procedures(Supervisor& supervisor, const Cpu& leader);

// After drivers' access to pages has changed, before another holder gets them.
void flush_procedures(Supervisor& supervisor, const Cpu& leader);

// ---- On a held CPU.

// It entered, and another CPU leads: runs what it is given until the round is over.
Continuation serve_round(Supervisor& supervisor, Cpu& cpu, Rendezvous<cpu_limit>::Role role);

// It came from ring 3. Its frame holds the entry.
Continuation handle_procedure_trap(Supervisor& supervisor, Cpu& cpu);

}  // namespace redoubt::supervisor
