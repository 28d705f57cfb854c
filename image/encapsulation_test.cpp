// SPDX-License-Identifier: BSD-2-Clause-Patent
// Every encoding of a section, both ways where there is an encoder. UEFI's own compression has none here: fixtures/
// holds what edk2's TianoCompress made of the bytes that mixed() makes.
#include "image/encapsulation.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "image/brotli.hpp"
#include "image/efi_compression.hpp"
#include "image/testing/builder.hpp"
#include "image/tree.hpp"

namespace redoubt::image {
namespace {

using namespace testing;
using abi::SectionType;

constexpr abi::Guid name_a = {0xA, 0, 0, {}};

void append_noise(Buffer& bytes, std::size_t count, std::uint32_t state) {
  for (std::size_t i = 0; i < count; ++i) {
    state = state * 1664525 + 1013904223;
    bytes.push_back(static_cast<std::byte>(state >> 24));
  }
}

// Noise, zeros, the same noise from so far back that only the Tiano form reaches it, text, and other noise.
Buffer mixed() {
  Buffer bytes;
  append_noise(bytes, 1200, 1);
  bytes.resize(bytes.size() + 12'000);
  append_noise(bytes, 1200, 1);
  for (int i = 0; i < 50; ++i) {
    const Buffer text = bytes_of("Management Mode ");
    bytes.insert(bytes.end(), text.begin(), text.end());
  }
  append_noise(bytes, 300, 2);
  return bytes;
}

Buffer fixture(const char* name) {
  std::ifstream input(std::string(REDOUBT_IMAGE_FIXTURES "/") + name, std::ios::binary);
  EXPECT_TRUE(input.good()) << name;
  const std::string text(std::istreambuf_iterator<char>(input), {});
  return bytes_of(text);
}

struct Form {
  const char* file;
  EfiCompression compression;
};
constexpr Form forms[] = {{"efi_standard.bin", EfiCompression::standard}, {"tiano.bin", EfiCompression::tiano}};

TEST(EfiCompression, ExpandsWhatEdk2Compressed) {
  for (const Form& form : forms) {
    const auto expanded = efi_expand(fixture(form.file), 0, 1 << 20, form.compression);
    ASSERT_TRUE(expanded.has_value()) << form.file << ": " << expanded.error().reason;
    EXPECT_EQ(*expanded, mixed()) << form.file;
  }
}

// 5,000 times the letter A, by edk2's TianoCompress: codes of a single symbol, a copy that overlaps itself.
TEST(EfiCompression, ExpandsRuns) {
  constexpr std::uint8_t standard[] = {0x10, 0,    0,    0,    0x88, 0x13, 0,    0,    0, 0x15, 0x28, 4,
                                       0x4B, 0xFC, 0x16, 0xE9, 0x76, 0x32, 0x40, 0x10, 0, 0,    0xC0, 0};
  constexpr std::uint8_t tiano[] = {0x10, 0,    0,    0,    0x88, 0x13, 0,    0, 0, 0x15, 0x28, 4,
                                    0x4B, 0xFC, 0x16, 0xE9, 0x76, 0x32, 0x40, 4, 0, 0,    0x30, 0};
  const auto expand = [](std::span<const std::uint8_t> bytes, EfiCompression compression) {
    return efi_expand(std::as_bytes(bytes), 0, 1 << 20, compression);
  };
  EXPECT_EQ(expand(standard, EfiCompression::standard).value(), repeated(5000, 'A'));
  EXPECT_EQ(expand(tiano, EfiCompression::tiano).value(), repeated(5000, 'A'));
}

TEST(EfiCompression, RefusesDamage) {
  for (const Form& form : forms) {
    const Buffer good = fixture(form.file);
    const auto error = [&](const Buffer& bytes, std::uint64_t limit = 1 << 20) {
      const auto result = efi_expand(bytes, 0x100, limit, form.compression);
      return result.has_value() ? Error{} : result.error().code;
    };
    EXPECT_EQ(error(Buffer(good.begin(), good.begin() + 7)), Error::truncated);
    EXPECT_EQ(error(Buffer(good.begin(), good.end() - 10)), Error::truncated);
    EXPECT_EQ(error(good, mixed().size() - 1), Error::unsupported);
    Buffer larger = good;
    put(larger, 4, std::uint32_t{1} << 19);  // claims to expand to more than there is
    EXPECT_FALSE(efi_expand(larger, 0, 1 << 20, form.compression).has_value());
    for (std::size_t cut = 8; cut + 1 < good.size(); cut += 13) {  // with a header that agrees
      Buffer shorter(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(cut));
      put(shorter, 0, static_cast<std::uint32_t>(cut - 8));
      EXPECT_FALSE(efi_expand(shorter, 0, 1 << 20, form.compression).has_value()) << cut;
    }
    // Any one byte changed: another result or an error, never more bytes than announced.
    for (std::size_t i = 8; i < good.size(); ++i) {
      Buffer changed = good;
      changed[i] ^= std::byte{0x55};
      const auto result = efi_expand(changed, 0, 1 << 20, form.compression);
      EXPECT_TRUE(!result.has_value() || result->size() == mixed().size());
    }
  }
}

TEST(BrotliExpand, RefusesDamage) {
  const Buffer section_bytes = brotli_section(repeated(100'000, 0x11));
  const Bytes payload = SectionView::create(section_bytes, 0).value().payload();
  EXPECT_EQ(brotli_expand(payload, 0, 1 << 20).value(), repeated(100'000, 0x11));
  EXPECT_EQ(brotli_expand(payload.first(15), 0, 1 << 20).error().code, Error::truncated);
  EXPECT_EQ(brotli_expand(payload.first(payload.size() - 2), 0, 1 << 20).error().code, Error::truncated);
  EXPECT_EQ(brotli_expand(payload, 0, 99'999).error().code, Error::unsupported);
  Buffer other(payload.begin(), payload.end());
  put(other, 0, std::uint64_t{100'001});
  EXPECT_EQ(brotli_expand(other, 0, 1 << 20).error().code, Error::malformed);
  put(other, 0, std::uint64_t{99'999});
  EXPECT_EQ(brotli_expand(other, 0, 1 << 20).error().code, Error::malformed);
  Buffer noise(64, std::byte{0xFF});
  put(noise, 0, std::uint64_t{100});
  EXPECT_EQ(brotli_expand(noise, 0, 1 << 20).error().code, Error::malformed);
}

TEST(Encapsulation, IsRecognised) {
  const Buffer inner = section(SectionType::raw, bytes_of("abcd"));
  Buffer standard;
  put(standard, 0, abi::CompressionSectionFields{15'500, abi::compression_standard});
  Buffer plain;
  put(plain, 0, abi::CompressionSectionFields{8, abi::compression_none});
  Buffer odd;
  put(odd, 0, abi::CompressionSectionFields{8, 7});
  const auto of = [](const Buffer& bytes) { return encapsulation_of(SectionView::create(bytes, 0).value()); };
  const auto name_of = [](const Buffer& bytes) { return encoding_name(SectionView::create(bytes, 0).value()); };
  const std::uint16_t required = abi::guided_section_processing_required;
  EXPECT_EQ(of(inner), Encapsulation::none);
  EXPECT_EQ(of(section(SectionType::disposable, inner)), Encapsulation::plain);
  EXPECT_EQ(of(section(SectionType::compression, inner, plain)), Encapsulation::plain);
  EXPECT_EQ(of(section(SectionType::compression, inner, odd)), Encapsulation::unknown);
  EXPECT_EQ(name_of(section(SectionType::compression, inner, odd)), "compression type 0x07");
  EXPECT_EQ(of(lzma_section(inner)), Encapsulation::lzma);
  EXPECT_EQ(of(brotli_section(inner)), Encapsulation::brotli);
  EXPECT_EQ(name_of(brotli_section(inner)), "Brotli");
  EXPECT_EQ(of(guided_section(name_a, 0, {}, inner)), Encapsulation::plain);
  EXPECT_EQ(of(guided_section(name_a, required, {}, inner)), Encapsulation::unknown);
  EXPECT_EQ(name_of(guided_section(name_a, required, {}, inner)), "0000000a-0000-0000-0000-000000000000");
  EXPECT_EQ(of(guided_section(abi::section_lzma_x86_guid, required, {}, inner)), Encapsulation::lzma_x86);

  const Buffer tiano = guided_section(abi::section_tiano_guid, required, {}, fixture("tiano.bin"));
  EXPECT_EQ(of(tiano), Encapsulation::tiano);
  EXPECT_EQ(decode(SectionView::create(tiano, 0).value(), 1 << 20).value(), mixed());
  const Buffer compressed = section(SectionType::compression, fixture("efi_standard.bin"), standard);
  EXPECT_EQ(of(compressed), Encapsulation::efi_standard);
  EXPECT_EQ(decode(SectionView::create(compressed, 0).value(), 1 << 20).value(), mixed());
  Buffer wrong = compressed;
  put(wrong, 4, std::uint32_t{15'501});
  EXPECT_EQ(decode(SectionView::create(wrong, 0).value(), 1 << 20).error().code, Error::malformed);
  EXPECT_EQ(decode(SectionView::create(section(SectionType::compression, inner, odd), 0).value(), 1 << 20).error().code,
            Error::unsupported);
}

TEST(Encapsulation, TheTreeShowsWhatIsInside) {
  const Buffer inner = user_interface_section("Inside");
  const Buffer image = volume({file(name_a, abi::FileType::freeform, brotli_section(lzma_section(inner)))}, 0x1000);
  const ImageTree tree = ImageTree::parse(image);
  EXPECT_TRUE(tree.problems().empty());
  EXPECT_EQ(tree.buffers().size(), 3u);
  EXPECT_EQ(user_interface_name(tree.nodes().at(0).children.at(0)), "Inside");
}

}  // namespace
}  // namespace redoubt::image
