// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/memory_overwrite.hpp"

#include <algorithm>

namespace redoubt::variable {

namespace status = abi::status;

abi::EfiStatus MemoryOverwriteLock::check_request(std::uint32_t attributes, Bytes data) const {
  if (attributes == 0 || data.empty()) {
    return status::write_protected;
  }
  if (attributes != attribute::nv_bs_rt || data.size() != 1) {
    return status::invalid_parameter;
  }
  return state_ == State::unlocked ? status::success : status::access_denied;
}

MemoryOverwriteLock::Change MemoryOverwriteLock::change(std::uint32_t attributes, Bytes data) const {
  if (attributes == 0 || data.empty()) {
    return {status::write_protected, state_};
  }
  if (attributes != attribute::nv_bs_rt || (data.size() != 1 && data.size() != key_size)) {
    return {status::invalid_parameter, state_};
  }
  switch (state_) {
    case State::unlocked:
      if (data.size() == key_size) {
        return {status::success, State::locked_with_key};
      }
      switch (std::to_integer<std::uint8_t>(data[0])) {
        case static_cast<std::uint8_t>(State::unlocked): return {status::success, State::unlocked};
        case static_cast<std::uint8_t>(State::locked): return {status::success, State::locked};
        default: return {status::invalid_parameter, state_};
      }
    case State::locked: return {status::access_denied, state_};
    case State::locked_with_key: break;
  }
  if (data.size() != key_size) {
    return {status::access_denied, state_};
  }
  // How long this takes tells nothing of the key.
  std::byte difference{0};
  for (std::size_t index = 0; index < key_size; ++index) {
    difference |= data[index] ^ key_[index];
  }
  return difference == std::byte{0} ? Change{status::success, State::unlocked}
                                    : Change{status::access_denied, State::locked};
}

void MemoryOverwriteLock::enter(State next, Bytes data) {
  if (next == State::locked_with_key && state_ == State::unlocked && data.size() == key_size) {
    std::copy(data.begin(), data.end(), key_.begin());
  } else if (next != State::locked_with_key) {
    key_.fill(std::byte{0});
  }
  state_ = next;
}

}  // namespace redoubt::variable
