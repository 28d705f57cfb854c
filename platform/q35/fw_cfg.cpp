// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "platform/q35/fw_cfg.hpp"

#include "arch/ports.hpp"
#include "platform/q35/chipset.hpp"
#include "platform/wait.hpp"

namespace redoubt::platform::q35 {

namespace {

void select(std::uint16_t key) { arch::out16(fw_cfg_selector_port, key); }

void read_data(std::span<std::byte> out) {
  for (std::byte& byte : out) {
    byte = static_cast<std::byte>(arch::in8(fw_cfg_data_port));
  }
}

template <typename T>
T read_number() {
  T value{};
  read_data(std::as_writable_bytes(std::span(&value, 1)));
  return value;
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

}  // namespace

bool fw_cfg_present() {
  constexpr std::uint32_t signature = 0x554D4551;  // "QEMU"
  select(fw_cfg_key_signature);
  return read_number<std::uint32_t>() == signature;
}

bool fw_cfg_writes() {
  if (!fw_cfg_present()) {
    return false;
  }
  select(fw_cfg_key_features);
  return (read_number<std::uint32_t>() & fw_cfg_feature_dma) != 0;
}

Result<FwCfgFile> find_fw_cfg_file(std::string_view name) {
  if (!fw_cfg_present()) {
    return std::unexpected(Error::not_found);
  }
  select(fw_cfg_key_directory);
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

void read_fw_cfg_file(const FwCfgFile& file, std::span<std::byte> out) {
  select(file.key);
  read_data(out);
}

Result<void> write_fw_cfg_file(const FwCfgFile& file, std::uint64_t value) {
  const std::uint32_t command = (std::uint32_t{file.key} << 16) | fw_cfg_dma_select | fw_cfg_dma_write;
  DmaAccess access{.control = from_big_endian(command),
                   .length = from_big_endian(std::uint32_t{sizeof(value)}),
                   .address_high = 0,
                   .address_low = from_big_endian(physical(&value))};
  arch::out32(fw_cfg_dma_high_port, 0);
  arch::out32(fw_cfg_dma_low_port, from_big_endian(physical(&access)));
  const std::uint32_t failed = from_big_endian(fw_cfg_dma_error);
  if (!wait_for([&] { return (access.control & ~failed) == 0; }, 1000) || access.control != 0) {
    return std::unexpected(Error::device);
  }
  return {};
}

}  // namespace redoubt::platform::q35
