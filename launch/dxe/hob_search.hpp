// SPDX-License-Identifier: BSD-2-Clause-Patent
// Finds one GUIDed HOB in the list that DXE publishes (PI 1.9, volume 3, chapter 5). DXE trusts its HOB list, and so
// does this: it only keeps a broken length from turning into an endless loop.
#pragma once

#include <cstddef>
#include <cstring>
#include <optional>
#include <type_traits>

#include "abi/pi/hob.hpp"

namespace redoubt::launch::dxe {

// The data of the first HOB named `name` that is large enough for a T; none when the list has no such HOB.
template <typename T>
std::optional<T> find_guid_hob(const void* list, const abi::Guid& name) {
  static_assert(std::is_trivially_copyable_v<T>);
  const auto* position = static_cast<const std::byte*>(list);
  while (position != nullptr) {
    abi::HobHeader header;
    std::memcpy(&header, position, sizeof(header));
    if (header.type == abi::HobType::end_of_list || header.length < sizeof(header)) {
      break;
    }
    if (header.type == abi::HobType::guid_extension && header.length >= sizeof(abi::HobGuid) + sizeof(T)) {
      abi::HobGuid hob;
      std::memcpy(&hob, position, sizeof(hob));
      if (hob.name == name) {
        T data;
        std::memcpy(&data, position + sizeof(abi::HobGuid), sizeof(T));
        return data;
      }
    }
    position += header.length;
  }
  return std::nullopt;
}

}  // namespace redoubt::launch::dxe
