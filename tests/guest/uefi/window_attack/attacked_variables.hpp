// SPDX-License-Identifier: BSD-2-Clause-Patent
// The variables that window_attack works on, what it is to ask for, and what must be stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>

#include "abi/uefi/system_table.hpp"
#include "tests/guest/uefi/stored_variables.hpp"
#include "tests/guest/uefi/variable_updates.hpp"

namespace redoubt::guest {

using Span = std::span<const std::uint8_t>;

// The flash of OVMF's 4 MiB layout, and its areas.
inline constexpr std::uint64_t flash_base = 0xFFC0'0000;
inline constexpr std::size_t flash_bytes = 0x8'4000;
inline constexpr std::size_t work_area = 0x4'1000;
inline constexpr std::size_t spare_area = 0x4'2000;

inline constexpr std::uint32_t plain_attributes = 7;  // non-volatile, boot service and runtime access

inline bool same(Span a, Span b) { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0; }

// ---- What is asked for

struct Exchange {
  Span stored;
  Span forged;
};
struct Update {
  std::size_t target = 0;
  std::uint32_t attributes = 0;
  Span data;
  // What an authenticated update writes: what follows EFI_TIME and a certificate of the length that stands there.
  Span payload() const {
    const std::size_t head = data.size() < 20 ? 0 : 16 + stored::number_at(data, 16, 4);
    return head > data.size() ? Span{} : data.subspan(head);
  }
};
template <typename Item, std::size_t limit>
struct List {
  Item items[limit] = {};
  std::size_t count = 0;
  bool add(const Item& item) {
    if (count == limit) return false;
    items[count++] = item;
    return true;
  }
};
extern constinit List<Exchange, 8> exchanges;
extern constinit List<Update, 8> forged_updates;
extern constinit List<Update, 128> honest_updates;
// False when QEMU's command line has something else.
bool read_what_is_asked_for();

// ---- Variables that the attack is on, and what must be stored of them

struct Variable {
  char16_t name[16] = {};
  const abi::Guid* vendor = nullptr;
  std::uint8_t stored[0x8000] = {};
  std::size_t size = 0;  // 0: there is none
  bool authenticated = false;
  bool acknowledged = false;    // a write in this round
  bool wrong_in_flash = false;  // and that has been said
  Span refused = {};            // update of this round, of authenticated ones

  Span value() const { return {stored, size}; }
  void store(Span value) {
    std::memcpy(stored, value.data(), value.size());
    size = value.size();
  }
};

inline constexpr std::size_t plain_count = 16;
inline constexpr std::size_t filler_index = plain_count;
inline constexpr std::size_t first_authenticated = plain_count + 1;
inline constexpr std::size_t variable_count = first_authenticated + std::size(updates::targets);
inline constexpr std::size_t filler_bytes = 30'000;
extern constinit Variable variables[variable_count];
void set_up_variables();
bool is_own(const stored::Record& record);
// The index of the variable that a record is of; variable_count when it's none of these.
std::size_t index_of(const stored::Record& record);

// A value tells which write it's of: eight bytes of number, and the rest follows from it and the variable.
extern std::uint64_t next_number;
extern std::uint64_t first_number_of_round;
Span make_value(std::size_t index, std::uint64_t number);
bool is_forged(std::size_t index, Span value);
// Whether it is one of those that were tried in this round.
bool was_tried(std::size_t index, Span value);

}  // namespace redoubt::guest
