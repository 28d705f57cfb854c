// SPDX-License-Identifier: BSD-2-Clause-Patent
// The steps of the first MMI, in order. Each checks what the IPL says before it relies on it; a failure names its
// reason for the log and leaves MM without a foundation, not the machine without a future.
#pragma once

#include <span>

#include "base/byte_reader.hpp"
#include "base/result.hpp"
#include "supervisor/cpu/interrupt_table.hpp"
#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// The reason is a string literal.
template <typename T>
using LaunchStep = Result<T, const char*>;

// Where the image's own parts lie, and what it has for others to run.
struct SupervisorImage {
  std::span<const ImageSection> sections;
  std::span<const std::byte> entry_code;  // of arch/x86_64/entry/mmi_entry.S
  LinearAddress long_mode;                // where the entry code goes on
};

struct FoundationImage {
  PhysicalAddress base;
  std::uint64_t size;
  FoundationAddress entry;
};

// Takes a copy of the record and checks what MemoryMap doesn't.
LaunchStep<void> accept_record(Supervisor& supervisor, abi::LaunchRecord& record);

// Pages, address spaces, message buffer. `memory`, `window`: see MemoryMap::initialize().
LaunchStep<void> build_memory(Supervisor& supervisor, const SupervisorImage& image, DirectMap memory = {},
                              DirectMap window = DirectMap(physical_window));

// How fast the TSC counts, by the platform's timer. Takes a tenth of a millisecond; leaves "not known" if that timer
// stands still.
void measure_tick_rate(Supervisor& supervisor);

// Per-CPU areas and stacks of all CPUs, and where driver state is kept.
LaunchStep<void> build_cpus(Supervisor& supervisor, DirectMap memory = {});

// Places the foundation, both ring-3 stacks and the gates.
LaunchStep<FoundationImage> load_foundation(Supervisor& supervisor, DirectMap memory = {});

// Gives every CPU the supervisor's entry code.
LaunchStep<void> install_entry_pages(Supervisor& supervisor, const SupervisorImage& image, DirectMap memory = {});

// Gives every CPU entry code that leaves MM at once.
void install_dead_entry_pages(const abi::LaunchRecord& record, DirectMap memory = {});

// The frame of `cpu` enters the foundation for its launch.
LaunchStep<void> enter_launch(Supervisor& supervisor, Cpu& cpu);

}  // namespace redoubt::supervisor
