// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/port/plan/derived_names.hpp"

#include <mbedtls/sha1.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "abi/uefi/guid_text.hpp"

namespace redoubt::port {

namespace {

constexpr std::string_view standalone = "StandaloneMm";

// 0f8a5d0e-6a3c-4f57-9d0b-7265646f7562, in the order in which UUIDs are hashed.
constexpr std::array<unsigned char, 16> name_space = {0x0f, 0x8a, 0x5d, 0x0e, 0x6a, 0x3c, 0x4f, 0x57,
                                                      0x9d, 0x0b, 0x72, 0x65, 0x64, 0x6f, 0x75, 0x62};

std::array<unsigned char, 16> in_hash_order(const abi::Guid& guid) {
  std::array<unsigned char, 16> bytes{};
  abi::detail::to_print_order(guid, *reinterpret_cast<std::uint8_t(*)[16]>(bytes.data()));
  return bytes;
}

abi::Guid from_hash_order(const std::array<unsigned char, 20>& bytes) {
  abi::Guid guid{};
  for (std::size_t i = 0; i < 4; ++i) {
    guid.data1 = guid.data1 << 8 | bytes[i];
  }
  guid.data2 = static_cast<std::uint16_t>(bytes[4] << 8 | bytes[5]);
  guid.data3 = static_cast<std::uint16_t>(bytes[6] << 8 | bytes[7]);
  for (std::size_t i = 0; i < 8; ++i) {
    guid.data4[i] = bytes[8 + i];
  }
  return guid;
}

}  // namespace

std::string standalone_name(std::string_view name) {
  if (name.contains(standalone)) {
    return std::string(name);
  }
  for (const std::string_view ending : {"TraditionalMm", "DxeSmm", "SmmDxe", "Smm"}) {
    if (name.ends_with(ending) && name.size() > ending.size()) {
      return std::string(name.substr(0, name.size() - ending.size())).append(standalone);
    }
  }
  for (const std::string_view beginning : {"TraditionalMm", "PiSmm", "Smm"}) {
    if (name.starts_with(beginning) && name.size() > beginning.size()) {
      return std::string(standalone).append(name.substr(beginning.size()));
    }
  }
  return std::string(name).append(standalone);
}

abi::Guid standalone_guid(const abi::Guid& old) {
  std::array<unsigned char, 32> input{};
  std::ranges::copy(name_space, input.begin());
  const auto bytes = in_hash_order(old);
  std::ranges::copy(bytes, input.begin() + name_space.size());
  std::array<unsigned char, 20> hash{};
  if (mbedtls_sha1_ret(input.data(), input.size(), hash.data()) != 0) {
    std::abort();  // only a build of the library without SHA-1 does that
  }
  hash[6] = static_cast<unsigned char>((hash[6] & 0x0F) | 0x50);
  hash[8] = static_cast<unsigned char>((hash[8] & 0x3F) | 0x80);
  return from_hash_order(hash);
}

}  // namespace redoubt::port
