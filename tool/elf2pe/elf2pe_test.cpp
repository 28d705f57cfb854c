// SPDX-License-Identifier: BSD-2-Clause-Patent
// The reader is tested on ELF files that the build links with the guest images' own linker script (one good program
// for each machine, one bad one for each refusal); the writer on an image made up here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/mman.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string>

#include "elf_reader.hpp"
#include "pe_writer.hpp"
#include "stack_guard.hpp"

namespace redoubt::elf2pe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
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

}  // namespace
}  // namespace redoubt::elf2pe
