// SPDX-License-Identifier: BSD-2-Clause-Patent
// Reads a statically linked, position-independent ELF executable. It must not guess: whatever would need a loader
// of its own (symbols to look up, thread-local data, relocation types other than "add the base") is refused.
#pragma once

#include <span>

#include "base/result.hpp"
#include "linked_image.hpp"

namespace redoubt::elf2pe {

// `file` is the whole ELF file; libelf wants it writable but it isn't changed. Relative relocations are applied for
// base 0, and the bytes that only a dynamic loader would read (relocation, symbol and dynamic tables) are cleared.
Result<LinkedImage, LinkError> read_elf(std::span<std::uint8_t> file);

}  // namespace redoubt::elf2pe
