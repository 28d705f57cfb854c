// SPDX-License-Identifier: BSD-2-Clause-Patent
// libelf does the parsing; here are the decisions: which program headers become sections, and which relocations a PE
// file can express. System V ABI, chapters 4 and 5; x86-64 and i386 supplements for the relocation types.
#include "elf_reader.hpp"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <format>
#include <memory>

namespace redoubt::elf2pe {
namespace {

// An image this large is a mistake; the limit keeps all address arithmetic far from wrapping.
constexpr std::uint64_t address_limit = std::uint64_t{64} * 1024 * 1024;

// Both machines number the two types we know alike.
static_assert(R_X86_64_NONE == R_386_NONE && R_X86_64_RELATIVE == R_386_RELATIVE);

struct ElfCloser {
  void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfCloser>;

std::unexpected<LinkError> refuse(std::string reason) { return std::unexpected(LinkError{std::move(reason)}); }

std::unexpected<LinkError> refuse_elf(const char* what) {
  return refuse(std::format("{}: {}", what, elf_errmsg(elf_errno())));
}

class Reader {
 public:
  Reader(Elf* elf, std::span<const std::uint8_t> file) : elf_(elf), file_(file) {}

  Result<LinkedImage, LinkError> read() {
    TRY(read_header());
    TRY(read_segments());
    for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_, section)) != nullptr;) TRY(read_section(section));
    std::ranges::sort(image_.fixups);
    std::ranges::stable_sort(image_.symbols, [](const Symbol& left, const Symbol& right) {
      return left.address != right.address ? left.address < right.address : left.size > right.size;
    });
    if (std::ranges::adjacent_find(image_.fixups) != image_.fixups.end())
      return refuse("two relocations at the same address");
    for (const auto& [start, size] : loader_tables_) clear(start, size);
    return std::move(image_);
  }

 private:
  struct Done {};

  Result<Done, LinkError> read_header() {
    GElf_Ehdr header;
    if (gelf_getehdr(elf_, &header) == nullptr) return refuse_elf("no ELF header");
    if (header.e_type != ET_DYN) return refuse("not position-independent (link with -static-pie)");
    if (header.e_machine == EM_X86_64 && header.e_ident[EI_CLASS] == ELFCLASS64) {
      image_.machine = Machine::x64;
    } else if (header.e_machine == EM_386 && header.e_ident[EI_CLASS] == ELFCLASS32) {
      image_.machine = Machine::ia32;
    } else {
      return refuse(std::format("machine {} is neither x86-64 nor i386", header.e_machine));
    }
    if (header.e_entry >= address_limit) return refuse("entry point out of range");
    image_.entry = static_cast<std::uint32_t>(header.e_entry);
    return Done{};
  }

  Result<Done, LinkError> read_segments() {
    std::size_t count = 0;
    if (elf_getphdrnum(elf_, &count) != 0) return refuse_elf("no program headers");
    for (std::size_t i = 0; i < count; ++i) {
      GElf_Phdr header;
      if (gelf_getphdr(elf_, static_cast<int>(i), &header) == nullptr) return refuse_elf("bad program header");
      if (header.p_type == PT_TLS) return refuse("thread-local storage");
      if (header.p_type == PT_INTERP) return refuse("asks for a dynamic loader");
      if (header.p_type != PT_LOAD || header.p_memsz == 0) continue;
      TRY(add_segment(header));
    }
    if (image_.segments.empty()) return refuse("nothing to load");
    const Segment* code = find(image_.entry, 1);
    if (code == nullptr || code->access != Access::execute) return refuse("entry point is not in executable memory");
    return Done{};
  }

  Result<Done, LinkError> add_segment(const GElf_Phdr& header) {
    if (header.p_vaddr >= address_limit || header.p_memsz > address_limit - header.p_vaddr ||
        header.p_filesz > header.p_memsz)
      return refuse(std::format("segment at {:#x} is out of range", header.p_vaddr));
    if (header.p_offset > file_.size() || header.p_filesz > file_.size() - header.p_offset)
      return refuse(std::format("segment at {:#x} reaches beyond the file", header.p_vaddr));
    const bool writable = (header.p_flags & PF_W) != 0;
    const bool executable = (header.p_flags & PF_X) != 0;
    if (writable && executable)
      return refuse(std::format("segment at {:#x} is writable and executable", header.p_vaddr));
    Segment segment{.address = static_cast<std::uint32_t>(header.p_vaddr),
                    .access = executable ? Access::execute
                              : writable ? Access::read_write
                                         : Access::read_only,
                    .data = std::vector<std::uint8_t>(header.p_memsz)};
    std::ranges::copy(file_.subspan(header.p_offset, header.p_filesz), segment.data.begin());
    if (!image_.segments.empty()) {
      const Segment& last = image_.segments.back();
      if (segment.address < last.address + last.data.size())
        return refuse(std::format("segment at {:#x} overlaps or precedes another", header.p_vaddr));
    }
    image_.segments.push_back(std::move(segment));
    return Done{};
  }

  Result<Done, LinkError> read_section(Elf_Scn* section) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) return refuse_elf("bad section header");
    if (header.sh_type == SHT_SYMTAB) return read_symbols(section, header);
    if ((header.sh_flags & SHF_ALLOC) == 0) return Done{};
    switch (header.sh_type) {
      case SHT_RELA:
      case SHT_REL: TRY(read_relocations(section, header)); break;
      case SHT_DYNSYM: TRY(check_symbols(section, header)); break;
      case 19: return refuse("packed relative relocations (SHT_RELR)");
      case SHT_INIT_ARRAY:
      case SHT_FINI_ARRAY:
      case SHT_PREINIT_ARRAY:
        if (header.sh_size != 0) return refuse("dynamic initialisers");
        return Done{};
      case SHT_DYNAMIC:
      case SHT_HASH:
      case SHT_GNU_HASH:
      case SHT_STRTAB: break;
      default: return Done{};
    }
    loader_tables_.emplace_back(header.sh_addr, header.sh_size);
    return Done{};
  }

  Result<Done, LinkError> read_relocations(Elf_Scn* section, const GElf_Shdr& header) {
    Elf_Data* data = elf_getdata(section, nullptr);
    if (header.sh_size == 0) return Done{};
    if (data == nullptr || header.sh_entsize == 0) return refuse_elf("bad relocation section");
    const std::size_t count = header.sh_size / header.sh_entsize;
    for (std::size_t i = 0; i < count; ++i) {
      GElf_Rela entry{};
      if (header.sh_type == SHT_RELA) {
        if (gelf_getrela(data, static_cast<int>(i), &entry) == nullptr) return refuse_elf("bad relocation");
      } else {
        GElf_Rel plain;
        if (gelf_getrel(data, static_cast<int>(i), &plain) == nullptr) return refuse_elf("bad relocation");
        entry.r_offset = plain.r_offset;
        entry.r_info = plain.r_info;
      }
      TRY(apply(entry, header.sh_type == SHT_RELA));
    }
    return Done{};
  }

  Result<Done, LinkError> apply(const GElf_Rela& entry, bool has_addend) {
    const bool x64 = image_.machine == Machine::x64;
    const std::uint64_t type = GELF_R_TYPE(entry.r_info);
    if (type == R_X86_64_NONE) return Done{};
    if (type != R_X86_64_RELATIVE || GELF_R_SYM(entry.r_info) != 0)
      return refuse(std::format("relocation of type {} at {:#x}", type, entry.r_offset));
    const std::size_t size = x64 ? 8 : 4;
    Segment* segment = entry.r_offset < address_limit ? find(entry.r_offset, size) : nullptr;
    if (segment == nullptr) return refuse(std::format("relocation outside the image at {:#x}", entry.r_offset));
    std::uint8_t* place = segment->data.data() + (entry.r_offset - segment->address);
    std::uint64_t value = 0;
    if (has_addend) {
      value = static_cast<std::uint64_t>(entry.r_addend);
      std::memcpy(place, &value, size);
    } else {
      std::memcpy(&value, place, size);
    }
    if (value >= address_limit) return refuse(std::format("relocated value out of range at {:#x}", entry.r_offset));
    image_.fixups.push_back(static_cast<std::uint32_t>(entry.r_offset));
    return Done{};
  }

  Result<Done, LinkError> check_symbols(Elf_Scn* section, const GElf_Shdr& header) {
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || header.sh_entsize == 0) return refuse_elf("bad symbol table");
    for (std::size_t i = 1; i < header.sh_size / header.sh_entsize; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) return refuse_elf("bad symbol");
      if (symbol.st_shndx != SHN_UNDEF) continue;
      const char* name = elf_strptr(elf_, header.sh_link, symbol.st_name);
      return refuse(std::format("undefined symbol {}", name == nullptr ? "?" : name));
    }
    return Done{};
  }

  Result<Done, LinkError> read_symbols(Elf_Scn* section, const GElf_Shdr& header) {
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || header.sh_entsize == 0) return refuse_elf("bad symbol table");
    for (std::size_t i = 1; i < header.sh_size / header.sh_entsize; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) return refuse_elf("bad symbol");
      const int type = GELF_ST_TYPE(symbol.st_info);
      if (symbol.st_shndx == SHN_UNDEF || (type != STT_FUNC && type != STT_OBJECT)) continue;
      const char* name = elf_strptr(elf_, header.sh_link, symbol.st_name);
      if (name == nullptr || symbol.st_value >= address_limit || symbol.st_size >= address_limit)
        return refuse(std::format("symbol {} is out of range", name == nullptr ? "?" : name));
      image_.symbols.push_back({.name = name,
                                .address = static_cast<std::uint32_t>(symbol.st_value),
                                .size = static_cast<std::uint32_t>(symbol.st_size),
                                .is_function = type == STT_FUNC});
    }
    return Done{};
  }

  Segment* find(std::uint64_t address, std::size_t size) {
    for (Segment& segment : image_.segments) {
      if (address >= segment.address && address - segment.address <= segment.data.size() &&
          segment.data.size() - (address - segment.address) >= size)
        return &segment;
    }
    return nullptr;
  }

  void clear(std::uint64_t address, std::uint64_t size) {
    if (size == 0 || address >= address_limit || size >= address_limit) return;
    Segment* segment = find(address, size);
    if (segment == nullptr) return;
    std::memset(segment->data.data() + (address - segment->address), 0, size);
  }

  Elf* elf_;
  std::span<const std::uint8_t> file_;
  LinkedImage image_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> loader_tables_;
};

}  // namespace

Result<LinkedImage, LinkError> read_elf(std::span<std::uint8_t> file) {
  if (elf_version(EV_CURRENT) == EV_NONE) return refuse_elf("libelf");
  const ElfHandle elf(elf_memory(reinterpret_cast<char*>(file.data()), file.size()));
  if (!elf) return refuse_elf("not an ELF file");
  if (elf_kind(elf.get()) != ELF_K_ELF) return refuse("not an ELF file");
  return Reader(elf.get(), file).read();
}

}  // namespace redoubt::elf2pe
