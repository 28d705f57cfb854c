// SPDX-License-Identifier: BSD-2-Clause-Patent
// An MM_STANDALONE driver that holds all processors, waits as long as a flash write takes, and asks again.
#include <cstring>

#include "abi/redoubt/processors_held.hpp"
#include "sdk/mm_driver.hpp"
#include "tests/guest/drivers/held/held_protocol.hpp"

namespace redoubt::held {
namespace {

constexpr std::uint64_t write_ticks = std::uint64_t{1} << 26;

constinit const abi::ProcessorsHeldProtocol* processors = nullptr;

abi::EfiStatus hold(std::uint64_t& presumed_stopped) {
  abi::UintN count = 0;
  const abi::EfiStatus status = processors->hold(processors, &count);
  presumed_stopped = count;
  return status;
}

EFIAPI abi::EfiStatus answer(abi::Handle, const void*, void* comm_buffer, abi::UintN* comm_buffer_size) {
  if (comm_buffer == nullptr || comm_buffer_size == nullptr || *comm_buffer_size < sizeof(Message)) {
    return abi::status::invalid_parameter;
  }
  Message message{};
  message.before = hold(message.presumed_stopped_before);
  message.begin = __builtin_ia32_rdtsc();
  do {
    message.end = __builtin_ia32_rdtsc();
  } while (message.end - message.begin < write_ticks);
  message.after = hold(message.presumed_stopped_after);
  message.least_ticks = UINT64_MAX;
  for (unsigned i = 0; i < 16; ++i) {
    std::uint64_t presumed_stopped = 0;
    const std::uint64_t start = __builtin_ia32_rdtsc();
    static_cast<void>(hold(presumed_stopped));
    const std::uint64_t ticks = __builtin_ia32_rdtsc() - start;
    if (ticks < message.least_ticks) message.least_ticks = ticks;
  }
  std::memcpy(comm_buffer, &message, sizeof(message));
  *comm_buffer_size = sizeof(message);
  return abi::status::success;
}

}  // namespace
}  // namespace redoubt::held

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) {
  namespace status = redoubt::abi::status;
  using namespace redoubt::held;
  void* interface = nullptr;
  if (mmst->locate_protocol(&redoubt::abi::processors_held_protocol_guid, nullptr, &interface) != status::success) {
    return status::not_found;
  }
  processors = static_cast<const redoubt::abi::ProcessorsHeldProtocol*>(interface);
  // While drivers start nobody else is there to hold.
  std::uint64_t presumed_stopped = 1;
  if (hold(presumed_stopped) != status::success || presumed_stopped != 0) return status::aborted;
  redoubt::abi::Handle dispatch = nullptr;
  return mmst->mmi_handler_register(answer, &handler_guid, &dispatch);
}
