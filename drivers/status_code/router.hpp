// SPDX-License-Identifier: BSD-2-Clause-Patent
// The report status code router: what one driver reports, every registered handler gets, in order of registration.
// A handler may register and remove handlers, itself included; a handler that reports gets an error, so that reporting
// never recurses. Handlers are drivers' functions, called directly: the router trusts them as drivers trust each other.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/pi/mm_status_code.hpp"

namespace redoubt::status_code {

class Memory {
 public:
  virtual void* allocate(std::size_t bytes) = 0;  // null: none left
  virtual void release(void* memory) = 0;

 protected:
  ~Memory() = default;
};

class Router {
 public:
  // More than any firmware has: no driver can make this one spend all its memory.
  static constexpr std::size_t handler_limit = 256;

  constexpr explicit Router(Memory& memory) : memory_(memory) {}
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // PI 1.9, volume 3, 7.2: EFI_INVALID_PARAMETER for NULL, EFI_ALREADY_STARTED, EFI_OUT_OF_RESOURCES also beyond the
  // limit.
  abi::EfiStatus register_handler(abi::StatusCodeHandler handler);
  // EFI_INVALID_PARAMETER for NULL, EFI_NOT_FOUND.
  abi::EfiStatus unregister_handler(abi::StatusCodeHandler handler);

  // EFI_DEVICE_ERROR from inside a handler, which is told nothing else either. What handlers return is ignored.
  abi::EfiStatus report(std::uint32_t type, std::uint32_t value, std::uint32_t instance, const abi::Guid* caller,
                        abi::StatusCodeData* data);

 private:
  struct Registration {
    abi::StatusCodeHandler handler;  // null: removed while it may be in use
    std::uint64_t number;            // counts registrations
    Registration* next;
  };

  Registration** find(abi::StatusCodeHandler handler);

  Memory& memory_;
  Registration* first_ = nullptr;
  std::uint64_t next_number_ = 0;
  std::size_t count_ = 0;
  bool reporting_ = false;
};

}  // namespace redoubt::status_code
