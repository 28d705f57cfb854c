// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "platform/q35/fw_cfg_directory.hpp"

namespace redoubt::platform::q35 {

Result<FwCfgFile> match_fw_cfg_entry(const std::array<std::byte, fw_cfg_entry_size>& entry, std::string_view name) {
  constexpr std::size_t name_offset = 8;
  constexpr std::size_t name_size = fw_cfg_entry_size - name_offset;
  if (name.size() >= name_size) {
    return std::unexpected(Error::not_found);
  }
  for (std::size_t i = 0; i <= name.size(); ++i) {
    const char expected = i < name.size() ? name[i] : '\0';
    if (static_cast<char>(entry[name_offset + i]) != expected) {
      return std::unexpected(Error::not_found);
    }
  }
  return FwCfgFile{.size = from_big_endian(TRY(read_at<std::uint32_t>(entry, 0))),
                   .key = from_big_endian(TRY(read_at<std::uint16_t>(entry, 4)))};
}

}  // namespace redoubt::platform::q35
