// SPDX-License-Identifier: BSD-2-Clause-Patent
// The contract between an IPL and the supervisor: what lies in MMRAM when the first MMI enters the supervisor.
// All fields have the same layout for a 32-bit IPL and a 64-bit supervisor.
//
// State on entry (the image's PE entry point, System V convention, rdi = address of the LaunchRecord): in SMM,
// long mode, on the boot processor only, interrupts off, CR3 = bootstrap tables that identity-map the first 4 GiB
// (all of it read, write, execute), a stack of at least 16 KiB. The entry never returns: when it is done it writes
// LaunchRecord::result and executes RSM. By then every CPU's entry code at SMBASE + 0x8000 is the supervisor's own.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redoubt::abi {

// One CPU whose SMBASE was relocated.
struct LaunchCpu {
  std::uint32_t apic_id;  // initial APIC id, CPUID leaf 1 (or leaf 0xB where it has one)
  std::uint32_t reserved;
  std::uint64_t smbase;
};
static_assert(sizeof(LaunchCpu) == 16);

// RAM outside and inside MMRAM, as PEI described it: nothing else can be unblocked for drivers later.
struct LaunchMemory {
  std::uint64_t base;
  std::uint64_t size;  // bytes
};
static_assert(sizeof(LaunchMemory) == 16);

enum class LaunchResult : std::uint64_t {
  not_run = 0,
  ready = 1,   // foundation and drivers were started; MMIs work
  failed = 2,  // the reason is on the log; MM answers nothing
};

struct LaunchRecord {
  static constexpr std::uint64_t expected_signature = 0x48434E55414C4452;  // "RDLAUNCH"
  static constexpr std::uint32_t current_version = 3;
  static constexpr std::uint32_t memory_limit = 16;

  std::uint64_t signature;
  std::uint32_t version;
  std::uint32_t size;  // of this structure

  // The MMRAM given to Redoubt, 4 KiB aligned. Everything below lies inside it unless it says otherwise.
  std::uint64_t mmram_base;
  std::uint64_t mmram_size;

  // [mmram_base, used_end) holds what the IPL put there: entry and save-state pages, this record, images, volume,
  // HOB list, bootstrap tables and stack. The supervisor reclaims of it what it can; the rest is free.
  std::uint64_t used_end;

  std::uint64_t supervisor_base;  // loaded and relocated, sections at their virtual addresses
  std::uint64_t supervisor_size;

  std::uint64_t volume_base;  // copy of the MM firmware volume, 4 KiB aligned, padded to whole pages
  std::uint64_t volume_size;  // bytes

  std::uint64_t hob_base;  // copy of the HOB list as the IPL found it, 4 KiB aligned, padded to whole pages
  std::uint64_t hob_size;  // bytes, end-of-list HOB included

  std::uint64_t bootstrap_base;  // page tables and stack used for the first MMI only
  std::uint64_t bootstrap_size;

  // Outside MMRAM: fixed communication buffer and status page (abi/pi/communicate.hpp).
  std::uint64_t comm_buffer;
  std::uint64_t comm_buffer_pages;
  std::uint64_t comm_status;

  // CPU i of cpus[] has SMBASE = mmram_base - 0x8000 + i * smbase_stride, so that with a stride of 0x2000 its entry
  // code fills page 2i of MMRAM and its save state the end of page 2i + 7: code and save state never share a page.
  std::uint32_t cpu_count;
  std::uint32_t smbase_stride;
  std::uint64_t cpus;  // address of LaunchCpu[cpu_count]; CPU 0 is the boot processor

  std::uint64_t result;  // LaunchResult, written by the supervisor

  std::uint32_t options;  // abi::launch_option (observation.hpp)

  std::uint32_t memory_count;
  LaunchMemory memory[memory_limit];  // no two of them overlap or touch
};
static_assert(offsetof(LaunchRecord, mmram_base) == 16 && offsetof(LaunchRecord, comm_buffer) == 104 &&
              offsetof(LaunchRecord, cpu_count) == 128 && offsetof(LaunchRecord, result) == 144 &&
              offsetof(LaunchRecord, options) == 152 && offsetof(LaunchRecord, memory) == 160 &&
              sizeof(LaunchRecord) == 416);

// The last page of MMRAM holds what one boot leaves for the next (policy/fault_record.hpp), where memory survives a
// reset. It is never used for anything else: neither IPL nor supervisor clears it, and used_end doesn't reach it.
inline constexpr std::uint64_t kept_bytes = 4096;

inline constexpr std::uint32_t smbase_stride = 0x2000;
inline constexpr std::uint32_t smm_entry_offset = 0x8000;       // from SMBASE (AMD64 APM volume 2, 10.3)
inline constexpr std::uint32_t smm_save_state_offset = 0xFE00;  // from SMBASE, AMD64 layout, 0x200 bytes

}  // namespace redoubt::abi
