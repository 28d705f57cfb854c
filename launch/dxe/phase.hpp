// SPDX-License-Identifier: BSD-2-Clause-Patent
// Phases of the boot that MM is told of, and what becomes of one that it may not have heard of. MM locks what it has
// when they come: memory that DXE may open to drivers, variables, what is for the boot alone.
#pragma once

#include <cstdint>

#include "abi/uefi/types.hpp"

namespace redoubt::launch::dxe {

enum class PhaseOutcome : std::uint8_t {
  heard,
  failed,   // MM heard of it, and something failed in it or had before: it has its fault policies for that
  unheard,  // what MM would still do for later phases isn't known
};

// `status`: what the message came back with. EFI_NOT_FOUND is from an MM that has heard of the phase before: messages
// of phases that are over have no handler. Anything else than that and EFI_DEVICE_ERROR is no answer of MM's.
constexpr PhaseOutcome phase_outcome(abi::EfiStatus status) {
  if (!abi::status::is_error(status) || status == abi::status::not_found) return PhaseOutcome::heard;
  return status == abi::status::device_error ? PhaseOutcome::failed : PhaseOutcome::unheard;
}

}  // namespace redoubt::launch::dxe
