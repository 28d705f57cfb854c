// SPDX-License-Identifier: BSD-2-Clause-Patent
// The reader is tested on ELF files that the build links with the guest images' own linker script (one good program
// for each machine, one bad one for each refusal); the writer on an image made up here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <format>
#include <fstream>
#include <string>

#include "elf_reader.hpp"
#include "pe_writer.hpp"
#include "stack_guard.hpp"

namespace redoubt::elf2pe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using FileBytes = std::vector<std::uint8_t>;

FileBytes fixture(const std::string& name) {
  std::ifstream file(std::string(REDOUBT_ELF2PE_FIXTURES "/") + name + ".elf", std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string refusal(const std::string& name) {
  FileBytes file = fixture(name);
  const auto image = read_elf(file);
  return image.has_value() ? "accepted" : image.error().reason;
}

template <typename T>
T read(const FileBytes& bytes, std::size_t offset) {
  T value;
  EXPECT_LE(offset + sizeof(T), bytes.size());
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// The fixture's only global with an address in it points at the one that holds 0x11223344.
TEST(ElfReader, AppliesRelocationsForBaseZero) {
  for (const auto& [name, size] : {std::pair{"good_x64", 8U}, std::pair{"good_ia32", 4U}}) {
    SCOPED_TRACE(name);
    FileBytes file = fixture(name);
    const auto image = read_elf(file);
    ASSERT_TRUE(image.has_value()) << image.error().reason;
    EXPECT_EQ(image->machine, size == 8 ? Machine::x64 : Machine::ia32);
    ASSERT_EQ(image->segments.size(), 3U);
    const Segment& data = image->segments[2];
    EXPECT_EQ(data.access, Access::read_write);
    bool seen = false;
    for (const std::uint32_t place : image->fixups) {
      if (place < data.address) continue;
      const std::uint64_t target = size == 8 ? read<std::uint64_t>(data.data, place - data.address)
                                             : read<std::uint32_t>(data.data, place - data.address);
      EXPECT_EQ(read<std::uint32_t>(data.data, target - data.address), 0x11223344U);
      seen = true;
    }
    EXPECT_TRUE(seen);
    EXPECT_GE(data.data.size(), 5000U) << "the uninitialised array is part of the segment";
  }
}

TEST(ElfReader, RefusesWhatNeedsALoader) {
  EXPECT_THAT(refusal("tls"), HasSubstr("thread-local"));
  EXPECT_THAT(refusal("undefined"), HasSubstr("undefined symbol missing_function"));
  EXPECT_THAT(refusal("writable_code"), HasSubstr("writable and executable"));
  FileBytes text = {'n', 'o', ' ', 'e', 'l', 'f'};
  EXPECT_FALSE(read_elf(text).has_value());
  FileBytes empty;
  EXPECT_FALSE(read_elf(empty).has_value());
}

TEST(ElfReader, SurvivesTruncation) {
  const FileBytes whole = fixture("good_x64");
  for (std::size_t size = 0; size < whole.size(); size += 61) {
    FileBytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    (void)read_elf(part);
  }
}

LinkedImage small_image(Machine machine) {
  return {
      .machine = machine,
      .entry = 0x1010,
      .segments = {{0x1000, Access::execute, FileBytes(0x20, 0x90)}, {0x2000, Access::read_write, FileBytes(0x1800)}},
      .fixups = {0x2000, 0x2010, 0x3008}};
}

TEST(PeWriter, FileOffsetsEqualAddresses) {
  for (const Machine machine : {Machine::x64, Machine::ia32}) {
    const auto file = write_pe(small_image(machine), Subsystem::runtime, 0x1000);
    ASSERT_TRUE(file.has_value()) << file.error().reason;
    const std::uint32_t pe = read<std::uint32_t>(*file, 0x3C);
    const std::uint32_t optional = pe + 24;
    EXPECT_EQ(read<std::uint16_t>(*file, optional), machine == Machine::x64 ? 0x20B : 0x10B);
    EXPECT_EQ(read<std::uint32_t>(*file, optional + 16), 0x1010U) << "entry point";
    EXPECT_EQ(read<std::uint32_t>(*file, optional + 56), file->size()) << "size of image";
    EXPECT_EQ(read<std::uint16_t>(*file, optional + 68), 12) << "subsystem";
    const std::uint32_t sections = optional + read<std::uint16_t>(*file, pe + 20);
    ASSERT_EQ(read<std::uint16_t>(*file, pe + 6), 3);
    for (std::uint32_t i = 0; i < 3; ++i) {
      const std::uint32_t section = sections + i * 40;
      EXPECT_EQ(read<std::uint32_t>(*file, section + 12), read<std::uint32_t>(*file, section + 20));
    }
    EXPECT_EQ((*file)[0x1000], 0x90);
    EXPECT_EQ((*file)[0x1020], 0xCC) << "padding of code traps";
  }
}

TEST(PeWriter, OneRelocationBlockForEachPage) {
  const auto file = write_pe(small_image(Machine::x64), Subsystem::boot, 0x1000);
  ASSERT_TRUE(file.has_value());
  const std::uint32_t directory = read<std::uint32_t>(*file, 0x3C) + 24 + 112 + 5 * 8;
  const std::uint32_t at = read<std::uint32_t>(*file, directory);
  EXPECT_EQ(read<std::uint32_t>(*file, directory + 4), 24U);
  std::vector<std::uint32_t> words;
  for (std::uint32_t i = 0; i < 24; i += 4) words.push_back(read<std::uint32_t>(*file, at + i));
  EXPECT_THAT(words, ElementsAre(0x2000U, 12U, 0xA010A000U, 0x3000U, 12U, 0x0000A008U));
}

// The TE image read as its header says: the same bytes at the same addresses as in the PE image.
TEST(PeWriter, TheTerseImageIsThePeImageWithoutItsHeaders) {
  for (const Machine machine : {Machine::x64, Machine::ia32}) {
    const auto pe = write_pe(small_image(machine), Subsystem::runtime, 0x1000);
    const auto te = write_te(small_image(machine), Subsystem::runtime, 0x1000);
    ASSERT_TRUE(pe.has_value() && te.has_value());
    EXPECT_EQ(read<std::uint16_t>(*te, 0), 0x5A56U);
    EXPECT_EQ(read<std::uint16_t>(*te, 2), machine == Machine::x64 ? 0x8664 : 0x014C);
    EXPECT_EQ((*te)[4], 3U) << "sections";
    EXPECT_EQ((*te)[5], 12U) << "subsystem";
    const std::uint16_t stripped = read<std::uint16_t>(*te, 6);
    EXPECT_EQ(read<std::uint32_t>(*te, 8), 0x1010U) << "entry point";
    ASSERT_EQ(te->size(), pe->size() - stripped + 40);
    EXPECT_TRUE(std::equal(te->begin() + 40, te->end(), pe->begin() + stripped));
    EXPECT_EQ(read<std::uint32_t>(*te, 40 + 12), 0x1000U) << "address of the first section";
    EXPECT_EQ(read<std::uint32_t>(*te, 24), read<std::uint32_t>(*te, 40 + 2 * 40 + 12)) << "relocations";
  }
}

TEST(PeWriter, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(write_pe(small_image(Machine::x64), Subsystem::boot, 0x1800).has_value()) << "not a power of two";
  EXPECT_FALSE(write_pe(small_image(Machine::x64), Subsystem::boot, 0x2000).has_value()) << "segments not aligned";
  LinkedImage low = small_image(Machine::x64);
  low.segments[0].address = 0x40;
  low.entry = 0x40;
  EXPECT_FALSE(write_pe(low, Subsystem::boot, 0x40).has_value()) << "no room for headers";
}

LinkedImage guarded(const std::string& name) {
  FileBytes file = fixture(name);
  auto image = read_elf(file);
  EXPECT_TRUE(image.has_value()) << image.error().reason;
  return image.has_value() ? *image : LinkedImage{};
}

std::string guard_refusal(const std::string& name, std::string_view symbol = "__stack_chk_guard") {
  LinkedImage image = guarded(name);
  const auto redirected = redirect_stack_guard(image, symbol);
  return redirected.has_value() ? "accepted" : redirected.error().reason;
}

const Symbol& symbol_of(const LinkedImage& image, std::string_view name) {
  return *std::ranges::find(image.symbols, name, &Symbol::name);
}

// An image in this process's memory, ready to run.
class Mapped {
 public:
  explicit Mapped(const LinkedImage& image) : image_(image) {
    const Segment& last = image.segments.back();
    size_ = last.address + last.data.size();
    base_ = static_cast<std::uint8_t*>(
        mmap(nullptr, size_, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (const Segment& segment : image.segments) std::ranges::copy(segment.data, base_ + segment.address);
    for (const std::uint32_t fixup : image.fixups) {
      std::uint64_t value = 0;
      std::memcpy(&value, base_ + fixup, sizeof(value));
      value += reinterpret_cast<std::uintptr_t>(base_);
      std::memcpy(base_ + fixup, &value, sizeof(value));
    }
  }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  ~Mapped() { munmap(base_, size_); }

  template <typename T>
  void set(std::string_view variable, T value) {
    std::memcpy(base_ + symbol_of(image_, variable).address, &value, sizeof(value));
  }
  int run() const { return reinterpret_cast<int (*)()>(base_ + image_.entry)(); }

 private:
  const LinkedImage& image_;
  std::size_t size_ = 0;
  std::uint8_t* base_ = nullptr;
};

TEST(StackGuard, TheImageRunsWithItsOwnGuard) {
  const LinkedImage before = guarded("guarded");
  LinkedImage image = before;
  const auto redirected = redirect_stack_guard(image, "__stack_chk_guard");
  ASSERT_TRUE(redirected.has_value()) << redirected.error().reason;
  EXPECT_GE(*redirected, 4U) << "two functions, each reads its guard twice";
  const auto again = redirect_stack_guard(image, "__stack_chk_guard");
  ASSERT_TRUE(again.has_value()) << again.error().reason;
  EXPECT_EQ(*again, 0U);

  // What only looks like an access is left alone.
  ASSERT_EQ(image.segments.size(), before.segments.size());
  for (std::size_t i = 0; i < image.segments.size(); ++i) {
    EXPECT_EQ(image.segments[i].data == before.segments[i].data, image.segments[i].access != Access::execute);
  }

  Mapped mapped(image);
  mapped.set("__stack_chk_guard", std::uint64_t{0xFEDCBA9876543210});
  EXPECT_EQ(mapped.run(), 0x64 + 0x48 - 0x75 + 0x04 + 0x25 + 0x28) << "8B is negative as a char";
  mapped.set("count", 120);
  EXPECT_EXIT(mapped.run(), testing::KilledBySignal(SIGILL), "") << "__stack_chk_fail traps";
}

TEST(StackGuard, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(guard_refusal("guarded_reads_fs"), HasSubstr("isn't the stack protector's, at reads_fs+0x"));
  EXPECT_THAT(guard_refusal("guarded_reads_gs"), HasSubstr("isn't the stack protector's, at reads_gs+0x"));
  EXPECT_THAT(guard_refusal("guarded_stray_code"), HasSubstr("code that belongs to no function at 0x"));
  EXPECT_THAT(guard_refusal("guarded_stripped"), HasSubstr("there is no variable"));
  EXPECT_THAT(guard_refusal("guarded", "another"), HasSubstr("there is no variable another"));
  EXPECT_THAT(guard_refusal("guarded", "__small_guard"), HasSubstr("isn't a variable of 8 bytes"));
  EXPECT_THAT(guard_refusal("guarded", "entry"), HasSubstr("isn't a variable of 8 bytes"));
  EXPECT_THAT(guard_refusal("good_ia32"), HasSubstr("x86-64 only"));
}

// One function f at 0x1000 of these bytes and a return, and its guard at 0x2000.
LinkedImage code_image(FileBytes code) {
  code.push_back(0xC3);
  const auto size = static_cast<std::uint32_t>(code.size());
  return {.entry = 0x1000,
          .segments = {{0x1000, Access::execute, std::move(code)}, {0x2000, Access::read_write, FileBytes(32)}},
          .symbols = {{"f", 0x1000, size, true}, {"guard", 0x2000, 8, false}},
          .fixups = {}};
}

std::string outcome(LinkedImage& image) {
  const auto redirected = redirect_stack_guard(image, "guard");
  return redirected.has_value() ? std::format("{} redirected", *redirected) : redirected.error().reason;
}

std::string outcome_of(FileBytes code) {
  LinkedImage image = code_image(std::move(code));
  return outcome(image);
}

const FileBytes load_guard = {0x64, 0x48, 0x8B, 0x04, 0x25, 0x28, 0x00, 0x00, 0x00};  // mov rax, fs:[0x28]

TEST(StackGuard, EveryFormOfAnAccess) {
  struct Form {
    const char* name;
    FileBytes before;
    FileBytes after;  // distances from the instruction's end, 0x1000 plus its length, to 0x2000
  };
  const Form forms[] = {
      {"mov rax", load_guard, {0x3E, 0x3E, 0x48, 0x8B, 0x05, 0xF7, 0x0F, 0x00, 0x00}},
      {"mov r15",
       {0x64, 0x4C, 0x8B, 0x3C, 0x25, 0x28, 0x00, 0x00, 0x00},
       {0x3E, 0x3E, 0x4C, 0x8B, 0x3D, 0xF7, 0x0F, 0x00, 0x00}},
      {"sub rdx",
       {0x64, 0x48, 0x2B, 0x14, 0x25, 0x28, 0x00, 0x00, 0x00},
       {0x3E, 0x3E, 0x48, 0x2B, 0x15, 0xF7, 0x0F, 0x00, 0x00}},
      {"xor rcx",
       {0x64, 0x48, 0x33, 0x0C, 0x25, 0x28, 0x00, 0x00, 0x00},
       {0x3E, 0x3E, 0x48, 0x33, 0x0D, 0xF7, 0x0F, 0x00, 0x00}},
      {"cmp rax",
       {0x64, 0x48, 0x3B, 0x04, 0x25, 0x28, 0x00, 0x00, 0x00},
       {0x3E, 0x3E, 0x48, 0x3B, 0x05, 0xF7, 0x0F, 0x00, 0x00}},
      {"cmp of memory",
       {0x64, 0x48, 0x39, 0x04, 0x25, 0x28, 0x00, 0x00, 0x00},
       {0x3E, 0x3E, 0x48, 0x39, 0x05, 0xF7, 0x0F, 0x00, 0x00}},
      {"cmp with a number behind",
       {0x64, 0x48, 0x83, 0x3C, 0x25, 0x28, 0x00, 0x00, 0x00, 0x7F},
       {0x3E, 0x3E, 0x48, 0x83, 0x3D, 0xF6, 0x0F, 0x00, 0x00, 0x7F}},
      {"another prefix",
       {0x66, 0x64, 0x48, 0x8B, 0x04, 0x25, 0x28, 0x00, 0x00, 0x00},
       {0x3E, 0x3E, 0x66, 0x48, 0x8B, 0x05, 0xF6, 0x0F, 0x00, 0x00}},
  };
  for (const Form& form : forms) {
    SCOPED_TRACE(form.name);
    LinkedImage image = code_image(form.before);
    EXPECT_EQ(outcome(image), "1 redirected");
    FileBytes expected = form.after;
    expected.push_back(0xC3);
    EXPECT_EQ(image.segments[0].data, expected);
  }
}

TEST(StackGuard, RefusesOtherFormsOfAnAccess) {
  const auto not_the_protectors = HasSubstr("isn't the stack protector's, at f+0x0");
  EXPECT_THAT(outcome_of({0x64, 0x8B, 0x04, 0x25, 0x28, 0, 0, 0}), not_the_protectors) << "4 bytes";
  EXPECT_THAT(outcome_of({0x48, 0x64, 0x8B, 0x04, 0x25, 0x28, 0, 0, 0}), not_the_protectors) << "REX has no effect";
  EXPECT_THAT(outcome_of({0x64, 0x48, 0x8B, 0x04, 0x25, 0x30, 0, 0, 0}), not_the_protectors) << "another place";
  EXPECT_THAT(outcome_of({0x64, 0x48, 0x8B, 0x40, 0x28}), not_the_protectors) << "from a register";
  EXPECT_THAT(outcome_of({0x64, 0x4A, 0x8B, 0x04, 0x25, 0x28, 0, 0, 0}), not_the_protectors) << "an index";
  EXPECT_THAT(outcome_of({0x64, 0x48, 0x8B, 0x05, 0x28, 0, 0, 0}), not_the_protectors) << "relative to RIP";
  EXPECT_THAT(outcome_of({0x64, 0x67, 0x48, 0x8B, 0x04, 0x25, 0x28, 0, 0, 0}), not_the_protectors) << "32-bit address";
  EXPECT_THAT(outcome_of({0x64, 0x48, 0xA1, 0x28, 0, 0, 0, 0, 0, 0, 0}), not_the_protectors) << "64-bit address";
  EXPECT_THAT(outcome_of({0x64, 0x48, 0x89, 0x04, 0x25, 0x28, 0, 0, 0}), not_the_protectors) << "a write";
  EXPECT_THAT(outcome_of({0x64, 0x48, 0x31, 0x04, 0x25, 0x28, 0, 0, 0}), not_the_protectors) << "a change";
  EXPECT_THAT(outcome_of({0x64, 0xFF, 0x34, 0x25, 0x28, 0, 0, 0}), not_the_protectors) << "push";
  EXPECT_THAT(outcome_of({0x65, 0x48, 0x8B, 0x04, 0x25, 0x28, 0, 0, 0}), not_the_protectors) << "GS";
  EXPECT_THAT(outcome_of({0x64, 0xA4}), not_the_protectors) << "a string instruction";
  EXPECT_THAT(outcome_of({0x8E, 0xE0}), not_the_protectors) << "mov fs, eax";
  EXPECT_THAT(outcome_of({0xF3, 0x48, 0x0F, 0xAE, 0xD0}), not_the_protectors) << "wrfsbase";
  EXPECT_THAT(outcome_of({0x0F, 0x01, 0xF8}), not_the_protectors) << "swapgs";
  EXPECT_THAT(outcome_of({0x0F, 0xA0}), not_the_protectors) << "push fs";
  EXPECT_THAT(outcome_of({0x64, 0x64, 0x48, 0x8B, 0x04, 0x25, 0x28, 0, 0, 0}), HasSubstr("can't be redirected"));
}

TEST(StackGuard, RefusesWhatIsNotInStep) {
  EXPECT_THAT(outcome_of({0x06}), HasSubstr("no instruction at f+0x0"));
  EXPECT_THAT(outcome_of({0x48, 0xB8}), HasSubstr("no instruction at f+0x0")) << "it would go on behind the function";
  // jmp into the number of the mov behind it, which is an access then.
  FileBytes hidden = {0xEB, 0x02, 0x48, 0xB8};
  hidden.insert(hidden.end(), load_guard.begin(), load_guard.end());
  EXPECT_THAT(outcome_of(hidden), HasSubstr("the branch at 0x1000 leads to 0x1004, where no instruction begins"));
  hidden[1] = 0x0A;
  EXPECT_THAT(outcome_of(hidden), HasSubstr("what looks like an access of FS:0x28 is left at 0x1007"));

  LinkedImage entry = code_image(load_guard);
  entry.entry = 0x1001;
  EXPECT_THAT(outcome(entry), HasSubstr("the entry point is inside an instruction"));
  LinkedImage inner = code_image(load_guard);
  inner.symbols.insert(inner.symbols.begin() + 1, {"inner", 0x1001, 8, true});
  EXPECT_THAT(outcome(inner), HasSubstr("function inner begins inside an instruction"));
  LinkedImage alias = code_image(load_guard);
  alias.symbols.insert(alias.symbols.begin() + 1, {"alias", 0x1009, 1, true});
  EXPECT_EQ(outcome(alias), "1 redirected");
  LinkedImage overlapping = code_image(load_guard);
  overlapping.symbols[0].size = 9;
  overlapping.symbols.insert(overlapping.symbols.begin() + 1, {"second", 0x1005, 5, true});
  EXPECT_THAT(outcome(overlapping), HasSubstr("function second overlaps the one before it"));
  LinkedImage beyond = code_image(load_guard);
  beyond.symbols[0].size = 11;
  EXPECT_THAT(outcome(beyond), HasSubstr("function f reaches beyond its segment"));
  LinkedImage sizeless = code_image(load_guard);
  sizeless.symbols[0].size = 0;
  EXPECT_THAT(outcome(sizeless), HasSubstr("code that belongs to no function at 0x1000"));
}

// A call of the next function, over padding of every kind, and back past an access.
TEST(StackGuard, BranchesToInstructionsAndPaddingAreFine) {
  FileBytes code = load_guard;
  code.insert(code.end(), {0xEB, 0xF5, 0xE8, 0x06, 0, 0, 0, 0x00, 0xCC, 0x0F, 0x1F, 0x40, 0x00});
  LinkedImage image = code_image(code);
  image.symbols[0].size = 16;
  image.symbols.insert(image.symbols.begin() + 1, {"g", 0x1016, 1, true});
  EXPECT_EQ(outcome(image), "1 redirected");
}

TEST(StackGuard, RefusesReferencesToAPartOfAnAccess) {
  for (const std::uint32_t fixup : {0x1000U, 0x1001U, 0x1008U}) {
    LinkedImage image = code_image(load_guard);
    image.fixups = {fixup};
    EXPECT_THAT(outcome(image), HasSubstr("a relocation in the stack protector's access at f+0x0")) << fixup;
  }
  FileBytes number = {0x48, 0xB8, 0, 0x10, 0, 0, 0, 0, 0, 0};  // mov rax, 0x1000
  number.insert(number.end(), load_guard.begin(), load_guard.end());
  LinkedImage beside = code_image(number);
  beside.fixups = {0x1002};
  EXPECT_EQ(outcome(beside), "1 redirected");

  for (const unsigned part : {1U, 8U}) {
    LinkedImage table = code_image(load_guard);
    table.segments[1].data[8] = static_cast<std::uint8_t>(part);
    table.segments[1].data[9] = 0x10;
    table.fixups = {0x2008};
    EXPECT_THAT(outcome(table), HasSubstr("the address at 0x2008 is of a part of the stack protector's access"));
    FileBytes lea = load_guard;
    lea.insert(lea.end(),
               {0x48, 0x8D, 0x05, static_cast<std::uint8_t>(-16 + static_cast<int>(part)), 0xFF, 0xFF, 0xFF});
    EXPECT_THAT(outcome_of(lea), HasSubstr("the instruction at 0x1009 refers to a part of"));
    FileBytes jump = load_guard;
    jump.insert(jump.end(), {0xEB, static_cast<std::uint8_t>(-11 + static_cast<int>(part))});
    EXPECT_THAT(outcome_of(jump), HasSubstr("the branch at 0x1009 leads to 0x100"));
  }
}

TEST(StackGuard, TheGuardIsOneVariableThatCanBeWritten) {
  LinkedImage constant = code_image(load_guard);
  constant.segments[1].access = Access::read_only;
  EXPECT_THAT(outcome(constant), HasSubstr("guard isn't a variable of 8 bytes that can be written"));
  LinkedImage two = code_image(load_guard);
  two.symbols.push_back({"guard", 0x2008, 8, false});
  EXPECT_THAT(outcome(two), HasSubstr("there is more than one guard"));
  LinkedImage at_the_end = code_image(load_guard);
  at_the_end.symbols[1].address = 0x2018;
  EXPECT_EQ(outcome(at_the_end), "1 redirected");
  at_the_end.symbols[1].address = 0x2019;
  EXPECT_THAT(outcome(at_the_end), HasSubstr("guard isn't a variable"));
}

struct Ending {
  int status;
  std::string text;  // on standard output and error
};

Ending run_elf2pe(const std::string& arguments) {
  FILE* pipe = popen(("'" REDOUBT_ELF2PE "' " + arguments + " 2>&1 < /dev/null").c_str(), "r");
  std::string text;
  for (int character = 0; (character = std::fgetc(pipe)) != EOF;) text += static_cast<char>(character);
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text};
}

TEST(Command, WritesAnImageOrSaysInOneLineWhyNot) {
  const std::filesystem::path folder = testing::TempDir() + "elf2pe_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder / "empty");
  const std::string good = REDOUBT_ELF2PE_FIXTURES "/good_x64.elf ";
  const std::string guarded_input = REDOUBT_ELF2PE_FIXTURES "/guarded.elf ";
  const std::string output = "-o " + (folder / "image.efi").string() + " --subsystem boot ";

  const std::pair<std::string, const char*> wrong[] = {
      {"", "input is required"},
      {good + output + "another", "another"},
      {(folder / "none.elf ").string() + output, "none.elf: cannot be read"},
      {(folder / "empty ").string() + output, "empty: is not a regular file"},
      {"/dev/null " + output, "/dev/null: is not a regular file"},
      {good + "--subsystem boot -o " + (folder / "empty").string(), "empty: is not a regular file"},
      {good + "--subsystem boot -o " + (folder / "none/image.efi").string(), "none/image.efi: cannot be written"},
      {good + output + "--align 48", "alignment 48 is not a power of two"},
      {good + output + "--align many", "many"},
      {good + "-o " + (folder / "image.efi").string() + " --subsystem kernel", "kernel"},
      {guarded_input + output + "--stack-guard ''", "there is no variable"},
      {guarded_input + output + "--stack-guard count", "count isn't a variable of 8 bytes"},
      {REDOUBT_ELF2PE_FIXTURES "/guarded_reads_fs.elf " + output + "--stack-guard __stack_chk_guard", "reads_fs+0x"},
  };
  for (const auto& [arguments, reason] : wrong) {
    SCOPED_TRACE(arguments);
    const Ending ending = run_elf2pe(arguments);
    EXPECT_EQ(ending.status, 2);
    EXPECT_THAT(ending.text, AllOf(StartsWith("elf2pe: "), HasSubstr(reason)));
    EXPECT_EQ(std::ranges::count(ending.text, '\n'), 1) << ending.text;
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1) << "something was written";
  }

  EXPECT_EQ(run_elf2pe("--help").status, 0);
  for (int time = 0; time < 2; ++time) {
    const Ending written = run_elf2pe(guarded_input + output + "--stack-guard __stack_chk_guard");
    EXPECT_EQ(written.status, 0);
    EXPECT_EQ(written.text, "");
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 2);
  EXPECT_EQ(std::filesystem::file_size(folder / "image.efi") % 4096, 0U);
  std::filesystem::remove_all(folder);
}

// Whatever happens to the code, a result has no access of FS left that a processor would find where functions begin.
TEST(StackGuard, NoFlippedBitOfCodeGetsAnAccessThrough) {
  const LinkedImage whole = guarded("guarded");
  unsigned accepted = 0;
  for (std::size_t bit = 0; bit < whole.segments[0].data.size() * 8; ++bit) {
    LinkedImage image = whole;
    image.segments[0].data[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    if (!redirect_stack_guard(image, "__stack_chk_guard").has_value()) continue;
    ++accepted;
    EXPECT_EQ(redirect_stack_guard(image, "__stack_chk_guard").value_or(1), 0U) << bit;
  }
  EXPECT_GT(accepted, 0U);
}

}  // namespace
}  // namespace redoubt::elf2pe
