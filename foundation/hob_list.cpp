// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/hob_list.hpp"

#include <cstring>

#include "abi/pi/hob_cursor.hpp"

namespace redoubt::foundation {
namespace {

using abi::HobType;

constexpr std::size_t guid_at = 8;              // name of a memory allocation, owner of a resource
constexpr std::size_t allocation_base_at = 24;  // EFI_HOB_MEMORY_ALLOCATION_HEADER: name, base, length
constexpr std::size_t allocation_length_at = 32;
constexpr std::size_t allocation_bytes = 48;
constexpr std::size_t module_name_at = 48;  // EFI_HOB_MEMORY_ALLOCATION_MODULE: the header above, name, entry point
constexpr std::size_t module_entry_at = 64;
constexpr std::size_t module_bytes = 72;
constexpr std::size_t cpu_hob_bytes = 16;
constexpr std::size_t capsule_hob_bytes = 24;
constexpr std::size_t volume2_hob_bytes = 56;
constexpr std::size_t volume3_hob_bytes = 64;

// Least length of a HOB of each type; 0 for a type that PI 1.9 doesn't define.
constexpr std::size_t least_length(HobType type) {
  switch (type) {
    case HobType::handoff: return sizeof(abi::HobHandoff);
    case HobType::memory_allocation: return allocation_bytes;
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
  bool contains(std::uint64_t address) const { return address >= base && address - base < size; }
  bool touches(const Span& other) const {
    return wraps() || (size != 0 && other.size != 0 && base < other.base + other.size && other.base < base + size);
  }
};

Result<Span> span_at(Bytes hob, std::size_t base_at, std::size_t size_at) {
  return Span{TRY(read_at<std::uint64_t>(hob, base_at)), TRY(read_at<std::uint64_t>(hob, size_at))};
}

Result<Span> resource_span(Bytes hob) {
  return span_at(hob, offsetof(abi::HobResourceDescriptor, start), offsetof(abi::HobResourceDescriptor, length));
}

Result<bool> allocation_worth_keeping(Bytes hob, const Span& mmram) {
  const Span memory = TRY(span_at(hob, allocation_base_at, allocation_length_at));
  if (memory.touches(mmram)) return false;
  if (TRY(read_at<abi::Guid>(hob, guid_at)) != abi::memory_allocation_module_guid) return true;
  return hob.size() >= module_bytes && memory.contains(TRY(read_at<std::uint64_t>(hob, module_entry_at)));
}
static_assert(module_name_at + sizeof(abi::Guid) == module_entry_at);

// EFI_RESOURCE_IO and EFI_RESOURCE_IO_RESERVED are ranges of ports, all others of memory.
Result<bool> is_port_range(Bytes hob) {
  const auto type = TRY(read_at<std::uint32_t>(hob, offsetof(abi::HobResourceDescriptor, resource_type)));
  return type == 2 || type == 6;
}

// Whether the resource of `hob` shares a byte with an earlier one outside MMRAM. `list` is the list up to there, walked
// and found right already. Quadratic, over a list that PEI built once.
Result<bool> overlaps_earlier(Bytes list, Bytes hob, const Span& mmram) {
  const Span resource = TRY(resource_span(hob));
  const bool ports = TRY(is_port_range(hob));
  abi::HobCursor cursor(list);
  while (const auto earlier_hob = cursor.next()) {
    if (earlier_hob->type == HobType::resource_descriptor) {
      const Span earlier = TRY(resource_span(earlier_hob->bytes));
      if (TRY(is_port_range(earlier_hob->bytes)) == ports && !earlier.touches(mmram) && earlier.touches(resource))
        return true;
    }
  }
  return false;
}

// The descriptors of MMRAM in a GUIDed HOB: as many as it says, each a range, no two sharing a byte.
Result<bool> describes_mmram(Bytes hob) {
  const Bytes data = TRY(slice(hob, sizeof(abi::HobGuid), hob.size() - sizeof(abi::HobGuid)));
  if (data.size() < sizeof(abi::MmramDescriptorBlock)) return false;
  const auto block = TRY(read_at<abi::MmramDescriptorBlock>(data, 0));
  if (block.count > (data.size() - sizeof(block)) / sizeof(abi::MmramDescriptor)) return false;
  const auto span = [&](std::uint32_t index) -> Result<Span> {
    const auto descriptor =
        TRY(read_at<abi::MmramDescriptor>(data, sizeof(block) + std::size_t{index} * sizeof(abi::MmramDescriptor)));
    return Span{descriptor.physical_start, descriptor.physical_size};
  };
  for (std::uint32_t i = 0; i < block.count; ++i) {
    const Span current = TRY(span(i));
    if (current.wraps()) return false;
    for (std::uint32_t j = 0; j < i; ++j) {
      if (TRY(span(j)).touches(current)) return false;
    }
  }
  return true;
}

// `before`: the list up to this HOB.
Result<bool> worth_keeping(HobType type, Bytes hob, Bytes before, const Span& mmram) {
  switch (type) {
    case HobType::cpu: return true;
    case HobType::guid_extension: {
      const auto name = TRY(read_at<abi::Guid>(hob, guid_at));
      const bool mmram_map = name == abi::smram_memory_hob_guid || name == abi::mmram_memory_reserve_hob_guid;
      return mmram_map ? TRY(describes_mmram(hob)) : true;
    }
    case HobType::memory_allocation: return allocation_worth_keeping(hob, mmram);
    case HobType::resource_descriptor: {
      return !TRY(resource_span(hob)).touches(mmram) && !TRY(overlaps_earlier(before, hob, mmram));
    }
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

  abi::HobCursor cursor(source);
  std::size_t position = 0;
  while (const auto found = cursor.next()) {
    const Bytes hob = found->bytes;
    if (hob.size() < least_length(found->type)) return std::unexpected(Error::malformed);
    if ((position == 0) != (found->type == HobType::handoff)) return std::unexpected(Error::malformed);
    if (found->type == HobType::handoff) {
      // Its pointers lead into PEI's memory: nothing there is MM's business.
      auto handoff = TRY(read_at<abi::HobHandoff>(hob, 0));
      handoff.header.length = sizeof(abi::HobHandoff);
      handoff.memory_top = handoff.memory_bottom = 0;
      handoff.free_memory_top = handoff.free_memory_bottom = 0;
      TRY(keep(&handoff, sizeof(handoff)));
      ++summary.kept;
    } else if (TRY(worth_keeping(found->type, hob, TRY(slice(source, 0, position)), mmram))) {
      TRY(keep(hob.data(), hob.size()));
      ++summary.kept;
    } else {
      ++summary.dropped;
    }
    position = cursor.position();
  }
  if (cursor.stop() == abi::HobCursor::Stop::cut_off) return std::unexpected(Error::truncated);
  if (cursor.stop() != abi::HobCursor::Stop::end_of_list || position == 0) return std::unexpected(Error::malformed);
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
