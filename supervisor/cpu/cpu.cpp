// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/cpu/cpu.hpp"

namespace redoubt::supervisor {
namespace {

constexpr std::array<std::uint8_t, io_bitmap_bytes + 1> driver_io_bitmap() {
  std::array<std::uint8_t, io_bitmap_bytes + 1> bitmap{};
  bitmap.fill(0xFF);
  for (const policy::PortRange& range : platform::board::grants.ports.ranges) {
    for (std::uint32_t port = range.first; port < std::uint32_t{range.first} + range.count; ++port) {
      bitmap[port / 8] = static_cast<std::uint8_t>(bitmap[port / 8] & ~(1u << (port % 8)));
    }
  }
  return bitmap;
}

constexpr std::uint32_t task_limit = sizeof(arch::TaskStateSegment) + io_bitmap_bytes + 1 - 1;

std::size_t index_of(InterruptStack stack) { return static_cast<std::size_t>(stack) - 1; }

}  // namespace

void prepare_cpu(Cpu& cpu, const CpuIdentity& identity, const CpuFeatures& features, const CpuStacks& stacks,
                 std::uint64_t* nmi_slot) {
  cpu = {};
  cpu.index = identity.index;
  cpu.apic_id = identity.apic_id;
  cpu.cr4 = features.cr4();
  cpu.descriptors = arch::global_descriptor_table(reinterpret_cast<std::uint64_t>(&cpu.task_state), task_limit);
  cpu.task_state.stack_of_ring[0] = reinterpret_cast<std::uint64_t>(&cpu) + sizeof(arch::RegisterFrame);
  cpu.task_state.interrupt_stack[index_of(InterruptStack::nmi)] = (stacks.nmi - nmi_slot_bytes).number;
  cpu.task_state.interrupt_stack[index_of(InterruptStack::double_fault)] = stacks.double_fault.number;
  cpu.task_state.interrupt_stack[index_of(InterruptStack::machine_check)] = stacks.machine_check.number;
  *nmi_slot = reinterpret_cast<std::uint64_t>(&cpu);
  cpu.io_bitmap = driver_io_bitmap();
  set_io_ports(cpu, false);
}

}  // namespace redoubt::supervisor
