// SPDX-License-Identifier: BSD-2-Clause-Patent
// What elf2pe carries from the ELF reader to the PE writer: a program linked at address 0, as memory would hold it.
// Neither side knows the other's format, so both can be tested alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace redoubt::elf2pe {

enum class Machine : std::uint8_t { x64, ia32 };
enum class Access : std::uint8_t { execute, read_only, read_write };

// A run of memory with one kind of access. data is as long as the memory: what the file doesn't give is zero.
struct Segment {
  std::uint32_t address = 0;
  Access access = Access::read_only;
  std::vector<std::uint8_t> data;
};

// What the program's symbol table says of a function or a variable. Names need not be unique.
struct Symbol {
  std::string name;
  std::uint32_t address = 0;
  std::uint32_t size = 0;
  bool is_function = false;
};

struct LinkedImage {
  Machine machine = Machine::x64;
  std::uint32_t entry = 0;
  std::vector<Segment> segments;  // ascending, not overlapping, none empty
  // By address, larger ones first; empty if the program was stripped.
  std::vector<Symbol> symbols{};      // NOLINT(readability-redundant-member-init): others may leave it out
  std::vector<std::uint32_t> fixups;  // ascending: places that hold an address (8 bytes on x64, 4 on ia32)
};

struct LinkError {
  std::string reason;
};

}  // namespace redoubt::elf2pe
