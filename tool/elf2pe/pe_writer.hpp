// SPDX-License-Identifier: BSD-2-Clause-Patent
// Writes a linked image as PE32, PE32+ or TE (Microsoft PE format, revision 2022; UEFI 2.10, section 2.1.1). File
// offset equals address throughout, uninitialised data included, so that the file also runs where it lies, as a PEIM
// does in flash. The result depends on nothing but the input: no time stamp, no path.
#pragma once

#include "base/result.hpp"
#include "linked_image.hpp"

namespace redoubt::elf2pe {

enum class Subsystem : std::uint16_t { application = 10, boot = 11, runtime = 12 };

// `alignment` becomes section and file alignment: a power of two, 32 to 64 KiB. Refuses segments that aren't aligned to
// it and a first segment that leaves no room for the headers.
Result<std::vector<std::uint8_t>, LinkError> write_pe(const LinkedImage& image, Subsystem subsystem,
                                                      std::uint32_t alignment);

// The same image in the Terse Executable format (PI 1.9, volume 1, 15): headers cut down to 40 bytes and the section
// table, so that it says nothing of alignments or of its size in memory.
Result<std::vector<std::uint8_t>, LinkError> write_te(const LinkedImage& image, Subsystem subsystem,
                                                      std::uint32_t alignment);

}  // namespace redoubt::elf2pe
