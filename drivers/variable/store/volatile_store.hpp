// SPDX-License-Identifier: BSD-2-Clause-Patent
// The variables that are gone after a reset, each in one block of MM pool. Space is counted as in the flash store, so
// that the figures of QueryVariableInfo mean the same for both and no caller can fill MMRAM through variables.
#pragma once

#include "base/allocator.hpp"
#include "base/result.hpp"
#include "drivers/variable/store/variable_table.hpp"

namespace redoubt::variable {

class VolatileStore {
 public:
  VolatileStore(Allocator& allocator, VariableTable& table, std::uint32_t capacity)
      : allocator_(allocator), table_(table), capacity_(capacity) {}
  VolatileStore(const VolatileStore&) = delete;
  VolatileStore& operator=(const VolatileStore&) = delete;
  ~VolatileStore();

  // Stores a variable that may replace `old`, which has the same name. All or nothing; Error::out_of_memory.
  // The variable's address changes with its value.
  // `time_stamp` as in FlashStore::write.
  Result<Variable*> write(const VariableId& id, std::uint32_t attributes, const abi::Time& time_stamp, Bytes data,
                          Variable* old);
  void remove(Variable& variable);

  std::uint32_t capacity() const { return capacity_; }
  std::uint32_t used() const { return used_; }

 private:
  Allocator& allocator_;
  VariableTable& table_;
  std::uint32_t capacity_;
  std::uint32_t used_ = 0;
};

}  // namespace redoubt::variable
