// SPDX-License-Identifier: BSD-2-Clause-Patent
// Reads the log of abi/redoubt/report.hpp from a guest's consoles. What a guest writes is not trusted: lines
// are cut at a fixed length, values are reduced to printable ASCII, and a line that breaks the format is text, not
// an event. Nothing here fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "abi/redoubt/report.hpp"

namespace redoubt::tool::boot {

// An event's name as it was read, which is compared with names that exist alone.
struct ReadName {
  std::string text;
  friend bool operator==(const ReadName& read, abi::EventName name) { return read.text == name.text(); }
};

// One line of the log: its event's name and its keys with values, quotes removed.
struct Event {
  static constexpr std::size_t max_values = 32;

  ReadName name;
  std::vector<std::pair<std::string, std::string>> values;

  // The value of the first `key`, or nothing.
  [[nodiscard]] std::optional<std::string_view> text(abi::KeyName key) const;
  // The same as a number: decimal, or hexadecimal after "0x". Nothing when absent, malformed or over 64 bits.
  [[nodiscard]] std::optional<std::uint64_t> number(abi::KeyName key) const;
};

// `line` without its line end. Nothing when it isn't an event: another prefix, no name, a value without "=", an
// open quote, or more than Event::max_values values.
[[nodiscard]] std::optional<Event> parse_event(std::string_view line);

// Finds the log on a guest's two consoles. It is on the one that brings its first event, which the IPL writes before
// any other software can; what looks like one on the other is text from then on.
class LogFinder {
 public:
  // A line of the debug console, which has nothing else.
  [[nodiscard]] std::optional<Event> on_debug_console(std::string_view line);
  // A line of the serial console, where firmware and operating system write too.
  [[nodiscard]] std::optional<Event> on_serial_console(std::string_view line);

 private:
  enum class Place : std::uint8_t { unknown, debug_console, serial_console };
  std::optional<Event> find(std::string_view line, Place place);

  Place place_ = Place::unknown;
};

// `bytes` with everything outside 0x20..0x7E replaced by '?', so that it can't drive a terminal.
[[nodiscard]] std::string printable(std::string_view bytes);

// Cuts a byte stream into lines. A line longer than max_line is delivered cut, its rest is dropped.
class LineReader {
 public:
  static constexpr std::size_t max_line = 2048;

  // Adds `bytes` and returns the lines that they completed, without CR and LF.
  [[nodiscard]] std::vector<std::string> feed(std::string_view bytes);
  // What came after the last line end.
  [[nodiscard]] std::string_view pending() const { return pending_; }

 private:
  std::string pending_;
};

}  // namespace redoubt::tool::boot
