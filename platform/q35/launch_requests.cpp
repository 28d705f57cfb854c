// SPDX-License-Identifier: BSD-2-Clause-Patent
// What is negotiated with QEMU over fw_cfg, and what its user tells MM. The three files of the SMI features:
// hw/isa/lpc_ich9.c in QEMU. Only the broadcast bit is asked for: with the hotplug bits a CPU that is added later would
// run SMIs from its default SMBASE, and without them QEMU refuses the hotplug.
#include "platform/launch_control.hpp"
#include "platform/q35/fw_cfg.hpp"

namespace redoubt::platform {

using namespace q35;

Result<void> broadcast_smis() {
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
  if ((read_fw_cfg_number<std::uint64_t>(*supported) & smi_feature_broadcast) == 0) {
    return std::unexpected(Error::unsupported);
  }
  TRY(write_fw_cfg_file(*requested, smi_feature_broadcast));
  // Reading this file makes QEMU validate the request and hold to it until reset.
  if (read_fw_cfg_number<std::uint8_t>(*accepted) != 1) {
    return std::unexpected(Error::device);
  }
  return {};
}

std::optional<std::size_t> read_launch_words(std::string_view name, std::span<std::byte> out) {
  const auto file = find_fw_cfg_file(name);
  if (!file) {
    return std::nullopt;
  }
  if (file->size <= out.size()) {
    read_fw_cfg_file(*file, out.first(file->size));
  }
  return file->size;
}

}  // namespace redoubt::platform
