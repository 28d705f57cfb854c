// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the dispatcher needs of MM and of the chipset, so that host tests can bring their own. The real ones are in
// mm_driver.cpp; no other code of the driver touches the system table or a port.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/pi/mm_system_table.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::child_dispatch {

class ManagementMode {
 public:
  // Makes `function` the only handler of the MMI type `type`. EFI_OUT_OF_RESOURCES and what MmiHandlerRegister returns.
  virtual abi::EfiStatus add_handler(abi::MmiHandler function, const abi::Guid& type, abi::Handle& handle) = 0;
  virtual void remove_handler(abi::Handle handle) = 0;
  // EFI_DEVICE_ERROR: the handler's driver failed in it and was stopped.
  virtual abi::EfiStatus call_handler(const abi::Guid& type, const void* context, void* buffer, abi::UintN* size) = 0;
  // Whether Dispatcher::dispatch() is to be called with each MMI, which makes all of them dearer.
  virtual abi::EfiStatus watch_mmis(bool wanted) = 0;
  // The processor that asked for the software MMI which is being handled, with what it wrote.
  virtual abi::UintN requesting_cpu(std::uint8_t command) = 0;
  // The number of the driver whose code is at the address; 0 = none's, or that of one that was stopped.
  virtual abi::UintN driver_at(const void* address) = 0;
  // A driver reached for what is another's.
  virtual void report_refusal(abi::UintN driver, abi::UintN owner) = 0;
  // Null: no memory.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* memory) = 0;

 protected:
  ~ManagementMode() = default;
};

// The events of a chipset that really raise MMIs: software, and the TCO block's.
class Chipset {
 public:
  // What the latest software MMI was raised with; 0 = none that is still to be handled.
  virtual std::uint8_t command() = 0;
  virtual std::uint8_t data() = 0;
  virtual void forget_command() = 0;

  // Bits: tco_timeout, tco_software; both read and clear.
  virtual std::uint16_t tco_status() = 0;
  virtual void clear_tco_status(std::uint16_t bits) = 0;
  // Whether the TCO block raises MMIs; false if it can't be had that way.
  virtual bool enable_tco(bool enabled) = 0;

  static constexpr std::uint16_t tco_software = 0x0002;
  static constexpr std::uint16_t tco_timeout = 0x0008;

 protected:
  ~Chipset() = default;
};

}  // namespace redoubt::child_dispatch
