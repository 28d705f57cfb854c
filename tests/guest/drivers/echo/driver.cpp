// SPDX-License-Identifier: BSD-2-Clause-Patent
// An MM_STANDALONE driver that answers as echo_protocol.hpp says, shorter or longer than it was asked. It believes the
// length it is given, as vendors' drivers do: that it is right is what the callers test.
#include "sdk/log.hpp"
#include "sdk/mm_driver.hpp"
#include "tests/guest/drivers/echo/echo_protocol.hpp"

namespace redoubt::echo {
namespace {

EFIAPI abi::EfiStatus answer(abi::Handle, const void*, void* comm_buffer, abi::UintN* comm_buffer_size) {
  if (comm_buffer == nullptr || comm_buffer_size == nullptr || *comm_buffer_size < sizeof(Request)) {
    return abi::status::invalid_parameter;
  }
  auto* bytes = static_cast<std::uint8_t*>(comm_buffer);
  const std::uint64_t received = *comm_buffer_size;
  const std::uint64_t size = static_cast<const Request*>(comm_buffer)->answer_size;
  for (std::uint64_t i = sizeof(Answer); i < size; ++i) {
    bytes[i] = answer_byte(bytes[i], i, received);
  }
  if (size >= sizeof(Answer)) {
    static_cast<Answer*>(comm_buffer)->received = received;
  }
  *comm_buffer_size = size;
  return abi::status::success;
}

}  // namespace
}  // namespace redoubt::echo

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) {
  using namespace redoubt;
  const sdk::Log log(*mmst);
  log.debug("echo: a line for debug");
  log.info("echo: started");
  log.error("echo: not an error, but one of its level");
  abi::Handle handle = nullptr;
  return mmst->mmi_handler_register(echo::answer, &echo::handler_guid, &handle);
}
