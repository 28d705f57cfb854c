// SPDX-License-Identifier: BSD-2-Clause-Patent
// The non-volatile variables in flash, in the format that stock PeiVariable reads (store/format.hpp). Records are only
// ever appended; a variable is replaced in steps of which each leaves its old or its new value in force:
//
//   new record's header, state blank        unreachable: no state that a reader takes
//   new record's state: header valid        from here on the record can be skipped by its sizes
//   new record's name and data
//   old record's state: replacing           still the value in force, since the new one isn't added
//   new record's state: added               the new value is in force
//   old record's state: deleted
//
// Every change of state clears one bit of one byte. What a power cut leaves is put right by open(). There is no
// reclaim here: a store without room says out_of_memory.
#pragma once

#include "base/result.hpp"
#include "drivers/variable/flash/flash.hpp"
#include "drivers/variable/store/format.hpp"
#include "drivers/variable/store/layout.hpp"
#include "drivers/variable/store/variable_table.hpp"

namespace redoubt::variable {

class FlashStore {
 public:
  // `layout` tells where things lie in the window of `flash`.
  FlashStore(Flash& flash, VariableTable& table, const StoreLayout& layout)
      : flash_(flash), table_(table), layout_(layout) {}

  // Finds the variables and enters them in the table, formats a blank store, and completes what a power cut
  // interrupted. Error::malformed: there is a store, and it's damaged: nothing was changed, the store stays closed.
  // Error::device: flash refused a write. Error::out_of_memory.
  Result<void> open();
  bool is_open() const { return open_; }

  // Writes a variable that may replace `old`, which has the same name. All or nothing. Error::out_of_memory: no room
  // in flash or memory. Error::device: flash failed, and nothing more is written until the store is opened again.
  // `time_stamp` is kept with the variable; zero without time-based authentication.
  Result<void> write(const VariableId& id, std::uint32_t attributes, const abi::Time& time_stamp, Bytes data,
                     Variable* old);
  Result<void> remove(Variable& variable);

  // Bytes for records, headers included: all there are, those in use (deleted records included), and of these the
  // ones of hardware error records.
  std::uint32_t capacity() const { return end_ - first_record_; }
  std::uint32_t used() const { return append_ - first_record_; }
  std::uint32_t used_by_hardware_errors() const { return used_by_hardware_errors_; }

  // What a variable occupies, in either store.
  static constexpr std::uint64_t record_size(std::uint64_t name_size, std::uint64_t data_size) {
    return (sizeof(format::RecordHeader) + name_size + data_size + format::record_alignment - 1) &
           ~std::uint64_t{format::record_alignment - 1};
  }

 private:
  bool find_headers();
  bool is_blank_store() const;
  Result<void> format();
  Result<void> scan();
  Result<void> recover_tail();
  Result<void> enter(std::uint32_t record, const format::RecordHeader& header);
  Result<void> set_state(std::uint32_t record, std::uint8_t state);
  Result<void> append(std::uint32_t record, const VariableId& id, std::uint32_t attributes, const abi::Time& time_stamp,
                      Bytes data, Variable* old);
  bool is_blank(std::uint32_t from, std::uint32_t to) const;
  void close_tail() { append_ = end_; }

  Flash& flash_;
  VariableTable& table_;
  StoreLayout layout_;
  std::uint32_t first_record_ = 0;  // offsets in the window
  std::uint32_t append_ = 0;
  std::uint32_t end_ = 0;
  std::uint32_t used_by_hardware_errors_ = 0;
  bool open_ = false;
};

}  // namespace redoubt::variable
