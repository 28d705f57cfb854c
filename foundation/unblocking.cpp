// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/unblocking.hpp"

#include "abi/pi/hob_cursor.hpp"
#include "foundation/efi_status.hpp"
#include "foundation/log_line.hpp"

namespace redoubt::foundation {
namespace {

using abi::EfiStatus;
using abi::Guid;
using abi::SystemStatus;

constexpr std::uint64_t execute_protect = 0x4000;  // EFI_MEMORY_XP (UEFI 2.10, 7.2.3): so it is in any case

// What edk2's and Project Mu's requests are refused with.
EfiStatus refusal(SystemStatus status) {
  switch (status) {
    case SystemStatus::invalid_argument:
    case SystemStatus::out_of_memory: return to_efi_status(status);
    default: return abi::status::security_violation;
  }
}

}  // namespace

void Unblocking::unblock_hobs(Bytes hobs) {
  abi::HobCursor cursor(hobs);
  while (const auto hob = cursor.next()) {
    if (const auto region = hob->data_of<abi::UnblockRegion>(abi::unblock_region_hob_guid)) {
      static_cast<void>(unblock(region->physical_start, region->number_of_pages, 0, region->identifier));
    } else if (const auto request = hob->data_of<abi::UnblockParameters>(abi::supervisor_unblock_region_hob_guid)) {
      const abi::MemoryDescriptor& descriptor = request->descriptor;
      static_cast<void>(
          unblock(descriptor.physical_start, descriptor.number_of_pages, descriptor.attribute, request->identifier));
    }
  }
}

EfiStatus Unblocking::answer(MutableBytes message) {
  const auto header = read_at<abi::SupervisorRequestHeader>(message, 0);
  if (!header.has_value() || header->signature != abi::SupervisorRequestHeader::expected_signature ||
      header->revision != abi::SupervisorRequestHeader::current_revision) {
    return abi::status::invalid_parameter;
  }
  EfiStatus result = abi::status::unsupported;
  if (header->request == abi::SupervisorRequestHeader::unblock_memory) {
    const auto request = read_at<abi::UnblockRequest>(message, 0);
    if (!request.has_value()) return abi::status::invalid_parameter;
    const abi::MemoryDescriptor& descriptor = request->parameters.descriptor;
    result = unblock(descriptor.physical_start, descriptor.number_of_pages, descriptor.attribute,
                     request->parameters.identifier);
  }
  __builtin_memcpy(message.data() + offsetof(abi::SupervisorRequestHeader, result), &result, sizeof(result));
  return abi::status::success;
}

EfiStatus Unblocking::unblock(std::uint64_t address, std::uint64_t pages, std::uint64_t attributes,
                              const Guid& identifier) {
  EfiStatus status = abi::status::success;
  if (identifier == Guid{}) {
    status = abi::status::invalid_parameter;
  } else if ((attributes & ~execute_protect) != 0) {
    status = abi::status::unsupported;
  } else {
    const SystemResult<bool> opened = supervisor_.unblock_memory(PhysicalAddress(address), pages);
    if (!opened.has_value()) {
      status = refusal(opened.error());
    } else if (*opened && count_ < ranges_.size()) {  // the supervisor has no room for more
      ranges_[count_++] = {address, pages * page_bytes};
    }
  }
  supervisor_.log(LogLine("unblocked.by")
                      .guid("guid", identifier)
                      .hexadecimal("base", address)
                      .decimal("pages", pages)
                      .hexadecimal("status", status)
                      .view());
  return status;
}

bool Unblocking::holds(std::uint64_t address, std::uint64_t bytes) const {
  for (std::uint32_t i = 0; i < count_; ++i) {
    const Range& range = ranges_[i];
    if (bytes != 0 && address >= range.base && address - range.base < range.bytes &&
        bytes <= range.bytes - (address - range.base)) {
      return true;
    }
  }
  return false;
}

}  // namespace redoubt::foundation
