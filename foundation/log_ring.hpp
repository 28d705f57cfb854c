// SPDX-License-Identifier: BSD-2-Clause-Patent
// The log in MMRAM: lines with level, driver and time in a ring of bytes that forgets its oldest lines. It is the
// foundation's memory, so nothing in it is checked again; text from drivers is made printable on its way in.
//
//   |entry|entry|entry|.......... free ..........|entry|entry|filler|
//                     ^ next                     ^ oldest           ^ capacity: no entry goes on at the start
#pragma once

#include <cstdint>
#include <string_view>

#include "abi/redoubt/observation.hpp"
#include "base/byte_reader.hpp"
#include "base/checked.hpp"

namespace redoubt::foundation {

class LogRing {
 private:
  struct Header {
    std::uint32_t size;  // with text and padding
    std::uint16_t text_bytes;
    abi::LogLevel level;
    std::uint8_t filler : 1;
    std::uint8_t reported : 1;
    std::uint64_t ticks;
    std::uint64_t driver;
  };
  static_assert(sizeof(Header) == 24);

 public:
  struct Line {
    std::uint64_t number = 0;
    std::uint64_t ticks = 0;
    std::uint32_t driver = 0;
    abi::LogLevel level = abi::LogLevel::info;
    bool reported = false;  // stands in the report already
    std::string_view text;
  };

  // From here on lines are kept, in `memory`: aligned to 8 bytes, of a multiple of 8 and at least 1024 bytes. Without
  // it they are only counted.
  void use(MutableBytes memory) { memory_ = memory; }

  // What a line takes of the memory.
  static constexpr std::uint64_t entry_bytes(std::string_view text) {
    return sizeof(Header) + align_up<std::uint64_t>(text.size(), 8);
  }

  // Line::number is given here. Text beyond a line of the report is cut.
  void append(const Line& line);

  // Calls visit(const Line&) for lines kept, from `number` on, oldest first, until it returns false.
  template <typename Visit>
  void walk(std::uint64_t number, Visit visit) const {
    std::uint64_t current = oldest_number_;
    for (std::uint64_t position = oldest_; position != next_;) {
      const Header header = header_at(position);
      if (!header.filler) {
        if (current >= number && !visit(line_at(position, header, current))) return;
        ++current;
      }
      position += header.size;
    }
  }

  std::uint64_t total() const { return total_; }  // lines there have been

  // All lines there are now are in the report; walk() from unreported() gives those that came after.
  void set_reported() { unreported_ = total_; }
  std::uint64_t unreported() const { return unreported_; }
  // Lines that were forgotten before they were reported.
  std::uint64_t lost() const { return lost_; }

 private:
  static constexpr std::size_t filler_bytes = 8;  // what of a header a filler has

  std::byte* at(std::uint64_t position) const { return memory_.data() + position % memory_.size(); }
  Header header_at(std::uint64_t position) const;
  Line line_at(std::uint64_t position, const Header& header, std::uint64_t number) const;
  void make_room(std::uint64_t bytes);

  MutableBytes memory_;
  std::uint64_t oldest_ = 0;  // positions count on; where they are in memory is their remainder
  std::uint64_t next_ = 0;
  std::uint64_t oldest_number_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t unreported_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace redoubt::foundation
