// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the foundation does on behalf of the outside: a launch or one MMI, from the rendezvous to the reply. Every way
// out of ring 3 for good leads through end_round().
#pragma once

#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// One MMI on a CPU that has just entered.
Continuation begin_mmi(Supervisor& supervisor, Cpu& cpu);

// The foundation is done. Both: not_permitted, and nothing happens, if that isn't what it is doing.
// `status`: an EFI_STATUS.
abi::SystemStatus finish_launch(Supervisor& supervisor, const Cpu& cpu, std::uint64_t status);
abi::SystemStatus finish_mmi(Supervisor& supervisor, const Cpu& cpu, std::uint64_t status, std::uint64_t reply_size);

// finish_mmi() has succeeded: whether this CPU is done, too. It isn't if its MMI came while another one, which ring 3
// had left, was still to be finished.
Continuation after_mmi(Supervisor& supervisor, Cpu& cpu);

// The foundation was stopped by a fault: the launch has failed, or the message is answered with an error.
Continuation abort_activity(Supervisor& supervisor, Cpu& cpu);

}  // namespace redoubt::supervisor
