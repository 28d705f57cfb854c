// SPDX-License-Identifier: BSD-2-Clause-Patent
// The report status code router: what one driver reports, every registered handler gets, in order of registration. A
// handler may register and remove handlers, itself included; a handler that reports gets an error, so that reporting
// never recurses. Handlers are drivers' functions, called directly: the router trusts them as drivers trust each other.
// But each is its driver's own: no other driver registers or removes it, and it goes when the driver is stopped.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/pi/mm_status_code.hpp"
#include "base/allocator.hpp"

namespace redoubt::status_code {

class Drivers {
 public:
  // The number of the driver whose code is at the address; 0 = none's, or that of one that was stopped.
  virtual abi::UintN driver_at(const void* address) = 0;
  // A driver reached for what is another's.
  virtual void report_refusal(abi::UintN driver, abi::UintN owner) = 0;

 protected:
  ~Drivers() = default;
};

class Router {
 public:
  // For each driver, and more than any needs. So no driver can use up this one's memory, or leave nothing for others.
  static constexpr std::size_t driver_handler_limit = 32;

  constexpr Router(Allocator& memory, Drivers& drivers) : memory_(memory), drivers_(drivers) {}
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // `caller`: where the call returns to.
  // PI 1.9, volume 3, 7.2: EFI_INVALID_PARAMETER for NULL, and for what isn't the caller's code; EFI_ALREADY_STARTED,
  // EFI_OUT_OF_RESOURCES also beyond the limit.
  abi::EfiStatus register_handler(abi::StatusCodeHandler handler, const void* caller);
  // EFI_INVALID_PARAMETER for NULL; EFI_NOT_FOUND, also for another driver's.
  abi::EfiStatus unregister_handler(abi::StatusCodeHandler handler, const void* caller);

  // EFI_DEVICE_ERROR from inside a handler, which is told nothing else either. What handlers return is ignored.
  // `reporter`: where the call returns to.
  abi::EfiStatus report(std::uint32_t type, std::uint32_t value, std::uint32_t instance, const abi::Guid* caller,
                        abi::StatusCodeData* data, const void* reporter);

 private:
  struct Registration {
    abi::StatusCodeHandler handler;  // null: removed while it may be in use
    abi::UintN owner;
    std::uint64_t number;  // counts registrations
    Registration* next;
  };

  Registration** find(abi::StatusCodeHandler handler);
  abi::UintN owner_of(abi::StatusCodeHandler handler) {
    return drivers_.driver_at(reinterpret_cast<const void*>(handler));
  }
  // Whether the report under way was cut off by a fault.
  bool was_cut_off();
  bool is_callers(abi::UintN owner, const void* caller);

  Allocator& memory_;
  Drivers& drivers_;
  Registration* first_ = nullptr;
  std::uint64_t next_number_ = 0;
  bool reporting_ = false;
  struct Reporter {
    const void* address;
    abi::UintN driver;
  };
  Reporter reporter_{};                   // of the report under way
  const Registration* called_ = nullptr;  // whose handler runs then
};

}  // namespace redoubt::status_code
