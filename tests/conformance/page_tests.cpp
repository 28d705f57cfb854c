// SPDX-License-Identifier: BSD-2-Clause-Patent
// MmAllocatePages() and MmFreePages(): PI 1.9, volume 4, 3.2, which takes over UEFI 2.10, 7.2.1 and 7.2.2.
#include <cstring>

#include "base/address.hpp"
#include "tests/conformance/exhaustion.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::EfiPhysicalAddress;

std::uint8_t* bytes_at(EfiPhysicalAddress address) {
  return reinterpret_cast<std::uint8_t*>(static_cast<std::uintptr_t>(address));
}

abi::EfiStatus allocate(const Run& t, abi::AllocateType type, abi::UintN pages, EfiPhysicalAddress& memory) {
  return t.mmst.allocate_pages(type, abi::runtime_services_data, pages, &memory);
}

constexpr Test tests[] = {
    {.name = "uefi-7.2.1/AllocatePages/any",
     .behaviour = "AllocateAnyPages: EFI_SUCCESS; contiguous 4 KiB pages that can be read and written.",
     .run =
         [](Run& t) {
           for (const abi::UintN pages : {1U, 2U, 17U}) {
             EfiPhysicalAddress memory = 0;
             t.status(allocate(t, abi::allocate_any_pages, pages, memory), status::success);
             if (t.failed()) return;
             t.equal(memory % page_bytes, 0);
             std::memset(bytes_at(memory), 0xA5, pages * page_bytes);
             t.equal(bytes_at(memory)[pages * page_bytes - 1], 0xA5);
             t.status(t.mmst.free_pages(memory, pages), status::success);
           }
         }},
    {.name = "uefi-7.2.1/AllocatePages/any_ignores_memory",
     .behaviour = "AllocateAnyPages: the address on input is ignored.",
     .run =
         [](Run& t) {
           for (const EfiPhysicalAddress input : {EfiPhysicalAddress{0}, EfiPhysicalAddress{0xFFFF'FFFF'FFFF'F123}}) {
             EfiPhysicalAddress memory = input;
             t.status(allocate(t, abi::allocate_any_pages, 1, memory), status::success);
             t.status(t.mmst.free_pages(memory, 1), status::success);
           }
         }},
    {.name = "uefi-7.2.1/AllocatePages/code",
     .behaviour = "MemoryType EfiRuntimeServicesCode: EFI_SUCCESS; the pages can be written.",
     .run =
         [](Run& t) {
           EfiPhysicalAddress memory = 0;
           t.status(t.mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_code, 1, &memory),
                    status::success);
           if (t.failed()) return;
           std::memset(bytes_at(memory), 0xC3, page_bytes);
           t.status(t.mmst.free_pages(memory, 1), status::success);
         },
     .ours = "They cannot be executed: MM's memory is never both writable and executable."},
    {.name = "uefi-7.2.1/AllocatePages/max_address",
     .behaviour = "AllocateMaxAddress: the pages' highest address is at most the one given.",
     .run =
         [](Run& t) {
           EfiPhysicalAddress any = 0;
           t.status(allocate(t, abi::allocate_any_pages, 4, any), status::success);
           t.status(t.mmst.free_pages(any, 4), status::success);
           const EfiPhysicalAddress limit = any + 4 * page_bytes - 1;
           EfiPhysicalAddress memory = limit;
           t.status(allocate(t, abi::allocate_max_address, 2, memory), status::success);
           if (t.failed()) return;
           t.that(memory + 2 * page_bytes - 1 <= limit);
           t.status(t.mmst.free_pages(memory, 2), status::success);
         }},
    {.name = "uefi-7.2.1/AllocatePages/max_address_exact",
     .behaviour = "AllocateMaxAddress: a limit just below the pages' highest address excludes them.",
     .run =
         [](Run& t) {
           EfiPhysicalAddress any = 0;
           t.status(allocate(t, abi::allocate_any_pages, 2, any), status::success);
           t.status(t.mmst.free_pages(any, 2), status::success);
           const EfiPhysicalAddress limit = any + 2 * page_bytes - 2;
           EfiPhysicalAddress memory = limit;
           const abi::EfiStatus result = allocate(t, abi::allocate_max_address, 2, memory);
           if (result != status::success) return t.that(abi::status::is_error(result));
           t.that(memory + 2 * page_bytes - 1 <= limit);
           t.status(t.mmst.free_pages(memory, 2), status::success);
         }},
    {.name = "uefi-7.2.1/AllocatePages/max_address_too_low",
     .behaviour = "AllocateMaxAddress: no pages below the limit: the pages could not be allocated, "
                  "EFI_OUT_OF_RESOURCES or EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           for (const EfiPhysicalAddress limit : {0U, 0xFFFU, 0x1000U}) {
             EfiPhysicalAddress memory = limit;
             const abi::EfiStatus result = allocate(t, abi::allocate_max_address, 1, memory);
             t.that(result == status::out_of_resources || result == status::not_found);
           }
         },
     .edk2 = "EFI_OUT_OF_RESOURCES."},
    {.name = "uefi-7.2.1/AllocatePages/address",
     .behaviour = "AllocateAddress: free pages at the address given: EFI_SUCCESS, exactly those.",
     .run =
         [](Run& t) {
           EfiPhysicalAddress any = 0;
           t.status(allocate(t, abi::allocate_any_pages, 3, any), status::success);
           t.status(t.mmst.free_pages(any, 3), status::success);
           EfiPhysicalAddress memory = any + page_bytes;
           t.status(allocate(t, abi::allocate_address, 1, memory), status::success);
           if (t.failed()) return;
           t.equal(memory, any + page_bytes);
           std::memset(bytes_at(memory), 1, page_bytes);
           t.status(t.mmst.free_pages(memory, 1), status::success);
         }},
    {.name = "uefi-7.2.1/AllocatePages/address_taken",
     .behaviour = "AllocateAddress: pages that aren't free: EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           EfiPhysicalAddress taken = 0;
           t.status(allocate(t, abi::allocate_any_pages, 1, taken), status::success);
           EfiPhysicalAddress memory = taken;
           t.status(allocate(t, abi::allocate_address, 1, memory), status::not_found);
           t.status(t.mmst.free_pages(taken, 1), status::success);
         }},
    {.name = "uefi-7.2.1/AllocatePages/address_elsewhere",
     .behaviour = "AllocateAddress: an address where MMRAM isn't: EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           for (const EfiPhysicalAddress address :
                {EfiPhysicalAddress{0x1000}, EfiPhysicalAddress{1} << 46, EfiPhysicalAddress{0xFFFF'FFFF'FFFF'F000}}) {
             EfiPhysicalAddress memory = address;
             t.status(allocate(t, abi::allocate_address, 1, memory), status::not_found);
           }
         }},
    {.name = "uefi-7.2.1/AllocatePages/null_memory",
     .behaviour = "Memory is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           t.status(t.mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 1, nullptr),
                    status::invalid_parameter);
         },
     .edk2 = "Reads and writes address 0."},
    {.name = "uefi-7.2.1/AllocatePages/type",
     .behaviour = "Type is none of the three allocate types: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for (const std::uint32_t type : {3U, 4U, 0xFFFFFFFFU}) {
             EfiPhysicalAddress memory = 0;
             t.status(allocate(t, static_cast<abi::AllocateType>(type), 1, memory), status::invalid_parameter);
           }
         }},
    {.name = "uefi-7.2.1/AllocatePages/memory_type_out_of_range",
     .behaviour = "MemoryType from EfiMaxMemoryType to 0x6FFFFFFF: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for (const std::uint32_t type : {16U, 0x6FFFFFFFU}) {
             EfiPhysicalAddress memory = 0;
             t.status(t.mmst.allocate_pages(abi::allocate_any_pages, static_cast<abi::MemoryType>(type), 1, &memory),
                      status::invalid_parameter);
           }
         }},
    {.name = "uefi-7.2.1/AllocatePages/persistent_memory",
     .behaviour = "MemoryType is EfiPersistentMemory: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           EfiPhysicalAddress memory = 0;
           t.status(t.mmst.allocate_pages(abi::allocate_any_pages, abi::persistent_memory, 1, &memory),
                    status::invalid_parameter);
         }},
    {.name = "uefi-7.2.1/AllocatePages/too_many",
     .behaviour = "More pages than memory can provide: EFI_OUT_OF_RESOURCES.",
     .run =
         [](Run& t) {
           for (const std::uint64_t pages :
                {std::uint64_t{1} << 30, std::uint64_t{1} << 52, (std::uint64_t{1} << 52) + 1, UINT64_MAX}) {
             EfiPhysicalAddress memory = 0;
             t.status(allocate(t, abi::allocate_any_pages, pages, memory), status::out_of_resources);
           }
         }},
    {.name = "uefi-7.2.1/AllocatePages/exhausted",
     .behaviour = "No page is left: EFI_OUT_OF_RESOURCES; freed pages are available again, all of them.",
     .run =
         [](Run& t) {
           std::uint64_t first = 0;
           {
             Exhaustion exhaustion(t.mmst);
             t.that(exhaustion.complete());
             first = exhaustion.pages();
             t.that(exhaustion.release());
           }
           Exhaustion again(t.mmst);
           t.equal(again.pages(), first);
           t.that(again.release());
         }},
    {.name = "uefi-7.2.2/FreePages/part",
     .behaviour = "Part of an allocation can be freed: EFI_SUCCESS; the rest stays allocated.",
     .run =
         [](Run& t) {
           EfiPhysicalAddress memory = 0;
           t.status(allocate(t, abi::allocate_any_pages, 3, memory), status::success);
           if (t.failed()) return;
           bytes_at(memory)[0] = 1;
           bytes_at(memory)[2 * page_bytes] = 3;
           t.status(t.mmst.free_pages(memory + page_bytes, 1), status::success);
           t.equal(bytes_at(memory)[0], 1);
           t.equal(bytes_at(memory)[2 * page_bytes], 3);
           EfiPhysicalAddress middle = memory + page_bytes;
           t.status(allocate(t, abi::allocate_address, 1, middle), status::success);
           t.status(t.mmst.free_pages(memory, 3), status::success);
         }},
    {.name = "uefi-7.2.2/FreePages/unaligned",
     .behaviour = "Memory is not a page-aligned address: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           EfiPhysicalAddress memory = 0;
           t.status(allocate(t, abi::allocate_any_pages, 2, memory), status::success);
           t.status(t.mmst.free_pages(memory + 1, 1), status::invalid_parameter);
           t.status(t.mmst.free_pages(memory + 2048, 1), status::invalid_parameter);
           t.status(t.mmst.free_pages(memory, 2), status::success);
         }},
    {.name = "uefi-7.2.2/FreePages/no_pages",
     .behaviour = "Pages is invalid, here 0: EFI_INVALID_PARAMETER; nothing is freed.",
     .run =
         [](Run& t) {
           EfiPhysicalAddress memory = 0;
           t.status(allocate(t, abi::allocate_any_pages, 1, memory), status::success);
           t.status(t.mmst.free_pages(memory, 0), status::invalid_parameter);
           t.status(t.mmst.free_pages(memory, 1), status::success);
         },
     .edk2 = "Puts an empty node into its free list: EFI_SUCCESS."},
    {.name = "uefi-7.2.2/FreePages/too_many",
     .behaviour = "More pages than were allocated: an error, EFI_NOT_FOUND or EFI_INVALID_PARAMETER; nothing is freed.",
     .run =
         [](Run& t) {
           EfiPhysicalAddress memory = 0;
           t.status(allocate(t, abi::allocate_any_pages, 1, memory), status::success);
           for (const std::uint64_t pages :
                {std::uint64_t{1} << 30, std::uint64_t{1} << 52, (std::uint64_t{1} << 52) + 1, UINT64_MAX}) {
             const abi::EfiStatus result = t.mmst.free_pages(memory, pages);
             t.that(result == status::not_found || result == status::invalid_parameter);
           }
           t.status(t.mmst.free_pages(memory, 1), status::success);
         },
     .edk2 = "Frees whatever follows, as long as it isn't free already; page counts wrap."},
    {.name = "uefi-7.2.2/FreePages/not_allocated",
     .behaviour = "Pages that AllocatePages() didn't allocate: EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           for (const EfiPhysicalAddress address :
                {EfiPhysicalAddress{0}, EfiPhysicalAddress{0x1000}, EfiPhysicalAddress{1} << 46,
                 EfiPhysicalAddress{0xFFFF'FFFF'FFFF'F000},
                 EfiPhysicalAddress{reinterpret_cast<std::uintptr_t>(&t.mmst) & ~(page_bytes - 1)}}) {
             t.status(t.mmst.free_pages(address, 1), status::not_found);
           }
         },
     .edk2 = "Adds them to its free memory and writes a list node there: EFI_SUCCESS."},
    {.name = "uefi-7.2.2/FreePages/twice",
     .behaviour = "Pages that were freed before: EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           EfiPhysicalAddress memory = 0;
           t.status(allocate(t, abi::allocate_any_pages, 1, memory), status::success);
           t.status(t.mmst.free_pages(memory, 1), status::success);
           t.status(t.mmst.free_pages(memory, 1), status::not_found);
         },
     .edk2 = "EFI_INVALID_PARAMETER."},
};

}  // namespace

std::span<const Test> page_tests() { return tests; }

}  // namespace redoubt::conformance
