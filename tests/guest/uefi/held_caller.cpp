// SPDX-License-Identifier: BSD-2-Clause-Patent
// Tries to have a CPU run outside MM while the held driver (tests/guest/drivers/held/) writes: by an MMI that one CPU
// raises for itself alone, by changed APIC ids, and by a CPU that is started again between two MMIs. The
// other CPUs run in a circle and note each time that they stood still: one of those must span the whole write.
//
//   held CASE ok ticks=N presumed=N | held CASE FAILED reason="..."
//
// `ticks`: the cheapest call of ProcessorsHeldProtocol. A CPU that is started again doesn't come back to firmware, so
// that comes last.
#include <atomic>
#include <cstring>

#include "abi/pi/communicate.hpp"
#include "abi/uefi/boot_services.hpp"
#include "abi/uefi/system_table.hpp"
#include "tests/guest/drivers/held/held_protocol.hpp"
#include "tests/guest/uefi/instructions.hpp"
#include "tests/guest/uefi/mp_services.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"

namespace redoubt::guest {
namespace {

struct HeldMessage {
  abi::CommunicateHeader header;
  held::Message message;
};

// ---- The local APIC, in xAPIC mode, as firmware uses it

constexpr std::uint32_t deliver_smi = 0x4200;
constexpr std::uint32_t deliver_init = 0x4500;
constexpr std::uint32_t deliver_startup = 0x4600;

volatile std::uint32_t& apic(std::uint32_t offset) {
  return *reinterpret_cast<volatile std::uint32_t*>(std::uintptr_t{0xFEE0'0000} + offset);
}
std::uint32_t apic_id() { return apic(0x20) >> 24; }
void set_apic_id(std::uint32_t id) { apic(0x20) = id << 24; }
void send(std::uint32_t id, std::uint32_t command) {
  apic(0x310) = id << 24;
  apic(0x300) = command;
}

// To this CPU alone: nothing is broadcast.
void raise_for_oneself() {
  send(apic_id(), deliver_smi);
  asm volatile(".rept 8\n\tjmp 9f\n\t9:\n\t.endr" : : : "memory");
}

void wait_a_moment() {
  const std::uint64_t start = read_tsc();
  while (read_tsc() - start < std::uint64_t{1} << 27) {
    pause();
  }
}

// ---- Witnesses

constexpr std::uint64_t cpu_limit = 16;
constexpr std::uint64_t pause_limit = 256;
constexpr std::uint64_t long_pause = std::uint64_t{1} << 22;  // ticks; a write takes longer

struct Witness {
  struct Pause {
    std::uint64_t from;
    std::uint64_t to;
  };
  std::atomic<std::uint32_t> wanted_id;
  std::atomic<std::uint64_t> last_seen;  // running, by the time stamp counter; 0 = not yet
  std::atomic<std::uint64_t> pause_count;
  Pause pauses[pause_limit];

  bool stood_still(std::uint64_t from, std::uint64_t to) const {
    for (std::uint64_t i = 0; i < pause_count.load() && i < pause_limit; ++i) {
      if (pauses[i].from <= from && pauses[i].to >= to) return true;
    }
    return false;
  }
};
constinit Witness witnesses[cpu_limit] = {};

EFIAPI void witness(void* /*argument*/) {
  const std::uint64_t cpu = cpuid(1).ebx >> 24;
  if (cpu >= cpu_limit) return;
  const InterruptsOff interrupts_off;
  Witness& own = witnesses[cpu];
  std::uint64_t last = read_tsc();
  auto id = static_cast<std::uint32_t>(cpu);
  for (;;) {
    if (const std::uint32_t wanted = own.wanted_id.load(); wanted != id) {
      id = wanted;
      set_apic_id(id);
    }
    const std::uint64_t now = read_tsc();
    if (now - last > long_pause) {
      const std::uint64_t index = own.pause_count.load();
      if (index < pause_limit) own.pauses[index] = {last, now};
      own.pause_count.store(index + 1);
    }
    last = now;
    own.last_seen = now;
  }
}

// A real-mode loop that counts, for a CPU that starts at its page.
class Trampoline {
 public:
  explicit Trampoline(const abi::BootServices& boot_services) {
    abi::EfiPhysicalAddress page = 0xF'FFFF;
    if (boot_services.allocate_pages(abi::allocate_max_address, abi::boot_services_data, 1, &page) !=
        abi::status::success) {
      return;
    }
    // l: inc dword ptr cs:[80h]; jmp l
    constexpr std::uint8_t code[] = {0x2E, 0x66, 0xFF, 0x06, 0x80, 0x00, 0xEB, 0xF8};
    std::memset(reinterpret_cast<void*>(page), 0, 4096);
    std::memcpy(reinterpret_cast<void*>(page), code, sizeof(code));
    page_ = page;
  }
  explicit operator bool() const { return page_ != 0; }
  std::uint32_t vector() const { return static_cast<std::uint32_t>(page_ >> 12); }
  std::uint32_t count() const { return *reinterpret_cast<volatile std::uint32_t*>(page_ + 0x80); }

 private:
  std::uint64_t page_ = 0;
};

class Caller {
 public:
  Caller(const RawMailbox& mailbox, std::uint64_t cpus) : mailbox_(mailbox), cpus_(cpus) {}

  // All witnesses from number `first` on must have stood still, and so many CPUs be presumed stopped.
  void check(std::string_view name, void (*raise)(), std::uint64_t first, std::uint64_t presumed_stopped);
  void set_witness_id(std::uint64_t cpu, std::uint32_t id) {
    witnesses[cpu].wanted_id = id;
    wait_a_moment();
  }
  bool ok() const { return ok_; }

 private:
  const char* try_once(void (*raise)(), std::uint64_t first, std::uint64_t presumed_stopped, held::Message& message);

  const RawMailbox& mailbox_;
  const std::uint64_t cpus_;
  bool ok_ = true;
};

const char* Caller::try_once(void (*raise)(), std::uint64_t first, std::uint64_t presumed_stopped,
                             held::Message& message) {
  for (std::uint64_t cpu = 1; cpu < cpus_; ++cpu) witnesses[cpu].pause_count = 0;
  mailbox_.put(HeldMessage{{held::handler_guid, sizeof(held::Message)}, {}});
  const auto answer = mailbox_.send(raise);
  if (!answer || answer->status != abi::status::success) return "no answer";
  message = mailbox_.get<HeldMessage>().message;
  if (message.before != abi::status::success) return "somebody is outside before the write";
  for (std::uint64_t cpu = first; cpu < cpus_; ++cpu) {
    while (witnesses[cpu].last_seen <= message.end) pause();  // an emulated CPU may not run for a while
    if (!witnesses[cpu].stood_still(message.begin, message.end)) return "a CPU ran during the write";
  }
  if (message.after != abi::status::success) return "somebody is outside after the write";
  if (message.presumed_stopped_before != presumed_stopped || message.presumed_stopped_after != presumed_stopped) {
    return "other CPUs are presumed stopped";
  }
  return nullptr;
}

void Caller::check(std::string_view name, void (*raise)(), std::uint64_t first, std::uint64_t presumed_stopped) {
  held::Message message{};
  const char* reason = try_once(raise, first, presumed_stopped, message);
  if (reason == nullptr) {
    print_line("held ", name, " ok ticks=", Decimal{message.least_ticks},
               " presumed=", Decimal{message.presumed_stopped_before});
  } else {
    ok_ = false;
    print_line("held ", name, " FAILED reason=\"", std::string_view(reason), "\" before=", Hexadecimal{message.before},
               " after=", Hexadecimal{message.after}, " presumed=", Decimal{message.presumed_stopped_before}, ",",
               Decimal{message.presumed_stopped_after});
  }
}

bool run(const abi::SystemTable& system_table) {
  const auto mailbox = RawMailbox::find(system_table);
  auto* mp = locate_protocol<MpServices>(system_table, mp_services_guid);
  abi::UintN present = 0;
  abi::UintN enabled = 0;
  if (!mailbox || mp == nullptr || mp->get_number_of_processors(mp, &present, &enabled) != abi::status::success ||
      enabled < 2 || enabled > cpu_limit) {
    print_line("held failed: no mailbox, or not several CPUs");
    return false;
  }
  const Trampoline trampoline(*system_table.boot_services);
  abi::Event event = nullptr;
  for (std::uint64_t cpu = 1; cpu < enabled; ++cpu) witnesses[cpu].wanted_id = static_cast<std::uint32_t>(cpu);
  if (!trampoline || system_table.boot_services->create_event(0, 0, nullptr, nullptr, &event) != abi::status::success ||
      mp->startup_all_aps(mp, witness, 0, event, 0, nullptr, nullptr) != abi::status::success) {
    print_line("held failed: StartupAllAPs");
    return false;
  }
  const InterruptsOff interrupts_off;
  for (std::uint64_t cpu = 1; cpu < enabled; ++cpu) {
    while (witnesses[cpu].last_seen == 0) pause();
  }
  constexpr std::uint32_t nobodys_id = 0x33;
  Caller caller(*mailbox, enabled);
  caller.check("broadcast", raise_mmi, 1, 0);
  caller.check("for_oneself", raise_for_oneself, 1, 0);
  caller.set_witness_id(1, nobodys_id);
  caller.check("changed_id_broadcast", raise_mmi, 1, 0);
  caller.check("changed_id", raise_for_oneself, 1, 0);
  set_apic_id(1);
  caller.check("taken_id", raise_for_oneself, 1, 0);
  set_apic_id(0);
  caller.set_witness_id(1, 1);

  // CPU 1 runs something else since the last MMI. What it does while it waits for the SIPI can't be tried: QEMU (7.2)
  // takes SMIs even then, which processors don't.
  send(1, deliver_init);
  send(1, deliver_startup | trampoline.vector());
  const std::uint32_t count = trampoline.count();
  wait_a_moment();
  if (trampoline.count() == count) {
    print_line("held failed: CPU 1 doesn't start");
    return false;
  }
  caller.check("restarted", raise_for_oneself, 2, 0);
  caller.check("restarted_broadcast", raise_mmi, 2, 0);
  return caller.ok();
}

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus held_caller_entry(redoubt::abi::Handle /*image*/,
                                                            redoubt::abi::SystemTable* system_table) {
  redoubt::guest::finish(*system_table, "held_caller", redoubt::guest::run(*system_table));
}
