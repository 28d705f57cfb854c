// SPDX-License-Identifier: BSD-2-Clause-Patent
// One variable as the driver keeps it in memory, and the attribute bits of UEFI 2.10, 8.2.
#pragma once

#include <cstdint>
#include <string_view>

#include "abi/uefi/time.hpp"
#include "abi/uefi/types.hpp"
#include "base/byte_reader.hpp"

namespace redoubt::variable {

namespace attribute {
inline constexpr std::uint32_t non_volatile = 0x01;
inline constexpr std::uint32_t boot_service_access = 0x02;
inline constexpr std::uint32_t runtime_access = 0x04;
inline constexpr std::uint32_t hardware_error_record = 0x08;
inline constexpr std::uint32_t authenticated_write = 0x10;  // deprecated
inline constexpr std::uint32_t time_based_authenticated_write = 0x20;
inline constexpr std::uint32_t append_write = 0x40;
inline constexpr std::uint32_t enhanced_authenticated_access = 0x80;

inline constexpr std::uint32_t nv_bs = non_volatile | boot_service_access;
inline constexpr std::uint32_t bs_rt = boot_service_access | runtime_access;
inline constexpr std::uint32_t nv_bs_rt = nv_bs | runtime_access;
inline constexpr std::uint32_t nv_bs_rt_at = nv_bs_rt | time_based_authenticated_write;
}  // namespace attribute

// What names a variable. `name` has no terminator in it and none counted.
struct VariableId {
  abi::Guid vendor;
  std::u16string_view name;

  friend constexpr bool operator==(const VariableId&, const VariableId&) = default;

  // Bytes of the name as stored, terminator included.
  constexpr std::uint32_t name_size() const { return static_cast<std::uint32_t>((name.size() + 1) * sizeof(char16_t)); }
};

// `content` leads to vendor GUID, name and data, one after the other: in flash for non-volatile variables, in pool for
// volatile ones. Sizes were checked when the variable was found and are never fetched again.
struct Variable {
  Variable* chain = nullptr;     // next with the same hash bucket
  Variable* previous = nullptr;  // in the order of GetNextVariableName
  Variable* next = nullptr;
  const std::byte* content = nullptr;
  std::uint32_t hash = 0;
  std::uint32_t attributes = 0;
  std::uint32_t name_size = 0;
  std::uint32_t data_size = 0;
  std::uint32_t record = 0;  // offset of its record in the flash window; 0 for a volatile variable
  std::uint32_t cached = 0;  // offset of its record in a store of the runtime cache; 0: it has none
  abi::Time time_stamp{};    // of the last time-based authenticated write; zero for other variables
  bool read_only = false;    // the driver's own statement, which no caller may change

  bool is_volatile() const { return record == 0; }
  bool has(std::uint32_t attribute_bits) const { return (attributes & attribute_bits) == attribute_bits; }

  Bytes name_bytes() const { return {content + sizeof(abi::Guid), name_size}; }  // terminator included
  Bytes data() const { return {content + sizeof(abi::Guid) + name_size, data_size}; }
  abi::Guid vendor() const {
    abi::Guid guid;
    __builtin_memcpy(&guid, content, sizeof(guid));
    return guid;
  }
};

}  // namespace redoubt::variable
