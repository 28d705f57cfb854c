// SPDX-License-Identifier: BSD-2-Clause-Patent
// See smi_broadcast.hpp. The interface: docs/specs/fw_cfg in QEMU, and hw/isa/lpc_ich9.c for the three files.
#include "launch/pei/smi_broadcast.hpp"

#include <span>

#include "launch/pei/chipset_control.hpp"
#include "launch/pei/fw_cfg_directory.hpp"

namespace redoubt::launch {

namespace q35 = platform::q35;

namespace {

void read_data(std::span<std::byte> out) {
  for (std::byte& byte : out) {
    byte = static_cast<std::byte>(read_port8(q35::fw_cfg_data_port));
  }
}

template <typename T>
T read_number() {
  T value{};
  read_data(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

void select(std::uint16_t key) { write_port16(q35::fw_cfg_selector_port, key); }

bool dma_available() {
  constexpr std::uint32_t signature = 0x554D4551;  // "QEMU"
  select(q35::fw_cfg_key_signature);
  if (read_number<std::uint32_t>() != signature) {
    return false;
  }
  select(q35::fw_cfg_key_features);
  return (read_number<std::uint32_t>() & q35::fw_cfg_feature_dma) != 0;
}

Result<FwCfgFile> find_file(std::string_view name) {
  select(q35::fw_cfg_key_directory);
  const std::uint32_t count = from_big_endian(read_number<std::uint32_t>());
  constexpr std::uint32_t most_files = 0x4000;  // file keys are 14 bits wide
  for (std::uint32_t i = 0; i < count && i < most_files; ++i) {
    std::array<std::byte, fw_cfg_entry_size> entry{};
    read_data(entry);
    if (auto file = match_fw_cfg_entry(entry, name)) {
      return file;
    }
  }
  return std::unexpected(Error::not_found);
}

// FWCfgDmaAccess, all fields big-endian. The device writes the control word when it is done.
struct DmaAccess {
  volatile std::uint32_t control;
  std::uint32_t length;
  std::uint32_t address_high;
  std::uint32_t address_low;
};
static_assert(sizeof(DmaAccess) == 16);

// A 32-bit PEIM's addresses are physical ones.
std::uint32_t physical(const volatile void* pointer) {
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(pointer));
}

Result<void> write_file(std::uint16_t key, std::uint64_t value) {
  const std::uint32_t command = (std::uint32_t{key} << 16) | q35::fw_cfg_dma_select | q35::fw_cfg_dma_write;
  DmaAccess access{.control = from_big_endian(command),
                   .length = from_big_endian(std::uint32_t{sizeof(value)}),
                   .address_high = 0,
                   .address_low = from_big_endian(physical(&value))};
  write_port32(q35::fw_cfg_dma_high_port, 0);
  write_port32(q35::fw_cfg_dma_low_port, from_big_endian(physical(&access)));
  const std::uint32_t failed = from_big_endian(q35::fw_cfg_dma_error);
  if (!wait_for([&] { return (access.control & ~failed) == 0; }, 1000) || access.control != 0) {
    return std::unexpected(Error::device);
  }
  return {};
}

}  // namespace

Result<void> negotiate_smi_broadcast() {
  if (!dma_available()) {
    return std::unexpected(Error::unsupported);
  }
  const auto supported = find_file("etc/smi/supported-features");
  const auto requested = find_file("etc/smi/requested-features");
  const auto accepted = find_file("etc/smi/features-ok");
  if (!supported || !requested || !accepted) {
    return std::unexpected(Error::unsupported);
  }
  if (supported->size != sizeof(std::uint64_t) || requested->size != sizeof(std::uint64_t) || accepted->size != 1) {
    return std::unexpected(Error::malformed);
  }
  select(supported->key);
  if ((read_number<std::uint64_t>() & q35::smi_feature_broadcast) == 0) {
    return std::unexpected(Error::unsupported);
  }
  TRY(write_file(requested->key, q35::smi_feature_broadcast));
  // Reading this file makes QEMU validate the request and hold to it until reset.
  select(accepted->key);
  if (read_number<std::uint8_t>() != 1) {
    return std::unexpected(Error::device);
  }
  return {};
}

}  // namespace redoubt::launch
