// SPDX-License-Identifier: BSD-2-Clause-Patent
// The non-volatile variables in flash, in the format that stock PeiVariable reads (store/format.hpp). Records are
// appended; a variable is replaced in steps of which each leaves its old or its new value in force:
//
//   new record's header, state blank        unreachable: no state that a reader takes
//   new record's state: header valid        from here on the record can be skipped by its sizes
//   new record's name and data
//   old record's state: replacing           still the value in force, since the new one isn't added
//   new record's state: added               the new value is in force
//   old record's state: deleted
//
// Every change of state clears one bit of one byte. When a record finds no room the store is reclaimed: it is written
// anew without what is deleted, and with the new record in it, by one fault-tolerant write, which is the whole old
// store or the whole new one to whoever looks. What a power cut leaves is put right by open().
#pragma once

#include "base/result.hpp"
#include "drivers/variable/flash/flash.hpp"
#include "drivers/variable/store/fault_tolerant_write.hpp"
#include "drivers/variable/store/finding.hpp"
#include "drivers/variable/store/format.hpp"
#include "drivers/variable/store/layout.hpp"
#include "drivers/variable/store/variable_table.hpp"

namespace redoubt::variable {

class FlashStore {
 public:
  // `layout` tells where things lie in the window of `flash`.
  FlashStore(Flash& flash, VariableTable& table, const StoreLayout& layout)
      : flash_(flash), table_(table), layout_(layout), fault_tolerant_write_(flash, layout) {}

  // Completes what a power cut interrupted, finds the variables and enters them in the table, and formats a blank
  // store. A store that is as it should be isn't changed. What flash refuses to put right is left as it is, as long as
  // every variable can be read. Error::malformed: there is a store, and it's damaged: nothing was changed, the store
  // stays closed, and damage() says why. Error::device: flash doesn't take an empty store, or part of the store is
  // neither where it belongs nor in the spare area. Error::out_of_memory. Error::invalid_argument: the layout isn't
  // sound or not that of the flash.
  Result<void> open();
  bool is_open() const { return open_; }
  // What keeps the store closed after Error::malformed.
  FindingId damage() const { return damage_; }
  // Whether variables are read from where a write that flash couldn't end has gathered them, or such a write may still
  // happen: nothing can be written before the next start.
  bool is_read_only() const { return is_read_only_; }

  // Writes a variable that may replace `old`, which has the same name. All or nothing. Error::out_of_memory: no room
  // in flash or memory. Error::device: flash failed, in all ways of writing it; others may still be written.
  // `time_stamp` is kept with the variable; zero without time-based authentication. `data` must not lie in the flash.
  Result<void> write(const VariableId& id, std::uint32_t attributes, const abi::Time& time_stamp, Bytes data,
                     Variable* old);
  Result<void> remove(Variable& variable);
  // Takes a variable out of the table alone: until the next start it's as if it weren't in flash, and a reclaim deletes
  // it.
  void forget(Variable& variable);

  // Reclaims the store if fewer than `wanted` bytes are left for further records and so much of it is deleted (a
  // sixteenth) that it's worth the wear. Error::device as for write().
  Result<void> make_room(std::uint32_t wanted);

  // Bytes for records, headers included: all there are, those of variables, and of these the ones of hardware error
  // records. What isn't used can be written, after a reclaim if need be.
  std::uint32_t capacity() const { return end_ - first_record_; }
  std::uint32_t used() const { return used_; }
  std::uint32_t used_by_hardware_errors() const { return used_by_hardware_errors_; }

  // What a variable occupies, in either store.
  static constexpr std::uint64_t record_size(std::uint64_t name_size, std::uint64_t data_size) {
    return (sizeof(format::RecordHeader) + name_size + data_size + format::record_alignment - 1) &
           ~std::uint64_t{format::record_alignment - 1};
  }
  static std::uint32_t record_size(const Variable& variable) {
    return static_cast<std::uint32_t>(record_size(variable.name_size, variable.data_size));
  }

 private:
  // What is to be written.
  struct NewRecord {
    const VariableId& id;
    std::uint32_t attributes;
    const abi::Time& time_stamp;
    Bytes data;
    Variable* old;

    std::uint64_t size() const { return record_size(id.name_size(), data.size()); }
    format::RecordHeader header(std::uint8_t state) const;
  };

  // What a reclaim does besides.
  struct Change {
    const NewRecord* added = nullptr;
    Variable* node = nullptr;     // where the new record's variable goes
    Variable* removed = nullptr;  // a variable that is left out
  };

  Result<void> format();
  Result<void> complete_write();
  std::uint32_t content_of(const WriteQueue& queue) const;
  // Reads records from append_ on and puts right what was interrupted.
  Result<void> scan();
  void recover_tail();
  Result<void> enter(std::uint32_t record, const format::RecordHeader& header);
  Result<void> set_state(std::uint32_t record, std::uint8_t state);
  bool is_deleted(std::uint32_t record);
  // Whether it has become a deleted record.
  bool make_void(std::uint32_t record);
  Result<void> append(std::uint32_t record, const NewRecord& added);
  Result<void> append_somewhere(const NewRecord& added, std::uint32_t& record);
  bool is_in_force(std::uint32_t record, const NewRecord& added);
  // Reclaims the store, with the change made.
  Result<void> reclaim(const Change& change);
  Result<void> gather(const Change& change);
  void relocate(const Change& change, std::uint32_t store);
  // Says of `variable` what the new record holds; `content` is where the record's vendor field can be read.
  static void assign(Variable& variable, const NewRecord& added, std::uint32_t record, const std::byte* content);
  void account(const Variable& variable, bool in_use);
  Bytes store_bytes() const { return flash_.contents().subspan(base_, layout_.store_size); }
  // No further record is appended; the next one reclaims the store.
  void close_tail() { append_ = end_; }

  Flash& flash_;
  VariableTable& table_;
  StoreLayout layout_;
  FaultTolerantWrite fault_tolerant_write_;
  std::uint32_t first_record_ = 0;  // offsets in the window
  std::uint32_t append_ = 0;
  std::uint32_t end_ = 0;
  std::uint32_t used_ = 0;
  std::uint32_t used_by_hardware_errors_ = 0;
  FindingId damage_ = FindingId::blank;
  std::uint32_t base_ = 0;  // of the store: the spare area's start if only that holds all of it
  bool open_ = false;
  bool is_read_only_ = false;
  std::uint32_t failed_reclaims_ = 0;  // since the start; after some no further one is tried
  bool has_undeleted_ = false;         // a record has no effect only as long as another one of its variable is there
};

}  // namespace redoubt::variable
