// SPDX-License-Identifier: BSD-2-Clause-Patent
// The supervisor's entry from ring 3 in a test image: counts system calls, and after each ten thousand compares all
// records with all page tables and its own code with what it was. What isn't as it must be ends in a panic.
#include "platform/board.hpp"
#include "supervisor/exceptions/panic.hpp"
#include "supervisor/exceptions/trap.hpp"
#include "supervisor/report/report_line.hpp"
#include "supervisor/testing/memory_audit.hpp"

extern "C" {
// cmake/image.ld.
extern const std::byte redoubt_image_text[];
extern const std::byte redoubt_image_data[];
}

namespace redoubt::supervisor {
namespace {

constexpr std::uint64_t calls_between_audits = 10'000;

constinit std::uint64_t calls = 0;
constinit std::uint64_t first_sum = 0;

std::uint64_t sum(std::uint64_t total, const std::byte* begin, const std::byte* end) {
  for (const auto* word = reinterpret_cast<const std::uint64_t*>(begin);
       word != reinterpret_cast<const std::uint64_t*>(end); ++word)
    total = (total ^ *word) * 0x0000'0100'0000'01B3;
  return total;
}

// Code and constants of ring 0, entry pages and gates.
std::uint64_t code_sum(const Supervisor& supervisor) {
  std::uint64_t total = sum(1, redoubt_image_text, redoubt_image_data);
  for (std::uint64_t cpu = 0; cpu < supervisor.launch.cpu_count; ++cpu) {
    const auto* page =
        supervisor.direct_map.at(PhysicalAddress(supervisor.launch.mmram_base) + cpu * abi::smbase_stride);
    total = sum(total, page, page + page_bytes);
  }
  const auto* gates = supervisor.memory.window().at(PhysicalAddress(supervisor.gates.number));
  return sum(total, gates, gates + page_bytes);
}

void audit(Supervisor& supervisor, const Cpu& cpu) {
  const char* wrong = testing::audit_memory(supervisor);
  const std::uint64_t now = code_sum(supervisor);
  if (first_sum == 0) first_sum = now;
  if (wrong == nullptr && now != first_sum) wrong = "code of ring 0 has changed";
  if (wrong != nullptr) panic(supervisor, cpu.frame, wrong);
  ReportLine line("audit");
  line.decimal("calls", calls)
      .decimal("faults", supervisor.fault_count)
      .decimal("free", supervisor.memory.pool().free_pages());
  platform::write_log(line.text());
}

}  // namespace
}  // namespace redoubt::supervisor

extern "C" redoubt::supervisor::Continuation supervisor_trap(redoubt::supervisor::Cpu& cpu) {
  namespace sv = redoubt::supervisor;
  sv::Supervisor& supervisor = sv::the_supervisor;
  // Procedures on other CPUs come through here as well.
  const bool system_call = cpu.runs_procedure == 0 && cpu.frame.vector == redoubt::abi::system_call_vector;
  const sv::Continuation next = sv::handle_trap(supervisor, cpu);
  supervisor.foundation_over = false;  // one that takes its own pages away goes on calling with the next message
  if (system_call && ++sv::calls % sv::calls_between_audits == 0) sv::audit(supervisor, cpu);
  return next;
}
