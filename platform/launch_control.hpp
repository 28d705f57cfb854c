// SPDX-License-Identifier: BSD-2-Clause-Patent
// What every board does for the launch of MM and for the DXE driver: SMIs on, SMIs locked on, SMIs to all CPUs, the
// state of MMRAM's lock, and what the one who starts the machine asks of MM. A lock is read back from the hardware
// here, not from what a PPI claims. Compiled for 32-bit PEI and for 64-bit DXE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "platform/board.hpp"

namespace redoubt::platform {

// Lets software SMIs through and no others. False when that doesn't stick or the chipset isn't set up as expected.
bool enable_smi();
std::uint32_t smi_enable_register();
// Lets no SMI through any more; without effect once lock_smi_enable() has been called.
void disable_smi();
// SMIs stay enabled until reset; false when that doesn't read back.
bool lock_smi_enable();

// The state of MMRAM's lock: a type of the board's, with locked() and closed_and_locked().
using MmramLock = board::MmramLock;
MmramLock read_mmram_lock();

// Closes and locks MMRAM with the chipset's own registers, for paths where no PPI can be asked.
void close_and_lock_mmram();

// Makes every software SMI go to all CPUs. Error::unsupported when the machine doesn't offer it, Error::malformed when
// it describes that in an unknown way, Error::device when it refuses.
Result<void> broadcast_smis();

// What the one who starts the machine asks to see of MM (abi/redoubt/observation.hpp): the words of the file `name` in
// `out`, and how long they are, which may be more than `out` holds; then nothing was read. No OS has run yet, so
// nothing in it comes from one. Nothing where nothing is asked.
std::optional<std::size_t> read_launch_words(std::string_view name, std::span<std::byte> out);

}  // namespace redoubt::platform
