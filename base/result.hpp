// SPDX-License-Identifier: BSD-2-Clause-Patent
// Result<T>: a value or a reason why there is none. std::expected made impossible to drop, plus TRY. The error is
// the closed enum below unless a library has more to say (image/ adds the offset).
#pragma once

#include <cstdint>
#include <expected>
#include <utility>

namespace redoubt {

enum class Error : std::uint8_t {
  invalid_argument,  // the caller's mistake
  malformed,         // input breaks its format
  truncated,         // input ends too early
  overflow,          // arithmetic on input doesn't fit
  unsupported,       // well-formed, but not something we handle
  not_found,
  out_of_memory,  // no room: memory, table or space in an image
  access_denied,
  already_exists,
  device,  // hardware or the system below said no
};

// The enumerator's name with spaces, for messages.
constexpr const char* to_string(Error error) {
  switch (error) {
    case Error::invalid_argument: return "invalid argument";
    case Error::malformed: return "malformed";
    case Error::truncated: return "truncated";
    case Error::overflow: return "overflow";
    case Error::unsupported: return "unsupported";
    case Error::not_found: return "not found";
    case Error::out_of_memory: return "out of memory";
    case Error::access_denied: return "access denied";
    case Error::already_exists: return "already exists";
    case Error::device: return "device error";
  }
  return "unknown";
}

template <typename T, typename E = Error>
class [[nodiscard]] Result : public std::expected<T, E> {
 public:
  using std::expected<T, E>::expected;
};

// Unwraps a Result, or leaves the enclosing function with its error. Calls may nest: each has a variable of its own.
#define TRY(expression) REDOUBT_TRY_IN(REDOUBT_TRY_NAME(redoubt_try_, __COUNTER__), expression)
#define REDOUBT_TRY_NAME(prefix, number) REDOUBT_TRY_JOIN(prefix, number)
#define REDOUBT_TRY_JOIN(prefix, number) prefix##number
#define REDOUBT_TRY_IN(name, expression)                   \
  ({                                                       \
    auto name = (expression);                              \
    if (!name.has_value()) [[unlikely]]                    \
      return ::std::unexpected(::std::move(name).error()); \
    *::std::move(name);                                    \
  })

}  // namespace redoubt
