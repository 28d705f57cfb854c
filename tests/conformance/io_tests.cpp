// SPDX-License-Identifier: BSD-2-Clause-Patent
// MmIo of the system table and EFI_MM_CPU_IO_PROTOCOL, which are the same interface: PI 1.9, volume 4, chapter 4. Which
// addresses there are is the platform's and its policy's; the surroundings name some.
#include <cstring>

#include "abi/pi/mm_protocols.hpp"
#include "tests/conformance/exhaustion.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::EfiStatus;
using abi::MmCpuIoProtocol;

constexpr abi::MmIoWidth widths[] = {abi::mm_io_uint8, abi::mm_io_uint16, abi::mm_io_uint32, abi::mm_io_uint64};

std::uint64_t address_of(const void* object) { return reinterpret_cast<std::uintptr_t>(object); }

constexpr Test tests[] = {
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/installed",
     .behaviour = "The protocol is there, with its four functions.",
     .run =
         [](Run& t) {
           void* interface = nullptr;
           t.status(t.mmst.locate_protocol(&abi::mm_cpu_io_protocol_guid, nullptr, &interface), status::success);
           if (t.failed()) return;
           const auto* io = static_cast<const MmCpuIoProtocol*>(interface);
           t.that(io->memory.read != nullptr && io->memory.write != nullptr);
           t.that(io->io.read != nullptr && io->io.write != nullptr);
           std::uint32_t value = 0x12345678;
           std::uint32_t copy = 0;
           t.status(io->memory.read(io, abi::mm_io_uint32, address_of(&value), 1, &copy), status::success);
           t.equal(copy, 0x12345678);
         },
     .edk2 = "Provided by a separate driver, UefiCpuPkg's CpuIo2StandaloneMm."},
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/memory_read",
     .behaviour = "Mem.Read() reads Count values of Width from Address on into Buffer. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           alignas(8) static constinit std::uint8_t memory[32] = {};
           for (unsigned i = 0; i != sizeof(memory); ++i) memory[i] = static_cast<std::uint8_t>(i + 1);
           for (const abi::MmIoWidth width : widths) {
             const std::size_t bytes = std::size_t{3} << width;
             std::uint8_t buffer[32] = {};
             t.status(t.mmst.mm_io.memory.read(&t.mmst.mm_io, width, address_of(memory), 3, buffer), status::success);
             t.that(std::memcmp(buffer, memory, bytes) == 0);
             t.equal(buffer[bytes], 0);
           }
         }},
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/memory_write",
     .behaviour = "Mem.Write() writes Count values of Width from Buffer to Address on. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           alignas(8) static constinit std::uint8_t memory[32] = {};
           std::uint8_t buffer[32];
           for (unsigned i = 0; i != sizeof(buffer); ++i) buffer[i] = static_cast<std::uint8_t>(0x80 + i);
           for (const abi::MmIoWidth width : widths) {
             const std::size_t bytes = std::size_t{2} << width;
             std::memset(memory, 0, sizeof(memory));
             t.status(t.mmst.mm_io.memory.write(&t.mmst.mm_io, width, address_of(memory), 2, buffer), status::success);
             t.that(std::memcmp(buffer, memory, bytes) == 0);
             t.equal(memory[bytes], 0);
           }
         }},
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/device_memory",
     .behaviour = "Mem.Read() of device memory that policy gives to drivers: EFI_SUCCESS.",
     .run =
         [](Run& t) {
           if (t.surroundings.device == 0) return;
           std::uint32_t first = 0;
           t.status(t.mmst.mm_io.memory.read(&t.mmst.mm_io, abi::mm_io_uint32, t.surroundings.device, 1, &first),
                    status::success);
           t.equal(first, *reinterpret_cast<const volatile std::uint32_t*>(t.surroundings.device));
         },
     .when = When::in_mmi},
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/memory_unsupported",
     .behaviour = "Address is not valid for this system: EFI_UNSUPPORTED. Here memory that is the foundation's, the "
                  "supervisor's, or without owner in MM.",
     .run =
         [](Run& t) {
           for (const std::uint64_t address :
                {t.surroundings.foundation, t.surroundings.supervisor, t.surroundings.outside}) {
             t.about(address);
             std::uint64_t value = 0;
             t.status(t.mmst.mm_io.memory.read(&t.mmst.mm_io, abi::mm_io_uint8, address, 1, &value),
                      status::unsupported);
             t.status(t.mmst.mm_io.memory.write(&t.mmst.mm_io, abi::mm_io_uint8, address, 1, &value),
                      status::unsupported);
           }
         },
     .when = When::in_mmi,
     .edk2 = "Any address that the CPU has is valid."},
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/memory_width",
     .behaviour = "Width is invalid: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           std::uint64_t memory = 0;
           std::uint64_t value = 0;
           for (const std::uint32_t width : {4U, 12U, 0xFFFFFFFFU}) {
             const auto wrong = static_cast<abi::MmIoWidth>(width);
             t.status(t.mmst.mm_io.memory.read(&t.mmst.mm_io, wrong, address_of(&memory), 1, &value),
                      status::invalid_parameter);
             t.status(t.mmst.mm_io.memory.write(&t.mmst.mm_io, wrong, address_of(&memory), 1, &value),
                      status::invalid_parameter);
           }
         }},
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/memory_count",
     .behaviour = "Count is invalid, here more than the address space holds: EFI_INVALID_PARAMETER or EFI_UNSUPPORTED.",
     .run =
         [](Run& t) {
           std::uint64_t memory = 0;
           std::uint64_t value = 0;
           for (const std::uint64_t count : {UINT64_MAX, UINT64_MAX / 2, (UINT64_MAX >> 3) + 1}) {
             const EfiStatus result =
                 t.mmst.mm_io.memory.read(&t.mmst.mm_io, abi::mm_io_uint64, address_of(&memory), count, &value);
             t.that(result == status::invalid_parameter || result == status::unsupported);
           }
         }},
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/memory_null_buffer",
     .behaviour = "Buffer is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           std::uint64_t memory = 0;
           t.status(t.mmst.mm_io.memory.read(&t.mmst.mm_io, abi::mm_io_uint8, address_of(&memory), 1, nullptr),
                    status::invalid_parameter);
           t.status(t.mmst.mm_io.memory.write(&t.mmst.mm_io, abi::mm_io_uint8, address_of(&memory), 1, nullptr),
                    status::invalid_parameter);
         }},
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/port_read",
     .behaviour = "Io.Read() reads from a port, 8, 16 or 32 bits wide. EFI_SUCCESS; no more than that is written.",
     .run =
         [](Run& t) {
           for (const abi::MmIoWidth width : {abi::mm_io_uint8, abi::mm_io_uint16, abi::mm_io_uint32}) {
             std::uint8_t buffer[8];
             std::memset(buffer, 0x5A, sizeof(buffer));
             t.status(t.mmst.mm_io.io.read(&t.mmst.mm_io, width, t.surroundings.port, 1, buffer), status::success);
             for (std::size_t i = std::size_t{1} << width; i != sizeof(buffer); ++i) t.equal(buffer[i], 0x5A);
           }
         },
     .when = When::in_mmi},
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/port_write",
     .behaviour = "Io.Write() writes to a port. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           std::uint32_t value = 0;
           for (const abi::MmIoWidth width : {abi::mm_io_uint8, abi::mm_io_uint16, abi::mm_io_uint32}) {
             t.status(t.mmst.mm_io.io.write(&t.mmst.mm_io, width, t.surroundings.port, 1, &value), status::success);
           }
         },
     .when = When::in_mmi},
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/port_count",
     .behaviour = "Io.Read() of Count values goes on to the next port with each.",
     .run =
         [](Run& t) {
           std::uint8_t buffer[5] = {};
           t.status(t.mmst.mm_io.io.read(&t.mmst.mm_io, abi::mm_io_uint8, t.surroundings.port, 4, buffer),
                    status::success);
           // One more is beyond what policy gives.
           t.status(t.mmst.mm_io.io.read(&t.mmst.mm_io, abi::mm_io_uint8, t.surroundings.port, 5, buffer),
                    status::unsupported);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/port_unsupported",
     .behaviour = "Address is not valid for this system: EFI_UNSUPPORTED. Here a port that policy doesn't give to "
                  "drivers, and numbers that no port has.",
     .run =
         [](Run& t) {
           for (const std::uint64_t port : {t.surroundings.closed_port, std::uint64_t{0x10000}, UINT64_MAX}) {
             t.about(port);
             std::uint32_t value = 0;
             t.status(t.mmst.mm_io.io.read(&t.mmst.mm_io, abi::mm_io_uint8, port, 1, &value), status::unsupported);
             t.status(t.mmst.mm_io.io.write(&t.mmst.mm_io, abi::mm_io_uint8, port, 1, &value), status::unsupported);
           }
         },
     .when = When::in_mmi,
     .edk2 = "Any port is valid."},
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/port_width",
     .behaviour = "Width is invalid for ports, 64 bits among others: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           for (const std::uint32_t width : {3U, 4U, 0xFFFFFFFFU}) {
             std::uint64_t value = 0;
             t.status(t.mmst.mm_io.io.read(&t.mmst.mm_io, static_cast<abi::MmIoWidth>(width), t.surroundings.port, 1,
                                           &value),
                      status::invalid_parameter);
           }
         },
     .when = When::in_mmi},
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/port_null_buffer",
     .behaviour = "Buffer is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           t.status(t.mmst.mm_io.io.read(&t.mmst.mm_io, abi::mm_io_uint8, t.surroundings.port, 1, nullptr),
                    status::invalid_parameter);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/EFI_MM_CPU_IO_PROTOCOL/out_of_resources",
     .behaviour = "EFI_OUT_OF_RESOURCES is for requests that need resources; none does: without memory they succeed.",
     .run =
         [](Run& t) {
           Exhaustion exhaustion(t.mmst);
           t.that(exhaustion.complete());
           std::uint64_t memory = 7;
           std::uint64_t value = 0;
           t.status(t.mmst.mm_io.memory.read(&t.mmst.mm_io, abi::mm_io_uint64, address_of(&memory), 1, &value),
                    status::success);
           t.equal(value, 7);
         }},
    {.name = "pi4-4/EFI_MM_PCI_ROOT_BRIDGE_IO_PROTOCOL/absent",
     .behaviour = "PCI configuration, memory and I/O space in MM: no policy gives them to drivers, and the protocol "
                  "isn't there: EFI_NOT_FOUND from MmLocateProtocol().",
     .run =
         [](Run& t) {
           // gEfiMmPciRootBridgeIoProtocolGuid
           static constexpr abi::Guid guid = {
               0x8bc1714d, 0xffcb, 0x41c3, {0x89, 0xdc, 0x6c, 0x74, 0xd0, 0x6d, 0x98, 0xea}};
           void* interface = nullptr;
           t.status(t.mmst.locate_protocol(&guid, nullptr, &interface), status::not_found);
         },
     .edk2 = "Provided by a separate driver of the platform, if at all."},
};

}  // namespace

std::span<const Test> io_tests() { return tests; }

}  // namespace redoubt::conformance
