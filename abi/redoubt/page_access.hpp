// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who may do what with a page of MMRAM, as the foundation asks for it and the supervisor keeps it: a page has one
// holder, the holder's rights, and the others' rights. Which of these may be asked for: policy/page_access.hpp.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>

namespace redoubt::abi {

// An address space of ring 3. All drivers share one as yet, so that they are one domain.
enum class DomainId : std::uint8_t { foundation, drivers };
inline constexpr int domain_count = 2;

struct Rights {
  bool read : 1 = false;
  bool write : 1 = false;
  bool execute : 1 = false;
  // Write and execute at once is meant: for the pages that code and data of an unaligned image share
  // (image_names::alignment_exceptions). The supervisor logs each use.
  bool exception : 1 = false;
  std::uint8_t reserved : 4 = 0;
};

// A bit for each, in this order. Compilers don't see by themselves that this is what the byte holds.
constexpr std::uint64_t encode(Rights rights) {
  if consteval {
    return (rights.read ? 1u : 0u) | (rights.write ? 2u : 0u) | (rights.execute ? 4u : 0u) |
           (rights.exception ? 8u : 0u);
  } else {
    return std::bit_cast<std::uint8_t>(rights);
  }
}
constexpr bool operator==(Rights one, Rights other) { return encode(one) == encode(other); }

inline constexpr Rights no_rights{};
inline constexpr Rights read_only{.read = true};
inline constexpr Rights read_write{.read = true, .write = true};
inline constexpr Rights read_execute{.read = true, .execute = true};
inline constexpr Rights unprotected{.read = true, .write = true, .execute = true, .exception = true};

struct PageAccess {
  DomainId holder = DomainId::foundation;
  Rights holders{};
  Rights others{};
  friend constexpr bool operator==(const PageAccess&, const PageAccess&) = default;
};
static_assert(sizeof(PageAccess) == 3);

constexpr PageAccess held_by_foundation(Rights rights, Rights drivers = {}) {
  return {DomainId::foundation, rights, drivers};
}
constexpr PageAccess held_by_drivers(Rights rights) { return {DomainId::drivers, rights, {}}; }

// In one register: a byte for each of the three.
constexpr std::uint64_t encode(const PageAccess& access) {
  return static_cast<std::uint64_t>(access.holder) | encode(access.holders) << 8 | encode(access.others) << 16;
}
constexpr Rights decode_rights(std::uint64_t value) {
  return {
      .read = (value & 1) != 0, .write = (value & 2) != 0, .execute = (value & 4) != 0, .exception = (value & 8) != 0};
}
// Nothing for a number that encode() makes of no access.
constexpr std::optional<PageAccess> decode_access(std::uint64_t value) {
  const PageAccess access{static_cast<DomainId>(value & 1), decode_rights(value >> 8), decode_rights(value >> 16)};
  if (encode(access) != value) return std::nullopt;
  return access;
}

}  // namespace redoubt::abi
