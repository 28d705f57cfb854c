// SPDX-License-Identifier: BSD-2-Clause-Patent
// All variables, volatile and not, by name and in order. A look-up costs one hash of the name and a short chain,
// however many variables there are; the table grows with them. It owns the memory of Variable nodes of the flash
// store; volatile variables bring their own.
#pragma once

#include "base/allocator.hpp"
#include "base/result.hpp"
#include "drivers/variable/store/variable.hpp"

namespace redoubt::variable {

class VariableTable {
 public:
  explicit VariableTable(Allocator& allocator) : allocator_(allocator) {}
  VariableTable(const VariableTable&) = delete;
  VariableTable& operator=(const VariableTable&) = delete;
  ~VariableTable();

  // Null when there is none.
  Variable* find(const VariableId& id) const;

  // First variable in order (volatile ones come first), and the one after; null at the end.
  Variable* first() const;
  Variable* first_non_volatile() const { return flash_order_.first; }
  Variable* after(const Variable& variable) const;

  // A node for a non-volatile variable, not yet in the table, or null.
  Variable* take_node();
  void give_back_node(Variable& node);

  // `variable` has content and sizes; it must not be in the table, nor one with its name. Comes last in its order.
  void insert(Variable& variable, const VariableId& id);
  void remove(Variable& variable);
  // `variable` takes the place of `old`, which has the same name, in every order.
  void replace(Variable& old, Variable& variable);

  std::uint32_t count() const { return count_; }

  static std::uint32_t hash(const VariableId& id);

 private:
  struct Order {
    Variable* first = nullptr;
    Variable* last = nullptr;
  };
  struct Slab;

  Order& order_of(const Variable& variable) { return variable.is_volatile() ? volatile_order_ : flash_order_; }
  Variable** bucket(std::uint32_t hash) const { return &buckets_[hash & (bucket_count_ - 1)]; }
  void grow();

  static constexpr std::uint32_t initial_buckets = 64;

  Allocator& allocator_;
  Variable* initial_[initial_buckets] = {};
  Variable** buckets_ = initial_;
  std::uint32_t bucket_count_ = initial_buckets;
  std::uint32_t count_ = 0;
  Order volatile_order_;
  Order flash_order_;
  Variable* free_nodes_ = nullptr;
  Slab* slabs_ = nullptr;
};

}  // namespace redoubt::variable
