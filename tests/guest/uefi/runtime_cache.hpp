// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the driver runtime_cache_driver leaves for the program runtime_cache_reader: the cache that it has had MM set
// up, and how to read it as the stock DXE variable driver would (edk2-stable202211, MdeModulePkg/Universal/Variable/
// RuntimeDxe/VariableParsing.c).
#pragma once

#include <cstdint>

#include "abi/pi/communicate.hpp"
#include "abi/pi/communication_protocols.hpp"
#include "abi/pi/variable_messages.hpp"
#include "abi/uefi/system_table.hpp"

namespace redoubt::guest {

inline constexpr abi::Guid runtime_cache_protocol_guid = {
    0x6c1b3c8e, 0x1a54, 0x4f8b, {0x9d, 0x0e, 0x5a, 0x37, 0x2f, 0x1c, 0x64, 0xe3}};

struct RuntimeCacheProtocol {
  abi::variable_messages::RuntimeCacheContext context;
  abi::variable_messages::RuntimeCacheInfo info;
  std::uint64_t failures;  // of the driver's own checks
};

// A message of the stock variable driver with `payload`, which becomes the answer's. The message's own status, or the
// one of its delivery if that failed.
template <typename Payload>
abi::EfiStatus send_variable_message(abi::MmCommunication2& mm, abi::variable_messages::VariableFunction function,
                                     Payload& payload) {
  struct [[gnu::packed]] Message {
    abi::CommunicateHeader header;
    abi::variable_messages::VariableMessageHeader variable;
    Payload payload;
  };
  Message message{{abi::smm_variable_guid, sizeof(abi::variable_messages::VariableMessageHeader) + sizeof(Payload)},
                  {static_cast<std::uint64_t>(function), abi::status::aborted},
                  payload};
  abi::UintN size = sizeof(message);
  const abi::EfiStatus delivered = mm.communicate(&mm, &message, &message, &size);
  payload = message.payload;
  return abi::status::is_error(delivered) ? delivered : message.variable.return_status;
}

struct CachedVariable {
  std::uint32_t attributes;
  std::uint32_t size;
  const std::uint8_t* data;
};

// Calls visit(name, vendor, CachedVariable) for each variable of the store at `address`, `name` with its terminator;
// false if it isn't a store.
template <typename Visit>
bool for_each_cached(std::uint64_t address, Visit visit) {
  constexpr std::uint32_t store_header = 28;
  constexpr std::uint32_t record_header = 60;
  const auto* store = reinterpret_cast<const std::uint8_t*>(address);
  const auto load32 = [store](std::uint64_t offset) {
    std::uint32_t value = 0;
    __builtin_memcpy(&value, store + offset, sizeof(value));
    return value;
  };
  const std::uint32_t size = load32(16);
  if (load32(0) != 0xaaf32c78 || store[20] != 0x5A || store[21] != 0xFE || size < store_header) {
    return false;
  }
  std::uint32_t at = store_header;
  while (size - at >= record_header && store[at] == 0xAA && store[at + 1] == 0x55) {
    const std::uint32_t name_size = load32(at + 36);
    const std::uint32_t data_size = load32(at + 40);
    const std::uint32_t room = size - at - record_header;
    if (name_size > room || data_size > room - name_size) {
      return false;
    }
    if (store[at + 2] == 0x3F) {
      abi::Guid vendor;
      __builtin_memcpy(&vendor, store + at + 44, sizeof(vendor));
      const std::uint8_t* name = store + at + record_header;
      visit(reinterpret_cast<const abi::Char16*>(name), vendor,
            CachedVariable{load32(at + 4), data_size, name + name_size});
    }
    at += (record_header + name_size + data_size + 3) & ~3U;
    if (at > size) {
      return false;
    }
  }
  return true;
}

}  // namespace redoubt::guest
