// SPDX-License-Identifier: BSD-2-Clause-Patent
// A driver that registers a child for every MMI source that raises MMIs on this machine, counts their calls, and checks
// that each other source is refused with the specified error, as are wrong uses of the platform protocols. Its entry
// point returns success if all was as specified, otherwise EFI_ABORTED with the number of the first check that failed
// above its low 16 bits. The copy built with REDOUBT_FAILING_CHILD has one child, which faults.
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "abi/pi/mm_access.hpp"
#include "abi/pi/mm_child_dispatch.hpp"
#include "abi/pi/mm_memory_attribute.hpp"
#include "abi/pi/mm_status_code.hpp"
#include "sdk/mm_driver.hpp"
#include "tests/guest/drivers/mmi_sources/mmi_sources_protocol.hpp"

namespace redoubt::mmi_sources {
namespace {

using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::MmSystemTable;
using abi::UintN;
namespace status = abi::status;

template <typename Protocol>
Protocol* locate(const MmSystemTable& mmst, const Guid& guid) {
  void* interface = nullptr;
  return mmst.locate_protocol(&guid, nullptr, &interface) == status::success ? static_cast<Protocol*>(interface)
                                                                             : nullptr;
}

#ifdef REDOUBT_FAILING_CHILD

EFIAPI EfiStatus failing(Handle, const void*, void*, UintN*) {
  *reinterpret_cast<volatile std::uint32_t*>(std::uintptr_t{8}) = 1;
  return status::success;
}

EfiStatus start(MmSystemTable& mmst) {
  auto* software = locate<abi::MmSwDispatchProtocol>(mmst, abi::mm_sw_dispatch_protocol_guid);
  if (software == nullptr) return status::not_found;
  abi::MmSwRegisterContext context{failing_value};
  Handle handle = nullptr;
  return software->register_handler(software, failing, &context, &handle);
}

#else

class Checks {
 public:
  void expect(EfiStatus actual, EfiStatus expected) { expect(actual == expected); }
  void expect(bool holds) {
    ++number_;
    if (!holds && first_failed_ == 0) first_failed_ = number_;
  }
  EfiStatus result() const { return first_failed_ == 0 ? status::success : status::aborted | first_failed_ << 16; }

 private:
  std::uint64_t number_ = 0;
  std::uint64_t first_failed_ = 0;
};

constinit State state{};
constinit MmSystemTable* table = nullptr;

EFIAPI EfiStatus on_software(Handle, const void* context, void* comm_buffer, UintN* comm_buffer_size) {
  const auto* registered = static_cast<const abi::MmSwRegisterContext*>(context);
  if (registered == nullptr || comm_buffer == nullptr || comm_buffer_size == nullptr ||
      *comm_buffer_size != sizeof(abi::MmSwContext)) {
    ++state.wrong_contexts;
    return status::success;
  }
  const auto& call = *static_cast<const abi::MmSwContext*>(comm_buffer);
  SoftwareCalls& calls = registered->value == state.first.value ? state.first : state.assigned;
  if (registered->value != calls.value || call.command_port != calls.value) ++state.wrong_contexts;
  ++calls.calls;
  calls.cpu = call.cpu;
  calls.command_port = call.command_port;
  calls.data_port = call.data_port;
  return status::success;
}

EFIAPI EfiStatus on_tco(Handle, const void* context, void* comm_buffer, UintN*) {
  const auto type = static_cast<const abi::MmIchnRegisterContext*>(context)->type;
  if (comm_buffer != nullptr) ++state.wrong_contexts;
  ++(type == abi::MmIchnRegisterContext::tco_timeout ? state.tco_timeouts : state.os_tco);
  return status::success;
}

EFIAPI EfiStatus on_message(Handle, const void*, void* comm_buffer, UintN* comm_buffer_size) {
  if (comm_buffer == nullptr || comm_buffer_size == nullptr || *comm_buffer_size < sizeof(State)) {
    return status::warn_interrupt_source_quiesced;
  }
  state.cpus = table->number_of_cpus;
  *static_cast<State*>(comm_buffer) = state;
  *comm_buffer_size = sizeof(State);
  return status::success;
}

EFIAPI EfiStatus on_mmi(Handle, const void*, void*, UintN*) {
  ++state.mmis;
  return status::warn_interrupt_source_pending;
}

constinit unsigned reports = 0;
EFIAPI EfiStatus on_status_code(std::uint32_t type, std::uint32_t value, std::uint32_t instance, Guid*,
                                abi::StatusCodeData*) {
  if (type == 1 && value == 2 && instance == 3) ++reports;
  return status::success;
}

void register_children(Checks& checks, const MmSystemTable& mmst) {
  auto* software = locate<abi::MmSwDispatchProtocol>(mmst, abi::mm_sw_dispatch_protocol_guid);
  auto* ichn = locate<abi::MmIchnDispatchProtocol>(mmst, abi::mm_ichn_dispatch2_protocol_guid);
  checks.expect(software != nullptr && ichn != nullptr);
  if (software == nullptr || ichn == nullptr) return;
  abi::MmSwRegisterContext context{first_value};
  Handle handle = nullptr;
  checks.expect(software->register_handler(software, on_software, &context, &handle), status::success);
  state.first.value = context.value;
  checks.expect(software->register_handler(software, on_software, &context, &handle), status::invalid_parameter);
  context.value = 0;
  checks.expect(software->register_handler(software, on_software, &context, &handle), status::invalid_parameter);
  context.value = software->maximum_value + 1;
  checks.expect(software->register_handler(software, on_software, &context, &handle), status::invalid_parameter);
  checks.expect(software->unregister_handler(software, nullptr), status::invalid_parameter);
  context.value = abi::MmSwRegisterContext::any_value;
  checks.expect(software->register_handler(software, on_software, &context, &handle), status::success);
  state.assigned.value = context.value;
  for (const std::uint32_t type : {abi::MmIchnRegisterContext::tco_timeout, abi::MmIchnRegisterContext::os_tco}) {
    abi::MmIchnRegisterContext event{type};
    checks.expect(ichn->register_handler(ichn, on_tco, &event, &handle), status::success);
  }
  abi::MmIchnRegisterContext event{0};
  checks.expect(ichn->register_handler(ichn, on_tco, &event, &handle), status::unsupported);
}

// What raises no MMIs is there and says so.
void check_refusals(Checks& checks, const MmSystemTable& mmst) {
  Handle handle = nullptr;
  const auto refused = [&]<typename Context>(const Guid& guid, Context context, EfiStatus expected) {
    auto* protocol = locate<abi::MmChildDispatch<Context>>(mmst, guid);
    checks.expect(protocol != nullptr);
    if (protocol == nullptr) return;
    checks.expect(protocol->register_handler(protocol, on_tco, &context, &handle), expected);
    checks.expect(protocol->register_handler(protocol, on_tco, nullptr, &handle), status::invalid_parameter);
    checks.expect(protocol->unregister_handler(protocol, handle), status::invalid_parameter);
  };
  refused(abi::mm_sx_dispatch_protocol_guid, abi::MmSxRegisterContext{3, 0}, status::unsupported);
  refused(abi::mm_periodic_timer_dispatch_protocol_guid, abi::MmPeriodicTimerRegisterContext{40000, 0},
          status::device_error);
  refused(abi::mm_usb_dispatch_protocol_guid, abi::MmUsbRegisterContext{0, nullptr}, status::device_error);
  refused(abi::mm_gpi_dispatch_protocol_guid, abi::MmGpiRegisterContext{0}, status::invalid_parameter);
  refused(abi::mm_standby_button_dispatch_protocol_guid, abi::MmButtonRegisterContext{0}, status::device_error);
  refused(abi::mm_power_button_dispatch_protocol_guid, abi::MmButtonRegisterContext{0}, status::device_error);
  refused(abi::mm_io_trap_dispatch_protocol_guid, abi::MmIoTrapRegisterContext{0x80, 1, 0}, status::device_error);
}

void check_platform_protocols(Checks& checks, const MmSystemTable& mmst) {
  auto* access = locate<abi::MmAccessProtocol>(mmst, abi::mm_access_protocol_guid);
  auto* configuration = locate<abi::MmConfigurationProtocol>(mmst, abi::mm_configuration_protocol_guid);
  checks.expect(access != nullptr && configuration != nullptr);
  if (access == nullptr || configuration == nullptr) return;
  checks.expect(access->lock_state == 1 && access->open_state == 0);
  checks.expect(access->open(access), status::device_error);
  checks.expect(access->close(access), status::success);
  abi::MmramDescriptor mmram{};
  UintN size = sizeof(mmram);
  checks.expect(access->get_capabilities(access, &size, &mmram), status::success);
  const auto here = reinterpret_cast<std::uint64_t>(&state);
  checks.expect(here >= mmram.physical_start && here - mmram.physical_start < mmram.physical_size);
  checks.expect(configuration->register_mm_entry(configuration, nullptr), status::invalid_parameter);
  checks.expect(configuration->register_mm_entry(configuration, table), status::access_denied);

  auto* attributes = locate<abi::MmMemoryAttributeProtocol>(mmst, abi::mm_memory_attribute_protocol_guid);
  checks.expect(attributes != nullptr);
  if (attributes == nullptr) return;
  abi::EfiPhysicalAddress page = 0;
  checks.expect(mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 1, &page), status::success);
  auto& word = *reinterpret_cast<volatile std::uint64_t*>(page);
  word = 7;
  using namespace abi::memory_attribute;
  checks.expect(attributes->set_memory_attributes(attributes, page, 4096, read_only), status::success);
  checks.expect(word == 7);
  std::uint64_t found = 0;
  checks.expect(attributes->get_memory_attributes(attributes, page, 4096, &found), status::success);
  checks.expect(found == (read_only | execute_protect));
  // The page's rights are real: a service that is asked to write there refuses.
  checks.expect(mmst.mm_io.memory.write(&mmst.mm_io, abi::mm_io_uint64, page, 1, &found), status::unsupported);
  checks.expect(attributes->clear_memory_attributes(attributes, page, 4096, execute_protect), status::unsupported);
  checks.expect(attributes->set_memory_attributes(attributes, page, 4096, read_protect), status::success);
  checks.expect(mmst.mm_io.memory.read(&mmst.mm_io, abi::mm_io_uint64, page, 1, &found), status::unsupported);
  checks.expect(attributes->clear_memory_attributes(attributes, page, 4096, read_protect | read_only), status::success);
  word = 8;
  checks.expect(word == 8);
  const auto code = reinterpret_cast<std::uint64_t>(&on_mmi) & ~std::uint64_t{4095};
  checks.expect(attributes->clear_memory_attributes(attributes, code, 4096, read_only), status::unsupported);
  checks.expect(mmst.free_pages(page, 1), status::success);
}

// The dispatcher's registers are no driver's to raise MMIs with, or to switch off those of others.
void check_ports(Checks& checks, const MmSystemTable& mmst) {
  const auto& io = mmst.mm_io.io;
  const auto write = [&](abi::MmIoWidth width, std::uint16_t port, std::uint32_t value) {
    return io.write(&mmst.mm_io, width, port, 1, &value);
  };
  checks.expect(write(abi::mm_io_uint8, 0xB2, first_value), status::unsupported);
  checks.expect(write(abi::mm_io_uint16, 0xB2, 0), status::unsupported);
  checks.expect(write(abi::mm_io_uint8, 0xB3, 1), status::unsupported);
  constexpr std::uint16_t smi_en = 0x630;
  std::uint32_t before = 0;
  checks.expect(io.read(&mmst.mm_io, abi::mm_io_uint32, smi_en, 1, &before), status::success);
  constexpr std::uint32_t apm_and_global = 0x21;
  checks.expect((before & apm_and_global) == apm_and_global);
  checks.expect(write(abi::mm_io_uint32, smi_en, 0), status::success);
  std::uint32_t after = 0;
  checks.expect(io.read(&mmst.mm_io, abi::mm_io_uint32, smi_en, 1, &after), status::success);
  checks.expect((after & apm_and_global) == apm_and_global);
  checks.expect(write(abi::mm_io_uint32, smi_en, before), status::success);
}

void check_status_codes(Checks& checks, const MmSystemTable& mmst) {
  auto* router = locate<abi::MmRscHandlerProtocol>(mmst, abi::mm_rsc_handler_protocol_guid);
  auto* reporter = locate<abi::MmStatusCodeProtocol>(mmst, abi::mm_status_code_protocol_guid);
  checks.expect(router != nullptr && reporter != nullptr);
  if (router == nullptr || reporter == nullptr) return;
  checks.expect(router->register_handler(nullptr), status::invalid_parameter);
  checks.expect(router->register_handler(on_status_code), status::success);
  checks.expect(router->register_handler(on_status_code), status::already_started);
  checks.expect(reporter->report_status_code(reporter, 1, 2, 3, nullptr, nullptr), status::success);
  checks.expect(reports == 1);
  checks.expect(router->unregister_handler(on_status_code), status::success);
  checks.expect(router->unregister_handler(on_status_code), status::not_found);
}

EfiStatus start(MmSystemTable& mmst) {
  table = &mmst;
  Checks checks;
  check_platform_protocols(checks, mmst);
  check_ports(checks, mmst);
  check_status_codes(checks, mmst);
  check_refusals(checks, mmst);
  register_children(checks, mmst);
  Handle handle = nullptr;
  checks.expect(mmst.mmi_handler_register(on_message, &state_handler_guid, &handle), status::success);
  checks.expect(mmst.mmi_handler_register(on_mmi, nullptr, &handle), status::success);
  return checks.result();
}

#endif

}  // namespace
}  // namespace redoubt::mmi_sources

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) { return redoubt::mmi_sources::start(*mmst); }
