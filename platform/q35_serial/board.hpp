// SPDX-License-Identifier: BSD-2-Clause-Patent
// QEMU's q35 as a machine that has nothing but a serial port to show what MM does: MM's log goes to COM1, and stands
// among what firmware and operating system write there. Chipset and its functions are q35's.
#pragma once

#include "platform/q35/board.hpp"
#include "platform/q35_serial/grants.hpp"
