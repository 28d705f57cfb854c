// SPDX-License-Identifier: BSD-2-Clause-Patent
// The data of the MM system table: PI 1.9, volume 4, 3.2, and the table header of UEFI 2.10, 4.2.
#include <cstring>

#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

using abi::MmSystemTable;
namespace status = abi::status;

// The CRC of UEFI tables: that of IEEE 802.3, bit by bit.
std::uint32_t crc32(const std::uint8_t* bytes, std::size_t size) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (std::size_t i = 0; i != size; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit != 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

std::uint32_t crc32_of_table(const MmSystemTable& mmst) {
  MmSystemTable copy;
  std::memcpy(&copy, &mmst, sizeof(copy));
  copy.header.crc32 = 0;
  std::uint8_t bytes[sizeof(copy)];
  std::memcpy(bytes, &copy, sizeof(copy));
  return crc32(bytes, sizeof(bytes));
}

constexpr Test tests[] = {
    {.name = "pi4-3.2/EFI_MM_SYSTEM_TABLE/signature",
     .behaviour = "The header's signature is 'SMST'.",
     .run = [](Run& t) { t.equal(t.mmst.header.signature, 0x54534D53); }},
    {.name = "pi4-3.2/EFI_MM_SYSTEM_TABLE/revision",
     .behaviour = "The header's revision is PI_SPECIFICATION_VERSION: 1.9 is 1 in the upper half, 90 in the lower.",
     .run = [](Run& t) { t.equal(t.mmst.header.revision, 1U << 16 | 90U); },
     .edk2 = "1.8 (PI_SPECIFICATION_MINOR_REVISION is 80)."},
    {.name = "uefi-4.2/EFI_TABLE_HEADER/header_size",
     .behaviour = "HeaderSize is the size of the whole table, header included.",
     .run = [](Run& t) { t.equal(t.mmst.header.header_size, sizeof(MmSystemTable)); },
     .edk2 = "The size of the header alone, 24."},
    {.name = "uefi-4.2/EFI_TABLE_HEADER/crc32",
     .behaviour = "CRC32 is the CRC of the whole table with itself taken as zero.",
     .run = [](Run& t) { t.equal(t.mmst.header.crc32, crc32_of_table(t.mmst)); },
     .edk2 = "Never computed, 0."},
    {.name = "uefi-4.2/EFI_TABLE_HEADER/crc32_after_change",
     .behaviour = "CRC32 is right again after a service has changed the table.",
     .run =
         [](Run& t) {
           constexpr abi::Guid guid = test_guid(0x3201);
           std::uint8_t table = 0;
           t.status(t.mmst.install_configuration_table(&t.mmst, &guid, &table, 1), status::success);
           t.equal(t.mmst.header.crc32, crc32_of_table(t.mmst));
           t.status(t.mmst.install_configuration_table(&t.mmst, &guid, nullptr, 0), status::success);
           t.equal(t.mmst.header.crc32, crc32_of_table(t.mmst));
         },
     .edk2 = "Never computed, 0."},
    {.name = "uefi-4.2/EFI_TABLE_HEADER/reserved",
     .behaviour = "The header's reserved field is 0.",
     .run = [](Run& t) { t.equal(t.mmst.header.reserved, 0); }},
    {.name = "pi4-3.2/EFI_MM_SYSTEM_TABLE/firmware_vendor",
     .behaviour = "MmFirmwareVendor is NULL or a NUL-terminated string.",
     .run =
         [](Run& t) {
           if (t.mmst.firmware_vendor == nullptr) return;
           std::size_t length = 0;
           while (length != 256 && t.mmst.firmware_vendor[length] != 0) ++length;
           t.that(length != 256);
         }},
    {.name = "pi4-3.2/EFI_MM_SYSTEM_TABLE/number_of_cpus",
     .behaviour = "NumberOfCpus counts the platform's processors from 1; CurrentlyExecutingCpu is below it.",
     .run =
         [](Run& t) {
           t.that(t.mmst.number_of_cpus >= 1);
           t.that(t.mmst.currently_executing_cpu < t.mmst.number_of_cpus);
         },
     .edk2 = "Both are 0 until the first MMI, at drivers' entry points too."},
    {.name = "pi4-3.2/EFI_MM_SYSTEM_TABLE/save_state",
     .behaviour = "CpuSaveStateSize and CpuSaveState are arrays of NumberOfCpus elements.",
     .run =
         [](Run& t) {
           t.equal(t.mmst.cpu_save_state_size == nullptr, t.mmst.cpu_save_state == nullptr);
           if (t.mmst.cpu_save_state == nullptr || t.mmst.cpu_save_state_size == nullptr) return;
           for (abi::UintN cpu = 0; cpu != t.mmst.number_of_cpus; ++cpu) {
             t.equal(t.mmst.cpu_save_state_size[cpu] == 0, t.mmst.cpu_save_state[cpu] == nullptr);
           }
         },
     .ours = "Both are NULL: drivers read save state through EFI_MM_CPU_PROTOCOL, under policy."},
    {.name = "pi4-3.2/EFI_MM_SYSTEM_TABLE/services",
     .behaviour = "Every service of the table is there when a driver is initialised.",
     .run =
         [](Run& t) {
           const MmSystemTable& m = t.mmst;
           t.that(m.install_configuration_table != nullptr);
           t.that(m.mm_io.memory.read != nullptr && m.mm_io.memory.write != nullptr);
           t.that(m.mm_io.io.read != nullptr && m.mm_io.io.write != nullptr);
           t.that(m.allocate_pool != nullptr && m.free_pool != nullptr);
           t.that(m.allocate_pages != nullptr && m.free_pages != nullptr);
           t.that(m.startup_this_ap != nullptr);
           t.that(m.install_protocol_interface != nullptr && m.uninstall_protocol_interface != nullptr);
           t.that(m.handle_protocol != nullptr && m.register_protocol_notify != nullptr);
           t.that(m.locate_handle != nullptr && m.locate_protocol != nullptr);
           t.that(m.mmi_manage != nullptr && m.mmi_handler_register != nullptr && m.mmi_handler_unregister != nullptr);
         },
     .edk2 = "MmStartupThisAp is NULL until the first MMI."},
    {.name = "pi4-3.2/EFI_MM_SYSTEM_TABLE/configuration_tables",
     .behaviour = "NumberOfTableEntries is the number of elements of MmConfigurationTable.",
     .run =
         [](Run& t) {
           for (abi::UintN i = 0; i != t.mmst.number_of_table_entries; ++i) {
             t.that(t.mmst.configuration_table[i].vendor_table != nullptr);
           }
         }},
    {.name = "uefi-9.1/EFI_LOADED_IMAGE_PROTOCOL/own_handle",
     .behaviour = "A driver's image handle has EFI_LOADED_IMAGE_PROTOCOL; its image holds the driver's code.",
     .run =
         [](Run& t) {
           void* interface = nullptr;
           t.status(t.mmst.handle_protocol(t.image_handle, &abi::loaded_image_protocol_guid, &interface),
                    status::success);
           if (t.failed() || interface == nullptr) return t.that(false);
           const auto* loaded = static_cast<const abi::LoadedImageProtocol*>(interface);
           t.equal(loaded->revision, abi::LoadedImageProtocol::current_revision);
           t.that(loaded->image_base != nullptr && loaded->image_size != 0);
         }},
    {.name = "uefi-9.1/EFI_LOADED_IMAGE_PROTOCOL/unload",
     .behaviour = "Unload is the driver's to set: it can write its function there.",
     .run =
         [](Run& t) {
           void* interface = nullptr;
           t.status(t.mmst.handle_protocol(t.image_handle, &abi::loaded_image_protocol_guid, &interface),
                    status::success);
           if (t.failed()) return;
           auto* loaded = static_cast<abi::LoadedImageProtocol*>(interface);
           void* const before = loaded->unload;
           loaded->unload = reinterpret_cast<void*>(&crc32);
           t.that(loaded->unload == reinterpret_cast<void*>(&crc32));
           loaded->unload = before;
         }},
};

}  // namespace

std::span<const Test> system_table_tests() { return tests; }

}  // namespace redoubt::conformance
