// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/mmi_database.hpp"

namespace redoubt::foundation {

MmiHandlerRecord* MmiDatabase::find_handler(std::uint64_t token) {
  MmiHandlerRecord* handler = handlers_.find(token);
  return handler == nullptr || handler->callback.removed ? nullptr : handler;
}

MmiTypeRecord* MmiDatabase::find_type(const abi::Guid& guid) {
  return by_guid_.find(hash_of(guid), [&](const MmiTypeRecord& record) { return same(record.guid, guid); });
}

MmiTypeRecord* MmiDatabase::find_or_add_type(const abi::Guid& guid, DriverNumber owner) {
  if (MmiTypeRecord* type = find_type(guid); type != nullptr) return type;
  MmiTypeRecord* type = ledger_.acquire(types_, owner);
  if (type == nullptr) return nullptr;
  type->guid = guid;
  type->closed_message = policy::closed_message(guid);
  by_guid_.insert(*type);
  return type;
}

Result<void> MmiDatabase::reserve_type(const abi::Guid& guid, LifecycleEvent event) {
  MmiTypeRecord* type = find_or_add_type(guid, foundation_itself);
  if (type == nullptr) return std::unexpected(Error::out_of_memory);
  type->event = event;
  return {};
}

void MmiDatabase::release_type(const abi::Guid& guid) {
  MmiTypeRecord* type = find_type(guid);
  if (type == nullptr) return;
  type->event = LifecycleEvent::none;
  release_if_unused(*type);
}

Result<MmiHandlerRecord*> MmiDatabase::register_handler(const abi::Guid* guid, std::uint64_t function,
                                                        DriverNumber owner, DriverNumber maker) {
  if (!ledger_.take(owner, Resource::handlers)) return std::unexpected(Error::out_of_memory);
  MmiHandlerRecord* handler = ledger_.acquire(handlers_, owner);
  if (handler != nullptr && guid != nullptr) {
    handler->type = find_or_add_type(*guid, owner);
    if (handler->type == nullptr) {
      handlers_.release(*handler);
      handler = nullptr;
    }
  }
  if (handler == nullptr) {
    ledger_.give_back(owner, Resource::handlers);
    return std::unexpected(Error::out_of_memory);
  }
  handler->function = function;
  handler->owner = owner;
  handler->maker = maker;
  const auto message = handler->type != nullptr ? handler->type->closed_message : policy::ClosedMessage::unknown;
  if (message != policy::ClosedMessage::unknown) set_answerer(message, owner);
  (handler->type != nullptr ? handler->type->handlers : root_).push_back(*handler);
  return handler;
}

void MmiDatabase::release_if_unused(MmiTypeRecord& type) {
  if (!type.handlers.unused() || type.event != LifecycleEvent::none) return;
  by_guid_.remove(type);
  types_.release(type);
}

void MmiDatabase::unregister_handler(MmiHandlerRecord& handler) {
  MmiTypeRecord* type = handler.type;
  ledger_.give_back(handler.owner, Resource::handlers);
  if ((type != nullptr ? type->handlers : root_).remove(handler)) handlers_.release(handler);
  if (type != nullptr) release_if_unused(*type);
}

void MmiDatabase::remove_owned(DriverNumber owner) {
  handlers_.for_each([&](MmiHandlerRecord& handler) {
    const bool owned = handler.owner == owner || handler.maker == owner;
    if (owned && !handler.callback.removed) unregister_handler(handler);
  });
}

}  // namespace redoubt::foundation
