// SPDX-License-Identifier: BSD-2-Clause-Patent
// QEMU's fw_cfg device as 32-bit PEI code reaches it (QEMU's specs/fw_cfg.rst): what the starter of the machine tells
// its firmware. No OS has run yet, so nothing in it comes from one.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "platform/q35/fw_cfg_directory.hpp"

namespace redoubt::platform::q35 {

// Whether there is such a device, and one that writes.
bool fw_cfg_present();
bool fw_cfg_writes();

// Error::not_found when there is no file of that name, or no device.
Result<FwCfgFile> find_fw_cfg_file(std::string_view name);

// The first `out.size()` bytes of a file, which should have as many.
void read_fw_cfg_file(const FwCfgFile& file, std::span<std::byte> out);

template <typename T>
T read_fw_cfg_number(const FwCfgFile& file) {
  T value{};
  read_fw_cfg_file(file, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

// Error::device when it doesn't take the value.
Result<void> write_fw_cfg_file(const FwCfgFile& file, std::uint64_t value);

}  // namespace redoubt::platform::q35
