// SPDX-License-Identifier: BSD-2-Clause-Patent
// PE32, PE32+ and TE images as one validated view, and the loader that puts one into memory. IPL, supervisor,
// foundation and tools load images through this and nothing else, so that one set of checks decides what is an image.
//
//   const auto image = TRY(ExecutableView::create(bytes));
//   TRY(image.load_into(memory, address));  // memory.size() >= image.image_size(); memory will run at `address`
//   entry = address + image.entry_point();
#pragma once

#include <optional>
#include <string_view>

#include "abi/pe/pe.hpp"
#include "image/error.hpp"

namespace redoubt::image {

enum class ExecutableFormat : std::uint8_t { pe32, pe32_plus, te };

// One section, of which is known: [rva, rva + memory_size) lies in the image behind the headers and behind the section
// before, and the file holds `data`, which is no longer than memory_size.
struct ExecutableSection {
  char name[9];  // ends with a zero
  std::uint32_t rva;
  std::uint32_t memory_size;  // bytes behind `data` are zero
  std::uint32_t characteristics;
  std::uint32_t file_offset;  // of data, in the view's bytes
  Bytes data;

  bool readable() const { return (characteristics & abi::pe::section_read) != 0; }
  bool writable() const { return (characteristics & abi::pe::section_write) != 0; }
  bool executable() const { return (characteristics & (abi::pe::section_execute | abi::pe::section_code)) != 0; }
  std::string_view name_view() const { return name; }
};

struct Relocation {
  std::uint32_t rva;
  abi::pe::RelocationType type;
  std::uint32_t width;  // bytes patched
};

// Walks the base relocations, padding entries left out. Each one handed out lies in a section, whole.
class RelocationCursor;

class ExecutableView {
 public:
  // More sections than any image for firmware has; keeps checks short.
  static constexpr std::uint32_t section_limit = 96;

  // Checks headers, section table and the extent of every section; relocations are checked when they are walked.
  // Bytes behind the image's last section are ignored. `origin` is the absolute offset of bytes[0].
  static ImageResult<ExecutableView> create(Bytes bytes, std::uint64_t origin = 0);

  ExecutableFormat format() const { return format_; }
  std::uint16_t machine() const { return machine_; }      // abi::pe::Machine
  std::uint16_t subsystem() const { return subsystem_; }  // abi::pe::Subsystem
  // The address the image is linked for: that of RVA 0.
  std::uint64_t image_base() const { return image_base_; }
  // Bytes of memory it needs from RVA 0 on. A TE image doesn't say: where its last section ends.
  std::uint32_t image_size() const { return image_size_; }
  // RVA; 0 in an image without an entry point, otherwise inside a section.
  std::uint32_t entry_point() const { return entry_point_; }
  // 1 for TE, which doesn't say.
  std::uint32_t section_alignment() const { return section_alignment_; }
  // Bytes of the file that are headers (copied to RVA 0 by load_into).
  std::uint32_t headers_size() const { return headers_size_; }
  // False if relocations were stripped: such an image runs at image_base() only.
  bool relocatable() const { return relocatable_; }
  Bytes bytes() const { return bytes_; }
  std::uint64_t offset() const { return origin_; }
  // Of the TE format: how much lower its file offsets are than those of the PE image it comes from; 0 otherwise.
  std::uint32_t stripped() const { return stripped_; }

  std::uint32_t section_count() const { return section_count_; }
  // index < section_count().
  ExecutableSection section(std::uint32_t index) const;

  // Whether sections start on 4 KiB boundaries, so that no two share a page.
  bool page_aligned() const;
  // Whether a section is writable and executable at once.
  bool has_writable_code() const;
  // Whether access rights can be given by page: page_aligned(), and no writable code.
  bool page_protectable() const { return page_aligned() && !has_writable_code(); }

  // The bytes of [rva, rva + size) as the file has them, if they lie in the data of one section.
  std::optional<Bytes> file_bytes_at(std::uint32_t rva, std::uint32_t size) const;

  RelocationCursor relocations() const;
  // The path that the linker left in the debug directory, or nothing. Untrusted text.
  std::optional<std::string_view> debug_path() const;

  // Writes the image as it must lie in memory to run at `base`: headers, sections, zeros between and behind them, all
  // base relocations applied, its own idea of its base updated. Uses image_size() bytes of `destination`, which must
  // not overlap the view's bytes, and leaves the rest alone. Errors: out_of_memory if it doesn't fit, unsupported for a
  // base it can't run at or a relocation we don't know, malformed; `destination` has no defined contents then.
  ImageResult<void> load_into(MutableBytes destination, std::uint64_t base) const;

 private:
  friend class RelocationCursor;
  ImageResult<void> read_te(Bytes bytes);
  ImageResult<void> read_pe(Bytes bytes);
  template <typename OptionalHeader>
  ImageResult<void> read_optional_header(std::uint64_t position, std::uint32_t size);
  ImageResult<void> check_sections();
  abi::pe::SectionHeader section_header(std::uint32_t index) const;

  Bytes bytes_;
  std::uint64_t origin_ = 0;
  std::uint64_t image_base_ = 0;
  std::uint32_t image_size_ = 0;
  std::uint32_t headers_size_ = 0;
  std::uint32_t entry_point_ = 0;
  std::uint32_t section_alignment_ = 1;
  std::uint32_t section_table_ = 0;  // position in bytes_
  std::uint32_t section_count_ = 0;
  std::uint32_t stripped_ = 0;
  std::uint32_t image_base_position_ = 0;  // of the field, in bytes_
  abi::pe::DataDirectory relocations_{};
  abi::pe::DataDirectory debug_{};
  std::uint16_t machine_ = 0;
  std::uint16_t subsystem_ = 0;
  ExecutableFormat format_{};
  bool relocatable_ = false;
};

class RelocationCursor {
 public:
  // The next relocation, nothing at the end, or what is wrong.
  ImageResult<std::optional<Relocation>> next();

 private:
  friend class ExecutableView;
  explicit RelocationCursor(const ExecutableView& image);
  ImageResult<void> open_block();
  bool lies_in_section(std::uint32_t rva, std::uint32_t width);

  ExecutableView image_;
  Bytes table_;
  std::uint64_t table_origin_ = 0;
  std::size_t position_ = 0;  // of the next entry
  std::size_t block_end_ = 0;
  std::uint32_t page_rva_ = 0;
  std::uint32_t last_section_begin_ = 0;  // the section that held the last relocation: most often the next one's too
  std::uint32_t last_section_end_ = 0;
  bool table_missing_ = false;
};

}  // namespace redoubt::image
