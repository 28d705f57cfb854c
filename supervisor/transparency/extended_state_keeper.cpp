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

bool ExtendedStateKeeper::load() {
  if (loaded_) {
    return false;
  }
  arch::clear_task_switched();
  const std::uint64_t enabled = xsave_ ? arch::read_xcr0() : 0;
  components_ = (enabled & arch::xcr0::sse) != 0 ? enabled : 0;
  if (components_ != 0) {
    arch::xsave(area_, components_);
  } else {
    arch::fxsave(area_);
  }
  load_known();
  loaded_ = true;
  return true;
}

void ExtendedStateKeeper::reload_known() {
  if (loaded_) {
    load_known();
  }
}

void ExtendedStateKeeper::restore() {
  if (!loaded_) {
    return;
  }
  if (components_ != 0) {
    arch::xrstor(area_, components_);
  } else {
    arch::fxrstor(area_);
  }
  loaded_ = false;
  // Another round may follow in this very MMI.
  arch::set_task_switched();
}

}  // namespace redoubt::supervisor
