// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/domain/domain_calls.hpp"
#include "supervisor/stopping/machine_stop.hpp"
#include "supervisor/system_calls/system_calls.hpp"

namespace redoubt::supervisor::system_calls {

CallResult<Switched> call_driver(const Caller& caller, FoundationAddress call) {
  return supervisor::call_driver(caller.supervisor, caller.cpu, call);
}

CallResult<void> stop_machine(const Caller& caller, FoundationAddress request) {
  abi::StopRequest copy;
  if (!caller.supervisor.memory.copy_from_foundation(writable_object_bytes(copy), request)) {
    return std::unexpected(abi::SystemStatus::bad_address);
  }
  stop_for(caller.supervisor, caller.cpu, copy);
  return std::unexpected(abi::SystemStatus::not_permitted);
}

CallResult<void> set_root_interest(const Caller& caller, bool wanted) {
  caller.supervisor.root_interest = wanted;
  return {};
}

}  // namespace redoubt::supervisor::system_calls
