// SPDX-License-Identifier: BSD-2-Clause-Patent
// The non-volatile variables in flash, in the format that stock PeiVariable reads (store/format.hpp). All that is read
// after the start, and all that is decided, comes from a copy of the flash in memory of the driver's (flash_copy.hpp).
// Records are appended; a variable is replaced in steps of which each leaves its old or its new value in force:
//
//   new record's header, state blank        torn: readers pass over it
//   new record's state: header valid        from here on the record can be skipped by its sizes
//   new record's name and data
//   old record's state: replacing           still the value in force, since the new one isn't added
//   new record's state: added               the new value is in force
//   old record's state: deleted
//
// Every change of state clears one bit of one byte, and each step is found done before the next one is made. When a
// record finds no room the store is reclaimed: it is written anew without what is deleted, and with the new record in
// it, by one fault-tolerant write, which is the whole old store or the whole new one to every reader. What a power cut
// leaves is put right by open(). What isn't a store that stock firmware would read in the same way isn't touched.
#pragma once

#include <optional>

#include "base/result.hpp"
#include "drivers/variable/store/fault_tolerant_write.hpp"
#include "drivers/variable/store/finding.hpp"
#include "drivers/variable/store/flash_copy.hpp"
#include "drivers/variable/store/format.hpp"
#include "drivers/variable/store/layout.hpp"
#include "drivers/variable/store/store_headers.hpp"
#include "drivers/variable/store/variable_table.hpp"

namespace redoubt::variable {

// What open() does with a damaged store.
enum class Repair : std::uint8_t {
  no,   // leaves it as it is, and closed
  yes,  // gathers all variables that can be found, wherever they stand, and writes a sound store with them
};

class FlashStore {
 public:
  // `layout` tells where things lie in the window of `flash`. `processors` is null where no other CPU runs foreign
  // code.
  FlashStore(Allocator& allocator, Flash& flash, VariableTable& table, const StoreLayout& layout,
             OtherProcessors* processors = nullptr)
      : flash_(allocator, flash, processors), table_(table), layout_(layout), fault_tolerant_write_(flash_, layout) {}

  // Reads the flash, completes what a power cut interrupted, finds the variables and enters them in the table, and
  // formats a blank store. A store that is as it should be isn't changed. What flash refuses to put right is left as it
  // is, as long as every variable can be read. Error::malformed: there is a store, and it's damaged: nothing was
  // changed, the store stays closed, damage() says why, and the table has what readers still find.
  // Error::device: flash doesn't take an empty or repaired store, or part of the store is neither where it belongs nor
  // in the spare area. Error::out_of_memory. Error::invalid_argument: the layout isn't sound or not that of the flash.
  Result<void> open(Repair repair = Repair::no);
  bool is_open() const { return open_; }
  // What keeps the store closed after Error::malformed, or kept it before a repair.
  const std::optional<Finding>& damage() const { return damage_; }
  // Whether nothing can be written before the next start: variables are read from where a write that flash couldn't end
  // has gathered them, such a write may still happen, or it's unknown what became of one.
  bool is_read_only() const { return is_read_only_ || flash_.is_closed(); }
  // Why the last writes failed that did (FlashCopy::take_refusal).
  WriteRefusal take_refusal() { return flash_.take_refusal(); }
  // Whether this is the only record that readers can take for the variable's, also of those behind a damage.
  bool is_certain(const Variable& variable) const;

  // Writes a variable that may replace `old`, which has the same name. All or nothing. Error::out_of_memory: no room
  // in flash or memory. Error::device: flash failed, in all ways of writing it, or doesn't answer, or another CPU is
  // known to run outside MM; others may still be written. `time_stamp` is kept with the variable; zero without
  // time-based authentication.
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
    bool new_headers = false;     // instead of the ones that are there
  };

  Result<void> format();
  Result<void> complete_write();
  std::uint32_t content_of(const WriteQueue& queue) const;
  std::optional<Finding> find_damage_of(const Result<RecordSpace, FindingId>& space) const;
  // Reads records from append_ on and puts right what was interrupted.
  Result<void> scan();
  // Enters what readers still find in a damaged store, and changes nothing.
  Result<void> enter_what_is_in_reach(const RecordSpace& space);
  Result<void> repair(const Result<RecordSpace, FindingId>& space);
  Result<void> repair_from_spare();
  bool spare_is_more_complete() const;
  void count_space();
  void recover_tail();
  Result<void> enter(std::uint32_t record, const format::RecordHeader& header);
  Result<void> set_state(std::uint32_t record, std::uint8_t state);
  std::uint8_t state_of(std::uint32_t record) const;
  bool is_deleted(std::uint32_t record) const;
  void clear_header(std::uint32_t record);
  // Makes a torn header a deleted record without name and data, if flash allows it.
  void close_header(std::uint32_t record);
  // Whether it has become a deleted record.
  bool make_void(std::uint32_t record);
  Result<void> append(std::uint32_t record, const NewRecord& added);
  Result<void> program_content(std::uint32_t offset, const NewRecord& added);
  Result<void> append_somewhere(const NewRecord& added, std::uint32_t& record);
  // Behind what became of a record that couldn't be written.
  void pass_over(std::uint32_t record);
  // Reclaims the store, with the change made.
  Result<void> reclaim(const Change& change);
  Result<void> rewrite(const Change& change);
  Result<void> gather(const Change& change);
  void relocate(const Change& change, std::uint32_t store);
  // Says of `variable` what the new record holds; `content` is where the record's vendor field can be read.
  static void assign(Variable& variable, const NewRecord& added, std::uint32_t record, const std::byte* content);
  void account(const Variable& variable, bool in_use);
  Bytes store_bytes() const { return flash_.contents().subspan(base_, layout_.store_size); }
  // No further record is appended; the next one reclaims the store.
  void close_tail() { append_ = end_; }

  FlashCopy flash_;
  VariableTable& table_;
  StoreLayout layout_;
  FaultTolerantWrite fault_tolerant_write_;
  std::uint32_t first_record_ = 0;  // offsets in the window
  std::uint32_t append_ = 0;
  std::uint32_t end_ = 0;
  std::uint32_t used_ = 0;
  std::uint32_t used_by_hardware_errors_ = 0;
  std::optional<Finding> damage_;
  std::uint32_t base_ = 0;  // of the store: the spare area's start if only that holds all of it
  bool open_ = false;
  bool is_read_only_ = false;
  std::uint32_t failed_reclaims_ = 0;  // since the start; after some no further one is tried
  bool has_undeleted_ = false;         // a record has no effect only as long as another one of its variable is there
};

}  // namespace redoubt::variable
