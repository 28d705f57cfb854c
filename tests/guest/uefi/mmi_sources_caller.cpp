// SPDX-License-Identifier: BSD-2-Clause-Patent
// Raises every MMI that this machine can raise and sees the children of mmi_sources be called, once each and with what
// was written; and tries every other MMI source of an ICH9, to see that it raises none, so that a machine which does
// shows here. It must leave no source enabled.
//
// One line a step on COM1: "source NAME ok" or "source NAME FAILED reason=...".
#include <cstring>

#include "abi/redoubt/inner_mmi.hpp"
#include "platform/q35/pci_config.hpp"
#include "tests/guest/drivers/mmi_sources/mmi_sources_protocol.hpp"
#include "tests/guest/uefi/instructions.hpp"
#include "tests/guest/uefi/mp_services.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"

namespace redoubt::guest {

namespace {

namespace q35 = platform::q35;
using mmi_sources::State;

constexpr std::uint16_t pm1_control_port = q35::pmbase + 0x04;
constexpr std::uint16_t tco_reload_port = q35::pmbase + 0x60;
constexpr std::uint16_t tco_data_in_port = q35::pmbase + 0x62;
constexpr std::uint16_t tco1_control_port = q35::pmbase + 0x68;
constexpr std::uint16_t tco_timer_port = q35::pmbase + 0x72;
constexpr std::uint16_t tco1_control_halt = 0x0800;

struct StateMessage {
  abi::CommunicateHeader header;
  State state;
};

std::uint32_t read_lpc(std::uint8_t offset) { return q35::read_pci_config32(q35::lpc_bridge, offset); }
void write_lpc(std::uint8_t offset, std::uint32_t value) { q35::write_pci_config32(q35::lpc_bridge, offset, value); }

void wait(std::uint64_t milliseconds) {
  std::uint64_t left = milliseconds * q35::pm_timer_hertz / 1000;
  std::uint32_t before = in32(q35::pm_timer_port);
  while (left != 0) {
    const std::uint32_t now = in32(q35::pm_timer_port);
    const std::uint64_t passed = (now - before) & q35::pm_timer_mask;
    before = now;
    left = passed < left ? left - passed : 0;
    pause();
  }
}

// A software MMI and some instructions for it to happen in.
void raise(std::uint8_t command, std::uint8_t data) {
  out8(q35::apm_status_port, data);
  out8(q35::apm_command_port, command);
  asm volatile(".rept 8\n\tjmp 9f\n\t9:\n\t.endr" : : : "memory");
}

constexpr std::uint8_t another_cpus_data = 0x5C;

// On an application processor.
EFIAPI void raise_from_here(void*) { raise(mmi_sources::first_value, another_cpus_data); }

class Caller {
 public:
  Caller(const RawMailbox& mailbox, MpServices* mp_services) : mailbox_(mailbox), mp_services_(mp_services) {}

  bool run() {
    if (!refresh()) {
      print_line("the driver mmi_sources does not answer");
      return false;
    }
    if (state_.cpus == 2) another_cpu();
    const InterruptsOff interrupts_off;
    software();
    others_commands();
    failing_child();
    messages_to_children();
    os_tco();
    tco_timer();
    if (state_.cpus == 1) silent_sources();
    judge(state_.wrong_contexts == 0, "contexts", "a child got a wrong context");
    return ok_;
  }

 private:
  // Asks the driver; false if it doesn't answer.
  bool refresh() {
    StateMessage message{{mmi_sources::state_handler_guid, sizeof(State)}, {}};
    mailbox_.put(message);
    const auto answer = mailbox_.send();
    if (!answer || answer->status != abi::status::success) return false;
    state_ = mailbox_.get<StateMessage>().state;
    return true;
  }
  void judge(bool holds, std::string_view name, std::string_view reason) {
    if (holds) {
      print_line("source ", name, " ok");
    } else {
      ok_ = false;
      print_line("source ", name, " FAILED reason=\"", reason, "\"");
    }
  }

  void software() {
    bool right = true;
    for (std::uint8_t i = 1; i <= 100; ++i) {
      raise(mmi_sources::first_value, i);
      right = right && refresh() && state_.first.calls == calls_before_ + i && state_.first.data_port == i &&
              state_.first.command_port == mmi_sources::first_value && state_.first.cpu < state_.cpus;
    }
    judge(right, "software", "not one call for each write to port 0xB2");
    raise(static_cast<std::uint8_t>(state_.assigned.value), 0xA5);
    judge(refresh() && state_.assigned.calls == 1 && state_.assigned.data_port == 0xA5, "software_assigned_value",
          "the child was not called once");
  }

  // Each processor of two asks in turn: it is the one that the child is told.
  void another_cpu() {
    bool right = mp_services_ != nullptr;
    for (int i = 0; i < 20 && right; ++i) {
      const std::uint64_t calls = state_.first.calls;
      mp_services_->startup_all_aps(mp_services_, raise_from_here, 0, nullptr, 0, nullptr, nullptr);
      right = refresh() && state_.first.calls == calls + 1 && state_.first.cpu == 1 &&
              state_.first.data_port == another_cpus_data;
      raise(mmi_sources::first_value, 0);
      right = right && refresh() && state_.first.calls == calls + 2 && state_.first.cpu == 0;
    }
    judge(right, "software_cpu", "another processor is named than the one that asked");
    calls_before_ = state_.first.calls;
  }

  void others_commands() {
    const std::uint64_t calls = state_.first.calls;
    raise(mmi_sources::nobodys_value, 1);
    for (int i = 0; i < 50; ++i) raise(0, 0);
    judge(refresh() && state_.first.calls == calls && state_.assigned.calls == 1, "software_nobodys_value",
          "a child was called");
  }

  void failing_child() {
    const std::uint64_t calls = state_.first.calls;
    raise(mmi_sources::failing_value, 0);
    raise(mmi_sources::failing_value, 0);
    raise(mmi_sources::first_value, 0);
    judge(refresh() && state_.first.calls == calls + 1, "software_failing_child",
          "the other children are gone as well");
  }

  // Children are handlers of MMI types that no message may name.
  void messages_to_children() {
    const State before = state_;
    bool refused = true;
    for (std::uint16_t kind = 0; kind < 2; ++kind) {
      for (std::uint32_t number = 0; number < 8; ++number) {
        mailbox_.put(StateMessage{{abi::inner_mmi_guid(kind, number), sizeof(State)}, {}});
        const auto answer = mailbox_.send();
        refused = refused && answer && answer->status == abi::status::not_found;
      }
    }
    judge(refused && refresh() && state_.first.calls == before.first.calls && state_.os_tco == before.os_tco &&
              state_.tco_timeouts == before.tco_timeouts && state_.wrong_contexts == 0,
          "messages_to_children", "a message reached a child");
  }

  void os_tco() {
    const std::uint64_t calls = state_.os_tco;
    for (int i = 0; i < 3; ++i) {
      out8(tco_data_in_port, static_cast<std::uint8_t>(i));
      wait(1);
    }
    judge(refresh() && state_.os_tco == calls + 3, "os_tco", "not one call for each write to TCO_DAT_IN");
  }

  void tco_timer() {
    const std::uint64_t calls = state_.tco_timeouts;
    const std::uint16_t control = in16(tco1_control_port);
    out16(tco_timer_port, 2);  // 0.6 s each
    out16(tco1_control_port, static_cast<std::uint16_t>(control & ~tco1_control_halt));
    out16(tco_reload_port, 1);
    for (int i = 0; i < 600 && state_.tco_timeouts < calls + 2; ++i) {
      wait(10);
      refresh();
    }
    out16(tco1_control_port, control | tco1_control_halt);
    judge(state_.tco_timeouts >= calls + 2, "tco_timeout", "no call in 6 s");
    const std::uint64_t so_far = state_.tco_timeouts;
    wait(1300);
    judge(refresh() && state_.tco_timeouts == so_far, "tco_timer_stopped", "calls go on");
    out16(tco_timer_port, 4);
  }

  // No MMI but those of the two questions may come in between.
  template <typename Action>
  void silent(std::string_view name, Action action) {
    refresh();
    const std::uint64_t before = state_.mmis;
    action();
    judge(refresh() && state_.mmis == before + 1, name, "it raises MMIs");
  }

  void silent_sources() {
    const std::uint32_t enabled = in32(q35::smi_en_port);
    constexpr std::uint8_t gen_pmcon_1 = 0xA0;
    const std::uint32_t rates = read_lpc(gen_pmcon_1);
    write_lpc(gen_pmcon_1, rates | 3);  // PER_SMI_SEL: 8 s
    out32(q35::smi_en_port, enabled | 0xFFFF'0000U | 0x5FDEU);
    const std::uint16_t control = in16(pm1_control_port);
    // Every enable bit of SMI_EN but that of the TCO block, among them periodic timer, software timer, USB, GPIO, SPI.
    silent("smi_en_bits", [] { wait(9000); });
    silent("global_release", [=] { out16(pm1_control_port, control | 0x0004); });
    // A sleep type that is none: with SLP_SMI_EN an ICH9 would raise an MMI for whatever is written.
    silent("sleep", [=] { out16(pm1_control_port, (control & ~0x1C00) | 0x3400); });
    out16(pm1_control_port, control);
    silent("bios_release", [=] { out32(q35::smi_en_port, in32(q35::smi_en_port) | 0x80); });
    io_trap();
    out32(q35::smi_en_port, enabled);
    write_lpc(gen_pmcon_1, rates);
    judge(in32(q35::smi_en_port) == enabled, "smi_en_restored", "it has another value");
  }

  // Trap register 0 of the chipset configuration block: port 0x80, reads and writes.
  void io_trap() {
    constexpr std::uint8_t rcba = 0xF0;
    const std::uint32_t base = read_lpc(rcba);
    if ((base & 1) == 0) {
      judge(false, "io_trap", "the chipset configuration block is off");
      return;
    }
    auto* trap = reinterpret_cast<volatile std::uint32_t*>(std::uintptr_t{(base & ~0x3FFFU) + 0x1E80});
    silent("io_trap", [=] {
      trap[1] = 0x0002'00F0U;
      trap[0] = 0x0000'0081U;
      out8(0x80, 1);
      in8(0x80);
      wait(1);
      trap[0] = 0;
      trap[1] = 0;
    });
  }

  const RawMailbox& mailbox_;
  MpServices* mp_services_;
  State state_{};
  std::uint64_t calls_before_ = 0;  // of the first child
  bool ok_ = true;
};

}  // namespace

}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus mmi_sources_caller_entry(redoubt::abi::Handle /*image*/,
                                                                   redoubt::abi::SystemTable* system_table) {
  using namespace redoubt::guest;
  const auto mailbox = RawMailbox::find(*system_table);
  if (!mailbox) {
    print_line("no HOB names a communication buffer");
    finish(*system_table, "mmi_sources_caller", false);
  }
  Caller caller(*mailbox, locate_protocol<MpServices>(*system_table, mp_services_guid));
  finish(*system_table, "mmi_sources_caller", caller.run());
}
