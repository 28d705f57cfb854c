// SPDX-License-Identifier: BSD-2-Clause-Patent
// Calls of the variable driver.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "abi/pi/mm_base.hpp"
#include "abi/pi/variable_messages.hpp"
#include "abi/uefi/system_table.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"

namespace redoubt::guest {

inline volatile std::uint32_t& apic_register(std::uint32_t offset) {
  return *reinterpret_cast<volatile std::uint32_t*>(0xFEE0'0000 + std::uint64_t{offset});
}
inline constexpr std::uint32_t apic_id = 0x20;
// How many IPIs for MMIs were lost on their way and sent again.
extern std::uint64_t lost_ipis;

// EFI_SMM_CONTROL2_PROTOCOL (PI 1.9, volume 4, 5.6), which stock firmware raises its MMIs by.

// By a message that this program writes itself, and an MMI that it raises by an IPI to its own CPU; or by stock
// firmware's services.
class Services {
 public:
  Services(const abi::SystemTable& table, const RawMailbox* mailbox);

  abi::EfiStatus get(const char16_t* name, const abi::Guid& vendor, std::uint32_t& attributes,
                     std::span<std::uint8_t> room, std::size_t& size) const;
  abi::EfiStatus set(const char16_t* name, const abi::Guid& vendor, std::uint32_t attributes,
                     std::span<const std::uint8_t> data) const;
  abi::EfiStatus next(abi::UintN& size, char16_t* name, abi::Guid& vendor) const;

  // From now on no MMI is meant for another CPU than this one. False when there is no way to that.
  bool raise_alone();

 private:
  abi::EfiStatus send(abi::variable_messages::VariableFunction function, const char16_t* name, const abi::Guid& vendor,
                      std::uint32_t& attributes, std::uint8_t* data, std::size_t room, std::size_t& size) const;

  const abi::RuntimeServices& services_;
  const RawMailbox* mailbox_;
  abi::MmControlProtocol* control_;
  bool by_message_ = false;
};

}  // namespace redoubt::guest
