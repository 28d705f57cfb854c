// SPDX-License-Identifier: BSD-2-Clause-Patent
// The copy of all variables outside MMRAM that the stock DXE driver reads when it was built with its runtime cache
// (edk2's PcdEnableVariableRuntimeCache), so that reading costs no MMI. It lies in memory that DXE has allocated and
// opened to MM drivers, as two variable stores in the format of store/format.hpp, and is written from the table of
// variables: a new value is appended, its predecessor's record marked deleted; a store without room is written anew.
//
// The host can change that memory at any time. Here it is only written, but for one flag, which is read once for each
// change: while the DXE driver reads, the flag keeps MM from writing, and the change waits until the driver asks for
// it. Another flag tells the driver that something waits, or changes at this moment: a reader on a CPU that MM doesn't
// hold asks then, too. What the cache holds is never taken for a variable again.
#pragma once

#include <cstdint>

#include "abi/uefi/types.hpp"
#include "drivers/variable/messages/variable_messages.hpp"
#include "drivers/variable/store/format.hpp"
#include "drivers/variable/store/variable_table.hpp"

namespace redoubt::variable {

// What of the memory outside MMRAM the driver may touch.
class OutsideMemory {
 public:
  // Whether all of [address, address + bytes), which isn't empty, was opened to drivers, and stays open.
  virtual bool is_open(std::uint64_t address, std::uint64_t bytes) const = 0;

 protected:
  ~OutsideMemory() = default;
};

class RuntimeCache {
 public:
  explicit RuntimeCache(VariableTable& table) : table_(table) {}
  RuntimeCache(const RuntimeCache&) = delete;
  RuntimeCache& operator=(const RuntimeCache&) = delete;
  ~RuntimeCache() = default;

  // How many bytes of records each kind of variables can have. Once, before everything else.
  void set_space(std::uint32_t non_volatile_space, std::uint32_t volatile_space);

  // The sizes that the caller's stores need, headers included. There is no store of HOB variables.
  messages::RuntimeCacheInfo info() const;

  // Uses the caller's memory from now on, once synchronize() was asked for. EFI_ACCESS_DENIED: a flag or a store is
  // missing, not in open memory, at an address that isn't a multiple of 8 (stores), or too small; nothing changes then.
  // A HOB store may be null and isn't used. Sizes are fetched from the stores' headers once. Stores in use before are
  // left blank.
  abi::EfiStatus connect(const messages::RuntimeCacheContext& context, const OutsideMemory& outside);
  bool is_connected() const { return pending_update_ != nullptr; }

  // Writes what changed while the caller was reading. EFI_UNSUPPORTED without a cache.
  abi::EfiStatus synchronize();

  // `variable` has a new value, of which nothing is in the cache; the record at `replaced` was its last one (see
  // Variable::cached, 0 if there was none).
  void write(Variable& variable, std::uint32_t replaced);
  // A variable is gone, of which the cache has `record` (Variable::cached).
  void remove(bool is_volatile, std::uint32_t record);
  // Non-volatile variables changed in unknown ways.
  void refresh();

  // Takes what has no runtime access out of the caller's memory, where the OS could read it; from under a reader once
  // the reader asks.
  void exit_boot_services();

 private:
  struct Store {
    std::uint32_t space = 0;    // for records
    std::byte* base = nullptr;  // of the caller's memory: a header, then records
    std::uint32_t used = 0;     // bytes of records written
    std::uint32_t written = 0;  // bytes of records that may differ from blank ones
    bool is_stale = false;      // something changed since it was written

    std::uint32_t size() const { return static_cast<std::uint32_t>(sizeof(format::StoreHeader)) + space; }
  };

  Store& store_of(bool is_volatile) { return is_volatile ? volatile_ : non_volatile_; }
  bool is_shown(const Variable& variable) const { return !at_runtime_ || variable.has(attribute::runtime_access); }
  // Says that a change is on its way. Whether no reader is at work.
  bool is_free();
  // Whether a change to a store, which was up to date, can be written there now; tell_pending(false) ends it then.
  // Otherwise it's written with others.
  bool begin_change(Store& store);
  void append(Store& store, Variable& variable);
  void mark_deleted(Store& store, std::uint32_t record);
  void rewrite(Store& store);
  void tell_pending(bool pending);

  VariableTable& table_;
  Store non_volatile_;
  Store volatile_;
  volatile std::uint8_t* pending_update_ = nullptr;
  const volatile std::uint8_t* read_lock_ = nullptr;
  bool at_runtime_ = false;
};

}  // namespace redoubt::variable
