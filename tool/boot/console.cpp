// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/boot/console.hpp"

namespace redoubt::tool::boot {

void Console::feed(std::string_view bytes) {
  constexpr char escape = '\x1B';
  for (const char byte : bytes) {
    switch (state_) {
      case State::plain:
        if (byte == escape) {
          state_ = State::escape;
        } else if (byte == '\n' || (byte >= 0x20 && byte <= 0x7E)) {
          text_.push_back(byte);
        }
        break;
      case State::escape: state_ = byte == '[' ? State::sequence : State::plain; break;
      case State::sequence:  // ECMA-48, 5.4: parameters are 0x20..0x3F, the final byte is 0x40..0x7E
        if (byte < 0x20 || byte > 0x3F) {
          state_ = State::plain;
        }
        break;
    }
  }
  if (text_.size() > 2 * max_kept) {
    const std::size_t excess = text_.size() - max_kept;
    text_.erase(0, excess);
    dropped_ += excess;
  }
}

std::size_t Console::find(std::string_view marker, std::uint64_t position) const {
  const std::uint64_t start = position > dropped_ ? position - dropped_ : 0;
  return start <= text_.size() ? std::string_view(text_).find(marker, start) : std::string_view::npos;
}

bool Console::contains(std::string_view marker, std::uint64_t position) const {
  return find(marker, position) != std::string_view::npos;
}

bool Console::contains_line(std::string_view marker, std::uint64_t position) const {
  const std::size_t found = find(marker, position);
  return found != std::string_view::npos && text_.find('\n', found) != std::string::npos;
}

}  // namespace redoubt::tool::boot
