// SPDX-License-Identifier: BSD-2-Clause-Patent
// MM's log on COM1. Each line of it starts on a line of its own, behind whatever the port's user has written of one,
// and behind a line of ours that was given up since the port took no more.
#include "abi/redoubt/report.hpp"
#include "platform/board.hpp"
#include "platform/q35/serial_console.hpp"

namespace redoubt::platform {

namespace {

// About a quarter of a second for a byte: an emulator's reader may be slow. A port that is stuck costs that once for
// each text.
constexpr unsigned most_polls = 1u << 18;

bool send(std::string_view text) { return q35::write_serial(text, false, most_polls); }

}  // namespace

// PEI: no speed was set yet.
void start_log() { static_cast<void>(q35::write_serial({}, true, most_polls)); }

void write_log(std::string_view text) {
  if (text.starts_with(abi::report_prefix) && !send("\r\n")) {
    return;
  }
  while (!text.empty()) {
    std::size_t length = 0;
    while (length != text.size() && text[length] != '\n') {
      ++length;
    }
    if (!send(text.substr(0, length)) || length == text.size() || !send("\r\n")) {
      return;
    }
    text.remove_prefix(length + 1);
  }
}

}  // namespace redoubt::platform
