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
#include <cstring>
#include <format>
#include <span>

namespace redoubt::elf2pe {
namespace {

constexpr std::uint8_t guard_offset = 0x28;  // in the thread control block
constexpr std::uint32_t guard_size = 8;
constexpr std::uint8_t fs_prefix = 0x64;
constexpr std::uint8_t ds_prefix = 0x3E;
constexpr std::uint8_t modrm_rip_relative = 0x05;  // mod 0, r/m 5
constexpr std::uint8_t modrm_sib = 0x04;           // mod 0, r/m 4
constexpr std::uint8_t modrm_register_mask = 0x38;
constexpr std::uint8_t sib_without_registers = 0x25;
constexpr std::size_t displacement_bytes = 4;

std::unexpected<LinkError> refuse(std::string reason) { return std::unexpected(LinkError{std::move(reason)}); }

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
  return memory != instruction.all().end() && memory->size == guard_size * 8 && decoded.address_width == 64 &&
         memory->mem.segment == ZYDIS_REGISTER_FS && memory->mem.base == ZYDIS_REGISTER_NONE &&
         memory->mem.index == ZYDIS_REGISTER_NONE && memory->mem.disp.value == guard_offset &&
         (memory->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0 && decoded.raw.prefix_count >= 1 &&
         decoded.raw.sib.offset == decoded.raw.modrm.offset + 1 && decoded.raw.disp.size == displacement_bytes * 8 &&
         decoded.raw.disp.offset == decoded.raw.sib.offset + 1;
}

// Whether both do the same with the same registers and numbers, wherever their memory is.
bool same_but_for_the_place(const Instruction& left, const Instruction& right) {
  return left.decoded.mnemonic == right.decoded.mnemonic &&
         std::ranges::equal(left.all(), right.all(), [](const ZydisDecodedOperand& a, const ZydisDecodedOperand& b) {
           if (a.type != b.type || a.size != b.size || a.actions != b.actions) return false;
           if (a.type == ZYDIS_OPERAND_TYPE_REGISTER) return a.reg.value == b.reg.value;
           return a.type != ZYDIS_OPERAND_TYPE_IMMEDIATE || a.imm.value.u == b.imm.value.u;
         });
}

// From the first byte to the one behind the last.
struct Range {
  std::uint64_t start;
  std::uint64_t end;
};

class Redirection {
 public:
  Redirection(LinkedImage& image, const Symbol& guard) : image_(image), guard_(guard.address) {
    ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  }

  Result<std::uint32_t, LinkError> run() {
    for (Segment& segment : image_.segments) {
      if (segment.access == Access::execute) TRY(run(segment));
    }
    TRY(check_entries());
    TRY(check_references());
    for (const Segment& segment : image_.segments) {
      if (segment.access == Access::execute) TRY(check_nothing_left(segment));
    }
    return static_cast<std::uint32_t>(rewritten_.size());
  }

 private:
  // Functions in ascending order; several names may stand for one, and one may begin inside another.
  Result<bool, LinkError> run(Segment& segment) {
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

  Result<Instruction, LinkError> decode(std::span<const std::uint8_t> code, std::string_view where,
                                        std::uint64_t offset) const {
    Instruction instruction;
    if (!ZYAN_SUCCESS(
            ZydisDecoderDecodeFull(&decoder_, code.data(), code.size(), &instruction.decoded, instruction.operands)))
      return refuse(std::format("no instruction at {}+{:#x}", where, offset));
    return instruction;
  }

  // Between functions there is nothing but zeroes, INT3 and NOP.
  Result<bool, LinkError> check_padding(const Segment& segment, std::uint64_t from, std::uint64_t to) const {
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

  Result<bool, LinkError> redirect(Segment& segment, const Symbol& function) {
    const auto code = std::span(segment.data).subspan(function.address - segment.address, function.size);
    for (std::size_t offset = 0; offset < code.size();) {
      const Instruction instruction = TRY(decode(code.subspan(offset), function.name, offset));
      const std::size_t length = instruction.decoded.length;
      const std::uint64_t address = function.address + offset;
      starts_.push_back(address);
      note_references(instruction, address);
      if (uses_segment(instruction)) {
        if (!is_guard_access(instruction))
          return refuse(
              std::format("use of FS or GS that isn't the stack protector's, at {}+{:#x}", function.name, offset));
        TRY(rewrite(code.subspan(offset, length), instruction, function, offset));
        rewritten_.push_back({address, address + length});
      }
      offset += length;
    }
    return true;
  }

  Result<bool, LinkError> rewrite(std::span<std::uint8_t> bytes, const Instruction& old, const Symbol& function,
                                  std::size_t offset) const {
    const std::uint64_t start = function.address + offset;
    constexpr std::uint32_t fixup_size = 8;
    if (std::ranges::any_of(image_.fixups, [&](std::uint32_t fixup) {
          return fixup < start + bytes.size() && std::uint64_t{fixup} + fixup_size > start;
        }))
      return refuse(std::format("a relocation in the stack protector's access at {}+{:#x}", function.name, offset));
    const auto next = static_cast<std::int64_t>(start + bytes.size());
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
    if (fresh.size() != bytes.size() || now.decoded.length != bytes.size() || !same_but_for_the_place(now, old) ||
        uses_segment(now) || memory == now.all().end() ||
        !ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&now.decoded, &*memory, function.address + offset, &target)) ||
        target != guard_)
      return refuse(std::format("the stack protector's access at {}+{:#x} can't be redirected", function.name, offset));
    std::ranges::copy(fresh, bytes.begin());
    return true;
  }

  // Where the instruction leads, or where it reads, when that's a fixed place.
  void note_references(const Instruction& instruction, std::uint64_t address) {
    for (const ZydisDecodedOperand& operand : instruction.all()) {
      std::uint64_t target = 0;
      if (!ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&instruction.decoded, &operand, address, &target))) continue;
      if (operand.type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        branches_.push_back({address, target});
      } else if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.base == ZYDIS_REGISTER_RIP) {
        places_.push_back({address, target});
      }
    }
  }

  bool is_code(std::uint64_t address) const {
    return std::ranges::any_of(image_.segments, [&](const Segment& segment) {
      return segment.access == Access::execute && address >= segment.address &&
             address - segment.address < segment.data.size();
    });
  }

  // Data between instructions would let decoding run out of step: then what is jumped to isn't where one begins.
  Result<bool, LinkError> check_entries() const {
    const auto is_start = [this](std::uint64_t address) { return std::ranges::binary_search(starts_, address); };
    if (!is_start(image_.entry)) return refuse("the entry point is inside an instruction");
    for (const Symbol& function : image_.symbols) {
      if (function.is_function && function.size != 0 && is_code(function.address) && !is_start(function.address))
        return refuse(std::format("function {} begins inside an instruction", function.name));
    }
    for (const auto& [from, to] : branches_) {
      if (is_code(to) && !is_start(to))
        return refuse(std::format("the branch at {:#x} leads to {:#x}, where no instruction begins", from, to));
    }
    return true;
  }

  // Nothing may refer to the inside of an access: neither code that reads it, nor an address in a table.
  Result<bool, LinkError> check_references() const {
    const auto is_inside = [this](std::uint64_t address) {
      const auto after = std::ranges::upper_bound(rewritten_, address, {}, &Range::start);
      return after != rewritten_.begin() && address > std::prev(after)->start && address < std::prev(after)->end;
    };
    for (const auto& [from, to] : places_) {
      if (is_inside(to))
        return refuse(std::format("the instruction at {:#x} refers to a part of the stack protector's access", from));
    }
    for (const std::uint32_t fixup : image_.fixups) {
      if (is_inside(value_at(fixup)))
        return refuse(std::format("the address at {:#x} is of a part of the stack protector's access", fixup));
    }
    return true;
  }

  // What a fixup has relocated for base 0; the reader has checked that it's in a segment.
  std::uint64_t value_at(std::uint32_t fixup) const {
    std::uint64_t value = 0;
    for (const Segment& segment : image_.segments) {
      if (fixup >= segment.address && fixup - segment.address + sizeof(value) <= segment.data.size())
        std::memcpy(&value, segment.data.data() + (fixup - segment.address), sizeof(value));
    }
    return value;
  }

  // The last resort, should all this have been deceived: the bytes of such an access, wherever they are in code.
  static Result<bool, LinkError> check_nothing_left(const Segment& segment) {
    constexpr std::uint8_t tail[] = {sib_without_registers, guard_offset, 0, 0, 0};
    constexpr std::ptrdiff_t most_before_modrm = 4;  // prefixes and opcode
    for (auto rest = std::ranges::search(segment.data, tail); !rest.empty();
         rest = std::ranges::search(std::ranges::subrange(rest.begin() + 1, segment.data.end()), tail)) {
      const std::ptrdiff_t modrm = rest.begin() - segment.data.begin() - 1;
      if (modrm < 1 || (segment.data[static_cast<std::size_t>(modrm)] & ~modrm_register_mask) != modrm_sib) continue;
      const auto first = segment.data.begin() + std::max<std::ptrdiff_t>(0, modrm - most_before_modrm);
      if (std::find(first, segment.data.begin() + modrm, fs_prefix) != segment.data.begin() + modrm)
        return refuse(std::format("what looks like an access of FS:0x28 is left at {:#x}",
                                  segment.address + static_cast<std::uint64_t>(modrm)));
    }
    return true;
  }

  struct Reference {
    std::uint64_t from;
    std::uint64_t to;
  };

  LinkedImage& image_;
  std::uint32_t guard_;
  ZydisDecoder decoder_;
  // All ascending, by where they are.
  std::vector<std::uint64_t> starts_;  // of the functions' instructions
  std::vector<Range> rewritten_;
  std::vector<Reference> branches_;
  std::vector<Reference> places_;
};

}  // namespace

Result<std::uint32_t, LinkError> redirect_stack_guard(LinkedImage& image, std::string_view symbol) {
  if (image.machine != Machine::x64) return refuse("a stack guard is redirected for x86-64 only");
  const auto guard = std::ranges::find(image.symbols, symbol, &Symbol::name);
  if (guard == image.symbols.end()) return refuse(std::format("there is no variable {}", symbol));
  if (std::ranges::count(image.symbols, symbol, &Symbol::name) != 1)
    return refuse(std::format("there is more than one {}", symbol));
  const bool in_data = std::ranges::any_of(image.segments, [&](const Segment& segment) {
    return segment.access == Access::read_write && guard->address >= segment.address &&
           guard->address - segment.address + std::uint64_t{guard_size} <= segment.data.size();
  });
  if (guard->is_function || guard->size != guard_size || !in_data)
    return refuse(std::format("{} isn't a variable of {} bytes that can be written", symbol, guard_size));
  return Redirection(image, *guard).run();
}

}  // namespace redoubt::elf2pe
