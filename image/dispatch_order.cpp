// SPDX-License-Identifier: BSD-2-Clause-Patent
// schedule() is a walk down a tree (a driver, those BEFORE and AFTER it, those next to them, ...) whose path back is
// kept in the nodes.
#include "image/dispatch_order.hpp"

namespace redoubt::image {

void read_rule(DispatchNode& node, Bytes payload, std::uint64_t origin) {
  node.expression = payload;
  const auto expression = DepexView::create(payload, origin);
  if (!expression.has_value()) {
    node.rule = DispatchRule::malformed;
    node.defect = expression.error();
  } else if (expression->order().has_value()) {
    node.rule = expression->order()->before ? DispatchRule::before : DispatchRule::after;
    node.anchor = expression->order()->file;
  } else {
    node.rule = expression->on_request() ? DispatchRule::on_request : DispatchRule::expression;
  }
}

void DispatchOrder::add(DispatchNode& node) {
  (last_ != nullptr ? last_->next_discovered : first_) = &node;
  last_ = &node;
}

void DispatchOrder::append(DispatchNode& node) {
  (scheduled_ != nullptr ? scheduled_last_->next_scheduled : scheduled_) = &node;
  scheduled_last_ = &node;
}

void DispatchOrder::schedule_apriori(Bytes list) {
  for (std::size_t at = 0;; at += sizeof(abi::Guid)) {
    const auto name = read_at<abi::Guid>(list, at);
    if (!name.has_value()) return;
    for (DispatchNode* node = first_; node != nullptr; node = node->next_discovered) {
      if (node->state != DispatchState::waiting || node->file != *name) continue;
      // In the order given: no other driver comes in between.
      node->state = DispatchState::scheduled;
      node->apriori = true;
      append(*node);
    }
  }
}

DispatchNode* DispatchOrder::find(const abi::Guid& file) const {
  for (DispatchNode* node = first_; node != nullptr; node = node->next_discovered) {
    if (node->file == file) return node;
  }
  return nullptr;
}

bool DispatchOrder::left_waiting(const abi::Guid& file) const {
  for (const DispatchNode* node = first_; node != nullptr; node = node->next_discovered) {
    if (node->state != DispatchState::waiting && node->file == file) return true;
  }
  return false;
}

DispatchNode* DispatchOrder::next_neighbour(DispatchNode* from, DispatchRule rule, const abi::Guid& anchor) const {
  for (DispatchNode* node = from; node != nullptr; node = node->next_discovered) {
    if (node->state == DispatchState::waiting && node->rule == rule && node->anchor == anchor) return node;
  }
  return nullptr;
}

void DispatchOrder::schedule(DispatchNode& node) {
  const auto begin = [this](DispatchNode& found, DispatchNode* neighbour) {
    found.state = DispatchState::scheduled;  // first, so that a circle of orders ends
    found.neighbour = neighbour;
    found.cursor = first_;
    found.placed = false;
  };
  begin(node, nullptr);
  for (DispatchNode* current = &node; current != nullptr;) {
    const DispatchRule rule = current->placed ? DispatchRule::after : DispatchRule::before;
    DispatchNode* found = next_neighbour(current->cursor, rule, current->file);
    if (found != nullptr) {
      current->cursor = found->next_discovered;
      begin(*found, current);
      current = found;
    } else if (!current->placed) {
      append(*current);
      current->placed = true;
      current->cursor = first_;
    } else {
      current = current->neighbour;
    }
  }
}

}  // namespace redoubt::image
