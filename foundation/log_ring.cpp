// SPDX-License-Identifier: BSD-2-Clause-Patent
// Sizes are multiples of 8, so what is left before the end of memory always takes a filler.
#include "foundation/log_ring.hpp"

#include <algorithm>

#include "abi/redoubt/syscall.hpp"

namespace redoubt::foundation {

LogRing::Header LogRing::header_at(std::uint64_t position) const {
  Header header{};
  __builtin_memcpy(&header, at(position), filler_bytes);
  if (!header.filler) __builtin_memcpy(&header, at(position), sizeof(header));
  return header;
}

LogRing::Line LogRing::line_at(std::uint64_t position, const Header& header, std::uint64_t number) const {
  return {.number = number,
          .ticks = header.ticks,
          .driver = static_cast<std::uint32_t>(header.driver),
          .level = header.level,
          .reported = header.reported != 0,
          .text = {reinterpret_cast<const char*>(at(position)) + sizeof(Header), header.text_bytes}};
}

void LogRing::make_room(std::uint64_t bytes) {
  while (next_ + bytes - oldest_ > memory_.size()) {
    const Header header = header_at(oldest_);
    oldest_ += header.size;
    if (header.filler) continue;
    if (oldest_number_ >= unreported_ && !header.reported) ++lost_;
    ++oldest_number_;
  }
}

void LogRing::append(const Line& line) {
  ++total_;
  if (memory_.empty()) {
    oldest_number_ = total_;
    if (!line.reported) ++lost_;
    return;
  }
  const std::string_view text = line.text.substr(0, abi::log_line_bytes);
  const std::uint64_t size = entry_bytes(text);
  if (const std::uint64_t rest = memory_.size() - next_ % memory_.size(); rest < size) {
    make_room(rest);
    const Header filler{.size = static_cast<std::uint32_t>(rest),
                        .text_bytes = 0,
                        .level = abi::LogLevel::info,
                        .filler = 1,
                        .reported = 0,
                        .ticks = 0,
                        .driver = 0};
    __builtin_memcpy(at(next_), &filler, filler_bytes);
    next_ += rest;
  }
  make_room(size);
  const Header header{.size = static_cast<std::uint32_t>(size),
                      .text_bytes = static_cast<std::uint16_t>(text.size()),
                      .level = line.level,
                      .filler = 0,
                      .reported = line.reported,
                      .ticks = line.ticks,
                      .driver = line.driver};
  __builtin_memcpy(at(next_), &header, sizeof(header));
  char* characters = reinterpret_cast<char*>(at(next_)) + sizeof(header);
  for (const char c : text) *characters++ = c < ' ' || c > '~' ? '?' : c;
  next_ += size;
}

}  // namespace redoubt::foundation
