// SPDX-License-Identifier: BSD-2-Clause-Patent
// The rules of UEFI 2.10, section 8.2, on top of the two stores: who may read and write which variable when. Statuses
// are the ones the specification names, since they are what these services are about.
// What is signed is authenticated in authentication/.
#pragma once

#include "abi/uefi/types.hpp"
#include "drivers/variable/authentication/authenticated_variables.hpp"
#include "drivers/variable/authentication/secure_boot.hpp"
#include "drivers/variable/memory_overwrite.hpp"
#include "drivers/variable/messages/variable_messages.hpp"
#include "drivers/variable/policy_table.hpp"
#include "drivers/variable/property_table.hpp"
#include "drivers/variable/runtime_cache.hpp"
#include "drivers/variable/store/flash_store.hpp"
#include "drivers/variable/store/variable_table.hpp"
#include "drivers/variable/store/volatile_store.hpp"

namespace redoubt::variable {

// What the platform grants; the figures of OVMF's 4 MiB build.
struct Limits {
  std::uint32_t max_variable_size = 0x8400;  // record header, name and data
  // Stock firmware grants 0x40000, for lists of TLS certificates; this is what a message of 64 pages carries.
  std::uint32_t max_volatile_variable_size = 0x3F000;
  std::uint32_t volatile_space = 0x80000 - sizeof(format::StoreHeader);  // with which the stock store begins
  std::uint32_t hardware_error_space = 0;  // of the flash store, reserved for such records; 0: none are taken
  std::uint32_t max_hardware_error_variable_size = 0x8400;
  bool policy_disable_allowed = false;
  bool memory_overwrite = false;  // the platform's firmware clears memory when MemoryOverwriteRequestControl says so

  constexpr std::uint32_t largest() const {
    std::uint32_t largest = max_variable_size;
    if (max_volatile_variable_size > largest) largest = max_volatile_variable_size;
    if (max_hardware_error_variable_size > largest) largest = max_hardware_error_variable_size;
    return largest;
  }
};

// Who asks: a message from outside MM, or a driver in MM, which read-only properties and policies don't bind.
enum class Requester { message, mm_driver };

class VariableServices final : private VariableKeeper {
 public:
  // `processors` is null where no other CPU runs foreign code.
  VariableServices(Allocator& allocator, Flash& flash, const StoreLayout& layout, const Limits& limits,
                   OtherProcessors* processors = nullptr);
  VariableServices(const VariableServices&) = delete;
  VariableServices& operator=(const VariableServices&) = delete;
  ~VariableServices() = default;

  // Opens the flash store and publishes the state of Secure Boot. An error of the store (see FlashStore::open) leaves
  // volatile variables working and can_write_flash() false. Of what is stored only PK, KEK, db and dbx are served then,
  // and only if all four are in reach, each certainly the one that counts; otherwise nothing is, since
  // others may be missing (dbx, say), and Secure Boot refuses everything. out_of_memory is final.
  Result<void> start(Repair repair = Repair::no);
  bool can_write_flash() const { return flash_store_.is_open() && !flash_store_.is_read_only(); }
  // What keeps the store closed, or kept it before a repair.
  const std::optional<Finding>& damage() const { return flash_store_.damage(); }
  WriteRefusal take_refusal() { return flash_store_.take_refusal(); }
  // Whether the store is closed, and Secure Boot goes on with the keys that are in reach.
  bool has_keys_of_closed_store() const { return has_keys_of_closed_store_; }

  // GetVariable. `size` is the room at `data`; it becomes the variable's size, with buffer_too_small too.
  // `attributes` is set whenever `size` is.
  abi::EfiStatus get(const VariableId& id, std::uint32_t& attributes, std::uint64_t& size, std::byte* data) const;

  // GetNextVariableName. `name` starts with the last name, terminated, and has room for the next one; `size` is that
  // room in bytes, no more than `name` holds, and becomes the next name's size, with buffer_too_small too.
  abi::EfiStatus get_next(MutableBytes name, std::uint64_t& size, abi::Guid& vendor) const;

  // SetVariable.
  abi::EfiStatus set(Requester requester, const VariableId& id, std::uint32_t attributes, Bytes data);

  // QueryVariableInfo for info.attributes. What is deleted remains to be written: a reclaim gives it back.
  abi::EfiStatus query(messages::QueryVariableInfo& info) const;

  // The phases. end_of_dxe() puts policies and properties in force and takes no more of them; the other one hides what
  // has no runtime access and makes the rest of UEFI's runtime rules hold.
  void end_of_dxe();
  // The end of DXE at the latest; and the store gets room for what the operating system is going to write, while a
  // reclaim delays no system.
  void ready_to_boot();
  void exit_boot_services();
  bool is_end_of_dxe() const { return end_of_dxe_; }
  bool at_runtime() const override { return at_runtime_; }

  PolicyTable& policies() { return policies_; }
  PropertyTable& properties() { return properties_; }
  RuntimeCache& runtime_cache() { return runtime_cache_; }
  const MemoryOverwriteLock& memory_overwrite() const { return memory_overwrite_; }
  const Limits& limits() const { return limits_; }

  // A volatile variable that states something about the firmware and that no caller can write.
  Result<void> publish(const VariableId& id, std::uint32_t attributes, Bytes data) override;

 private:
  bool is_visible(const Variable& variable) const {
    return !at_runtime_ || (variable.attributes & attribute::runtime_access) != 0;
  }
  abi::EfiStatus check_attributes(const VariableId& id, std::uint32_t attributes) const;
  abi::EfiStatus check_size(const VariableId& id, std::uint32_t attributes, std::size_t data_size) const;
  abi::EfiStatus check_rules(Requester requester, const VariableId& id, std::uint32_t attributes,
                             std::size_t data_size) const;
  bool can_overwrite_memory() const;
  abi::EfiStatus set_memory_overwrite_lock(std::uint32_t attributes, Bytes data);
  abi::EfiStatus write_memory_overwrite_lock(MemoryOverwriteLock::State state);
  void settle_memory_overwrite();
  abi::EfiStatus create(const VariableId& id, std::uint32_t attributes, Bytes data);
  abi::EfiStatus change(Variable& variable, const VariableId& id, std::uint32_t attributes, Bytes data);
  abi::EfiStatus remove(Variable& variable);
  abi::EfiStatus store(const VariableId& id, std::uint32_t attributes, const abi::Time& time_stamp, Bytes data,
                       Variable* old);
  abi::EfiStatus set_authenticated(Requester requester, const VariableId& id, std::uint32_t attributes, Bytes data);
  const Variable* find_variable(const VariableId& id) const override { return table_.find(id); }
  abi::EfiStatus write_variable(const VariableId& id, std::uint32_t attributes, const abi::Time& time_stamp,
                                Bytes data) override;
  abi::EfiStatus erase_variable(const VariableId& id) override;
  std::uint32_t common_space() const { return flash_store_.capacity() - hardware_error_space(); }
  std::uint32_t hardware_error_space() const;
  void keep_certain_keys();

  Limits limits_;
  Allocator& allocator_;
  VariableTable table_;
  VolatileStore volatile_store_;
  FlashStore flash_store_;
  RuntimeCache runtime_cache_;
  PolicyTable policies_;
  PropertyTable properties_;
  MemoryOverwriteLock memory_overwrite_;
  SecureBoot secure_boot_{*this};
  AuthenticatedVariables authenticated_{allocator_, *this, secure_boot_};
  bool has_keys_of_closed_store_ = false;
  bool end_of_dxe_ = false;
  bool at_runtime_ = false;
};

// The status that a caller of UEFI sees for an error of a store.
abi::EfiStatus to_status(Error error);

}  // namespace redoubt::variable
