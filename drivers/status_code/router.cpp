// SPDX-License-Identifier: BSD-2-Clause-Patent
// See the header.
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

EfiStatus Router::register_handler(abi::StatusCodeHandler handler) {
  if (handler == nullptr) return status::invalid_parameter;
  Registration** link = find(handler);
  if (*link != nullptr) return status::already_started;
  void* memory = count_ == handler_limit ? nullptr : memory_.allocate(sizeof(Registration));
  if (memory == nullptr) return status::out_of_resources;
  *link = new (memory) Registration{handler, next_number_++, nullptr};
  ++count_;
  return status::success;
}

EfiStatus Router::unregister_handler(abi::StatusCodeHandler handler) {
  if (handler == nullptr) return status::invalid_parameter;
  Registration** link = find(handler);
  Registration* found = *link;
  if (found == nullptr) return status::not_found;
  if (reporting_) {
    found->handler = nullptr;
    return status::success;
  }
  *link = found->next;
  --count_;
  memory_.release(found);
  return status::success;
}

EfiStatus Router::report(std::uint32_t type, std::uint32_t value, std::uint32_t instance, const abi::Guid* caller,
                         abi::StatusCodeData* data) {
  if (reporting_) return status::device_error;
  reporting_ = true;
  const std::uint64_t end = next_number_;  // who registers from here on hears of the next report
  for (const Registration* entry = first_; entry != nullptr; entry = entry->next) {
    // A handler's type says that it could write through the caller's pointers; the specification's says the same.
    if (entry->handler != nullptr && entry->number < end) {
      entry->handler(type, value, instance, const_cast<abi::Guid*>(caller), data);
    }
  }
  reporting_ = false;
  for (Registration** link = find(nullptr); *link != nullptr; link = find(nullptr)) {
    Registration* removed = *link;
    *link = removed->next;
    --count_;
    memory_.release(removed);
  }
  return status::success;
}

}  // namespace redoubt::status_code
