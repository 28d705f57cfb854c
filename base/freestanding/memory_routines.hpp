// SPDX-License-Identifier: BSD-2-Clause-Patent
// The bodies of memcpy and its relatives for code that has no C library. The cost of an MMI is counted in guest
// instructions with each REP iteration counting one, so long runs go word by word through REP and short ones through
// plain word loops; a run that isn't a multiple of a word ends with one word that overlaps the one before.
// The direction flag must be clear, as both calling conventions demand: an entry from ring 3 executes CLD.
// These routines must not call the standard names, since in the guest they are the standard names.
#pragma once

#include <cstddef>
#include <cstdint>

namespace redoubt::base::freestanding {

// A machine word, or less, at any address and of any type.
using Word [[gnu::may_alias, gnu::aligned(1)]] = std::uintptr_t;
using HalfWord [[gnu::may_alias, gnu::aligned(1)]] = std::uint32_t;
using QuarterWord [[gnu::may_alias, gnu::aligned(1)]] = std::uint16_t;

inline constexpr std::size_t word_bytes = sizeof(std::uintptr_t);
inline constexpr std::size_t repeat_threshold = 64;  // bytes; below it setting up REP doesn't pay

inline void repeat_move_words(std::byte* destination, const std::byte* source, std::size_t words) {
#if defined(__x86_64__)
  asm volatile("rep movsq" : "+D"(destination), "+S"(source), "+c"(words) : : "memory");
#else
  asm volatile("rep movsl" : "+D"(destination), "+S"(source), "+c"(words) : : "memory");
#endif
}

inline void repeat_store_words(std::byte* destination, std::uintptr_t pattern, std::size_t words) {
#if defined(__x86_64__)
  asm volatile("rep stosq" : "+D"(destination), "+c"(words) : "a"(pattern) : "memory");
#else
  asm volatile("rep stosl" : "+D"(destination), "+c"(words) : "a"(pattern) : "memory");
#endif
}

inline Word& word_at(std::byte* address) { return *reinterpret_cast<Word*>(address); }
inline const Word& word_at(const std::byte* address) { return *reinterpret_cast<const Word*>(address); }

// Fewer bytes than a word, any overlap: everything is loaded before anything is stored.
inline void move_less_than_word(std::byte* destination, const std::byte* source, std::size_t size) {
  if (size >= sizeof(HalfWord)) {
    const std::size_t last = size - sizeof(HalfWord);
    const std::uint32_t head = *reinterpret_cast<const HalfWord*>(source);
    const std::uint32_t tail = *reinterpret_cast<const HalfWord*>(source + last);
    *reinterpret_cast<HalfWord*>(destination) = head;
    *reinterpret_cast<HalfWord*>(destination + last) = tail;
  } else if (size >= sizeof(QuarterWord)) {
    const std::size_t last = size - sizeof(QuarterWord);
    const std::uint16_t head = *reinterpret_cast<const QuarterWord*>(source);
    const std::uint16_t tail = *reinterpret_cast<const QuarterWord*>(source + last);
    *reinterpret_cast<QuarterWord*>(destination) = head;
    *reinterpret_cast<QuarterWord*>(destination + last) = tail;
  } else if (size != 0) {
    *destination = *source;
  }
}

// Ascending copy: right for separate runs and for a destination below the source. The last word is loaded first
// because the loop may overwrite it in the source.
inline void move_ascending(std::byte* destination, const std::byte* source, std::size_t size) {
  if (size < word_bytes) {
    move_less_than_word(destination, source, size);
    return;
  }
  const std::size_t last = size - word_bytes;
  const std::uintptr_t tail = word_at(source + last);
  if (size >= repeat_threshold) {
    repeat_move_words(destination, source, size / word_bytes);
  } else {
    for (std::size_t offset = 0; offset < last; offset += word_bytes) {
      word_at(destination + offset) = word_at(source + offset);
    }
  }
  word_at(destination + last) = tail;
}

// Descending copy: right for a destination that overlaps the end of the source.
inline void move_descending(std::byte* destination, const std::byte* source, std::size_t size) {
  if (size < word_bytes) {
    move_less_than_word(destination, source, size);
    return;
  }
  const std::uintptr_t head = word_at(source);
  for (std::size_t end = size; end > word_bytes; end -= word_bytes) {
    word_at(destination + end - word_bytes) = word_at(source + end - word_bytes);
    if (end < 2 * word_bytes) {
      break;
    }
  }
  word_at(destination) = head;
}

inline void move_bytes(std::byte* destination, const std::byte* source, std::size_t size) {
  const auto distance = reinterpret_cast<std::uintptr_t>(destination) - reinterpret_cast<std::uintptr_t>(source);
  if (distance >= size) {
    move_ascending(destination, source, size);
  } else {
    move_descending(destination, source, size);
  }
}

inline void fill(std::byte* destination, std::uint8_t value, std::size_t size) {
  const std::uintptr_t pattern = (~std::uintptr_t{0} / 0xFF) * value;
  if (size < word_bytes) {
    for (std::size_t offset = 0; offset < size; ++offset) {
      destination[offset] = std::byte{value};
    }
    return;
  }
  const std::size_t last = size - word_bytes;
  if (size >= repeat_threshold) {
    repeat_store_words(destination, pattern, size / word_bytes);
  } else {
    for (std::size_t offset = 0; offset < last; offset += word_bytes) {
      word_at(destination + offset) = pattern;
    }
  }
  word_at(destination + last) = pattern;
}

// Below zero, zero or above it, as the first differing byte of `left` compares to that of `right`.
inline int compare(const std::byte* left, const std::byte* right, std::size_t size) {
  std::size_t offset = 0;
  while (size - offset >= word_bytes && word_at(left + offset) == word_at(right + offset)) {
    offset += word_bytes;
  }
  for (; offset < size; ++offset) {
    if (left[offset] != right[offset]) {
      return left[offset] < right[offset] ? -1 : 1;
    }
  }
  return 0;
}

inline std::size_t length(const char* text) {
  std::size_t count = 0;
  while (text[count] != '\0') {
    ++count;
  }
  return count;
}

}  // namespace redoubt::base::freestanding
