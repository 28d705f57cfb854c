// SPDX-License-Identifier: BSD-2-Clause-Patent
// Why the IPL gives up, in the words that go on the log. There is one way on from a failed step, so a code besides the
// words would serve no purpose.
#pragma once

#include "base/result.hpp"

namespace redoubt::launch {

struct Reason {
  const char* text;  // a string literal without quotes
};

template <typename T>
using Step = Result<T, Reason>;

constexpr std::unexpected<Reason> because(const char* text) { return std::unexpected(Reason{text}); }

}  // namespace redoubt::launch
