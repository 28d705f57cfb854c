// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/policy_table.hpp"

#include <algorithm>

namespace redoubt::variable {

namespace {

using abi::EfiStatus;
using messages::LockOnStatePolicy;
using messages::PolicyEntry;
using messages::PolicyLock;

constexpr char16_t wildcard = u'#';                   // any one hexadecimal digit
constexpr std::uint32_t whole_namespace = UINT8_MAX;  // ranks behind every name
constexpr std::size_t unit = sizeof(char16_t);

PolicyEntry header_of(Bytes entry) {
  PolicyEntry header;
  __builtin_memcpy(&header, entry.data(), sizeof(header));
  return header;
}

char16_t unit_at(Bytes text, std::size_t index) {
  char16_t value;
  __builtin_memcpy(&value, text.data() + index * unit, unit);
  return value;
}

// The bytes of a string that starts `text`, terminator included, or nothing if it doesn't end.
Bytes terminated(Bytes text) {
  for (std::size_t index = 0; (index + 1) * unit <= text.size(); ++index) {
    if (unit_at(text, index) == 0) {
      return text.first((index + 1) * unit);
    }
  }
  return {};
}

// The name in a valid entry, terminator included; empty for a whole namespace.
Bytes name_of(Bytes entry) { return entry.subspan(header_of(entry).offset_to_name); }

Bytes state_name_of(Bytes entry) { return terminated(entry.subspan(sizeof(PolicyEntry) + sizeof(LockOnStatePolicy))); }

LockOnStatePolicy state_of(Bytes entry) {
  LockOnStatePolicy state;
  __builtin_memcpy(&state, entry.data() + sizeof(PolicyEntry), sizeof(state));
  return state;
}

bool is_hexadecimal(char16_t digit) {
  return (digit >= u'0' && digit <= u'9') || (digit >= u'A' && digit <= u'F') || (digit >= u'a' && digit <= u'f');
}

bool is_valid(Bytes entry) {
  if (entry.size() < sizeof(PolicyEntry)) {
    return false;
  }
  const PolicyEntry header = header_of(entry);
  if (header.version != PolicyEntry::current_version || header.size != entry.size() || header.maximum_size == 0 ||
      header.lock_type > static_cast<std::uint8_t>(PolicyLock::on_variable_state)) {
    return false;
  }
  std::size_t names = sizeof(PolicyEntry);
  if (header.lock_type == static_cast<std::uint8_t>(PolicyLock::on_variable_state)) {
    names += sizeof(LockOnStatePolicy);
    if (entry.size() < names) {
      return false;
    }
    const Bytes state_name = terminated(entry.subspan(names));
    if (state_name.empty()) {
      return false;
    }
    names += state_name.size();
  }
  if (header.offset_to_name != names) {
    return false;
  }
  const Bytes name = entry.subspan(names);
  if (name.empty()) {
    return true;
  }
  if (terminated(name).size() != name.size()) {
    return false;
  }
  std::uint32_t wildcards = 0;
  for (std::size_t index = 0; index < name.size() / unit; ++index) {
    wildcards += unit_at(name, index) == wildcard ? 1 : 0;
  }
  return wildcards <= whole_namespace;
}

// Whether `name`, a policy's with its terminator, covers `wanted`; adds up the wildcards it took.
bool covers(Bytes name, std::u16string_view wanted, std::uint32_t& wildcards) {
  if (name.size() != (wanted.size() + 1) * unit) {
    return false;
  }
  for (std::size_t index = 0; index < wanted.size(); ++index) {
    const char16_t own = unit_at(name, index);
    if (own == wildcard) {
      if (!is_hexadecimal(wanted[index])) {
        return false;
      }
      ++wildcards;
    } else if (own != wanted[index]) {
      return false;
    }
  }
  return true;
}

}  // namespace

PolicyTable::Match PolicyTable::match(const VariableId& id) const {
  Match best;
  for (std::uint32_t offset = 0; offset < used_;) {
    const Bytes rest = entries().subspan(offset);
    const PolicyEntry header = header_of(rest);
    const Bytes entry = rest.first(header.size);
    offset += header.size;
    const abi::Guid vendor = header.vendor;
    if (vendor != id.vendor) {
      continue;
    }
    std::uint32_t wildcards = 0;
    const Bytes name = name_of(entry);
    if (name.empty()) {
      wildcards = whole_namespace;
    } else if (!covers(name, id.name, wildcards)) {
      continue;
    }
    wildcards = std::min(wildcards, whole_namespace);
    if (best.entry.empty() || wildcards < best.wildcards) {
      best = {entry, wildcards};
    }
    if (wildcards == 0) {
      break;
    }
  }
  return best;
}

Bytes PolicyTable::find(const VariableId& id) const { return match(id).entry; }

EfiStatus PolicyTable::add(Bytes entry) {
  if (locked_) {
    return abi::status::write_protected;
  }
  if (!is_valid(entry)) {
    return abi::status::invalid_parameter;
  }
  // A policy is known when one with the same name, wildcards taken literally, is there.
  const PolicyEntry header = header_of(entry);
  const Bytes name = name_of(entry);
  for (std::uint32_t offset = 0; offset < used_;) {
    const Bytes rest = entries().subspan(offset);
    const PolicyEntry other = header_of(rest);
    const Bytes other_name = name_of(rest.first(other.size));
    offset += other.size;
    const abi::Guid vendor = header.vendor;
    const abi::Guid other_vendor = other.vendor;
    if (vendor == other_vendor && std::equal(name.begin(), name.end(), other_name.begin(), other_name.end())) {
      return abi::status::already_started;
    }
  }
  if (entry.size() > size_limit - used_) {
    return abi::status::out_of_resources;
  }
  const auto needed = used_ + static_cast<std::uint32_t>(entry.size());
  if (needed > allocated_) {
    const std::uint32_t wider = std::max(needed, std::max(allocated_ * 2, std::uint32_t{1024}));
    auto* memory = static_cast<std::byte*>(allocator_.allocate(wider));
    if (memory == nullptr) {
      return abi::status::out_of_resources;
    }
    if (used_ != 0) {
      __builtin_memcpy(memory, entries_, used_);
    }
    allocator_.release(entries_);
    entries_ = memory;
    allocated_ = wider;
  }
  __builtin_memcpy(entries_ + used_, entry.data(), entry.size());
  used_ = needed;
  return abi::status::success;
}

EfiStatus PolicyTable::add_lock(const VariableId& id) {
  if (locked_) {
    return abi::status::write_protected;
  }
  const std::size_t size = sizeof(PolicyEntry) + id.name_size();
  if (id.name.empty() || size > UINT16_MAX) {
    return abi::status::invalid_parameter;
  }
  const Match known = match(id);
  if (!known.entry.empty() && known.wildcards == 0) {
    return header_of(known.entry).lock_type == static_cast<std::uint8_t>(PolicyLock::now) ? abi::status::success
                                                                                          : abi::status::access_denied;
  }
  auto* memory = static_cast<std::byte*>(allocator_.allocate(size));
  if (memory == nullptr) {
    return abi::status::out_of_resources;
  }
  PolicyEntry header{};
  header.version = PolicyEntry::current_version;
  header.size = static_cast<std::uint16_t>(size);
  header.offset_to_name = sizeof(PolicyEntry);
  header.vendor = id.vendor;
  header.maximum_size = UINT32_MAX;
  header.lock_type = static_cast<std::uint8_t>(PolicyLock::now);
  __builtin_memcpy(memory, &header, sizeof(header));
  __builtin_memcpy(memory + sizeof(header), id.name.data(), id.name.size() * unit);
  __builtin_memset(memory + size - unit, 0, unit);
  const EfiStatus result = add({memory, size});
  allocator_.release(memory);
  return result;
}

EfiStatus PolicyTable::check(const VariableId& id, std::uint32_t attributes, std::size_t data_size) const {
  if (disabled_ || used_ == 0) {
    return abi::status::success;
  }
  const Bytes entry = find(id);
  if (entry.empty()) {
    return abi::status::success;
  }
  const PolicyEntry header = header_of(entry);
  const bool deletes = attributes == 0 || (data_size == 0 && (attributes & attribute::append_write) == 0);
  if (!deletes && (data_size < header.minimum_size || data_size > header.maximum_size ||
                   (attributes & header.attributes_must_have) != header.attributes_must_have ||
                   (attributes & header.attributes_cannot_have) != 0)) {
    return abi::status::invalid_parameter;
  }
  switch (static_cast<PolicyLock>(header.lock_type)) {
    case PolicyLock::none: return abi::status::success;
    case PolicyLock::now: return abi::status::write_protected;
    case PolicyLock::on_create:
      return variables_.find(id) != nullptr ? abi::status::write_protected : abi::status::success;
    case PolicyLock::on_variable_state: {
      const LockOnStatePolicy state = state_of(entry);
      const Bytes name = state_name_of(entry);
      // Entries lie at even addresses (every size is even), so the name can be viewed in place.
      const VariableId state_id{state.vendor, {reinterpret_cast<const char16_t*>(name.data()), name.size() / unit - 1}};
      const Variable* variable = variables_.find(state_id);
      const bool closed =
          variable != nullptr && variable->data_size == 1 && variable->data()[0] == std::byte{state.value};
      return closed ? abi::status::write_protected : abi::status::success;
    }
  }
  return abi::status::write_protected;
}

EfiStatus PolicyTable::disable() {
  if (disabled_) {
    return abi::status::already_started;
  }
  if (locked_ || !disable_allowed_) {
    return abi::status::write_protected;
  }
  disabled_ = true;
  return abi::status::success;
}

EfiStatus PolicyTable::lock() {
  if (locked_) {
    return abi::status::write_protected;
  }
  locked_ = true;
  return abi::status::success;
}

}  // namespace redoubt::variable
