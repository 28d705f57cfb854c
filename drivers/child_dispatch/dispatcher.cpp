// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/child_dispatch/dispatcher.hpp"

#include <new>

#include "abi/redoubt/inner_mmi.hpp"

namespace redoubt::child_dispatch {

using abi::EfiStatus;
using abi::Handle;
using abi::UintN;
namespace status = abi::status;

std::uint16_t Dispatcher::status_bit(const Child& child) {
  return child.context.ichn.type == abi::MmIchnRegisterContext::tco_timeout ? Chipset::tco_timeout
                                                                            : Chipset::tco_software;
}

// ---- Registration ----

bool Dispatcher::is_callers(UintN owner, const void* caller) {
  const UintN driver = mm_.driver_at(caller);
  if (driver == owner && owner != 0) return true;
  mm_.report_refusal(driver, owner);
  return false;
}

Dispatcher::Child* Dispatcher::create(Kind kind, abi::MmiHandler function, const void* caller, EfiStatus& result) {
  const UintN owner = mm_.driver_at(reinterpret_cast<const void*>(function));
  if (!is_callers(owner, caller)) {
    result = status::invalid_parameter;
    return nullptr;
  }
  void* memory = mm_.allocate(sizeof(Child));
  if (memory == nullptr) {
    result = status::out_of_resources;
    return nullptr;
  }
  auto* child = new (memory) Child{};
  child->kind = kind;
  child->function = reinterpret_cast<const void*>(function);
  child->owner = owner;
  child->number = next_number_++;
  child->type = abi::inner_mmi_guid(static_cast<std::uint16_t>(kind), child->number);
  result = mm_.add_handler(function, child->type, child->handle);
  if (!status::is_error(result) && children_ == 0) {
    result = mm_.watch_mmis(true);
    if (status::is_error(result)) mm_.remove_handler(child->handle);
  }
  if (status::is_error(result)) {
    mm_.release(child);
    return nullptr;
  }
  return child;
}

void Dispatcher::append(Child& child) {
  Child** link = &first_;
  while (*link != nullptr) link = &(*link)->next;
  *link = &child;
  ++children_;
}

EfiStatus Dispatcher::register_software(abi::MmiHandler function, abi::MmSwRegisterContext& context, Handle& handle,
                                        const void* caller) {
  UintN value = context.value;
  if (value == abi::MmSwRegisterContext::any_value) {
    for (value = maximum_value; value != 0 && (reserved(value) || by_value_[value] != nullptr);) --value;
    if (value == 0) return status::out_of_resources;
  }
  if (value > maximum_value || reserved(value) || by_value_[value] != nullptr) return status::invalid_parameter;
  EfiStatus result = status::success;
  Child* child = create(Kind::software, function, caller, result);
  if (child == nullptr) return result;
  child->context.software.value = value;
  append(*child);
  by_value_[value] = child;
  ++software_children_;
  if (chipset_.command() == value) chipset_.forget_command();  // came before the child
  context.value = value;
  handle = child->handle;
  return status::success;
}

EfiStatus Dispatcher::register_ichn(abi::MmiHandler function, const abi::MmIchnRegisterContext& context, Handle& handle,
                                    const void* caller) {
  if (context.type >= abi::MmIchnRegisterContext::type_count) return status::invalid_parameter;
  if (context.type != abi::MmIchnRegisterContext::tco_timeout && context.type != abi::MmIchnRegisterContext::os_tco) {
    return status::unsupported;
  }
  EfiStatus result = status::success;
  Child* child = create(Kind::ichn, function, caller, result);
  if (child == nullptr) return result;
  child->context.ichn = context;
  const bool first = !has_tco_child();
  append(*child);
  if (first) {
    chipset_.clear_tco_status(Chipset::tco_software | Chipset::tco_timeout);  // what was before is for no child
    if (!chipset_.enable_tco(true)) {
      remove(*child);
      return status::device_error;
    }
  }
  handle = child->handle;
  return status::success;
}

EfiStatus Dispatcher::unregister_software(Handle handle, const void* caller) {
  return unregister(Kind::software, handle, caller);
}
EfiStatus Dispatcher::unregister_ichn(Handle handle, const void* caller) {
  return unregister(Kind::ichn, handle, caller);
}

EfiStatus Dispatcher::unregister(Kind kind, Handle handle, const void* caller) {
  for (Child* child = first_; child != nullptr; child = child->next) {
    if (child->handle != handle || child->kind != kind || child->removed) continue;
    if (!is_callers(child->owner, caller)) break;
    remove(*child);
    return status::success;
  }
  return status::invalid_parameter;
}

void Dispatcher::remove(Child& child) {
  mm_.remove_handler(child.handle);
  child.removed = true;
  --children_;
  if (child.kind == Kind::software) {
    by_value_[child.context.software.value] = nullptr;
    --software_children_;
  } else if (!has_tco_child()) {
    chipset_.enable_tco(false);
  }
  if (children_ == 0) mm_.watch_mmis(false);
  sweep();
}

// A child that is being called still has its context.
void Dispatcher::sweep() {
  if (depth_ != 0) return;
  for (Child** link = &first_; *link != nullptr;) {
    Child* child = *link;
    if (!child->removed) {
      link = &child->next;
      continue;
    }
    *link = child->next;
    mm_.release(child);
  }
}

bool Dispatcher::has_tco_child() const {
  for (const Child* child = first_; child != nullptr; child = child->next) {
    if (child->kind == Kind::ichn && !child->removed) return true;
  }
  return false;
}

// ---- Dispatch ----

bool Dispatcher::dispatch() {
  ++depth_;
  const bool software = dispatch_software();
  const bool tco = dispatch_tco();
  --depth_;
  sweep();
  return software || tco;
}

bool Dispatcher::dispatch_software() {
  if (software_children_ == 0) return false;
  const std::uint8_t command = chipset_.command();
  Child* child = by_value_[command];
  if (child == nullptr) return false;
  abi::MmSwContext context{mm_.requesting_cpu(command), command, chipset_.data()};
  UintN size = sizeof(context);
  chipset_.forget_command();
  return call(*child, &context, &size);
}

bool Dispatcher::dispatch_tco() {
  if (!has_tco_child()) return false;
  const std::uint16_t events = chipset_.tco_status() & (Chipset::tco_software | Chipset::tco_timeout);
  if (events == 0) return false;
  chipset_.clear_tco_status(events);
  bool called = false;
  const std::uint32_t end = next_number_;  // children registered from here on are for the next event
  for (Child* child = first_; child != nullptr; child = child->next) {
    if (child->kind != Kind::ichn || child->removed || child->number >= end || (status_bit(*child) & events) == 0) {
      continue;
    }
    called |= call(*child, nullptr, nullptr);
  }
  return called;
}

bool Dispatcher::call(Child& child, void* buffer, UintN* size) {
  const EfiStatus result = mm_.call_handler(child.type, &child.context, buffer, size);
  // EFI_DEVICE_ERROR: it failed in this call. EFI_NOT_FOUND: it answered nothing, or was stopped before, elsewhere.
  const bool was_stopped = result == status::not_found && mm_.driver_at(child.function) == 0;
  if ((was_stopped || result == status::device_error) && !child.removed) remove(child);
  return !was_stopped;
}

}  // namespace redoubt::child_dispatch
