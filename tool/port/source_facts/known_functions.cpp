// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/source_facts/known_functions.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

namespace redoubt::tool::port {
namespace {

using Name = std::string_view;

bool is_one_of(Name name, std::initializer_list<Name> names) { return std::ranges::find(names, name) != names.end(); }

/// Whether a name is `prefix` followed by nothing but a width (8, 16, 32 or 64).
bool has_width_after(Name name, Name prefix) {
  return name.starts_with(prefix) && is_one_of(name.substr(prefix.size()), {"8", "16", "32", "64"});
}

/// IoLib's and PciLib's scheme: Io + (Read|Write|Or|And|AndThenOr|BitField...) + width, and the FIFO and buffer forms.
bool is_access_family(Name name, Name family) {
  if (!name.starts_with(family)) {
    return false;
  }
  const Name rest = name.substr(family.size());
  for (Name operation : {"Read", "Write", "Or", "And", "AndThenOr", "BitFieldRead", "BitFieldWrite", "BitFieldOr",
                         "BitFieldAnd", "BitFieldAndThenOr", "ReadFifo", "WriteFifo", "ReadBuffer", "WriteBuffer"}) {
    if (has_width_after(rest, operation) || (operation.ends_with("Buffer") && rest == operation)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string_view privileged_call(Name name) {
  if (name.starts_with("AsmReadMsr") || name.starts_with("AsmWriteMsr") || name.starts_with("AsmMsr") ||
      is_one_of(name, {"__readmsr", "__writemsr", "AsmReadPmc", "AsmXSetBv", "AsmXGetBv"})) {
    return name == "AsmXGetBv" ? "" : "msr";
  }
  for (Name prefix : {"AsmReadCr", "AsmWriteCr", "__readcr", "__writecr"}) {
    if (name.starts_with(prefix)) {
      return "control_register";
    }
  }
  for (Name prefix : {"AsmReadDr", "AsmWriteDr", "__readdr", "__writedr"}) {
    if (name.starts_with(prefix)) {
      return "debug_register";
    }
  }
  if (is_one_of(name, {"AsmReadGdtr", "AsmWriteGdtr", "AsmReadIdtr", "AsmWriteIdtr", "AsmReadLdtr", "AsmWriteLdtr",
                       "AsmReadTr", "AsmWriteTr", "__sidt", "__lidt", "_sgdt", "_lgdt"})) {
    return "descriptor_table";
  }
  if (is_one_of(name, {"EnableInterrupts", "DisableInterrupts", "SaveAndDisableInterrupts", "EnableDisableInterrupts",
                       "SetInterruptState", "_enable", "_disable"})) {
    return "interrupts";
  }
  if (is_access_family(name, "Io") || has_width_after(name, "S3IoRead") || has_width_after(name, "S3IoWrite") ||
      is_one_of(name, {"__inbyte", "__inword", "__indword", "__outbyte", "__outword", "__outdword", "inb", "outb"})) {
    return "port_io";
  }
  if (is_access_family(name, "Mmio")) {
    return "mmio";
  }
  for (Name family : {"Pci", "PciCf8", "PciExpress", "PciSegment"}) {
    if (is_access_family(name, family)) {
      return "pci";
    }
  }
  if (is_one_of(name, {"AsmWbinvd", "AsmInvd", "__wbinvd", "WriteBackInvalidateDataCache", "InvalidateDataCache",
                       "WriteBackDataCache", "InvalidateInstructionCache"})) {
    return "cache";
  }
  if (is_one_of(name, {"CpuFlushTlb", "AsmInvlpg", "__invlpg"})) {
    return "tlb";
  }
  if (is_one_of(name, {"CpuSleep", "__halt", "AsmMonitor", "AsmMwait"})) {
    return "halt";
  }
  for (Name prefix :
       {"AsmEnablePaging", "AsmDisablePaging", "AsmPrepareThunk16", "AsmThunk16", "AsmPrepareAndThunk16"}) {
    if (name.starts_with(prefix)) {
      return "paging";
    }
  }
  return "";
}

std::string_view privileged_instruction(Name mnemonic, Name operands) {
  // AT&T syntax puts the width of the operand behind some of them.
  Name plain = mnemonic;
  const auto is = [&](std::initializer_list<Name> names) { return is_one_of(plain, names); };
  if (is({"rdmsr", "wrmsr", "rdpmc", "xsetbv", "wrmsrns"})) {
    return "msr";
  }
  if (is({"in", "inb", "inw", "inl", "out", "outb", "outw", "outl", "ins", "insb", "insw", "insd", "insl", "outs",
          "outsb", "outsw", "outsd", "outsl"})) {
    return "port_io";
  }
  if (is({"cli", "sti", "popf", "popfq", "popfd"})) {
    return plain.starts_with("pop") ? "" : "interrupts";
  }
  if (is({"hlt", "monitor", "mwait"})) {
    return "halt";
  }
  if (is({"lgdt", "lidt", "lldt", "ltr", "sgdt", "sidt", "sldt", "str", "lgdtq", "lidtq", "sgdtq", "sidtq"})) {
    return "descriptor_table";
  }
  if (is({"invd", "wbinvd", "wbnoinvd"})) {
    return "cache";
  }
  if (is({"invlpg", "invpcid"})) {
    return "tlb";
  }
  if (is({"clts", "lmsw", "smsw"})) {
    return "control_register";
  }
  if (is({"rsm", "swapgs", "sysret", "sysretq", "sysexit", "vmcall", "vmmcall", "vmlaunch", "vmresume", "vmxon",
          "vmread", "vmwrite", "getsec", "clac", "stac", "wrssq", "setssbsy", "clrssbsy", "incsspq"})) {
    return plain.starts_with("incssp") ? "" : "mode";
  }
  if (is({"mov", "movq", "movl"})) {
    for (std::size_t at = 0; at + 2 < operands.size() + 0U; ++at) {
      const bool starts = at == 0 || std::isalnum(static_cast<unsigned char>(operands[at - 1])) == 0;
      if (starts && operands[at + 1] == 'r' && std::isdigit(static_cast<unsigned char>(operands[at + 2])) != 0) {
        const bool ends = at + 3 >= operands.size() || std::isalpha(static_cast<unsigned char>(operands[at + 3])) == 0;
        if (ends && operands[at] == 'c') {
          return "control_register";
        }
        if (ends && operands[at] == 'd') {
          return "debug_register";
        }
      }
    }
  }
  return "";
}

std::optional<MemoryCall> memory_call(Name name) {
  if (is_one_of(name, {"FreePool", "FreePages", "FreeAlignedPages"})) {
    return MemoryCall{true, {}};
  }
  if (!name.starts_with("Allocate") && !name.starts_with("Reallocate")) {
    return std::nullopt;
  }
  Name rest = name.substr(name.find("llocate") + 7);
  MemoryCall call;
  if (rest.starts_with("Aligned")) {
    rest.remove_prefix(7);
  }
  if (rest.starts_with("Runtime")) {
    call.memory_type = "EfiRuntimeServicesData";
    rest.remove_prefix(7);
  } else if (rest.starts_with("Reserved")) {
    call.memory_type = "EfiReservedMemoryType";
    rest.remove_prefix(8);
  }
  if (is_one_of(rest, {"Pool", "ZeroPool", "CopyPool", "Pages"})) {
    return call;
  }
  return std::nullopt;
}

std::optional<Validation> validation(Name name) {
  if (is_one_of(name, {"SmmIsBufferOutsideSmmValid", "MmIsBufferOutsideMmValid", "MmCommBufferValid", "SmmIsMmioValid",
                       "MmIsMmioValid"})) {
    return Validation{0, true};
  }
  // SmmMemLib's copies check the side that has to be outside and fail with a status.
  if (is_one_of(name, {"SmmCopyMemToSmram", "MmCopyMemToMmram"})) {
    return Validation{1, false};
  }
  if (is_one_of(name, {"SmmCopyMemFromSmram", "MmCopyMemFromMmram", "SmmSetMem", "MmSetMem"})) {
    return Validation{0, false};
  }
  return std::nullopt;
}

std::optional<MemoryUse> memory_use(Name name) {
  if (is_one_of(name, {"CopyMem", "memcpy", "memmove", "__builtin_memcpy", "__builtin_memmove", "CopyGuid",
                       "SmmCopyMem", "MmCopyMem"})) {
    return MemoryUse{1, -1, 0, 1};
  }
  // The side in MMRAM is used; the other one is checked by the function itself.
  if (is_one_of(name, {"SmmCopyMemToSmram", "MmCopyMemToMmram"})) {
    return MemoryUse{-1, -1, 0, 1};
  }
  if (is_one_of(name, {"SmmCopyMemFromSmram", "MmCopyMemFromMmram"})) {
    return MemoryUse{1, -1, -1, -1};
  }
  if (is_one_of(name, {"SetMem", "SetMem16", "SetMem32", "SetMem64", "ZeroMem", "memset", "__builtin_memset"})) {
    return MemoryUse{-1, -1, 0, -1};
  }
  if (is_one_of(name, {"CompareMem", "CompareGuid", "memcmp", "StrCmp", "StrnCmp", "AsciiStrCmp", "AsciiStrnCmp"})) {
    return MemoryUse{0, 1, -1, -1};
  }
  if (is_one_of(name, {"StrLen", "StrSize", "StrnLenS", "StrnSizeS", "AsciiStrLen", "AsciiStrSize", "AsciiStrnLenS",
                       "CalculateCrc32", "CalculateSum8", "CalculateCheckSum8", "IsZeroBuffer", "IsZeroGuid",
                       "ScanMem8", "ReadUnaligned16", "ReadUnaligned32", "ReadUnaligned64"})) {
    return MemoryUse{0, -1, -1, -1};
  }
  if (is_one_of(name, {"WriteUnaligned16", "WriteUnaligned32", "WriteUnaligned64"})) {
    return MemoryUse{-1, -1, 0, -1};
  }
  if (is_one_of(name, {"StrCpyS", "AsciiStrCpyS", "StrCatS", "AsciiStrCatS", "StrnCpyS", "AsciiStrnCpyS"})) {
    return MemoryUse{2, -1, 0, 2};
  }
  return std::nullopt;
}

std::optional<EventCall> event_call(Name name) {
  static constexpr std::pair<Name, EventCall> calls[] = {
      {"EfiCreateProtocolNotifyEvent", {0, 2, "protocol_notify"}},
      {"EfiNamedEventListen", {0, 2, "protocol_notify"}},
      {"EfiNamedEventSignal", {0, -1, "signal"}},
      {"EfiEventGroupSignal", {0, -1, "signal"}},
      {"EfiCreateEventLegacyBoot", {-1, -1, "create"}},
      {"EfiCreateEventLegacyBootEx", {-1, 1, "create"}},
      {"EfiCreateEventReadyToBoot", {-1, -1, "create"}},
      {"EfiCreateEventReadyToBootEx", {-1, 1, "create"}},
      {"EfiSignalEventReadyToBoot", {-1, -1, "signal"}},
      {"EfiSignalEventLegacyBoot", {-1, -1, "signal"}},
  };
  for (const auto& [known, call] : calls) {
    if (known == name) {
      return call;
    }
  }
  return std::nullopt;
}

bool is_save_state_call(Name name) {
  return is_one_of(name, {"MmSaveStateReadRegister", "MmSaveStateWriteRegister", "SmmCpuFeaturesReadSaveStateRegister",
                          "SmmCpuFeaturesWriteSaveStateRegister", "MmSaveStateGetRegisterLma"});
}

}  // namespace redoubt::tool::port
