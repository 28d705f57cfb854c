// SPDX-License-Identifier: BSD-2-Clause-Patent
// A well-behaved MM_STANDALONE driver: it uses what an ordinary driver uses (pool, protocols, notifications, GUIDed
// and root handlers) and answers messages that a test can check. It must stay free of tricks: it stands for the
// drivers that vendors ship.
#include <cstddef>
#include <cstdint>

#include "sdk/mm_driver.hpp"
#include "tests/guest/drivers/sample/sample_protocol.hpp"

namespace redoubt::sample {
namespace {

using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::MmSystemTable;
using abi::UintN;

constinit MmSystemTable* system_table = nullptr;
constinit SampleState* state = nullptr;

EFIAPI EfiStatus increment(Handle, const void*, void* comm_buffer, UintN* comm_buffer_size) {
  if (comm_buffer == nullptr || comm_buffer_size == nullptr) return abi::status::success;
  auto* bytes = static_cast<std::uint8_t*>(comm_buffer);
  for (UintN i = 0; i < *comm_buffer_size; ++i) bytes[i] = static_cast<std::uint8_t>(bytes[i] + 1);
  ++state->increments;
  return abi::status::success;
}

EFIAPI EfiStatus report_state(Handle, const void*, void* comm_buffer, UintN* comm_buffer_size) {
  if (comm_buffer == nullptr || comm_buffer_size == nullptr || *comm_buffer_size < sizeof(SampleState)) {
    return abi::status::warn_interrupt_source_quiesced;
  }
  *static_cast<SampleState*>(comm_buffer) = *state;
  *comm_buffer_size = sizeof(SampleState);
  return abi::status::success;
}

EFIAPI EfiStatus root(Handle, const void*, void*, UintN*) {
  ++state->root_mmis;
  return abi::status::warn_interrupt_source_pending;
}

EFIAPI EfiStatus phase(const Guid* protocol, void*, Handle) {
  if (*protocol == abi::mm_end_of_dxe_protocol_guid) ++state->end_of_dxe;
  if (*protocol == abi::mm_ready_to_lock_protocol_guid) ++state->ready_to_lock;
  if (*protocol == abi::ready_to_boot_event_group_guid) ++state->ready_to_boot;
  if (*protocol == abi::exit_boot_services_event_group_guid) ++state->exit_boot_services;
  return abi::status::success;
}

constexpr Guid phases[] = {abi::mm_end_of_dxe_protocol_guid, abi::mm_ready_to_lock_protocol_guid,
                           abi::ready_to_boot_event_group_guid, abi::exit_boot_services_event_group_guid};

}  // namespace
}  // namespace redoubt::sample

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) {
  using namespace redoubt;
  using namespace redoubt::sample;
  system_table = mmst;
  void* memory = nullptr;
  EfiStatus result = mmst->allocate_pool(abi::runtime_services_data, sizeof(SampleState), &memory);
  if (abi::status::is_error(result)) return result;
  state = static_cast<SampleState*>(memory);
  *state = {};

  Handle handle = nullptr;
  result = mmst->mmi_handler_register(increment, &increment_handler_guid, &handle);
  if (abi::status::is_error(result)) return result;
  result = mmst->mmi_handler_register(report_state, &state_handler_guid, &handle);
  if (abi::status::is_error(result)) return result;
  result = mmst->mmi_handler_register(root, nullptr, &handle);
  if (abi::status::is_error(result)) return result;
  for (const Guid& guid : phases) {
    void* registration = nullptr;
    result = mmst->register_protocol_notify(&guid, phase, &registration);
    if (abi::status::is_error(result)) return result;
  }
  return abi::status::success;
}
