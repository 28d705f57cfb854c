// SPDX-License-Identifier: BSD-2-Clause-Patent
// An attacker outside MM: it has the mailbox, the chipset's registers, and a hostile driver inside to call.
//
//   sizes    every length that could be wrong, in both headers and for known and unknown handlers: a wrong one gets
//            an error, the mailbox is free again, and no reply holds an address inside MMRAM
//   chipset  MMRAM reads as FF, and the registers that would open it don't move
//   drivers  each attack of tests/guest/drivers/attack/: the caller gets an error
//
// After each case MM must still answer a message to its variable driver, and the well-behaved copy of the attack
// driver one to it.
//
//   attack CASE contained | attack CASE ESCAPED reason="..." | attack CASE skipped reason="..."
//   attack summary contained=N escaped=N skipped=N
//
// The guest can't know where the supervisor keeps its page tables and where the foundation lies. Set from outside:
//   opt/org.redoubt/page_table   decimal address of a page-table page of MM
//   opt/org.redoubt/foundation   decimal address inside the foundation
#include <array>
#include <cstring>

#include "abi/pi/communicate.hpp"
#include "abi/uefi/system_table.hpp"
#include "base/address.hpp"
#include "platform/q35/pci_config.hpp"
#include "tests/guest/drivers/attack/attack_protocol.hpp"
#include "tests/guest/uefi/instructions.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"
#include "tests/guest/uefi/variable_message.hpp"

namespace redoubt::guest {

namespace {

namespace q35 = platform::q35;
using attack::Command;

struct Mmram {
  std::uint64_t base;
  std::uint64_t size;
  bool holds(std::uint64_t address) const { return address - base < size; }
};

// TSEG as the memory controller has it: TSEGMB, and ESMRAMC's size field (1, 2, 8 MiB, or QEMU's extended register).
Mmram find_mmram() {
  constexpr std::uint8_t mch_extended_tseg_mbytes = 0x50;
  constexpr std::uint8_t mch_tsegmb = 0xAC;
  constexpr std::uint64_t mebibyte = 1U << 20;
  const std::uint64_t base = q35::read_pci_config32(q35::memory_controller, mch_tsegmb) & 0xFFF0'0000U;
  switch (q35::read_pci_config8(q35::memory_controller, q35::mch_esmramc) >> 1 & 3U) {
    case 0: return {base, 1 * mebibyte};
    case 1: return {base, 2 * mebibyte};
    case 2: return {base, 8 * mebibyte};
    default:
      return {base, (q35::read_pci_config32(q35::memory_controller, mch_extended_tseg_mbytes) & 0xFFFFU) * mebibyte};
  }
}

// Closed MMRAM reads as this. By four bytes, the widest access that q35's memory controller answers there.
constexpr std::uint32_t closed = 0xFFFF'FFFF;
std::uint32_t read_memory(std::uint64_t address) { return *reinterpret_cast<const volatile std::uint32_t*>(address); }

// What a driver that jumps out of MMRAM would run.
extern "C" std::uint64_t outside_function_calls;
extern "C" [[gnu::used]] constinit std::uint64_t outside_function_calls = 0;
[[gnu::naked]] void outside_function() {
  asm("incq outside_function_calls(%rip)\n\t"
      "ret");
}

class Attacker {
 public:
  explicit Attacker(const RawMailbox& mailbox) : mailbox_(mailbox), mmram_(find_mmram()) {}

  bool run();

 private:
  // One line for each case. A case is contained when `reason` is empty and MM is alive afterwards.
  template <typename... Name>
  void judge(std::string_view reason, const Name&... name);
  template <typename... Name>
  void skip(std::string_view reason, const Name&... name);

  bool reply_leaks(std::uint64_t sent = 0) const;
  std::string_view witness_problem();

  void sweep_sizes();
  void size_case(bool version_3, bool known_handler, std::uint64_t length);
  void buffer_size_case(std::uint64_t buffer_size, std::uint64_t message_size, std::string_view name);
  void send_wrong(bool wrong, std::string_view header, std::string_view handler, std::uint64_t length);

  void read_mmram();
  void poke_registers();

  void attack_from_inside();

  const RawMailbox& mailbox_;
  const Mmram mmram_;
  bool has_drivers_ = false;
  std::uint64_t witness_messages_ = 0;
  unsigned contained_ = 0;
  unsigned escaped_ = 0;
  unsigned skipped_ = 0;
};

struct AttackMessage {
  abi::CommunicateHeader header;
  attack::Message attack;
};

template <typename... Name>
void Attacker::judge(std::string_view reason, const Name&... name) {
  if (reason.empty() && !mailbox_.alive()) {
    reason = "MM no longer answers";
  }
  if (reason.empty()) {
    reason = witness_problem();
  }
  if (reason.empty()) {
    ++contained_;
    print_line("attack ", name..., " contained");
  } else {
    ++escaped_;
    print_line("attack ", name..., " ESCAPED reason=\"", reason, "\"");
  }
}

template <typename... Name>
void Attacker::skip(std::string_view reason, const Name&... name) {
  ++skipped_;
  print_line("attack ", name..., " skipped reason=\"", reason, "\"");
}

// Copy 0 of the attack driver counts its messages: it must not have lost or gained one.
std::string_view Attacker::witness_problem() {
  if (!has_drivers_) {
    return {};
  }
  mailbox_.put(AttackMessage{{attack::handler_guid(0), sizeof(attack::Message)}, {Command::witness, 0, 0, 0}});
  const auto answer = mailbox_.send();
  ++witness_messages_;
  if (!answer || answer->status != abi::status::success) {
    return "another driver no longer answers";
  }
  return mailbox_.get<AttackMessage>().attack.result == witness_messages_ ? std::string_view{}
                                                                          : "another driver's memory has changed";
}

// Whether an aligned word of the buffer is an address inside MMRAM, other than the one that was `sent` there.
bool Attacker::reply_leaks(std::uint64_t sent) const {
  for (std::uint64_t offset = 0; offset + 8 <= mailbox_.capacity(); offset += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, mailbox_.buffer() + offset, sizeof(word));
    if (mmram_.holds(word) && word != sent) {
      return true;
    }
  }
  return false;
}

constexpr abi::Guid unknown_handler = {0x51f0d3b6, 0x7a44, 0x4f0e, {0x9b, 0x51, 0x3d, 0x2e, 0x10, 0x6f, 0x8c, 0x27}};

void Attacker::send_wrong(bool wrong, std::string_view header, std::string_view handler, std::uint64_t length) {
  const auto answer = mailbox_.send();
  std::string_view reason;
  if (!answer) {
    reason = "the mailbox was not released";
  } else if (wrong && !abi::status::is_error(answer->status)) {
    reason = "a wrong length was accepted";
  } else if (answer->size > mailbox_.capacity()) {
    reason = "the reply is longer than the buffer";
  } else if (reply_leaks()) {
    reason = "the reply holds an address inside MMRAM";
  }
  judge(reason, "size_", header, "_", handler, "_", Hexadecimal{length});
}

// `length` in the header of a message whose handler would be content with any data. Version 3: MessageSize, in a
// buffer as large as the communication buffer.
void Attacker::size_case(bool version_3, bool known_handler, std::uint64_t length) {
  std::memset(mailbox_.buffer(), 0, mailbox_.capacity());
  const abi::Guid& handler = known_handler ? abi::smm_variable_guid : unknown_handler;
  const abi::variable_messages::VariableMessageHeader variable{
      static_cast<std::uint64_t>(abi::variable_messages::VariableFunction::get_payload_size), 0};
  const std::uint64_t header_bytes = version_3 ? sizeof(abi::CommunicateHeaderV3) : sizeof(abi::CommunicateHeader);
  if (version_3) {
    mailbox_.put(abi::CommunicateHeaderV3{abi::communicate_header_v3_guid, mailbox_.capacity(), 0, handler, length});
  } else {
    mailbox_.put(abi::CommunicateHeader{handler, length});
  }
  std::memcpy(mailbox_.buffer() + header_bytes, &variable, sizeof(variable));
  const bool wrong = !known_handler || length > mailbox_.capacity() - header_bytes;
  send_wrong(wrong, version_3 ? "v3" : "v1", known_handler ? "variable" : "unknown", length);
}

void Attacker::buffer_size_case(std::uint64_t buffer_size, std::uint64_t message_size, std::string_view name) {
  std::memset(mailbox_.buffer(), 0, mailbox_.capacity());
  mailbox_.put(
      abi::CommunicateHeaderV3{abi::communicate_header_v3_guid, buffer_size, 0, abi::smm_variable_guid, message_size});
  const bool wrong = buffer_size < sizeof(abi::CommunicateHeaderV3) || buffer_size > mailbox_.capacity() ||
                     message_size > buffer_size - sizeof(abi::CommunicateHeaderV3);
  send_wrong(wrong, "v3", name, buffer_size);
}

void Attacker::sweep_sizes() {
  const std::uint64_t capacity = mailbox_.capacity();
  const std::array fixed = {std::uint64_t{0},       std::uint64_t{1},       std::uint64_t{15},     std::uint64_t{16},
                            std::uint64_t{23},      std::uint64_t{24},      page_bytes - 1,        page_bytes,
                            page_bytes + 1,         capacity - 57,          capacity - 56,         capacity - 55,
                            capacity - 25,          capacity - 24,          capacity - 23,         capacity,
                            std::uint64_t{1} << 31, std::uint64_t{1} << 32, std::uint64_t{1} << 63};
  for (const bool version_3 : {false, true}) {
    for (const bool known_handler : {true, false}) {
      for (const std::uint64_t length : fixed) {
        size_case(version_3, known_handler, length);
      }
      for (std::uint64_t below = 1; below <= 64; ++below) {
        size_case(version_3, known_handler, ~std::uint64_t{0} - below + 1);
      }
    }
  }
  for (std::uint64_t size = 0; size <= 57; ++size) {
    buffer_size_case(size, 1, "buffer_size");
  }
  for (const std::uint64_t size : {capacity - 1, capacity, capacity + 1, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    buffer_size_case(size, 16, "buffer_size");
    buffer_size_case(size, size - 56, "full_buffer_size");
    buffer_size_case(size, size - 55, "wrong_buffer_size");
  }
}

void Attacker::read_mmram() {
  constexpr std::uint64_t default_smbase_entry = 0x38000;
  bool readable = mmram_.size == 0;
  for (std::uint64_t offset = 0; offset < mmram_.size; offset += page_bytes) {
    readable = readable || read_memory(mmram_.base + offset) != closed;
  }
  readable = readable || read_memory(mmram_.base + mmram_.size - sizeof(closed)) != closed;
  judge(readable ? "MMRAM can be read" : "", "read_mmram");
  judge(read_memory(default_smbase_entry) != closed ? "the default SMBASE is plain RAM" : "", "read_default_smbase");

  auto* word = reinterpret_cast<volatile std::uint32_t*>(mmram_.base);
  *word = 0;
  judge(*word != closed ? "a write to MMRAM has an effect" : "", "write_mmram");
}

void Attacker::poke_registers() {
  struct Poke {
    std::string_view name;
    q35::PciFunction of;
    std::uint8_t offset;
    std::uint8_t set;
    std::uint8_t clear;
  };
  const Poke pokes[] = {
      {"default_smbase_control", q35::memory_controller, q35::mch_default_smbase_control, 0,
       q35::mch_default_smbase_in_ram | q35::mch_default_smbase_locked},
      {"smramc", q35::memory_controller, q35::mch_smramc, q35::mch_smramc_d_open, q35::mch_smramc_d_lck},
      {"esmramc", q35::memory_controller, q35::mch_esmramc, 0, q35::mch_esmramc_t_en},
      {"gen_pmcon_1", q35::lpc_bridge, q35::lpc_gen_pmcon_1, 0, q35::lpc_gen_pmcon_1_smi_lock},
  };
  for (const Poke& poke : pokes) {
    const std::uint8_t before = q35::read_pci_config8(poke.of, poke.offset);
    q35::write_pci_config8(poke.of, poke.offset, static_cast<std::uint8_t>((before | poke.set) & ~poke.clear));
    const std::uint8_t after = q35::read_pci_config8(poke.of, poke.offset);
    const bool open = read_memory(mmram_.base) != closed;
    judge(after != before ? "the register changed" : (open ? "MMRAM opened" : ""), "register_", poke.name);
  }

  const std::uint32_t smi_en = in32(q35::smi_en_port);
  out32(q35::smi_en_port, smi_en & ~q35::smi_en_global);
  const bool stuck = (in32(q35::smi_en_port) & q35::smi_en_global) != 0;
  out32(q35::smi_en_port, smi_en);
  judge(stuck ? "" : "SMIs can be switched off", "register_smi_en");

  // TSEGMB stays writable after the lock; moving it must not uncover MMRAM.
  constexpr std::uint8_t mch_tsegmb = 0xAC;
  const std::uint32_t tsegmb = q35::read_pci_config32(q35::memory_controller, mch_tsegmb);
  q35::write_pci_config32(q35::memory_controller, mch_tsegmb, 0x1000'0000);
  q35::write_pci_config8(q35::memory_controller, q35::mch_smramc,
                         q35::read_pci_config8(q35::memory_controller, q35::mch_smramc));
  const bool uncovered = read_memory(mmram_.base) != closed;
  const bool works = mailbox_.alive();
  q35::write_pci_config32(q35::memory_controller, mch_tsegmb, tsegmb);
  judge(uncovered ? "MMRAM can be read" : (works ? "" : "MM follows TSEGMB"), "register_tsegmb");
}

// What the owner of the machine can prepare for a driver that works for him: SYSENTER that leads to his code, an LDT
// at an address of his choice. Put back at the end.
class OwnersDoors {
 public:
  OwnersDoors(std::uint64_t entry, std::uint64_t local_table) {
    for (unsigned i = 0; i != std::size(saved_); ++i) saved_[i] = read_msr(sysenter_msrs + i);
    write_msr(sysenter_msrs, 0x08);
    write_msr(sysenter_msrs + 1, local_table);
    write_msr(sysenter_msrs + 2, entry);

    owners_table_ = store_gdt();
    const std::uint64_t bytes = std::uint64_t{owners_table_.limit} + 1;
    if (bytes + 16 > sizeof(table_)) return;
    std::memcpy(table_, reinterpret_cast<const void*>(owners_table_.base), bytes);
    constexpr std::uint64_t present_ldt = 0x82;
    table_[bytes / 8] = 15 | (local_table & 0xFF'FFFF) << 16 | present_ldt << 40 | (local_table >> 24 & 0xFF) << 56;
    table_[bytes / 8 + 1] = local_table >> 32;
    load_gdt({static_cast<std::uint16_t>(bytes + 15), reinterpret_cast<std::uint64_t>(table_)});
    load_ldt(static_cast<std::uint16_t>(bytes));
  }
  ~OwnersDoors() {
    load_ldt(0);
    load_gdt(owners_table_);
    for (unsigned i = 0; i != std::size(saved_); ++i) write_msr(sysenter_msrs + i, saved_[i]);
  }
  OwnersDoors(const OwnersDoors&) = delete;
  OwnersDoors& operator=(const OwnersDoors&) = delete;

 private:
  static constexpr std::uint32_t sysenter_msrs = 0x174;  // code segment, stack, instruction pointer
  std::uint64_t saved_[3];
  DescriptorTable owners_table_;
  std::uint64_t table_[64] = {};
};

void Attacker::attack_from_inside() {
  const std::uint64_t page_table = option("page_table", 0);
  const std::uint64_t foundation = option("foundation", 0);
  const std::uint64_t buffer = reinterpret_cast<std::uint64_t>(mailbox_.buffer());
  const auto function = reinterpret_cast<std::uint64_t>(&outside_function);
  // Inside every message of an attack, so that MM has memory of its own at that address while the driver runs.
  const std::uint64_t gate = buffer + sizeof(AttackMessage);
  const OwnersDoors doors(function, gate);
  constexpr std::uint64_t value = 0x4141'4141'4141'4141;
  constexpr std::uint64_t efer = 0xC0000080;
  // Page 0 of MMRAM given to Redoubt is the first CPU's entry code, or the page before it (see abi/redoubt/launch.hpp).
  const std::uint64_t entry_code = mmram_.base + page_bytes;

  struct Case {
    std::string_view name;
    Command command;
    std::uint64_t address;
    std::uint64_t value;
    bool needs_address;
  };
  const Case cases[] = {
      {"cli", Command::disable_interrupts, 0, 0, false},
      {"hlt", Command::halt, 0, 0, false},
      {"read_page_table", Command::read_memory, page_table, 0, true},
      {"write_foundation", Command::write_memory, foundation, value, true},
      {"jump_outside", Command::call_memory, function, 0, true},
      {"jump_comm_buffer", Command::call_memory, buffer + sizeof(AttackMessage), 0, true},
      {"read_supervisor", Command::read_memory, entry_code, 0, true},
      {"read_outside", Command::read_memory, reinterpret_cast<std::uint64_t>(&outside_function_calls), 0, true},
      {"read_null", Command::read_memory, 0, 0, false},
      {"write_own_code", Command::write_code, 0, 0, false},
      {"execute_own_data", Command::execute_data, 0, 0, false},
      {"out_apm", Command::write_port, q35::apm_command_port, 0, false},
      {"in_pci_config", Command::read_port, q35::pci_config_data_port, 0, false},
      {"read_efer", Command::read_msr, efer, 0, false},
      {"write_efer", Command::write_msr, efer, 0, false},
      {"read_cr3", Command::read_cr3, 0, 0, false},
      {"load_gdt", Command::load_gdt, 0, 0, false},
      {"int80", Command::system_call, 0, 1, false},
      {"syscall", Command::syscall, 0, 0, false},
      {"exhaust_stack", Command::exhaust_stack, 0, 0, false},
      {"sysenter", Command::sysenter, 0, 0, false},
      {"call_gate", Command::call_gate, gate, 0, false},
      {"rsm", Command::leave_mm, 0, 0, false},
      {"overrun_frame", Command::overrun_frame, 0, 48, false},
  };
  static_assert(std::size(cases) + 1 == attack::copy_count);

  std::memset(mailbox_.buffer(), 0, mailbox_.capacity());
  mailbox_.put(AttackMessage{{attack::handler_guid(0), sizeof(attack::Message)}, {Command::witness, 0, 0, 0}});
  const auto witness = mailbox_.send();
  has_drivers_ = witness && witness->status == abi::status::success;
  witness_messages_ = has_drivers_ ? mailbox_.get<AttackMessage>().attack.result : 0;
  if (!has_drivers_) {
    skip("no attack drivers in this image", "drivers");
    return;
  }
  for (unsigned i = 0; i != std::size(cases); ++i) {
    const Case& attempt = cases[i];
    if (attempt.needs_address && attempt.address == 0) {
      skip("its address was not given", "driver_", attempt.name);
      continue;
    }
    mailbox_.put(AttackMessage{{attack::handler_guid(i + 1), sizeof(attack::Message) + 16},
                               {attempt.command, attempt.address, attempt.value, 0}});
    std::memset(mailbox_.buffer() + sizeof(AttackMessage), 0xC3, 16);  // RET, for jump_comm_buffer
    const std::uint64_t calls = outside_function_calls;
    const auto answer = mailbox_.send();
    std::string_view reason;
    const bool leaves = attempt.command == Command::leave_mm;
    if (!answer) {
      // Who leaves MM by RSM takes the answer along, unless a CPU that waits in MM calls it back.
      reason = leaves ? std::string_view{} : "the mailbox was not released";
    } else if (answer->status == abi::status::not_found && !leaves) {
      skip("its driver is not in this image", "driver_", attempt.name);
      continue;
    } else if (!abi::status::is_error(answer->status)) {
      reason = "nothing stopped it";
    } else if (calls != outside_function_calls) {
      reason = "code outside MMRAM ran in MM";
    } else if (reply_leaks(attempt.address)) {
      reason = "the reply holds an address inside MMRAM";
    }
    judge(reason, "driver_", attempt.name);
  }
}

bool Attacker::run() {
  if (!mailbox_.alive()) {
    print_line("attack failed: the variable driver does not answer before any attack");
    return false;
  }
  {
    const InterruptsOff interrupts_off;
    sweep_sizes();
    read_mmram();
    poke_registers();
    attack_from_inside();
  }
  print_line("attack summary contained=", Decimal{contained_}, " escaped=", Decimal{escaped_},
             " skipped=", Decimal{skipped_});
  return escaped_ == 0;
}

}  // namespace

}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus attack_caller_entry(redoubt::abi::Handle /*image*/,
                                                              redoubt::abi::SystemTable* system_table) {
  using namespace redoubt::guest;
  const auto mailbox = RawMailbox::find(*system_table);
  if (!mailbox) {
    print_line("attack failed: no HOB names a communication buffer");
    finish(*system_table, "attack_caller", false);
  }
  Attacker attacker(*mailbox);
  finish(*system_table, "attack_caller", attacker.run());
}
