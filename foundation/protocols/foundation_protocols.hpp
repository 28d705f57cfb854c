// SPDX-License-Identifier: BSD-2-Clause-Patent
// The protocols that the foundation itself puts into MM's database, besides EFI_MM_CPU_IO: EFI_MM_ACCESS,
// EFI_MM_CONFIGURATION and the memory attribute protocol. Their interfaces lie in memory that drivers only read; each
// function in them is a gate.
//
// When the first driver runs, MMRAM is closed, and only the launcher runs before it is locked; so these protocols speak
// of MMRAM as locked from the start.
#pragma once

#include <cstdint>

#include "abi/redoubt/syscall.hpp"
#include "abi/uefi/types.hpp"
#include "foundation/driver_memory.hpp"
#include "foundation/protocol_database.hpp"
#include "foundation/protocols/memory_attributes.hpp"
#include "foundation/service_number.hpp"
#include "foundation/shared_arena.hpp"

namespace redoubt::foundation {

class FoundationProtocols {
 public:
  constexpr FoundationProtocols(Supervisor& supervisor, PageMap& map, SharedArena& arena, DriverLedger& ledger)
      : arena_(arena), memory_(supervisor), attributes_(supervisor, map, ledger) {}
  FoundationProtocols(const FoundationProtocols&) = delete;
  FoundationProtocols& operator=(const FoundationProtocols&) = delete;

  // Builds the interfaces and installs them on `handle`. Error::out_of_memory.
  Result<void> install(const abi::FoundationLaunch& launch, ProtocolDatabase& protocols, HandleRecord& handle);

  // A call of one of them by the driver `caller`; EFI_UNSUPPORTED for a service that is none of theirs.
  abi::EfiStatus service(Service service, DriverNumber caller, const std::uint64_t (&arguments)[8]);

 private:
  abi::EfiStatus get_capabilities(std::uint64_t size_address, std::uint64_t map_address);
  abi::EfiStatus get_attributes(std::uint64_t base, std::uint64_t length, std::uint64_t result_address);

  SharedArena& arena_;
  DriverMemory memory_;
  MemoryAttributes attributes_;
  std::uint64_t mmram_base_ = 0;
  std::uint64_t mmram_size_ = 0;
};

}  // namespace redoubt::foundation
