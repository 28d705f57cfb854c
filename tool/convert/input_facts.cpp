// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/convert/input_facts.hpp"

#include <lzma.h>

#include <cstring>

namespace redoubt::tool {

abi::Guid guid_of_contents(Bytes contents) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(contents.data());
  const std::uint64_t crc64 = lzma_crc64(bytes, contents.size(), 0);
  const std::uint32_t crc32 = lzma_crc32(bytes, contents.size(), 0);
  abi::Guid guid{};
  guid.data1 = crc32;
  guid.data2 = static_cast<std::uint16_t>(contents.size());
  guid.data3 = static_cast<std::uint16_t>(0x8000U | (contents.size() >> 16 & 0x0FFF));  // version 8: custom (RFC 9562)
  std::memcpy(guid.data4, &crc64, sizeof(crc64));
  guid.data4[0] = static_cast<std::uint8_t>(0x80U | (guid.data4[0] & 0x3FU));  // variant
  return guid;
}

std::string ascii_name(const std::string& text) {
  std::string name;
  for (const char character : text) {
    name += character >= 0x20 && character < 0x7F ? character : '_';
  }
  return name;
}

std::string why_not_relocatable(const image::ExecutableView& view) {
  if (!view.relocatable()) {
    return "its relocations are stripped";
  }
  image::RelocationCursor relocations = view.relocations();
  while (true) {
    const auto relocation = relocations.next();
    if (!relocation.has_value()) {
      return relocation.error().reason;
    }
    if (!relocation->has_value()) {
      return {};
    }
  }
}

}  // namespace redoubt::tool
