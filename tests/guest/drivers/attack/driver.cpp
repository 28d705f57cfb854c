// SPDX-License-Identifier: BSD-2-Clause-Patent
// A driver that attacks: see attack_protocol.hpp. Each attack is the plain instruction, with no attempt to survive
// it; when it has no effect or an allowed one, the handler returns success, and the caller knows that nobody stopped
// it. It must never be shipped in an image.
#include <cstring>

#include "sdk/mm_driver.hpp"
#include "tests/guest/drivers/attack/attack_protocol.hpp"

extern "C" {
// Only elf2pe refers to it.
[[gnu::used, gnu::retain]] constinit std::uint64_t __stack_chk_guard = 0x2D1C'6E0F'93A8'5B00;
[[noreturn]] void __stack_chk_fail() { __builtin_trap(); }
}

namespace redoubt::attack {
namespace {

using abi::EfiStatus;
using abi::Handle;
using abi::UintN;

constinit std::uint64_t messages = 0;
constinit std::uint8_t data_page[64] = {0xC3};  // RET

std::uint64_t read_memory(std::uint64_t address) { return *reinterpret_cast<const volatile std::uint64_t*>(address); }

void write_memory(std::uint64_t address, std::uint64_t value) {
  *reinterpret_cast<volatile std::uint64_t*>(address) = value;
}

void call_memory(std::uint64_t address) { asm volatile("call *%0" : : "r"(address) : "memory", "rax"); }

std::uint64_t read_msr(std::uint64_t number) {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(static_cast<std::uint32_t>(number)));
  return std::uint64_t{high} << 32 | low;
}

void write_msr(std::uint64_t number, std::uint64_t value) {
  asm volatile("wrmsr"
               :
               : "c"(static_cast<std::uint32_t>(number)), "a"(static_cast<std::uint32_t>(value)),
                 "d"(static_cast<std::uint32_t>(value >> 32)));
}

// Each level holds a page, and the page is used after the call, so that no level can be left out.
[[gnu::noinline]] std::uint64_t exhaust_stack(std::uint64_t depth) {
  volatile std::uint8_t page[4096];
  page[0] = static_cast<std::uint8_t>(depth);
  const std::uint64_t below = depth == 1U << 20 ? 0 : exhaust_stack(depth + 1);
  return below + page[0];
}

// Writes beyond its variable, over the guard and the return address, which leads nowhere then.
[[gnu::noinline]] std::uint64_t overrun_frame(std::uint64_t count) {
  volatile std::uint8_t bytes[16] = {};
  volatile std::uint8_t* position = bytes;
  for (; count != 0; --count) *position++ = 0x41;
  return bytes[0];
}

void use_fpu() {
  alignas(16) static constinit std::uint8_t pattern[16] = {0xEE, 0xDD, 0xCC, 0xBB, 0xAA, 0x99, 0x88, 0x77,
                                                           0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00, 0xFF};
  static constinit std::uint32_t mxcsr = 0x5F80;
  static constinit std::uint16_t control_word = 0x0F7F;
  asm volatile(
      "ldmxcsr %1\n\t"
      "movaps %0, %%xmm0\n\tmovaps %0, %%xmm1\n\tmovaps %0, %%xmm2\n\tmovaps %0, %%xmm3\n\t"
      "movaps %0, %%xmm4\n\tmovaps %0, %%xmm5\n\tmovaps %0, %%xmm6\n\tmovaps %0, %%xmm7\n\t"
      "movaps %0, %%xmm8\n\tmovaps %0, %%xmm9\n\tmovaps %0, %%xmm10\n\tmovaps %0, %%xmm11\n\t"
      "movaps %0, %%xmm12\n\tmovaps %0, %%xmm13\n\tmovaps %0, %%xmm14\n\tmovaps %0, %%xmm15\n\t"
      "fninit\n\tfldcw %2\n\tfldpi\n\tfldl2e\n\tfldln2\n\tfld1"
      :
      : "m"(pattern), "m"(mxcsr), "m"(control_word)
      : "memory");
}

// What a driver must never get to run in ring 0. In long mode a far call through a gate pushes SS, RSP, CS and RIP.
[[gnu::naked]] void in_ring_0() { asm volatile("mov %cr3, %rax\n\tlretq"); }

std::uint64_t enter_call_gate(std::uint64_t gate_address) {
  constexpr std::uint64_t supervisor_code = 0x08;  // the selector that MM uses, too
  constexpr std::uint64_t gate_for_ring_3 = 0xEC;
  constexpr std::uint16_t first_of_ldt = 0x07;
  const auto target = reinterpret_cast<std::uint64_t>(&in_ring_0);
  write_memory(gate_address,
               (target & 0xFFFF) | supervisor_code << 16 | gate_for_ring_3 << 40 | (target >> 16 & 0xFFFF) << 48);
  write_memory(gate_address + 8, target >> 32);
  const struct [[gnu::packed]] {
    std::uint64_t offset;
    std::uint16_t selector;
  } pointer = {0, first_of_ldt};
  std::uint64_t result = 0;
  // REX.W LCALL *(%rdi), which the assembler has no word for: the 16-bit selector stands behind 64 bits of offset.
  asm volatile(".byte 0x48, 0xFF, 0x1F" : "=a"(result) : "D"(&pointer) : "rcx", "rdx", "memory");
  return result;
}

std::uint64_t perform(const Message& message) {
  switch (message.command) {
    case Command::witness: return messages;
    case Command::use_fpu: use_fpu(); return 0;
    case Command::disable_interrupts: asm volatile("cli"); return 0;
    case Command::halt: asm volatile("hlt"); return 0;
    case Command::read_memory: return read_memory(message.address);
    case Command::write_memory: write_memory(message.address, message.value); return 0;
    case Command::call_memory: call_memory(message.address); return 0;
    case Command::write_code: write_memory(reinterpret_cast<std::uint64_t>(&call_memory), 0); return 0;
    case Command::execute_data: call_memory(reinterpret_cast<std::uint64_t>(data_page)); return 0;
    case Command::write_port: asm volatile("outb %b0, %w1" : : "a"(message.value), "d"(message.address)); return 0;
    case Command::read_port: {
      std::uint8_t value = 0;
      asm volatile("inb %w1, %0" : "=a"(value) : "d"(message.address));
      return value;
    }
    case Command::read_msr: return read_msr(message.address);
    case Command::write_msr: write_msr(message.address, message.value); return 0;
    case Command::read_cr3: {
      std::uint64_t value = 0;
      asm volatile("mov %%cr3, %0" : "=r"(value));
      return value;
    }
    case Command::load_gdt: {
      static constinit std::uint8_t empty_table[10] = {};
      asm volatile("lgdt %0" : : "m"(empty_table));
      return 0;
    }
    case Command::system_call: {
      std::uint64_t status = message.value;
      asm volatile("int $0x80" : "+a"(status) : "D"(0), "S"(0) : "rdx", "rcx", "r8", "r9", "memory");
      return status;
    }
    case Command::syscall: asm volatile("syscall" : : : "rcx", "r11", "memory"); return 0;
    case Command::sysenter: asm volatile("sysenter" : : : "rcx", "rdx", "memory"); return 0;
    case Command::call_gate: return enter_call_gate(message.address);
    case Command::exhaust_stack: return exhaust_stack(0);
    case Command::overrun_frame: return overrun_frame(message.value);
    case Command::divide_by_zero: {
      std::uint32_t quotient = 1;
      asm volatile("xorl %%edx, %%edx\n\tdivl %1" : "+a"(quotient) : "r"(0) : "rdx");
      return quotient;
    }
    case Command::leave_mm: asm volatile("rsm" : : : "memory"); return 0;
  }
  return 0;
}

EFIAPI EfiStatus handle(Handle, const void*, void* comm_buffer, UintN* comm_buffer_size) {
  if (comm_buffer == nullptr || comm_buffer_size == nullptr || *comm_buffer_size < sizeof(Message)) {
    return abi::status::warn_interrupt_source_quiesced;
  }
  Message message;
  std::memcpy(&message, comm_buffer, sizeof(message));
  ++messages;
  message.result = perform(message);
  std::memcpy(comm_buffer, &message, sizeof(message));
  *comm_buffer_size = sizeof(message);
  return abi::status::success;
}

}  // namespace
}  // namespace redoubt::attack

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) {
#ifdef REDOUBT_LEAVE_AT_ENTRY
  asm volatile("rsm" : : : "memory");
#endif
  static constexpr redoubt::abi::Guid guid = redoubt::attack::handler_guid(REDOUBT_ATTACK_COPY);
  redoubt::abi::Handle dispatch = nullptr;
  return mmst->mmi_handler_register(redoubt::attack::handle, &guid, &dispatch);
}
