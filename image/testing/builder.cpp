// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "image/testing/builder.hpp"

#include <brotli/encode.h>
#include <lzma.h>

#include <algorithm>
#include <stdexcept>

namespace redoubt::image::testing {

namespace {

constexpr std::uint32_t file_align = 0x200;
constexpr std::size_t nt_offset = 0x40;

std::uint32_t raw_offset(std::uint32_t section_index) { return 0x400 + section_index * file_align; }

}  // namespace

Buffer lzma_section(const Buffer& data) {
  lzma_options_lzma options{};
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_lzma_preset(&options, 1) || lzma_alone_encoder(&stream, &options) != LZMA_OK) {
    throw std::runtime_error("cannot start LZMA");
  }
  Buffer out(data.size() + data.size() / 8 + 1024);
  stream.next_in = reinterpret_cast<const std::uint8_t*>(data.data());
  stream.avail_in = data.size();
  stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
  stream.avail_out = out.size();
  const lzma_ret status = lzma_code(&stream, LZMA_FINISH);
  out.resize(out.size() - stream.avail_out);
  lzma_end(&stream);
  if (status != LZMA_STREAM_END) {
    throw std::runtime_error("cannot compress");
  }
  put(out, 5, std::uint64_t{data.size()});
  return guided_section(abi::section_lzma_guid, abi::guided_section_processing_required, {}, out);
}

Buffer brotli_section(const Buffer& data) {
  Buffer out;
  put(out, 0, std::uint64_t{data.size()});
  put(out, 8, std::uint64_t{1} << 20);  // memory of a decoder that allocates from a given buffer
  const std::size_t header = out.size();
  std::size_t size = BrotliEncoderMaxCompressedSize(data.size());
  out.resize(header + size);
  if (BrotliEncoderCompress(5, BROTLI_DEFAULT_WINDOW, BROTLI_DEFAULT_MODE, data.size(),
                            reinterpret_cast<const std::uint8_t*>(data.data()), &size,
                            reinterpret_cast<std::uint8_t*>(out.data() + header)) == BROTLI_FALSE) {
    throw std::runtime_error("cannot compress");
  }
  out.resize(header + size);
  return guided_section(abi::section_brotli_guid, abi::guided_section_processing_required, {}, out);
}

Buffer depex(const std::vector<DepexTerm>& terms) {
  Buffer result;
  for (const DepexTerm& term : terms) {
    put(result, result.size(), term.opcode);
    if (term.opcode == abi::DepexOpcode::push || term.opcode == abi::DepexOpcode::before ||
        term.opcode == abi::DepexOpcode::after) {
      put(result, result.size(), term.guid);
    }
  }
  return result;
}

std::size_t pe_section_header(const PeOptions& options, std::size_t index) {
  const std::size_t optional =
      options.pe32_plus ? sizeof(abi::pe::OptionalHeader64) : sizeof(abi::pe::OptionalHeader32);
  return nt_offset + 4 + sizeof(abi::pe::CoffHeader) + optional + 16 * sizeof(abi::pe::DataDirectory) +
         index * sizeof(abi::pe::SectionHeader);
}

namespace {

template <typename OptionalHeader>
OptionalHeader optional_header(const PeOptions& options, std::uint16_t magic) {
  OptionalHeader header{};
  header.magic = magic;
  header.entry_point = pe_entry;
  header.image_base = static_cast<decltype(header.image_base)>(options.image_base);
  header.section_alignment = 0x1000;
  header.file_alignment = file_align;
  header.image_size = pe_image_size;
  header.headers_size = 0x400;
  header.subsystem = abi::pe::subsystem_boot_service_driver;
  header.directory_count = 16;
  return header;
}

}  // namespace

Buffer pe_image(const PeOptions& options) {
  namespace pe = abi::pe;
  Buffer image;
  pe::DosHeader dos{};
  dos.signature = pe::dos_signature;
  dos.new_header_offset = nt_offset;
  put(image, 0, dos);
  put(image, nt_offset, pe::nt_signature);
  pe::CoffHeader coff{};
  coff.machine = options.machine;
  coff.section_count = 3;
  coff.characteristics = pe::file_executable;
  const std::size_t optional_position = nt_offset + 4 + sizeof(coff);
  const std::size_t optional_size = options.pe32_plus ? sizeof(pe::OptionalHeader64) : sizeof(pe::OptionalHeader32);
  coff.optional_header_size = static_cast<std::uint16_t>(optional_size + 16 * sizeof(pe::DataDirectory));
  put(image, nt_offset + 4, coff);
  if (options.pe32_plus) {
    put(image, optional_position, optional_header<pe::OptionalHeader64>(options, pe::optional_magic_64));
  } else {
    put(image, optional_position, optional_header<pe::OptionalHeader32>(options, pe::optional_magic_32));
  }
  put(image, optional_position + optional_size + pe::directory_relocations * sizeof(pe::DataDirectory),
      pe::DataDirectory{0x3000, 12});

  const pe::SectionHeader sections[3] = {{".text", 0x30, 0x1000, file_align, raw_offset(0), 0, 0, 0, 0,
                                          pe::section_code | pe::section_execute | pe::section_read},
                                         {".data", 0x100, 0x2000, 0x20, raw_offset(1), 0, 0, 0, 0,
                                          pe::section_initialized_data | pe::section_read | pe::section_write},
                                         {".reloc", 12, 0x3000, file_align, raw_offset(2), 0, 0, 0, 0,
                                          pe::section_initialized_data | pe::section_read | pe::section_discardable}};
  for (std::size_t i = 0; i < 3; ++i) {
    put(image, pe_section_header(options, i), sections[i]);
  }
  image.resize(raw_offset(3));
  std::fill_n(image.begin() + raw_offset(0), 0x30, std::byte{0xC3});
  const std::uint64_t pointer = options.image_base + pe_entry;
  if (options.pe32_plus) {
    put(image, raw_offset(1) + 8, pointer);
  } else {
    put(image, raw_offset(1) + 8, static_cast<std::uint32_t>(pointer));
  }
  put(image, raw_offset(2), pe::RelocationBlock{0x2000, 12});
  const unsigned type = options.pe32_plus ? 10 : 3;
  put(image, raw_offset(2) + 8, static_cast<std::uint16_t>(type << 12 | 0x008));
  put(image, raw_offset(2) + 10, std::uint16_t{0});  // padding
  return image;
}

Buffer te_image(const PeOptions& options) {
  namespace pe = abi::pe;
  const Buffer source = pe_image(options);
  const std::size_t stripped = pe_section_header(options, 0);
  pe::TeHeader header{};
  header.signature = pe::te_signature;
  header.machine = options.machine;
  header.section_count = 3;
  header.subsystem = static_cast<std::uint8_t>(pe::subsystem_boot_service_driver);
  header.stripped_size = static_cast<std::uint16_t>(stripped);
  header.entry_point = pe_entry;
  header.code_base = 0x1000;
  header.image_base = options.image_base;
  header.relocations = {0x3000, 12};
  Buffer result;
  put(result, 0, header);
  result.insert(result.end(), source.begin() + static_cast<std::ptrdiff_t>(stripped), source.end());
  return result;
}

}  // namespace redoubt::image::testing
