// SPDX-License-Identifier: BSD-2-Clause-Patent
// Archives of the distribution are compiled with the stack protector, which finds its guard value at FS:0x28 (System V
// ABI, x86-64 supplement: the thread control block). Firmware has no such block, and an MM driver can't count on FS.
// So the linked image is changed: each of these accesses becomes one of a variable in the image, in as many bytes.
// Nothing is changed that a search found: code is decoded function by function, and what is neither a function nor
// padding is refused, so that no access is overlooked and no constant taken for one. Data between instructions would
// deceive that; so every branch must lead to where an instruction was found to begin.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "linked_image.hpp"

namespace redoubt::elf2pe {

// `symbol` is a variable of 8 bytes in writable memory: the program gives it a value when it starts. Returns how many
// accesses were redirected to it. Refuses an image for another machine than x64, one without that variable or with
// several of that name, code that can't be decoded, every other use of FS or GS, and whatever refers to a part of an
// access (a relocation, a branch, an address); the image may have been changed in part then.
Result<std::uint32_t, LinkError> redirect_stack_guard(LinkedImage& image, std::string_view symbol);

}  // namespace redoubt::elf2pe
