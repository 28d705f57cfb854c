// SPDX-License-Identifier: BSD-2-Clause-Patent
// How memory outside MMRAM is opened to MM drivers, explicitly and until ReadyToLock, and how a driver learns of it.
//
//   PEI, before MM is launched    a HOB, edk2's (UefiCpuPkg/Include/Guid/MmUnblockRegion.h) or Project Mu's
//                                 (MmSupervisorPkg/Include/Guid/MmSupvUnblockRegion.h)
//   DXE, until ReadyToLock        Project Mu's protocol (MmSupervisorPkg/Include/Protocol/
//                                 MmSupervisorUnblockMemoryProtocol.h); the communication driver turns a call of it
//                                 into Project Mu's message (MmSupervisorPkg/Include/Guid/MmSupervisorRequestData.h)
//   a driver in MM                asks by a protocol of ours whether memory that a message names was opened
//
// What is open stays open. Afterwards the message has no handler and the protocol says EFI_ACCESS_DENIED.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/uefi/service_types.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::abi {

// ---- HOBs ----

// gMmUnblockRegionHobGuid of edk2; its data is an UnblockRegion.
inline constexpr Guid unblock_region_hob_guid = {
    0x7c316fb3, 0x849e, 0x4ee7, {0x87, 0xfc, 0x16, 0x2d, 0x0b, 0x03, 0x42, 0xbf}};

// MM_UNBLOCK_REGION.
struct UnblockRegion {
  EfiPhysicalAddress physical_start;  // 4 KiB aligned
  std::uint64_t number_of_pages;
  Guid identifier;  // who wants it
};
static_assert(sizeof(UnblockRegion) == 32);

// gMmSupvUnblockRegionHobGuid of Project Mu; its data is UnblockParameters.
inline constexpr Guid supervisor_unblock_region_hob_guid = {
    0x3def51c5, 0x228f, 0x481d, {0x82, 0x1b, 0x32, 0xec, 0x4d, 0xf7, 0xd9, 0xc7}};

// MM_SUPERVISOR_UNBLOCK_MEMORY_PARAMS. Of the descriptor only start, pages and attributes mean something.
struct UnblockParameters {
  MemoryDescriptor descriptor;
  Guid identifier;
};
static_assert(offsetof(UnblockParameters, identifier) == 40 && sizeof(UnblockParameters) == 56);

// ---- The message ----

// gMmSupervisorRequestHandlerGuid: its HeaderGuid.
inline constexpr Guid supervisor_request_guid = {
    0x8c633b23, 0x1260, 0x4ea6, {0x83, 0x0f, 0x7d, 0xdc, 0x97, 0x38, 0x21, 0x11}};

// MM_SUPERVISOR_REQUEST_HEADER.
struct SupervisorRequestHeader {
  static constexpr std::uint32_t expected_signature = 0x5055534D;  // "MSUP"
  static constexpr std::uint32_t current_revision = 1;
  static constexpr std::uint32_t unblock_memory = 1;  // the only request answered here

  std::uint32_t signature;
  std::uint32_t revision;
  std::uint32_t request;
  std::uint32_t reserved;
  std::uint64_t result;  // EFI_STATUS
};
static_assert(offsetof(SupervisorRequestHeader, result) == 16 && sizeof(SupervisorRequestHeader) == 24);

struct UnblockRequest {
  SupervisorRequestHeader header;
  UnblockParameters parameters;
};
static_assert(sizeof(UnblockRequest) == 80);

// ---- In DXE's protocol database ----

// gMmSupervisorUnblockMemoryProtocolGuid.
inline constexpr Guid unblock_memory_protocol_guid = {
    0x10b5eea9, 0xbe0d, 0x4f11, {0x86, 0x36, 0x1c, 0xb7, 0x0a, 0xa3, 0xba, 0x6d}};

// MM_SUPERVISOR_UNBLOCK_MEMORY_PROTOCOL.
struct UnblockMemoryProtocol {
  static constexpr std::uint64_t current_version = 1;

  std::uint64_t version;
  // EFI_SUCCESS, also for no pages at all; EFI_INVALID_PARAMETER: address 0 or not a multiple of 4 KiB, or no
  // identifier; EFI_ACCESS_DENIED: after ReadyToLock, or memory of a type that the OS or others may use;
  // EFI_NO_MAPPING: not in the memory map; EFI_SECURITY_VIOLATION: MM refuses; EFI_OUT_OF_RESOURCES.
  EfiStatus(EFIAPI* request_unblock_pages)(EfiPhysicalAddress address, std::uint64_t pages, const Guid* identifier);
};

// ---- In MM's protocol database ----

inline constexpr Guid unblocked_memory_protocol_guid = {
    0x131fd1d1, 0x9208, 0x4796, {0x9c, 0xa2, 0x1f, 0x3f, 0x94, 0x00, 0x50, 0x7f}};

struct UnblockedMemoryProtocol {
  // EFI_SUCCESS if all of the `bytes` bytes at `address`, at least one, lie in one range that was opened to drivers.
  // They are shared with the host: any of them can change at any time. EFI_ACCESS_DENIED otherwise.
  EfiStatus(EFIAPI* check)(const UnblockedMemoryProtocol* self, EfiPhysicalAddress address, std::uint64_t bytes);
};

}  // namespace redoubt::abi
