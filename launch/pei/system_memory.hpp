// SPDX-License-Identifier: BSD-2-Clause-Patent
// What of the address space is RAM, as PEI's resource descriptors say (PI 1.9, volume 3, 5.5): the supervisor opens
// nothing else to drivers when DXE asks for it.
#pragma once

#include <cstdint>
#include <span>

#include "abi/pi/hob.hpp"
#include "abi/redoubt/launch.hpp"
#include "base/byte_reader.hpp"

namespace redoubt::launch {

// Writes the whole pages of EFI_RESOURCE_SYSTEM_MEMORY that `hobs`, a list that measure_hob_list() accepted, describes,
// in the order of their addresses, adjacent and overlapping ones joined, and returns their number. What a descriptor of
// another kind of memory or a region of `mmram` touches is none. Ranges that wrap are left out; when there are more
// than fit, the last ones are.
std::uint32_t collect_system_memory(Bytes hobs, std::span<const abi::MmramDescriptor> mmram,
                                    std::span<abi::LaunchMemory> ranges);

}  // namespace redoubt::launch
