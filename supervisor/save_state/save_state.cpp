// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "supervisor/save_state/save_state.hpp"

#include <cstring>

#include "abi/amd64/save_state.hpp"
#include "abi/pi/mm_cpu.hpp"
#include "platform/board.hpp"
#include "policy/save_state.hpp"

namespace redoubt::supervisor {
namespace {

using Register = abi::MmSaveStateRegister;
using abi::SystemStatus;

// Where a register stands in a save state. Not writable: what RSM would take amiss or put between MM and its caller.
struct Place {
  Register reg;
  std::uint16_t offset;
  std::uint8_t bytes;
  bool writable;
};

#define REDOUBT_PLACE(reg, field, bytes, writable) {Register::reg, offsetof(abi::SaveState, field), bytes, writable}
constexpr Place places[] = {
    REDOUBT_PLACE(gdt_base, gdtr.base, 8, false),
    REDOUBT_PLACE(idt_base, idtr.base, 8, false),
    REDOUBT_PLACE(ldt_base, ldtr.base, 8, false),
    REDOUBT_PLACE(gdt_limit, gdtr.limit, 2, false),
    REDOUBT_PLACE(idt_limit, idtr.limit, 2, false),
    REDOUBT_PLACE(ldt_limit, ldtr.limit, 4, false),
    REDOUBT_PLACE(es, es.selector, 2, false),
    REDOUBT_PLACE(cs, cs.selector, 2, false),
    REDOUBT_PLACE(ss, ss.selector, 2, false),
    REDOUBT_PLACE(ds, ds.selector, 2, false),
    REDOUBT_PLACE(fs, fs.selector, 2, false),
    REDOUBT_PLACE(gs, gs.selector, 2, false),
    REDOUBT_PLACE(ldtr, ldtr.selector, 2, false),
    REDOUBT_PLACE(tr, tr.selector, 2, false),
    REDOUBT_PLACE(dr7, dr7, 8, false),
    REDOUBT_PLACE(dr6, dr6, 8, false),
    REDOUBT_PLACE(r8, r8, 8, true),
    REDOUBT_PLACE(r9, r9, 8, true),
    REDOUBT_PLACE(r10, r10, 8, true),
    REDOUBT_PLACE(r11, r11, 8, true),
    REDOUBT_PLACE(r12, r12, 8, true),
    REDOUBT_PLACE(r13, r13, 8, true),
    REDOUBT_PLACE(r14, r14, 8, true),
    REDOUBT_PLACE(r15, r15, 8, true),
    REDOUBT_PLACE(rax, rax, 8, true),
    REDOUBT_PLACE(rbx, rbx, 8, true),
    REDOUBT_PLACE(rcx, rcx, 8, true),
    REDOUBT_PLACE(rdx, rdx, 8, true),
    REDOUBT_PLACE(rsp, rsp, 8, true),
    REDOUBT_PLACE(rbp, rbp, 8, true),
    REDOUBT_PLACE(rsi, rsi, 8, true),
    REDOUBT_PLACE(rdi, rdi, 8, true),
    REDOUBT_PLACE(rip, rip, 8, true),
    REDOUBT_PLACE(rflags, rflags, 8, true),
    REDOUBT_PLACE(cr0, cr0, 8, false),
    REDOUBT_PLACE(cr3, cr3, 8, false),
    REDOUBT_PLACE(cr4, cr4, 8, false),
};
#undef REDOUBT_PLACE

const Place* find_place(Register reg) {
  for (const Place& place : places) {
    if (place.reg == reg) {
      return &place;
    }
  }
  return nullptr;
}

constexpr bool is_pseudo(Register reg) {
  return reg == Register::io || reg == Register::lma || reg == Register::processor_id;
}

// cpu < cpu_count.
abi::SaveState* save_state_of(const Supervisor& supervisor, std::uint32_t cpu) {
  return supervisor.direct_map.at<abi::SaveState>(supervisor.first_save_state +
                                                  std::uint64_t{cpu} * abi::smbase_stride);
}

// The save state of a CPU that is in MM now, or null.
abi::SaveState* find_save_state(const Supervisor& supervisor, const Cpu& leader, abi::CpuNumber asked) {
  if (asked >= abi::CpuNumber{supervisor.launch.cpu_count}) {
    return nullptr;
  }
  const auto cpu = static_cast<std::uint32_t>(asked);
  if (cpu != leader.index && !supervisor.rendezvous.is_held(cpu)) {
    return nullptr;
  }
  return save_state_of(supervisor, cpu);
}

constexpr bool has_io(const abi::SaveState& state) {
  return (state.revision & abi::save_state_revision_io) != 0 && (state.io & abi::save_state_io_valid) != 0;
}
constexpr std::uint32_t io_port(const abi::SaveState& state) { return state.io >> 16; }

// `command`: what the command port holds.
policy::Raiser raiser(const abi::SaveState& state, std::uint32_t command) {
  if ((state.ss.attributes & abi::save_state_privilege_mask) != 0) {
    return policy::Raiser::no;
  }
  if ((state.revision & abi::save_state_revision_io) != 0) {
    const bool raised =
        has_io(state) && (state.io & abi::save_state_io_input) == 0 && io_port(state) == platform::board::command_port;
    return raised ? policy::Raiser::certainly : policy::Raiser::no;
  }
  return static_cast<std::uint8_t>(state.rax) == command ? policy::Raiser::perhaps : policy::Raiser::no;
}

// Of a CPU that there is.
bool allowed(Supervisor& supervisor, const Cpu& leader, const AskedRegister& asked, bool write) {
  find_raisers(supervisor, leader);
  const policy::Raiser raiser = supervisor.raisers.of(static_cast<std::uint32_t>(asked.cpu));
  return policy::decide(platform::board::grants.save_state, {asked.number, write, raiser}) == policy::Verdict::allow;
}

std::uint64_t truncate(std::uint64_t value, std::uint64_t width) {
  return width >= sizeof(value) ? value : value & ((std::uint64_t{1} << (8 * width)) - 1);
}

std::uint64_t read_io(const abi::SaveState& state) {
  const std::uint32_t width_code = (state.io & abi::save_state_io_8_bits) != 0    ? abi::mm_save_state_io_uint8
                                   : (state.io & abi::save_state_io_16_bits) != 0 ? abi::mm_save_state_io_uint16
                                                                                  : abi::mm_save_state_io_uint32;
  const std::uint32_t type =
      ((state.io & abi::save_state_io_input) != 0 ? abi::mm_save_state_io_input : abi::mm_save_state_io_output) |
      ((state.io & abi::save_state_io_string) != 0 ? abi::mm_save_state_io_string : 0u) |
      ((state.io & abi::save_state_io_repeat) != 0 ? abi::mm_save_state_io_rep_prefix : 0u);
  // String instructions move memory that MM doesn't look at.
  const bool in_register = (state.io & abi::save_state_io_string) == 0;
  const std::uint64_t data = in_register ? truncate(state.rax, std::uint64_t{1} << width_code) : 0;
  return data << abi::save_state_io_data_shift | std::uint64_t{io_port(state)} << abi::save_state_io_port_shift |
         type << abi::save_state_io_type_shift | width_code;
}

}  // namespace

std::uint64_t interrupted_place(const Supervisor& supervisor, const Cpu& cpu) {
  const abi::SaveState& state = *save_state_of(supervisor, cpu.index);
  return state.rip ^ state.rsp << 32;
}

void find_raisers(Supervisor& supervisor, const Cpu& leader) {
  if (supervisor.raisers.known()) {
    return;
  }
  const std::uint32_t command = platform::read_command();
  MmiRaisers& raisers = supervisor.raisers;
  raisers.begin();
  // 0 raises messages, and is what the port holds when nothing was asked for: without a message it tells nothing.
  if (command == 0 && supervisor.message.kind != CapturedMessage::Kind::message) {
    return;
  }
  for (std::uint32_t cpu = 0; cpu < supervisor.launch.cpu_count; ++cpu) {
    if (const abi::SaveState* state = find_save_state(supervisor, leader, abi::CpuNumber{cpu})) {
      raisers.add(cpu, raiser(*state, command));
    }
  }
}

abi::SystemResult<std::uint64_t> read_save_state(Supervisor& supervisor, const Cpu& leader, AskedRegister asked) {
  const abi::SaveState* state = find_save_state(supervisor, leader, asked.cpu);
  if (state == nullptr) {
    return std::unexpected(SystemStatus::invalid_argument);
  }
  const Register reg = asked.number;
  const Place* place = find_place(reg);
  if (place == nullptr && !is_pseudo(reg)) {
    return std::unexpected(SystemStatus::not_found);
  }
  if (asked.width == 0 || asked.width > (place != nullptr ? place->bytes : sizeof(std::uint64_t))) {
    return std::unexpected(SystemStatus::invalid_argument);
  }
  if (reg == Register::io && !has_io(*state)) {
    return std::unexpected(SystemStatus::not_found);
  }
  if (!allowed(supervisor, leader, asked, false)) {
    return std::unexpected(SystemStatus::not_permitted);
  }
  constexpr std::uint64_t long_mode_active = 1u << 10;
  switch (reg) {
    case Register::io: return read_io(*state);
    case Register::lma:
      return (state->efer & long_mode_active) != 0 ? abi::mm_save_state_lma_64 : abi::mm_save_state_lma_32;
    case Register::processor_id: return supervisor.cpus[static_cast<std::uint32_t>(asked.cpu)]->apic_id;
    default: break;
  }
  std::uint64_t value = 0;
  std::memcpy(&value, reinterpret_cast<const std::byte*>(state) + place->offset, asked.width);
  return value;
}

abi::SystemResult<void> write_save_state(Supervisor& supervisor, const Cpu& leader, AskedRegister asked,
                                         std::uint64_t value) {
  abi::SaveState* state = find_save_state(supervisor, leader, asked.cpu);
  if (state == nullptr) {
    return std::unexpected(SystemStatus::invalid_argument);
  }
  const Place* place = find_place(asked.number);
  if (place == nullptr) {
    return std::unexpected(is_pseudo(asked.number) ? SystemStatus::unsupported : SystemStatus::not_found);
  }
  if (!place->writable) {
    return std::unexpected(SystemStatus::unsupported);
  }
  if (asked.width == 0 || asked.width > place->bytes) {
    return std::unexpected(SystemStatus::invalid_argument);
  }
  if (!allowed(supervisor, leader, asked, true)) {
    return std::unexpected(SystemStatus::not_permitted);
  }
  std::memcpy(reinterpret_cast<std::byte*>(state) + place->offset, &value, asked.width);
  return {};
}

}  // namespace redoubt::supervisor
