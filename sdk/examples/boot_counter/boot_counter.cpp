// SPDX-License-Identifier: BSD-2-Clause-Patent
// The common part: all that the boot counter does. It knows the MM system table and nothing else, so that the same
// source serves both models and the host test.
#include "boot_counter.hpp"

#include "abi/pi/mm_protocols.hpp"
#include "driver.hpp"
#include "sdk/smm_variable_protocol.hpp"

namespace redoubt::boot_counter {
namespace {

using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::MmSystemTable;
using abi::UintN;

constexpr std::uint32_t variable_attributes = 0x3;  // EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS

constinit MmSystemTable* system_table = nullptr;
constinit Counts counts{};
constinit bool locked = false;
constinit bool completed = false;

// Variables are another driver's service, started before or after this one, or missing: then counts don't outlive a
// reset.
sdk::SmmVariableProtocol* find_variables() {
  void* interface = nullptr;
  const EfiStatus status = system_table->locate_protocol(&abi::smm_variable_guid, nullptr, &interface);
  return abi::status::is_error(status) ? nullptr : static_cast<sdk::SmmVariableProtocol*>(interface);
}

void load() {
  const auto* variables = find_variables();
  if (variables == nullptr) return;
  Counts stored{};
  UintN size = sizeof(stored);
  const EfiStatus status = variables->get_variable(variable_name, &variable_vendor, nullptr, &size, &stored);
  if (status == abi::status::success && size == sizeof(stored)) counts = stored;
}

// Failure to store is no reason to stop a boot; the next one counts from what is there.
void store() {
  const auto* variables = find_variables();
  if (variables == nullptr) return;
  variables->set_variable(variable_name, &variable_vendor, variable_attributes, sizeof(counts), &counts);
}

EFIAPI EfiStatus on_end_of_dxe(const Guid*, void*, Handle) {
  load();
  ++counts.started;
  store();
  return abi::status::success;
}

EFIAPI EfiStatus on_ready_to_lock(const Guid*, void*, Handle) {
  locked = true;
  return abi::status::success;
}

// By the name that the core at hand gives it; once, whatever it does.
EFIAPI EfiStatus on_ready_to_boot(const Guid*, void*, Handle) {
  if (completed) return abi::status::success;
  completed = true;
  ++counts.completed;
  store();
  return abi::status::success;
}

EfiStatus serve(Function function) {
  switch (function) {
    case Function::read: return abi::status::success;
    case Function::clear:
      if (locked) return abi::status::access_denied;
      counts = {};
      store();
      return abi::status::success;
  }
  return abi::status::unsupported;
}

// Under a Traditional core the message lies in memory that others can change at any time: it is read once, into a copy,
// and written once.
EFIAPI EfiStatus answer(Handle, const void*, void* comm_buffer, UintN* comm_buffer_size) {
  if (comm_buffer == nullptr || comm_buffer_size == nullptr || *comm_buffer_size != sizeof(Message)) {
    return abi::status::warn_interrupt_source_pending;  // not ours: the caller hears that no handler answered
  }
  Message message;
  __builtin_memcpy(&message, comm_buffer, sizeof(message));
  message.status = serve(message.function);
  message.counts = counts;
  __builtin_memcpy(comm_buffer, &message, sizeof(message));
  return abi::status::success;
}

EFIAPI EfiStatus read_counts(const Protocol* self, Counts* result) {
  if (self == nullptr || result == nullptr) return abi::status::invalid_parameter;
  *result = counts;
  return abi::status::success;
}

constinit Protocol protocol = {read_counts};

struct Phase {
  const Guid* protocol;
  abi::MmNotifyFunction function;
};
constexpr Phase phases[] = {{&abi::mm_end_of_dxe_protocol_guid, on_end_of_dxe},
                            {&abi::mm_ready_to_lock_protocol_guid, on_ready_to_lock},
                            {&abi::ready_to_boot_event_group_guid, on_ready_to_boot},
                            {&abi::edkii_smm_ready_to_boot_protocol_guid, on_ready_to_boot}};

}  // namespace

EfiStatus start(MmSystemTable& mmst) {
  system_table = &mmst;
  counts = {};
  locked = false;
  completed = false;
  for (const Phase& phase : phases) {
    void* registration = nullptr;
    const EfiStatus status = mmst.register_protocol_notify(phase.protocol, phase.function, &registration);
    if (abi::status::is_error(status)) return status;
  }
  Handle handle = nullptr;
  const EfiStatus status = mmst.install_protocol_interface(&handle, &protocol_guid, abi::native_interface, &protocol);
  if (abi::status::is_error(status)) return status;
  Handle dispatch_handle = nullptr;
  return mmst.mmi_handler_register(answer, &message_guid, &dispatch_handle);
}

}  // namespace redoubt::boot_counter
