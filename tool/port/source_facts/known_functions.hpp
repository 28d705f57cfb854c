// SPDX-License-Identifier: BSD-2-Clause-Patent
// What functions of the libraries that every module may use are known to do, by the names that the libraries' headers
// give them: EDK II's library classes are the vocabulary of these sources as services are the specification's.
#pragma once

#include <optional>
#include <string_view>

namespace redoubt::tool::port {

/// What kind of privileged or hardware access a library function is; "" for none: "msr", "control_register",
/// "debug_register", "descriptor_table", "interrupts", "port_io", "mmio", "pci", "cache", "tlb", "halt", "paging".
std::string_view privileged_call(std::string_view function);

/// The same for an instruction's mnemonic with its operands, in lower case.
std::string_view privileged_instruction(std::string_view mnemonic, std::string_view operands);

/// A function of MemoryAllocationLib.
struct MemoryCall {
  bool frees = false;
  std::string_view memory_type;  ///< of the specification, as the name says; empty if the library chooses
};
std::optional<MemoryCall> memory_call(std::string_view function);

/// A function that answers whether a range of memory may be used by a handler.
struct Validation {
  unsigned buffer = 0;  ///< the argument with the address
  bool valid_when_nonzero = true;
};
std::optional<Validation> validation(std::string_view function);

/// A function that reads or writes the memory that some of its arguments point to.
struct MemoryUse {
  int read = -1;  ///< an argument
  int read_too = -1;
  int written = -1;
  int copied_from = -1;  ///< `written` afterwards holds what this one points to
};
std::optional<MemoryUse> memory_use(std::string_view function);

/// A function of UefiLib that makes an event or a notification.
struct EventCall {
  int guid = -1;
  int function = -1;
  std::string_view operation;
};
std::optional<EventCall> event_call(std::string_view function);

/// A function that reads or writes a CPU's save state.
bool is_save_state_call(std::string_view function);

}  // namespace redoubt::tool::port
