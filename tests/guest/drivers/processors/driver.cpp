// SPDX-License-Identifier: BSD-2-Clause-Patent
// A driver that uses the other CPUs in every way that the specification has, and misuses them: see
// processors_protocol.hpp. It must never be shipped in an image.
#include <array>
#include <atomic>
#include <cstring>

#include "abi/pi/mm_cpu.hpp"
#include "abi/pi/mm_mp.hpp"
#include "sdk/mm_driver.hpp"
#include "tests/guest/drivers/processors/processors_protocol.hpp"

namespace redoubt::processors {
namespace {

using abi::EfiStatus;
using abi::Handle;
using abi::MmCompletion;
using abi::MmCpuProtocol;
using abi::MmMpProtocol;
using abi::MmSaveStateRegister;
using abi::MmSystemTable;
using abi::UintN;

constexpr std::uint64_t most_cpus = 64;
// In microseconds. An emulated CPU may not run at all for some milliseconds.
constexpr std::uint64_t timeout = 3000;
constexpr std::uint64_t ample_time = 60'000'000;

constinit MmSystemTable* table = nullptr;
constinit const MmMpProtocol* mp = nullptr;
constinit const MmCpuProtocol* save_state = nullptr;
constinit std::atomic<std::uint64_t> runs = 0;
constinit std::atomic<std::uint64_t> seen = 0;  // a bit for each APIC id
constinit std::atomic<bool> go_on = false;
constinit std::array<EfiStatus, most_cpus> statuses{};
constinit std::array<std::uint64_t, 2> argument_mark{0x1234, 0};

std::uint64_t apic_id() {
  std::uint32_t eax = 1;
  std::uint32_t ebx = 0;
  std::uint32_t ecx = 0;
  std::uint32_t edx = 0;
  asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
  return ebx >> 24;
}

std::uint64_t read_tsc() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return std::uint64_t{high} << 32 | low;
}

constexpr EfiStatus procedure_status = 0x77;

// ---- Procedures

EFIAPI EfiStatus note(void* argument) {
  seen |= std::uint64_t{1} << apic_id();
  // The argument is the caller's, and the stack is one that this CPU can write.
  volatile std::uint8_t page[3000];
  page[0] = 1;
  page[2999] = page[0];
  const bool right = argument == argument_mark.data() && page[2999] == 1;
  ++runs;
  return right ? procedure_status : abi::status::device_error;
}
EFIAPI void note_nothing(void* argument) { static_cast<void>(note(argument)); }

EFIAPI EfiStatus wait_for_go(void*) {
  ++runs;
  while (!go_on) {
  }
  return abi::status::success;
}

EFIAPI EfiStatus loop_for_ever(void*) {
  for (;;) {
    asm volatile("" : : : "memory");
  }
}

EFIAPI EfiStatus loop_with_services(void*) {
  for (;;) {
    void* buffer = nullptr;
    if (table->allocate_pool(abi::runtime_services_data, 8, &buffer) != abi::status::unsupported) ++runs;
  }
}

EFIAPI EfiStatus use_fpu(void*) {
  alignas(16) static constinit std::uint8_t pattern[16] = {0x0E, 0x1D, 0x2C, 0x3B, 0x4A, 0x59, 0x68, 0x77,
                                                           0x86, 0x95, 0xA4, 0xB3, 0xC2, 0xD1, 0xE0, 0xFF};
  static constinit std::uint32_t mxcsr = 0x3F80;
  asm volatile(
      "ldmxcsr %1\n\tmovaps %0, %%xmm0\n\tmovaps %0, %%xmm1\n\tmovaps %0, %%xmm7\n\tmovaps %0, %%xmm15\n\t"
      "fninit\n\tfldpi\n\tfldl2e"
      :
      : "m"(pattern), "m"(mxcsr)
      : "memory");
  ++runs;
  return procedure_status;
}

// In ring 3 an IRET to the next instruction. QEMU 7.2 reads its stack as ring 0 would, so that with SMAP it faults:
// there nothing is tried.
EFIAPI EfiStatus execute_iret(void*) {
  std::uint32_t eax = 7;
  std::uint32_t ebx = 0;
  std::uint32_t ecx = 0;
  std::uint32_t edx = 0;
  asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
  constexpr std::uint32_t access_prevention = 1U << 20;
  for (unsigned i = 0; (ebx & access_prevention) == 0 && i < 100; ++i) {
    asm volatile(
        "movq %%rsp, %%rcx\n\t"
        "movl %%ss, %%eax\n\tpushq %%rax\n\tpushq %%rcx\n\tpushfq\n\tmovl %%cs, %%eax\n\tpushq %%rax\n\t"
        "leaq 1f(%%rip), %%rax\n\tpushq %%rax\n\tiretq\n\t1:"
        :
        :
        : "rax", "rcx", "memory");
  }
  ++runs;
  return procedure_status;
}

EFIAPI EfiStatus read_null(void*) {
  const volatile std::uintptr_t null = 0;
  return *reinterpret_cast<const volatile EfiStatus*>(null);
}
EFIAPI EfiStatus privileged(void*) {
  asm volatile("cli");
  return abi::status::success;
}
EFIAPI EfiStatus foundations_door(void*) {
  std::uint64_t rax = 1;
  asm volatile("int $0x80" : "+a"(rax) : "D"(0), "S"(0) : "rdx", "memory");
  return rax;
}
[[gnu::noinline]] std::uint64_t exhaust(std::uint64_t depth) {
  volatile std::uint8_t page[4096];
  page[0] = static_cast<std::uint8_t>(depth);
  const std::uint64_t below = depth == 1U << 20 ? 0 : exhaust(depth + 1);
  return below + page[0];
}
EFIAPI EfiStatus exhaust_stack(void*) { return exhaust(0); }
EFIAPI EfiStatus leave(void*) {
  asm volatile("rsm" : : : "memory");
  return abi::status::success;
}

// ---- Checks: 0 or the line that isn't content

#define REDOUBT_WANT(condition) \
  if (!(condition)) return __LINE__

std::uint64_t all_but_self(std::uint64_t cpus) {
  return ((std::uint64_t{1} << cpus) - 1) & ~(std::uint64_t{1} << apic_id());
}

bool statuses_are(std::uint64_t cpus, EfiStatus expected) {
  for (std::uint64_t cpu = 0; cpu < cpus; ++cpu) {
    const bool self = cpu == table->currently_executing_cpu;
    if (statuses[cpu] != (self ? EfiStatus{abi::status::not_started} : expected)) return false;
  }
  return true;
}

void start_over() {
  runs = 0;
  seen = 0;
  go_on = false;
  statuses = {};
}

unsigned one_by_one(std::uint64_t cpus) {
  UintN number = 0;
  REDOUBT_WANT(mp->get_number_of_processors(mp, &number) == abi::status::success && number == cpus);
  for (std::uint64_t cpu = 0; cpu < cpus; ++cpu) {
    const EfiStatus status = table->startup_this_ap(note_nothing, cpu, argument_mark.data());
    const bool self = cpu == table->currently_executing_cpu;
    REDOUBT_WANT(status == (self ? EfiStatus{abi::status::invalid_parameter} : EfiStatus{abi::status::success}));
  }
  REDOUBT_WANT(runs == cpus - 1 && seen == all_but_self(cpus));
  REDOUBT_WANT(table->startup_this_ap(note_nothing, cpus, nullptr) == abi::status::invalid_parameter);
  return 0;
}

unsigned broadcast(std::uint64_t cpus) {
  REDOUBT_WANT(mp->broadcast_procedure(mp, note, 0, argument_mark.data(), nullptr, statuses.data()) ==
               abi::status::success);
  REDOUBT_WANT(runs == cpus - 1 && seen == all_but_self(cpus));
  REDOUBT_WANT(statuses_are(cpus, procedure_status));
  return 0;
}

unsigned tokens(std::uint64_t cpus) {
  MmCompletion token = nullptr;
  REDOUBT_WANT(mp->broadcast_procedure(mp, wait_for_go, 0, nullptr, &token, statuses.data()) == abi::status::success);
  while (runs != cpus - 1) {
  }
  REDOUBT_WANT(mp->check_for_procedure(mp, token) == abi::status::not_ready);
  REDOUBT_WANT(statuses_are(cpus, abi::status::not_ready));
  for (unsigned i = 0; i < 20; ++i) {
    abi::EfiPhysicalAddress pages = 0;
    REDOUBT_WANT(table->allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 2, &pages) ==
                 abi::status::success);
    *reinterpret_cast<volatile std::uint64_t*>(pages) = i;
    REDOUBT_WANT(table->free_pages(pages, 2) == abi::status::success);
  }
  const std::uint64_t busy = table->currently_executing_cpu == 0 ? 1 : 0;
  REDOUBT_WANT(mp->dispatch_procedure(mp, note, busy, 0, nullptr, nullptr, nullptr) == abi::status::not_ready);
  go_on = true;
  // CPUStatus is written by the CPUs themselves: nobody has to ask.
  while (!statuses_are(cpus, abi::status::success)) {
  }
  REDOUBT_WANT(mp->wait_for_procedure(mp, token) == abi::status::success);
  return 0;
}

unsigned timeouts(std::uint64_t cpus) {
  REDOUBT_WANT((mp->attributes & MmMpProtocol::timeout_supported) != 0);
  const std::uint64_t other = table->currently_executing_cpu == 0 ? cpus - 1 : 0;
  for (const abi::MmProcedure endless : {loop_for_ever, loop_with_services}) {
    EfiStatus status = abi::status::success;
    REDOUBT_WANT(mp->dispatch_procedure(mp, endless, other, timeout, nullptr, nullptr, &status) ==
                 abi::status::timeout);
    REDOUBT_WANT(status == abi::status::timeout);
    REDOUBT_WANT(mp->broadcast_procedure(mp, endless, timeout, nullptr, nullptr, statuses.data()) ==
                 abi::status::timeout);
    REDOUBT_WANT(statuses_are(cpus, abi::status::timeout));
  }
  REDOUBT_WANT(runs == 0);
  MmCompletion token = nullptr;
  EfiStatus status = abi::status::success;
  REDOUBT_WANT(mp->dispatch_procedure(mp, loop_for_ever, other, timeout, nullptr, &token, &status) ==
               abi::status::success);
  REDOUBT_WANT(mp->wait_for_procedure(mp, token) == abi::status::success && status == abi::status::timeout);
  REDOUBT_WANT(mp->dispatch_procedure(mp, note, other, ample_time, argument_mark.data(), nullptr, &status) ==
               abi::status::success);
  REDOUBT_WANT(status == procedure_status);
  return 0;
}

unsigned everywhere(std::uint64_t cpus, abi::MmProcedure procedure) {
  REDOUBT_WANT(mp->broadcast_procedure(mp, procedure, 0, nullptr, nullptr, statuses.data()) == abi::status::success);
  REDOUBT_WANT(runs == cpus - 1 && statuses_are(cpus, procedure_status));
  return 0;
}

unsigned hold(std::uint64_t cpus) {
  MmCompletion token = nullptr;
  REDOUBT_WANT(mp->broadcast_procedure(mp, wait_for_go, 0, nullptr, &token, nullptr) == abi::status::success);
  while (runs != cpus - 1) {
  }
  const std::uint64_t start = read_tsc();
  while (read_tsc() - start < std::uint64_t{1} << 27) {
  }
  go_on = true;
  REDOUBT_WANT(mp->wait_for_procedure(mp, token) == abi::status::success);
  return 0;
}

EfiStatus read(MmSaveStateRegister reg, std::uint64_t cpu, std::uint64_t& value, UintN width = 8) {
  value = 0;
  return save_state->read_save_state(save_state, width, reg, cpu, &value);
}

unsigned find_caller(Message& message) {
  std::uint64_t value = 0;
  std::uint64_t cpu = 0;
  for (; cpu < message.cpus; ++cpu) {
    if (read(MmSaveStateRegister::rbx, cpu, value) == abi::status::success && value == message.value) break;
  }
  REDOUBT_WANT(cpu < message.cpus);
  message.value = cpu;
  REDOUBT_WANT(read(MmSaveStateRegister::rcx, cpu, value) == abi::status::success && value == caller_rcx);
  REDOUBT_WANT(read(MmSaveStateRegister::rdx, cpu, value) == abi::status::success && value == caller_rdx);
  REDOUBT_WANT(read(MmSaveStateRegister::rsi, cpu, value) == abi::status::success && value == caller_rsi);
  REDOUBT_WANT(read(MmSaveStateRegister::rdi, cpu, value) == abi::status::success && value == caller_rdi);
  REDOUBT_WANT(read(MmSaveStateRegister::rdi, cpu, value, 4) == abi::status::success && value == 0xFFFF'0000);
  REDOUBT_WANT(read(MmSaveStateRegister::lma, cpu, value, 1) == abi::status::success && value == 64);
  REDOUBT_WANT(read(MmSaveStateRegister::processor_id, cpu, value) == abi::status::success && value == cpu);
  REDOUBT_WANT(read(MmSaveStateRegister::cr3, cpu, value) == abi::status::access_denied && value == 0);
  REDOUBT_WANT(read(MmSaveStateRegister::rip, cpu, value) == abi::status::access_denied && value == 0);
  REDOUBT_WANT(read(MmSaveStateRegister::fcw, cpu, value, 2) == abi::status::not_found);
  REDOUBT_WANT(read(MmSaveStateRegister::rax, message.cpus, value) == abi::status::invalid_parameter);
  abi::MmSaveStateIoInfo io{};
  // QEMU stores no I/O information; a processor that does names the port that raised this MMI.
  const EfiStatus io_status = save_state->read_save_state(save_state, sizeof(io), MmSaveStateRegister::io, cpu, &io);
  REDOUBT_WANT(io_status == abi::status::not_found || (io_status == abi::status::success && io.port == 0xB2));
  const auto write = [cpu](MmSaveStateRegister reg, std::uint64_t number) {
    return save_state->write_save_state(save_state, sizeof(number), reg, cpu, &number);
  };
  REDOUBT_WANT(write(MmSaveStateRegister::rip, 0) == abi::status::access_denied);
  REDOUBT_WANT(write(MmSaveStateRegister::cr3, 0) == abi::status::unsupported);
  REDOUBT_WANT(write(MmSaveStateRegister::rax, caller_rax) == abi::status::success);
  return 0;
}

#undef REDOUBT_WANT

// The status that the procedure's end had; the driver is disabled by then.
std::uint64_t misuse(const Message& message) {
  const std::uint64_t other = table->currently_executing_cpu == 0 ? message.cpus - 1 : 0;
  const auto run = [other](abi::MmProcedure procedure) {
    return mp->dispatch_procedure(mp, procedure, other, 0, nullptr, nullptr, nullptr);
  };
  MmCompletion token = nullptr;
  switch (message.command) {
    case Command::fault_null: return run(read_null);
    case Command::fault_privileged: return run(privileged);
    case Command::fault_door: return run(foundations_door);
    case Command::fault_stack: return run(exhaust_stack);
    case Command::fault_everywhere: return mp->broadcast_procedure(mp, privileged, 0, nullptr, nullptr, nullptr);
    case Command::leave_running: return mp->broadcast_procedure(mp, loop_for_ever, 0, nullptr, &token, nullptr);
    case Command::leave_mm: return run(leave);
    default: return abi::status::invalid_parameter;
  }
}

bool all_are_here(std::uint64_t cpus) {
  start_over();
  return mp->broadcast_procedure(mp, note, 0, argument_mark.data(), nullptr, statuses.data()) == abi::status::success &&
         statuses_are(cpus, procedure_status);
}

std::uint64_t perform(Message& message) {
  if (!all_are_here(message.cpus)) return cpus_absent;
  start_over();
  switch (message.command) {
    case Command::one_by_one: return one_by_one(message.cpus);
    case Command::broadcast: return broadcast(message.cpus);
    case Command::tokens: return tokens(message.cpus);
    case Command::timeouts: return timeouts(message.cpus);
    case Command::use_fpu: return everywhere(message.cpus, use_fpu);
    case Command::interrupts: return everywhere(message.cpus, execute_iret);
    case Command::hold: return hold(message.cpus);
    case Command::find_caller: return find_caller(message);
    default: return misuse(message);
  }
}

EFIAPI EfiStatus handle(Handle, const void*, void* comm_buffer, UintN* comm_buffer_size) {
  if (comm_buffer == nullptr || comm_buffer_size == nullptr || *comm_buffer_size < sizeof(Message)) {
    return abi::status::warn_interrupt_source_quiesced;
  }
  Message message;
  std::memcpy(&message, comm_buffer, sizeof(message));
  if (message.cpus == 0 || message.cpus >= most_cpus) return abi::status::invalid_parameter;
  message.result = perform(message);
  std::memcpy(comm_buffer, &message, sizeof(message));
  *comm_buffer_size = sizeof(message);
  return abi::status::success;
}

}  // namespace
}  // namespace redoubt::processors

REDOUBT_MM_DRIVER(/*image_handle*/, mmst) {
  namespace status = redoubt::abi::status;
  using namespace redoubt::processors;
  table = mmst;
  void* interface = nullptr;
  if (mmst->locate_protocol(&redoubt::abi::mm_mp_protocol_guid, nullptr, &interface) != status::success) {
    return status::not_found;
  }
  mp = static_cast<const redoubt::abi::MmMpProtocol*>(interface);
  if (mmst->locate_protocol(&redoubt::abi::mm_cpu_protocol_guid, nullptr, &interface) != status::success) {
    return status::not_found;
  }
  save_state = static_cast<const redoubt::abi::MmCpuProtocol*>(interface);
  static constexpr redoubt::abi::Guid guid = handler_guid(REDOUBT_PROCESSORS_COPY);
  redoubt::abi::Handle dispatch = nullptr;
  return mmst->mmi_handler_register(handle, &guid, &dispatch);
}
