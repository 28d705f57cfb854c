// SPDX-License-Identifier: BSD-2-Clause-Patent
// The one place where errors of ours become EFI status codes. A service whose specification wants another code for a
// particular error says so itself.
#pragma once

#include "abi/redoubt/syscall.hpp"
#include "abi/uefi/types.hpp"
#include "base/result.hpp"

namespace redoubt::foundation {

constexpr abi::EfiStatus to_efi_status(Error error) {
  switch (error) {
    case Error::invalid_argument: return abi::status::invalid_parameter;
    case Error::malformed:
    case Error::truncated:
    case Error::overflow: return abi::status::load_error;
    case Error::unsupported: return abi::status::unsupported;
    case Error::not_found: return abi::status::not_found;
    case Error::out_of_memory: return abi::status::out_of_resources;
    case Error::access_denied: return abi::status::access_denied;
    case Error::already_exists: return abi::status::invalid_parameter;
    case Error::device: return abi::status::device_error;
  }
  return abi::status::device_error;
}

constexpr abi::EfiStatus to_efi_status(abi::SystemStatus status) {
  switch (status) {
    case abi::SystemStatus::ok: return abi::status::success;
    case abi::SystemStatus::invalid_argument:
    case abi::SystemStatus::bad_address: return abi::status::invalid_parameter;
    case abi::SystemStatus::not_permitted: return abi::status::unsupported;
    case abi::SystemStatus::out_of_memory:
    case abi::SystemStatus::too_deep: return abi::status::out_of_resources;
    case abi::SystemStatus::driver_fault: return abi::status::device_error;
    case abi::SystemStatus::not_found: return abi::status::not_found;
    case abi::SystemStatus::busy: return abi::status::not_ready;
    case abi::SystemStatus::unsupported: return abi::status::unsupported;
  }
  return abi::status::device_error;
}

}  // namespace redoubt::foundation
