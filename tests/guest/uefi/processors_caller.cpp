// SPDX-License-Identifier: BSD-2-Clause-Patent
// Has MM use the other CPUs, from outside: every check of tests/guest/drivers/processors/ on every CPU as the one that
// raises the MMI, then each misuse. Afterwards MM must answer, the well-behaved driver included, and the caller's
// registers must be what MM was allowed to make of them.
//
// NMIs meant for the owner of the machine come while procedures run, by way of PIT and I/O APIC: each must arrive,
// once, and none of MM's own may.
//
//   processors CHECK cpu=N ok | processors CHECK cpu=N FAILED line=N
#include <algorithm>
#include <atomic>
#include <cstring>

#include "abi/pi/communicate.hpp"
#include "abi/uefi/system_table.hpp"
#include "platform/q35/chipset.hpp"
#include "tests/guest/drivers/processors/processors_protocol.hpp"
#include "tests/guest/uefi/instructions.hpp"
#include "tests/guest/uefi/mp_services.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"

namespace redoubt::guest {

namespace {

using processors::Command;

struct ProcessorsMessage {
  abi::CommunicateHeader header;
  processors::Message message;
};

constexpr std::uint64_t no_answer = 1'000'000;     // line numbers are smaller
constexpr std::uint64_t error_answer = 2'000'000;  // the handler wasn't heard
constexpr std::uint64_t wrong_register = 3'000'000;

// An MMI with values in registers; RAX as MM left it.
constinit std::uint64_t caller_rbx = 0;
constinit std::uint64_t returned_rax = 0;
void raise_with_registers() {
  std::uint64_t rax = 0x1234'5678'9ABC'DEA7;  // other CPUs' AL is something else
  std::uint64_t rbx = caller_rbx;
  std::uint64_t rcx = processors::caller_rcx;
  std::uint64_t rdx = processors::caller_rdx;
  std::uint64_t rsi = processors::caller_rsi;
  std::uint64_t rdi = processors::caller_rdi;
  asm volatile("outb %%al, %[port]\n\t.rept 8\n\tjmp 9f\n\t9:\n\t.endr"
               : "+a"(rax), "+b"(rbx), "+c"(rcx), "+d"(rdx), "+S"(rsi), "+D"(rdi)
               : [port] "N"(platform::q35::apm_command_port)
               : "memory");
  returned_rax = rax;
}

// ---- NMIs

constexpr std::uint64_t io_apic = 0xFEC0'0000;
constexpr std::uint32_t pit_redirection = 0x14;  // of pin 2; the high half follows
constexpr std::uint32_t deliver_nmi = 0x400;     // edge, physical destination
constexpr std::uint32_t masked = 0x1'0000;
constexpr std::uint16_t pit_command = 0x43;
constexpr std::uint16_t pit_counter_0 = 0x40;
constexpr std::uint32_t pit_hertz = 1'193'182;

extern "C" std::uint64_t nmi_count;
extern "C" [[gnu::used]] constinit std::uint64_t nmi_count = 0;
[[gnu::naked]] void nmi_handler() {
  asm("lock incq nmi_count(%rip)\n\t"
      "iretq");
}
std::uint64_t nmis() { return __atomic_load_n(&nmi_count, __ATOMIC_ACQUIRE); }

// The firmware's IDT with another NMI handler, for whoever lives while this is.
class NmiHandler {
 public:
  NmiHandler() : firmwares_(store_idt()) {
    static constinit std::uint64_t table[512] = {};
    const std::uint64_t bytes = std::min<std::uint64_t>(std::uint64_t{firmwares_.limit} + 1, sizeof(table));
    std::memcpy(table, reinterpret_cast<const void*>(firmwares_.base), bytes);
    constexpr std::size_t nmi = 2;
    const auto handler = reinterpret_cast<std::uint64_t>(&nmi_handler);
    const std::uint64_t selector = table[nmi * 2] & 0xFFFF'0000;
    table[nmi * 2] = (handler & 0xFFFF) | selector | std::uint64_t{0x8E} << 40 | (handler >> 16 & 0xFFFF) << 48;
    table[nmi * 2 + 1] = handler >> 32;
    load_idt({static_cast<std::uint16_t>(bytes - 1), reinterpret_cast<std::uint64_t>(table)});
  }
  ~NmiHandler() { load_idt(firmwares_); }
  NmiHandler(const NmiHandler&) = delete;
  NmiHandler& operator=(const NmiHandler&) = delete;

 private:
  DescriptorTable firmwares_;
};

void write_io_apic(std::uint32_t number, std::uint32_t value) {
  *reinterpret_cast<volatile std::uint32_t*>(io_apic) = number;
  *reinterpret_cast<volatile std::uint32_t*>(io_apic + 0x10) = value;
}

// One, in so many milliseconds.
void send_nmi_later(std::uint64_t cpu, std::uint32_t milliseconds) {
  const std::uint32_t count = pit_hertz / 1000 * milliseconds;
  out8(pit_command, 0x30);  // one shot
  write_io_apic(pit_redirection + 1, static_cast<std::uint32_t>(cpu << 24));
  write_io_apic(pit_redirection, deliver_nmi);
  out8(pit_counter_0, static_cast<std::uint8_t>(count));
  out8(pit_counter_0, static_cast<std::uint8_t>(count >> 8));
}
void send_no_more_nmis() { write_io_apic(pit_redirection, masked); }

// Long enough for everything that was under way to arrive.
void wait_a_moment() {
  const std::uint64_t start = read_tsc();
  while (read_tsc() - start < std::uint64_t{1} << 27) {
    pause();
  }
}

class Caller {
 public:
  Caller(const RawMailbox& mailbox, std::uint64_t cpus) : mailbox_(mailbox), cpus_(cpus) {}

  // What copy 0 must do for whoever raises the MMI.
  void check_all(std::uint64_t cpu);
  // What NMIs do on `target` while `cpu` raises MMIs.
  void check_nmis(std::uint64_t cpu, std::uint64_t target);
  void misuse_all();
  // While all CPUs can take NMIs: who has left MM may get one that was meant to bring it back.
  void misuse_leave_mm(std::uint64_t cpu);
  // `line`: what was wrong, or 0. MM must still answer.
  void judge(std::string_view name, std::uint64_t cpu, std::uint64_t line);
  bool ok() const { return failures_ == 0; }

 private:
  std::uint64_t ask(unsigned copy, Command command, std::uint64_t& value, void (*raise)() = raise_mmi);
  std::uint64_t ask_once(unsigned copy, Command command, std::uint64_t& value, void (*raise)());

  const RawMailbox& mailbox_;
  const std::uint64_t cpus_;
  unsigned failures_ = 0;
};

std::uint64_t Caller::ask(unsigned copy, Command command, std::uint64_t& value, void (*raise)()) {
  std::uint64_t result = ask_once(copy, command, value, raise);
  for (unsigned attempt = 0; attempt != 100 && result == processors::cpus_absent; ++attempt) {
    wait_a_moment();
    result = ask_once(copy, command, value, raise);
  }
  return result;
}

std::uint64_t Caller::ask_once(unsigned copy, Command command, std::uint64_t& value, void (*raise)()) {
  mailbox_.put(
      ProcessorsMessage{{processors::handler_guid(copy), sizeof(processors::Message)}, {command, value, cpus_, 0}});
  const auto answer = mailbox_.send(raise);
  if (!answer) {
    return no_answer;
  }
  if (answer->status != abi::status::success) {
    return error_answer;
  }
  const auto reply = mailbox_.get<ProcessorsMessage>().message;
  value = reply.value;
  return reply.result;
}

void Caller::judge(std::string_view name, std::uint64_t cpu, std::uint64_t line) {
  if (line == 0 && !mailbox_.alive()) {
    line = no_answer;
  }
  if (line == 0) {
    print_line("processors ", name, " cpu=", Decimal{cpu}, " ok");
  } else {
    ++failures_;
    print_line("processors ", name, " cpu=", Decimal{cpu}, " FAILED line=", Decimal{line});
  }
}

void Caller::check_all(std::uint64_t cpu) {
  struct Check {
    std::string_view name;
    Command command;
  };
  constexpr Check checks[] = {
      {"one_by_one", Command::one_by_one},    {"broadcast", Command::broadcast}, {"tokens", Command::tokens},
      {"timeouts", Command::timeouts},        {"use_fpu", Command::use_fpu},     {"interrupts", Command::interrupts},
      {"broadcast_again", Command::broadcast}};
  for (const Check& check : checks) {
    std::uint64_t value = 0;
    judge(check.name, cpu, ask(0, check.command, value));
  }
  caller_rbx = 0xABCD'0000'0000'0000 | cpu;
  std::uint64_t value = caller_rbx;
  std::uint64_t line = ask(0, Command::find_caller, value, raise_with_registers);
  if (line == 0 && (returned_rax != processors::caller_rax || value != cpu)) {
    line = wrong_register;
  }
  judge("save_state", cpu, line);
}

void Caller::check_nmis(std::uint64_t cpu, std::uint64_t target) {
  constexpr std::uint64_t stray = 4'000'000;
  constexpr std::uint64_t wrong_number = 5'000'000;
  wait_a_moment();
  const std::uint64_t before = nmis();
  std::uint64_t value = 0;
  std::uint64_t line = ask(0, Command::timeouts, value);
  wait_a_moment();
  judge("no_stray_nmi", cpu, line != 0 ? line : nmis() == before ? 0 : stray);

  send_nmi_later(target, 10);
  line = ask(0, Command::hold, value);
  wait_a_moment();
  judge("foreign_nmi", cpu, line != 0 ? line : nmis() == before + 1 ? 0 : wrong_number + nmis() - before);

  // Amid NMIs of MM's own it may merge with one of those; it must not become two.
  send_nmi_later(target, 10);
  line = ask(0, Command::timeouts, value);
  wait_a_moment();
  send_no_more_nmis();
  judge("foreign_nmi_amid_stops", cpu, line != 0 ? line : nmis() <= before + 2 ? 0 : wrong_number + nmis() - before);
}

constexpr unsigned leaving_copy = processors::copy_count - 1;

void Caller::misuse_leave_mm(std::uint64_t cpu) {
  std::uint64_t value = 0;
  const std::uint64_t result = ask(leaving_copy, Command::leave_mm, value);
  judge("leave_mm", cpu, abi::status::is_error(result) ? 0 : result == 0 ? 1 : result);
  judge("driver_disabled", cpu, ask(leaving_copy, Command::broadcast, value) == error_answer ? 0 : 1);
  judge("others_work", cpu, ask(0, Command::broadcast, value));
}

// Each faulting copy is disabled with its first fault: no answer to this message, and none ever after.
void Caller::misuse_all() {
  struct Misuse {
    std::string_view name;
    Command command;
  };
  constexpr Misuse misuses[] = {{"fault_null", Command::fault_null},
                                {"fault_privileged", Command::fault_privileged},
                                {"fault_door", Command::fault_door},
                                {"fault_stack", Command::fault_stack},
                                {"fault_everywhere", Command::fault_everywhere},
                                {"leave_running", Command::leave_running}};
  static_assert(std::size(misuses) + 1 == leaving_copy);
  for (unsigned i = 0; i != std::size(misuses); ++i) {
    const Misuse& misuse = misuses[i];
    std::uint64_t value = 0;
    const std::uint64_t result = ask(i + 1, misuse.command, value);
    // The call itself fails; one that nobody waits for has succeeded when its handler returns.
    const bool expected = misuse.command == Command::leave_running ? result == 0 : abi::status::is_error(result);
    judge(misuse.name, 0, expected ? 0 : result == 0 ? 1 : result);
    judge("driver_disabled", 0, ask(i + 1, Command::broadcast, value) == error_answer ? 0 : 1);
    judge("others_work", 0, ask(0, Command::broadcast, value));
  }
}

// Where a CPU's local APIC (in xAPIC mode, as firmware uses it) sends the next interrupt.
volatile std::uint32_t& apic_destination() { return *reinterpret_cast<volatile std::uint32_t*>(0xFEE0'0310); }
constexpr std::uint32_t destination_mark = 0xA5U << 24;

struct Turn {
  Caller& caller;
  std::uint64_t count;  // of CPUs that take turns: all but the first
  std::atomic<std::uint64_t> changed_destinations{0};
  std::atomic<std::uint64_t> ready{0};
  std::atomic<std::uint64_t> next{1};
};

EFIAPI void take_turn(void* argument) {
  auto& turn = *static_cast<Turn*>(argument);
  const std::uint64_t cpu = cpuid(1).ebx >> 24;
  const InterruptsOff interrupts_off;
  const NmiHandler nmi_handler;
  apic_destination() = destination_mark;
  turn.ready.fetch_add(1);
  while (turn.next.load() != cpu || turn.ready.load() != turn.count) {
    pause();
  }
  turn.caller.check_all(cpu);
  turn.caller.check_nmis(cpu, (cpu + 1) % (turn.count + 1));
  if (cpu == turn.count) {
    turn.caller.misuse_leave_mm(cpu);
  }
  turn.next.fetch_add(1);
  // Nobody leaves before the last NMI.
  while (turn.next.load() <= turn.count) {
    pause();
  }
  if (apic_destination() != destination_mark) {
    turn.changed_destinations.fetch_add(1);
  }
}

bool run(const abi::SystemTable& system_table) {
  const auto mailbox = RawMailbox::find(system_table);
  auto* mp = locate_protocol<MpServices>(system_table, mp_services_guid);
  abi::UintN present = 0;
  abi::UintN enabled = 0;
  if (!mailbox || mp == nullptr || mp->get_number_of_processors(mp, &present, &enabled) != abi::status::success ||
      enabled < 2) {
    print_line("processors failed: no mailbox, or not several CPUs");
    return false;
  }
  Caller caller(*mailbox, enabled);
  {
    const InterruptsOff interrupts_off;
    caller.check_all(0);
  }
  Turn turn{caller, enabled - 1};
  const NmiHandler nmi_handler;
  if (mp->startup_all_aps(mp, take_turn, 0, nullptr, 0, &turn, nullptr) != abi::status::success) {
    print_line("processors failed: StartupAllAPs");
    return false;
  }
  const InterruptsOff interrupts_off;
  caller.judge("destinations_kept", 0, turn.changed_destinations.load());
  caller.misuse_all();
  return caller.ok();
}

}  // namespace

}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus processors_caller_entry(redoubt::abi::Handle /*image*/,
                                                                  redoubt::abi::SystemTable* system_table) {
  redoubt::guest::finish(*system_table, "processors_caller", redoubt::guest::run(*system_table));
}
