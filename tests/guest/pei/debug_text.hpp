// SPDX-License-Identifier: BSD-2-Clause-Patent
// Text on the debug console, and a count of checks: what test PEIMs report with. No static data: PEI may run them from
// read-only memory. Each check that fails is a line "NAME: FAILED what (first, second)"; the last line is
// "NAME: done checks=N failed=N".
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/ports.hpp"
#include "platform/q35/chipset.hpp"

namespace redoubt::guest_pei {

inline void put(char character) { arch::out8(platform::q35::debug_console_port, static_cast<std::uint8_t>(character)); }

inline void put(const char* text) {
  for (; *text != '\0'; ++text) put(*text);
}

inline void put(std::uint32_t number) {
  char digits[10];
  unsigned count = 0;
  do {
    digits[count++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (count != 0) put(digits[--count]);
}

class Checks {
 public:
  explicit Checks(const char* name) : name_(name) {}

  void check(bool good, const char* what, std::size_t first = 0, std::size_t second = 0) {
    ++checks_;
    if (good) return;
    ++failed_;
    put(name_);
    put(": FAILED ");
    put(what);
    put(" (");
    put(first);
    put(", ");
    put(second);
    put(")\n");
  }

  void done() const {
    put(name_);
    put(": done checks=");
    put(checks_);
    put(" failed=");
    put(failed_);
    put('\n');
  }

 private:
  const char* name_;
  std::uint32_t checks_ = 0;
  std::uint32_t failed_ = 0;
};

}  // namespace redoubt::guest_pei
