// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/property_table.hpp"

#include <new>

namespace redoubt::variable {

// The name's characters follow.
struct PropertyTable::Entry {
  Entry* next;
  messages::VariableProperty property;
  abi::Guid vendor;
  std::uint32_t length;

  std::u16string_view name() const { return {reinterpret_cast<const char16_t*>(this + 1), length}; }
};

PropertyTable::~PropertyTable() {
  while (first_ != nullptr) {
    Entry* next = first_->next;
    allocator_.release(first_);
    first_ = next;
  }
}

const messages::VariableProperty* PropertyTable::find(const VariableId& id) const {
  for (const Entry* entry = first_; entry != nullptr; entry = entry->next) {
    if (entry->vendor == id.vendor && entry->name() == id.name) {
      return &entry->property;
    }
  }
  return nullptr;
}

abi::EfiStatus PropertyTable::set(const VariableId& id, const messages::VariableProperty& property) {
  if (id.name.empty() || id.name_size() > name_limit ||
      property.revision != messages::VariableProperty::current_revision) {
    return abi::status::invalid_parameter;
  }
  for (Entry* entry = first_; entry != nullptr; entry = entry->next) {
    if (entry->vendor == id.vendor && entry->name() == id.name) {
      entry->property = property;
      return abi::status::success;
    }
  }
  if (count_ == limit) {
    return abi::status::out_of_resources;
  }
  const std::size_t characters = id.name.size() * sizeof(char16_t);
  void* memory = allocator_.allocate(sizeof(Entry) + characters);
  if (memory == nullptr) {
    return abi::status::out_of_resources;
  }
  auto* entry = new (memory) Entry{first_, property, id.vendor, static_cast<std::uint32_t>(id.name.size())};
  __builtin_memcpy(entry + 1, id.name.data(), characters);
  first_ = entry;
  ++count_;
  return abi::status::success;
}

abi::EfiStatus PropertyTable::check(const VariableId& id, std::uint32_t attributes, std::size_t data_size) const {
  const messages::VariableProperty* property = find(id);
  if (property == nullptr) {
    return abi::status::success;
  }
  if ((property->property & messages::VariableProperty::read_only) != 0) {
    return abi::status::write_protected;
  }
  const bool deletes = attributes == 0 || (data_size == 0 && (attributes & attribute::append_write) == 0);
  if (deletes) {
    return abi::status::success;
  }
  if (property->attributes != 0 && (attributes & ~attribute::append_write) != property->attributes) {
    return abi::status::invalid_parameter;
  }
  if (data_size != 0 && (data_size < property->minimum_size || data_size > property->maximum_size)) {
    return abi::status::invalid_parameter;
  }
  return abi::status::success;
}

}  // namespace redoubt::variable
