// SPDX-License-Identifier: BSD-2-Clause-Patent
// One pass over the code in order of addresses, with the registers and outgoing stack slots that hold addresses in the
// image. Calls forget what a callee may change (Microsoft x64 convention), jumps that don't come back forget all: what
// stands behind them is reached from elsewhere.
//
//   MmInstallProtocolInterface(handle, GUID, type, interface)              GUID in rdx
//   InstallProtocolInterface(handle, GUID, type, interface)                GUID in rdx
//   InstallMultipleProtocolInterfaces(handle, GUID, interface, GUID, ...)  rdx, r9, [rsp + 0x28], [rsp + 0x38], ...
#include "tool/depex/install_scan.hpp"

#include <Zydis/Zydis.h>

#include <array>
#include <map>
#include <optional>

#include "abi/pi/mm_system_table.hpp"
#include "abi/uefi/boot_services.hpp"

namespace redoubt::tool::depex {

namespace {

constexpr std::int64_t mm_install_offset = offsetof(abi::MmSystemTable, install_protocol_interface);
constexpr std::int64_t boot_install_offset = offsetof(abi::BootServices, install_protocol_interface);
// EFI_BOOT_SERVICES.InstallMultipleProtocolInterfaces (UEFI 2.10, 4.4.1): the 39th service behind the 24-byte header.
constexpr std::int64_t boot_install_multiple_offset = 328;
static_assert(boot_install_multiple_offset == offsetof(abi::BootServices, locate_protocol) + 8);

constexpr std::int64_t first_guid_slot = 0x28;  // of InstallMultiple...: behind home space and the fourth interface
constexpr std::int64_t guid_slot_step = 0x10;
constexpr int most_guid_slots = 8;

// Number of a general register whatever its width, or nothing.
std::optional<std::size_t> register_index(ZydisRegister reg) {
  const ZydisRegister full = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
  if (ZydisRegisterGetClass(full) != ZYDIS_REGCLASS_GPR64) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(ZydisRegisterGetId(full));
}

constexpr std::size_t rdx = 2;
constexpr std::size_t r9 = 9;
constexpr std::array<std::size_t, 7> volatile_registers = {0, 1, 2, 8, 9, 10, 11};

class Scanner {
 public:
  explicit Scanner(const image::ExecutableView& image) : image_(image) {
    ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  }

  void scan(const image::ExecutableSection& section) {
    forget_all();
    for (std::size_t position = 0; position < section.data.size();) {
      const Bytes rest = section.data.subspan(position);
      if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder_, rest.data(), rest.size(), &instruction_, operands_.data()))) {
        forget_all();
        ++position;
        continue;
      }
      step(section.rva + static_cast<std::uint32_t>(position));
      position += instruction_.length;
    }
  }

  std::vector<InstallCall> take() { return std::move(calls_); }

 private:
  void forget_all() {
    registers_.fill(std::nullopt);
    stack_.clear();
  }

  void step(std::uint32_t rva) {
    const bool call = instruction_.mnemonic == ZYDIS_MNEMONIC_CALL;
    const bool jump = instruction_.mnemonic == ZYDIS_MNEMONIC_JMP;
    if (call || jump) {
      note_install(rva, jump);
    }
    if (call) {
      for (const std::size_t index : volatile_registers) {
        registers_[index] = std::nullopt;
      }
      stack_.clear();
      return;
    }
    if (jump || instruction_.mnemonic == ZYDIS_MNEMONIC_RET || instruction_.mnemonic == ZYDIS_MNEMONIC_INT3) {
      forget_all();
      return;
    }
    const std::optional<std::uint32_t> value = value_moved(rva);
    for (const ZydisDecodedOperand& operand : std::span(operands_).first(instruction_.operand_count)) {
      if ((operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0) {
        continue;
      }
      if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
        if (const auto index = register_index(operand.reg.value)) {
          registers_[*index] = value;
        }
      } else if (const auto slot = stack_slot(operand)) {
        if (value.has_value()) {
          stack_[*slot] = *value;
        } else {
          stack_.erase(*slot);
        }
      }
    }
  }

  // The address in the image that a LEA or MOV puts into its first operand.
  std::optional<std::uint32_t> value_moved(std::uint32_t rva) const {
    const ZydisDecodedOperand& source = operands_[1];
    if (instruction_.mnemonic == ZYDIS_MNEMONIC_LEA && source.mem.base == ZYDIS_REGISTER_RIP) {
      return static_cast<std::uint32_t>(std::int64_t{rva} + instruction_.length + source.mem.disp.value);
    }
    if (instruction_.mnemonic == ZYDIS_MNEMONIC_MOV && source.type == ZYDIS_OPERAND_TYPE_REGISTER &&
        source.size == 64) {
      const auto index = register_index(source.reg.value);
      return index.has_value() ? registers_[*index] : std::nullopt;
    }
    return std::nullopt;
  }

  static std::optional<std::int64_t> stack_slot(const ZydisDecodedOperand& operand) {
    const bool plain = operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.base == ZYDIS_REGISTER_RSP &&
                       operand.mem.index == ZYDIS_REGISTER_NONE;
    return plain ? std::optional(operand.mem.disp.value) : std::nullopt;
  }

  void note_install(std::uint32_t rva, bool tail_call) {
    const ZydisDecodedOperand& target = operands_[0];
    if (target.type != ZYDIS_OPERAND_TYPE_MEMORY || target.mem.base == ZYDIS_REGISTER_NONE ||
        target.mem.base == ZYDIS_REGISTER_RIP || target.mem.base == ZYDIS_REGISTER_RSP ||
        target.mem.index != ZYDIS_REGISTER_NONE) {
      return;
    }
    const std::int64_t offset = target.mem.disp.value;
    if (offset == mm_install_offset || offset == boot_install_offset) {
      add(registers_[rdx], rva, offset == mm_install_offset);
    } else if (offset == boot_install_multiple_offset && !tail_call) {
      add(registers_[rdx], rva, false);
      add(registers_[r9], rva, false);
      for (int i = 0; i < most_guid_slots; ++i) {
        const auto slot = stack_.find(first_guid_slot + i * guid_slot_step);
        if (slot == stack_.end()) {
          break;
        }
        add(slot->second, rva, false);
      }
    }
  }

  void add(std::optional<std::uint32_t> guid_rva, std::uint32_t rva, bool in_mm) {
    if (!guid_rva.has_value()) {
      return;
    }
    const auto bytes = image_.file_bytes_at(*guid_rva, sizeof(abi::Guid));
    if (bytes.has_value()) {
      calls_.push_back({read_at<abi::Guid>(*bytes, 0).value(), rva, in_mm});
    }
  }

  const image::ExecutableView& image_;
  ZydisDecoder decoder_{};
  ZydisDecodedInstruction instruction_{};
  std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands_{};
  std::array<std::optional<std::uint32_t>, 16> registers_{};  // RVAs
  std::map<std::int64_t, std::uint32_t> stack_;               // RVAs, by offset from rsp
  std::vector<InstallCall> calls_;
};

}  // namespace

std::vector<InstallCall> find_install_calls(const image::ExecutableView& image) {
  if (image.machine() != abi::pe::machine_x64) {
    return {};
  }
  Scanner scanner(image);
  for (std::uint32_t i = 0; i < image.section_count(); ++i) {
    const image::ExecutableSection section = image.section(i);
    if (section.executable()) {
      scanner.scan(section);
    }
  }
  return scanner.take();
}

}  // namespace redoubt::tool::depex
