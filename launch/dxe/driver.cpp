// SPDX-License-Identifier: BSD-2-Clause-Patent
// The DXE communication driver: the one part of Redoubt that runs in DXE and stays for the OS. It produces the three
// MM Communication protocols and the one that opens memory to MM drivers, passes the phases of the boot on to MM, and
// tells the stock variable driver when MM's is up. MMRAM was locked in PEI; this driver has no way to open it and only
// reports what it sees.
//
// Nothing MM says is believed beyond a status and a size that is bounded here. What the OS may call at run time is
// communicate() alone: it uses no boot service and no address that SetVirtualAddressMap() does not convert.
#include <cstdint>

#include "abi/pi/communicate.hpp"
#include "abi/pi/communication_protocols.hpp"
#include "abi/pi/hob_cursor.hpp"
#include "abi/pi/mm_protocols.hpp"
#include "abi/pi/variable_messages.hpp"
#include "abi/redoubt/unblock.hpp"
#include "abi/uefi/system_table.hpp"
#include "arch/processor.hpp"
#include "launch/dxe/debug_console.hpp"
#include "launch/dxe/machine.hpp"
#include "launch/dxe/mailbox.hpp"
#include "launch/dxe/phase.hpp"
#include "launch/dxe/unblock.hpp"
#include "launch/pei/serial_port.hpp"
#include "platform/launch_control.hpp"

namespace redoubt::launch::dxe {

namespace {

namespace messages = abi::variable_messages;
using abi::BootServices;
using abi::CommBufferDescription;
using abi::EfiStatus;
using abi::Event;
using abi::Guid;
using abi::SystemTable;
using abi::UintN;

// Asks the variable driver in MM how large a variable may be: the first thing the stock driver asks, and free of
// effects.
struct PayloadSizeQuery {
  abi::CommunicateHeader header;
  messages::VariableMessageHeader variable;
  messages::PayloadSize answer;
};
static_assert(sizeof(PayloadSizeQuery) == 48);

// A phase of the boot, as edk2's communication driver announces it: the GUID and one byte of 0.
struct PhaseMessage {
  abi::CommunicateHeader header;
  std::uint64_t data;
};
constexpr std::uint64_t phase_data_bytes = 1;

struct Phase {
  const Guid& message;
  const char* name;
};
constexpr Phase end_of_dxe = {abi::end_of_dxe_event_group_guid, "EndOfDxe"};
constexpr Phase ready_to_lock = {abi::dxe_mm_ready_to_lock_protocol_guid, "ReadyToLock"};
constexpr Phase ready_to_boot = {abi::ready_to_boot_event_group_guid, "ReadyToBoot"};
constexpr Phase end_of_boot = {abi::exit_boot_services_event_group_guid, "ExitBootServices"};

constinit Mailbox mailbox;
constinit BootServices* boot_services = nullptr;
constinit abi::RuntimeServices* runtime_services = nullptr;
constinit bool ready_to_lock_sent = false;
constinit bool unblocking_over = false;  // MM heard of ReadyToLock or ExitBootServices; no boot service from then on
constinit bool cache_is_wanted = false;  // the stock variable driver was built for one: it asks first of all
constinit bool cache_is_set_up = false;
constinit bool boot_is_over = false;  // ExitBootServices: the machine isn't the firmware's to stop any more

// The memory map in a block of pool.
class PooledMemoryMap {
 public:
  PooledMemoryMap() : status_(read()) {}
  ~PooledMemoryMap() { release(); }
  PooledMemoryMap(const PooledMemoryMap&) = delete;
  PooledMemoryMap& operator=(const PooledMemoryMap&) = delete;

  EfiStatus status() const { return status_; }
  MemoryMap view() const { return {{static_cast<const std::byte*>(map_), size_}, descriptor_size_}; }

 private:
  // Allocating may add descriptors, hence the loop.
  EfiStatus read() {
    while (true) {
      UintN key = 0;
      std::uint32_t version = 0;
      const EfiStatus status = boot_services->get_memory_map(&size_, map_, &key, &descriptor_size_, &version);
      if (status != abi::status::buffer_too_small) {
        return status;
      }
      release();
      size_ += 2 * descriptor_size_;
      if (abi::status::is_error(boot_services->allocate_pool(abi::boot_services_data, size_, &map_))) {
        map_ = nullptr;
        return abi::status::out_of_resources;
      }
    }
  }
  void release() {
    if (map_ != nullptr) {
      boot_services->free_pool(map_);
      map_ = nullptr;
    }
  }

  void* map_ = nullptr;
  UintN size_ = 0;
  UintN descriptor_size_ = 0;
  EfiStatus status_;
};

EfiStatus send_unblock_request(PageRange range, const Guid& identifier) {
  struct Message {
    abi::CommunicateHeader header;
    abi::UnblockRequest request;
  };
  Message message{};
  message.header = {abi::supervisor_request_guid, sizeof(message.request)};
  message.request.header = {.signature = abi::SupervisorRequestHeader::expected_signature,
                            .revision = abi::SupervisorRequestHeader::current_revision,
                            .request = abi::SupervisorRequestHeader::unblock_memory,
                            .reserved = 0,
                            .result = abi::status::aborted};
  message.request.parameters.descriptor.physical_start = range.address;
  message.request.parameters.descriptor.number_of_pages = range.pages;
  message.request.parameters.identifier = identifier;
  UintN size = sizeof(message);
  const EfiStatus status = mailbox.communicate(&message, &size, HeaderRule::any);
  if (status == abi::status::not_found) {
    return abi::status::access_denied;  // MM has ended it
  }
  return abi::status::is_error(status) ? status : message.request.header.result;
}

// The address of a range is its address for MM, too: this isn't called after SetVirtualAddressMap().
EFIAPI EfiStatus request_unblock_pages(abi::EfiPhysicalAddress address, std::uint64_t pages, const Guid* identifier) {
  if (address == 0 || identifier == nullptr) {
    return abi::status::invalid_parameter;
  }
  if (pages == 0) {
    return abi::status::success;
  }
  if (unblocking_over) {
    return abi::status::access_denied;
  }
  const PooledMemoryMap map;
  if (abi::status::is_error(map.status())) {
    return map.status();
  }
  const EfiStatus status = check_memory_map(map.view(), {address, pages});
  return abi::status::is_error(status) ? status : send_unblock_request({address, pages}, *identifier);
}

// A line where the user of the machine looks.
void tell_owner(const char* what, const char* phase) {
  MachinePorts ports;
  SerialPort console(ports);
  console.write("\r\nRedoubt: ");
  console.write(what);
  console.write(phase);
  console.write("\r\n");
}

// The machine goes no further, and says why.
[[noreturn]] void stop(const char* reason, const char* phase = "") {
  {
    DebugLine line("dxe.stopped");
    line.quoted("reason", reason);
    if (*phase != 0) line.word("phase", phase);
  }
  tell_owner(reason, phase);
  arch::halt();
}

// What a stock variable driver wants MM to write is opened on its way. Whatever becomes of that, MM's variable driver
// looks for itself and answers. `size` as for Communicate().
void unblock_runtime_cache(void* buffer, UintN size) {
  const auto context = runtime_cache_message(buffer, size);
  if (!context) {
    return;
  }
  PageRange ranges[6];
  std::size_t count = 0;
  {
    const PooledMemoryMap map;
    count = abi::status::is_error(map.status()) ? 0 : runtime_cache_ranges(*context, map.view(), ranges);
  }
  for (std::size_t i = 0; i != count; ++i) {
    send_unblock_request(ranges[i], abi::smm_variable_guid);
  }
}

// Sends the message in `room` bytes at `buffer`.
EfiStatus send(void* buffer, UintN* size, UintN room, HeaderRule rule) {
  if (!unblocking_over) [[unlikely]] {
    unblock_runtime_cache(buffer, room);
    cache_is_wanted = cache_is_wanted || asks_for_cache(buffer, room);
  }
  const EfiStatus status = mailbox.communicate(buffer, size, rule);
  if (cache_is_wanted && !boot_is_over) [[unlikely]] {
    cache_is_set_up = cache_is_set_up || sets_up_cache(buffer, room);
    if (!is_left_without_cache(buffer, room, cache_is_set_up)) return status;
    stop(
        "the machine is stopped: MM has no variables, and the variable driver's cache would pass for a machine without "
        "Secure Boot");
  }
  return status;
}

EFIAPI EfiStatus communicate(const abi::MmCommunication* /*self*/, void* buffer, UintN* size) {
  return send(buffer, size, size != nullptr ? *size : 0, HeaderRule::any);
}

EFIAPI EfiStatus communicate2(const abi::MmCommunication2* /*self*/, void* physical_buffer, void* virtual_buffer,
                              UintN* size) {
  if (physical_buffer == nullptr) {
    return abi::status::invalid_parameter;
  }
  return send(virtual_buffer, size, size != nullptr ? *size : 0, HeaderRule::any);
}

EFIAPI EfiStatus communicate3(const abi::MmCommunication3* /*self*/, void* physical_buffer, void* virtual_buffer) {
  if (physical_buffer == nullptr) {
    return abi::status::invalid_parameter;
  }
  // Without a size the header says how large the buffer is, if it's the right one.
  abi::CommunicateHeaderV3 header{};
  UintN room = 0;
  if (virtual_buffer != nullptr) {
    __builtin_memcpy(&header.header_guid, virtual_buffer, sizeof(header.header_guid));
    if (header.header_guid == abi::communicate_header_v3_guid) {
      __builtin_memcpy(&header, virtual_buffer, sizeof(header));
      room = header.buffer_size;
    }
  }
  return send(virtual_buffer, nullptr, room, HeaderRule::version_3);
}

// Not const: the DXE core relocates them with the image when the OS sets its address map.
constinit abi::MmCommunication communication{&communicate};
constinit abi::MmCommunication2 communication2{&communicate2};
constinit abi::MmCommunication3 communication3{&communicate3};
constinit abi::UnblockMemoryProtocol unblock_memory{abi::UnblockMemoryProtocol::current_version,
                                                    &request_unblock_pages};

EfiStatus send_phase(const Guid& phase) {
  PhaseMessage message{{phase, phase_data_bytes}, 0};
  UintN size = sizeof(message.header) + phase_data_bytes;
  return mailbox.communicate(&message, &size, HeaderRule::any);
}

// Comes back if MM has heard of it.
void announce(const Phase& phase) {
  const EfiStatus status = send_phase(phase.message);
  switch (phase_outcome(status)) {
    case PhaseOutcome::heard: return;
    case PhaseOutcome::failed: {
      DebugLine line("dxe.phase");
      line.word("phase", phase.name);
      line.hexadecimal("status", status);
      tell_owner("MM failed, or has failed before, as it was told of ", phase.name);
      return;
    }
    case PhaseOutcome::unheard: break;
  }
  stop("the machine is stopped: MM doesn't hear of ", phase.name);
}

platform::MmramLock read_lock() {
  const InterruptsOff interrupts_off;
  return platform::read_mmram_lock();
}

void report_lock() {
  const platform::MmramLock lock = read_lock();
  DebugLine line("dxe.ready_to_lock");
  line.hexadecimal("smramc", lock.smramc);
  line.hexadecimal("esmramc", lock.esmramc);
  line.word("mmram", lock.closed_and_locked() ? "locked" : "open");
}

void send_ready_to_lock() {
  if (ready_to_lock_sent) {
    return;
  }
  ready_to_lock_sent = true;
  unblocking_over = true;
  report_lock();
  announce(ready_to_lock);
}

EFIAPI void on_end_of_dxe(Event /*event*/, void* /*context*/) { announce(end_of_dxe); }

EFIAPI void on_exit_boot_services(Event /*event*/, void* /*context*/) {
  unblocking_over = true;
  boot_is_over = true;
  announce(end_of_boot);
}

// A protocol notification is signalled once when it is registered: the protocol need not be there.
EFIAPI void on_ready_to_lock_protocol(Event /*event*/, void* /*context*/) {
  void* interface = nullptr;
  if (boot_services->locate_protocol(&abi::dxe_mm_ready_to_lock_protocol_guid, nullptr, &interface) ==
      abi::status::success) {
    send_ready_to_lock();
  }
}

// Firmware that never installs DxeMmReadyToLock must not come to a boot option before MM has heard of it.
EFIAPI void on_ready_to_boot(Event /*event*/, void* /*context*/) {
  send_ready_to_lock();
  announce(ready_to_boot);
}

// The last call with the old addresses, and the first without them. For MM it means nothing unless a driver wants to
// hear of it, and the machine is the OS's.
EFIAPI void on_virtual_address_change(Event /*event*/, void* /*context*/) {
  send_phase(abi::virtual_address_change_event_group_guid);
  runtime_services->convert_pointer(0, mailbox.buffer_address());
  runtime_services->convert_pointer(0, mailbox.status_address());
}

std::optional<CommBufferDescription> find_comm_buffer(const SystemTable& system_table) {
  for (UintN i = 0; i != system_table.table_count; ++i) {
    const abi::ConfigurationTable& table = system_table.configuration_tables[i];
    if (table.vendor_guid == abi::hob_list_table_guid) {
      return abi::find_guid_hob<CommBufferDescription>(abi::HobCursor::trusting(table.vendor_table),
                                                       abi::comm_buffer_hob_guid);
    }
  }
  return std::nullopt;
}

EfiStatus install(const Guid& protocol, void* interface, abi::Handle* handle) {
  return boot_services->install_protocol_interface(handle, &protocol, abi::native_interface, interface);
}

EfiStatus watch(const Guid& group, abi::NotifyFunction function) {
  Event event = nullptr;
  return boot_services->create_event_ex(abi::event_notify_signal, abi::tpl::callback, function, &group, &group, &event);
}

EfiStatus watch_ready_to_lock() {
  Event event = nullptr;
  const EfiStatus status = boot_services->create_event(abi::event_notify_signal, abi::tpl::callback,
                                                       on_ready_to_lock_protocol, nullptr, &event);
  if (abi::status::is_error(status)) {
    return status;
  }
  void* registration = nullptr;
  const EfiStatus registered =
      boot_services->register_protocol_notify(&abi::dxe_mm_ready_to_lock_protocol_guid, event, &registration);
  if (!abi::status::is_error(registered)) {
    boot_services->signal_event(event);
  }
  return registered;
}

// The two protocols have no interface: their presence is the message.
EfiStatus announce_variables(abi::Handle* handle) {
  PayloadSizeQuery query{
      {abi::smm_variable_guid, sizeof(query) - sizeof(query.header)},
      {static_cast<std::uint64_t>(messages::VariableFunction::get_payload_size), abi::status::not_found},
      {}};
  UintN size = sizeof(query);
  EfiStatus status = mailbox.communicate(&query, &size, HeaderRule::any);
  if (!abi::status::is_error(status)) {
    status = query.variable.return_status;
  }
  if (abi::status::is_error(status)) {
    return status;
  }
  status = install(abi::smm_variable_guid, nullptr, handle);
  if (abi::status::is_error(status)) {
    return status;
  }
  return install(abi::smm_variable_write_guid, nullptr, handle);
}

EfiStatus fail(const char* reason, EfiStatus status) {
  DebugLine line("dxe.failed");
  line.quoted("reason", reason);
  line.hexadecimal("status", status);
  return status;
}

EfiStatus start(const SystemTable& system_table) {
  boot_services = system_table.boot_services;
  runtime_services = system_table.runtime_services;

  const auto description = find_comm_buffer(system_table);
  if (!description) {
    return fail("no HOB describes the communication buffer", abi::status::not_found);
  }
  if (!mailbox.open(*description)) {
    return fail("the HOB of the communication buffer makes no sense", abi::status::compromised_data);
  }

  struct Watch {
    const Guid& group;
    abi::NotifyFunction function;
  };
  const Watch watches[] = {
      {abi::end_of_dxe_event_group_guid, on_end_of_dxe},
      {abi::ready_to_boot_event_group_guid, on_ready_to_boot},
      {abi::exit_boot_services_event_group_guid, on_exit_boot_services},
      {abi::virtual_address_change_event_group_guid, on_virtual_address_change},
  };
  for (const Watch& entry : watches) {
    const EfiStatus status = watch(entry.group, entry.function);
    if (abi::status::is_error(status)) {
      return fail("an event could not be created", status);
    }
  }
  EfiStatus status = watch_ready_to_lock();
  if (abi::status::is_error(status)) {
    return fail("no notification of DxeMmReadyToLock", status);
  }

  struct Protocol {
    const Guid& guid;
    void* interface;
  };
  const Protocol protocols[] = {
      {abi::mm_communication_protocol_guid, &communication},
      {abi::mm_communication2_protocol_guid, &communication2},
      {abi::mm_communication3_protocol_guid, &communication3},
      {abi::unblock_memory_protocol_guid, &unblock_memory},
  };
  abi::Handle handle = nullptr;
  for (const Protocol& protocol : protocols) {
    status = install(protocol.guid, protocol.interface, &handle);
    if (abi::status::is_error(status)) {
      return fail("a protocol could not be installed", status);
    }
  }

  // From here on the driver stays loaded, also when MM has no variables to offer.
  status = announce_variables(&handle);
  if (abi::status::is_error(status)) {
    fail("MM did not answer for its variable driver", status);
    return abi::status::success;
  }
  DebugLine line("dxe.start");
  line.hexadecimal("comm_buffer", description->physical_start);
  line.decimal("pages", description->number_of_pages);
  return abi::status::success;
}

}  // namespace

}  // namespace redoubt::launch::dxe

extern "C" EFIAPI redoubt::abi::EfiStatus communication_dxe_entry(redoubt::abi::Handle /*image*/,
                                                                  redoubt::abi::SystemTable* system_table) {
  return redoubt::launch::dxe::start(*system_table);
}
