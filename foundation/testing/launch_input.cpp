// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/testing/launch_input.hpp"

#include <algorithm>
#include <cstring>

#include "abi/pe/pe.hpp"

namespace redoubt::foundation::testing {
namespace {

namespace pe = abi::pe;

template <typename T>
void append(ByteVector& bytes, const T& value) {
  const auto* begin = reinterpret_cast<const std::byte*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof(value));
}

void append(ByteVector& bytes, const ByteVector& more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

template <typename T>
void put(ByteVector& bytes, std::size_t at, const T& value) {
  if (bytes.size() < at + sizeof(value)) bytes.resize(at + sizeof(value));
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

void put_bytes(ByteVector& bytes, std::size_t at, const ByteVector& more) {
  if (bytes.size() < at + more.size()) bytes.resize(at + more.size());
  std::ranges::copy(more, bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

void pad(ByteVector& bytes, std::size_t alignment, std::byte with = std::byte{0}) {
  while (bytes.size() % alignment != 0) bytes.push_back(with);
}

}  // namespace

ByteVector pe_image(const ImageRecipe& recipe) {
  constexpr std::uint32_t headers = 0x400;
  const std::uint32_t text_rva = std::max<std::uint32_t>(recipe.alignment, headers);
  const auto align = [&](std::uint32_t value) { return (value + recipe.alignment - 1) & ~(recipe.alignment - 1); };
  const auto size = [](const ByteVector& bytes) {
    return std::max<std::uint32_t>(static_cast<std::uint32_t>(bytes.size()), 16);
  };
  const std::uint32_t data_rva = align(text_rva + size(recipe.text));

  ByteVector data = recipe.data;
  ByteVector relocations;
  if (!recipe.pointers.empty()) {
    append(relocations, pe::RelocationBlock{data_rva & ~0xFFFU, 0});
    for (const std::uint32_t pointer : recipe.pointers) {
      const std::uint32_t in_page = (data_rva & 0xFFF) + pointer;
      append(relocations, static_cast<std::uint16_t>(10U << 12 | in_page));
    }
    pad(relocations, 4);
    put(relocations, 4, static_cast<std::uint32_t>(relocations.size()));
  }
  const std::uint32_t reloc_rva = align(data_rva + size(data));
  const std::uint32_t image_size = align(reloc_rva + size(relocations));

  ByteVector bytes(image_size);
  pe::DosHeader dos{};
  dos.signature = pe::dos_signature;
  dos.new_header_offset = 0x80;
  put(bytes, 0, dos);
  std::size_t at = 0x80;
  put(bytes, at, pe::nt_signature);
  at += 4;
  pe::CoffHeader coff{};
  coff.machine = recipe.machine;
  coff.section_count = 3;
  coff.optional_header_size = sizeof(pe::OptionalHeader64) + 16 * sizeof(pe::DataDirectory);
  coff.characteristics = pe::file_executable | pe::file_large_address_aware;
  put(bytes, at, coff);
  at += sizeof(coff);
  pe::OptionalHeader64 optional{};
  optional.magic = pe::optional_magic_64;
  optional.entry_point = text_rva;
  optional.code_base = text_rva;
  optional.section_alignment = recipe.alignment;
  optional.file_alignment = recipe.alignment;
  optional.image_size = image_size;
  optional.headers_size = headers;
  optional.subsystem = pe::subsystem_runtime_driver;
  optional.directory_count = 16;
  put(bytes, at, optional);
  at += sizeof(optional);
  put(bytes, at + pe::directory_relocations * sizeof(pe::DataDirectory),
      pe::DataDirectory{relocations.empty() ? 0 : reloc_rva, static_cast<std::uint32_t>(relocations.size())});
  at += 16 * sizeof(pe::DataDirectory);
  const auto add_section = [&](const char* name, std::uint32_t rva, const ByteVector& contents,
                               std::uint32_t characteristics) {
    pe::SectionHeader header{};
    std::memcpy(header.name, name, std::strlen(name));
    header.virtual_size = size(contents);
    header.rva = rva;
    header.raw_size = static_cast<std::uint32_t>(contents.size());
    header.raw_offset = rva;
    header.characteristics = characteristics;
    put(bytes, at, header);
    at += sizeof(header);
    put_bytes(bytes, rva, contents);
  };
  add_section(
      ".text", text_rva, recipe.text,
      pe::section_code | pe::section_execute | pe::section_read | (recipe.writable_text ? pe::section_write : 0));
  add_section(".data", data_rva, data, pe::section_initialized_data | pe::section_read | pe::section_write);
  add_section(".reloc", reloc_rva, relocations,
              pe::section_initialized_data | pe::section_read | pe::section_discardable);
  return bytes;
}

Depex& Depex::opcode(abi::DepexOpcode op, const abi::Guid* guid) {
  append(bytes_, op);
  if (guid != nullptr) append(bytes_, *guid);
  return *this;
}

ByteVector hob_list(const std::vector<ByteVector>& hobs) {
  ByteVector bytes;
  abi::HobHandoff handoff{};
  handoff.header = {abi::HobType::handoff, sizeof(abi::HobHandoff), 0};
  handoff.version = 9;
  handoff.memory_top = 0x20000000;
  append(bytes, handoff);
  for (const ByteVector& hob : hobs) append(bytes, hob);
  append(bytes, abi::HobHeader{abi::HobType::end_of_list, sizeof(abi::HobHeader), 0});
  return bytes;
}

ByteVector guid_hob(const abi::Guid& name, const ByteVector& data) {
  ByteVector bytes;
  append(bytes, abi::HobGuid{{abi::HobType::guid_extension, 0, 0}, name});
  append(bytes, data);
  pad(bytes, 8);
  put(bytes, 2, static_cast<std::uint16_t>(bytes.size()));
  return bytes;
}

ByteVector resource_hob(std::uint64_t start, std::uint64_t length) {
  abi::HobResourceDescriptor hob{};
  hob.header = {abi::HobType::resource_descriptor, sizeof(hob), 0};
  hob.start = start;
  hob.length = length;
  ByteVector bytes;
  append(bytes, hob);
  return bytes;
}

ByteVector memory_allocation_hob(std::uint64_t base, std::uint64_t length) {
  ByteVector bytes;
  append(bytes, abi::HobHeader{abi::HobType::memory_allocation, 48, 0});
  append(bytes, abi::Guid{});
  append(bytes, base);
  append(bytes, length);
  append(bytes, std::uint64_t{4});
  return bytes;
}

ByteVector volume_hob(std::uint64_t base, std::uint64_t length) {
  ByteVector bytes;
  append(bytes, abi::HobHeader{abi::HobType::firmware_volume, 24, 0});
  append(bytes, base);
  append(bytes, length);
  return bytes;
}

}  // namespace redoubt::foundation::testing
