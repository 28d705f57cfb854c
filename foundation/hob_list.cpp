// SPDX-License-Identifier: BSD-2-Clause-Patent
// See the header.
#include "foundation/hob_list.hpp"

#include <cstring>

#include "abi/pi/hob.hpp"

namespace redoubt::foundation {
namespace {

using abi::HobType;

constexpr std::size_t guid_at = 8;              // name of a memory allocation, owner of a resource
constexpr std::size_t allocation_base_at = 24;  // EFI_HOB_MEMORY_ALLOCATION_HEADER: name, base, length
constexpr std::size_t allocation_length_at = 32;
constexpr std::size_t volume_base_at = 8;  // EFI_HOB_FIRMWARE_VOLUME and its successors: base, length
constexpr std::size_t volume_length_at = 16;
constexpr std::size_t cpu_hob_bytes = 16;
constexpr std::size_t capsule_hob_bytes = 24;
constexpr std::size_t volume2_hob_bytes = 56;
constexpr std::size_t volume3_hob_bytes = 64;

// Least length of a HOB of each type; 0 for a type that PI 1.9 doesn't define.
constexpr std::size_t least_length(HobType type) {
  switch (type) {
    case HobType::handoff: return sizeof(abi::HobHandoff);
    case HobType::memory_allocation: return 48;
    case HobType::resource_descriptor: return sizeof(abi::HobResourceDescriptor);
    case HobType::guid_extension: return sizeof(abi::HobGuid);
    case HobType::firmware_volume: return 24;
    case HobType::cpu: return cpu_hob_bytes;
    case HobType::memory_pool: return sizeof(abi::HobHeader);
    case HobType::firmware_volume2: return volume2_hob_bytes;
    case HobType::uefi_capsule: return capsule_hob_bytes;
    case HobType::firmware_volume3: return volume3_hob_bytes;
    case HobType::unused:
    case HobType::end_of_list: return sizeof(abi::HobHeader);
  }
  return 0;
}
static_assert(guid_at + sizeof(abi::Guid) == allocation_base_at);

struct Span {
  std::uint64_t base;
  std::uint64_t size;
  bool wraps() const { return size > UINT64_MAX - base; }
  bool inside(const Span& other) const {
    return !wraps() && base >= other.base && base + size <= other.base + other.size;
  }
  bool touches(const Span& other) const {
    return wraps() || (size != 0 && base < other.base + other.size && other.base < base + size);
  }
};

Result<Span> span_at(Bytes hob, std::size_t base_at, std::size_t size_at) {
  return Span{TRY(read_at<std::uint64_t>(hob, base_at)), TRY(read_at<std::uint64_t>(hob, size_at))};
}

Result<bool> worth_keeping(HobType type, Bytes hob, const Span& mmram) {
  switch (type) {
    case HobType::cpu:
    case HobType::guid_extension: return true;
    case HobType::memory_allocation: return !TRY(span_at(hob, allocation_base_at, allocation_length_at)).touches(mmram);
    case HobType::resource_descriptor:
      return !TRY(span_at(hob, offsetof(abi::HobResourceDescriptor, start),
                          offsetof(abi::HobResourceDescriptor, length)))
                  .touches(mmram);
    case HobType::firmware_volume:
    case HobType::firmware_volume2:
    case HobType::firmware_volume3: return TRY(span_at(hob, volume_base_at, volume_length_at)).inside(mmram);
    case HobType::handoff: return std::unexpected(Error::malformed);  // a second one
    default: return false;
  }
}

}  // namespace

Result<HobListSummary> reduce_hob_list(Bytes source, std::uint64_t mmram_base, std::uint64_t mmram_size,
                                       std::uint64_t target_address, MutableBytes destination) {
  const Span mmram{mmram_base, mmram_size};
  HobListSummary summary;
  const auto keep = [&](const void* bytes, std::size_t size) -> Result<void> {
    if (!destination.empty()) {
      if (size > destination.size() - summary.bytes) return std::unexpected(Error::invalid_argument);
      __builtin_memcpy(destination.data() + summary.bytes, bytes, size);
    }
    summary.bytes += size;
    return {};
  };

  for (std::size_t position = 0;;) {
    const auto header = TRY(read_at<abi::HobHeader>(source, position));
    const std::size_t least = least_length(header.type);
    if (header.length < (least != 0 ? least : sizeof(abi::HobHeader)) || header.length % 8 != 0) {
      return std::unexpected(Error::malformed);
    }
    const Bytes hob = TRY(slice(source, position, header.length));
    if ((position == 0) != (header.type == HobType::handoff)) return std::unexpected(Error::malformed);
    if (header.type == HobType::end_of_list) break;
    if (header.type == HobType::handoff) {
      // Its pointers lead into PEI's memory: nothing there is MM's business.
      auto handoff = TRY(read_at<abi::HobHandoff>(hob, 0));
      handoff.header.length = sizeof(abi::HobHandoff);
      handoff.memory_top = handoff.memory_bottom = 0;
      handoff.free_memory_top = handoff.free_memory_bottom = 0;
      TRY(keep(&handoff, sizeof(handoff)));
      ++summary.kept;
    } else if (TRY(worth_keeping(header.type, hob, mmram))) {
      TRY(keep(hob.data(), hob.size()));
      ++summary.kept;
    } else {
      ++summary.dropped;
    }
    position += header.length;
  }
  const abi::HobHeader end{HobType::end_of_list, sizeof(abi::HobHeader), 0};
  TRY(keep(&end, sizeof(end)));
  if (!destination.empty()) {
    const std::uint64_t end_address = target_address + summary.bytes;
    __builtin_memcpy(destination.data() + offsetof(abi::HobHandoff, end_of_hob_list), &end_address,
                     sizeof(end_address));
  }
  return summary;
}

}  // namespace redoubt::foundation
