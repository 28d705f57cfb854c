// SPDX-License-Identifier: BSD-2-Clause-Patent
// A store alone, from one start to the next, for tests: on a flash of any kind, with or without a repair.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "drivers/variable/store/flash_store.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::variable::test {

struct StartedStore {
  explicit StartedStore(Flash& flash, Repair repair = Repair::no, OtherProcessors* processors = nullptr)
      : store(allocator, flash, table, small_layout, processors) {
    opened = store.open(repair);
  }
  Result<void> set(std::u16string_view name, std::string_view data) {
    const VariableId id{vendor_a, name};
    return store.write(id, attribute::nv_bs_rt, {}, std::as_bytes(std::span(data)), table.find(id));
  }
  Result<void> remove(std::u16string_view name) { return store.remove(*table.find({vendor_a, name})); }

  using Values = std::map<std::u16string, std::string>;
  Values all() const {
    Values found;
    for (const Variable* variable = table.first_non_volatile(); variable != nullptr; variable = variable->next) {
      const Bytes name = variable->name_bytes();
      const Bytes data = variable->data();
      found[{reinterpret_cast<const char16_t*>(name.data()), name.size() / 2 - 1}] = {
          reinterpret_cast<const char*>(data.data()), data.size()};
    }
    return found;
  }

  HeapAllocator allocator;
  VariableTable table{allocator};
  FlashStore store;
  Result<void> opened;
};

}  // namespace redoubt::variable::test
