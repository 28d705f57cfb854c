// SPDX-License-Identifier: BSD-2-Clause-Patent
// The headers are written field after field in file order, which is how the format's tables read; the numbers at the
// line ends are offsets from the start of the structure.
#include "pe_writer.hpp"

#include <algorithm>
#include <bit>
#include <format>
#include <string_view>

#include "base/address.hpp"

namespace redoubt::elf2pe {
namespace {

constexpr std::uint32_t dos_header_size = 0x40;
constexpr std::uint32_t file_header_size = 4 + 20;  // signature included
constexpr std::uint32_t directory_count = 16;
constexpr std::uint32_t relocation_directory = 5;
constexpr std::uint32_t section_header_size = 40;

constexpr std::uint16_t relocation_absolute = 0;
constexpr std::uint16_t relocation_highlow = 3;
constexpr std::uint16_t relocation_dir64 = 10;

constexpr std::uint32_t contains_code = 0x20;
constexpr std::uint32_t contains_initialized_data = 0x40;
constexpr std::uint32_t memory_discardable = 0x0200'0000;
constexpr std::uint32_t memory_execute = 0x2000'0000;
constexpr std::uint32_t memory_read = 0x4000'0000;
constexpr std::uint32_t memory_write = 0x8000'0000;

constexpr std::uint16_t executable_image = 0x0002;
constexpr std::uint16_t line_numbers_stripped = 0x0004;
constexpr std::uint16_t symbols_stripped = 0x0008;
constexpr std::uint16_t large_address_aware = 0x0020;
constexpr std::uint16_t machine_32bit = 0x0100;

constexpr std::uint16_t dynamic_base = 0x0040;
constexpr std::uint16_t nx_compatible = 0x0100;

constexpr std::uint8_t code_padding = 0xCC;  // INT3: a jump into the padding faults at once

class LittleEndian {
 public:
  void u8(std::uint8_t value) { bytes_.push_back(value); }
  void u16(std::uint32_t value) { put(value, 2); }
  void u32(std::uint64_t value) { put(value, 4); }
  void u64(std::uint64_t value) { put(value, 8); }
  void zeros(std::size_t count) { bytes_.resize(bytes_.size() + count); }
  void text(std::string_view text, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) u8(i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0);
  }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  void put(std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) u8(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  std::vector<std::uint8_t> bytes_;
};

struct Section {
  std::string_view name;
  std::uint32_t address;
  std::uint32_t size;      // in memory
  std::uint32_t raw_size;  // rounded up to the alignment
  std::uint32_t characteristics;
};

constexpr std::uint32_t align_up(std::uint64_t value, std::uint32_t alignment) {
  return static_cast<std::uint32_t>((value + alignment - 1) & ~std::uint64_t{alignment - 1});
}

// One block for each 4 KiB page that holds a fixup. An image without fixups gets a block that does nothing: an empty
// directory reads as "relocations stripped" to some loaders.
std::vector<std::uint8_t> relocation_blocks(const LinkedImage& image) {
  const std::uint16_t type = image.machine == Machine::x64 ? relocation_dir64 : relocation_highlow;
  LittleEndian out;
  for (std::size_t i = 0; i < image.fixups.size();) {
    const std::uint32_t base = image.fixups[i] & ~std::uint32_t{page_bytes - 1};
    std::size_t end = i;
    while (end < image.fixups.size() && image.fixups[end] - base < page_bytes) ++end;
    const std::size_t entries = (end - i + 1) & ~std::size_t{1};
    out.u32(base);
    out.u32(8 + entries * 2);
    for (; i < end; ++i) out.u16((std::uint32_t{type} << 12) | (image.fixups[i] - base));
    if (out.size() % 4 != 0) out.u16(std::uint32_t{relocation_absolute} << 12);
  }
  if (image.fixups.empty()) {
    out.u32(0);
    out.u32(12);
    out.u32(0);
  }
  return out.take();
}

Section section_of(const Segment& segment, std::uint32_t alignment) {
  Section section{.name = ".rodata",
                  .address = segment.address,
                  .size = static_cast<std::uint32_t>(segment.data.size()),
                  .raw_size = align_up(segment.data.size(), alignment),
                  .characteristics = contains_initialized_data | memory_read};
  if (segment.access == Access::execute) {
    section.name = ".text";
    section.characteristics = contains_code | memory_read | memory_execute;
  } else if (segment.access == Access::read_write) {
    section.name = ".data";
    section.characteristics |= memory_write;
  }
  return section;
}

// Where everything of an image goes in the file, which is where it goes in memory.
struct Layout {
  std::vector<Section> sections;          // the image's segments, and the relocations
  std::vector<std::uint8_t> relocations;  // contents of the last section
  std::uint32_t header_size;
  std::uint32_t code_size = 0;
  std::uint32_t data_size = 0;
  std::uint32_t image_size = 0;
};

constexpr std::uint32_t optional_header_size(Machine machine) {
  return (machine == Machine::x64 ? 112 : 96) + directory_count * 8;
}

Result<Layout, LinkError> lay_out(const LinkedImage& image, std::uint32_t alignment) {
  const auto refuse = [](std::string reason) { return std::unexpected(LinkError{std::move(reason)}); };
  if (!std::has_single_bit(alignment) || alignment < 32 || alignment > 0x1'0000)
    return refuse(std::format("alignment {} is not a power of two from 32 to 65536", alignment));
  if (image.segments.empty()) return refuse("no segments");

  Layout layout{.sections = {}, .relocations = relocation_blocks(image), .header_size = image.segments.front().address};
  const auto section_count = static_cast<std::uint32_t>(image.segments.size() + 1);
  const std::uint32_t needed =
      dos_header_size + file_header_size + optional_header_size(image.machine) + section_count * section_header_size;
  if (layout.header_size < needed)
    return refuse(
        std::format("first segment at {:#x} leaves no room for headers ({:#x} bytes)", layout.header_size, needed));

  std::uint32_t end = layout.header_size;
  for (const Segment& segment : image.segments) {
    if (segment.address % alignment != 0)
      return refuse(std::format("segment at {:#x} is not aligned to {}", segment.address, alignment));
    if (segment.address < end) return refuse(std::format("segments at {:#x} share an alignment unit", segment.address));
    const Section section = section_of(segment, alignment);
    (segment.access == Access::execute ? layout.code_size : layout.data_size) += section.raw_size;
    end = section.address + section.raw_size;
    layout.sections.push_back(section);
  }
  layout.sections.push_back({.name = ".reloc",
                             .address = end,
                             .size = static_cast<std::uint32_t>(layout.relocations.size()),
                             .raw_size = align_up(layout.relocations.size(), alignment),
                             .characteristics = contains_initialized_data | memory_read | memory_discardable});
  layout.data_size += layout.sections.back().raw_size;
  layout.image_size = end + layout.sections.back().raw_size;
  return layout;
}

void write_file_header(LittleEndian& out, const LinkedImage& image, const Layout& layout) {
  const bool x64 = image.machine == Machine::x64;
  out.text("MZ", 2);
  out.zeros(0x3C - 2);
  out.u32(dos_header_size);  // 0x3C: where the PE signature is

  out.text("PE", 4);
  out.u16(x64 ? 0x8664 : 0x014C);
  out.u16(static_cast<std::uint32_t>(layout.sections.size()));
  out.u32(0);  // time stamp
  out.u32(0);  // symbol table
  out.u32(0);  // symbols
  out.u16(optional_header_size(image.machine));
  out.u16(std::uint32_t{executable_image} | line_numbers_stripped | symbols_stripped |
          (x64 ? large_address_aware : machine_32bit));
}

void write_optional_header(LittleEndian& out, const LinkedImage& image, const Layout& layout, Subsystem subsystem,
                           std::uint32_t alignment) {
  const bool x64 = image.machine == Machine::x64;
  out.u16(x64 ? 0x20B : 0x10B);             // 0
  out.u16(0);                               // 2: linker version
  out.u32(layout.code_size);                // 4
  out.u32(layout.data_size);                // 8
  out.u32(0);                               // 12: uninitialised data; all is in the file
  out.u32(image.entry);                     // 16
  out.u32(image.segments.front().address);  // 20: base of code
  if (x64) {
    out.u64(0);  // 24: image base
  } else {
    out.u32(image.segments.back().address);  // 24: base of data
    out.u32(0);                              // 28: image base
  }
  out.u32(alignment);                              // 32: sections
  out.u32(alignment);                              // 36: file
  out.zeros(16);                                   // 40: system, image and subsystem versions, reserved
  out.u32(layout.image_size);                      // 56
  out.u32(layout.header_size);                     // 60
  out.u32(0);                                      // 64: checksum, not used by UEFI
  out.u16(static_cast<std::uint16_t>(subsystem));  // 68
  // A section narrower than a page can't have permissions of its own.
  out.u16(std::uint32_t{dynamic_base} | (alignment % page_bytes == 0 ? nx_compatible : 0));  // 70
  out.zeros(x64 ? 32 : 16);                                                                  // 72: stack and heap sizes
  out.u32(0);                                                                                // loader flags
  out.u32(directory_count);
  for (std::uint32_t i = 0; i < directory_count; ++i) {
    out.u32(i == relocation_directory ? layout.sections.back().address : 0);
    out.u32(i == relocation_directory ? layout.sections.back().size : 0);
  }
}

void write_section_table(LittleEndian& out, const Layout& layout) {
  for (const Section& section : layout.sections) {
    out.text(section.name, 8);
    out.u32(section.size);
    out.u32(section.address);
    out.u32(section.raw_size);
    out.u32(section.address);  // file offset
    out.zeros(12);             // relocations and line numbers of object files
    out.u32(section.characteristics);
  }
}

void write_contents(std::vector<std::uint8_t>& file, const LinkedImage& image, const Layout& layout) {
  for (std::size_t i = 0; i < image.segments.size(); ++i) {
    const Segment& segment = image.segments[i];
    const auto start = file.begin() + segment.address;
    const auto data_end = std::copy(segment.data.begin(), segment.data.end(), start);
    if (segment.access == Access::execute) std::fill(data_end, start + layout.sections[i].raw_size, code_padding);
  }
  std::copy(layout.relocations.begin(), layout.relocations.end(), file.begin() + layout.sections.back().address);
}

}  // namespace

Result<std::vector<std::uint8_t>, LinkError> write_pe(const LinkedImage& image, Subsystem subsystem,
                                                      std::uint32_t alignment) {
  const Layout layout = TRY(lay_out(image, alignment));
  LittleEndian out;
  write_file_header(out, image, layout);
  write_optional_header(out, image, layout, subsystem, alignment);
  write_section_table(out, layout);
  std::vector<std::uint8_t> file = out.take();
  file.resize(layout.image_size);
  write_contents(file, image, layout);
  return file;
}

Result<std::vector<std::uint8_t>, LinkError> write_te(const LinkedImage& image, Subsystem subsystem,
                                                      std::uint32_t alignment) {
  const std::vector<std::uint8_t> pe = TRY(write_pe(image, subsystem, alignment));
  const bool x64 = image.machine == Machine::x64;
  const std::uint32_t section_table = dos_header_size + file_header_size + optional_header_size(image.machine);
  const std::size_t directory = section_table - (directory_count - relocation_directory) * 8;
  LittleEndian out;
  out.text("VZ", 2);
  out.u16(x64 ? 0x8664 : 0x014C);
  out.u8(static_cast<std::uint8_t>(image.segments.size() + 1));
  out.u8(static_cast<std::uint8_t>(subsystem));
  out.u16(section_table);  // what is cut off, in bytes
  out.u32(image.entry);
  out.u32(image.segments.front().address);  // base of code
  out.u64(0);                               // image base
  std::vector<std::uint8_t> file = out.take();
  const auto append = [&](std::size_t from, std::size_t to) {
    file.insert(file.end(), pe.begin() + static_cast<std::ptrdiff_t>(from),
                pe.begin() + static_cast<std::ptrdiff_t>(to));
  };
  append(directory, directory + 8);
  file.resize(file.size() + 8);  // no debug directory
  append(section_table, pe.size());
  return file;
}

}  // namespace redoubt::elf2pe
