// SPDX-License-Identifier: BSD-2-Clause-Patent
// One line of the log described in abi/redoubt/report.hpp, written to the debug console as its parts come in and
// ended when the object goes. Boot services only: at run time the port belongs to the OS.
#pragma once

#include <cstdint>

namespace redoubt::launch::dxe {

class DebugLine {
 public:
  explicit DebugLine(const char* event);
  ~DebugLine();
  DebugLine(const DebugLine&) = delete;
  DebugLine& operator=(const DebugLine&) = delete;

  void word(const char* key, const char* value);
  void text(const char* key, const char* value);  // `value` holds no quote
  void decimal(const char* key, std::uint64_t value);
  void hexadecimal(const char* key, std::uint64_t value);
};

}  // namespace redoubt::launch::dxe
