// SPDX-License-Identifier: BSD-2-Clause-Patent
// Memory that the foundation writes and drivers only read: system table, loaded-image protocols, configuration
// tables. Nothing in it is ever an input of the foundation's decisions alone; nothing in it is freed piecewise.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/checked.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

class SharedArena {
 public:
  constexpr explicit SharedArena(Supervisor& supervisor) : supervisor_(supervisor) {}
  SharedArena(const SharedArena&) = delete;
  SharedArena& operator=(const SharedArena&) = delete;

  // Zeroed, aligned to 16 bytes. Error::out_of_memory.
  Result<std::uint64_t> allocate(std::size_t bytes) {
    const std::uint64_t size = align_up<std::uint64_t>(bytes, 16);
    if (size > end_ - next_) {
      const std::uint64_t pages = pages_for(size);
      const std::uint64_t base = TRY(allocate_pages(pages));
      if (pages > 1) return base;  // a run of its own; what is left of the current page serves on
      next_ = base;
      end_ = base + page_bytes;
    }
    const std::uint64_t address = next_;
    next_ += size;
    return address;
  }

  // Whole pages; these can be freed through the supervisor.
  Result<std::uint64_t> allocate_pages(std::uint64_t pages) {
    const SystemResult<PhysicalAddress> base = supervisor_.allocate_pages(pages, {});
    if (!base.has_value()) return std::unexpected(Error::out_of_memory);
    if (!supervisor_.set_page_access(*base, pages, abi::held_by_foundation(abi::read_write, abi::read_only))) {
      static_cast<void>(supervisor_.free_pages(*base, pages));
      return std::unexpected(Error::out_of_memory);
    }
    return base->number;
  }

 private:
  Supervisor& supervisor_;
  std::uint64_t next_ = 0;
  std::uint64_t end_ = 0;
};

}  // namespace redoubt::foundation
