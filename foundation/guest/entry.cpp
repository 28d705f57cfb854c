// SPDX-License-Identifier: BSD-2-Clause-Patent
// Where the supervisor enters the foundation, for launch, for each MMI and for each service that a driver calls; the
// last of these while an earlier entry waits for a driver, further down the same stack. An entry never returns: it ends
// with the system call that its reason names. All state is in the one Foundation below.
#include "foundation/foundation.hpp"
#include "foundation/guest/system_calls.hpp"

namespace redoubt::foundation::guest {
namespace {

constinit GuestSupervisor supervisor;
constinit Foundation foundation(supervisor);

}  // namespace

extern "C" [[noreturn]] void foundation_entry(abi::EntryReason reason, std::uint64_t first, std::uint64_t second) {
  switch (reason) {
    case abi::EntryReason::launch:
      system_call::finish_launch(foundation.launch(*at_address<const abi::FoundationLaunch>(first)));
      break;
    case abi::EntryReason::mmi: {
      const MmiReply reply = foundation.mmi(*at_address<const abi::MmiEvent>(first));
      system_call::finish_mmi(reply.status, reply.size);
      break;
    }
    case abi::EntryReason::service:
      system_call::finish_service(foundation.service(first, *at_address<const abi::ServiceCall>(second)));
      break;
  }
  __builtin_trap();  // the supervisor never comes back to here
}

// Stands in abstract classes' tables; nothing calls it.
extern "C" [[noreturn]] void __cxa_pure_virtual() { __builtin_trap(); }  // NOLINT(readability-identifier-naming)

}  // namespace redoubt::foundation::guest
