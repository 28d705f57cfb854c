// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/variable_services.hpp"

#include <algorithm>

#include "drivers/variable/defined_variables.hpp"

namespace redoubt::variable {

namespace {

using abi::EfiStatus;
namespace status = abi::status;

constexpr std::uint32_t known_attributes = attribute::nv_bs_rt | attribute::hardware_error_record |
                                           attribute::authenticated_write | attribute::time_based_authenticated_write |
                                           attribute::append_write | attribute::enhanced_authenticated_access;
constexpr std::uint32_t access_attributes = attribute::bs_rt;

}  // namespace

EfiStatus to_status(Error error) {
  switch (error) {
    case Error::out_of_memory: return status::out_of_resources;
    case Error::not_found: return status::not_found;
    case Error::invalid_argument: return status::invalid_parameter;
    case Error::unsupported: return status::unsupported;
    case Error::access_denied: return status::access_denied;
    case Error::malformed:
    case Error::truncated:
    case Error::overflow:
    case Error::already_exists:
    case Error::device: break;
  }
  return status::device_error;
}

VariableServices::VariableServices(Allocator& allocator, Flash& flash, const StoreLayout& layout, const Limits& limits,
                                   OtherProcessors* processors)
    : limits_(limits),
      allocator_(allocator),
      table_(allocator),
      volatile_store_(allocator, table_, limits.volatile_space),
      flash_store_(allocator, flash, table_, layout, processors),
      runtime_cache_(table_),
      policies_(allocator, table_, limits.policy_disable_allowed),
      properties_(allocator) {}

std::uint32_t VariableServices::hardware_error_space() const {
  return std::min(limits_.hardware_error_space, flash_store_.capacity());
}

Result<void> VariableServices::start(Repair repair) {
  const Result<void> opened = flash_store_.open(repair);
  if (!opened.has_value()) {
    keep_certain_keys();
  }
  runtime_cache_.set_space(flash_store_.capacity(), volatile_store_.capacity());
  TRY(secure_boot_.start(opened.has_value()));
  authenticated_.start();
  return opened;
}

// Keys out of reach aren't keys that aren't there.
void VariableServices::keep_certain_keys() {
  constexpr const VariableId* keys[] = {&platform_key, &key_exchange_key, &signature_database, &forbidden_database};
  has_keys_of_closed_store_ = std::ranges::all_of(keys, [this](const VariableId* id) {
    const Variable* key = table_.find(*id);
    return key != nullptr && flash_store_.is_certain(*key);
  });
  for (Variable* variable = table_.first_non_volatile(); variable != nullptr;) {
    Variable* next = variable->next;
    const bool is_key = std::ranges::any_of(keys, [&](const VariableId* id) { return table_.find(*id) == variable; });
    if (!is_key || !has_keys_of_closed_store_) {
      flash_store_.forget(*variable);
    }
    variable = next;
  }
}

Result<void> VariableServices::publish(const VariableId& id, std::uint32_t attributes, Bytes data) {
  Variable* old = table_.find(id);
  if (old != nullptr && !old->is_volatile()) {
    // Something else wrote it: no variable of this name can be set here. What the firmware states isn't flash's to say,
    // not even if that doesn't let go of it.
    const std::uint32_t cached = old->cached;
    if (!flash_store_.remove(*old).has_value()) {
      flash_store_.forget(*old);
    }
    runtime_cache_.remove(/*is_volatile=*/false, cached);
    old = nullptr;
  }
  const std::uint32_t cached = old != nullptr ? old->cached : 0;
  Variable* variable = TRY(volatile_store_.write(id, attributes, abi::Time{}, data, old));
  variable->read_only = true;
  runtime_cache_.write(*variable, cached);
  return {};
}

void VariableServices::end_of_dxe() {
  if (!end_of_dxe_) {
    settle_memory_overwrite();
  }
  end_of_dxe_ = true;
  static_cast<void>(policies_.lock());  // it may have been locked before
}

void VariableServices::exit_boot_services() {
  at_runtime_ = true;
  runtime_cache_.exit_boot_services();
}

void VariableServices::ready_to_boot() {
  end_of_dxe();
  // Without that room the next record that needs it reclaims the store.
  static_cast<void>(flash_store_.make_room(limits_.max_variable_size));
}

// Firmware that clears memory when asked has made the request's variable by the end of DXE. Where there is none, an
// operating system made it that took the wrong firmware for it.
bool VariableServices::can_overwrite_memory() const {
  const Variable* request = table_.find(memory_overwrite_request);
  return limits_.memory_overwrite && request != nullptr && request->attributes == attribute::nv_bs_rt;
}

// The lock's value in flash is of an earlier boot. Where the request means nothing, both variables go. Flash that fails
// here changes nothing: what the lock allows is decided by memory_overwrite_.
void VariableServices::settle_memory_overwrite() {
  if (can_overwrite_memory()) {
    static_cast<void>(write_memory_overwrite_lock(memory_overwrite_.state()));
    return;
  }
  for (const VariableId& id : {memory_overwrite_request, memory_overwrite_lock}) {
    Variable* variable = table_.find(id);
    if (variable != nullptr) {
      static_cast<void>(remove(*variable));
    }
  }
}

EfiStatus VariableServices::write_memory_overwrite_lock(MemoryOverwriteLock::State state) {
  const std::byte value{static_cast<std::uint8_t>(state)};
  Variable* old = table_.find(memory_overwrite_lock);
  if (old != nullptr && old->attributes == attribute::nv_bs_rt && old->data_size == 1 && old->data()[0] == value) {
    return status::success;
  }
  if (old != nullptr && old->attributes != attribute::nv_bs_rt) {
    const EfiStatus removed = remove(*old);
    if (status::is_error(removed)) {
      return removed;
    }
    old = nullptr;
  }
  return store(memory_overwrite_lock, attribute::nv_bs_rt, {}, {&value, 1}, old);
}

EfiStatus VariableServices::set_memory_overwrite_lock(std::uint32_t attributes, Bytes data) {
  const MemoryOverwriteLock::Change change = memory_overwrite_.change(attributes, data);
  if (!status::is_error(change.status) || change.next != memory_overwrite_.state()) {
    const EfiStatus written = write_memory_overwrite_lock(change.next);
    if (status::is_error(written) && !status::is_error(change.status)) {
      return written;
    }
    memory_overwrite_.enter(change.next, data);
  }
  return change.status;
}

EfiStatus VariableServices::get(const VariableId& id, std::uint32_t& attributes, std::uint64_t& size,
                                std::byte* data) const {
  const Variable* variable = table_.find(id);
  if (variable == nullptr || !is_visible(*variable)) {
    return status::not_found;
  }
  const bool fits = variable->data_size <= size;
  size = variable->data_size;
  attributes = variable->attributes;
  if (!fits) {
    return status::buffer_too_small;
  }
  __builtin_memcpy(data, variable->data().data(), variable->data_size);
  return status::success;
}

EfiStatus VariableServices::get_next(MutableBytes name, std::uint64_t& size, abi::Guid& vendor) const {
  // The first `size` bytes must hold the terminator.
  const std::size_t units = std::min<std::uint64_t>(size, name.size()) / sizeof(char16_t);
  const auto* text = reinterpret_cast<const char16_t*>(name.data());
  std::size_t length = 0;
  while (length < units && text[length] != 0) {
    ++length;
  }
  if (length == units) {
    return status::invalid_parameter;
  }
  const Variable* variable = nullptr;
  if (length == 0) {
    variable = table_.first();
  } else {
    const Variable* last = table_.find({vendor, {text, length}});
    if (last == nullptr || !is_visible(*last)) {
      return status::invalid_parameter;
    }
    variable = table_.after(*last);
  }
  while (variable != nullptr && !is_visible(*variable)) {
    variable = table_.after(*variable);
  }
  if (variable == nullptr) {
    return status::not_found;
  }
  const bool fits = variable->name_size <= std::min<std::uint64_t>(size, name.size());
  size = variable->name_size;
  if (!fits) {
    return status::buffer_too_small;
  }
  __builtin_memcpy(name.data(), variable->name_bytes().data(), variable->name_size);
  vendor = variable->vendor();
  return status::success;
}

// Attributes that no variable can be written with.
EfiStatus VariableServices::check_attributes(const VariableId& id, std::uint32_t attributes) const {
  if ((attributes & ~known_attributes) != 0) {
    return status::invalid_parameter;
  }
  if ((attributes & (attribute::authenticated_write | attribute::enhanced_authenticated_access)) != 0) {
    return status::unsupported;
  }
  if ((attributes & access_attributes) == attribute::runtime_access ||
      (attributes & ~attribute::append_write) == attribute::non_volatile) {
    return status::invalid_parameter;
  }
  if ((attributes & attribute::hardware_error_record) != 0 &&
      (limits_.hardware_error_space == 0 || (attributes & attribute::nv_bs_rt) != attribute::nv_bs_rt ||
       !is_hardware_error_record(id))) {
    return status::invalid_parameter;
  }
  return status::success;
}

EfiStatus VariableServices::check_size(const VariableId& id, std::uint32_t attributes, std::size_t data_size) const {
  const std::uint32_t limit = (attributes & attribute::hardware_error_record) != 0
                                  ? limits_.max_hardware_error_variable_size
                              : (attributes & attribute::non_volatile) != 0 ? limits_.max_variable_size
                                                                            : limits_.max_volatile_variable_size;
  const std::uint64_t size = sizeof(format::RecordHeader) + std::uint64_t{id.name_size()} + data_size;
  return size > limit ? status::invalid_parameter : status::success;
}

EfiStatus VariableServices::check_rules(Requester requester, const VariableId& id, std::uint32_t attributes,
                                        std::size_t data_size) const {
  if (at_runtime_ && is_read_only_to_os(id)) {
    return status::write_protected;
  }
  const EfiStatus defined = end_of_dxe_ ? check_defined_variable(id, attributes, data_size) : status::success;
  if (status::is_error(defined)) {
    return defined;
  }
  const EfiStatus property = end_of_dxe_ ? properties_.check(id, attributes, data_size) : status::success;
  if (status::is_error(property) && !(property == status::write_protected && requester == Requester::mm_driver)) {
    return property;
  }
  const EfiStatus policy = end_of_dxe_ ? policies_.check(id, attributes, data_size) : status::success;
  if (status::is_error(policy) && !(policy == status::write_protected && requester == Requester::mm_driver)) {
    return policy;
  }
  return status::success;
}

EfiStatus VariableServices::set(Requester requester, const VariableId& id, std::uint32_t attributes, Bytes data) {
  if (id.name.empty()) {
    return status::invalid_parameter;
  }
  EfiStatus result = check_attributes(id, attributes);
  if (status::is_error(result)) {
    return result;
  }
  if (is_written_by_driver(id)) {
    return status::write_protected;
  }
  if (needs_physical_presence(id) && requester != Requester::mm_driver) {
    return status::security_violation;
  }
  if (id == audit_mode || id == deployed_mode) {
    return secure_boot_.change_mode(id, attributes, data);
  }
  const bool overwrites_memory = id == memory_overwrite_request || id == memory_overwrite_lock;
  if ((attributes & attribute::time_based_authenticated_write) != 0 && !overwrites_memory) {
    return set_authenticated(requester, id, attributes, data);
  }
  result = check_size(id, attributes, data.size());
  if (status::is_error(result)) {
    return result;
  }
  Variable* variable = table_.find(id);
  if (variable != nullptr && variable->read_only) {
    return status::write_protected;
  }
  if (overwrites_memory) {
    if (end_of_dxe_ && !can_overwrite_memory()) {
      return status::write_protected;
    }
    result = id == memory_overwrite_request ? memory_overwrite_.check_request(attributes, data)
                                            : set_memory_overwrite_lock(attributes, data);
    if (status::is_error(result) || id == memory_overwrite_lock) {
      return result;
    }
  }
  // Rules about sizes are about what the variable will be, not about the piece that is appended.
  const bool grows = variable != nullptr && (attributes & attribute::append_write) != 0;
  result = check_rules(requester, id, attributes, data.size() + (grows ? variable->data_size : 0));
  if (status::is_error(result)) {
    return result;
  }
  return variable == nullptr ? create(id, attributes, data) : change(*variable, id, attributes, data);
}

// What can be said without looking at the signature is said first, in the order of stock firmware.
EfiStatus VariableServices::set_authenticated(Requester requester, const VariableId& id, std::uint32_t attributes,
                                              Bytes data) {
  const Result<Descriptor> descriptor = parse_descriptor(data);
  if (!descriptor.has_value()) {
    return status::security_violation;
  }
  const Variable* variable = table_.find(id);
  if (variable != nullptr && variable->read_only) {
    return status::write_protected;
  }
  const bool grows = variable != nullptr && (attributes & attribute::append_write) != 0;
  EfiStatus result = check_size(id, attributes, descriptor->payload.size());
  if (!status::is_error(result)) {
    result = check_rules(requester, id, attributes, descriptor->payload.size() + (grows ? variable->data_size : 0));
  }
  if (status::is_error(result)) {
    return result;
  }
  if (variable != nullptr) {
    if (at_runtime_ && (!variable->has(attribute::runtime_access) || variable->is_volatile())) {
      return status::write_protected;
    }
    if ((attributes & ~attribute::append_write) != variable->attributes) {
      return status::invalid_parameter;
    }
  } else if (at_runtime_ && (attributes & attribute::nv_bs_rt) != attribute::nv_bs_rt) {
    return status::invalid_parameter;
  }
  return authenticated_.write(id, attributes, *descriptor);
}

EfiStatus VariableServices::write_variable(const VariableId& id, std::uint32_t attributes, const abi::Time& time_stamp,
                                           Bytes data) {
  const EfiStatus size = check_size(id, attributes, data.size());
  return status::is_error(size) ? status::out_of_resources : store(id, attributes, time_stamp, data, table_.find(id));
}

EfiStatus VariableServices::erase_variable(const VariableId& id) {
  Variable* variable = table_.find(id);
  return variable == nullptr ? status::success : remove(*variable);
}

EfiStatus VariableServices::create(const VariableId& id, std::uint32_t attributes, Bytes data) {
  if (data.empty() && (attributes & attribute::append_write) != 0) {
    return status::success;
  }
  if (data.empty() || (attributes & access_attributes) == 0) {
    return status::not_found;  // there is nothing to delete
  }
  if (at_runtime_ && (attributes & attribute::nv_bs_rt) != attribute::nv_bs_rt) {
    return status::invalid_parameter;
  }
  if (needs_authentication(id)) {
    return status::invalid_parameter;
  }
  return store(id, attributes & ~attribute::append_write, {}, data, nullptr);
}

EfiStatus VariableServices::change(Variable& variable, const VariableId& id, std::uint32_t attributes, Bytes data) {
  if (at_runtime_ && (!variable.has(attribute::runtime_access) || variable.is_volatile())) {
    return status::write_protected;
  }
  const bool appends = (attributes & attribute::append_write) != 0;
  if (attributes != 0 && (attributes & ~attribute::append_write) != variable.attributes) {
    return status::invalid_parameter;
  }
  if (variable.has(attribute::time_based_authenticated_write)) {
    return status::write_protected;
  }
  if (attributes == 0 || (data.empty() && !appends)) {
    return remove(variable);
  }
  if (needs_authentication(id)) {
    return status::invalid_parameter;  // other firmware made it without
  }
  if (data.empty()) {
    return status::success;
  }
  const Bytes present = variable.data();
  if (!appends) {
    if (present.size() == data.size() && __builtin_memcmp(present.data(), data.data(), data.size()) == 0) {
      return status::success;
    }
    return store(id, variable.attributes, {}, data, &variable);
  }
  const std::size_t merged = present.size() + data.size();
  const EfiStatus size = check_size(id, attributes, merged);
  if (status::is_error(size)) {
    return size;
  }
  // What is stored cannot be read while flash is being written.
  auto* memory = static_cast<std::byte*>(allocator_.allocate(merged));
  if (memory == nullptr) {
    return status::out_of_resources;
  }
  __builtin_memcpy(memory, present.data(), present.size());
  __builtin_memcpy(memory + present.size(), data.data(), data.size());
  const EfiStatus result = store(id, variable.attributes, {}, {memory, merged}, &variable);
  allocator_.release(memory);
  return result;
}

EfiStatus VariableServices::remove(Variable& variable) {
  const bool is_volatile = variable.is_volatile();
  const std::uint32_t cached = variable.cached;
  if (is_volatile) {
    volatile_store_.remove(variable);
  } else {
    const Result<void> removed = flash_store_.remove(variable);
    if (!removed.has_value()) {
      return to_status(removed.error());
    }
  }
  runtime_cache_.remove(is_volatile, cached);
  return status::success;
}

EfiStatus VariableServices::store(const VariableId& id, std::uint32_t attributes, const abi::Time& time_stamp,
                                  Bytes data, Variable* old) {
  if (old != nullptr && old->is_volatile() == ((attributes & attribute::non_volatile) != 0)) {
    return status::invalid_parameter;
  }
  const std::uint32_t cached = old != nullptr ? old->cached : 0;
  if ((attributes & attribute::non_volatile) == 0) {
    const Result<Variable*> written = volatile_store_.write(id, attributes, time_stamp, data, old);
    if (written.has_value()) {
      runtime_cache_.write(**written, cached);
    }
    return written.has_value() ? status::success : to_status(written.error());
  }
  const std::uint64_t size = FlashStore::record_size(id.name_size(), data.size());
  const std::uint64_t replaced = old != nullptr ? FlashStore::record_size(*old) : 0;
  const std::uint64_t errors_used = flash_store_.used_by_hardware_errors();
  const bool room = (attributes & attribute::hardware_error_record) != 0
                        ? errors_used - replaced + size <= hardware_error_space()
                        : flash_store_.used() - errors_used - replaced + size <= common_space();
  if (flash_store_.is_open() && !room) {
    return status::out_of_resources;
  }
  const Result<void> written = flash_store_.write(id, attributes, time_stamp, data, old);
  if (!written.has_value()) {
    if (written.error() == Error::device) {
      runtime_cache_.refresh();  // it may have come after the new value was in force
    }
  } else if (runtime_cache_.is_connected()) {
    runtime_cache_.write(*table_.find(id), cached);
  }
  return written.has_value() ? status::success : to_status(written.error());
}

EfiStatus VariableServices::query(messages::QueryVariableInfo& info) const {
  const std::uint32_t attributes = info.attributes;
  // How a variable is written says nothing of its kind.
  const std::uint32_t kind = attributes & ~attribute::append_write;
  if (kind == 0) {
    return status::invalid_parameter;
  }
  if ((kind & (attribute::authenticated_write | attribute::enhanced_authenticated_access)) != 0 ||
      (kind & ~known_attributes) != 0) {
    return status::unsupported;
  }
  if (kind == attribute::non_volatile || (attributes & access_attributes) == attribute::runtime_access ||
      (at_runtime_ && (attributes & attribute::runtime_access) == 0) ||
      (attributes & (attribute::non_volatile | attribute::hardware_error_record)) == attribute::hardware_error_record) {
    return status::invalid_parameter;
  }
  std::uint32_t maximum = 0;
  std::uint32_t used = 0;
  std::uint32_t largest = 0;
  if ((attributes & attribute::hardware_error_record) != 0) {
    if (limits_.hardware_error_space == 0) {
      return status::unsupported;
    }
    maximum = hardware_error_space();
    used = flash_store_.used_by_hardware_errors();
    largest = limits_.max_hardware_error_variable_size;
  } else if ((attributes & attribute::non_volatile) != 0) {
    maximum = common_space();
    used = flash_store_.used() - flash_store_.used_by_hardware_errors();
    largest = limits_.max_variable_size;
  } else {
    maximum = volatile_store_.capacity();
    used = volatile_store_.used();
    largest = limits_.max_volatile_variable_size;
  }
  const std::uint32_t remaining = used < maximum ? maximum - used : 0;
  // A variable's size in these figures is its name and data; the record's header comes on top.
  constexpr std::uint32_t header = sizeof(format::RecordHeader);
  const std::uint32_t largest_now = std::min(largest, remaining);
  info.maximum_storage_size = maximum;
  info.remaining_storage_size = remaining;
  info.maximum_variable_size = largest_now > header ? largest_now - header : 0;
  return status::success;
}

}  // namespace redoubt::variable
