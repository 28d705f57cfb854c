// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the foundation does on behalf of the outside: a launch or one MMI, from the rendezvous to the reply. Every way
// out of ring 3 for good leads through end_round().
//
// Nothing is left in the middle: calls are dropped only when the foundation is over. A driver that is cut off, whatever
// the reason, is stopped as by a fault, and the calls around it end as their own code has it.
#pragma once

#include "abi/redoubt/system_call_arguments.hpp"
#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// One MMI on a CPU that has just entered.
Continuation begin_mmi(Supervisor& supervisor, Cpu& cpu);

// The foundation is done. Both: not_permitted, and nothing happens, if that isn't what it is doing.
// `status`: an EFI_STATUS; `bytes`: of the reply. A CPU whose MMI came while another one, which ring 3 had left, was
// still to be finished, isn't done with that.
abi::SystemResult<Continuation> finish_launch(Supervisor& supervisor, const Cpu& cpu, std::uint64_t status);
abi::SystemResult<Continuation> finish_mmi(Supervisor& supervisor, Cpu& cpu, std::uint64_t status, std::uint64_t bytes);

// The foundation was stopped in its own code, by a fault or with its CPU. What it keeps may be half-changed, so that it
// is over: the launch has failed, or this message and all that follow are answered with an error.
Continuation abort_activity(Supervisor& supervisor, Cpu& cpu);

}  // namespace redoubt::supervisor
