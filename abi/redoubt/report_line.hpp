// SPDX-License-Identifier: BSD-2-Clause-Patent
// How a line of the report (report.hpp) is spelt, for all that write one: the supervisor, the foundation, the IPL and
// the communication driver. A writer is a class that is its own line, with these functions, and that says where the
// characters go:
//
//   std::size_t room() const           how many more it takes
//   void put(std::string_view text)    takes them; what doesn't fit is lost
//
// Nothing here is inlined: a line has many fields, and images of ring 0 and of PEI are to stay small.
//
// A field that doesn't fit whole is left out; one in quotes is cut, never the quote that ends it. Text that could end a
// value or a line is replaced, wherever it came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "abi/redoubt/report.hpp"
#include "abi/uefi/guid_text.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::abi {

template <typename Line>
class ReportLineWriter {
 public:
  // As wide as the machine: a 32-bit one would need a library to divide more.
  [[gnu::noinline]] Line& decimal(KeyName key, UintN value) {
    Digits digits;
    return word(key, to_decimal(value, digits));
  }

  [[gnu::noinline]] Line& hexadecimal(KeyName key, std::uint64_t value) {
    char digits[18];
    std::size_t first = sizeof(digits);
    do {
      digits[--first] = "0123456789abcdef"[value % 16];
      value /= 16;
    } while (value != 0);
    digits[--first] = 'x';
    digits[--first] = '0';
    return word(key, {digits + first, sizeof(digits) - first});
  }

  [[gnu::noinline]] Line& guid(KeyName key, const Guid& value) { return word(key, to_text(value).view()); }

  // USED/LIMIT.
  [[gnu::noinline]] Line& share(KeyName key, UintN used, UintN limit) {
    Digits used_digits;
    Digits limit_digits;
    const std::string_view used_text = to_decimal(used, used_digits);
    const std::string_view limit_text = to_decimal(limit, limit_digits);
    if (line().room() < key.text().size() + used_text.size() + limit_text.size() + 3) return line();
    word(key, used_text);
    line().put("/");
    line().put(limit_text);
    return line();
  }

  // `value` is a bare word of the writer's own.
  [[gnu::noinline]] Line& word(KeyName key, std::string_view value) {
    if (line().room() < key.text().size() + value.size() + 2) return line();
    line().put(" ");
    line().put(key.text());
    line().put("=");
    line().put(value);
    return line();
  }

  // In double quotes.
  [[gnu::noinline]] Line& quoted(KeyName key, std::string_view value) {
    open(key);
    append_quoted(value);
    return close();
  }

  // The same in steps, for a value made of parts.
  [[gnu::noinline]] Line& open(KeyName key) {
    line().put(" ");
    line().put(key.text());
    line().put("=\"");
    return line();
  }
  [[gnu::noinline]] Line& append_quoted(std::string_view value) {
    for (const char c : value) {
      if (line().room() < 2) break;  // the quote needs one
      const char harmless = c < ' ' || c > '~' || c == '"' ? '?' : c;
      line().put({&harmless, 1});
    }
    return line();
  }
  [[gnu::noinline]] Line& append_number(UintN value) {
    Digits digits;
    return append_quoted(to_decimal(value, digits));
  }
  [[gnu::noinline]] Line& close() {
    line().put("\"");
    return line();
  }

 private:
  using Digits = char[20];

  Line& line() { return static_cast<Line&>(*this); }

  static std::string_view to_decimal(UintN value, Digits& digits) {
    std::size_t first = sizeof(digits);
    do {
      digits[--first] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    return {digits + first, sizeof(digits) - first};
  }
};

}  // namespace redoubt::abi
