// SPDX-License-Identifier: BSD-2-Clause-Patent
// arch/x86_64/cpu/processor.hpp for host tests, on the fake machine's state.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "arch/fake/machine.hpp"
#include "arch/x86_64/registers/control.hpp"
#include "arch/x86_64/registers/cpuid.hpp"
#include "arch/x86_64/registers/segments.hpp"
#include "base/address.hpp"

namespace redoubt::arch {

inline CpuidLeaf cpuid_leaf(std::uint32_t leaf, std::uint32_t subleaf = 0) {
  const fake::CpuidResult result = fake::machine().cpuid[{leaf, subleaf}];
  return {result.eax, result.ebx, result.ecx, result.edx};
}

inline std::uint64_t read_msr(std::uint32_t index) { return fake::machine().msrs[index]; }
inline void write_msr(std::uint32_t index, std::uint64_t value) { fake::machine().msrs[index] = value; }

inline std::uint64_t read_cr0() { return fake::machine().cr0; }
inline void write_cr0(std::uint64_t value) { fake::machine().cr0 = value; }
inline std::uint64_t read_cr2() { return fake::machine().cr2; }
inline void write_cr3(PhysicalAddress root) {
  fake::machine().cr3 = root.number;
  if (fake::machine().on_root_load) {
    fake::machine().on_root_load(root.number);
  }
}
inline void write_cr4(std::uint64_t value) { fake::machine().cr4 = value; }
inline void clear_task_switched() { fake::machine().cr0 &= ~cr0::task_switched; }
inline void set_task_switched() { fake::machine().cr0 |= cr0::task_switched; }
inline std::uint64_t read_xcr0() { return fake::machine().xcr0; }

// With CR0.TS set each of these is an exception in ring 0, which the trace shows.
inline void trace_fpu(std::string instruction) {
  const bool faults = (fake::machine().cr0 & cr0::task_switched) != 0;
  fake::machine().fpu_trace.push_back(faults ? "#NM in " + instruction : std::move(instruction));
}
inline void xsave(void* area, std::uint64_t components) {
  std::memset(area, 0xA5, 512);
  trace_fpu("xsave " + std::to_string(components));
}
inline void xrstor(const void* /*area*/, std::uint64_t components) {
  trace_fpu("xrstor " + std::to_string(components));
}
inline void fxsave(void* area) {
  std::memset(area, 0xA5, 512);
  trace_fpu("fxsave");
}
inline void fxrstor(const void* /*area*/) { trace_fpu("fxrstor"); }

inline void load_gdt(const TablePointer& /*table*/) {}
inline void load_idt(const TablePointer& /*table*/) {}
inline void load_local_descriptor_table(std::uint16_t selector) { fake::machine().local_descriptors = selector; }
inline void load_task_register(std::uint16_t /*selector*/) {}
inline void invalidate_page(LinearAddress page) {
  if (fake::machine().on_invalidation) {
    fake::machine().on_invalidation(page.number);
  }
}
inline std::uint64_t read_tsc() { return ++fake::machine().tsc; }
inline void fence_before_x2apic_write() {}
inline bool draw_random(std::uint64_t& value) {
  if (fake::machine().random.empty()) {
    return false;
  }
  value = fake::machine().random.front();
  fake::machine().random.erase(fake::machine().random.begin());
  return true;
}
inline std::uint64_t read_dr3() { return fake::machine().dr3; }
inline void write_dr3(std::uint64_t value) { fake::machine().dr3 = value; }
inline void unblock_nmis() { ++fake::machine().nmi_openings; }
// The end of a test, unless it wants to go on elsewhere (Machine::on_end throws then).
[[noreturn]] inline void end(const char* how) {
  if (fake::machine().on_end) {
    fake::machine().on_end(how);
  }
  std::fprintf(stderr, "the processor %s\n", how);
  std::abort();
}
[[noreturn]] inline void shut_down() { end("shuts down"); }
[[noreturn]] inline void halt() { end("halts"); }
inline void write_back_caches() {}
inline void spin_hint() {
  if (fake::machine().on_spin) {
    fake::machine().on_spin();
  }
}

}  // namespace redoubt::arch
