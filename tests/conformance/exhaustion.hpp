// SPDX-License-Identifier: BSD-2-Clause-Patent
// All free MMRAM, taken for as long as an object lives, so that a test sees what services answer without memory. It
// takes page by page and keeps the list in the pages themselves.
#pragma once

#include "tests/conformance/conformance.hpp"

namespace redoubt::conformance {

class Exhaustion {
 public:
  explicit Exhaustion(abi::MmSystemTable& mmst) : mmst_(mmst) {
    for (;;) {
      abi::EfiPhysicalAddress page = 0;
      status_ = mmst_.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 1, &page);
      if (abi::status::is_error(status_)) return;
      auto* taken = reinterpret_cast<Page*>(static_cast<std::uintptr_t>(page));
      taken->next = first_;
      first_ = taken;
      ++pages_;
    }
  }
  ~Exhaustion() { release(); }
  Exhaustion(const Exhaustion&) = delete;
  Exhaustion& operator=(const Exhaustion&) = delete;

  // Whether some memory was taken, and the end came with the specified error.
  bool complete() const { return pages_ != 0 && status_ == abi::status::out_of_resources; }
  std::uint64_t pages() const { return pages_; }
  // The address of some page taken.
  abi::EfiPhysicalAddress some_page() const { return reinterpret_cast<std::uintptr_t>(first_); }

  // Gives all memory back. False if a page was not taken back.
  bool release() {
    bool all = true;
    while (first_ != nullptr) {
      Page* page = first_;
      first_ = page->next;
      all = mmst_.free_pages(reinterpret_cast<std::uintptr_t>(page), 1) == abi::status::success && all;
    }
    return all;
  }

  // Calls `attempt(0)`, `attempt(1)`, ... until one is not EFI_SUCCESS: what the service kept in reserve is used up
  // then. Returns that status, or EFI_SUCCESS if there was no end; `succeeded` counts.
  template <typename Attempt>
  abi::EfiStatus repeat(Attempt attempt, std::uint32_t& succeeded) {
    constexpr std::uint32_t enough = 20000;
    for (succeeded = 0; succeeded != enough; ++succeeded) {
      const abi::EfiStatus status = attempt(succeeded);
      if (status != abi::status::success) return status;
    }
    return abi::status::success;
  }

 private:
  struct Page {
    Page* next;
  };

  abi::MmSystemTable& mmst_;
  Page* first_ = nullptr;
  std::uint64_t pages_ = 0;
  abi::EfiStatus status_ = abi::status::success;
};

}  // namespace redoubt::conformance
