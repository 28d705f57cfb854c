// SPDX-License-Identifier: BSD-2-Clause-Patent
// Handles, protocols, interfaces and notifications (UEFI 2.10, 7.3, as PI 1.9, volume 4, 3.2 takes it over for MM).
// Pure data: it calls no driver and touches no driver's memory. Interfaces and functions are numbers here. Every
// look-up is by hash; a handle's or a protocol's interfaces keep the order in which they were installed.
#pragma once

#include <cstdint>

#include "abi/uefi/types.hpp"
#include "foundation/driver_ledger.hpp"
#include "foundation/record_index.hpp"
#include "foundation/record_list.hpp"
#include "foundation/slot_table.hpp"

namespace redoubt::foundation {

struct HandleRecord;
struct ProtocolRecord;

struct InterfaceRecord {
  HandleRecord* handle = nullptr;
  ProtocolRecord* protocol = nullptr;
  std::uint64_t interface = 0;  // a driver's address, or 0
  DriverNumber owner = foundation_itself;
  RecordLink<InterfaceRecord> on_handle;
  RecordLink<InterfaceRecord> of_protocol;
  InterfaceRecord* chain = nullptr;
};

// It is on the account of the driver that installed the oldest interface left on it.
struct HandleRecord {
  DriverNumber owner = foundation_itself;
  RecordList<InterfaceRecord, &InterfaceRecord::on_handle> interfaces;
  RecordLink<HandleRecord> all;
};

struct NotifyRecord {
  CallbackState callback;
  ProtocolRecord* protocol = nullptr;
  std::uint64_t function = 0;
  DriverNumber owner = foundation_itself;
  // The last interface that LocateHandle or LocateProtocol returned for this registration; null = none yet, so that
  // the protocol's first is next.
  InterfaceRecord* position = nullptr;
  RecordLink<NotifyRecord> link;
  NotifyRecord* chain = nullptr;
};

struct ProtocolRecord {
  abi::Guid guid{};
  RecordList<InterfaceRecord, &InterfaceRecord::of_protocol> interfaces;
  CallbackList<NotifyRecord, &NotifyRecord::link> notifies;
  ProtocolRecord* chain = nullptr;
};

class ProtocolDatabase {
 public:
  using HandleList = RecordList<HandleRecord, &HandleRecord::all>;

  constexpr ProtocolDatabase(Supervisor& supervisor, DriverLedger& ledger)
      : ledger_(ledger),
        handles_(supervisor),
        protocols_(supervisor),
        interfaces_(supervisor),
        notifies_(supervisor),
        by_guid_(supervisor),
        by_handle_(supervisor),
        by_function_(supervisor) {}

  // The tokens that drivers know.
  std::uint64_t token(const HandleRecord& handle) const { return handles_.token(handle); }
  std::uint64_t token(const NotifyRecord& notify) const { return notifies_.token(notify); }
  HandleRecord* find_handle(std::uint64_t token) { return handles_.find(token); }
  // Null also for a registration that was removed while it is being called.
  NotifyRecord* find_notify(std::uint64_t token);

  // Null if the protocol has neither interfaces nor notifications.
  ProtocolRecord* find_protocol(const abi::Guid& guid);
  InterfaceRecord* find_interface(const HandleRecord& handle, const ProtocolRecord& protocol);
  // All handles in order of creation.
  const HandleList& all_handles() const { return all_; }

  // Adds an interface to `handle`, or to a new one when it is null.
  // Error::already_exists if the handle has the protocol, Error::out_of_memory also beyond the owner's limits.
  Result<InterfaceRecord*> install(HandleRecord* handle, const abi::Guid& guid, std::uint64_t interface,
                                   DriverNumber owner);
  // A handle whose last interface goes, goes with it.
  void uninstall(InterfaceRecord& interface);
  // Tells an interface from a later one in the same place.
  std::uint64_t identity(const InterfaceRecord& interface) const { return interfaces_.token(interface); }
  bool exists(std::uint64_t identity) { return interfaces_.find(identity) != nullptr; }

  // The same registration again for the same function and protocol. Interfaces installed before are not new to it.
  // Error::out_of_memory, also beyond the owner's limit.
  Result<NotifyRecord*> register_notify(const abi::Guid& guid, std::uint64_t function, DriverNumber owner);
  void unregister_notify(NotifyRecord& notify);
  // The interface that is next for the registration, or null; advance() makes it the last one returned.
  static InterfaceRecord* next_for(const NotifyRecord& notify);
  static void advance(NotifyRecord& notify) { notify.position = next_for(notify); }
  static InterfaceRecord* next_of_protocol(const InterfaceRecord& interface) {
    return RecordList<InterfaceRecord, &InterfaceRecord::of_protocol>::next(interface);
  }

  // Calls visit(const NotifyRecord&) as CallbackList::walk does.
  template <typename Visit>
  void walk_notifies(ProtocolRecord& protocol, Visit visit) {
    protocol.notifies.walk(visit, [this](NotifyRecord& notify) { notifies_.release(notify); });
    release_if_unused(protocol);
  }

  // Removes all that a driver installed and registered, and interfaces of others that lie in [base, base + bytes).
  void remove_owned(DriverNumber owner, std::uint64_t base, std::uint64_t bytes);

  std::size_t notify_count() const { return notifies_.size(); }
  std::size_t handle_count() const { return handles_.size(); }
  std::size_t interface_count() const { return interfaces_.size(); }

 private:
  static std::uint64_t protocol_hash(const ProtocolRecord& protocol) { return hash_of(protocol.guid); }
  static std::uint64_t pair_hash(std::uint64_t of_protocol, const ProtocolRecord* protocol) {
    return mix(of_protocol ^ (address_of(protocol) << 20 | address_of(protocol) >> 44));
  }
  static std::uint64_t interface_hash(const InterfaceRecord& interface) {
    return pair_hash(address_of(interface.handle), interface.protocol);
  }
  static std::uint64_t notify_hash(const NotifyRecord& notify) { return pair_hash(notify.function, notify.protocol); }

  ProtocolRecord* find_or_add_protocol(const abi::Guid& guid, DriverNumber owner);
  // Null: no memory, or beyond the owner's limit.
  HandleRecord* add_handle(DriverNumber owner);
  void release_if_unused(ProtocolRecord& protocol);

  DriverLedger& ledger_;
  SlotTable<HandleRecord, TokenKind::protocol_handle> handles_;
  SlotTable<ProtocolRecord> protocols_;
  SlotTable<InterfaceRecord> interfaces_;
  SlotTable<NotifyRecord, TokenKind::notify_registration> notifies_;
  RecordIndex<ProtocolRecord, &ProtocolRecord::chain, &ProtocolDatabase::protocol_hash> by_guid_;
  RecordIndex<InterfaceRecord, &InterfaceRecord::chain, &ProtocolDatabase::interface_hash> by_handle_;
  // Registrations that were not removed.
  RecordIndex<NotifyRecord, &NotifyRecord::chain, &ProtocolDatabase::notify_hash> by_function_;
  HandleList all_;
};

}  // namespace redoubt::foundation
