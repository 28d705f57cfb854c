// SPDX-License-Identifier: BSD-2-Clause-Patent
// See debug_console.hpp. On a machine without the console the writes go nowhere.
#include "launch/dxe/debug_console.hpp"

#include "abi/redoubt/report.hpp"
#include "platform/q35/chipset.hpp"

namespace redoubt::launch::dxe {

namespace {

void put(char character) { asm volatile("outb %0, %1" : : "a"(character), "d"(platform::q35::debug_console_port)); }

void put(const char* text) {
  while (*text != '\0') {
    put(*text++);
  }
}

void put_number(std::uint64_t value, unsigned base) {
  char digits[20];
  unsigned count = 0;
  do {
    digits[count++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  while (count != 0) {
    put(digits[--count]);
  }
}

void put_key(const char* key) {
  put(' ');
  put(key);
  put('=');
}

}  // namespace

DebugLine::DebugLine(const char* event) {
  put(abi::report_prefix);
  put(event);
}

DebugLine::~DebugLine() { put('\n'); }

void DebugLine::word(const char* key, const char* value) {
  put_key(key);
  put(value);
}

void DebugLine::text(const char* key, const char* value) {
  put_key(key);
  put('"');
  put(value);
  put('"');
}

void DebugLine::decimal(const char* key, std::uint64_t value) {
  put_key(key);
  put_number(value, 10);
}

void DebugLine::hexadecimal(const char* key, std::uint64_t value) {
  put_key(key);
  put("0x");
  put_number(value, 16);
}

}  // namespace redoubt::launch::dxe
