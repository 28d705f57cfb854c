// SPDX-License-Identifier: BSD-2-Clause-Patent
// Where the IPL enters the supervisor, and the order of the first MMI. Everything here needs the real processor; what
// can be tested without stands in the files around it.
#include <new>

#include "arch/processor.hpp"
#include "arch/x86_64/registers/control.hpp"
#include "arch/x86_64/registers/msr.hpp"
#include "supervisor/domain/domain_calls.hpp"
#include "supervisor/launch/launch.hpp"
#include "supervisor/rendezvous/rendezvous_hardware.hpp"
#include "supervisor/report/report.hpp"
#include "supervisor/stopping/machine_end.hpp"

extern "C" {
// arch/x86_64/entry.
extern const std::byte redoubt_trap_stubs[];
extern const std::byte redoubt_mmi_entry_begin[];
extern const std::byte redoubt_mmi_entry_end[];
extern const std::byte redoubt_mmi_long_mode[];
[[noreturn]] void supervisor_resume(redoubt::supervisor::Cpu* cpu);
[[noreturn]] void supervisor_leave_at_once();
// cmake/image.ld.
extern const std::byte redoubt_image_text[];
extern const std::byte redoubt_image_rodata[];
extern const std::byte redoubt_image_data[];
extern const std::byte redoubt_image_end[];

// The operand of LIDT in the entry code; filled at launch.
redoubt::arch::TablePointer redoubt_interrupt_table_pointer;
}

namespace redoubt::supervisor {

constinit Supervisor the_supervisor;

namespace {

constinit InterruptTable interrupt_table{};
constinit arch::GlobalDescriptorTable first_descriptors = arch::global_descriptor_table(0, 0);

LinearAddress address_of(const std::byte* symbol) { return LinearAddress(reinterpret_cast<std::uint64_t>(symbol)); }

// Exceptions of the launch end in a panic line instead of a silent reset.
void load_first_tables() {
  prepare_interrupt_table(interrupt_table, address_of(redoubt_trap_stubs));
  redoubt_interrupt_table_pointer = {sizeof(interrupt_table) - 1, reinterpret_cast<std::uint64_t>(&interrupt_table)};
  for (arch::InterruptGate& gate : interrupt_table.gates) {
    gate.low &= ~(std::uint64_t{7} << 32);  // no stacks of their own yet
  }
  arch::load_gdt({sizeof(first_descriptors) - 1, reinterpret_cast<std::uint64_t>(&first_descriptors)});
  arch::load_idt(redoubt_interrupt_table_pointer);
}

// From the bootstrap tables into the state of every later MMI (arch/x86_64/entry/mmi_entry.S).
void load_final_state(Supervisor& supervisor, Cpu& cpu) {
  prepare_interrupt_table(interrupt_table, address_of(redoubt_trap_stubs));
  arch::load_gdt({sizeof(cpu.descriptors) - 1, reinterpret_cast<std::uint64_t>(&cpu.descriptors)});
  arch::load_task_register(arch::selector::task_state);
  // LMA reads as one and cannot be written otherwise.
  constexpr std::uint64_t long_mode_active = 1u << 10;
  arch::write_msr(arch::msr::efer, supervisor.features.efer() | long_mode_active);
  cpu.saved_cr2 = arch::read_cr2();
  cpu.saved_pat = arch::read_msr(arch::msr::page_attribute_table);
  if ((cpu.saved_pat & arch::pat::used_mask) != arch::pat::used_value) {
    arch::write_msr(arch::msr::page_attribute_table, (cpu.saved_pat & ~arch::pat::used_mask) | arch::pat::used_value);
    cpu.pat_changed = 1;
  }
  arch::write_cr3(supervisor.memory.root(DomainId::foundation));
  arch::write_cr0(MM_CR0);
  arch::write_cr4(supervisor.features.cr4());
}

LaunchStep<Cpu*> launch(Supervisor& supervisor, abi::LaunchRecord& record) {
  supervisor.launch_start_ticks = arch::read_tsc();
  TRY(accept_record(supervisor, record));
  supervisor.features = detect_features();
  report_start(supervisor);
  accept_fault_record(supervisor);

  // The image lies at its own physical addresses.
  const PhysicalAddress text(address_of(redoubt_image_text).number);
  const PhysicalAddress rodata(address_of(redoubt_image_rodata).number);
  const PhysicalAddress data(address_of(redoubt_image_data).number);
  const PhysicalAddress end(address_of(redoubt_image_end).number);
  const PhysicalAddress base(supervisor.launch.supervisor_base);
  const ImageSection sections[] = {
      {.base = base, .pages = pages_of(text - base), .write = false, .execute = false},  // PE headers
      {.base = text, .pages = pages_of(rodata - text), .write = false, .execute = true},
      {.base = rodata, .pages = pages_of(data - rodata), .write = false, .execute = false},
      {.base = data, .pages = pages_of(end - data), .write = true, .execute = false},
  };
  const SupervisorImage image = {
      .sections = sections,
      .entry_code = {redoubt_mmi_entry_begin, redoubt_mmi_entry_end},
      .long_mode = address_of(redoubt_mmi_long_mode),
  };
  TRY(build_memory(supervisor, image));
  TRY(build_cpus(supervisor));
  Cpu& cpu = *supervisor.cpus[0];
  load_final_state(supervisor, cpu);

  const FoundationImage foundation = TRY(load_foundation(supervisor));
  measure_tick_rate(supervisor);
  report_ranges();
  report_foundation_start(supervisor, foundation.base, foundation.size);
  TRY(enter_launch(supervisor, cpu));
  RendezvousHardware hardware(supervisor);
  static_cast<void>(supervisor.rendezvous.enter(0, hardware));
  // Last, since it cannot be taken back: from here on a CPU that gets an SMI waits for this one.
  TRY(install_entry_pages(supervisor, image));
  return &cpu;
}

}  // namespace
}  // namespace redoubt::supervisor

using redoubt::supervisor::the_supervisor;

extern "C" {

// abi/redoubt/launch.hpp.
[[noreturn]] void supervisor_entry(redoubt::abi::LaunchRecord* record) {
  namespace sv = redoubt::supervisor;
  sv::load_first_tables();
  const auto cpu = sv::launch(the_supervisor, *record);
  if (cpu.has_value()) {
    supervisor_resume(*cpu);
  }
  sv::ReportLine line("supervisor.failed");
  line.quoted("reason", cpu.error());
  sv::write(line);
  sv::write_console(line, true);
  if (the_supervisor.launch.cpu_count <= sv::cpu_limit && the_supervisor.memory.pool().page_count() != 0) {
    sv::install_dead_entry_pages(the_supervisor.launch);
    record->result = static_cast<std::uint64_t>(redoubt::abi::LaunchResult::failed);
  }
  supervisor_leave_at_once();
}

}  // extern "C"
