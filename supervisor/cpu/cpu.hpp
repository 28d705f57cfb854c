// SPDX-License-Identifier: BSD-2-Clause-Patent
// What each CPU has of its own in MM. The area ends its ring-0 stack, so that one register leads to everything:
//
//   guard | stack ... grows down | Cpu: register frame | what to restore | GDT | TSS, I/O bitmap | guard
//                                ^ RSP on every entry    ^ RSP0 of the TSS: the processor pushes into the frame
//
// It is written by its own CPU, and by the boot processor during the launch. Assembly uses the offsets asserted here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "arch/x86_64/entry/offsets.h"
#include "arch/x86_64/registers/register_frame.hpp"
#include "arch/x86_64/registers/segments.hpp"
#include "base/address.hpp"
#include "platform/board.hpp"
#include "supervisor/cpu/features.hpp"

namespace redoubt::supervisor {

// One CPU more than this doesn't launch.
inline constexpr std::uint32_t cpu_limit = 256;

// Bits of an I/O bitmap: 0 allows the port. One byte of ones must follow (AMD64 APM volume 2, 12.2.4).
inline constexpr std::size_t io_bitmap_bytes = policy::driver_ports_end(platform::board::grants.ports.ranges) / 8 + 1;

enum class CpuRequest : std::uint8_t {
  none = 0,
  flush = REQUEST_FLUSH,  // the TLB
  stop = REQUEST_STOP,    // the procedure in ring 3; flushes, too
};

struct alignas(64) Cpu {
  arch::RegisterFrame frame;  // of ring 3, whenever ring 0 runs on its behalf

  std::uint8_t pat_changed;
  std::uint8_t exit_reserved[3];
  std::uint32_t nmi_count;  // NMIs taken in this MMI, owed to the host
  std::uint8_t leaving;     // the next NMI ends the MMI (arch/x86_64/entry/mmi_entry.S)
  // The next NMI is the leader's: a CpuRequest, cleared by its handler (arch/x86_64/entry/traps.S).
  std::uint8_t request;
  std::uint8_t mmi_reserved[2];
  std::uint8_t runs_procedure;  // in ring 3, for another CPU that runs MM
  std::uint8_t reserved[3];
  std::uint64_t saved_cr2;
  std::uint64_t saved_pat;
  std::uint64_t cr4;                // in MM
  std::uint32_t hosts_destination;  // of the local APIC, while the MMI ends with an NMI
  std::uint32_t reserved1;

  arch::GlobalDescriptorTable descriptors;
  arch::TaskStateSegment task_state;
  std::array<std::uint8_t, io_bitmap_bytes + 1> io_bitmap;

  std::uint32_t index;
  std::uint32_t apic_id;
};
static_assert(sizeof(arch::RegisterFrame) == FRAME_BYTES && arch::in_ring_3 == static_cast<std::uint64_t>(IN_RING_3));
static_assert(offsetof(Cpu, frame) == 0 && offsetof(arch::RegisterFrame, vector) == FRAME_VECTOR &&
              offsetof(arch::RegisterFrame, rip) == FRAME_RIP && offsetof(arch::RegisterFrame, cs) == FRAME_CS &&
              offsetof(arch::RegisterFrame, rflags) == FRAME_RFLAGS);
static_assert(offsetof(Cpu, pat_changed) == CPU_PAT_CHANGED && CPU_EXIT_WORK == CPU_PAT_CHANGED &&
              offsetof(Cpu, nmi_count) == CPU_NMI_COUNT && CPU_REQUEST == CPU_LEAVING + 1 &&
              offsetof(Cpu, leaving) == CPU_EXIT_WORK + 8);
static_assert(offsetof(Cpu, saved_cr2) == CPU_SAVED_CR2 && offsetof(Cpu, saved_pat) == CPU_SAVED_PAT &&
              offsetof(Cpu, cr4) == CPU_CR4 && offsetof(Cpu, leaving) == CPU_LEAVING &&
              offsetof(Cpu, request) == CPU_REQUEST && offsetof(Cpu, hosts_destination) == CPU_HOSTS_DESTINATION &&
              offsetof(Cpu, descriptors) == CPU_GDT);
static_assert(offsetof(Cpu, io_bitmap) == offsetof(Cpu, task_state) + sizeof(arch::TaskStateSegment));
static_assert(sizeof(Cpu) <= 1024, "the ring-0 stack's last page holds the area and some stack");

inline constexpr std::uint16_t io_bitmap_offset = sizeof(arch::TaskStateSegment);

// Exceptions that cannot trust the current stack have one of their own.
enum class InterruptStack : unsigned { nmi = 1, double_fault = 2, machine_check = 3 };

// Tops of a CPU's stacks.
struct CpuStacks {
  LinearAddress nmi;
  LinearAddress double_fault;
  LinearAddress machine_check;
};

struct CpuIdentity {
  std::uint32_t index;
  std::uint32_t apic_id;
};

// Fills the area, whose own address is that of `cpu`. `nmi_slot` is memory for one word right below stacks.nmi, for
// the NMI handler to find the area by.
void prepare_cpu(Cpu& cpu, const CpuIdentity& identity, const CpuFeatures& features, const CpuStacks& stacks,
                 std::uint64_t* nmi_slot);

// The NMI stack starts below the word that names the per-CPU area; 16 bytes keep it aligned.
inline constexpr std::uint64_t nmi_slot_bytes = 16;

// Whether ring 3 may use the driver ports now.
inline void set_io_ports(Cpu& cpu, bool open) {
  cpu.task_state.io_bitmap_offset = open ? io_bitmap_offset : arch::no_io_bitmap;
}

}  // namespace redoubt::supervisor
