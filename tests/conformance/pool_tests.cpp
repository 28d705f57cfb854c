// SPDX-License-Identifier: BSD-2-Clause-Patent
// MmAllocatePool() and MmFreePool(): PI 1.9, volume 4, 3.2, which takes over UEFI 2.10, 7.2.4 and 7.2.5.
#include <cstring>

#include "tests/conformance/exhaustion.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;

constexpr std::uint64_t huge = std::uint64_t{1} << 40;  // more than any MMRAM holds

// Null if there is no memory.
void* allocate(const Run& t, abi::UintN size, abi::MemoryType type = abi::runtime_services_data) {
  void* buffer = nullptr;
  return t.mmst.allocate_pool(type, size, &buffer) == status::success ? buffer : nullptr;
}

constexpr Test tests[] = {
    {.name = "uefi-7.2.4/AllocatePool/runtime_services_data",
     .behaviour = "Memory of type EfiRuntimeServicesData: EFI_SUCCESS; all of it can be read and written.",
     .run =
         [](Run& t) {
           for (const abi::UintN size : {1U, 8U, 100U, 4095U, 4096U, 4097U, 70000U}) {
             void* buffer = nullptr;
             t.status(t.mmst.allocate_pool(abi::runtime_services_data, size, &buffer), status::success);
             if (t.failed()) return;
             std::memset(buffer, 0x5A, size);
             t.equal(static_cast<std::uint8_t*>(buffer)[size - 1], 0x5A);
             t.status(t.mmst.free_pool(buffer), status::success);
           }
         }},
    {.name = "uefi-7.2.4/AllocatePool/runtime_services_code",
     .behaviour = "Memory of type EfiRuntimeServicesCode: EFI_SUCCESS; it can be written.",
     .run =
         [](Run& t) {
           void* buffer = nullptr;
           t.status(t.mmst.allocate_pool(abi::runtime_services_code, 64, &buffer), status::success);
           if (t.failed()) return;
           std::memset(buffer, 0xC3, 64);
           t.status(t.mmst.free_pool(buffer), status::success);
         },
     .ours = "It cannot be executed: MM's memory is never both writable and executable."},
    {.name = "uefi-7.2.4/AllocatePool/alignment",
     .behaviour = "All allocations are eight-byte aligned.",
     .run =
         [](Run& t) {
           void* kept[24];
           for (abi::UintN i = 0; i != 24; ++i) {
             kept[i] = allocate(t, 1 + 3 * i);
             t.that(kept[i] != nullptr);
             t.equal(reinterpret_cast<std::uintptr_t>(kept[i]) % 8, 0);
           }
           for (void* buffer : kept) t.mmst.free_pool(buffer);
         }},
    {.name = "uefi-7.2.4/AllocatePool/distinct",
     .behaviour = "Allocations don't overlap, and keep their contents while others come and go.",
     .run =
         [](Run& t) {
           constexpr unsigned count = 40;
           std::uint8_t* kept[count];
           const auto size = [](unsigned i) { return 16U + 37U * i; };
           for (unsigned i = 0; i != count; ++i) {
             kept[i] = static_cast<std::uint8_t*>(allocate(t, size(i)));
             if (kept[i] == nullptr) return t.that(false);
             std::memset(kept[i], static_cast<int>(i), size(i));
           }
           for (unsigned i = 0; i < count; i += 2) t.status(t.mmst.free_pool(kept[i]), status::success);
           for (unsigned i = 0; i < count; i += 2) {
             kept[i] = static_cast<std::uint8_t*>(allocate(t, size(i)));
             if (kept[i] == nullptr) return t.that(false);
             std::memset(kept[i], static_cast<int>(i), size(i));
           }
           for (unsigned i = 0; i != count; ++i) {
             for (unsigned byte = 0; byte != size(i); ++byte) t.equal(kept[i][byte], i);
             t.status(t.mmst.free_pool(kept[i]), status::success);
           }
         }},
    {.name = "uefi-7.2.4/AllocatePool/null_buffer",
     .behaviour = "Buffer is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           t.status(t.mmst.allocate_pool(abi::runtime_services_data, 8, nullptr), status::invalid_parameter);
         },
     .edk2 = "Writes to address 0."},
    {.name = "uefi-7.2.4/AllocatePool/type_out_of_range",
     .behaviour = "PoolType from EfiMaxMemoryType to 0x6FFFFFFF: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for (const std::uint32_t type : {16U, 17U, 1000U, 0x6FFFFFFFU}) {
             void* buffer = nullptr;
             t.status(t.mmst.allocate_pool(static_cast<abi::MemoryType>(type), 8, &buffer), status::invalid_parameter);
           }
         }},
    {.name = "uefi-7.2.4/AllocatePool/persistent_memory",
     .behaviour = "PoolType is EfiPersistentMemory: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           void* buffer = nullptr;
           t.status(t.mmst.allocate_pool(abi::persistent_memory, 8, &buffer), status::invalid_parameter);
         }},
    {.name = "uefi-7.2.4/AllocatePool/too_large",
     .behaviour = "A size that memory can't provide: EFI_OUT_OF_RESOURCES.",
     .run =
         [](Run& t) {
           for (const std::uint64_t size :
                {huge, std::uint64_t{1} << 63, UINT64_MAX - 4096, UINT64_MAX - 7, UINT64_MAX}) {
             void* buffer = nullptr;
             t.status(t.mmst.allocate_pool(abi::runtime_services_data, size, &buffer), status::out_of_resources);
           }
         },
     .edk2 = "Sizes within the pool header's size of 2^64 wrap and get a small buffer: EFI_SUCCESS."},
    {.name = "uefi-7.2.4/AllocatePool/exhausted",
     .behaviour = "No memory is left: EFI_OUT_OF_RESOURCES; when memory is back, so is the service.",
     .run =
         [](Run& t) {
           Exhaustion exhaustion(t.mmst);
           t.that(exhaustion.complete());
           struct Block {
             Block* next;
           };
           Block* blocks = nullptr;
           std::uint32_t count = 0;
           const abi::EfiStatus last = exhaustion.repeat(
               [&](std::uint32_t) {
                 void* buffer = nullptr;
                 const abi::EfiStatus result = t.mmst.allocate_pool(abi::runtime_services_data, 64, &buffer);
                 if (result == status::success) {
                   auto* block = static_cast<Block*>(buffer);
                   block->next = blocks;
                   blocks = block;
                 }
                 return result;
               },
               count);
           t.status(last, status::out_of_resources);
           while (blocks != nullptr) {
             Block* block = blocks;
             blocks = block->next;
             t.status(t.mmst.free_pool(block), status::success);
           }
           t.that(exhaustion.release());
           void* buffer = nullptr;
           t.status(t.mmst.allocate_pool(abi::runtime_services_data, 64, &buffer), status::success);
           t.status(t.mmst.free_pool(buffer), status::success);
         }},
    {.name = "uefi-7.2.5/FreePool/reuse",
     .behaviour = "Freed memory is returned, EFI_SUCCESS, and available again: allocating and freeing never runs out.",
     .run =
         [](Run& t) {
           for (unsigned i = 0; i != 3000 && !t.failed(); ++i) {
             void* buffer = nullptr;
             t.status(t.mmst.allocate_pool(abi::runtime_services_data, 24000 + i, &buffer), status::success);
             t.status(t.mmst.free_pool(buffer), status::success);
           }
         }},
    {.name = "uefi-7.2.5/FreePool/null",
     .behaviour = "Buffer was invalid, here NULL: EFI_INVALID_PARAMETER.",
     .run = [](Run& t) { t.status(t.mmst.free_pool(nullptr), status::invalid_parameter); }},
    {.name = "uefi-7.2.5/FreePool/twice",
     .behaviour = "Buffer was invalid, here freed before: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for (const abi::UintN size : {16U, 20000U}) {
             void* buffer = allocate(t, size);
             t.status(t.mmst.free_pool(buffer), status::success);
             t.status(t.mmst.free_pool(buffer), status::invalid_parameter);
           }
         },
     .edk2 = "Asserts in debug builds; otherwise corrupts its free lists."},
    {.name = "uefi-7.2.5/FreePool/inside",
     .behaviour = "Buffer was invalid, here inside an allocation: EFI_INVALID_PARAMETER; the allocation stays.",
     .run =
         [](Run& t) {
           for (const abi::UintN size : {64U, 20000U}) {
             auto* buffer = static_cast<std::uint8_t*>(allocate(t, size));
             if (buffer == nullptr) return t.that(false);
             std::memset(buffer, 0, size);
             t.status(t.mmst.free_pool(buffer + 8), status::invalid_parameter);
             t.status(t.mmst.free_pool(buffer + 1), status::invalid_parameter);
             t.status(t.mmst.free_pool(buffer + 32), status::invalid_parameter);
             t.status(t.mmst.free_pool(buffer), status::success);
           }
         },
     .edk2 = "Takes what stands in front of the address for a pool header."},
    {.name = "uefi-7.2.5/FreePool/not_pool",
     .behaviour = "Buffer was invalid, here memory that no allocation returned: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           std::uint64_t local[8] = {};
           t.status(t.mmst.free_pool(&local[4]), status::invalid_parameter);
           t.status(t.mmst.free_pool(&t.mmst), status::invalid_parameter);
         },
     .edk2 = "Takes what stands in front of the address for a pool header."},
    {.name = "uefi-7.2.5/FreePool/pages",
     .behaviour = "Buffer was invalid, here pages of AllocatePages(): EFI_INVALID_PARAMETER; the pages stay.",
     .run =
         [](Run& t) {
           abi::EfiPhysicalAddress memory = 0;
           t.status(t.mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 1, &memory),
                    status::success);
           t.status(t.mmst.free_pool(reinterpret_cast<void*>(static_cast<std::uintptr_t>(memory))),
                    status::invalid_parameter);
           t.status(t.mmst.free_pages(memory, 1), status::success);
         },
     .edk2 = "Takes what stands in front of the address for a pool header."},
};

}  // namespace

std::span<const Test> pool_tests() { return tests; }

}  // namespace redoubt::conformance
