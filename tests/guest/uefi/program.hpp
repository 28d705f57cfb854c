// SPDX-License-Identifier: BSD-2-Clause-Patent
// What every guest program starts from: text on the serial port, numbers set from QEMU's command line, and an end
// that the host can see. It talks to the hardware itself, so that it works with interrupts off, on any CPU, and
// whatever the firmware's console is.
//
// The host sees on COM1 the program's lines and last "done NAME status=ok" or "done NAME status=failed"; then QEMU
// leaves with exit status 1 (ok) or 3 (failed) if it has `-device isa-debug-exit,iobase=0x501,iosize=2`, and the
// machine is shut down if not.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "abi/uefi/system_table.hpp"

namespace redoubt::guest {

void print(char character);
void print(std::string_view text);
void print_decimal(std::uint64_t value);
void print_hexadecimal(std::uint64_t value);
void print_guid(const abi::Guid& guid);

// Text of the line so far: print_line("bench ", Decimal{3}, "\n").
struct Decimal {
  std::uint64_t value;
};
struct Hexadecimal {
  std::uint64_t value;
};

inline void print_part(std::string_view text) { print(text); }
inline void print_part(Decimal number) { print_decimal(number.value); }
inline void print_part(Hexadecimal number) { print_hexadecimal(number.value); }
inline void print_part(const abi::Guid& guid) { print_guid(guid); }

// One line, parts in order, line feed added.
template <typename... Parts>
void print_line(const Parts&... parts) {
  (print_part(parts), ...);
  print("\r\n");
}

// The number in `-fw_cfg name=opt/org.redoubt/NAME,string=NUMBER`, decimal; `otherwise` when there is none.
std::uint64_t option(std::string_view name, std::uint64_t otherwise);

// The contents of `-fw_cfg name=opt/org.redoubt/NAME,file=FILE` as far as `buffer` has room for them; how many bytes.
std::size_t option_bytes(std::string_view name, std::span<std::uint8_t> buffer);

// The table that DXE publishes under `name`; null when it does not.
const void* find_configuration_table(const abi::SystemTable& system_table, const abi::Guid& name);

// The first interface installed under `guid`; null when there is none.
template <typename Interface>
Interface* locate_protocol(const abi::SystemTable& system_table, const abi::Guid& guid) {
  void* found = nullptr;
  const abi::EfiStatus status = system_table.boot_services->locate_protocol(&guid, nullptr, &found);
  return status == abi::status::success ? static_cast<Interface*>(found) : nullptr;
}

// Ends the program, and the machine with it.
[[noreturn]] void finish(const abi::SystemTable& system_table, std::string_view name, bool ok);

}  // namespace redoubt::guest
