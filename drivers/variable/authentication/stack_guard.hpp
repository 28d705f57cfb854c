// SPDX-License-Identifier: BSD-2-Clause-Patent
// The guard of the stack protector that the cryptographic library is compiled with (elf2pe's --stack-guard directs the
// library to it). Images only; code of this tree has no protector of its own.
#pragma once

namespace redoubt::variable {

// Gives the guard a value that a caller from outside doesn't know: random where the processor has RDRAND, else made of
// the time stamp counter, which is as good as its time of start is unknown. Once, before the library is called.
void set_stack_guard();

}  // namespace redoubt::variable
