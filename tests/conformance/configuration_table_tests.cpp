// SPDX-License-Identifier: BSD-2-Clause-Patent
// MmInstallConfigurationTable(): PI 1.9, volume 4, 3.2.
#include "tests/conformance/exhaustion.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;

constexpr abi::Guid first = test_guid(0x3211);
constexpr abi::Guid second = test_guid(0x3212);
constexpr abi::Guid third = test_guid(0x3213);
constinit std::uint8_t tables[4] = {1, 2, 3, 4};

// The table that MMST names for a GUID; null if it names none.
void* find(const Run& t, const abi::Guid& guid) {
  for (abi::UintN i = 0; i != t.mmst.number_of_table_entries; ++i) {
    if (t.mmst.configuration_table[i].vendor_guid == guid) return t.mmst.configuration_table[i].vendor_table;
  }
  return nullptr;
}

abi::EfiStatus install(const Run& t, const abi::Guid& guid, void* table) {
  return t.mmst.install_configuration_table(&t.mmst, &guid, table, table == nullptr ? 0 : 1);
}

constexpr Test tests[] = {
    {.name = "pi4-3.2/MmInstallConfigurationTable/add",
     .behaviour = "A GUID that isn't there and a table: the pair is added to the MMST. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const abi::UintN before = t.mmst.number_of_table_entries;
           t.status(install(t, first, &tables[0]), status::success);
           t.equal(t.mmst.number_of_table_entries, before + 1);
           t.that(find(t, first) == &tables[0]);
           install(t, first, nullptr);
         }},
    {.name = "pi4-3.2/MmInstallConfigurationTable/update",
     .behaviour = "A GUID that is there and a table: the pair gets the new table. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           install(t, first, &tables[0]);
           const abi::UintN before = t.mmst.number_of_table_entries;
           t.status(install(t, first, &tables[1]), status::success);
           t.equal(t.mmst.number_of_table_entries, before);
           t.that(find(t, first) == &tables[1]);
           install(t, first, nullptr);
         }},
    {.name = "pi4-3.2/MmInstallConfigurationTable/remove",
     .behaviour = "A GUID that is there and NULL for a table: the pair is removed, others stay. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const abi::UintN before = t.mmst.number_of_table_entries;
           install(t, first, &tables[0]);
           install(t, second, &tables[1]);
           install(t, third, &tables[2]);
           t.status(install(t, second, nullptr), status::success);
           t.equal(t.mmst.number_of_table_entries, before + 2);
           t.that(find(t, first) == &tables[0] && find(t, second) == nullptr && find(t, third) == &tables[2]);
           t.status(install(t, first, nullptr), status::success);
           t.status(install(t, third, nullptr), status::success);
           t.equal(t.mmst.number_of_table_entries, before);
         }},
    {.name = "pi4-3.2/MmInstallConfigurationTable/remove_nonexistent",
     .behaviour = "A GUID that isn't there and NULL for a table: EFI_NOT_FOUND.",
     .run = [](Run& t) { t.status(install(t, first, nullptr), status::not_found); }},
    {.name = "pi4-3.2/MmInstallConfigurationTable/null_guid",
     .behaviour = "A GUID that isn't valid: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           t.status(t.mmst.install_configuration_table(&t.mmst, nullptr, &tables[0], 1), status::invalid_parameter);
           t.status(t.mmst.install_configuration_table(&t.mmst, nullptr, nullptr, 0), status::invalid_parameter);
         }},
    {.name = "pi4-3.2/MmInstallConfigurationTable/many",
     .behaviour = "There is no bound on the number of pairs but memory's.",
     .run =
         [](Run& t) {
           constexpr std::uint32_t count = 300;
           const abi::UintN before = t.mmst.number_of_table_entries;
           for (std::uint32_t i = 0; i != count; ++i) {
             t.status(install(t, test_guid(0x321000 + i), &tables[i % 4]), status::success);
           }
           t.equal(t.mmst.number_of_table_entries, before + count);
           for (std::uint32_t i = 0; i != count; ++i) {
             t.that(find(t, test_guid(0x321000 + i)) == &tables[i % 4]);
             t.status(install(t, test_guid(0x321000 + i), nullptr), status::success);
           }
           t.equal(t.mmst.number_of_table_entries, before);
         }},
    {.name = "pi4-3.2/MmInstallConfigurationTable/out_of_resources",
     .behaviour = "Not enough memory to add a pair: EFI_OUT_OF_RESOURCES, and the table is as it was.",
     .run =
         [](Run& t) {
           Exhaustion exhaustion(t.mmst);
           t.that(exhaustion.complete());
           std::uint32_t added = 0;
           const abi::UintN before = t.mmst.number_of_table_entries;
           const abi::EfiStatus last = exhaustion.repeat(
               [&](std::uint32_t i) { return install(t, test_guid(0x32200000 + i), &tables[0]); }, added);
           t.status(last, status::out_of_resources);
           t.equal(t.mmst.number_of_table_entries, before + added);
           for (std::uint32_t i = 0; i != added; ++i) {
             t.status(install(t, test_guid(0x32200000 + i), nullptr), status::success);
           }
         },
     .edk2 = "EFI_OUT_OF_RESOURCES, but the room counts as there: the next addition writes beyond the array."},
};

}  // namespace

std::span<const Test> configuration_table_tests() { return tests; }

}  // namespace redoubt::conformance
