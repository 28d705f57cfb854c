// SPDX-License-Identifier: BSD-2-Clause-Patent
// What drivers call: the functions of EFI_MM_SYSTEM_TABLE (PI 1.9, volume 4, 3.2; MmIo: chapter 4; the memory and
// protocol services as UEFI 2.10, 7.2 and 7.3 specify them). Each takes the registers and stack words of a call, looks
// at NULL first, copies what a pointer leads to once, does its work, and writes results last. A pointer that the driver
// itself could not follow is EFI_INVALID_PARAMETER, which the specification allows everywhere.
#include <array>

#include "abi/redoubt/foundation_protocols.hpp"
#include "foundation/efi_status.hpp"
#include "foundation/foundation.hpp"

namespace redoubt::foundation {
namespace {

using abi::EfiStatus;
using abi::Guid;
using abi::SystemStatus;

// Arguments of 32-bit type: the upper half of their register or stack word is undefined.
constexpr std::uint32_t narrow(std::uint64_t argument) { return static_cast<std::uint32_t>(argument); }

// MM memory is of one of these types (as in edk2; other types have no meaning in MMRAM).
constexpr bool is_mm_memory_type(std::uint32_t type) {
  return type == abi::runtime_services_code || type == abi::runtime_services_data;
}

}  // namespace

EfiStatus Foundation::service(std::uint64_t number, const abi::ServiceCall& call) {
  const DriverNumber caller = caller_of(call.return_address);
  if (caller == foundation_itself) [[unlikely]] {
    ledger_.refuse(running_, Refusal::caller, foundation_itself);
    return abi::status::access_denied;
  }
  if (disabled(caller)) return abi::status::access_denied;  // an outer call of a driver that faulted in an inner one
  Arguments arguments = call.arguments;
  switch (static_cast<Service>(number)) {
    case Service::install_configuration_table: return install_configuration_table(arguments, caller);
    case Service::memory_read: return memory_io(arguments, caller, false);
    case Service::memory_write: return memory_io(arguments, caller, true);
    case Service::io_read: return port_io(arguments, false);
    case Service::io_write: return port_io(arguments, true);
    case Service::allocate_pool: return allocate_pool(arguments, caller);
    case Service::free_pool: return free_pool(arguments, caller);
    case Service::allocate_pages: return allocate_pages(arguments, caller);
    case Service::free_pages: return free_pages(arguments, caller);
    case Service::startup_this_ap:
    case Service::read_save_state:
    case Service::write_save_state:
    case Service::get_number_of_processors:
    case Service::dispatch_procedure:
    case Service::broadcast_procedure:
    case Service::set_startup_procedure:
    case Service::check_for_procedure:
    case Service::wait_for_procedure: return processor_service(static_cast<Service>(number), arguments, caller);
    case Service::install_protocol_interface: return install_protocol_interface(arguments, caller);
    case Service::uninstall_protocol_interface: return uninstall_protocol_interface(arguments, caller);
    case Service::handle_protocol: return handle_protocol(arguments);
    case Service::register_protocol_notify: return register_protocol_notify(arguments, caller);
    case Service::locate_handle: return locate_handle(arguments, caller);
    case Service::locate_protocol: return locate_protocol(arguments, caller);
    case Service::mmi_manage: return mmi_manage(arguments);
    case Service::mmi_handler_register: return mmi_handler_register(arguments, caller);
    case Service::mmi_handler_unregister: return mmi_handler_unregister(arguments, caller);
    case Service::access_open:
    case Service::access_close:
    case Service::access_lock:
    case Service::access_get_capabilities:
    case Service::register_mm_entry:
    case Service::get_memory_attributes:
    case Service::set_memory_attributes:
    case Service::clear_memory_attributes:
      return own_protocols_.service(static_cast<Service>(number), caller, arguments);
    case Service::log_write: return log_write(arguments);
    case Service::check_unblocked:
      return unblocking_.holds(arguments[1], arguments[2]) ? abi::status::success : abi::status::access_denied;
    case Service::hold_processors: return hold_processors(arguments);
    case Service::find_driver: return find_driver(arguments);
    case Service::count: break;
  }
  return abi::status::unsupported;
}

// ---- Configuration tables, memory and port I/O ----

EfiStatus Foundation::install_configuration_table(Arguments arguments, DriverNumber caller) {
  const auto [system_table, guid_address, vendor_table, size] =
      std::array{arguments[0], arguments[1], arguments[2], arguments[3]};
  static_cast<void>(system_table);
  static_cast<void>(size);  // the table stays where it is; its size isn't needed
  if (guid_address == 0) return abi::status::invalid_parameter;
  const auto guid = memory_.read<Guid>(guid_address);
  if (!guid.has_value()) return abi::status::invalid_parameter;
  const auto installed = table_.install_configuration_table(*guid, vendor_table, caller);
  if (installed.has_value()) return abi::status::success;
  // PI 1.9, volume 4, 3.2: EFI_INVALID_PARAMETER for a GUID that can't be used, as another driver's can't.
  return installed.error() == Error::access_denied ? abi::status::invalid_parameter : to_efi_status(installed.error());
}

namespace {

// The arguments of EFI_MM_CPU_IO: self, width, address, count, buffer.
struct IoRequest {
  std::uint32_t width;  // bytes of one access
  std::uint64_t address;
  std::uint64_t count;
  std::uint64_t buffer;
};

// PI 1.9, volume 4, chapter 4, EFI_MM_CPU_IO_PROTOCOL: EFI_INVALID_PARAMETER for a wrong width, EFI_UNSUPPORTED for an
// address that isn't there. There are four widths, and none of the FIFO and fill kinds of the DXE protocol.
EfiStatus check(const std::uint64_t (&arguments)[8], std::uint32_t widest, std::uint64_t last_address,
                IoRequest& request) {
  const std::uint32_t width = narrow(arguments[1]);
  request = {1U << (width & 3), arguments[2], arguments[3], arguments[4]};
  if (width > widest || request.buffer == 0) return abi::status::invalid_parameter;
  if (request.address % request.width != 0 || request.address > last_address) return abi::status::unsupported;
  if (request.count > (last_address - request.address + 1) / request.width && request.count != 0) {
    return abi::status::unsupported;
  }
  return abi::status::success;
}

}  // namespace

EfiStatus Foundation::memory_io(Arguments arguments, DriverNumber caller, bool write) {
  IoRequest request{};
  // The last byte of the address space is given up for arithmetic without overflow.
  if (const EfiStatus status = check(arguments, abi::mm_io_uint64, UINT64_MAX - 1, request);
      status != abi::status::success) {
    return status;
  }
  if (request.count == 0) return abi::status::success;
  // The driver gets nothing here that its own instructions wouldn't give it: memory that it may use, or a device that
  // policy gives it. A range that is partly neither has no access at all, where a device is concerned: reading a
  // register may change it.
  std::uint8_t probe = 0;
  const bool device = !supervisor_.fetch(writable_object_bytes(probe), DriverAddress(request.address));
  if (device) {
    const auto range = Range<PhysicalSpace>::create(PhysicalAddress(request.address), request.count * request.width);
    if (!range || !supervisor_.check_device(*range)) return abi::status::unsupported;
  }
  for (std::uint64_t i = 0; i < request.count; ++i) {
    const std::uint64_t address = request.address + i * request.width;
    const std::uint64_t buffer = request.buffer + i * request.width;
    std::uint64_t value = 0;
    if (write) {
      if (!supervisor_.fetch(writable_object_bytes(value).first(request.width), DriverAddress(buffer))) {
        return abi::status::invalid_parameter;
      }
      if (const PageMap::Entry page = page_map_.at(address); page.use != PageUse::none && page.owner != caller) {
        ledger_.refuse(caller, Refusal::memory, page.owner);
        return abi::status::unsupported;
      }
      const SystemResult<void> written =
          device ? supervisor_.write_device(PhysicalAddress(address), abi::Width{request.width}, value)
                 : supervisor_.store(DriverAddress(address), object_bytes(value).first(request.width));
      if (!written) return abi::status::unsupported;
    } else {
      if (device) {
        const SystemResult<std::uint64_t> read =
            supervisor_.read_device(PhysicalAddress(address), abi::Width{request.width});
        if (!read.has_value()) return abi::status::unsupported;
        value = *read;
      } else if (!supervisor_.fetch(writable_object_bytes(value).first(request.width), DriverAddress(address))) {
        return abi::status::unsupported;
      }
      if (!supervisor_.store(DriverAddress(buffer), object_bytes(value).first(request.width))) {
        return abi::status::invalid_parameter;
      }
    }
  }
  return abi::status::success;
}

EfiStatus Foundation::port_io(Arguments arguments, bool write) {
  IoRequest request{};
  if (const EfiStatus status = check(arguments, abi::mm_io_uint32, 0xFFFF, request); status != abi::status::success) {
    return status;
  }
  for (std::uint64_t i = 0; i < request.count; ++i) {
    const std::uint64_t offset = i * request.width;
    std::uint64_t value = 0;
    if (write) {
      if (!supervisor_.fetch(writable_object_bytes(value).first(request.width),
                             DriverAddress(request.buffer + offset))) {
        return abi::status::invalid_parameter;
      }
      if (!supervisor_.write_io(request.address + offset, abi::Width{request.width}, value)) {
        return abi::status::unsupported;
      }
    } else {
      const SystemResult<std::uint64_t> read = supervisor_.read_io(request.address + offset, abi::Width{request.width});
      if (!read.has_value()) return abi::status::unsupported;
      value = *read;
      if (!supervisor_.store(DriverAddress(request.buffer + offset), object_bytes(value).first(request.width))) {
        return abi::status::invalid_parameter;
      }
    }
  }
  return abi::status::success;
}

// ---- Memory ----

EfiStatus Foundation::allocate_pool(Arguments arguments, DriverNumber caller) {
  const std::uint64_t result_address = arguments[2];
  if (result_address == 0 || !is_mm_memory_type(narrow(arguments[0]))) return abi::status::invalid_parameter;
  const auto buffer = allocator_.allocate_pool(caller, arguments[1]);
  if (!buffer.has_value()) return to_efi_status(buffer.error());
  if (!memory_.write(result_address, *buffer)) {
    static_cast<void>(allocator_.free_pool(caller, *buffer));
    return abi::status::invalid_parameter;
  }
  return abi::status::success;
}

EfiStatus Foundation::free_pool(Arguments arguments, DriverNumber caller) {
  // UEFI 2.10, 7.2.5: EFI_INVALID_PARAMETER for what is no pool buffer. Another driver's is none of the caller's: a
  // caller that has its address may have guessed it.
  return allocator_.free_pool(caller, arguments[0]).has_value() ? abi::status::success : abi::status::invalid_parameter;
}

EfiStatus Foundation::allocate_pages(Arguments arguments, DriverNumber caller) {
  const auto type = narrow(arguments[0]);
  const std::uint64_t pages = arguments[2];
  const std::uint64_t result_address = arguments[3];
  if (result_address == 0 || type > abi::allocate_address || !is_mm_memory_type(narrow(arguments[1]))) {
    return abi::status::invalid_parameter;
  }
  std::uint64_t wanted = 0;
  if (type != abi::allocate_any_pages) {
    const auto read = memory_.read<std::uint64_t>(result_address);
    if (!read.has_value()) return abi::status::invalid_parameter;
    wanted = *read;
  }
  if (pages == 0) return abi::status::invalid_parameter;

  Result<std::uint64_t> address = wanted;
  if (type == abi::allocate_address) {
    if (wanted % page_bytes != 0) return abi::status::not_found;
    if (const auto taken = allocator_.allocate_pages_at(caller, wanted, pages); !taken.has_value()) {
      return to_efi_status(taken.error());
    }
  } else {
    // "at or below": the highest address that a byte of the buffer may have. 2^64 - 1 is no limit.
    if (type == abi::allocate_max_address && wanted + 1 < page_bytes && wanted != UINT64_MAX) {
      return abi::status::out_of_resources;
    }
    address = allocator_.allocate_pages(caller, pages, type == abi::allocate_max_address ? wanted + 1 : 0);
    if (!address.has_value()) return to_efi_status(address.error());
  }
  if (!memory_.write(result_address, *address)) {
    static_cast<void>(allocator_.free_pages(caller, *address, pages));
    return abi::status::invalid_parameter;
  }
  return abi::status::success;
}

EfiStatus Foundation::free_pages(Arguments arguments, DriverNumber caller) {
  // UEFI 2.10, 7.2.2: EFI_INVALID_PARAMETER for no page address or no pages, EFI_NOT_FOUND for pages not allocated.
  if (arguments[0] % page_bytes != 0 || arguments[1] == 0) return abi::status::invalid_parameter;
  return allocator_.free_pages(caller, arguments[0], arguments[1]).has_value() ? abi::status::success
                                                                               : abi::status::not_found;
}

// ---- Processors ----

// A procedure belongs to the driver whose code it is, as a handler does: its fault is blamed on that driver.
EfiStatus Foundation::processor_service(Service service, Arguments arguments, DriverNumber caller) {
  const std::uint64_t procedure = service == Service::startup_this_ap ? arguments[0] : arguments[1];
  DriverNumber owner = caller;
  if (service == Service::startup_this_ap || service == Service::dispatch_procedure ||
      service == Service::broadcast_procedure || service == Service::set_startup_procedure) {
    if (procedure != 0) owner = owner_of(procedure, caller);
    if (owner == foundation_itself) return abi::status::invalid_parameter;
  }
  EfiStatus status = abi::status::unsupported;
  switch (service) {
    case Service::startup_this_ap:
      status = processors_.startup_this_ap(arguments[0], arguments[1], arguments[2], owner);
      break;
    case Service::get_number_of_processors: return processors_.get_number_of_processors(arguments[1]);
    case Service::dispatch_procedure:
      status = processors_.dispatch(arguments[1], arguments[2], arguments[3], arguments[4], arguments[5], arguments[6],
                                    {owner, caller});
      break;
    case Service::broadcast_procedure:
      status =
          processors_.broadcast(arguments[1], arguments[2], arguments[3], arguments[4], arguments[5], {owner, caller});
      break;
    case Service::set_startup_procedure:
      status = processors_.set_startup_procedure(arguments[1], arguments[2], owner);
      if (status != abi::status::access_denied) return status;
      ledger_.refuse(caller, Refusal::procedure, processors_.startup_owner());
      return abi::status::invalid_parameter;
    case Service::check_for_procedure: status = processors_.check(arguments[1], caller); break;
    case Service::wait_for_procedure: status = processors_.wait(arguments[1], caller); break;
    case Service::read_save_state:
      return save_states_.read(arguments[1], narrow(arguments[2]), arguments[3], arguments[4]);
    case Service::write_save_state:
      return save_states_.write(arguments[1], narrow(arguments[2]), arguments[3], arguments[4]);
    default: break;
  }
  disable_for_procedures();
  return status;
}

EfiStatus Foundation::hold_processors(Arguments arguments) {
  if (arguments[1] == 0) return abi::status::invalid_parameter;
  const SystemResult<std::uint64_t> presumed_stopped = supervisor_.hold_processors();
  if (!presumed_stopped.has_value()) return abi::status::device_error;
  return memory_.write(arguments[1], *presumed_stopped) ? abi::status::success : abi::status::invalid_parameter;
}

EfiStatus Foundation::find_driver(Arguments arguments) {
  if (arguments[2] == 0) return abi::status::invalid_parameter;
  const DriverNumber driver = caller_of(arguments[1]);
  if (driver == foundation_itself || disabled(driver)) return abi::status::not_found;
  return memory_.write(arguments[2], std::uint64_t{driver}) ? abi::status::success : abi::status::invalid_parameter;
}

// ---- Protocols ----

NotifyRecord* Foundation::find_notify(std::uint64_t token, DriverNumber caller) {
  NotifyRecord* notify = protocols_.find_notify(token);
  if (notify == nullptr || notify->owner == caller) return notify;
  ledger_.refuse(caller, Refusal::notification, notify->owner);
  return nullptr;
}

bool Foundation::may_produce(const Guid& protocol, DriverNumber caller) {
  // Phases come from outside, through the foundation alone.
  for (const abi::PhaseProtocol& phase : abi::protocols_of_phases) {
    if (!same(phase.guid, protocol)) continue;
    ledger_.refuse(caller, Refusal::protocol, foundation_itself);
    return false;
  }
  const policy::ClosedMessage message = policy::closed_protocol(protocol);
  if (message == policy::ClosedMessage::unknown) return true;
  const DriverNumber answerer = mmis_.answerer(message);
  if (answerer == foundation_itself || answerer == caller) return true;
  ledger_.refuse(caller, Refusal::protocol, answerer);
  return false;
}

EfiStatus Foundation::install_protocol_interface(Arguments arguments, DriverNumber caller) {
  const std::uint64_t handle_address = arguments[0];
  if (handle_address == 0 || arguments[1] == 0 || narrow(arguments[2]) != abi::native_interface) {
    return abi::status::invalid_parameter;
  }
  const auto handle_token = memory_.read<std::uint64_t>(handle_address);
  const auto guid = memory_.read<Guid>(arguments[1]);
  if (!handle_token.has_value() || !guid.has_value()) return abi::status::invalid_parameter;
  HandleRecord* handle = *handle_token == 0 ? nullptr : protocols_.find_handle(*handle_token);
  if (*handle_token != 0 && handle == nullptr) return abi::status::invalid_parameter;
  if (!may_produce(*guid, caller)) return abi::status::access_denied;

  const std::uint64_t interface = arguments[3];
  const auto record = protocols_.install(handle, *guid, interface, caller);
  if (!record.has_value()) return to_efi_status(record.error());
  // Before any driver is notified: a driver that can't be told its handle gets no interface either.
  if (handle == nullptr && !memory_.write(handle_address, protocols_.token(*(*record)->handle))) {
    protocols_.uninstall(**record);
    return abi::status::invalid_parameter;
  }
  if (const auto message = policy::closed_protocol(*guid); message != policy::ClosedMessage::unknown) {
    mmis_.set_answerer(message, caller);
  }
  notify(**record);
  return abi::status::success;
}

EfiStatus Foundation::uninstall_protocol_interface(Arguments arguments, DriverNumber caller) {
  if (arguments[1] == 0) return abi::status::invalid_parameter;
  const auto guid = memory_.read<Guid>(arguments[1]);
  const HandleRecord* handle = protocols_.find_handle(arguments[0]);
  if (!guid.has_value() || handle == nullptr) return abi::status::invalid_parameter;
  const ProtocolRecord* protocol = protocols_.find_protocol(*guid);
  InterfaceRecord* interface = protocol == nullptr ? nullptr : protocols_.find_interface(*handle, *protocol);
  if (interface == nullptr || interface->interface != arguments[2]) return abi::status::not_found;
  // UEFI 2.10, 7.3.3: EFI_ACCESS_DENIED for an interface in use. Another driver's interface may be in use. What the
  // foundation installed is in use as long as MM runs: services, and the phases that have come.
  if (interface->owner != caller) {
    ledger_.refuse(caller, Refusal::protocol, interface->owner);
    return abi::status::access_denied;
  }
  protocols_.uninstall(*interface);
  return abi::status::success;
}

EfiStatus Foundation::handle_protocol(Arguments arguments) {
  const std::uint64_t result_address = arguments[2];
  if (arguments[1] == 0 || result_address == 0) return abi::status::invalid_parameter;
  const auto guid = memory_.read<Guid>(arguments[1]);
  const HandleRecord* handle = protocols_.find_handle(arguments[0]);
  if (!guid.has_value() || handle == nullptr) return abi::status::invalid_parameter;
  const ProtocolRecord* protocol = protocols_.find_protocol(*guid);
  const InterfaceRecord* interface = protocol == nullptr ? nullptr : protocols_.find_interface(*handle, *protocol);
  if (interface == nullptr) {
    // UEFI 2.10, 7.3.7: the interface pointer is NULL on any error but a NULL argument.
    return memory_.write(result_address, std::uint64_t{0}) ? abi::status::unsupported : abi::status::invalid_parameter;
  }
  return memory_.write(result_address, interface->interface) ? abi::status::success : abi::status::invalid_parameter;
}

EfiStatus Foundation::register_protocol_notify(Arguments arguments, DriverNumber caller) {
  const std::uint64_t registration_address = arguments[2];
  if (arguments[0] == 0 || registration_address == 0) return abi::status::invalid_parameter;
  const auto guid = memory_.read<Guid>(arguments[0]);
  if (!guid.has_value()) return abi::status::invalid_parameter;
  const std::uint64_t function = arguments[1];
  if (function == 0) {
    const auto registration = memory_.read<std::uint64_t>(registration_address);
    if (!registration.has_value()) return abi::status::invalid_parameter;
    NotifyRecord* notify = find_notify(*registration, caller);
    if (notify == nullptr || !same(notify->protocol->guid, *guid)) return abi::status::not_found;
    protocols_.unregister_notify(*notify);
    update_interest();
    return abi::status::success;
  }
  const DriverNumber owner = owner_of(function, caller);
  if (owner == foundation_itself) return abi::status::invalid_parameter;
  const std::size_t before = protocols_.notify_count();
  const auto notify = protocols_.register_notify(*guid, function, owner);
  if (!notify.has_value()) return to_efi_status(notify.error());
  if (!memory_.write(registration_address, protocols_.token(**notify))) {
    if (protocols_.notify_count() != before) protocols_.unregister_notify(**notify);
    return abi::status::invalid_parameter;
  }
  update_interest();
  return abi::status::success;
}

EfiStatus Foundation::locate_handle(Arguments arguments, DriverNumber caller) {
  const auto type = narrow(arguments[0]);
  const std::uint64_t size_address = arguments[3];
  const std::uint64_t buffer = arguments[4];

  // What matches: a count, and the first record of the walk below.
  std::uint64_t count = 0;
  const HandleRecord* next_handle = nullptr;
  const InterfaceRecord* next_interface = nullptr;
  NotifyRecord* registration = nullptr;
  switch (type) {
    case abi::all_handles:
      count = protocols_.all_handles().size();
      next_handle = protocols_.all_handles().first();
      break;
    case abi::by_register_notify: {
      registration = find_notify(arguments[2], caller);
      if (registration == nullptr) return abi::status::invalid_parameter;
      next_interface = ProtocolDatabase::next_for(*registration);
      count = next_interface != nullptr ? 1 : 0;
      break;
    }
    case abi::by_protocol: {
      if (arguments[1] == 0) return abi::status::invalid_parameter;
      const auto guid = memory_.read<Guid>(arguments[1]);
      if (!guid.has_value()) return abi::status::invalid_parameter;
      if (const ProtocolRecord* protocol = protocols_.find_protocol(*guid); protocol != nullptr) {
        count = protocol->interfaces.size();
        next_interface = protocol->interfaces.first();
      }
      break;
    }
    default: return abi::status::invalid_parameter;
  }
  // UEFI 2.10, 7.3.6, in this order: no match; NULL size; too small, whatever the buffer; NULL buffer.
  if (count == 0) return abi::status::not_found;
  if (size_address == 0) return abi::status::invalid_parameter;
  const auto room = memory_.read<std::uint64_t>(size_address);
  if (!room.has_value()) return abi::status::invalid_parameter;
  const std::uint64_t needed = count * sizeof(std::uint64_t);
  if (*room < needed) {
    return memory_.write(size_address, needed) ? abi::status::buffer_too_small : abi::status::invalid_parameter;
  }
  if (buffer == 0) return abi::status::invalid_parameter;

  std::array<std::uint64_t, 32> tokens{};
  for (std::uint64_t done = 0; done < count;) {
    std::size_t batch = 0;
    for (; batch < tokens.size() && done + batch < count; ++batch) {
      if (next_handle != nullptr) {
        tokens[batch] = protocols_.token(*next_handle);
        next_handle = ProtocolDatabase::HandleList::next(*next_handle);
      } else if (next_interface != nullptr) {
        tokens[batch] = protocols_.token(*next_interface->handle);
        if (registration == nullptr) next_interface = ProtocolDatabase::next_of_protocol(*next_interface);
      }
    }
    if (!supervisor_.store(DriverAddress(buffer + done * sizeof(std::uint64_t)),
                           std::as_bytes(std::span(tokens).first(batch)))) {
      return abi::status::invalid_parameter;
    }
    done += batch;
  }
  if (!memory_.write(size_address, needed)) return abi::status::invalid_parameter;
  if (registration != nullptr) ProtocolDatabase::advance(*registration);
  return abi::status::success;
}

EfiStatus Foundation::locate_protocol(Arguments arguments, DriverNumber caller) {
  const std::uint64_t result_address = arguments[2];
  if (arguments[0] == 0 || result_address == 0) return abi::status::invalid_parameter;
  const auto guid = memory_.read<Guid>(arguments[0]);
  if (!guid.has_value()) return abi::status::invalid_parameter;
  const InterfaceRecord* found = nullptr;
  NotifyRecord* registration = nullptr;
  if (arguments[1] != 0) {
    registration = find_notify(arguments[1], caller);
    if (registration == nullptr) return abi::status::invalid_parameter;
    found = ProtocolDatabase::next_for(*registration);
  } else if (const ProtocolRecord* protocol = protocols_.find_protocol(*guid); protocol != nullptr) {
    found = protocol->interfaces.first();
  }
  if (!memory_.write(result_address, found != nullptr ? found->interface : 0)) return abi::status::invalid_parameter;
  if (found == nullptr) return abi::status::not_found;
  if (registration != nullptr) ProtocolDatabase::advance(*registration);
  return abi::status::success;
}

// ---- MMIs ----

EfiStatus Foundation::mmi_manage(Arguments arguments) {
  if (arguments[0] != 0) {
    const auto guid = memory_.read<Guid>(arguments[0]);
    if (!guid.has_value()) return abi::status::invalid_parameter;
    MmiTypeRecord* type = mmis_.find_type(*guid);
    // A driver, like a sender outside, may take a missing answer to mean that nothing is locked.
    const bool is_known = policy::closed_message(*guid) != policy::ClosedMessage::unknown;
    const EfiStatus status =
        type == nullptr ? abi::status::not_found : manage(type, arguments[1], arguments[2], arguments[3], nullptr);
    return is_known && status == abi::status::not_found ? abi::status::device_error : status;
  }
  return manage(nullptr, arguments[1], arguments[2], arguments[3], nullptr);
}

// A line counts as that of the driver which MM called, also where it reports through another driver, by a status code.
EfiStatus Foundation::log_write(Arguments arguments) {
  const std::uint64_t level = arguments[1];
  if (!abi::is_log_level(level)) return abi::status::invalid_parameter;
  std::array<char, abi::log_text_bytes> text;
  const std::size_t bytes = arguments[3] < text.size() ? static_cast<std::size_t>(arguments[3]) : text.size();
  if (bytes != 0 &&
      !supervisor_.fetch(std::as_writable_bytes(std::span(text).first(bytes)), DriverAddress(arguments[2]))) {
    return abi::status::invalid_parameter;
  }
  DriverRecord* driver = dispatcher_.find(running_);
  observer_.text(static_cast<abi::LogLevel>(level), running_, driver != nullptr ? &driver->account.log : nullptr,
                 {text.data(), bytes});
  return abi::status::success;
}

EfiStatus Foundation::mmi_handler_register(Arguments arguments, DriverNumber caller) {
  const std::uint64_t function = arguments[0];
  const std::uint64_t handle_address = arguments[2];
  if (function == 0 || handle_address == 0) return abi::status::invalid_parameter;
  Guid guid{};
  if (arguments[1] != 0) {
    const auto read = memory_.read<Guid>(arguments[1]);
    if (!read.has_value()) return abi::status::invalid_parameter;
    guid = *read;
    if (same(guid, abi::observation_message_guid)) return abi::status::invalid_parameter;  // the foundation's
  }
  const DriverNumber owner = owner_of(function, caller);
  if (owner == foundation_itself) return abi::status::invalid_parameter;
  if (arguments[1] != 0) {
    const DriverNumber answerer = mmis_.answerer(policy::closed_message(guid));
    if (answerer != foundation_itself && answerer != owner) {
      ledger_.refuse(caller, Refusal::handler, answerer);
      return abi::status::access_denied;
    }
  }
  const auto handler = mmis_.register_handler(arguments[1] != 0 ? &guid : nullptr, function, owner, caller);
  if (!handler.has_value()) return to_efi_status(handler.error());
  if (!memory_.write(handle_address, mmis_.token(**handler))) {
    mmis_.unregister_handler(**handler);
    return abi::status::invalid_parameter;
  }
  if (DriverRecord* driver = dispatcher_.find(owner); driver != nullptr) {
    (*handler)->profile =
        observer_.profile().row(arguments[1] != 0 ? &guid : nullptr, function, owner, driver->account.profile_rows);
  }
  update_interest();
  return abi::status::success;
}

EfiStatus Foundation::mmi_handler_unregister(Arguments arguments, DriverNumber caller) {
  MmiHandlerRecord* handler = mmis_.find_handler(arguments[0]);
  if (handler == nullptr) return abi::status::invalid_parameter;
  if (handler->owner != caller && handler->maker != caller) {
    ledger_.refuse(caller, Refusal::handler, handler->owner);
    return abi::status::invalid_parameter;
  }
  mmis_.unregister_handler(*handler);
  update_interest();
  return abi::status::success;
}

}  // namespace redoubt::foundation
