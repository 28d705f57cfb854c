// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/protocol_database.hpp"

namespace redoubt::foundation {

NotifyRecord* ProtocolDatabase::find_notify(std::uint64_t token) {
  NotifyRecord* notify = notifies_.find(token);
  return notify == nullptr || notify->callback.removed ? nullptr : notify;
}

ProtocolRecord* ProtocolDatabase::find_protocol(const abi::Guid& guid) {
  return by_guid_.find(hash_of(guid), [&](const ProtocolRecord& record) { return same(record.guid, guid); });
}

InterfaceRecord* ProtocolDatabase::find_interface(const HandleRecord& handle, const ProtocolRecord& protocol) {
  return by_handle_.find(pair_hash(address_of(&handle), &protocol), [&](const InterfaceRecord& record) {
    return record.handle == &handle && record.protocol == &protocol;
  });
}

ProtocolRecord* ProtocolDatabase::find_or_add_protocol(const abi::Guid& guid, DriverNumber owner) {
  if (ProtocolRecord* protocol = find_protocol(guid); protocol != nullptr) return protocol;
  ProtocolRecord* protocol = ledger_.acquire(protocols_, owner);
  if (protocol == nullptr) return nullptr;
  protocol->guid = guid;
  by_guid_.insert(*protocol);
  return protocol;
}

void ProtocolDatabase::release_if_unused(ProtocolRecord& protocol) {
  if (!protocol.interfaces.empty() || !protocol.notifies.unused()) return;
  by_guid_.remove(protocol);
  protocols_.release(protocol);
}

Result<InterfaceRecord*> ProtocolDatabase::install(HandleRecord* handle, const abi::Guid& guid, std::uint64_t interface,
                                                   DriverNumber owner) {
  ProtocolRecord* protocol = find_or_add_protocol(guid, owner);
  if (protocol == nullptr) return std::unexpected(Error::out_of_memory);
  if (handle != nullptr && find_interface(*handle, *protocol) != nullptr) {
    return std::unexpected(Error::already_exists);
  }
  InterfaceRecord* record = nullptr;
  if (ledger_.take(owner, Resource::protocols)) {
    record = ledger_.acquire(interfaces_, owner);
    if (record != nullptr && handle == nullptr) {
      handle = add_handle(owner);
      if (handle == nullptr) {
        interfaces_.release(*record);
        record = nullptr;
      }
    }
    if (record == nullptr) ledger_.give_back(owner, Resource::protocols);
  }
  if (record == nullptr) {
    release_if_unused(*protocol);
    return std::unexpected(Error::out_of_memory);
  }
  record->handle = handle;
  record->protocol = protocol;
  record->interface = interface;
  record->owner = owner;
  handle->interfaces.push_back(*record);
  protocol->interfaces.push_back(*record);
  by_handle_.insert(*record);
  return record;
}

HandleRecord* ProtocolDatabase::add_handle(DriverNumber owner) {
  if (!ledger_.take(owner, Resource::handles)) return nullptr;
  HandleRecord* handle = ledger_.acquire(handles_, owner);
  if (handle == nullptr) {
    ledger_.give_back(owner, Resource::handles);
    return nullptr;
  }
  handle->owner = owner;
  all_.push_back(*handle);
  return handle;
}

void ProtocolDatabase::uninstall(InterfaceRecord& interface) {
  HandleRecord& handle = *interface.handle;
  ProtocolRecord& protocol = *interface.protocol;
  InterfaceRecord* before = protocol.interfaces.previous(interface);
  for (NotifyRecord* notify = protocol.notifies.first(); notify != nullptr; notify = protocol.notifies.next(*notify)) {
    if (notify->position == &interface) notify->position = before;
  }
  by_handle_.remove(interface);
  handle.interfaces.remove(interface);
  protocol.interfaces.remove(interface);
  ledger_.give_back(interface.owner, Resource::protocols);
  interfaces_.release(interface);
  if (handle.interfaces.empty()) {
    ledger_.give_back(handle.owner, Resource::handles);
    all_.remove(handle);
    handles_.release(handle);
  } else if (const DriverNumber heir = handle.interfaces.first()->owner; heir != handle.owner) {
    ledger_.give_back(handle.owner, Resource::handles);
    ledger_.pass_on(heir, Resource::handles);
    handle.owner = heir;
  }
  release_if_unused(protocol);
}

Result<NotifyRecord*> ProtocolDatabase::register_notify(const abi::Guid& guid, std::uint64_t function,
                                                        DriverNumber owner) {
  ProtocolRecord* protocol = find_or_add_protocol(guid, owner);
  if (protocol == nullptr) return std::unexpected(Error::out_of_memory);
  NotifyRecord* notify = by_function_.find(pair_hash(function, protocol), [&](const NotifyRecord& known) {
    return known.function == function && known.protocol == protocol;
  });
  if (notify != nullptr) return notify;
  if (ledger_.take(owner, Resource::notifications)) {
    notify = ledger_.acquire(notifies_, owner);
    if (notify == nullptr) ledger_.give_back(owner, Resource::notifications);
  }
  if (notify == nullptr) {
    release_if_unused(*protocol);
    return std::unexpected(Error::out_of_memory);
  }
  notify->protocol = protocol;
  notify->function = function;
  notify->owner = owner;
  notify->position = protocol->interfaces.last();
  protocol->notifies.push_back(*notify);
  by_function_.insert(*notify);
  return notify;
}

void ProtocolDatabase::unregister_notify(NotifyRecord& notify) {
  ProtocolRecord& protocol = *notify.protocol;
  by_function_.remove(notify);
  ledger_.give_back(notify.owner, Resource::notifications);
  if (protocol.notifies.remove(notify)) notifies_.release(notify);
  release_if_unused(protocol);
}

InterfaceRecord* ProtocolDatabase::next_for(const NotifyRecord& notify) {
  return notify.position == nullptr ? notify.protocol->interfaces.first() : next_of_protocol(*notify.position);
}

void ProtocolDatabase::remove_owned(DriverNumber owner, std::uint64_t base, std::uint64_t bytes) {
  notifies_.for_each([&](NotifyRecord& notify) {
    if (notify.owner == owner && !notify.callback.removed) unregister_notify(notify);
  });
  interfaces_.for_each([&](InterfaceRecord& interface) {
    if (interface.owner == owner || interface.interface - base < bytes) uninstall(interface);
  });
}

}  // namespace redoubt::foundation
