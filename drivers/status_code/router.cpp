// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/status_code/router.hpp"

#include <new>

namespace redoubt::status_code {

using abi::EfiStatus;
namespace status = abi::status;

// The link that leads to the handler's registration, or the last link of the list.
Router::Registration** Router::find(abi::StatusCodeHandler handler) {
  Registration** link = &first_;
  while (*link != nullptr && (*link)->handler != handler) link = &(*link)->next;
  return link;
}

// A fault in a handler, or in what it called, never comes back here; it has stopped one of the two.
bool Router::was_cut_off() {
  return drivers_.driver_at(reporter_.address) != reporter_.driver ||
         (called_->handler != nullptr && owner_of(called_->handler) != called_->owner);
}

bool Router::is_callers(abi::UintN owner, const void* caller) {
  const abi::UintN driver = drivers_.driver_at(caller);
  if (driver == owner && owner != 0) return true;
  drivers_.report_refusal(driver, owner);
  return false;
}

EfiStatus Router::register_handler(abi::StatusCodeHandler handler, const void* caller) {
  if (handler == nullptr) return status::invalid_parameter;
  const abi::UintN owner = owner_of(handler);
  if (!is_callers(owner, caller)) return status::invalid_parameter;
  Registration** link = find(handler);
  if (*link != nullptr) return status::already_started;
  std::size_t count = 0;
  for (const Registration* entry = first_; entry != nullptr; entry = entry->next)
    count += entry->owner == owner ? 1 : 0;
  void* memory = count >= driver_handler_limit ? nullptr : memory_.allocate(sizeof(Registration));
  if (memory == nullptr) return status::out_of_resources;
  *link = new (memory) Registration{handler, owner, next_number_++, nullptr};
  return status::success;
}

EfiStatus Router::unregister_handler(abi::StatusCodeHandler handler, const void* caller) {
  if (handler == nullptr) return status::invalid_parameter;
  Registration** link = find(handler);
  Registration* found = *link;
  if (found == nullptr || !is_callers(found->owner, caller)) return status::not_found;
  if (reporting_) {
    found->handler = nullptr;
    return status::success;
  }
  *link = found->next;
  memory_.release(found);
  return status::success;
}

EfiStatus Router::report(std::uint32_t type, std::uint32_t value, std::uint32_t instance, const abi::Guid* caller,
                         abi::StatusCodeData* data, const void* reporter) {
  if (reporting_ && !was_cut_off()) return status::device_error;
  reporting_ = true;
  reporter_ = {reporter, drivers_.driver_at(reporter)};
  const std::uint64_t end = next_number_;  // who registers from here on hears of the next report
  for (Registration* entry = first_; entry != nullptr; entry = entry->next) {
    if (entry->handler != nullptr && owner_of(entry->handler) != entry->owner) entry->handler = nullptr;  // stopped
    // A handler's type says that it could write through the caller's pointers; the specification's says the same.
    if (entry->handler != nullptr && entry->number < end) {
      called_ = entry;
      entry->handler(type, value, instance, const_cast<abi::Guid*>(caller), data);
    }
  }
  reporting_ = false;
  for (Registration** link = find(nullptr); *link != nullptr; link = find(nullptr)) {
    Registration* removed = *link;
    *link = removed->next;
    memory_.release(removed);
  }
  return status::success;
}

}  // namespace redoubt::status_code
