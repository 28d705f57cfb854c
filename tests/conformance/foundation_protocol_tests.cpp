// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_MM_ACCESS_PROTOCOL and EFI_MM_CONFIGURATION_PROTOCOL: PI 1.9, volume 4, 5.3 and 5.5. The specification has them
// in DXE; MM drivers that look for them in MM find them there, too.
#include "abi/pi/mm_access.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::MmAccessProtocol;
using abi::MmConfigurationProtocol;
using abi::UintN;

template <typename Protocol>
Protocol* find(Run& t, const abi::Guid& guid) {
  void* interface = nullptr;
  t.status(t.mmst.locate_protocol(&guid, nullptr, &interface), status::success);
  return static_cast<Protocol*>(interface);
}

constexpr Test tests[] = {
    {.name = "pi4-5.3/EFI_MM_ACCESS_PROTOCOL/state",
     .behaviour = "LockState is TRUE when MMRAM is locked, OpenState when it is open.",
     .run =
         [](Run& t) {
           const auto* access = find<MmAccessProtocol>(t, abi::mm_access_protocol_guid);
           if (t.failed()) return;
           t.equal(access->lock_state, 1);
           t.equal(access->open_state, 0);
         },
     .edk2 = "The protocol is in DXE only."},
    {.name = "pi4-5.3/EFI_MM_ACCESS_PROTOCOL/open_locked",
     .behaviour = "Open(): MMRAM cannot be opened because it is locked: EFI_DEVICE_ERROR.",
     .run =
         [](Run& t) {
           auto* access = find<MmAccessProtocol>(t, abi::mm_access_protocol_guid);
           if (t.failed()) return;
           t.status(access->open(access), status::device_error);
           t.equal(access->open_state, 0);
         }},
    {.name = "pi4-5.3/EFI_MM_ACCESS_PROTOCOL/close",
     .behaviour = "Close(): MMRAM is closed afterwards: EFI_SUCCESS.",
     .run =
         [](Run& t) {
           auto* access = find<MmAccessProtocol>(t, abi::mm_access_protocol_guid);
           if (t.failed()) return;
           t.status(access->close(access), status::success);
           t.equal(access->open_state, 0);
         }},
    {.name = "pi4-5.3/EFI_MM_ACCESS_PROTOCOL/lock",
     .behaviour = "Lock() leaves MMRAM locked: EFI_SUCCESS, or EFI_DEVICE_ERROR when it was locked before.",
     .run =
         [](Run& t) {
           auto* access = find<MmAccessProtocol>(t, abi::mm_access_protocol_guid);
           if (t.failed()) return;
           const abi::EfiStatus result = access->lock(access);
           t.that(result == status::success || result == status::device_error);
           t.equal(access->lock_state, 1);
         }},
    {.name = "pi4-5.3/EFI_MM_ACCESS_PROTOCOL/capabilities",
     .behaviour = "GetCapabilities() returns the regions of MMRAM: EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const auto* access = find<MmAccessProtocol>(t, abi::mm_access_protocol_guid);
           if (t.failed()) return;
           abi::MmramDescriptor map[8] = {};
           UintN size = sizeof(map);
           t.status(access->get_capabilities(access, &size, map), status::success);
           t.that(size != 0 && size % sizeof(map[0]) == 0);
           if (t.failed()) return;
           bool holds_table = false;
           for (UintN i = 0; i != size / sizeof(map[0]); ++i) {
             const auto table = reinterpret_cast<std::uintptr_t>(&t.mmst);
             holds_table = holds_table || table - map[i].cpu_start < map[i].physical_size;
           }
           t.that(holds_table);
         }},
    {.name = "pi4-5.3/EFI_MM_ACCESS_PROTOCOL/capabilities_too_small",
     .behaviour = "GetCapabilities(): the buffer is too small: EFI_BUFFER_TOO_SMALL, and the size needed.",
     .run =
         [](Run& t) {
           const auto* access = find<MmAccessProtocol>(t, abi::mm_access_protocol_guid);
           if (t.failed()) return;
           UintN needed = 0;
           t.status(access->get_capabilities(access, &needed, nullptr), status::buffer_too_small);
           t.that(needed != 0);
           if (needed > 8 * sizeof(abi::MmramDescriptor)) return t.that(false);
           abi::MmramDescriptor map[8] = {};
           UintN less = needed - 1;
           t.status(access->get_capabilities(access, &less, map), status::buffer_too_small);
           t.equal(less, needed);
           t.status(access->get_capabilities(access, &needed, map), status::success);
         }},
    {.name = "pi4-5.5/EFI_MM_CONFIGURATION_PROTOCOL/null_entry",
     .behaviour = "RegisterMmEntry(): MmEntryPoint is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const auto* configuration = find<MmConfigurationProtocol>(t, abi::mm_configuration_protocol_guid);
           if (t.failed()) return;
           t.status(configuration->register_mm_entry(configuration, nullptr), status::invalid_parameter);
         },
     .edk2 = "The protocol is in DXE only."},
    {.name = "pi4-5.5/EFI_MM_CONFIGURATION_PROTOCOL/reserved_regions",
     .behaviour = "MmramReservedRegions is an array that an entry of size 0 ends.",
     .run =
         [](Run& t) {
           const auto* configuration = find<MmConfigurationProtocol>(t, abi::mm_configuration_protocol_guid);
           if (t.failed()) return;
           t.that(configuration->reserved_regions != nullptr);
           unsigned count = 0;
           while (!t.failed() && count != 64 && configuration->reserved_regions[count].size != 0) ++count;
           t.that(count != 64);
         }},
};

}  // namespace

std::span<const Test> foundation_protocol_tests() { return tests; }

}  // namespace redoubt::conformance
