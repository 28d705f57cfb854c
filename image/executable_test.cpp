// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "image/executable.hpp"

#include <gtest/gtest.h>

#include "image/testing/builder.hpp"

namespace redoubt::image {
namespace {

namespace pe = abi::pe;
using namespace testing;

constexpr PeOptions ia32 = {.pe32_plus = false, .machine = pe::machine_ia32};
constexpr std::size_t nt_position = 0x40;
constexpr std::size_t optional_position = nt_position + 4 + sizeof(pe::CoffHeader);

Error error_of(const Buffer& bytes) {
  const auto result = ExecutableView::create(bytes);
  EXPECT_FALSE(result.has_value());
  return result.has_value() ? Error::not_found : result.error().code;
}

TEST(ExecutableView, ReadsPe32Plus) {
  const Buffer bytes = pe_image();
  const auto image = ExecutableView::create(bytes).value();
  EXPECT_EQ(image.format(), ExecutableFormat::pe32_plus);
  EXPECT_EQ(image.machine(), pe::machine_x64);
  EXPECT_EQ(image.subsystem(), pe::subsystem_boot_service_driver);
  EXPECT_EQ(image.image_base(), 0x400000u);
  EXPECT_EQ(image.image_size(), pe_image_size);
  EXPECT_EQ(image.entry_point(), pe_entry);
  EXPECT_TRUE(image.relocatable());
  EXPECT_TRUE(image.page_protectable());
  ASSERT_EQ(image.section_count(), 3u);
  const auto text = image.section(0);
  EXPECT_EQ(text.name_view(), ".text");
  EXPECT_TRUE(text.executable() && text.readable() && !text.writable());
  EXPECT_EQ(text.data.size(), 0x30u);  // no more than its size in memory
  const auto data = image.section(1);
  EXPECT_TRUE(data.writable() && !data.executable());
  EXPECT_EQ(data.memory_size, 0x100u);
  EXPECT_EQ(data.data.size(), 0x20u);
}

TEST(ExecutableView, ReadsPe32AndTe) {
  const Buffer pe32 = pe_image(ia32);
  EXPECT_EQ(ExecutableView::create(pe32).value().format(), ExecutableFormat::pe32);
  const Buffer te = te_image();
  const auto image = ExecutableView::create(te).value();
  EXPECT_EQ(image.format(), ExecutableFormat::te);
  EXPECT_EQ(image.image_size(), 0x300Cu);
  EXPECT_EQ(image.entry_point(), pe_entry);
  EXPECT_EQ(image.section(0).data.front(), std::byte{0xC3});
}

template <typename Pointer>
void expect_loads(const Buffer& bytes, std::uint64_t base) {
  const auto image = ExecutableView::create(bytes).value();
  Buffer memory = repeated(image.image_size() + 16, 0xEE);
  const auto loaded = image.load_into(memory, base);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().reason;
  EXPECT_EQ(memory[pe_entry], std::byte{0xC3});
  EXPECT_EQ(read_at<Pointer>(memory, pe_pointer).value(), static_cast<Pointer>(base + pe_entry));
  EXPECT_EQ(memory[0x20FF], std::byte{0});  // zeroed
  EXPECT_EQ(memory[0x1FFF], std::byte{0});
  EXPECT_EQ(memory[image.image_size()], std::byte{0xEE});  // not ours
  // The loaded image says where it lies.
  EXPECT_EQ(ExecutableView::create(memory).value().image_base(), base);
}

TEST(ExecutableView, LoadsAndRelocates) {
  for (const std::uint64_t base : {std::uint64_t{0x400000}, std::uint64_t{0x1F000000}, std::uint64_t{0x1000}}) {
    expect_loads<std::uint64_t>(pe_image(), base);
    expect_loads<std::uint32_t>(pe_image(ia32), base);
    expect_loads<std::uint64_t>(te_image(), base);
  }
  expect_loads<std::uint64_t>(pe_image(), 0x7FFF00000000);
}

TEST(ExecutableView, RefusesBasesItCannotRunAt) {
  const Buffer narrow = pe_image(ia32);
  const auto image = ExecutableView::create(narrow).value();
  Buffer memory(image.image_size());
  EXPECT_TRUE(image.load_into(memory, 0xFFFFC000).has_value());
  EXPECT_EQ(image.load_into(memory, 0xFFFFD000).error().code, Error::unsupported);
  EXPECT_EQ(image.load_into(memory, 0x100000000).error().code, Error::unsupported);
  EXPECT_EQ(image.load_into(MutableBytes(memory).first(memory.size() - 1), 0x1000).error().code, Error::out_of_memory);
  const Buffer wide = pe_image();
  EXPECT_EQ(ExecutableView::create(wide).value().load_into(memory, ~std::uint64_t{0} - 0x1000).error().code,
            Error::unsupported);
}

TEST(ExecutableView, KeepsAnImageWithoutRelocationsAtItsBase) {
  Buffer bytes = pe_image();
  put(bytes, nt_position + 4 + offsetof(pe::CoffHeader, characteristics),
      static_cast<std::uint16_t>(pe::file_executable | pe::file_relocations_stripped));
  const auto image = ExecutableView::create(bytes).value();
  EXPECT_FALSE(image.relocatable());
  Buffer memory(image.image_size());
  EXPECT_TRUE(image.load_into(memory, 0x400000).has_value());
  EXPECT_EQ(image.load_into(memory, 0x500000).error().code, Error::unsupported);
}

TEST(ExecutableView, WalksRelocations) {
  const Buffer bytes = pe_image();
  auto cursor = ExecutableView::create(bytes).value().relocations();
  const auto relocation = cursor.next().value();
  EXPECT_EQ(relocation->rva, pe_pointer);
  EXPECT_EQ(relocation->type, pe::RelocationType::dir64);
  EXPECT_EQ(relocation->width, 8u);
  EXPECT_FALSE(cursor.next().value().has_value());
}

TEST(ExecutableView, RefusesBadRelocations) {
  const std::size_t table = 0x800;
  const auto load_error = [](const Buffer& bytes) {
    const auto image = ExecutableView::create(bytes).value();
    Buffer memory(image.image_size());
    const auto loaded = image.load_into(memory, 0x1000000);
    EXPECT_FALSE(loaded.has_value());
    return loaded.has_value() ? Error::not_found : loaded.error().code;
  };
  Buffer bytes = pe_image();
  put(bytes, table, pe::RelocationBlock{0x2000, 0});  // would never end
  EXPECT_EQ(load_error(bytes), Error::malformed);
  put(bytes, table, pe::RelocationBlock{0x2000, 11});
  EXPECT_EQ(load_error(bytes), Error::malformed);
  put(bytes, table, pe::RelocationBlock{0x2000, 0x2000});
  EXPECT_EQ(load_error(bytes), Error::truncated);
  put(bytes, table, pe::RelocationBlock{0xFFFFF000, 12});
  EXPECT_EQ(load_error(bytes), Error::malformed);
  put(bytes, table, pe::RelocationBlock{0x0000, 12});  // the headers
  EXPECT_EQ(load_error(bytes), Error::malformed);
  bytes = pe_image();
  put(bytes, table + 8, static_cast<std::uint16_t>(10 << 12 | 0x0F9));  // one byte over the section's end
  EXPECT_EQ(load_error(bytes), Error::malformed);
  put(bytes, table + 8, static_cast<std::uint16_t>(10 << 12 | 0x0F8));
  const auto image = ExecutableView::create(bytes).value();
  Buffer memory(image.image_size());
  EXPECT_TRUE(image.load_into(memory, 0x1000000).has_value());
  put(bytes, table + 8, static_cast<std::uint16_t>(5 << 12 | 8));
  EXPECT_EQ(load_error(bytes), Error::unsupported);
  bytes = pe_image();  // the table itself is nowhere
  put(bytes, optional_position + sizeof(pe::OptionalHeader64) + pe::directory_relocations * 8,
      pe::DataDirectory{0x2FF0, 0x40});
  EXPECT_EQ(load_error(bytes), Error::malformed);
}

TEST(ExecutableView, RefusesDamagedHeaders) {
  using Optional = pe::OptionalHeader64;
  const Buffer good = pe_image();
  Buffer bytes = good;
  put(bytes, nt_position, std::uint32_t{0});
  EXPECT_EQ(error_of(bytes), Error::malformed);
  bytes = good;
  put(bytes, offsetof(pe::DosHeader, new_header_offset), std::uint32_t{0xFFFFFFFC});
  EXPECT_EQ(error_of(bytes), Error::truncated);
  bytes = good;
  put(bytes, optional_position, std::uint16_t{0x107});
  EXPECT_EQ(error_of(bytes), Error::unsupported);
  for (const std::uint16_t count : {std::uint16_t{0}, std::uint16_t{97}, std::uint16_t{0xFFFF}}) {
    bytes = good;
    put(bytes, nt_position + 4 + offsetof(pe::CoffHeader, section_count), count);
    EXPECT_EQ(error_of(bytes), Error::malformed) << count;
  }
  bytes = good;
  put(bytes, nt_position + 4 + offsetof(pe::CoffHeader, optional_header_size), std::uint16_t{0x10});
  EXPECT_EQ(error_of(bytes), Error::malformed);
  bytes = good;
  put(bytes, optional_position + offsetof(Optional, headers_size), std::uint32_t{0x100000});
  EXPECT_EQ(error_of(bytes), Error::truncated);
  bytes = good;
  put(bytes, optional_position + offsetof(Optional, image_size), std::uint32_t{0x300B});
  EXPECT_EQ(error_of(bytes), Error::malformed);
  bytes = good;
  put(bytes, optional_position + offsetof(Optional, entry_point), std::uint32_t{0x1030});
  EXPECT_EQ(error_of(bytes), Error::malformed);
  bytes = good;
  put(bytes, optional_position + offsetof(Optional, section_alignment), std::uint32_t{3});
  EXPECT_EQ(error_of(bytes), Error::malformed);
}

TEST(ExecutableView, RefusesDamagedSections) {
  const std::size_t data = pe_section_header({}, 1);
  const Buffer good = pe_image();
  Buffer bytes = good;
  put(bytes, data + offsetof(pe::SectionHeader, rva), std::uint32_t{0x1020});  // into .text
  EXPECT_EQ(error_of(bytes), Error::malformed);
  bytes = good;
  put(bytes, data + offsetof(pe::SectionHeader, rva), std::uint32_t{0x100});  // into the headers
  EXPECT_EQ(error_of(bytes), Error::malformed);
  bytes = good;
  put(bytes, data + offsetof(pe::SectionHeader, virtual_size), std::uint32_t{0xFFFFFFFF});
  EXPECT_EQ(error_of(bytes), Error::malformed);
  bytes = good;
  put(bytes, data + offsetof(pe::SectionHeader, raw_offset), std::uint32_t{0xFFFFFFF0});
  EXPECT_EQ(error_of(bytes), Error::truncated);
  Buffer te = te_image();
  put(te, sizeof(pe::TeHeader) + offsetof(pe::SectionHeader, raw_offset), std::uint32_t{8});  // in what was stripped
  EXPECT_EQ(error_of(te), Error::truncated);
  te = te_image();
  put(te, offsetof(pe::TeHeader, stripped_size), std::uint16_t{39});
  EXPECT_EQ(error_of(te), Error::malformed);
}

TEST(ExecutableView, SaysWhichImagesPagesCannotProtect) {
  const std::size_t text = pe_section_header({}, 0);
  Buffer bytes = pe_image();
  put(bytes, text + offsetof(pe::SectionHeader, characteristics),
      pe::section_execute | pe::section_write | pe::section_read);
  EXPECT_FALSE(ExecutableView::create(bytes).value().page_protectable());
  bytes = pe_image();
  put(bytes, pe_section_header({}, 2) + offsetof(pe::SectionHeader, rva), std::uint32_t{0x2800});
  EXPECT_FALSE(ExecutableView::create(bytes).value().page_protectable());
}

TEST(ExecutableView, RefusesEveryTruncation) {
  for (const Buffer& bytes : {pe_image(), pe_image(ia32), te_image()}) {
    const auto whole = ExecutableView::create(bytes).value();
    const std::size_t needed = whole.section(2).file_offset + whole.section(2).data.size();
    for (std::size_t size = 0; size < needed; ++size) {
      ASSERT_FALSE(ExecutableView::create(view(bytes).first(size)).has_value()) << size;
    }
  }
}

TEST(ExecutableViewDeathTest, TrapsOnASectionThatIsntThere) {
  const Buffer bytes = pe_image();
  const auto image = ExecutableView::create(bytes).value();
  EXPECT_DEATH(static_cast<void>(image.section(3)), "");
}

}  // namespace
}  // namespace redoubt::image
