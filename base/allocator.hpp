// SPDX-License-Identifier: BSD-2-Clause-Patent
// Where a driver's common part gets memory from: MM pool in the guest, the heap in host tests. What can fail for want
// of memory asks before it changes anything.
#pragma once

#include <cstddef>

namespace redoubt {

class Allocator {
 public:
  // Memory aligned for any type, not initialised, or null.
  virtual void* allocate(std::size_t size) = 0;
  // Takes back what allocate() gave; null is allowed.
  virtual void release(void* memory) = 0;

 protected:
  ~Allocator() = default;
};

}  // namespace redoubt
