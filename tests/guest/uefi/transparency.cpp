// SPDX-License-Identifier: BSD-2-Clause-Patent
// Whether an MMI is transparent to whom it interrupts. Each CPU gets patterns into everything that RSM doesn't restore
// and MM could change, MMIs are raised, and the patterns must still be there:
//
//   CR2, DR0-3, PAT, STAR, LSTAR, CSTAR, FMASK, KERNEL_GS_BASE, FS and GS base, XCR0,
//   x87, XMM and MXCSR, YMM where the CPU has it; with CR0.TS clear and with CR0.TS set
//
// First the boot processor alone, with the others as the firmware parks them; then all others, taking turns in
// raising MMIs. Some of the MMIs are empty, some carry messages, and with attack drivers in MM some fault and some
// use the FPU themselves; with the processors driver, some use the FPU of every other CPU.
//
//   opt/org.redoubt/mmis   MMIs in all, 10,000 unless set
//
//   transparency ok mmis=N cpus=N messages=N faults=N fpu=N procedures=N
//   transparency cpu=N register=NAME expected=0xN found=0xN
#include <array>
#include <atomic>
#include <cstring>

#include "abi/pi/communicate.hpp"
#include "abi/uefi/system_table.hpp"
#include "tests/guest/drivers/attack/attack_protocol.hpp"
#include "tests/guest/drivers/processors/processors_protocol.hpp"
#include "tests/guest/uefi/instructions.hpp"
#include "tests/guest/uefi/mp_services.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"
#include "tests/guest/uefi/variable_message.hpp"

namespace redoubt::guest {

namespace {

using abi::SystemTable;

constexpr unsigned most_cpus = 64;

constexpr std::uint64_t cr0_task_switched = 1U << 3;
constexpr std::uint64_t cr0_emulation = 1U << 2;
constexpr std::uint64_t cr4_fxsr = 1U << 9;
constexpr std::uint64_t cr4_simd_exceptions = 1U << 10;
constexpr std::uint64_t cr4_xsave = 1U << 18;
constexpr std::uint32_t cpuid_1_ecx_xsave_and_avx = 1U << 26 | 1U << 28;
constexpr std::uint32_t x87_sse_avx = 7;

// Registers by number, all read and written the same way.
struct Register {
  std::string_view name;
  std::uint64_t (*read)();
  void (*write)(std::uint64_t value);
};

template <std::uint32_t number>
std::uint64_t read_msr_number() {
  return read_msr(number);
}
template <std::uint32_t number>
void write_msr_number(std::uint64_t value) {
  write_msr(number, value);
}
template <std::uint32_t number>
constexpr Register msr(std::string_view name) {
  return {name, read_msr_number<number>, write_msr_number<number>};
}

constexpr std::array registers = {
    Register{"cr2", read_cr2, write_cr2},
    Register{"dr0", read_dr0, write_dr0},
    Register{"dr1", read_dr1, write_dr1},
    Register{"dr2", read_dr2, write_dr2},
    Register{"dr3", read_dr3, write_dr3},
    msr<0x277>("pat"),
    msr<0xC0000081>("star"),
    msr<0xC0000082>("lstar"),
    msr<0xC0000083>("cstar"),
    msr<0xC0000084>("fmask"),
    msr<0xC0000100>("fs_base"),
    msr<0xC0000101>("gs_base"),
    msr<0xC0000102>("kernel_gs_base"),
};
constexpr std::size_t pat_index = 5;

// Memory types of the entries that the firmware's page tables use stay what they are.
constexpr std::uint64_t pat_pattern(unsigned cpu) {
  return (cpu & 1) != 0 ? 0x0105'0604'0007'0406 : 0x0606'0105'0007'0406;
}

// A canonical address that differs for each register and CPU.
constexpr std::uint64_t pattern(std::size_t index, unsigned cpu) {
  return index == pat_index ? pat_pattern(cpu) : 0x0000'5A00'0000'1000 + (index << 24) + (std::uint64_t{cpu} << 16);
}

// The area of XSAVE in its standard format: legacy part, header, upper halves of YMM (Intel SDM volume 1, 13.4).
struct alignas(64) FpuArea {
  std::uint8_t bytes[1024];
};
constexpr std::size_t legacy_compared = 416;  // up to XMM15; behind it nothing is architectural
constexpr std::size_t header_offset = 512;
constexpr std::size_t ymm_offset = 576;
constexpr std::size_t ymm_bytes = 256;

struct Difference {
  bool found;
  std::string_view register_name;
  std::uint64_t expected;
  std::uint64_t actual;
};

struct CpuTest {
  std::uint64_t original[registers.size()];
  std::uint64_t expected[registers.size()];
  std::uint64_t original_cr0;
  std::uint64_t original_cr4;
  std::uint64_t original_xcr0;
  bool has_avx;
  FpuArea original_fpu;
  FpuArea expected_fpu;
  FpuArea found_fpu;
  Difference difference;
};

std::uint64_t read_xcr0() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
}

void write_xcr0(std::uint64_t value) {
  asm volatile("xsetbv"
               :
               : "c"(0), "a"(static_cast<std::uint32_t>(value)), "d"(static_cast<std::uint32_t>(value >> 32)));
}

void save_fpu(FpuArea& area, bool has_avx) {
  if (has_avx) {
    asm volatile("xsave64 %0" : "+m"(area) : "a"(x87_sse_avx), "d"(0) : "memory");
  } else {
    asm volatile("fxsave64 %0" : "+m"(area) : : "memory");
  }
}

void load_fpu(const FpuArea& area, bool has_avx) {
  if (has_avx) {
    asm volatile("xrstor64 %0" : : "m"(area), "a"(x87_sse_avx), "d"(0) : "memory");
  } else {
    asm volatile("fxrstor64 %0" : : "m"(area) : "memory");
  }
}

template <typename T>
void store(FpuArea& area, std::size_t offset, T value) {
  std::memcpy(area.bytes + offset, &value, sizeof(value));
}

// FXSAVE layout (Intel SDM volume 1, 10.5.1). The control words are legal and unusual: all exceptions masked, other
// rounding and precision than the default, some sticky flags.
void make_fpu_pattern(FpuArea& area, std::size_t cpu) {
  area = {};
  for (std::size_t i = 32; i != legacy_compared; ++i) {
    area.bytes[i] = static_cast<std::uint8_t>(i * 7 + cpu * 13 + 1);
  }
  for (std::size_t st = 0; st != 8; ++st) {  // 80-bit registers in 16 bytes each: normal numbers, explicit bit set
    store<std::uint64_t>(area, 32 + st * 16, 0x8000'0000'0000'0001 + (st << 32) + cpu);
    store<std::uint64_t>(area, 32 + st * 16 + 8, 0x3FFF + st);
  }
  store<std::uint16_t>(area, 0, 0x0A7F);   // FCW: double precision, round up
  store<std::uint16_t>(area, 2, 0x2900);   // FSW: top of stack 5, C0
  store<std::uint8_t>(area, 4, 0xFF);      // FTW: all in use
  store<std::uint32_t>(area, 24, 0x3F95);  // MXCSR: round down, sticky flags
  store<std::uint64_t>(area, header_offset, x87_sse_avx);
  for (std::size_t i = 0; i != ymm_bytes; ++i) {
    area.bytes[ymm_offset + i] = static_cast<std::uint8_t>(i * 11 + cpu * 3 + 5);
  }
}

void fill(CpuTest& test, unsigned cpu) {
  test.original_cr0 = read_cr0();
  test.original_cr4 = read_cr4();
  test.has_avx = (cpuid(1).ecx & cpuid_1_ecx_xsave_and_avx) == cpuid_1_ecx_xsave_and_avx;
  write_cr0(test.original_cr0 & ~(cr0_task_switched | cr0_emulation));
  write_cr4(test.original_cr4 | cr4_fxsr | cr4_simd_exceptions | (test.has_avx ? cr4_xsave : 0));
  if (test.has_avx) {
    test.original_xcr0 = read_xcr0();
    write_xcr0(x87_sse_avx);
  }
  test.original_fpu = {};
  save_fpu(test.original_fpu, test.has_avx);
  for (std::size_t i = 0; i != registers.size(); ++i) {
    test.original[i] = registers[i].read();
    registers[i].write(pattern(i, cpu));
    test.expected[i] = registers[i].read();
  }
  make_fpu_pattern(test.found_fpu, cpu);
  load_fpu(test.found_fpu, test.has_avx);
  test.expected_fpu = {};
  save_fpu(test.expected_fpu, test.has_avx);
}

void compare(CpuTest& test, std::string_view name, std::uint64_t expected, std::uint64_t found) {
  if (expected != found && !test.difference.found) {
    test.difference = {true, name, expected, found};
  }
}

void compare_bytes(CpuTest& test, std::string_view name, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i != to; i += sizeof(std::uint64_t)) {
    std::uint64_t expected = 0;
    std::uint64_t found = 0;
    std::memcpy(&expected, test.expected_fpu.bytes + i, sizeof(expected));
    std::memcpy(&found, test.found_fpu.bytes + i, sizeof(found));
    compare(test, name, expected, found);
  }
}

// Finds what has changed since fill(). Leaves the patterns in place.
void check(CpuTest& test) {
  test.found_fpu = {};
  save_fpu(test.found_fpu, test.has_avx);
  for (std::size_t i = 0; i != registers.size(); ++i) {
    compare(test, registers[i].name, test.expected[i], registers[i].read());
  }
  compare_bytes(test, "x87_control", 0, 24);
  compare_bytes(test, "mxcsr", 24, 32);
  compare_bytes(test, "x87", 32, 160);
  compare_bytes(test, "xmm", 160, legacy_compared);
  if (test.has_avx) {
    compare_bytes(test, "ymm", ymm_offset, ymm_offset + ymm_bytes);
    compare(test, "xcr0", x87_sse_avx, read_xcr0());
  }
}

void restore(CpuTest& test) {
  load_fpu(test.original_fpu, test.has_avx);
  for (std::size_t i = 0; i != registers.size(); ++i) {
    registers[i].write(test.original[i]);
  }
  if (test.has_avx) {
    write_xcr0(test.original_xcr0);
  }
  write_cr4(test.original_cr4);
  write_cr0(test.original_cr0);
}

void set_task_switched(bool set) {
  const std::uint64_t cr0 = read_cr0();
  write_cr0(set ? cr0 | cr0_task_switched : cr0 & ~cr0_task_switched);
}

// The MMIs, one at a time over all CPUs: a plain one, one with a message nobody handles, one that the variable driver
// answers, one whose handler uses the FPU, and as long as there is an attack driver left, one that faults.
class Mmis {
 public:
  Mmis(std::optional<RawMailbox> mailbox, std::uint64_t cpus) : mailbox_(mailbox), cpus_(cpus) {}

  void raise();
  bool ok() const { return ok_; }

  std::uint64_t raised = 0;
  std::uint64_t messages = 0;
  std::uint64_t faults = 0;
  std::uint64_t fpu = 0;
  std::uint64_t procedures = 0;

 private:
  struct AttackMessage {
    abi::CommunicateHeader header;
    attack::Message attack;
  };
  std::optional<RawMailbox::Answer> attack(unsigned copy, attack::Command command);
  void raise_fault();
  void use_other_cpus();

  std::optional<RawMailbox> mailbox_;
  std::uint64_t cpus_;
  unsigned next_copy_ = 1;
  bool ok_ = true;
};

std::optional<RawMailbox::Answer> Mmis::attack(unsigned copy, attack::Command command) {
  mailbox_->put(AttackMessage{{attack::handler_guid(copy), sizeof(attack::Message)}, {command, 0, 0, 0}});
  ++messages;
  return mailbox_->send();
}

// EFI_NOT_FOUND: this image has no such driver.
void Mmis::raise_fault() {
  constexpr attack::Command commands[] = {attack::Command::read_memory, attack::Command::disable_interrupts,
                                          attack::Command::divide_by_zero, attack::Command::exhaust_stack};
  const auto answer = attack(next_copy_, commands[next_copy_ % std::size(commands)]);
  ++next_copy_;
  ok_ = ok_ && answer && abi::status::is_error(answer->status);
  faults += answer && answer->status != abi::status::not_found ? 1 : 0;
}

void Mmis::use_other_cpus() {
  struct {
    abi::CommunicateHeader header;
    processors::Message message;
  } message = {{processors::handler_guid(0), sizeof(processors::Message)}, {processors::Command::use_fpu, 0, cpus_, 0}};
  mailbox_->put(message);
  ++messages;
  const auto answer = mailbox_->send();
  ok_ = ok_ && answer;
  if (answer && answer->status == abi::status::success) {
    const std::uint64_t result = mailbox_->get<decltype(message)>().message.result;
    ok_ = ok_ && (result == 0 || result == processors::cpus_absent);
    procedures += result == 0 ? 1 : 0;
  }
}

void Mmis::raise() {
  constexpr abi::Guid nobody = {0x2d4f7e19, 0x91a3, 0x4f6f, {0x88, 0x3e, 0x5a, 0x6b, 0x07, 0x1c, 0x9d, 0x44}};
  const std::uint64_t kind = raised++ % 8;
  if (!mailbox_ || kind % 2 == 0) {
    raise_mmi();
  } else if (kind == 1) {
    mailbox_->put(abi::CommunicateHeader{nobody, 0});
    ++messages;
    const auto answer = mailbox_->send();
    ok_ = ok_ && answer && abi::status::is_error(answer->status);
  } else if (kind == 3) {
    const auto answer = attack(0, attack::Command::use_fpu);
    ok_ = ok_ && answer;
    fpu += answer && answer->status == abi::status::success ? 1 : 0;
  } else if (kind == 5 && raised % 64 == 6 && next_copy_ != attack::copy_count) {
    raise_fault();
  } else if (kind == 7 && cpus_ > 1) {
    use_other_cpus();
  } else {
    ++messages;
    ok_ = ok_ && mailbox_->alive();
  }
}

constinit std::array<CpuTest, most_cpus> tests{};

// What the application processors share. Turns are taken in bursts: handing over costs more than an MMI.
struct Turns {
  static constexpr std::uint64_t burst = 25;

  Mmis& mmis;
  std::uint64_t count;  // of CPUs that take turns
  std::uint64_t end;    // turns in all
  std::atomic<std::uint64_t> seats{0};
  std::atomic<std::uint64_t> ready{0};
  std::atomic<std::uint64_t> turn{0};
};

EFIAPI void take_turns(void* argument) {
  auto& turns = *static_cast<Turns*>(argument);
  const std::uint64_t seat = turns.seats.fetch_add(1);
  if (seat >= turns.count || seat + 1 >= most_cpus) {
    return;
  }
  CpuTest& test = tests[seat + 1];
  const InterruptsOff interrupts_off;
  fill(test, static_cast<unsigned>(seat + 1));
  turns.ready.fetch_add(1);
  while (turns.ready.load() != turns.count) {
    pause();
  }
  set_task_switched(seat % 2 != 0);
  for (std::uint64_t turn = turns.turn.load(); turn < turns.end; turn = turns.turn.load()) {
    if (turn % turns.count != seat) {
      pause();
      continue;
    }
    for (std::uint64_t i = 0; i != Turns::burst; ++i) {
      turns.mmis.raise();
    }
    turns.turn.fetch_add(1);
  }
  set_task_switched(false);
  check(test);
  restore(test);
}

void test_boot_processor(Mmis& mmis, std::uint64_t count) {
  CpuTest& test = tests[0];
  const InterruptsOff interrupts_off;
  fill(test, 0);
  for (std::uint64_t i = 0; i != count; ++i) {
    set_task_switched(i >= count / 2);
    mmis.raise();
  }
  set_task_switched(false);
  check(test);
  restore(test);
}

bool run(const SystemTable& system_table) {
  const std::uint64_t wanted = option("mmis", 10'000);
  auto* mp = locate_protocol<MpServices>(system_table, mp_services_guid);
  abi::UintN present = 1;
  abi::UintN enabled = 1;
  if (mp != nullptr && mp->get_number_of_processors(mp, &present, &enabled) != abi::status::success) {
    print_line("transparency failed: MP services do not count CPUs");
    return false;
  }
  const std::uint64_t others = std::min<std::uint64_t>(enabled, most_cpus) - 1;

  Mmis mmis(RawMailbox::find(system_table), others + 1);
  test_boot_processor(mmis, others == 0 ? wanted : wanted / 2);
  if (others != 0) {
    Turns turns{mmis, others, (wanted - wanted / 2 + Turns::burst - 1) / Turns::burst};
    const auto status = mp->startup_all_aps(mp, take_turns, 0, nullptr, 0, &turns, nullptr);
    if (status != abi::status::success || turns.seats.load() != others) {
      print_line("transparency failed: StartupAllAPs status=", Hexadecimal{status},
                 " ran=", Decimal{turns.seats.load()});
      return false;
    }
  }

  bool ok = mmis.ok();
  if (!ok) {
    print_line("transparency failed: MM did not answer a message as it should");
  }
  for (std::uint64_t cpu = 0; cpu != others + 1; ++cpu) {
    const Difference& difference = tests[cpu].difference;
    if (difference.found) {
      ok = false;
      print_line("transparency cpu=", Decimal{cpu}, " register=", difference.register_name,
                 " expected=", Hexadecimal{difference.expected}, " found=", Hexadecimal{difference.actual});
    }
  }
  if (ok) {
    print_line("transparency ok mmis=", Decimal{mmis.raised}, " cpus=", Decimal{others + 1},
               " messages=", Decimal{mmis.messages}, " faults=", Decimal{mmis.faults}, " fpu=", Decimal{mmis.fpu},
               " procedures=", Decimal{mmis.procedures}, " avx=", tests[0].has_avx ? "yes" : "no");
  }
  return ok;
}

}  // namespace

}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus transparency_entry(redoubt::abi::Handle /*image*/,
                                                             redoubt::abi::SystemTable* system_table) {
  redoubt::guest::finish(*system_table, "transparency", redoubt::guest::run(*system_table));
}
