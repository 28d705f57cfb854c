// SPDX-License-Identifier: BSD-2-Clause-Patent
// The processor and ports that host tests see: state is kept in plain tables which a test prepares and inspects.
// One machine per thread, so that tests of several CPUs need no locks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace redoubt::arch::fake {

struct CpuidResult {
  std::uint32_t eax = 0;
  std::uint32_t ebx = 0;
  std::uint32_t ecx = 0;
  std::uint32_t edx = 0;
};

struct PortWrite {
  std::uint16_t port;
  unsigned width;  // bytes
  std::uint32_t value;
};

struct DeviceWrite {
  std::uint64_t address;
  std::uint64_t width;  // bytes
  std::uint64_t value;
};

struct Machine {
  std::map<std::uint16_t, std::uint32_t> ports;  // what reads return; all ones where nothing is set
  std::vector<PortWrite> port_writes;
  std::map<std::uint16_t, std::string> port_text;        // repeated output, by port
  std::map<std::uint64_t, std::uint64_t> device_memory;  // what reads return; all ones where nothing is set
  std::vector<DeviceWrite> device_writes;
  std::uint64_t dr3 = 0;
  std::vector<std::uint64_t> random;  // what RDRAND has
  std::map<std::uint32_t, std::uint64_t> msrs;
  std::map<std::pair<std::uint32_t, std::uint32_t>, CpuidResult> cpuid;
  std::uint64_t cr0 = 0;
  std::uint64_t cr2 = 0;
  std::uint64_t cr3 = 0;
  std::uint64_t cr4 = 0;
  std::uint64_t xcr0 = 0;
  std::uint64_t tsc = 0;
  std::uint16_t local_descriptors = 0;
  unsigned nmi_openings = 0;                           // times that NMIs were let in
  std::function<void()> on_spin;                       // what happens to a CPU while it waits
  std::function<void(const char* how)> on_end;         // when it shuts down or halts; must not return
  std::function<void(std::uint64_t)> on_root_load;     // MOV to CR3
  std::function<void(std::uint64_t)> on_invalidation;  // INVLPG
  std::vector<std::string> fpu_trace;                  // names of the state instructions executed
};

inline Machine& machine() {
  thread_local Machine the_machine;
  return the_machine;
}

}  // namespace redoubt::arch::fake
