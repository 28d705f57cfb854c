// SPDX-License-Identifier: BSD-2-Clause-Patent
// Here: launch, the drivers' lives, MMIs and phases; what drivers can call is in services.cpp.
#include "foundation/foundation.hpp"

#include <cstring>

#include "abi/pi/mm_cpu.hpp"
#include "abi/pi/mm_mp.hpp"
#include "abi/pi/mm_protocols.hpp"
#include "abi/redoubt/driver_images.hpp"
#include "abi/redoubt/inner_mmi.hpp"
#include "abi/redoubt/observation.hpp"
#include "abi/redoubt/processors_held.hpp"
#include "abi/uefi/service_types.hpp"
#include "foundation/efi_status.hpp"
#include "foundation/hob_list.hpp"
#include "foundation/log_line.hpp"

namespace redoubt::foundation {
namespace {

using abi::DriverCall;
using abi::EfiStatus;
using abi::Guid;
using abi::SystemStatus;

// MEDIA_FW_VOL_FILEPATH_DEVICE_PATH (PI 1.9, volume 2, chapter 8) and the end of the path (UEFI 2.10, 10.3.1).
struct FilePath {
  std::uint8_t type;
  std::uint8_t sub_type;
  std::uint8_t length[2];
  std::uint8_t name[sizeof(Guid)];
  std::uint8_t end[4];
};
static_assert(sizeof(FilePath) == 24);

FilePath file_path(const Guid& file) {
  FilePath path{0x04, 0x06, {offsetof(FilePath, end), 0}, {}, {0x7F, 0xFF, 0x04, 0x00}};
  __builtin_memcpy(path.name, &file, sizeof(file));
  return path;
}

// The data of the message, as far as it fits into the reply.
MutableBytes declared_data(const abi::MmiEvent& event) {
  const std::uint64_t size = event.data_size < event.data_capacity ? event.data_size : event.data_capacity;
  return {at_address<std::byte>(event.data), static_cast<std::size_t>(size)};
}

}  // namespace

// ---- Launch ----

EfiStatus Foundation::launch(const abi::FoundationLaunch& launch) {
  observer_.create(launch.options);
  limits_ = launch.limits;
  variable_driver_ = launch.reserve_file;
  return_gate_ = launch.gates + std::uint64_t{abi::gate_stub_bytes} * abi::gate_return;
  if (const EfiStatus status = create_tables(launch); status != abi::status::success) return status;
  const bool sound_hobs = install_hob_list(launch);
  const Bytes volumes(at_address<std::byte>(launch.volume_base), launch.volume_size);
  alignment_exceptions_ = AlignmentExceptions(volumes);
  fault_policies_ = FaultPolicies(volumes);
  if (sound_hobs) unblocking_.unblock_hobs(Bytes(at_address<std::byte>(launch.hob_base), launch.hob_size));
  discover_drivers(launch, sound_hobs);
  if (const DriverRecord* driver = dispatcher_.find_file(launch.reserve_file); driver != nullptr) {
    const DriverNumber number = dispatcher_.number(*driver);
    ledger_.reserve(number, launch.reserve_pages);
    // It is the variable driver, however late it starts.
    mmis_.set_answerer(policy::ClosedMessage::variable, number);
    mmis_.set_answerer(policy::ClosedMessage::variable_policy, number);
  }
  dispatch_drivers();
  log_protocols();
  report_waiting();
  report_usage();
  update_interest();
  observer_.report(dispatcher_);
  return abi::status::success;
}

EfiStatus Foundation::create_tables(const abi::FoundationLaunch& launch) {
  if (const auto created = page_map_.create(launch.mmram_base, launch.mmram_size); !created.has_value()) {
    return to_efi_status(created.error());
  }
  if (const auto created = table_.create(launch.gates, launch.cpu_count); !created.has_value()) {
    return to_efi_status(created.error());
  }
  for (const LifecycleMessage& message : lifecycle_messages) {
    if (const auto reserved = mmis_.reserve_type(message.message, message.event); !reserved.has_value()) {
      return to_efi_status(reserved.error());
    }
  }
  const auto io = protocols_.install(nullptr, abi::mm_cpu_io_protocol_guid, table_.mm_io_address(), foundation_itself);
  if (!io.has_value()) return to_efi_status(io.error());
  const auto own = own_protocols_.install(launch, protocols_, *(*io)->handle);
  if (!own.has_value()) return to_efi_status(own.error());
  const auto log = install_log_protocol(launch, *(*io)->handle);
  if (!log.has_value()) return to_efi_status(log.error());
  const auto unblocked = install_unblocked_memory_protocol(launch, *(*io)->handle);
  if (!unblocked.has_value()) return to_efi_status(unblocked.error());
  const auto held = install_processors_held_protocol(launch, *(*io)->handle);
  if (!held.has_value()) return to_efi_status(held.error());
  const auto images = install_driver_images_protocol(launch, *(*io)->handle);
  if (!images.has_value()) return to_efi_status(images.error());
  const auto processors = install_processor_protocols(launch, *(*io)->handle);
  return processors.has_value() ? abi::status::success : to_efi_status(processors.error());
}

Result<void> Foundation::install_log_protocol(const abi::FoundationLaunch& launch, HandleRecord& handle) {
  auto& log = *at_address<abi::LogProtocol>(TRY(arena_.allocate(sizeof(abi::LogProtocol))));
  log.write = reinterpret_cast<decltype(log.write)>(static_cast<std::uintptr_t>(
      launch.gates + std::uint64_t{abi::gate_stub_bytes} * static_cast<std::uint32_t>(Service::log_write)));
  TRY(protocols_.install(&handle, abi::log_protocol_guid, address_of(&log), foundation_itself));
  if ((launch.options & abi::launch_option::repair_variables) != 0) {
    TRY(protocols_.install(&handle, abi::repair_variables_protocol_guid, 0, foundation_itself));
  }
  return {};
}

Result<void> Foundation::install_unblocked_memory_protocol(const abi::FoundationLaunch& launch, HandleRecord& handle) {
  auto& protocol =
      *at_address<abi::UnblockedMemoryProtocol>(TRY(arena_.allocate(sizeof(abi::UnblockedMemoryProtocol))));
  protocol.check = reinterpret_cast<decltype(protocol.check)>(static_cast<std::uintptr_t>(
      launch.gates + std::uint64_t{abi::gate_stub_bytes} * static_cast<std::uint32_t>(Service::check_unblocked)));
  TRY(protocols_.install(&handle, abi::unblocked_memory_protocol_guid, address_of(&protocol), foundation_itself));
  return {};
}

Result<void> Foundation::install_processors_held_protocol(const abi::FoundationLaunch& launch, HandleRecord& handle) {
  auto& protocol = *at_address<abi::ProcessorsHeldProtocol>(TRY(arena_.allocate(sizeof(abi::ProcessorsHeldProtocol))));
  protocol.hold = reinterpret_cast<decltype(protocol.hold)>(static_cast<std::uintptr_t>(
      launch.gates + std::uint64_t{abi::gate_stub_bytes} * static_cast<std::uint32_t>(Service::hold_processors)));
  TRY(protocols_.install(&handle, abi::processors_held_protocol_guid, address_of(&protocol), foundation_itself));
  return {};
}

Result<void> Foundation::install_driver_images_protocol(const abi::FoundationLaunch& launch, HandleRecord& handle) {
  auto& protocol = *at_address<abi::DriverImagesProtocol>(TRY(arena_.allocate(sizeof(abi::DriverImagesProtocol))));
  protocol.find = reinterpret_cast<decltype(protocol.find)>(static_cast<std::uintptr_t>(
      launch.gates + std::uint64_t{abi::gate_stub_bytes} * static_cast<std::uint32_t>(Service::find_driver)));
  TRY(protocols_.install(&handle, abi::driver_images_protocol_guid, address_of(&protocol), foundation_itself));
  return {};
}

Result<void> Foundation::install_processor_protocols(const abi::FoundationLaunch& launch, HandleRecord& handle) {
  TRY(processors_.create(launch.cpu_count, launch.ticks_per_microsecond));
  save_states_.create(launch.cpu_count);
  const auto gate = [&launch]<typename Function>(Function& entry, Service service) {
    entry = reinterpret_cast<Function>(static_cast<std::uintptr_t>(
        launch.gates + std::uint64_t{abi::gate_stub_bytes} * static_cast<std::uint32_t>(service)));
  };
  auto& cpu = *at_address<abi::MmCpuProtocol>(TRY(arena_.allocate(sizeof(abi::MmCpuProtocol))));
  gate(cpu.read_save_state, Service::read_save_state);
  gate(cpu.write_save_state, Service::write_save_state);

  auto& mp = *at_address<abi::MmMpProtocol>(TRY(arena_.allocate(sizeof(abi::MmMpProtocol))));
  mp.revision = abi::MmMpProtocol::current_revision;
  mp.attributes = processors_.attributes();
  gate(mp.get_number_of_processors, Service::get_number_of_processors);
  gate(mp.dispatch_procedure, Service::dispatch_procedure);
  gate(mp.broadcast_procedure, Service::broadcast_procedure);
  gate(mp.set_startup_procedure, Service::set_startup_procedure);
  gate(mp.check_for_procedure, Service::check_for_procedure);
  gate(mp.wait_for_procedure, Service::wait_for_procedure);

  TRY(protocols_.install(&handle, abi::mm_cpu_protocol_guid, address_of(&cpu), foundation_itself));
  TRY(protocols_.install(&handle, abi::mm_mp_protocol_guid, address_of(&mp), foundation_itself));
  return {};
}

void Foundation::log_protocols() {
  const ProtocolDatabase::HandleList& handles = protocols_.all_handles();
  for (const HandleRecord* handle = handles.first(); handle != nullptr; handle = handles.next(*handle)) {
    for (const InterfaceRecord* interface = handle->interfaces.first(); interface != nullptr;
         interface = handle->interfaces.next(*interface)) {
      if (interface->protocol->guid == abi::loaded_image_protocol_guid) continue;  // every driver has one
      LogLine line("protocol");
      line.guid("guid", interface->protocol->guid);
      if (const DriverRecord* driver = dispatcher_.find(interface->owner); driver != nullptr) {
        line.guid("driver", driver->file());
      }
      supervisor_.log(line.view());
    }
  }
}

bool Foundation::install_hob_list(const abi::FoundationLaunch& launch) {
  const Bytes source(at_address<std::byte>(launch.hob_base), launch.hob_size);
  const auto refuse = [this](Error error) {
    observer_.event(abi::LogLevel::error, LogLine("hobs.refused").quoted("reason", to_string(error)));
    return false;
  };
  const auto needed = reduce_hob_list(source, launch.mmram_base, launch.mmram_size, 0, {});
  if (!needed.has_value()) return refuse(needed.error());
  const auto memory = arena_.allocate(needed->bytes);
  if (!memory.has_value()) return refuse(memory.error());
  const auto copied = reduce_hob_list(source, launch.mmram_base, launch.mmram_size, *memory,
                                      MutableBytes(at_address<std::byte>(*memory), needed->bytes));
  if (!copied.has_value()) return refuse(copied.error());
  const auto installed = table_.install_configuration_table(abi::hob_list_table_guid, *memory, foundation_itself);
  if (!installed.has_value()) return refuse(installed.error());
  observer_.event(abi::LogLevel::info,
                  LogLine("hobs").decimal("kept", copied->kept).decimal("dropped", copied->dropped));
  return true;
}

void Foundation::discover_drivers(const abi::FoundationLaunch& launch, bool sound_hobs) {
  const Bytes region(at_address<std::byte>(launch.volume_base), launch.volume_size);
  std::uint64_t seen = dispatcher_.discover(region, 0);
  if (!sound_hobs) return;
  // Volumes that PEI described are MM's business if they lie in MMRAM. What of them the walk over the region met is
  // known; what lies outside the region isn't protected.
  const Bytes hobs(at_address<std::byte>(launch.hob_base), launch.hob_size);
  for_each_firmware_volume(hobs, [&](std::uint64_t base, std::uint64_t size) {
    if (base - launch.mmram_base >= launch.mmram_size) return;
    const std::uint64_t offset = base - launch.volume_base;
    if (offset > region.size() || size > region.size() - offset) {
      dispatcher_.log_unreachable(base);
    } else if (offset >= seen) {
      seen = offset + dispatcher_.discover(region.subspan(offset, size), offset);
    }
  });
}

// ---- Drivers ----

void Foundation::dispatch_drivers() {
  if (dispatching_) return;  // a driver's entry point may lead here; the outer round goes on anyway
  dispatching_ = true;
  while (DriverRecord* driver = dispatcher_.next([this](const Guid& protocol) { return installed(protocol); })) {
    start(*driver);
  }
  dispatching_ = false;
}

bool Foundation::installed(const Guid& protocol) {
  const ProtocolRecord* record = protocols_.find_protocol(protocol);
  return record != nullptr && !record->interfaces.empty();
}

void Foundation::report_waiting() {
  dispatcher_.report_waiting([this](const Guid& protocol) { return installed(protocol); }, fault_policies_);
}

void Foundation::start(DriverRecord& driver) {
  const DriverNumber number = dispatcher_.number(driver);
  const ImageAlignment alignment =
      alignment_exceptions_.admit(driver.file()) ? ImageAlignment::admitted : ImageAlignment::pages;
  driver.account.limit = {ledger_.page_limit(number, limits_.pages),
                          limits_.handles,
                          limits_.protocols,
                          limits_.handlers,
                          limits_.notifications,
                          limits_.tables};
  const auto image = load_image(supervisor_, page_map_, allocator_, driver.executable, number, alignment);
  if (!image.has_value()) {
    driver.state = DriverState::failed;
    ledger_.end_reserve(number);
    log_driver(driver, 0, to_efi_status(image.error().code), image.error().reason);
    apply_fault_policy(driver.file(), &driver, abi::FaultCause::image, nullptr, nullptr);
    return;
  }
  if (alignment == ImageAlignment::admitted) {
    supervisor_.log(LogLine("driver.exception")
                        .guid("guid", driver.file())
                        .quoted("name", driver.name())
                        .decimal("pages", image->unprotected_pages)
                        .view());
  }
  driver.image_base = image->base;
  driver.image_pages = image->pages;
  driver.entry_point = image->entry_point;

  DriverCall entry{};
  EfiStatus result = abi::status::out_of_resources;
  if (install_loaded_image(driver, *image).has_value()) {
    entry.entry = image->entry_point;
    entry.arguments[0] = driver.image_handle;
    entry.arguments[1] = table_.address();
    entry.scratch_argument = DriverCall::no_scratch;
    entry.count_ticks = 1;
    const SystemStatus status = call(number, entry, nullptr);
    result = status == SystemStatus::ok ? entry.result : to_efi_status(status);
    disable_for_procedures();
  }
  if (driver.state == DriverState::disabled) {
    log_driver(driver, entry.ticks, result, "fault in its entry point");
    return;
  }
  log_driver(driver, entry.ticks, result, nullptr);
  if (!abi::status::is_error(result)) {
    driver.state = DriverState::running;
    ledger_.settle_reserve(number);
    return;
  }
  // UEFI 2.10, 7.4, EFI_IMAGE_ENTRY_POINT: a driver that returns an error is unloaded.
  processors_.stop_driver(number);
  disable_for_procedures();
  if (driver.state == DriverState::disabled) return;  // by one that it left running
  driver.state = DriverState::failed;
  protocols_.remove_owned(number, driver.image_base, driver.image_pages * page_bytes);
  mmis_.remove_owned(number);
  update_interest();
  table_.remove_configuration_tables(number, driver.image_base, driver.image_pages * page_bytes);
  if (driver.loaded_image != 0) static_cast<void>(allocator_.free_pool(number, driver.loaded_image));
  allocator_.free_image(number, driver.image_base, driver.image_pages);
  ledger_.end_reserve(number);
  apply_fault_policy(driver.file(), &driver, abi::FaultCause::entry_point, nullptr, nullptr);
}

Result<void> Foundation::install_loaded_image(DriverRecord& driver, const LoadedImage& image) {
  struct Instance {
    abi::LoadedImageProtocol protocol;
    FilePath path;
  };
  // In the driver's own memory: it may put its Unload function there (UEFI 2.10, 9.1), and the foundation never reads
  // it again.
  const std::uint64_t address = TRY(allocator_.allocate_pool(dispatcher_.number(driver), sizeof(Instance)));
  driver.loaded_image = address;
  Instance instance{};
  instance.path = file_path(driver.file());
  abi::LoadedImageProtocol& protocol = instance.protocol;
  protocol.revision = abi::LoadedImageProtocol::current_revision;
  protocol.file_path = at_address<void>(address + offsetof(Instance, path));
  protocol.image_base = at_address<void>(image.base);
  protocol.image_size = image.bytes;
  protocol.image_code_type = abi::runtime_services_code;
  protocol.image_data_type = abi::runtime_services_data;
  if (!memory_.write(address, instance)) return std::unexpected(Error::out_of_memory);
  // The driver's own, so that it goes when the driver goes.
  InterfaceRecord* record =
      TRY(protocols_.install(nullptr, abi::loaded_image_protocol_guid, address, dispatcher_.number(driver)));
  driver.image_handle = protocols_.token(*record->handle);
  notify(*record);
  return {};
}

void Foundation::log_driver(const DriverRecord& driver, std::uint64_t ticks, EfiStatus status, const char* reason) {
  LogLine line("driver");
  line.guid("guid", driver.file())
      .quoted("name", driver.name())
      .hexadecimal("entry", driver.entry_point)
      .decimal("size", driver.image_pages * page_bytes)
      .decimal("cpl", 3)
      .decimal("ticks", ticks)
      .hexadecimal("status", status);
  if (reason != nullptr) line.quoted("reason", reason);
  line.word("policy", abi::to_string(fault_policies_.of(driver.file()))).decimal("number", dispatcher_.number(driver));
  observer_.event(abi::status::is_error(status) ? abi::LogLevel::warning : abi::LogLevel::info, line);
}

SystemStatus Foundation::call(DriverNumber callee, DriverCall& call, const Guid* handler) {
  const DriverNumber caller = running_;
  running_ = callee;
  call.driver = callee;
  const SystemStatus status = status_of_call(supervisor_.call_driver(call));
  running_ = caller;
  if (status == SystemStatus::bad_address) [[unlikely]] {
    // The function is where no driver's code can be. The supervisor refused the call, which would have faulted.
    constexpr std::uint32_t general_protection = 13;
    call.fault_vector = general_protection;
    call.fault_rip = call.entry;
    settle(callee, call, handler);
  } else if (status == SystemStatus::driver_fault) [[unlikely]] {
    settle(callee, call, handler);
  }
  return status;
}

bool Foundation::disabled(DriverNumber number) {
  const DriverRecord* driver = dispatcher_.find(number);
  return driver != nullptr && driver->state == DriverState::disabled;
}

void Foundation::settle(DriverNumber callee, const DriverCall& call, const Guid* handler) {
  const DriverNumber blamed = page_map_.code_owner(call.fault_rip);
  if (blamed == foundation_itself || blamed == callee) {
    disable(callee, call, handler, foundation_itself);
    return;
  }
  disable(blamed, call, handler, foundation_itself);
  disable(callee, call, handler, blamed);
}

void Foundation::disable(DriverNumber number, const DriverCall& call, const Guid* handler, DriverNumber blamed) {
  DriverRecord* driver = dispatcher_.find(number);
  // The fault itself is on the log already, from the supervisor; here is what follows from it.
  LogLine line("driver.disabled");
  line.decimal("driver", number);
  if (driver != nullptr) line.guid("guid", driver->file()).quoted("name", driver->name());
  if (handler != nullptr) line.guid("handler", *handler);
  line.decimal("vector", call.fault_vector).hexadecimal("rip", call.fault_rip);
  if (blamed != foundation_itself) line.decimal("blamed", blamed);
  observer_.event(abi::LogLevel::error, line);
  if (driver == nullptr) return;
  const bool again = driver->state == DriverState::disabled;
  driver->state = DriverState::disabled;
  processors_.stop_driver(number);
  protocols_.remove_owned(number, driver->image_base, driver->image_pages * page_bytes);
  mmis_.remove_owned(number);
  update_interest();
  if (again) return;
  // Its pages stay on its account, where no driver can free them: others may hold pointers into them.
  ledger_.end_reserve(number);
  supervisor_.log(LogLine("driver.quarantined")
                      .decimal("driver", number)
                      .decimal("pages", driver->account.used[static_cast<std::size_t>(Resource::pages)])
                      .view());
  apply_fault_policy(driver->file(), driver, abi::FaultCause::fault, &call, handler);
}

void Foundation::apply(abi::FaultPolicy policy, const Guid& file, const DriverRecord* driver, abi::FaultCause cause,
                       const DriverCall* call, const Guid* handler) {
  abi::StopRequest request{};
  request.policy = policy;
  if (request.policy == abi::FaultPolicy::disable) return;
  request.file = file;
  request.cause = cause;
  if (handler != nullptr) request.handler = *handler;
  if (call != nullptr) {
    request.vector = call->fault_vector;
    request.address = call->fault_address;
    request.rip = call->fault_rip;
  }
  if (driver != nullptr) {
    request.driver = dispatcher_.number(*driver);
    const std::string_view name = driver->name().substr(0, sizeof(request.name) - 1);
    __builtin_memcpy(request.name, name.data(), name.size());
  }
  static_cast<void>(supervisor_.stop_machine(request));  // refused: the supervisor has said why
}

void Foundation::miss_drivers() {
  fault_policies_.for_each_needed([this](const Guid& file, abi::FaultPolicy) {
    if (same(file, variable_driver_)) return;
    const DriverRecord* driver = dispatcher_.find_file(file);
    if (driver == nullptr || driver->state == DriverState::found) {
      apply_fault_policy(file, driver, abi::FaultCause::not_started, nullptr, nullptr);
    }
  });
}

void Foundation::miss_variable_driver() {
  if (same(variable_driver_, Guid{}) || variables_missed_) return;
  const DriverRecord* driver = dispatcher_.find_file(variable_driver_);
  abi::FaultPolicy policy = fault_policies_.of(variable_driver_);
  if (driver == nullptr) {
    // An image with another driver for variables has one that serves them.
    const MmiTypeRecord* type = mmis_.find_type(abi::smm_variable_guid);
    if (type != nullptr && !type->handlers.unused()) return;
    policy = abi::FaultPolicy::reset;
  } else if (driver->state != DriverState::found) {
    return;
  }
  variables_missed_ = true;
  apply(policy, variable_driver_, driver, abi::FaultCause::not_started, nullptr, nullptr);
}

void Foundation::disable_for_procedures() {
  while (const std::optional<ProcedureFault> fault = processors_.take_fault()) {
    if (disabled(fault->driver)) continue;
    DriverCall call{};
    call.fault_vector = static_cast<std::uint32_t>(fault->end.fault_vector);
    call.fault_address = fault->end.fault_address;
    call.fault_rip = fault->end.rip;
    settle(fault->driver, call, nullptr);
  }
}

DriverNumber Foundation::owner_of(std::uint64_t function, DriverNumber caller) {
  const DriverNumber owner = page_map_.code_owner(function);
  if (owner != foundation_itself && (owner == caller || (owner == running_ && !disabled(owner)))) return owner;
  ledger_.refuse(caller, Refusal::function, page_map_.at(function).owner);
  return foundation_itself;
}

void Foundation::report_usage() {
  dispatcher_.for_each([this](const DriverRecord& driver) {
    if (driver.state == DriverState::found) return;
    LogLine line("driver.usage");
    line.decimal("driver", dispatcher_.number(driver));
    for (std::size_t i = 0; i < resource_count; ++i) {
      line.share(resource_names[i], driver.account.used[i], driver.account.limit[i]);
    }
    line.decimal("refused", driver.account.refusals());
    if (const std::uint64_t kept = ledger_.kept_back(dispatcher_.number(driver)); kept != 0) {
      line.decimal("kept_back", kept);
    }
    if (driver.state == DriverState::disabled) line.word("state", "disabled");
    supervisor_.log(line.view());
  });
}

// ---- MMIs ----

MmiReply Foundation::mmi(const abi::MmiEvent& event) {
  table_.set_current_cpu(event.cpu);
  if (observer_.tracing()) [[unlikely]]
    observer_.mmi_begins();
  processors_.set_current(event.cpu);
  if (entry_notified_) [[unlikely]]
    announce(abi::mm_entry_notify_protocol_guid, false);
  MmiReply reply{abi::status::not_found, 0};
  if (event.has_message != 0) reply = message(event);
  if (mmis_.root_handlers() != 0) manage(nullptr, 0, 0, 0, nullptr);
  if (exit_notified_) [[unlikely]]
    announce(abi::mm_exit_notify_protocol_guid, false);
  if (processors_.active()) [[unlikely]] {
    processors_.finish();
    disable_for_procedures();
  }
  if (observer_.tracing()) [[unlikely]]
    observer_.mmi_ends(event, reply.status, reply.size);
  return reply;
}

MmiReply Foundation::message(const abi::MmiEvent& event) {
  if (abi::is_inner_mmi(event.guid)) [[unlikely]]
    return {abi::status::not_found, 0};
  MmiTypeRecord* type = mmis_.find_type(event.guid);
  if (type == nullptr) {
    if (same(event.guid, abi::observation_message_guid) && observer_.answers(lifecycle_.locked())) [[unlikely]] {
      return observe(event);
    }
    if (!unblocking_.locked() && same(event.guid, abi::supervisor_request_guid)) [[unlikely]]
      return unblock(event);
    return fail_unknown(event);
  }
  bool handled = false;
  if (type->event != LifecycleEvent::none) [[unlikely]] {
    handled = lifecycle(type->event);
    // Drivers ran, and the event may have been the last of its type.
    type = mmis_.find_type(event.guid);
    if (type == nullptr) return {handled ? abi::status::success : abi::status::not_found, event.data_size};
  }
  const policy::ClosedMessage closed_message = type->closed_message;
  const bool awaits_answer =
      closed_message != policy::ClosedMessage::unknown && policy::expect_answer(closed_message, declared_data(event));
  std::uint64_t size = event.data_size;
  EfiStatus status = manage(type, 0, event.data, 0, &size);
  // The caller learns whether a handler took it, no more (as edk2's Standalone MM core answers); a fault is no answer
  // at all. Nor is silence, or a reply without a status, to those who look nowhere else.
  if (status == abi::status::device_error) [[unlikely]]
    return fail(event, closed_message, status);
  // A phase was heard of, whatever its handlers make of the size.
  if (handled) [[unlikely]]
    return {abi::status::success, event.data_size};
  if (size > event.data_capacity) [[unlikely]]
    return fail(event, closed_message, abi::status::bad_buffer_size);
  if (awaits_answer && (status != abi::status::success || size < policy::status_place(closed_message).header_size))
      [[unlikely]] {
    return fail(event, closed_message, abi::status::device_error);
  }
  return {status == abi::status::success ? abi::status::success : abi::status::not_found, size};
}

MmiReply Foundation::fail_unknown(const abi::MmiEvent& event) {
  const policy::ClosedMessage message = policy::closed_message(event.guid);
  // The DXE driver does for other messages what answer_closed() would, which costs an MMI less.
  if (message == policy::ClosedMessage::unknown) return {abi::status::not_found, 0};
  return fail(event, message, abi::status::device_error);
}

MmiReply Foundation::fail(const abi::MmiEvent& event, policy::ClosedMessage message, EfiStatus failure) {
  const policy::ClosedReply reply = policy::answer_closed(message, event.question, failure, declared_data(event));
  return {reply.status, reply.size};
}

MmiReply Foundation::observe(const abi::MmiEvent& event) {
  const MutableBytes data = declared_data(event);
  const std::uint64_t size = observer_.answer(data, dispatcher_);
  return {size != 0 ? abi::status::success : abi::status::invalid_parameter, size};
}

MmiReply Foundation::unblock(const abi::MmiEvent& event) {
  const MutableBytes data = declared_data(event);
  return {unblocking_.answer(data), event.data_size};
}

EfiStatus Foundation::manage(MmiTypeRecord* type, std::uint64_t context, std::uint64_t buffer,
                             std::uint64_t size_address, std::uint64_t* message_size) {
  SystemStatus failure = SystemStatus::ok;
  bool success = false;
  bool interrupt_pending = false;
  bool source_pending = false;
  const bool root = type == nullptr;
  DriverCall handler_call{};
  handler_call.scratch_argument = DriverCall::no_scratch;
  handler_call.count_ticks = 1;
  mmis_.walk(type, [&](const MmiHandlerRecord& handler) {
    handler_call.entry = handler.function;
    handler_call.arguments[0] = mmis_.token(handler);
    handler_call.arguments[1] = context;
    handler_call.arguments[2] = buffer;
    handler_call.arguments[3] = size_address;
    if (message_size != nullptr) {
      handler_call.scratch_argument = 3;
      handler_call.scratch[0] = *message_size;
    }
    const Guid* guid = root ? nullptr : &type->guid;
    const SystemStatus called = call(handler.owner, handler_call, guid);
    if (handler.profile != nullptr) handler.profile->add(handler_call.ticks);
    if (observer_.tracing()) [[unlikely]]
      observer_.handler_returned(guid, handler_call, called);
    if (called != SystemStatus::ok) [[unlikely]] {
      failure = called;
      return root;  // other interrupt sources still need their handlers
    }
    if (message_size != nullptr) *message_size = handler_call.scratch[0];
    // PI 1.9, volume 4, 3.2, MmiManage() and EFI_MM_HANDLER_ENTRY_POINT: what each code means for the handlers
    // behind this one.
    switch (handler_call.result) {
      case abi::status::success: success = true; return root;
      case abi::status::warn_interrupt_source_quiesced: success = true; return true;
      case abi::status::warn_interrupt_source_pending: source_pending = true; return true;
      case abi::status::interrupt_pending: interrupt_pending = true; return root;
      default: return true;  // says nothing about the source
    }
  });
  if (failure != SystemStatus::ok) return to_efi_status(failure);
  // Of a type, a source that could not be quiesced is the answer; of all sources, one that was handled is.
  if (interrupt_pending && !root) return abi::status::interrupt_pending;
  if (success) return abi::status::success;
  if (interrupt_pending) return abi::status::interrupt_pending;
  return source_pending ? abi::status::warn_interrupt_source_pending : abi::status::not_found;
}

void Foundation::announce(const Guid& protocol, bool keep) {
  const auto record = protocols_.install(nullptr, protocol, 0, foundation_itself);
  if (!record.has_value()) {
    // Drivers lock what they have when they hear of a phase. That must work when others have taken all memory.
    if (ProtocolRecord* awaited = protocols_.find_protocol(protocol); awaited != nullptr) {
      call_notifications(*awaited, 0, 0, 0);
    }
    return;
  }
  const std::uint64_t identity = protocols_.identity(**record);
  notify(**record);
  if (!keep && protocols_.exists(identity)) protocols_.uninstall(**record);
}

void Foundation::notify(InterfaceRecord& interface) {
  ProtocolRecord& protocol = *interface.protocol;
  if (protocol.notifies.active() == 0) return;
  call_notifications(protocol, interface.interface, protocols_.token(*interface.handle),
                     protocols_.identity(interface));
}

void Foundation::call_notifications(ProtocolRecord& protocol, std::uint64_t address, std::uint64_t handle,
                                    std::uint64_t identity) {
  DriverCall notification{};
  protocols_.walk_notifies(protocol, [&, guid = protocol.guid](const NotifyRecord& record) {
    notification.entry = record.function;
    notification.arguments[1] = address;
    notification.arguments[2] = handle;
    notification.scratch_argument = 0;
    __builtin_memcpy(notification.scratch, &guid, sizeof(guid));
    call(record.owner, notification, &guid);
    return identity == 0 || protocols_.exists(identity);  // each call may have taken the interface away
  });
}

bool Foundation::lifecycle(LifecycleEvent event) {
  // What ends with EndOfDxe has ended by a later phase: a host that sends the later one early leaves nothing open.
  if (event > LifecycleEvent::end_of_dxe) lifecycle(LifecycleEvent::end_of_dxe);
  if (!lifecycle_.enter(event)) return event != LifecycleEvent::dispatch;  // a replay: answered, and nothing happens
  for (const LifecycleMessage& message : lifecycle_messages) {
    if (message.event != event) continue;
    if (event == LifecycleEvent::dispatch) {
      dispatch_drivers();
      dispatched_again_ = true;
      return true;
    }
    if (event == LifecycleEvent::ready_to_lock || event == LifecycleEvent::exit_boot_services) unblocking_.lock();
    announce(message.protocol, true);
    const abi::MemoryStatistics statistics = supervisor_.memory_statistics().value_or(abi::MemoryStatistics{});
    observer_.event(abi::LogLevel::info, LogLine("lifecycle")
                                             .word("event", message.name)
                                             .decimal("mmis", statistics.mmi_count)
                                             .decimal("faults", statistics.fault_count)
                                             .decimal("mmram_used", statistics.used_bytes)
                                             .decimal("mmram_free", statistics.mmram_bytes - statistics.used_bytes));
    if (event == LifecycleEvent::ready_to_boot || event == LifecycleEvent::exit_boot_services) report_usage();
    observer_.report(dispatcher_);
  }
  if (event == LifecycleEvent::ready_to_lock && dispatched_again_) {
    log_protocols();
    report_waiting();
  }
  if (event == LifecycleEvent::end_of_pei || event == LifecycleEvent::ready_to_lock) miss_variable_driver();
  if (event == LifecycleEvent::ready_to_lock) miss_drivers();
  for (const LifecycleMessage& message : lifecycle_messages) {
    if (lifecycle_.over(message)) mmis_.release_type(message.message);
  }
  return true;
}

void Foundation::update_interest() {
  const auto notified = [this](const Guid& guid) {
    const ProtocolRecord* protocol = protocols_.find_protocol(guid);
    return protocol != nullptr && protocol->notifies.active() != 0;
  };
  entry_notified_ = notified(abi::mm_entry_notify_protocol_guid);
  exit_notified_ = notified(abi::mm_exit_notify_protocol_guid);
  const bool wanted = mmis_.root_handlers() != 0 || entry_notified_ || exit_notified_ || observer_.tracing();
  if (wanted == interested_) return;
  if (supervisor_.set_root_interest(wanted)) interested_ = wanted;
}

}  // namespace redoubt::foundation
