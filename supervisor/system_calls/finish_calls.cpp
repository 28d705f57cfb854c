// SPDX-License-Identifier: BSD-2-Clause-Patent
// The three calls that end an entry of the foundation. They come back only if refused.
#include "supervisor/domain/domain_calls.hpp"
#include "supervisor/mmi/activity.hpp"
#include "supervisor/system_calls/system_calls.hpp"

namespace redoubt::supervisor::system_calls {

CallResult<Switched> finish_launch(const Caller& caller, std::uint64_t status) {
  return supervisor::finish_launch(caller.supervisor, caller.cpu, status);
}

CallResult<Switched> finish_mmi(const Caller& caller, std::uint64_t status, std::uint64_t reply_bytes) {
  return supervisor::finish_mmi(caller.supervisor, caller.cpu, status, reply_bytes);
}

CallResult<Switched> finish_service(const Caller& caller, std::uint64_t status) {
  return supervisor::finish_service(caller.supervisor, caller.cpu, status);
}

}  // namespace redoubt::supervisor::system_calls
