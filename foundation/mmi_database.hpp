// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who handles which MMI (PI 1.9, volume 4, 3.2, MmiManage() and MmiHandlerRegister()): root handlers, and handlers by
// GUID, each list in order of registration. Pure data, as the protocol database: it calls no driver.
#pragma once

#include <array>
#include <cstdint>

#include "abi/uefi/types.hpp"
#include "foundation/lifecycle.hpp"
#include "foundation/protocol_database.hpp"
#include "foundation/record_index.hpp"
#include "foundation/record_list.hpp"
#include "foundation/slot_table.hpp"
#include "policy/closed_answers.hpp"

namespace redoubt::foundation {

struct MmiTypeRecord;
struct ProfileRow;

struct MmiHandlerRecord {
  CallbackState callback;
  MmiTypeRecord* type = nullptr;  // null = root
  std::uint64_t function = 0;
  DriverNumber owner = foundation_itself;  // whose code it is
  DriverNumber maker = foundation_itself;  // who registered it
  ProfileRow* profile = nullptr;           // null = none is kept
  RecordLink<MmiHandlerRecord> link;
};

using MmiHandlerList = CallbackList<MmiHandlerRecord, &MmiHandlerRecord::link>;

struct MmiTypeRecord {
  abi::Guid guid{};
  LifecycleEvent event = LifecycleEvent::none;  // what the foundation itself does for the GUID
  policy::ClosedMessage closed_message = policy::ClosedMessage::unknown;
  MmiHandlerList handlers;
  MmiTypeRecord* chain = nullptr;
};

class MmiDatabase {
 public:
  constexpr MmiDatabase(Supervisor& supervisor, DriverLedger& ledger)
      : ledger_(ledger), handlers_(supervisor), types_(supervisor), by_guid_(supervisor) {}

  std::uint64_t token(const MmiHandlerRecord& handler) const { return handlers_.token(handler); }
  // Null also for a handler that was unregistered while it runs.
  MmiHandlerRecord* find_handler(std::uint64_t token);
  // Null if no handler is registered for the GUID.
  MmiTypeRecord* find_type(const abi::Guid& guid);

  // `guid` null: a root handler. Error::out_of_memory, also beyond the owner's limit.
  Result<MmiHandlerRecord*> register_handler(const abi::Guid* guid, std::uint64_t function, DriverNumber owner,
                                             DriverNumber maker);
  void unregister_handler(MmiHandlerRecord& handler);

  // Calls visit(const MmiHandlerRecord&), as CallbackList::walk does, for the type's handlers or the root ones.
  template <typename Visit>
  void walk(MmiTypeRecord* type, Visit visit) {
    MmiHandlerList& list = type != nullptr ? type->handlers : root_;
    list.walk(visit, [this](MmiHandlerRecord& handler) { handlers_.release(handler); });
    if (type != nullptr) release_if_unused(*type);
  }

  std::size_t root_handlers() const { return root_.active(); }
  std::size_t handler_count() const { return handlers_.size(); }

  // Makes `event` what a message with the GUID stands for. Error::out_of_memory.
  Result<void> reserve_type(const abi::Guid& guid, LifecycleEvent event);

  // The GUID stands for nothing of the foundation's any more.
  void release_type(const abi::Guid& guid);

  // Removes all handlers that are a driver's or that it registered.
  void remove_owned(DriverNumber owner);

  // Who alone may handle a message whose sender takes much for success: the driver that it is meant for, else the first
  // that registered, until a reset. Another one could say that nothing is locked, also when that one is gone.
  // foundation_itself: none yet, or any driver may.
  DriverNumber answerer(policy::ClosedMessage message) const { return answerers_[static_cast<std::size_t>(message)]; }
  // Before any driver registered.
  void set_answerer(policy::ClosedMessage message, DriverNumber driver) {
    answerers_[static_cast<std::size_t>(message)] = driver;
  }

 private:
  static std::uint64_t type_hash(const MmiTypeRecord& type) { return hash_of(type.guid); }
  MmiTypeRecord* find_or_add_type(const abi::Guid& guid, DriverNumber owner);
  void release_if_unused(MmiTypeRecord& type);

  DriverLedger& ledger_;
  SlotTable<MmiHandlerRecord, TokenKind::mmi_handler> handlers_;
  SlotTable<MmiTypeRecord> types_;
  RecordIndex<MmiTypeRecord, &MmiTypeRecord::chain, &MmiDatabase::type_hash> by_guid_;
  MmiHandlerList root_;
  std::array<DriverNumber, policy::closed_message_count> answerers_{};
};

}  // namespace redoubt::foundation
