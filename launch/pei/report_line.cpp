// SPDX-License-Identifier: BSD-2-Clause-Patent
// See report_line.hpp.
#include "launch/pei/report_line.hpp"

#include "abi/redoubt/report.hpp"
#include "launch/pei/port_io.hpp"
#include "platform/q35/chipset.hpp"

namespace redoubt::launch {

namespace q35 = platform::q35;

ReportLine::ReportLine(const char* event)
    : present_(read_port8(q35::debug_console_port) == q35::debug_console_signature) {
  put(abi::report_prefix);
  put(event);
}

ReportLine::~ReportLine() { put('\n'); }

ReportLine& ReportLine::decimal(const char* key, std::uint32_t value) {
  put_key(key);
  char digits[10];
  unsigned count = 0;
  do {
    digits[count++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (count != 0) {
    put(digits[--count]);
  }
  return *this;
}

ReportLine& ReportLine::hexadecimal(const char* key, std::uint64_t value) {
  put_key(key);
  put("0x");
  unsigned shift = 60;
  while (shift != 0 && (value >> shift) == 0) {
    shift -= 4;
  }
  while (true) {
    put("0123456789abcdef"[(value >> shift) & 0xF]);
    if (shift == 0) {
      return *this;
    }
    shift -= 4;
  }
}

ReportLine& ReportLine::text(const char* key, const char* value) {
  put_key(key);
  put('"');
  put(value);
  put('"');
  return *this;
}

void ReportLine::put(char character) const {
  if (present_) {
    write_port8(q35::debug_console_port, static_cast<std::uint8_t>(character));
  }
}

void ReportLine::put(const char* text) const {
  for (; *text != '\0'; ++text) {
    put(*text);
  }
}

void ReportLine::put_key(const char* key) const {
  put(' ');
  put(key);
  put('=');
}

}  // namespace redoubt::launch
