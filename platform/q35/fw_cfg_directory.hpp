// SPDX-License-Identifier: BSD-2-Clause-Patent
// One entry of QEMU's fw_cfg file directory (QEMU's specs/fw_cfg.rst): 64 bytes, numbers big-endian. The IPL reads
// the directory entry by entry from the data port; this file decodes, so that it can be tested on the host.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/byte_reader.hpp"

namespace redoubt::platform::q35 {

inline constexpr std::size_t fw_cfg_entry_size = 64;

struct FwCfgFile {
  std::uint32_t size;  // bytes
  std::uint16_t key;   // for the selector port
};

constexpr std::uint16_t from_big_endian(std::uint16_t value) { return __builtin_bswap16(value); }
constexpr std::uint32_t from_big_endian(std::uint32_t value) { return __builtin_bswap32(value); }

// The file that `entry` describes when its name is `name`, Error::not_found when it has another one. A name without
// terminator is none.
Result<FwCfgFile> match_fw_cfg_entry(const std::array<std::byte, fw_cfg_entry_size>& entry, std::string_view name);

}  // namespace redoubt::platform::q35
