// SPDX-License-Identifier: BSD-2-Clause-Patent
// What callers of the boot counter know: the message that it answers and the protocol that it installs for other MM
// drivers. Nothing of MM is in here, so that a UEFI application or a test can include it.
//
// A boot counts as started when MM hears of the end of DXE, where the platform's own code has run, and as completed at
// ready-to-boot. Boots that started and didn't complete are the difference, which a recovery policy can act on.
#pragma once

#include "abi/uefi/types.hpp"

namespace redoubt::boot_counter {

struct Counts {
  std::uint64_t started;
  std::uint64_t completed;
};

enum class Function : std::uint32_t {
  read = 1,
  clear = 2,  // access_denied once MM is locked: for setup menus of the firmware, not for the operating system
};

// HeaderGuid of a Message; MM answers in place.
inline constexpr abi::Guid message_guid = {
    0x0b7ab1b6, 0x2d0f, 0x4c39, {0x8e, 0x0a, 0x42, 0x6f, 0x6f, 0x74, 0x43, 0x01}};

struct Message {
  Function function;
  std::uint32_t reserved;
  std::uint64_t status;  // an EFI_STATUS of a 64-bit machine, from MM
  Counts counts;         // from MM
};
static_assert(sizeof(Message) == 32 && offsetof(Message, status) == 8 && offsetof(Message, counts) == 16);

// The protocol for MM drivers.
inline constexpr abi::Guid protocol_guid = {
    0x0b7ab1b6, 0x2d0f, 0x4c39, {0x8e, 0x0a, 0x42, 0x6f, 0x6f, 0x74, 0x43, 0x02}};

struct Protocol {
  // invalid_parameter for null pointers.
  abi::EfiStatus(EFIAPI* read)(const Protocol* self, Counts* counts);
};

// Where the counts outlive a reset: a non-volatile boot-service variable that holds a Counts.
inline constexpr abi::Guid variable_vendor = {
    0x0b7ab1b6, 0x2d0f, 0x4c39, {0x8e, 0x0a, 0x42, 0x6f, 0x6f, 0x74, 0x43, 0x03}};
inline constexpr char16_t variable_name[] = u"BootCounts";

}  // namespace redoubt::boot_counter
