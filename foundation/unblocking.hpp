// SPDX-License-Identifier: BSD-2-Clause-Patent
// Memory outside MMRAM that PEI and DXE open to drivers before the lock (abi/redoubt/unblock.hpp): the requests, who
// made them, and what came of them. What may be opened is the supervisor's decision, which also maps it; this keeps the
// list that drivers ask before they follow a pointer out of a message.
#pragma once

#include <array>
#include <cstdint>

#include "abi/redoubt/syscall.hpp"
#include "abi/redoubt/unblock.hpp"
#include "base/byte_reader.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

class Unblocking {
 public:
  constexpr explicit Unblocking(Supervisor& supervisor) : supervisor_(supervisor) {}
  Unblocking(const Unblocking&) = delete;
  Unblocking& operator=(const Unblocking&) = delete;

  // Carries out the requests in a HOB list that reduce_hob_list accepted, as answer() does those in messages. One that
  // is refused is logged, no more: it costs the driver that relies on it.
  void unblock_hobs(Bytes hobs);

  // Answers a message in place. EFI_INVALID_PARAMETER: no such message, and nothing is written; else the result of the
  // request stands in its header: EFI_SUCCESS (also when the memory was open already), EFI_INVALID_PARAMETER (no whole
  // pages, none at all, or no identifier), EFI_SECURITY_VIOLATION (memory that drivers must not see),
  // EFI_OUT_OF_RESOURCES, EFI_UNSUPPORTED (another request, or attributes that drivers' data doesn't have).
  abi::EfiStatus answer(MutableBytes message);

  // Nothing more is opened.
  void lock() { locked_ = true; }
  bool locked() const { return locked_; }

  // Whether one range holds all of [address, address + bytes), which isn't empty.
  bool holds(std::uint64_t address, std::uint64_t bytes) const;

 private:
  struct Range {
    std::uint64_t base;
    std::uint64_t bytes;
  };

  abi::EfiStatus unblock(std::uint64_t address, std::uint64_t pages, std::uint64_t attributes,
                         const abi::Guid& identifier);

  Supervisor& supervisor_;
  std::array<Range, abi::unblocked_limit> ranges_{};
  std::uint32_t count_ = 0;
  bool locked_ = false;
};

}  // namespace redoubt::foundation
