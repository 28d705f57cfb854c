// SPDX-License-Identifier: BSD-2-Clause-Patent
// MemoryOverwriteRequestControl and its lock (TCG Platform Reset Attack Mitigation Specification 1.10; Microsoft's
// Secure MOR implementation, revision 2): the operating system asks for memory to be cleared at the next reset, and
// locks that request against software that takes the system over later. The lock holds until reset, or until it is
// opened with the key of 8 bytes that closed it; one wrong key, and no key opens it any more. The key is here and
// nowhere else.
#pragma once

#include <array>

#include "abi/uefi/types.hpp"
#include "base/byte_reader.hpp"
#include "drivers/variable/store/variable.hpp"

namespace redoubt::variable {

inline constexpr VariableId memory_overwrite_request{
    {0xe20939be, 0x32d4, 0x41be, {0xa1, 0x50, 0x89, 0x7f, 0x85, 0xd4, 0x98, 0x29}}, u"MemoryOverwriteRequestControl"};
inline constexpr VariableId memory_overwrite_lock{
    {0xbb983ccf, 0x151d, 0x40e1, {0xa0, 0x7b, 0x4a, 0x17, 0xbe, 0x16, 0x82, 0x92}},
    u"MemoryOverwriteRequestControlLock"};

class MemoryOverwriteLock {
 public:
  // The value that the lock's variable reads as.
  enum class State : std::uint8_t { unlocked = 0, locked = 1, locked_with_key = 2 };

  State state() const { return state_; }

  // What SetVariable may do with the request itself: success, invalid_parameter for anything but one byte with the
  // attributes NV, BS and RT, write_protected for a deletion, access_denied while it is locked.
  abi::EfiStatus check_request(std::uint32_t attributes, Bytes data) const;

  // What SetVariable does with the lock's variable.
  struct Change {
    abi::EfiStatus status;  // as above
    State next;             // also after access_denied: a wrong key changes the state
  };
  Change change(std::uint32_t attributes, Bytes data) const;

  // Goes to `next`, as change() said of the same data. With success the variable must have been written before.
  void enter(State next, Bytes data);

 private:
  static constexpr std::size_t key_size = 8;

  State state_ = State::unlocked;
  std::array<std::byte, key_size> key_{};  // zeroes unless locked_with_key
};

}  // namespace redoubt::variable
