// SPDX-License-Identifier: BSD-2-Clause-Patent
// Where the foundation's records live: slots in pages of its own, at addresses that never move, each known to drivers
// by a token. A token is no address (bits 63 and 62 differ from bit 55, so dereferencing one faults), names the kind
// of record and carries the slot's generation, so that a stale, forged or foreign one is recognised.
//
//   63       56 55             32 31              0
//   +----------+-----------------+----------------+
//   |   kind   |   generation    |     index      |
//   +----------+-----------------+----------------+
//
// Chunk k holds 2^k pages, so the table grows without moving anything and an index leads to its slot in constant time.
#pragma once

#include <array>
#include <bit>
#include <new>
#include <type_traits>

#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

enum class TokenKind : std::uint8_t {
  none = 0,  // records that drivers never hear of
  protocol_handle = 0xA1,
  notify_registration = 0xA2,
  mmi_handler = 0xA3,
  completion = 0xA4,
};

inline constexpr std::uint32_t max_slot_generation = 0xFFFFFF;
inline constexpr std::size_t max_slot_chunks = 16;  // 65,535 pages

template <typename T, TokenKind kind = TokenKind::none>
class SlotTable {
  static_assert(std::is_trivially_destructible_v<T> && std::is_nothrow_default_constructible_v<T>);
  static_assert(std::is_standard_layout_v<T>, "a record's address is its slot's address");

 public:
  constexpr explicit SlotTable(Supervisor& supervisor) : supervisor_(supervisor) {}
  SlotTable(const SlotTable&) = delete;
  SlotTable& operator=(const SlotTable&) = delete;

  // A new record with its default values, or null when memory is out.
  T* acquire() {
    Slot* slot = free_;
    if (slot != nullptr) {
      free_ = slot->next_free;
    } else {
      if (fresh_ == capacity_ && !grow()) return nullptr;
      slot = slot_at(fresh_);
      ::new (static_cast<void*>(slot)) Slot{};
      slot->index = fresh_++;
      slot->generation = 1;
    }
    slot->value = T{};
    slot->live = true;
    ++count_;
    return &slot->value;
  }

  // Makes all tokens of the record stale.
  void release(T& record) {
    Slot* slot = slot_of(record);
    slot->live = false;
    slot->generation = slot->generation == max_slot_generation ? 1 : slot->generation + 1;
    slot->next_free = free_;
    free_ = slot;
    --count_;
  }

  std::uint64_t token(const T& record) const {
    const Slot* slot = reinterpret_cast<const Slot*>(&record);
    return (std::uint64_t{static_cast<std::uint8_t>(kind)} << 56) | (std::uint64_t{slot->generation} << 32) |
           slot->index;
  }

  // The record that a token names, or null if it names none.
  T* find(std::uint64_t token) {
    const std::uint32_t index = static_cast<std::uint32_t>(token);
    if (static_cast<std::uint8_t>(token >> 56) != static_cast<std::uint8_t>(kind) || index >= fresh_) return nullptr;
    Slot* slot = slot_at(index);
    if (!slot->live || slot->generation != (static_cast<std::uint32_t>(token >> 32) & max_slot_generation))
      return nullptr;
    return &slot->value;
  }

  // The record in the slot that the low half of a token of ours named, or null if it was released since.
  T* at_index(std::uint32_t index) {
    if (index >= fresh_ || !slot_at(index)->live) return nullptr;
    return &slot_at(index)->value;
  }

  // Calls visit(T&) for each record there is, in no useful order. `visit` may release any record.
  template <typename Visit>
  void for_each(Visit visit) {
    for (std::uint32_t index = 0; index < fresh_; ++index) {
      Slot* slot = slot_at(index);
      if (slot->live) visit(slot->value);
    }
  }

  std::size_t size() const { return count_; }

 private:
  static consteval std::uint32_t slots_per_page() { return page_bytes / sizeof(Slot); }

  struct Slot {
    T value;
    std::uint32_t index;
    std::uint32_t generation;
    Slot* next_free;
    bool live;
  };
  static_assert(sizeof(Slot) <= page_bytes);

  static Slot* slot_of(T& record) { return reinterpret_cast<Slot*>(&record); }

  // Slots of a chunk are laid out page by page, so that none straddles two pages' worth of arithmetic: chunk k starts
  // at index slots_per_page() * (2^k - 1).
  Slot* slot_at(std::uint32_t index) const {
    const std::uint32_t page = index / slots_per_page();
    const std::uint32_t chunk = 31U - static_cast<std::uint32_t>(std::countl_zero(page + 1));
    const std::uint32_t page_in_chunk = page + 1 - (1U << chunk);
    std::byte* base = chunks_[chunk] + std::size_t{page_in_chunk} * page_bytes;
    return reinterpret_cast<Slot*>(base) + index % slots_per_page();
  }

  bool grow() {
    if (chunk_count_ == max_slot_chunks) return false;
    const std::uint64_t pages = std::uint64_t{1} << chunk_count_;
    const SystemResult<PhysicalAddress> memory = supervisor_.allocate_pages(pages, {});
    if (!memory.has_value()) return false;
    chunks_[chunk_count_++] = at_address<std::byte>(*memory);
    capacity_ += static_cast<std::uint32_t>(pages) * slots_per_page();
    return true;
  }

  Supervisor& supervisor_;
  std::array<std::byte*, max_slot_chunks> chunks_{};
  Slot* free_ = nullptr;
  std::size_t count_ = 0;
  std::uint32_t chunk_count_ = 0;
  std::uint32_t fresh_ = 0;     // slots below were used before
  std::uint32_t capacity_ = 0;  // slots that have memory
};

}  // namespace redoubt::foundation
