// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tests/guest/uefi/window_attack/flipper.hpp"

#include "tests/guest/uefi/chipset_windows.hpp"
#include "tests/guest/uefi/instructions.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/window_attack/services.hpp"

namespace redoubt::guest {

EFIAPI void flip_window(void* argument) {
  auto& flipper = *static_cast<Flipper*>(argument);
  const InterruptsOff interrupts_off;
  constexpr std::uint32_t other_id = 0xE7U << 24;
  const std::uint32_t own_id = apic_register(apic_id);
  std::uint32_t delay = 12345;
  const auto wait = [&delay] {
    delay = delay * 1664525 + 1013904223;
    for (std::uint32_t i = delay >> 13; i != 0; --i) asm volatile("" : : : "memory");
  };
  for (;;) {
    const std::uint32_t order = flipper.order.load();
    if (order == Flipper::leave) break;
    if (order != flipper.obeyed.load()) apic_register(apic_id) = order == Flipper::flip ? other_id : own_id;
    if (order == Flipper::flip) {
      chipset::write_config(chipset::lpc_bridge, chipset::rcba, flipper.in_front);
      // Looked at once for each order: looking takes time from flipping.
      if (flipper.obeyed.load() != Flipper::flip &&
          *reinterpret_cast<const volatile std::uint8_t*>(flipper.probe) == flipper.in_window) {
        flipper.seen.fetch_add(1);
      }
      wait();
      chipset::write_config(chipset::lpc_bridge, chipset::rcba, flipper.home);
      wait();
      flipper.flips.fetch_add(1);
    }
    flipper.obeyed.store(order);
    pause();
  }
  apic_register(apic_id) = own_id;
  flipper.obeyed.store(Flipper::leave);
}

}  // namespace redoubt::guest
