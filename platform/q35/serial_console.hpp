// SPDX-License-Identifier: BSD-2-Clause-Patent
// COM1, for the board's console and for boards whose log is there too.
#pragma once

#include <string_view>

namespace redoubt::platform::q35 {

// As write_console() in platform/board.hpp. The text ends at the first byte that isn't taken within `most_polls` reads
// of the line status; false then.
bool write_serial(std::string_view text, bool set_up, unsigned most_polls);

}  // namespace redoubt::platform::q35
