// SPDX-License-Identifier: BSD-2-Clause-Patent
// The data types every UEFI and PI interface is made of (UEFI 2.10, section 2.3.1; status codes: appendix D).
// Sizes follow the machine the code is compiled for: UintN is 4 bytes in a 32-bit PEIM, 8 in DXE and MM, so a
// structure that crosses between the two must not contain it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

// The calling convention of UEFI interfaces: Microsoft's on x86-64, cdecl on IA-32 (UEFI 2.10, 2.3.2 and 2.3.4).
#if defined(__x86_64__)
#define EFIAPI __attribute__((ms_abi))
#else
#define EFIAPI
#endif

namespace redoubt::abi {

using UintN = std::uintptr_t;
using Boolean = std::uint8_t;
using Char16 = char16_t;
using Handle = void*;
using EfiPhysicalAddress = std::uint64_t;
using EfiStatus = UintN;

struct Guid {
  std::uint32_t data1;
  std::uint16_t data2;
  std::uint16_t data3;
  std::uint8_t data4[8];
  // As two words, mostly decided by the first: member by member each MMI pays for dozens of comparisons.
  friend constexpr bool operator==(const Guid& left, const Guid& right) {
    struct Words {
      std::uint64_t low;
      std::uint64_t high;
    };
    const auto l = std::bit_cast<Words>(left);
    const auto r = std::bit_cast<Words>(right);
    if (l.low != r.low) [[likely]]
      return false;
    return l.high == r.high;
  }
};
static_assert(sizeof(Guid) == 16 && alignof(Guid) == 4);

namespace status {
constexpr EfiStatus error(UintN code) { return code | (UintN{1} << (sizeof(UintN) * 8 - 1)); }
constexpr bool is_error(EfiStatus s) { return (s >> (sizeof(UintN) * 8 - 1)) != 0; }

inline constexpr EfiStatus success = 0;
inline constexpr EfiStatus load_error = error(1);
inline constexpr EfiStatus invalid_parameter = error(2);
inline constexpr EfiStatus unsupported = error(3);
inline constexpr EfiStatus bad_buffer_size = error(4);
inline constexpr EfiStatus buffer_too_small = error(5);
inline constexpr EfiStatus not_ready = error(6);
inline constexpr EfiStatus device_error = error(7);
inline constexpr EfiStatus write_protected = error(8);
inline constexpr EfiStatus out_of_resources = error(9);
inline constexpr EfiStatus volume_corrupted = error(10);
inline constexpr EfiStatus not_found = error(14);
inline constexpr EfiStatus access_denied = error(15);
inline constexpr EfiStatus no_mapping = error(17);
inline constexpr EfiStatus timeout = error(18);
inline constexpr EfiStatus not_started = error(19);
inline constexpr EfiStatus already_started = error(20);
inline constexpr EfiStatus aborted = error(21);
inline constexpr EfiStatus security_violation = error(26);
inline constexpr EfiStatus compromised_data = error(33);
// Codes of the PI specification, in the ranges that UEFI 2.10, appendix D reserves for it: bit 61 set, bit 62 clear.
// PI 1.9, volume 4, 3.2, EFI_MM_HANDLER_ENTRY_POINT says what an MMI handler means by each.
inline constexpr UintN pi_bit = UintN{1} << (sizeof(UintN) * 8 - 3);
inline constexpr EfiStatus interrupt_pending = error(0) | pi_bit;
inline constexpr EfiStatus warn_interrupt_source_pending = pi_bit;
inline constexpr EfiStatus warn_interrupt_source_quiesced = pi_bit | 1;
}  // namespace status

}  // namespace redoubt::abi
