// SPDX-License-Identifier: BSD-2-Clause-Patent
// Between the communicate header of a 32-bit PEIM, whose data starts at offset 20, and the one of 64-bit MM, whose data
// starts at 24 (EFI_MM_COMMUNICATE_HEADER, PI 1.9, volume 4, 5.7: MessageLength is a UINTN). Both directions check
// every length: the request comes from a PEIM, the answer from a buffer that the host can write.
#pragma once

#include <cstddef>

#include "abi/pi/communicate.hpp"
#include "base/byte_reader.hpp"

namespace redoubt::launch {

// EFI_MM_COMMUNICATE_HEADER of a 32-bit caller.
struct CommunicateHeader32 {
  abi::Guid header_guid;
  std::uint32_t message_length;
};
static_assert(sizeof(CommunicateHeader32) == 20);

// Writes the message in `caller` (header and data) to `mailbox` as MM reads it; returns the bytes written.
// Error::invalid_argument when `caller` doesn't hold the length it declares, Error::out_of_memory when `mailbox` is
// too small.
Result<std::size_t> pack_for_mm(Bytes caller, MutableBytes mailbox);

// Writes the data of the answer in `mailbox`, of which MM says that `size` bytes count, behind the header in `caller`;
// returns the bytes of `caller` that count now. The header stays as the caller wrote it: MM doesn't change it, and its
// length says nothing about the answer. Error::out_of_memory when `caller` is too small, with the bytes it would take
// in `needed`; Error::malformed when `size` isn't in [24, mailbox.size()].
Result<std::size_t> unpack_from_mm(Bytes mailbox, std::uint64_t size, MutableBytes caller, std::size_t& needed);

// A status of 64-bit MM as a 32-bit caller sees it: the two top bits and the PI bit move, the code stays.
constexpr std::uint32_t status_from_mm(std::uint64_t status) {
  return static_cast<std::uint32_t>((status >> 32) & 0xE000'0000U) | static_cast<std::uint32_t>(status & 0x1FFF'FFFFU);
}

}  // namespace redoubt::launch
