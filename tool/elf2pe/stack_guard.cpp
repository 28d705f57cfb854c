// SPDX-License-Identifier: BSD-2-Clause-Patent
// FS:0x28 is encoded as ModRM with a SIB byte that names neither base nor index, and a 32-bit displacement; relative to
// RIP it is the ModRM byte and the displacement alone:
//
//   64 REX opcode ModRM SIB disp32     mov/sub/xor/cmp r64, fs:0x28
//   3E 3E REX opcode ModRM disp32      the same of [rip + disp32]
//
// 3E, a DS override, means nothing in 64-bit code and keeps the instruction's length.
#include "stack_guard.hpp"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <format>
#include <limits>
#include <span>

namespace redoubt::elf2pe {
namespace {

constexpr std::int64_t guard_offset = 0x28;  // in the thread control block
constexpr std::uint32_t guard_size = 8;
constexpr std::uint8_t fs_prefix = 0x64;
constexpr std::uint8_t ds_prefix = 0x3E;
constexpr std::uint8_t modrm_rip_relative = 0x05;  // mod 0, r/m 5
constexpr std::uint8_t modrm_register_mask = 0x38;
constexpr std::size_t displacement_bytes = 4;

std::unexpected<Refusal> refuse(std::string reason) { return std::unexpected(Refusal{std::move(reason)}); }

struct Instruction {
  ZydisDecodedInstruction decoded;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];

  std::span<const ZydisDecodedOperand> all() const { return std::span(operands).first(decoded.operand_count); }
};

bool is_segment(ZydisRegister reg) { return reg == ZYDIS_REGISTER_FS || reg == ZYDIS_REGISTER_GS; }

// Whether the instruction depends on the FS or GS register, or changes it.
bool uses_segment(const Instruction& instruction) {
  constexpr ZydisInstructionAttributes prefixes = ZYDIS_ATTRIB_HAS_SEGMENT_FS | ZYDIS_ATTRIB_HAS_SEGMENT_GS;
  if ((instruction.decoded.attributes & prefixes) != 0) return true;
  switch (instruction.decoded.mnemonic) {
    case ZYDIS_MNEMONIC_RDFSBASE:
    case ZYDIS_MNEMONIC_RDGSBASE:
    case ZYDIS_MNEMONIC_WRFSBASE:
    case ZYDIS_MNEMONIC_WRGSBASE:
    case ZYDIS_MNEMONIC_SWAPGS: return true;
    default: break;
  }
  return std::ranges::any_of(instruction.all(), [](const ZydisDecodedOperand& operand) {
    return (operand.type == ZYDIS_OPERAND_TYPE_REGISTER && is_segment(operand.reg.value)) ||
           (operand.type == ZYDIS_OPERAND_TYPE_MEMORY && is_segment(operand.mem.segment));
  });
}

bool is_guard_access(const Instruction& instruction) {
  const ZydisDecodedInstruction& decoded = instruction.decoded;
  if (decoded.mnemonic != ZYDIS_MNEMONIC_MOV && decoded.mnemonic != ZYDIS_MNEMONIC_SUB &&
      decoded.mnemonic != ZYDIS_MNEMONIC_XOR && decoded.mnemonic != ZYDIS_MNEMONIC_CMP) {
    return false;
  }
  const auto memory = std::ranges::find(instruction.all(), ZYDIS_OPERAND_TYPE_MEMORY, &ZydisDecodedOperand::type);
  return memory != instruction.all().end() && memory->size == guard_size * 8 &&
         memory->mem.segment == ZYDIS_REGISTER_FS && memory->mem.base == ZYDIS_REGISTER_NONE &&
         memory->mem.index == ZYDIS_REGISTER_NONE && memory->mem.disp.value == guard_offset &&
         (memory->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0 && decoded.raw.prefix_count >= 1 &&
         decoded.raw.sib.offset == decoded.raw.modrm.offset + 1 && decoded.raw.disp.size == displacement_bytes * 8 &&
         decoded.raw.disp.offset == decoded.raw.sib.offset + 1;
}

class Redirection {
 public:
  Redirection(LinkedImage& image, const Symbol& guard) : image_(image), guard_(guard.address) {
    ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  }

  Result<std::uint32_t, Refusal> run() {
    for (Segment& segment : image_.segments) {
      if (segment.access == Access::execute) TRY(run(segment));
    }
    return redirected_;
  }

 private:
  // Functions in ascending order; several names may stand for one, and one may begin inside another.
  Result<bool, Refusal> run(Segment& segment) {
    const std::uint64_t end = segment.address + segment.data.size();
    std::uint64_t covered = segment.address;
    for (const Symbol& function : image_.symbols) {
      if (!function.is_function || function.size == 0 || function.address < segment.address ||
          function.address >= end) {
        continue;
      }
      if (function.size > end - function.address)
        return refuse(std::format("function {} reaches beyond its segment", function.name));
      const std::uint64_t function_end = std::uint64_t{function.address} + function.size;
      if (function_end <= covered) continue;
      if (function.address < covered)
        return refuse(std::format("function {} overlaps the one before it", function.name));
      TRY(check_padding(segment, covered, function.address));
      TRY(redirect(segment, function));
      covered = function_end;
    }
    TRY(check_padding(segment, covered, end));
    return true;
  }

  Result<Instruction, Refusal> decode(std::span<const std::uint8_t> code, std::string_view where,
                                      std::uint64_t offset) const {
    Instruction instruction;
    if (!ZYAN_SUCCESS(
            ZydisDecoderDecodeFull(&decoder_, code.data(), code.size(), &instruction.decoded, instruction.operands)))
      return refuse(std::format("no instruction at {}+{:#x}", where, offset));
    return instruction;
  }

  // Between functions there is nothing but zeroes, INT3 and NOP.
  Result<bool, Refusal> check_padding(const Segment& segment, std::uint64_t from, std::uint64_t to) const {
    while (from < to) {
      const auto rest = std::span(segment.data).subspan(from - segment.address, to - from);
      if (rest[0] == 0) {
        ++from;
        continue;
      }
      const Instruction instruction = TRY(decode(rest, "address", from));
      if (instruction.decoded.mnemonic != ZYDIS_MNEMONIC_NOP && instruction.decoded.mnemonic != ZYDIS_MNEMONIC_INT3)
        return refuse(std::format("code that belongs to no function at {:#x}", from));
      from += instruction.decoded.length;
    }
    return true;
  }

  Result<bool, Refusal> redirect(Segment& segment, const Symbol& function) {
    const auto code = std::span(segment.data).subspan(function.address - segment.address, function.size);
    for (std::size_t offset = 0; offset < code.size();) {
      const Instruction instruction = TRY(decode(code.subspan(offset), function.name, offset));
      const std::size_t length = instruction.decoded.length;
      if (uses_segment(instruction)) {
        if (!is_guard_access(instruction))
          return refuse(
              std::format("use of FS or GS that isn't the stack protector's, at {}+{:#x}", function.name, offset));
        TRY(rewrite(code.subspan(offset, length), instruction, function, offset));
        ++redirected_;
      }
      offset += length;
    }
    return true;
  }

  Result<bool, Refusal> rewrite(std::span<std::uint8_t> bytes, const Instruction& old, const Symbol& function,
                                std::size_t offset) const {
    const std::int64_t next = std::int64_t{function.address} + static_cast<std::int64_t>(offset + bytes.size());
    const auto distance = static_cast<std::int32_t>(std::int64_t{guard_} - next);
    const auto& raw = old.decoded.raw;
    std::vector<std::uint8_t> fresh(2, ds_prefix);
    for (std::size_t i = 0; i < raw.modrm.offset; ++i) {
      if (bytes[i] != fs_prefix || i >= raw.prefix_count) fresh.push_back(bytes[i]);
    }
    fresh.push_back(static_cast<std::uint8_t>((bytes[raw.modrm.offset] & modrm_register_mask) | modrm_rip_relative));
    for (std::size_t i = 0; i < displacement_bytes; ++i)
      fresh.push_back(static_cast<std::uint8_t>(static_cast<std::uint32_t>(distance) >> (8 * i)));
    fresh.insert(fresh.end(), bytes.begin() + raw.disp.offset + displacement_bytes, bytes.end());

    // What was written is decoded again: it must do the same to the variable.
    const Instruction now = TRY(decode(fresh, function.name, offset));
    std::uint64_t target = 0;
    const auto memory = std::ranges::find(now.all(), ZYDIS_OPERAND_TYPE_MEMORY, &ZydisDecodedOperand::type);
    if (fresh.size() != bytes.size() || now.decoded.length != bytes.size() ||
        now.decoded.mnemonic != old.decoded.mnemonic || uses_segment(now) || memory == now.all().end() ||
        !ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&now.decoded, &*memory, function.address + offset, &target)) ||
        target != guard_)
      return refuse(std::format("the stack protector's access at {}+{:#x} can't be redirected", function.name, offset));
    std::ranges::copy(fresh, bytes.begin());
    return true;
  }

  LinkedImage& image_;
  std::uint32_t guard_;
  std::uint32_t redirected_ = 0;
  ZydisDecoder decoder_;
};

}  // namespace

Result<std::uint32_t, Refusal> redirect_stack_guard(LinkedImage& image, std::string_view symbol) {
  if (image.machine != Machine::x64) return refuse("a stack guard is redirected for x86-64 only");
  const auto guard = std::ranges::find(image.symbols, symbol, &Symbol::name);
  if (guard == image.symbols.end()) return refuse(std::format("there is no variable {}", symbol));
  const bool in_data = std::ranges::any_of(image.segments, [&](const Segment& segment) {
    return segment.access != Access::execute && guard->address >= segment.address &&
           guard->address - segment.address + std::uint64_t{guard_size} <= segment.data.size();
  });
  if (guard->is_function || guard->size != guard_size || !in_data)
    return refuse(std::format("{} isn't a variable of {} bytes", symbol, guard_size));
  return Redirection(image, *guard).run();
}

}  // namespace redoubt::elf2pe
