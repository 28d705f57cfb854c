// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/launch/launch.hpp"

#include <new>

#include "abi/redoubt/image_names.hpp"
#include "arch/processor.hpp"
#include "image/executable.hpp"
#include "image/firmware_volume.hpp"
#include "supervisor/domain/domain_calls.hpp"
#include "supervisor/entry/entry_pages.hpp"
#include "supervisor/report/report.hpp"

namespace redoubt::supervisor {
namespace {

constexpr std::uint64_t supervisor_stack_pages = 3;
constexpr std::uint64_t exception_stack_pages = 1;
constexpr std::uint64_t entry_address_limit = std::uint64_t{1} << 32;

// With a TSC of some gigahertz: about a millisecond for CPUs to arrive by themselves, a tenth of a second to answer a
// call, and some seconds for the leader to be done; a minute and more until it is given up. An emulator may give a CPU
// no time for longer than one would think.
constexpr RendezvousLimits rendezvous_limits = {
    .arrival_ticks = std::uint64_t{1} << 22,
    .answer_ticks = std::uint64_t{1} << 28,
    .polls = std::uint64_t{1} << 24,
    .leader_ticks = std::uint64_t{1} << 33,
    .leader_calls = 32,
};

std::unexpected<const char*> fail(const char* reason) { return std::unexpected(reason); }

abi::PageAccess access_of(const image::ExecutableSection& section) {
  return abi::held_by_foundation({.read = true, .write = section.writable(), .execute = section.executable()});
}

// The foundation's executable in the MM volume.
LaunchStep<image::ExecutableView> find_foundation(Bytes volume_bytes) {
  const auto volume = image::FirmwareVolumeView::create(volume_bytes);
  if (!volume) {
    return fail(volume.error().reason);
  }
  const auto file = volume->find_file(abi::image_names::foundation);
  if (!file) {
    return fail(file.error().reason);
  }
  if (!file->has_value()) {
    return fail("the MM volume has no foundation");
  }
  const auto section = (*file)->find_section(abi::SectionType::pe32);
  if (!section) {
    return fail(section.error().reason);
  }
  if (!section->has_value()) {
    return fail("the foundation's file has no PE32 section");
  }
  const auto executable = image::ExecutableView::create((*section)->payload());
  if (!executable) {
    return fail(executable.error().reason);
  }
  if (executable->machine() != abi::pe::machine_x64 || !executable->page_protectable() ||
      executable->entry_point() == 0) {
    return fail("the foundation is no page-aligned x64 image");
  }
  return *executable;
}

LaunchStep<FoundationImage> place_foundation(Supervisor& supervisor, const image::ExecutableView& executable,
                                             DirectMap memory) {
  const std::uint64_t pages = pages_of(executable.image_size());
  const auto base = supervisor.memory.allocate_fixed(pages);
  if (!base) {
    return fail("no MMRAM for the foundation");
  }
  const MutableBytes destination(memory.at(*base), pages * page_bytes);
  if (const auto loaded = executable.load_into(destination, base->number); !loaded) {
    return fail(loaded.error().reason);
  }
  for (std::uint32_t i = 0; i < executable.section_count(); ++i) {
    const image::ExecutableSection section = executable.section(i);
    if (section.memory_size != 0 &&
        !supervisor.memory.set_fixed_access(*base + section.rva, pages_of(section.memory_size), access_of(section))) {
      return fail("the foundation's sections cannot be protected");
    }
  }
  return FoundationImage{*base, executable.image_size(), FoundationAddress(base->number + executable.entry_point())};
}

LaunchStep<void> place_ring3_stacks(Supervisor& supervisor) {
  for (const DomainId domain : {DomainId::foundation, DomainId::drivers}) {
    const auto top = supervisor.memory.allocate_stack(domain_stack_pages, domain);
    if (!top) {
      return fail("no MMRAM for a ring-3 stack");
    }
    constexpr std::uint64_t bytes = domain_stack_pages * page_bytes;
    const std::uint64_t bottom = top->number - bytes;
    if (domain == DomainId::foundation) {
      supervisor.foundation_stack = *Range<FoundationSpace>::create(FoundationAddress(bottom), bytes);
    } else {
      supervisor.driver_stack = *Range<DriverSpace>::create(DriverAddress(bottom), bytes);
    }
  }
  return {};
}

LaunchStep<void> place_gates(Supervisor& supervisor, DirectMap memory) {
  const auto page = supervisor.memory.allocate_fixed(1);
  if (!page) {
    return fail("no MMRAM for the gates");
  }
  write_gate_stubs(memory.at<std::uint8_t>(*page));
  if (!supervisor.memory.set_fixed_access(*page, 1, abi::held_by_drivers(abi::read_execute))) {
    return fail("the gates cannot be protected");
  }
  supervisor.gates = DriverAddress(page->number);
  return {};
}

}  // namespace

LaunchStep<void> accept_record(Supervisor& supervisor, abi::LaunchRecord& record) {
  gather_for_marks(supervisor.launch_start_ticks);
  supervisor.launch = record;
  supervisor.launch_record = &record;
  if (supervisor.launch.signature != abi::LaunchRecord::expected_signature ||
      supervisor.launch.version != abi::LaunchRecord::current_version ||
      supervisor.launch.size != sizeof(abi::LaunchRecord)) {
    return fail("the launch record is not one");
  }
  if (supervisor.launch.cpu_count == 0 || supervisor.launch.cpu_count > cpu_limit) {
    return fail("the number of CPUs is out of range");
  }
  if (supervisor.launch.mmram_size > entry_address_limit ||
      supervisor.launch.mmram_base > entry_address_limit - supervisor.launch.mmram_size) {
    return fail("MMRAM does not lie below 4 GiB");
  }
  return {};
}

LaunchStep<void> build_memory(Supervisor& supervisor, const SupervisorImage& image, DirectMap memory,
                              DirectMap window) {
  std::array<OutsideMapping, platform::board::grants.ranges.size()> outside{};
  for (std::size_t i = 0; i < outside.size(); ++i) {
    const policy::OutsideRange& range = platform::board::grants.ranges[i];
    outside[i] = {
        .base = PhysicalAddress(range.base),
        .pages = range.size / page_bytes,
        .drivers = range.access == policy::RangeAccess::drivers,
        .write = true,
        .cached = range.cache == policy::RangeCache::write_back,
    };
  }
  const MemoryHardware hardware = {
      .invalidate_page = arch::invalidate_page,
      .execute_disable = supervisor.features.execute_disable,
  };
  const PhysicalAddress record_address(reinterpret_cast<std::uint64_t>(supervisor.launch_record) -
                                       reinterpret_cast<std::uint64_t>(memory.at(PhysicalAddress())));
  const auto built = supervisor.memory.initialize(supervisor.launch, record_address, image.sections, outside, hardware,
                                                  memory, window);
  if (!built) {
    return fail(to_string(built.error()));
  }
  const abi::LaunchRecord& launch = supervisor.launch;
  supervisor.comm_buffer.initialize(
      reinterpret_cast<const std::byte*>(MemoryMap::outside(PhysicalAddress(launch.comm_buffer)).number),
      memory.at(supervisor.memory.capture()), launch.comm_buffer_pages * page_bytes,
      reinterpret_cast<volatile abi::CommBufferStatus*>(
          MemoryMap::outside(PhysicalAddress(launch.comm_status)).number));
  supervisor.direct_map = memory;
  supervisor.first_save_state = PhysicalAddress(launch.mmram_base) - abi::smm_entry_offset + abi::smm_save_state_offset;
  supervisor.local_apic.initialize(MemoryMap::outside(PhysicalAddress(platform::board::local_apic_base)));
  return {};
}

void measure_tick_rate(Supervisor& supervisor) {
  constexpr std::uint32_t counts = 256;
  // A timer that stands still, or is another device's by now, leaves the rate unknown: procedures have no timeouts
  // then.
  constexpr std::uint64_t polls = 1u << 16;
  constexpr std::uint64_t most_ticks = std::uint64_t{1} << 32;
  constexpr std::uint64_t microseconds_per_second = 1'000'000;
  const std::uint32_t start = platform::read_timer();
  const std::uint64_t start_ticks = arch::read_tsc();
  std::uint64_t elapsed = 0;
  for (std::uint64_t poll = 0; poll < polls && elapsed < counts && arch::read_tsc() - start_ticks < most_ticks;
       ++poll) {
    elapsed = (platform::read_timer() - start) & platform::board::timer_mask;
  }
  const std::uint64_t ticks = arch::read_tsc() - start_ticks;
  gather_for_marks(ticks ^ std::uint64_t{start} << 32);
  supervisor.ticks_per_microsecond =
      elapsed < counts
          ? 0
          : static_cast<std::uint32_t>(ticks * platform::board::timer_hertz / (elapsed * microseconds_per_second) + 1);
}

LaunchStep<void> build_cpus(Supervisor& supervisor, DirectMap memory) {
  const auto* launch_cpus = memory.at<const abi::LaunchCpu>(PhysicalAddress(supervisor.launch.cpus));
  for (std::uint32_t index = 0; index < supervisor.launch.cpu_count; ++index) {
    const auto stack = supervisor.memory.allocate_stack(supervisor_stack_pages, std::nullopt);
    const auto nmi = supervisor.memory.allocate_stack(exception_stack_pages, std::nullopt);
    const auto double_fault = supervisor.memory.allocate_stack(exception_stack_pages, std::nullopt);
    const auto machine_check = supervisor.memory.allocate_stack(exception_stack_pages, std::nullopt);
    if (!stack || !nmi || !double_fault || !machine_check) {
      return fail("no MMRAM for the CPUs' stacks");
    }
    auto* cpu = memory.at<Cpu>(*stack - sizeof(Cpu));
    prepare_cpu(*cpu, {.index = index, .apic_id = launch_cpus[index].apic_id}, supervisor.features,
                {.nmi = LinearAddress(nmi->number),
                 .double_fault = LinearAddress(double_fault->number),
                 .machine_check = LinearAddress(machine_check->number)},
                memory.at<std::uint64_t>(*nmi - nmi_slot_bytes));
    supervisor.cpus[index] = cpu;
  }
  const auto area = supervisor.memory.allocate_supervisor(pages_of(supervisor.features.extended_state_bytes));
  if (!area) {
    return fail("no MMRAM for the extended state");
  }
  const auto waiting = supervisor.memory.allocate_supervisor(pages_of(sizeof(WaitingState) * call_depth_limit));
  if (!waiting) {
    return fail("no MMRAM for drivers' extended state");
  }
  supervisor.extended_state.initialize(memory.at(*area), supervisor.features, memory.at<WaitingState>(*waiting));
  const auto procedures =
      supervisor.memory.allocate_supervisor(pages_of(std::uint64_t{supervisor.launch.cpu_count} * sizeof(Procedure)));
  if (!procedures) {
    return fail("no MMRAM for the CPUs' procedures");
  }
  supervisor.procedures = memory.at<Procedure>(*procedures);
  for (std::uint32_t index = 0; index < supervisor.launch.cpu_count; ++index) {
    ::new (static_cast<void*>(&supervisor.procedures[index])) Procedure;
  }
  supervisor.rendezvous.initialize(supervisor.launch.cpu_count, rendezvous_limits);
  return {};
}

LaunchStep<FoundationImage> load_foundation(Supervisor& supervisor, DirectMap memory) {
  const Bytes volume(supervisor.memory.window().at(PhysicalAddress(supervisor.launch.volume_base)),
                     supervisor.launch.volume_size);
  const image::ExecutableView executable = TRY(find_foundation(volume));
  const FoundationImage foundation = TRY(place_foundation(supervisor, executable, memory));
  supervisor.foundation_entry = foundation.entry;
  TRY(place_ring3_stacks(supervisor));
  TRY(place_gates(supervisor, memory));
  return foundation;
}

LaunchStep<void> install_entry_pages(Supervisor& supervisor, const SupervisorImage& image, DirectMap memory) {
  for (std::uint64_t index = 0; index < supervisor.launch.cpu_count; ++index) {
    const PhysicalAddress page = PhysicalAddress(supervisor.launch.mmram_base) + index * abi::smbase_stride;
    Cpu& cpu = *supervisor.cpus[index];
    const EntryParameters parameters = {
        .descriptors = LinearAddress(reinterpret_cast<std::uint64_t>(&cpu.descriptors)),
        .root = supervisor.memory.root(DomainId::foundation),
        .cr4 = supervisor.features.early_cr4(),
        .efer = supervisor.features.efer(),
        .cpu = LinearAddress(reinterpret_cast<std::uint64_t>(&cpu)),
        .long_mode = image.long_mode,
    };
    if (!write_entry_page({memory.at(page), page_bytes}, image.entry_code, parameters) ||
        !supervisor.memory.seal_entry_page(page)) {
      return fail("the entry code cannot be installed");
    }
  }
  return {};
}

void install_dead_entry_pages(const abi::LaunchRecord& record, DirectMap memory) {
  for (std::uint64_t index = 0; index < record.cpu_count; ++index) {
    write_dead_entry_page({memory.at(PhysicalAddress(record.mmram_base) + index * abi::smbase_stride), page_bytes});
  }
}

LaunchStep<void> enter_launch(Supervisor& supervisor, Cpu& cpu) {
  const abi::LaunchRecord& launch = supervisor.launch;
  const abi::FoundationLaunch data = {
      .volume_base = launch.volume_base,
      .volume_size = launch.volume_size,
      .hob_base = launch.hob_base,
      .hob_size = launch.hob_size,
      .comm_buffer = launch.comm_buffer,
      .comm_buffer_size = launch.comm_buffer_pages * page_bytes,
      .gates = supervisor.gates.number,
      .mmram_base = launch.mmram_base,
      .mmram_size = launch.mmram_size,
      .cpu_count = launch.cpu_count,
      .options = launch.options,
      .ticks_per_microsecond = supervisor.ticks_per_microsecond,
      .reserve_pages = platform::board::grants.reserve.pages,
      .reserve_file = platform::board::grants.reserve.file,
      .limits = {.pages = static_cast<std::uint32_t>(launch.mmram_size / page_bytes /
                                                     platform::board::grants.limits.memory_divisor),
                 .handles = platform::board::grants.limits.handles,
                 .protocols = platform::board::grants.limits.protocols,
                 .handlers = platform::board::grants.limits.handlers,
                 .notifications = platform::board::grants.limits.notifications,
                 .tables = platform::board::grants.limits.tables},
  };
  supervisor.activity = Activity::launch;
  if (!enter_foundation(supervisor, cpu, abi::EntryReason::launch, data)) {
    return fail("the foundation's stack is not there");
  }
  return {};
}

}  // namespace redoubt::supervisor
