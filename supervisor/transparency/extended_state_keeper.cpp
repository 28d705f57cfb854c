// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/transparency/extended_state_keeper.hpp"

#include "arch/processor.hpp"
#include "arch/x86_64/registers/control.hpp"
#include "arch/x86_64/registers/extended_state.hpp"

namespace redoubt::supervisor {
namespace {

constexpr arch::ExtendedState known_state = arch::initial_extended_state();

}  // namespace

void ExtendedStateKeeper::load_known() const {
  if (components_ != 0) {
    arch::xrstor(&known_state, components_);
  } else {
    arch::fxrstor(&known_state);
  }
}

void ExtendedStateKeeper::arm() {
  if (!armed_) {
    arch::set_task_switched();
    armed_ = true;
  }
}

void ExtendedStateKeeper::disarm() {
  arch::clear_task_switched();
  armed_ = false;
}

bool ExtendedStateKeeper::load(CallDepth depth) {
  if ((loaded_ && !armed_) || (lost_ & bit(depth)) != 0) {
    return false;
  }
  disarm();
  if (!loaded_) {
    const std::uint64_t enabled = xsave_ ? arch::read_xcr0() : 0;
    components_ = (enabled & arch::xcr0::sse) != 0 ? enabled : 0;
    if (components_ != 0) {
      arch::xsave(area_, components_);
    } else {
      arch::fxsave(area_);
    }
    loaded_ = true;
  } else if (holder_ == depth) {
    return true;
  } else if (holder_ != 0) {
    arch::fxsave(&waiting_[holder_ - 1]);
    kept_ |= bit(holder_);
  }
  load_known();
  if ((kept_ & bit(depth)) != 0) {
    arch::fxrstor(&waiting_[depth - 1]);
    kept_ &= ~bit(depth);
  }
  holder_ = depth;
  return true;
}

void ExtendedStateKeeper::end_call(CallDepth depth) {
  kept_ &= ~bit(depth);
  lost_ &= ~bit(depth);
  if (holder_ == depth) {
    holder_ = 0;
  }
  if (loaded_) {
    arm();
  }
}

void ExtendedStateKeeper::restore() {
  if (!loaded_) {
    return;
  }
  disarm();
  if (components_ != 0) {
    arch::xrstor(area_, components_);
  } else {
    arch::fxrstor(area_);
  }
  loaded_ = false;
  holder_ = 0;
  // Another round may follow in this very MMI.
  arch::set_task_switched();
}

void ExtendedStateKeeper::drop() {
  if (holder_ != 0) {
    lost_ |= bit(holder_);
    holder_ = 0;
  }
  loaded_ = false;
  armed_ = false;
}

}  // namespace redoubt::supervisor
