// SPDX-License-Identifier: BSD-2-Clause-Patent
// Where PEI shows text to a user at the machine, for code that is tested without hardware.
#pragma once

#include <string_view>

namespace redoubt::launch {

class Console {
 public:
  // Printable ASCII and line ends. A console that takes no more text doesn't say so.
  virtual void write(std::string_view text) = 0;

 protected:
  ~Console() = default;
};

}  // namespace redoubt::launch
