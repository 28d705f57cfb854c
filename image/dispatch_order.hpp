// SPDX-License-Identifier: BSD-2-Clause-Patent
// In which order MM drivers start (PI 1.9, volume 2, chapter 10, "DXE Dispatcher", which volume 4 takes over for MM): a
// priori list first, then each driver whose dependency expression is true, BEFORE and AFTER next to their anchors. The
// foundation dispatches with it and the `redoubt` command predicts with it, so there is one answer. It loads and starts
// no driver, allocates nothing and never recurses: a volume with any number of drivers is only slow.
#pragma once

#include "abi/uefi/types.hpp"
#include "image/depex.hpp"

namespace redoubt::image {

// What decides when a driver starts.
enum class DispatchRule : std::uint8_t {
  none,        // nothing: it has no MM_DEPEX section, and MM has no architectural protocols to wait for
  expression,  // its expression
  before,      // just before the driver `anchor`
  after,       // just after it
  on_request,  // SOR: when another driver asks for it, which MM has no service for
  malformed,   // never; `defect` says why
};

enum class DispatchState : std::uint8_t {
  waiting,
  scheduled,  // next() will return it
  taken,      // next() returned it
};

// One driver, or its part that matters here. It belongs to the caller and must not move once it was added.
struct DispatchNode {
  abi::Guid file{};  // the name of the driver's file
  DispatchRule rule = DispatchRule::none;
  DispatchState state = DispatchState::waiting;
  bool apriori = false;  // started because the a priori list names it
  abi::Guid anchor{};    // of before and after
  Bytes expression;      // the section's payload; must outlive the node
  ImageError defect;     // of malformed

  DispatchNode* next_discovered = nullptr;
  DispatchNode* next_scheduled = nullptr;
  // While its neighbours are sought: who it stands next to, where to look on, and what for.
  DispatchNode* neighbour = nullptr;
  DispatchNode* cursor = nullptr;
  bool placed = false;
};

// Sets rule, anchor, expression and defect from the payload of an MM_DEPEX section.
void read_rule(DispatchNode& node, Bytes payload, std::uint64_t origin = 0);

class DispatchOrder {
 public:
  // Behind all drivers added before: the order of discovery decides where nothing else does.
  void add(DispatchNode& node);

  // Schedules those waiting drivers that an a priori file's RAW section names, in its order, whatever their rules.
  // Names of no driver are passed over, and so are bytes at the end that are no GUID.
  void schedule_apriori(Bytes list);

  // The next driver to start, in state taken, or null. `installed(const Guid&)` says whether a protocol is there: rules
  // are looked at anew when no driver is scheduled.
  template <typename Installed>
  DispatchNode* next(Installed&& installed) {
    if (scheduled_ == nullptr) {
      for (DispatchNode* node = first_; node != nullptr; node = node->next_discovered) {
        if (node->state == DispatchState::waiting && ready(*node, installed)) schedule(*node);
      }
    }
    DispatchNode* node = scheduled_;
    if (node != nullptr) {
      scheduled_ = node->next_scheduled;
      node->next_scheduled = nullptr;
      node->state = DispatchState::taken;
    }
    return node;
  }

  // All drivers in order of discovery; on through next_discovered.
  DispatchNode* first() const { return first_; }
  // The first driver of this name, or null.
  DispatchNode* find(const abi::Guid& file) const;

 private:
  template <typename Installed>
  bool ready(const DispatchNode& node, Installed& installed) const {
    switch (node.rule) {
      case DispatchRule::none: return true;
      case DispatchRule::expression: {
        const auto expression = DepexView::create(node.expression);
        return expression.has_value() && expression->evaluate(installed);
      }
      case DispatchRule::after: return left_waiting(node.anchor);
      default: return false;
    }
  }

  // Whether a driver of this name was scheduled earlier: a driver AFTER it that wasn't scheduled with it, since it came
  // through the a priori list, follows.
  bool left_waiting(const abi::Guid& file) const;
  void schedule(DispatchNode& node);
  DispatchNode* next_neighbour(DispatchNode* from, DispatchRule rule, const abi::Guid& anchor) const;
  void append(DispatchNode& node);

  DispatchNode* first_ = nullptr;
  DispatchNode* last_ = nullptr;
  DispatchNode* scheduled_ = nullptr;
  DispatchNode* scheduled_last_ = nullptr;
};

// Calls visit(const Guid&) for each term of the node's expression that names a protocol which isn't there. Nothing is
// called for other rules, or for an expression that is false for another reason.
template <typename Installed, typename Visit>
void for_each_missing(const DispatchNode& node, Installed&& installed, Visit&& visit) {
  if (node.rule != DispatchRule::expression && node.rule != DispatchRule::on_request) return;
  const auto expression = DepexView::create(node.expression);
  for (std::size_t position = 0; expression.has_value() && position < expression->size();) {
    const DepexTerm term = expression->term(position);
    if (term.opcode == abi::DepexOpcode::push && !installed(term.guid)) visit(term.guid);
  }
}

}  // namespace redoubt::image
