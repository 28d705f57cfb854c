// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/volatile_store.hpp"

#include <new>

#include "drivers/variable/store/flash_store.hpp"

namespace redoubt::variable {

namespace {
std::uint64_t size_of(const Variable& variable) {
  return FlashStore::record_size(variable.name_size, variable.data_size);
}
}  // namespace

VolatileStore::~VolatileStore() {
  for (Variable* variable = table_.first(); variable != nullptr && variable->is_volatile(); variable = table_.first()) {
    remove(*variable);
  }
}

Result<Variable*> VolatileStore::write(const VariableId& id, std::uint32_t attributes, const abi::Time& time_stamp,
                                       Bytes data, Variable* old) {
  const std::uint64_t used = used_ - (old != nullptr ? size_of(*old) : 0);
  const std::uint64_t size = FlashStore::record_size(id.name_size(), data.size());
  if (size > capacity_ - used) {
    return std::unexpected(Error::out_of_memory);
  }
  void* memory = allocator_.allocate(sizeof(Variable) + sizeof(id.vendor) + id.name_size() + data.size());
  if (memory == nullptr) {
    return std::unexpected(Error::out_of_memory);
  }
  auto* variable = new (memory) Variable;
  auto* content = static_cast<std::byte*>(memory) + sizeof(Variable);
  std::byte* name = content + sizeof(id.vendor);
  const std::size_t characters = id.name.size() * sizeof(char16_t);
  __builtin_memcpy(content, &id.vendor, sizeof(id.vendor));
  __builtin_memcpy(name, id.name.data(), characters);
  __builtin_memset(name + characters, 0, sizeof(char16_t));
  // `data` may be empty, and then lead nowhere.
  if (!data.empty()) {
    __builtin_memcpy(name + id.name_size(), data.data(), data.size());
  }
  variable->content = content;
  variable->attributes = attributes;
  variable->time_stamp = time_stamp;
  variable->name_size = id.name_size();
  variable->data_size = static_cast<std::uint32_t>(data.size());
  if (old != nullptr) {
    variable->read_only = old->read_only;
    table_.replace(*old, *variable);
    allocator_.release(old);
  } else {
    table_.insert(*variable, id);
  }
  used_ = static_cast<std::uint32_t>(used + size);
  return variable;
}

void VolatileStore::remove(Variable& variable) {
  used_ -= static_cast<std::uint32_t>(size_of(variable));
  table_.remove(variable);
  allocator_.release(&variable);
}

}  // namespace redoubt::variable
