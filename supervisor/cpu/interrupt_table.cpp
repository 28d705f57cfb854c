// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/cpu/interrupt_table.hpp"

#include "abi/redoubt/syscall.hpp"
#include "arch/x86_64/registers/exceptions.hpp"
#include "supervisor/cpu/cpu.hpp"

namespace redoubt::supervisor {
namespace {

constexpr std::uint64_t stub_bytes = 16;
static_assert(abi::driver_gate_vector + 1 == interrupt_gate_count);

unsigned stack_for(std::size_t number) {
  switch (number) {
    case arch::vector::nmi: return static_cast<unsigned>(InterruptStack::nmi);
    case arch::vector::double_fault: return static_cast<unsigned>(InterruptStack::double_fault);
    case arch::vector::machine_check: return static_cast<unsigned>(InterruptStack::machine_check);
    default: return 0;
  }
}

}  // namespace

void prepare_interrupt_table(InterruptTable& table, LinearAddress stubs) {
  for (std::size_t number = 0; number < interrupt_gate_count; ++number) {
    const bool door = number == abi::system_call_vector || number == abi::driver_gate_vector;
    table.gates[number] = arch::interrupt_gate((stubs + number * stub_bytes).number, door ? 3 : 0, stack_for(number));
  }
}

}  // namespace redoubt::supervisor
