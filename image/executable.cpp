// SPDX-License-Identifier: BSD-2-Clause-Patent
// The checks here stand between any file and memory that will run: everything is compared in 64 bits, where sums of
// 32-bit fields cannot wrap.
#include "image/executable.hpp"

#include <algorithm>

#include "base/address.hpp"
#include "base/checked.hpp"

namespace redoubt::image {

namespace pe = abi::pe;

namespace {

constexpr std::uint32_t memory_size_of(const pe::SectionHeader& header) {
  return header.virtual_size != 0 ? header.virtual_size : header.raw_size;
}

template <typename T>
void add_at(std::byte* place, std::uint64_t delta) {
  T value;
  __builtin_memcpy(&value, place, sizeof(T));
  value = static_cast<T>(value + static_cast<T>(delta));
  __builtin_memcpy(place, &value, sizeof(T));
}

}  // namespace

ImageResult<ExecutableView> ExecutableView::create(Bytes bytes, std::uint64_t origin) {
  ExecutableView view;
  view.bytes_ = bytes;
  view.origin_ = origin;
  const auto signature = TRY(read_field<std::uint16_t>(bytes, 0, origin, "executable image is cut off"));
  if (signature == pe::te_signature) {
    TRY(view.read_te(bytes));
  } else {
    TRY(view.read_pe(bytes));
  }
  TRY(view.check_sections());
  return view;
}

ImageResult<void> ExecutableView::read_te(Bytes bytes) {
  const auto header = TRY(read_field<pe::TeHeader>(bytes, 0, origin_, "TE header is cut off"));
  if (header.stripped_size < sizeof(pe::TeHeader)) {
    return malformed(origin_, "stripped size of TE image is too small");
  }
  format_ = ExecutableFormat::te;
  machine_ = header.machine;
  subsystem_ = header.subsystem;
  image_base_ = header.image_base;
  entry_point_ = header.entry_point;
  stripped_ = header.stripped_size - static_cast<std::uint32_t>(sizeof(pe::TeHeader));
  section_table_ = sizeof(pe::TeHeader);
  section_count_ = header.section_count;
  headers_size_ = static_cast<std::uint32_t>(sizeof(pe::TeHeader) + sizeof(pe::SectionHeader) * section_count_);
  relocations_ = header.relocations;
  debug_ = header.debug;
  // A TE image has no flag for stripped relocations: its converter leaves the directory at zero then.
  relocatable_ = header.relocations.size != 0;
  image_base_position_ = offsetof(pe::TeHeader, image_base);
  return {};
}

ImageResult<void> ExecutableView::read_pe(Bytes bytes) {
  std::uint64_t position = 0;
  if (TRY(read_field<std::uint16_t>(bytes, 0, origin_, "executable image is cut off")) == pe::dos_signature) {
    position = TRY(read_field<pe::DosHeader>(bytes, 0, origin_, "DOS header is cut off")).new_header_offset;
  }
  const std::uint64_t nt_position = position;
  if (TRY(read_field<std::uint32_t>(bytes, position, origin_, "PE header lies outside the image")) !=
      pe::nt_signature) {
    return malformed(origin_ + position, "no PE signature");
  }
  position += sizeof(pe::nt_signature);
  const auto coff = TRY(read_field<pe::CoffHeader>(bytes, position, origin_, "COFF header is cut off"));
  position += sizeof(pe::CoffHeader);
  machine_ = coff.machine;
  section_count_ = coff.section_count;
  const auto magic = TRY(read_field<std::uint16_t>(bytes, position, origin_, "optional header is cut off"));
  if (magic == pe::optional_magic_32) {
    format_ = ExecutableFormat::pe32;
    TRY(read_optional_header<pe::OptionalHeader32>(position, coff.optional_header_size));
  } else if (magic == pe::optional_magic_64) {
    format_ = ExecutableFormat::pe32_plus;
    TRY(read_optional_header<pe::OptionalHeader64>(position, coff.optional_header_size));
  } else {
    return unsupported(origin_ + position, "optional header is neither PE32 nor PE32+");
  }
  relocatable_ = (coff.characteristics & pe::file_relocations_stripped) == 0;
  const std::uint64_t table = position + coff.optional_header_size;
  const std::uint64_t table_end = table + std::uint64_t{section_count_} * sizeof(pe::SectionHeader);
  if (table_end > headers_size_) {
    return malformed(origin_ + nt_position, "section table reaches beyond the headers");
  }
  section_table_ = static_cast<std::uint32_t>(table);
  return {};
}

template <typename OptionalHeader>
ImageResult<void> ExecutableView::read_optional_header(std::uint64_t position, std::uint32_t size) {
  const auto header = TRY(read_field<OptionalHeader>(bytes_, position, origin_, "optional header is cut off"));
  const std::uint64_t directories = std::min(header.directory_count, pe::directory_count);
  if (size < sizeof(OptionalHeader) + directories * sizeof(pe::DataDirectory)) {
    return malformed(origin_ + position, "optional header is too small for its fields");
  }
  if (!is_power_of_two(header.section_alignment)) {
    return malformed(origin_ + position, "section alignment is not a power of two");
  }
  subsystem_ = header.subsystem;
  image_base_ = header.image_base;
  image_base_position_ = static_cast<std::uint32_t>(position + offsetof(OptionalHeader, image_base));
  image_size_ = header.image_size;
  headers_size_ = header.headers_size;
  entry_point_ = header.entry_point;
  section_alignment_ = header.section_alignment;
  if (headers_size_ > bytes_.size()) {
    return truncated(origin_ + position, "headers reach beyond the image");
  }
  if (headers_size_ > image_size_) {
    return malformed(origin_ + position, "headers are larger than the image");
  }
  const std::uint64_t table = position + sizeof(OptionalHeader);
  if (directories > pe::directory_relocations) {
    relocations_ = TRY(read_field<pe::DataDirectory>(
        bytes_, table + std::uint64_t{pe::directory_relocations} * sizeof(pe::DataDirectory), origin_,
        "data directories are cut off"));
  }
  if (directories > pe::directory_debug) {
    debug_ = TRY(read_field<pe::DataDirectory>(bytes_,
                                               table + std::uint64_t{pe::directory_debug} * sizeof(pe::DataDirectory),
                                               origin_, "data directories are cut off"));
  }
  return {};
}

ImageResult<void> ExecutableView::check_sections() {
  if (section_count_ == 0 || section_count_ > section_limit) {
    return malformed(origin_, "number of sections is out of range");
  }
  TRY(read_run(bytes_, section_table_, std::uint64_t{section_count_} * sizeof(pe::SectionHeader), origin_,
               "section table is cut off"));
  // RVAs of a TE image go on from where they were before the headers shrank.
  std::uint64_t lowest = std::uint64_t{headers_size_} + stripped_;
  bool entry_found = entry_point_ == 0;
  for (std::uint32_t i = 0; i < section_count_; ++i) {
    const std::uint64_t place = origin_ + section_table_ + std::uint64_t{i} * sizeof(pe::SectionHeader);
    const pe::SectionHeader header = section_header(i);
    const std::uint64_t memory_size = memory_size_of(header);
    const std::uint64_t memory_end = header.rva + memory_size;
    if (header.rva < lowest) {
      return malformed(place, "section overlaps what comes before it in memory");
    }
    if (format_ == ExecutableFormat::te) {
      if (memory_end > UINT32_MAX) {
        return malformed(place, "section reaches beyond 4 GiB");
      }
      image_size_ = static_cast<std::uint32_t>(memory_end);
    } else if (memory_end > image_size_) {
      return malformed(place, "section reaches beyond the image's size");
    }
    const std::uint64_t data_size = std::min<std::uint64_t>(header.raw_size, memory_size);
    if (data_size != 0) {
      if (header.raw_offset < std::uint64_t{stripped_} ||
          std::uint64_t{header.raw_offset} - stripped_ + data_size > bytes_.size()) {
        return truncated(place, "section data lies outside the file");
      }
    }
    entry_found = entry_found || (entry_point_ >= header.rva && entry_point_ < memory_end);
    lowest = memory_end;
  }
  if (!entry_found) {
    return malformed(origin_, "entry point lies in no section");
  }
  return {};
}

pe::SectionHeader ExecutableView::section_header(std::uint32_t index) const {
  pe::SectionHeader header;
  __builtin_memcpy(&header, bytes_.data() + section_table_ + index * sizeof(header), sizeof(header));
  return header;
}

ExecutableSection ExecutableView::section(std::uint32_t index) const {
  if (index >= section_count_) {
    __builtin_trap();
  }
  const pe::SectionHeader header = section_header(index);
  ExecutableSection section{};
  std::copy_n(header.name, sizeof(header.name), section.name);
  section.rva = header.rva;
  section.memory_size = memory_size_of(header);
  section.characteristics = header.characteristics;
  const std::uint32_t data_size = std::min(header.raw_size, section.memory_size);
  if (data_size != 0) {
    section.file_offset = header.raw_offset - stripped_;
    section.data = bytes_.subspan(section.file_offset, data_size);
  }
  return section;
}

bool ExecutableView::page_aligned() const {
  for (std::uint32_t i = 0; i < section_count_; ++i) {
    if (section_header(i).rva % page_bytes != 0) {
      return false;
    }
  }
  return true;
}

bool ExecutableView::has_writable_code() const {
  for (std::uint32_t i = 0; i < section_count_; ++i) {
    const std::uint32_t characteristics = section_header(i).characteristics;
    if ((characteristics & (pe::section_execute | pe::section_code)) != 0 &&
        (characteristics & pe::section_write) != 0) {
      return true;
    }
  }
  return false;
}

std::optional<Bytes> ExecutableView::file_bytes_at(std::uint32_t rva, std::uint32_t size) const {
  for (std::uint32_t i = 0; i < section_count_; ++i) {
    const ExecutableSection candidate = section(i);
    if (rva >= candidate.rva && rva - candidate.rva <= candidate.data.size()) {
      const auto run = slice(candidate.data, rva - candidate.rva, size);
      if (run.has_value()) {
        return *run;
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string_view> ExecutableView::debug_path() const {
  constexpr std::uint32_t signature_rsds = 0x53445352;  // a signature, a GUID and an age before the path
  constexpr std::uint32_t signature_nb10 = 0x3031424E;  // a signature and three words
  constexpr std::uint32_t signature_mtoc = 0x434F544D;  // a signature and a UUID
  for (std::uint32_t i = 0; i < debug_.size / sizeof(pe::DebugDirectory) && i < 16; ++i) {
    const std::uint64_t rva = std::uint64_t{debug_.rva} + std::uint64_t{i} * sizeof(pe::DebugDirectory);
    if (rva > UINT32_MAX) {
      return std::nullopt;
    }
    const auto entry_bytes = file_bytes_at(static_cast<std::uint32_t>(rva), sizeof(pe::DebugDirectory));
    if (!entry_bytes.has_value()) {
      return std::nullopt;
    }
    const auto entry = read_at<pe::DebugDirectory>(*entry_bytes, 0);
    if (!entry.has_value() || entry->type != pe::debug_type_codeview) {
      continue;
    }
    const auto data = file_bytes_at(entry->rva, entry->size);
    if (!data.has_value()) {
      continue;
    }
    const auto signature = read_at<std::uint32_t>(*data, 0);
    std::size_t start = 0;
    if (!signature.has_value()) {
      continue;
    }
    if (*signature == signature_rsds) {
      start = 24;
    } else if (*signature == signature_nb10) {
      start = 16;
    } else if (*signature == signature_mtoc) {
      start = 20;
    } else {
      continue;
    }
    if (start >= data->size()) {
      continue;
    }
    const Bytes text = data->subspan(start);
    const auto end = std::find(text.begin(), text.end(), std::byte{0});
    return std::string_view(reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(end - text.begin()));
  }
  return std::nullopt;
}

RelocationCursor ExecutableView::relocations() const { return RelocationCursor(*this); }

ImageResult<void> ExecutableView::load_into(MutableBytes destination, std::uint64_t base) const {
  if (destination.size() < image_size_) {
    return std::unexpected(ImageError{Error::out_of_memory, origin_, "memory is smaller than the image"});
  }
  const bool narrow = format_ == ExecutableFormat::pe32 || machine_ == pe::machine_ia32;
  if (base > UINT64_MAX - image_size_ || (narrow && base + image_size_ > std::uint64_t{UINT32_MAX} + 1)) {
    return unsupported(origin_, "image cannot be addressed at that base");
  }
  if (!relocatable_ && base != image_base_) {
    return unsupported(origin_, "image has no relocations and isn't linked for that base");
  }
  const MutableBytes memory = destination.first(image_size_);
  std::copy_n(bytes_.begin(), headers_size_, memory.begin());
  std::size_t filled = headers_size_;
  for (std::uint32_t i = 0; i < section_count_; ++i) {
    const ExecutableSection part = section(i);
    __builtin_memset(memory.data() + filled, 0, part.rva - filled);
    std::ranges::copy(part.data, memory.subspan(part.rva).begin());
    filled = part.rva + part.data.size();
  }
  __builtin_memset(memory.data() + filled, 0, memory.size() - filled);

  const std::uint64_t delta = base - image_base_;
  if (delta == 0) {
    return {};
  }
  RelocationCursor cursor = relocations();
  while (const auto relocation = TRY(cursor.next())) {
    std::byte* place = memory.data() + relocation->rva;
    switch (relocation->type) {
      case pe::RelocationType::high: add_at<std::uint16_t>(place, delta >> 16); break;
      case pe::RelocationType::low: add_at<std::uint16_t>(place, delta); break;
      case pe::RelocationType::high_low: add_at<std::uint32_t>(place, delta); break;
      case pe::RelocationType::dir64: add_at<std::uint64_t>(place, delta); break;
      case pe::RelocationType::absolute: break;
    }
  }
  if (format_ == ExecutableFormat::pe32) {
    add_at<std::uint32_t>(memory.data() + image_base_position_, delta);
  } else {
    add_at<std::uint64_t>(memory.data() + image_base_position_, delta);
  }
  return {};
}

RelocationCursor::RelocationCursor(const ExecutableView& image) : image_(image) {
  if (image.relocations_.size == 0) {
    return;
  }
  const auto table = image.file_bytes_at(image.relocations_.rva, image.relocations_.size);
  if (!table.has_value()) {
    table_missing_ = true;
    return;
  }
  table_ = *table;
  table_origin_ = image.origin_ + static_cast<std::uint64_t>(table_.data() - image.bytes_.data());
}

ImageResult<void> RelocationCursor::open_block() {
  const auto block =
      TRY(read_field<pe::RelocationBlock>(table_, position_, table_origin_, "relocation block is cut off"));
  if (block.size < sizeof(block) || block.size % 2 != 0) {
    return malformed(table_origin_ + position_, "relocation block has an impossible size");
  }
  TRY(read_run(table_, position_, block.size, table_origin_, "relocation block reaches beyond its table"));
  page_rva_ = block.page_rva;
  block_end_ = position_ + block.size;
  position_ += sizeof(block);
  return {};
}

bool RelocationCursor::lies_in_section(std::uint32_t rva, std::uint32_t width) {
  const std::uint64_t end = std::uint64_t{rva} + width;
  if (rva >= last_section_begin_ && end <= last_section_end_) {
    return true;
  }
  for (std::uint32_t i = 0; i < image_.section_count(); ++i) {
    const pe::SectionHeader header = image_.section_header(i);
    const std::uint64_t section_end = std::uint64_t{header.rva} + memory_size_of(header);
    if (rva >= header.rva && end <= section_end) {
      last_section_begin_ = header.rva;
      last_section_end_ = static_cast<std::uint32_t>(section_end);
      return true;
    }
  }
  return false;
}

ImageResult<std::optional<Relocation>> RelocationCursor::next() {
  if (table_missing_) {
    table_missing_ = false;
    return malformed(image_.offset(), "relocation table lies in no section");
  }
  while (true) {
    if (position_ == block_end_) {
      if (position_ == table_.size()) {
        return std::optional<Relocation>();
      }
      const auto opened = open_block();
      if (!opened.has_value()) {
        position_ = block_end_ = table_.size();
        return std::unexpected(opened.error());
      }
      continue;
    }
    const std::uint64_t place = table_origin_ + position_;
    const auto entry = TRY(read_field<std::uint16_t>(table_, position_, table_origin_, "relocation is cut off"));
    position_ += sizeof(entry);
    const std::uint64_t target = std::uint64_t{page_rva_} + (entry & 0xFFF);
    Relocation relocation{static_cast<std::uint32_t>(target), static_cast<pe::RelocationType>(entry >> 12), 0};
    switch (relocation.type) {
      case pe::RelocationType::absolute: continue;
      case pe::RelocationType::high:
      case pe::RelocationType::low: relocation.width = 2; break;
      case pe::RelocationType::high_low: relocation.width = 4; break;
      case pe::RelocationType::dir64: relocation.width = 8; break;
      default: position_ = block_end_ = table_.size(); return unsupported(place, "relocation of an unknown type");
    }
    if (target > UINT32_MAX || !lies_in_section(relocation.rva, relocation.width)) {
      position_ = block_end_ = table_.size();
      return malformed(place, "relocation points outside the sections");
    }
    return std::optional<Relocation>(relocation);
  }
}

}  // namespace redoubt::image
