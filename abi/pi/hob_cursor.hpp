// SPDX-License-Identifier: BSD-2-Clause-Patent
// The one way through a HOB list. A list is data like any other, wherever it came from: the cursor checks each length
// against what is left of the list, never reads behind it, and stops where a length leads nowhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <type_traits>

#include "abi/pi/hob.hpp"

namespace redoubt::abi {

struct Hob {
  HobType type{};
  std::span<const std::byte> bytes;  // header included

  // A T at `offset`; none if it doesn't fit into the HOB.
  template <typename T>
  std::optional<T> read(std::size_t offset = 0) const {
    static_assert(std::is_trivially_copyable_v<T>);
    if (offset > bytes.size() || sizeof(T) > bytes.size() - offset) return std::nullopt;
    T value;
    __builtin_memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
  }

  // What a GUIDed HOB of that name starts with.
  template <typename T>
  std::optional<T> data_of(const Guid& name) const {
    if (type != HobType::guid_extension) return std::nullopt;
    const auto hob = read<HobGuid>();
    return hob && hob->name == name ? read<T>(sizeof(HobGuid)) : std::nullopt;
  }
};

class HobCursor {
 public:
  enum class Stop : std::uint8_t {
    none,         // next() may find more
    end_of_list,  // as it should be
    bad_length,   // less than a header, or no multiple of 8
    cut_off,      // the bytes end before the list does
  };

  constexpr explicit HobCursor(std::span<const std::byte> list) : next_(list.data()), left_(list.size()) {}

  // A list of which only the start is known, as DXE publishes it; null is an empty one. The end of the address space is
  // the only bound, so this is for lists that the caller trusts anyway.
  static HobCursor trusting(const void* list) {
    HobCursor cursor({});
    if (list != nullptr) {
      cursor.next_ = static_cast<const std::byte*>(list);
      cursor.left_ = std::numeric_limits<std::uintptr_t>::max() - reinterpret_cast<std::uintptr_t>(list);
    }
    return cursor;
  }

  // The HOB at the cursor, which moves behind it; none from the end-of-list HOB on, and where the list is broken.
  std::optional<Hob> next() {
    if (stop_ != Stop::none) return std::nullopt;
    HobHeader header;
    if (left_ < sizeof(header)) return stop(Stop::cut_off);
    __builtin_memcpy(&header, next_, sizeof(header));
    if (header.length < sizeof(header) || header.length % 8 != 0) return stop(Stop::bad_length);
    if (header.length > left_) return stop(Stop::cut_off);
    const Hob hob{header.type, {next_, header.length}};
    next_ += header.length;
    left_ -= header.length;
    position_ += header.length;
    return hob.type == HobType::end_of_list ? stop(Stop::end_of_list) : std::optional(hob);
  }

  Stop stop() const { return stop_; }
  // Bytes from the list's start to the cursor. After Stop::end_of_list that is the whole list, its end included.
  std::size_t position() const { return position_; }

 private:
  std::optional<Hob> stop(Stop why) {
    stop_ = why;
    return std::nullopt;
  }

  const std::byte* next_;
  std::size_t left_;
  std::size_t position_ = 0;
  Stop stop_ = Stop::none;
};

// The data of the first GUIDed HOB named `name` that is large enough for a T.
template <typename T>
std::optional<T> find_guid_hob(HobCursor list, const Guid& name) {
  while (const auto hob = list.next()) {
    if (const auto data = hob->data_of<T>(name)) return data;
  }
  return std::nullopt;
}

}  // namespace redoubt::abi
