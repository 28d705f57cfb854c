// SPDX-License-Identifier: BSD-2-Clause-Patent
// The board that this build is for, chosen by REDOUBT_BOARD in CMake: its data, as `platform::board`, and the functions
// that every board has. No file outside of platform/ that goes into firmware names a board (docs/boards.md). Data and
// mechanism only: what drivers may do with them is decided in policy/.
#pragma once

#include <cstdint>
#include <string_view>

#include REDOUBT_BOARD_HEADER  // platform/<board>/board.hpp

namespace redoubt::platform {

namespace board = REDOUBT_BOARD;

// One access on a driver's behalf, which policy allowed. The first returns what was read.
std::uint32_t read_for_driver(const policy::GrantedRead& read);
void write_for_driver(const policy::GrantedWrite& write);

// What was written to the command port last.
std::uint8_t read_command();

// Makes the place of MM's log ready for write_log(), at the start of each boot.
void start_log();

// Writes `text`, printable ASCII and line ends, to MM's log, if the machine has a place for it.
void write_log(std::string_view text);

// Writes `text`, printable ASCII and line ends, to the board's serial console. The port may be an operating system's by
// now, or lead anywhere: what it says bounds the wait for each byte and nothing else. `set_up`: no other software can
// have chosen a speed; otherwise that, and what interrupts it raises, stay as they are.
void write_console(std::string_view text, bool set_up);

// A free-running timer, which wraps at board::timer_mask.
std::uint32_t read_timer();

// Raises a software MMI for this CPU, and for all once that was negotiated (launch_control.hpp). Not synchronous: wait
// for an effect.
void raise_mmi();

// Calls all CPUs in, this one included, which takes its SMI after RSM: without any local APIC, and without a word on
// whether it worked. The host can keep it from working (SMI_EN, an I/O BAR over the port); then it reads and writes one
// byte of a device of the host's, as the host could itself.
void raise_mmi_everywhere();

// Resets the machine, the flash and all CPUs included: by the reset register, a bounded number of times, since the host
// may have put an I/O BAR over it; then by a triple fault, which no BAR covers. A CPU that still runs after that halts.
[[noreturn]] void reset();

}  // namespace redoubt::platform
