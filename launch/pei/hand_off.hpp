// SPDX-License-Identifier: BSD-2-Clause-Patent
// What later phases get to know of MM: the communication buffer and the MMRAM, as GUIDed HOBs in the form that edk2's
// Standalone MM uses.
#pragma once

#include <span>

#include "abi/pi/communicate.hpp"
#include "abi/pi/pei.hpp"
#include "base/byte_reader.hpp"
#include "launch/pei/reason.hpp"

namespace redoubt::launch {

inline constexpr std::uint64_t comm_buffer_pages = 64;

// Allocates and clears the buffer and its status page (runtime data: the OS keeps them for us) and creates the HOB.
Step<abi::CommBufferDescription> create_comm_buffer(abi::PeiServicesPointer services);

// Creates a HOB with room for `count` descriptors. They are filled in later, because the size of the HOB list
// decides what they say.
Step<std::span<abi::MmramDescriptor>> create_mmram_hob(abi::PeiServicesPointer services, const abi::Guid& name,
                                                       std::size_t count);

// The HOB list as it is now, end-of-list HOB included.
Step<Bytes> hob_list(abi::PeiServicesPointer services);

}  // namespace redoubt::launch
