// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/mm_driver.hpp"

#include <initializer_list>
#include <new>

#include "abi/pi/mm_protocols.hpp"
#include "abi/redoubt/observation.hpp"
#include "abi/redoubt/processors_held.hpp"
#include "abi/redoubt/unblock.hpp"
#include "drivers/variable/authentication/stack_guard.hpp"
#include "drivers/variable/board.hpp"
#include "drivers/variable/flash/cfi_flash.hpp"
#include "drivers/variable/message_handler.hpp"
#include "drivers/variable/variable_services.hpp"
#include "sdk/log.hpp"
#include "sdk/pool_allocator.hpp"
#include "sdk/smm_variable_protocol.hpp"

namespace redoubt::variable {

namespace {

using abi::EfiStatus;
using abi::Guid;
using abi::UintN;
namespace status = abi::status;

// The core's word for what was opened. Cores that have no such protocol get no runtime cache from this driver.
class UnblockedMemory final : public OutsideMemory {
 public:
  explicit UnblockedMemory(const abi::MmSystemTable& mmst) {
    void* interface = nullptr;
    if (!status::is_error(mmst.locate_protocol(&abi::unblocked_memory_protocol_guid, nullptr, &interface))) {
      protocol_ = static_cast<const abi::UnblockedMemoryProtocol*>(interface);
    }
  }
  bool is_known() const { return protocol_ != nullptr; }
  bool is_open(std::uint64_t address, std::uint64_t bytes) const override {
    return protocol_ != nullptr && protocol_->check(protocol_, address, bytes) == status::success;
  }

 private:
  const abi::UnblockedMemoryProtocol* protocol_ = nullptr;
};

// The core's word for who runs outside MM. Cores that have no such protocol can't tell, and keep their own promises.
// One CPU alone needn't ask.
class ProcessorsHeld final : public OtherProcessors {
 public:
  explicit ProcessorsHeld(const abi::MmSystemTable& mmst) {
    void* interface = nullptr;
    if (mmst.number_of_cpus != 1 &&
        !status::is_error(mmst.locate_protocol(&abi::processors_held_protocol_guid, nullptr, &interface))) {
      protocol_ = static_cast<const abi::ProcessorsHeldProtocol*>(interface);
    }
  }
  bool is_known() const { return protocol_ != nullptr; }
  bool hold(bool& some_presumed_stopped) override {
    UintN count = 0;
    const bool held = protocol_->hold(protocol_, &count) == status::success;
    some_presumed_stopped = count != 0;
    return held;
  }

 private:
  const abi::ProcessorsHeldProtocol* protocol_ = nullptr;
};

constexpr std::string_view text_of(WriteRefusal refusal) {
  switch (refusal) {
    case WriteRefusal::none: break;
    case WriteRefusal::processor: return "variable flash: not written, since another CPU runs outside MM";
    case WriteRefusal::silence:
      return "variable flash: not written, since something else answers where the flash should be";
    case WriteRefusal::contents:
      return "variable flash: not written, since it holds something else than what was stored there";
    case WriteRefusal::worn: return "variable flash: worn, a write was made at another place or failed";
    case WriteRefusal::unknown:
      return "variable flash: nothing answered after a write; no more are made before the next start";
    case WriteRefusal::closed: return "variable flash: not written, since nothing answered after an earlier write";
  }
  return {};
}

struct Driver {
  Driver(abi::MmSystemTable& mmst, const CfiFlash& device, MessageMemory kind)
      : allocator(mmst),
        log(mmst),
        flash(device),
        processors(mmst),
        services(allocator, flash, board::layout, board::limits, processors.is_known() ? &processors : nullptr),
        outside(mmst),
        handler(services, outside.is_known() ? &outside : nullptr),
        comm_buffer(kind) {}

  void report_refusal() {
    const WriteRefusal refusal = services.take_refusal();
    // A sender that provokes them mustn't fill the log, nor hide one kind behind another.
    std::uint32_t& reported = reported_refusals[static_cast<std::size_t>(refusal)];
    if (refusal != WriteRefusal::none && reported < most_reported_refusals) {
      ++reported;
      log.error(text_of(refusal));
    }
  }

  static constexpr std::uint32_t most_reported_refusals = 8;  // of each kind

  sdk::PoolAllocator allocator;
  sdk::Log log;
  CfiFlash flash;
  ProcessorsHeld processors;
  VariableServices services;
  UnblockedMemory outside;
  MessageHandler handler;
  MessageMemory comm_buffer;
  std::byte* copy = nullptr;  // of a shared message
  std::size_t copy_size = 0;
  std::uint32_t reported_refusals[static_cast<std::size_t>(WriteRefusal::closed) + 1] = {};
};

constinit Driver* driver = nullptr;

constexpr std::size_t message_alignment = 8;

using Answer = void (MessageHandler::*)(MutableBytes);

// Handlers end the search for others: no other driver answers these messages.
EfiStatus handle(void* comm_buffer, const UintN* comm_buffer_size, Answer answer) {
  if (comm_buffer == nullptr || comm_buffer_size == nullptr) {
    return status::success;
  }
  auto* message = static_cast<std::byte*>(comm_buffer);
  const std::size_t size = *comm_buffer_size;
  if (driver->comm_buffer == MessageMemory::captured) {
    if (reinterpret_cast<std::uintptr_t>(message) % message_alignment == 0) {
      (driver->handler.*answer)({message, size});
      driver->report_refusal();
    }
    return status::success;
  }
  if (size <= driver->copy_size) {
    __builtin_memcpy(driver->copy, message, size);
    (driver->handler.*answer)({driver->copy, size});
    __builtin_memcpy(message, driver->copy, size);
    driver->report_refusal();
  }
  return status::success;
}

EFIAPI EfiStatus handle_variable_message(abi::Handle, const void*, void* comm_buffer, UintN* comm_buffer_size) {
  return handle(comm_buffer, comm_buffer_size, &MessageHandler::answer_variable_message);
}

EFIAPI EfiStatus handle_policy_message(abi::Handle, const void*, void* comm_buffer, UintN* comm_buffer_size) {
  return handle(comm_buffer, comm_buffer_size, &MessageHandler::answer_policy_message);
}

EFIAPI EfiStatus on_end_of_dxe(const Guid*, void*, abi::Handle) {
  driver->services.end_of_dxe();
  return status::success;
}

EFIAPI EfiStatus on_exit_boot_services(const Guid*, void*, abi::Handle) {
  driver->services.exit_boot_services();
  return status::success;
}

// The protocol's callers are drivers in the same domain as this one: their pointers are as good as ours.

EFIAPI EfiStatus get_variable(const abi::Char16* name, const Guid* vendor, std::uint32_t* attributes, UintN* data_size,
                              void* data) {
  if (name == nullptr || vendor == nullptr || data_size == nullptr) {
    return status::invalid_parameter;
  }
  std::uint32_t found_attributes = 0;
  std::uint64_t size = data == nullptr ? 0 : *data_size;
  const bool no_room = data == nullptr && *data_size != 0;
  const EfiStatus result = driver->services.get({*vendor, name}, found_attributes, size, static_cast<std::byte*>(data));
  if (result == status::success || result == status::buffer_too_small) {
    if (no_room && size <= *data_size) {
      return status::invalid_parameter;
    }
    *data_size = static_cast<UintN>(size);
    if (attributes != nullptr) {
      *attributes = found_attributes;
    }
  }
  return result;
}

EFIAPI EfiStatus get_next_variable_name(UintN* name_size, abi::Char16* name, Guid* vendor) {
  if (name_size == nullptr || name == nullptr || vendor == nullptr) {
    return status::invalid_parameter;
  }
  std::uint64_t size = *name_size;
  const EfiStatus result = driver->services.get_next({reinterpret_cast<std::byte*>(name), *name_size}, size, *vendor);
  *name_size = static_cast<UintN>(size);
  return result;
}

EFIAPI EfiStatus set_variable(const abi::Char16* name, const Guid* vendor, std::uint32_t attributes, UintN data_size,
                              const void* data) {
  if (name == nullptr || vendor == nullptr || (data_size != 0 && data == nullptr)) {
    return status::invalid_parameter;
  }
  const EfiStatus result = driver->services.set(Requester::mm_driver, {*vendor, name}, attributes,
                                                {static_cast<const std::byte*>(data), data_size});
  driver->report_refusal();
  return result;
}

EFIAPI EfiStatus query_variable_info(std::uint32_t attributes, std::uint64_t* maximum_storage_size,
                                     std::uint64_t* remaining_storage_size, std::uint64_t* maximum_variable_size) {
  if (maximum_storage_size == nullptr || remaining_storage_size == nullptr || maximum_variable_size == nullptr) {
    return status::invalid_parameter;
  }
  messages::QueryVariableInfo info{};
  info.attributes = attributes;
  const EfiStatus result = driver->services.query(info);
  if (result == status::success) {
    *maximum_storage_size = info.maximum_storage_size;
    *remaining_storage_size = info.remaining_storage_size;
    *maximum_variable_size = info.maximum_variable_size;
  }
  return result;
}

constinit sdk::SmmVariableProtocol protocol = {get_variable, get_next_variable_name, set_variable, query_variable_info};

Result<Driver*> create(abi::MmSystemTable& mmst, MessageMemory comm_buffer) {
  auto* window = reinterpret_cast<volatile std::uint8_t*>(board::flash_base);
  const CfiFlash flash = TRY(CfiFlash::create(MappedWindow({window, board::layout.volume_size})));
  void* memory = nullptr;
  if (status::is_error(mmst.allocate_pool(abi::runtime_services_data, sizeof(Driver), &memory))) {
    return std::unexpected(Error::out_of_memory);
  }
  auto* created = new (memory) Driver(mmst, flash, comm_buffer);
  if (comm_buffer == MessageMemory::shared) {
    const std::size_t variable_message =
        sizeof(messages::VariableMessageHeader) + static_cast<std::size_t>(created->handler.payload_size());
    created->copy_size =
        variable_message > messages::policy_message_size ? variable_message : messages::policy_message_size;
    created->copy = static_cast<std::byte*>(created->allocator.allocate(created->copy_size));
    if (created->copy == nullptr) {
      return std::unexpected(Error::out_of_memory);
    }
  }
  return created;
}

void report_line(const Driver& created, std::initializer_list<std::string_view> parts) {
  char line[abi::log_text_bytes];
  std::size_t size = 0;
  for (const std::string_view part : parts) {
    const std::size_t count = part.size() < sizeof(line) - size ? part.size() : sizeof(line) - size;
    __builtin_memcpy(line + size, part.data(), count);
    size += count;
  }
  created.log.error({line, size});
}

// The user who boots with a store that isn't in order is told at once.
void report_store(Driver& created, const Result<void>& started) {
  const std::optional<Finding>& damage = created.services.damage();
  if (damage.has_value()) {
    char offset[] = "0x00000000";
    for (std::size_t digit = 0; digit < 8; ++digit) {
      offset[sizeof(offset) - 2 - digit] = "0123456789ABCDEF"[(damage->offset >> (4 * digit)) & 0xF];
    }
    report_line(created, {"variable store damaged at ", offset, ": ", to_string(damage->id)});
    created.log.error(started.has_value() ? "variable store: written anew with all variables that could be found"
                      : created.services.has_keys_of_closed_store()
                          ? "variable store closed: Secure Boot on, with the keys in front of the damage"
                          : "variable store closed: Secure Boot on, and no key trusted");
  } else if (!started.has_value()) {
    created.log.error("variable store closed: flash doesn't take or give it; Secure Boot on, and no key trusted");
  } else if (!created.services.can_write_flash()) {
    created.log.error("variable store: flash is worn; variables can be read, and no more be written");
  }
  created.report_refusal();
}

EfiStatus register_handlers(const abi::MmSystemTable& mmst) {
  abi::Handle handle = nullptr;
  EfiStatus result = mmst.mmi_handler_register(handle_variable_message, &abi::smm_variable_guid, &handle);
  if (!status::is_error(result)) {
    result = mmst.mmi_handler_register(handle_policy_message, &messages::policy_message_guid, &handle);
  }
  void* registration = nullptr;
  if (!status::is_error(result)) {
    result = mmst.register_protocol_notify(&abi::mm_end_of_dxe_protocol_guid, on_end_of_dxe, &registration);
  }
  if (!status::is_error(result)) {
    result =
        mmst.register_protocol_notify(&abi::exit_boot_services_event_group_guid, on_exit_boot_services, &registration);
  }
  return result;
}

}  // namespace

EfiStatus start_driver(abi::MmSystemTable& mmst, MessageMemory comm_buffer) {
  set_stack_guard();
  const Result<Driver*> created = create(mmst, comm_buffer);
  if (!created.has_value()) {
    return to_status(created.error());
  }
  driver = *created;
  void* nothing = nullptr;
  const bool repairs = !status::is_error(mmst.locate_protocol(&abi::repair_variables_protocol_guid, nullptr, &nothing));
  const Result<void> started = driver->services.start(repairs ? Repair::yes : Repair::no);
  if (!started.has_value() && started.error() == Error::out_of_memory) {
    return status::out_of_resources;
  }
  report_store(*driver, started);
  EfiStatus result = register_handlers(mmst);
  abi::Handle handle = nullptr;
  if (!status::is_error(result)) {
    result = mmst.install_protocol_interface(&handle, &abi::smm_variable_guid, abi::native_interface, &protocol);
  }
  // With a closed store, too: DXE waits for it, and gets an error for what isn't written.
  if (!status::is_error(result)) {
    result = mmst.install_protocol_interface(&handle, &abi::smm_variable_write_guid, abi::native_interface, nullptr);
  }
  return result;
}

}  // namespace redoubt::variable
