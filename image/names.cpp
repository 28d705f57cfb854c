// SPDX-License-Identifier: BSD-2-Clause-Patent
// The words follow the PI specification's, shortened.
#include "image/names.hpp"

#include <format>

#include "abi/uefi/guid_text.hpp"

namespace redoubt::image {

std::string type_name(abi::FileType type) {
  switch (type) {
    case abi::FileType::raw: return "raw";
    case abi::FileType::freeform: return "freeform";
    case abi::FileType::security_core: return "SEC core";
    case abi::FileType::pei_core: return "PEI core";
    case abi::FileType::dxe_core: return "DXE core";
    case abi::FileType::peim: return "PEIM";
    case abi::FileType::driver: return "DXE driver";
    case abi::FileType::combined_peim_driver: return "PEIM and DXE driver";
    case abi::FileType::application: return "application";
    case abi::FileType::mm: return "Traditional MM driver";
    case abi::FileType::firmware_volume_image: return "volume image";
    case abi::FileType::combined_mm_dxe: return "combined MM and DXE driver";
    case abi::FileType::mm_core: return "Traditional MM core";
    case abi::FileType::mm_standalone: return "Standalone MM driver";
    case abi::FileType::mm_core_standalone: return "Standalone MM core";
    case abi::FileType::pad: return "pad";
    default: return std::format("type {:#04x}", static_cast<unsigned>(type));
  }
}

std::string type_name(abi::SectionType type) {
  switch (type) {
    case abi::SectionType::compression: return "compression";
    case abi::SectionType::guid_defined: return "GUIDed";
    case abi::SectionType::disposable: return "disposable";
    case abi::SectionType::pe32: return "PE32";
    case abi::SectionType::position_independent: return "PIC";
    case abi::SectionType::te: return "TE";
    case abi::SectionType::dxe_depex: return "DXE depex";
    case abi::SectionType::version: return "version";
    case abi::SectionType::user_interface: return "user interface";
    case abi::SectionType::compatibility16: return "16-bit";
    case abi::SectionType::firmware_volume_image: return "volume image";
    case abi::SectionType::freeform_subtype_guid: return "freeform subtype";
    case abi::SectionType::raw: return "raw";
    case abi::SectionType::pei_depex: return "PEI depex";
    case abi::SectionType::mm_depex: return "MM depex";
    default: return std::format("type {:#04x}", static_cast<unsigned>(type));
  }
}

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case abi::pe::machine_ia32: return "IA32";
    case abi::pe::machine_x64: return "X64";
    case abi::pe::machine_ebc: return "EBC";
    case abi::pe::machine_arm_thumb: return "ARM";
    case abi::pe::machine_arm64: return "AARCH64";
    case abi::pe::machine_riscv64: return "RISCV64";
    case abi::pe::machine_loongarch64: return "LOONGARCH64";
    default: return std::format("machine {:#06x}", machine);
  }
}

const char* format_name(ExecutableFormat format) {
  switch (format) {
    case ExecutableFormat::pe32: return "PE32";
    case ExecutableFormat::pe32_plus: return "PE32+";
    case ExecutableFormat::te: return "TE";
  }
  return "unknown";
}

std::string definition_name(const abi::Guid& definition) {
  if (definition == abi::section_lzma_guid) {
    return "LZMA";
  }
  if (definition == abi::section_lzma_x86_guid) {
    return "LZMA with x86 filter";
  }
  if (definition == abi::section_crc32_guid) {
    return "CRC-32";
  }
  if (definition == abi::section_tiano_guid) {
    return "Tiano";
  }
  if (definition == abi::section_brotli_guid) {
    return "Brotli";
  }
  return std::string(abi::to_text(definition).view());
}

}  // namespace redoubt::image
