// SPDX-License-Identifier: BSD-2-Clause-Patent
// Typed access to memory that a driver named by address. Every call is one checked copy through the supervisor;
// nothing is kept, so a second look at the same address may find something else: read once.
#pragma once

#include <type_traits>

#include "abi/uefi/types.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

class DriverMemory {
 public:
  constexpr explicit DriverMemory(Supervisor& supervisor) : supervisor_(supervisor) {}

  // Error::access_denied if the driver may not read all of it.
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  Result<T> read(std::uint64_t address) {
    T value;
    if (!supervisor_.fetch(writable_object_bytes(value), DriverAddress(address))) {
      return std::unexpected(Error::access_denied);
    }
    return value;
  }

  // False, with nothing promised about what was written, if the driver may not write all of it.
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  bool write(std::uint64_t address, const T& value) {
    return supervisor_.store(DriverAddress(address), object_bytes(value)).has_value();
  }

 private:
  Supervisor& supervisor_;
};

}  // namespace redoubt::foundation
