// SPDX-License-Identifier: BSD-2-Clause-Patent
// The guest's side of machine.hpp: one instruction or two each. Nothing here may need boot services.
#include "launch/dxe/machine.hpp"

#include "platform/q35/chipset.hpp"

namespace redoubt::launch::dxe {

namespace {
// Command 0 means "look into the mailbox" to every Standalone MM on this chipset. QEMU acts by itself on the ACPI
// enable and disable commands of its FADT, 2 and 3.
constexpr std::uint8_t communicate_command = 0;
constexpr std::uint64_t flags_interrupt = 0x200;
}  // namespace

void raise_mmi() {
  asm volatile("outb %0, %1" : : "a"(communicate_command), "N"(platform::q35::apm_command_port) : "memory");
}

std::uint8_t read_pci_config(std::uint8_t device, std::uint8_t function, std::uint8_t offset) {
  const std::uint32_t address = 0x8000'0000U | static_cast<std::uint32_t>(device) << 11 |
                                static_cast<std::uint32_t>(function) << 8 | (offset & 0xFCU);
  asm volatile("outl %0, %1" : : "a"(address), "d"(platform::q35::pci_config_address_port));
  std::uint8_t value = 0;
  const auto port = static_cast<std::uint16_t>(platform::q35::pci_config_data_port + (offset & 3U));
  asm volatile("inb %1, %0" : "=a"(value) : "d"(port));
  return value;
}

void halt() {
  while (true) {
    asm volatile("cli\n\thlt");
  }
}

void wait_a_moment() { asm volatile("pause" : : : "memory"); }

InterruptsOff::InterruptsOff() { asm volatile("pushfq\n\tpopq %0\n\tcli" : "=r"(flags_) : : "memory"); }

InterruptsOff::~InterruptsOff() {
  if ((flags_ & flags_interrupt) != 0) {
    asm volatile("sti" : : : "memory");
  }
}

}  // namespace redoubt::launch::dxe
