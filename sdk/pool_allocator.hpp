// SPDX-License-Identifier: BSD-2-Clause-Patent
// MM pool, for the parts of a driver that host tests give another allocator.
#pragma once

#include "abi/pi/mm_system_table.hpp"
#include "base/allocator.hpp"

namespace redoubt::sdk {

class PoolAllocator final : public Allocator {
 public:
  explicit PoolAllocator(const abi::MmSystemTable& mmst) : mmst_(mmst) {}

  void* allocate(std::size_t bytes) override {
    void* memory = nullptr;
    const abi::EfiStatus result = mmst_.allocate_pool(abi::runtime_services_data, bytes, &memory);
    return abi::status::is_error(result) ? nullptr : memory;
  }
  void release(void* memory) override {
    if (memory != nullptr) {
      mmst_.free_pool(memory);
    }
  }

 private:
  const abi::MmSystemTable& mmst_;
};

}  // namespace redoubt::sdk
