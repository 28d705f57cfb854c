// SPDX-License-Identifier: BSD-2-Clause-Patent
// A GUIDed section of an unknown definition that needs no processing is read as it stands, which the specification
// allows (volume 3, 3.2.5.7, EFI_GUIDED_SECTION_PROCESSING_REQUIRED).
#include "image/encapsulation.hpp"

#include <lzma.h>

#include <format>

#include "image/brotli.hpp"
#include "image/efi_compression.hpp"
#include "image/lzma.hpp"
#include "image/names.hpp"

namespace redoubt::image {

Encapsulation encapsulation_of(const SectionView& section) {
  if (section.type() == abi::SectionType::disposable) {
    return Encapsulation::plain;
  }
  if (const auto compression = section.compression(); compression.has_value()) {
    switch (compression->type) {
      case abi::compression_none: return Encapsulation::plain;
      case abi::compression_standard: return Encapsulation::efi_standard;
      default: return Encapsulation::unknown;
    }
  }
  const auto guided = section.guided();
  if (!guided.has_value()) {
    return Encapsulation::none;
  }
  if (guided->definition == abi::section_lzma_guid) {
    return Encapsulation::lzma;
  }
  if (guided->definition == abi::section_lzma_x86_guid) {
    return Encapsulation::lzma_x86;
  }
  if (guided->definition == abi::section_tiano_guid) {
    return Encapsulation::tiano;
  }
  if (guided->definition == abi::section_brotli_guid) {
    return Encapsulation::brotli;
  }
  if (guided->definition == abi::section_crc32_guid) {
    return Encapsulation::crc32;
  }
  const bool encoded = (guided->attributes & abi::guided_section_processing_required) != 0;
  return encoded ? Encapsulation::unknown : Encapsulation::plain;
}

bool needs_decoding(Encapsulation encapsulation) {
  return encapsulation != Encapsulation::none && encapsulation != Encapsulation::plain &&
         encapsulation != Encapsulation::crc32;
}

std::string encoding_name(const SectionView& section) {
  switch (encapsulation_of(section)) {
    case Encapsulation::none:
    case Encapsulation::plain: return "none";
    case Encapsulation::efi_standard: return "UEFI standard compression";
    default: break;
  }
  if (const auto guided = section.guided()) {
    return definition_name(guided->definition);
  }
  const auto compression = section.compression();
  return std::format("compression type {:#04x}", compression.has_value() ? compression->type : 0);
}

ImageResult<std::vector<std::byte>> decode(const SectionView& section, std::uint64_t limit) {
  const Bytes payload = section.payload();
  const std::uint64_t origin = section.payload_offset();
  switch (encapsulation_of(section)) {
    case Encapsulation::lzma: return lzma_expand(payload, origin, limit, BranchFilter::none);
    case Encapsulation::lzma_x86: return lzma_expand(payload, origin, limit, BranchFilter::x86);
    case Encapsulation::tiano: return efi_expand(payload, origin, limit, EfiCompression::tiano);
    case Encapsulation::brotli: return brotli_expand(payload, origin, limit);
    case Encapsulation::efi_standard: {
      auto expanded = efi_expand(payload, origin, limit, EfiCompression::standard);
      const auto compression = section.compression();
      if (expanded.has_value() && compression.has_value() && expanded->size() != compression->uncompressed_length) {
        return malformed(section.offset(), "compressed section expands to another size than its header says");
      }
      return expanded;
    }
    default: return unsupported(section.offset(), "section is encoded in a way unknown here");
  }
}

bool crc32_is_right(const SectionView& section) {
  const auto guided = section.guided();
  if (!guided.has_value()) {
    return false;
  }
  const auto expected = read_at<std::uint32_t>(guided->between, 0);
  const Bytes data = section.payload();
  return expected.has_value() &&
         lzma_crc32(reinterpret_cast<const std::uint8_t*>(data.data()), data.size(), 0) == *expected;
}

}  // namespace redoubt::image
