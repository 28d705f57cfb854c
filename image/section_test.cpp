// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "image/section.hpp"

#include <gtest/gtest.h>

#include "image/testing/builder.hpp"

namespace redoubt::image {
namespace {

using abi::SectionType;
using namespace testing;

constexpr abi::Guid some_guid = {0x11223344, 0x5566, 0x7788, {1, 2, 3, 4, 5, 6, 7, 8}};

TEST(SectionView, ReadsALeaf) {
  const Buffer bytes = join({section(SectionType::raw, bytes_of("hello")), repeated(10, 0xEE)});
  const auto view = SectionView::create(bytes, 0x1000).value();
  EXPECT_EQ(view.type(), SectionType::raw);
  EXPECT_EQ(view.bytes().size(), 9u);
  EXPECT_EQ(view.payload().size(), 5u);
  EXPECT_EQ(view.payload_offset(), 0x1004u);
  EXPECT_FALSE(view.guided().has_value());
}

TEST(SectionView, ReadsALargeHeader) {
  const Buffer bytes = section(SectionType::raw, bytes_of("hello"), {}, true);
  const auto view = SectionView::create(bytes, 0).value();
  EXPECT_EQ(view.payload_offset(), 8u);
  EXPECT_EQ(view.payload().size(), 5u);
}

TEST(SectionView, ReadsTheFieldsOfItsType) {
  const Buffer guided = guided_section(some_guid, 3, bytes_of("abcd"), bytes_of("data"));
  const auto guided_view = SectionView::create(guided, 0).value();
  EXPECT_EQ(guided_view.guided()->definition, some_guid);
  EXPECT_EQ(guided_view.guided()->attributes, 3);
  EXPECT_EQ(guided_view.guided()->between.size(), 4u);
  EXPECT_EQ(guided_view.payload_offset(), 28u);
  EXPECT_EQ(guided_view.payload().size(), 4u);

  Buffer fields;
  put(fields, 0, abi::CompressionSectionFields{0x1234, abi::compression_standard});
  const Buffer compressed = section(SectionType::compression, bytes_of("zz"), fields);
  const auto compressed_view = SectionView::create(compressed, 0).value();
  EXPECT_EQ(compressed_view.compression()->uncompressed_length, 0x1234u);
  EXPECT_EQ(compressed_view.compression()->type, abi::compression_standard);
  EXPECT_EQ(compressed_view.payload().size(), 2u);

  Buffer subtype;
  put(subtype, 0, some_guid);
  const Buffer freeform = section(SectionType::freeform_subtype_guid, bytes_of("x"), subtype);
  EXPECT_EQ(SectionView::create(freeform, 0).value().freeform_subtype(), some_guid);

  Buffer number;
  put(number, 0, std::uint16_t{7});
  const Buffer version = section(SectionType::version, bytes_of("1"), number);
  EXPECT_EQ(SectionView::create(version, 0).value().build_number(), 7);
}

TEST(SectionView, RefusesImpossibleSizes) {
  const Buffer good = section(SectionType::raw, bytes_of("hello"));
  EXPECT_EQ(SectionView::create(view(good).first(3), 0x10).error().code, Error::truncated);
  const auto cut = SectionView::create(view(good).first(8), 0x10);
  EXPECT_EQ(cut.error().code, Error::truncated);
  EXPECT_EQ(cut.error().offset, 0x10u);

  Buffer tiny = good;
  tiny[0] = std::byte{3};
  EXPECT_EQ(SectionView::create(tiny, 0).error().code, Error::malformed);

  Buffer large = section(SectionType::raw, bytes_of("hello"), {}, true);
  put(large, 4, std::uint32_t{7});
  EXPECT_EQ(SectionView::create(large, 0).error().code, Error::malformed);
  put(large, 4, std::uint32_t{0xFFFFFFFF});
  EXPECT_EQ(SectionView::create(large, 0).error().code, Error::truncated);

  Buffer guided = guided_section(some_guid, 0, {}, bytes_of("data"));
  put(guided, 20, std::uint16_t{23});
  EXPECT_EQ(SectionView::create(guided, 0).error().code, Error::malformed);
  put(guided, 20, std::uint16_t{29});
  EXPECT_EQ(SectionView::create(guided, 0).error().code, Error::malformed);
  put(guided, 20, std::uint16_t{28});
  EXPECT_TRUE(SectionView::create(guided, 0).has_value());

  EXPECT_EQ(SectionView::create(section(SectionType::version, {}), 0).error().code, Error::malformed);
}

TEST(SectionCursor, AlignsAndEnds) {
  const Buffer bytes = join({section(SectionType::raw, bytes_of("a")), section(SectionType::pe32, bytes_of("bc")),
                             section(SectionType::te, bytes_of("def"))},
                            4);
  SectionCursor cursor(bytes, 0x100);
  EXPECT_EQ(cursor.next().value()->offset(), 0x100u);
  EXPECT_EQ(cursor.next().value()->offset(), 0x108u);
  EXPECT_EQ(cursor.next().value()->offset(), 0x110u);
  EXPECT_FALSE(cursor.next().value().has_value());
  EXPECT_FALSE(cursor.next().value().has_value());
  EXPECT_EQ(find_section(SectionCursor(bytes, 0), SectionType::te).value()->payload().size(), 3u);
  EXPECT_FALSE(find_section(SectionCursor(bytes, 0), SectionType::version).value().has_value());
}

TEST(SectionCursor, StopsAfterAnError) {
  Buffer bytes = join({section(SectionType::raw, bytes_of("abcd")), repeated(8, 0)});
  SectionCursor cursor(bytes, 0);
  EXPECT_TRUE(cursor.next().value().has_value());
  EXPECT_EQ(cursor.next().error().offset, 8u);
  EXPECT_FALSE(cursor.next().value().has_value());
}

}  // namespace
}  // namespace redoubt::image
