// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/variable_table.hpp"

#include <new>

namespace redoubt::variable {

struct VariableTable::Slab {
  static constexpr std::size_t nodes_per_slab = 48;  // a slab fills most of a page
  Slab* next = nullptr;
  Variable nodes[nodes_per_slab];
};

VariableTable::~VariableTable() {
  while (slabs_ != nullptr) {
    Slab* next = slabs_->next;
    allocator_.release(slabs_);
    slabs_ = next;
  }
  if (buckets_ != initial_) {
    allocator_.release(static_cast<void*>(buckets_));
  }
}

std::uint32_t VariableTable::hash(const VariableId& id) {
  constexpr std::uint64_t multiplier = 0x9E3779B97F4A7C15;  // 2^64 divided by the golden ratio
  std::uint64_t halves[2];
  static_assert(sizeof(halves) == sizeof(id.vendor));
  __builtin_memcpy(halves, &id.vendor, sizeof(halves));
  std::uint64_t value = (halves[0] * multiplier) ^ halves[1];
  for (const char16_t unit : id.name) {
    value = (value ^ unit) * multiplier;
    value ^= value >> 29;
  }
  return static_cast<std::uint32_t>(value ^ (value >> 32));
}

Variable* VariableTable::find(const VariableId& id) const {
  const std::uint32_t wanted = hash(id);
  const std::size_t characters = id.name.size() * sizeof(char16_t);
  for (Variable* variable = *bucket(wanted); variable != nullptr; variable = variable->chain) {
    if (variable->hash == wanted && variable->name_size == characters + sizeof(char16_t) &&
        __builtin_memcmp(variable->content, &id.vendor, sizeof(id.vendor)) == 0 &&
        __builtin_memcmp(variable->content + sizeof(id.vendor), id.name.data(), characters) == 0) {
      return variable;
    }
  }
  return nullptr;
}

Variable* VariableTable::first() const {
  return volatile_order_.first != nullptr ? volatile_order_.first : flash_order_.first;
}

Variable* VariableTable::after(const Variable& variable) const {
  if (variable.next == nullptr && variable.is_volatile()) {
    return flash_order_.first;
  }
  return variable.next;
}

Variable* VariableTable::take_node() {
  if (free_nodes_ == nullptr) {
    void* memory = allocator_.allocate(sizeof(Slab));
    if (memory == nullptr) {
      return nullptr;
    }
    auto* slab = new (memory) Slab;
    slab->next = slabs_;
    slabs_ = slab;
    for (Variable& node : slab->nodes) {
      give_back_node(node);
    }
  }
  Variable* node = free_nodes_;
  free_nodes_ = node->chain;
  *node = {};
  return node;
}

void VariableTable::give_back_node(Variable& node) {
  node = {};
  node.chain = free_nodes_;
  free_nodes_ = &node;
}

void VariableTable::insert(Variable& variable, const VariableId& id) {
  if (count_ >= bucket_count_) {
    grow();
  }
  variable.hash = hash(id);
  Variable** head = bucket(variable.hash);
  variable.chain = *head;
  *head = &variable;
  Order& order = order_of(variable);
  variable.previous = order.last;
  variable.next = nullptr;
  (order.last != nullptr ? order.last->next : order.first) = &variable;
  order.last = &variable;
  ++count_;
}

void VariableTable::remove(Variable& variable) {
  Variable** link = bucket(variable.hash);
  while (*link != &variable) {
    link = &(*link)->chain;
  }
  *link = variable.chain;
  Order& order = order_of(variable);
  (variable.previous != nullptr ? variable.previous->next : order.first) = variable.next;
  (variable.next != nullptr ? variable.next->previous : order.last) = variable.previous;
  --count_;
}

void VariableTable::replace(Variable& old, Variable& variable) {
  variable.hash = old.hash;
  Variable** link = bucket(old.hash);
  while (*link != &old) {
    link = &(*link)->chain;
  }
  *link = &variable;
  variable.chain = old.chain;
  variable.previous = old.previous;
  variable.next = old.next;
  Order& order = order_of(old);
  (old.previous != nullptr ? old.previous->next : order.first) = &variable;
  (old.next != nullptr ? old.next->previous : order.last) = &variable;
}

// Without memory the chains just get longer.
void VariableTable::grow() {
  const std::uint32_t wider = bucket_count_ * 2;
  void* memory = allocator_.allocate(wider * sizeof(Variable*));
  if (memory == nullptr) {
    return;
  }
  auto** old = buckets_;
  const std::uint32_t old_count = bucket_count_;
  buckets_ = static_cast<Variable**>(memory);
  bucket_count_ = wider;
  for (std::uint32_t index = 0; index < wider; ++index) {
    buckets_[index] = nullptr;
  }
  for (std::uint32_t index = 0; index < old_count; ++index) {
    for (Variable* variable = old[index]; variable != nullptr;) {
      Variable* next = variable->chain;
      Variable** head = bucket(variable->hash);
      variable->chain = *head;
      *head = variable;
      variable = next;
    }
  }
  if (old != initial_) {
    allocator_.release(static_cast<void*>(old));
  }
}

}  // namespace redoubt::variable
