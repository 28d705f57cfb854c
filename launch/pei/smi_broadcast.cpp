// SPDX-License-Identifier: BSD-2-Clause-Patent
// See smi_broadcast.hpp. The three files: hw/isa/lpc_ich9.c in QEMU.
#include "launch/pei/smi_broadcast.hpp"

#include "launch/pei/fw_cfg.hpp"
#include "platform/q35/chipset.hpp"

namespace redoubt::launch {

namespace q35 = platform::q35;

Result<void> negotiate_smi_broadcast() {
  if (!fw_cfg_writes()) {
    return std::unexpected(Error::unsupported);
  }
  const auto supported = find_fw_cfg_file("etc/smi/supported-features");
  const auto requested = find_fw_cfg_file("etc/smi/requested-features");
  const auto accepted = find_fw_cfg_file("etc/smi/features-ok");
  if (!supported || !requested || !accepted) {
    return std::unexpected(Error::unsupported);
  }
  if (supported->size != sizeof(std::uint64_t) || requested->size != sizeof(std::uint64_t) || accepted->size != 1) {
    return std::unexpected(Error::malformed);
  }
  if ((read_fw_cfg_number<std::uint64_t>(*supported) & q35::smi_feature_broadcast) == 0) {
    return std::unexpected(Error::unsupported);
  }
  TRY(write_fw_cfg_file(*requested, q35::smi_feature_broadcast));
  // Reading this file makes QEMU validate the request and hold to it until reset.
  if (read_fw_cfg_number<std::uint8_t>(*accepted) != 1) {
    return std::unexpected(Error::device);
  }
  return {};
}

}  // namespace redoubt::launch
