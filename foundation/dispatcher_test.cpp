// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which drivers start, in which order, loaded how (PI 1.9, volume 4, 2.3; volume 2, chapter 10), and what happens to a
// volume or an image that is broken.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>

#include "abi/pe/pe.hpp"
#include "abi/redoubt/foundation_protocols.hpp"
#include "abi/redoubt/image_names.hpp"
#include "abi/uefi/guid_text.hpp"
#include "foundation/testing/machine.hpp"
#include "foundation/testing/test_handlers.hpp"

namespace redoubt::foundation {
namespace {

using abi::DepexOpcode;
using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::MmSystemTable;
using abi::UintN;
using testing::ByteVector;
using testing::Depex;
using testing::test_guid;
namespace status = abi::status;

Guid driver_guid(char name) { return test_guid(0xD00000U + static_cast<std::uint32_t>(name)); }
Guid protocol_guid(char name) { return test_guid(0xB00000U + static_cast<std::uint32_t>(name)); }

class DispatcherTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::clear_functions(); }

  // A driver that notes its letter, installs protocol_guid(letter) and returns `result`.
  void add(char letter, const ByteVector& depex = {}, EfiStatus result = status::success) {
    machine_.add({.file = driver_guid(letter),
                  .name = std::string("driver ") + letter,
                  .depex = depex,
                  .entry = [this, letter, result](Handle, MmSystemTable* mmst) {
                    order_ += letter;
                    Handle handle = nullptr;
                    const Guid guid = protocol_guid(letter);
                    EXPECT_EQ(mmst->install_protocol_interface(&handle, &guid, abi::native_interface, nullptr),
                              status::success);
                    return result;
                  }});
  }
  static ByteVector needs(char letter) { return Depex().push(protocol_guid(letter)).end(); }
  bool logged(const std::string& text) { return machine_.supervisor.logged(text); }
  void launch() { ASSERT_EQ(machine_.launch(), status::success); }

  testing::Machine machine_;
  std::string order_;
};

// ---- Order ----

TEST_F(DispatcherTest, DriversStartWhenTheirProtocolsAreThere) {
  add('c', needs('b'));
  add('b', needs('a'));
  add('a');
  add('t', Depex().operation(DepexOpcode::constant_true).end());
  launch();
  EXPECT_EQ(order_, "atbc");
  EXPECT_TRUE(logged("driver guid=00d00061-7e57-4001-8000-000000000001 name=\"driver a\" entry=0x"));
  EXPECT_TRUE(logged(" cpl=3 ticks=1000 status=0x0"));
}

TEST_F(DispatcherTest, ExpressionsAreWholeBooleanAlgebra) {
  add('a');
  add('x', Depex().push(protocol_guid('a')).push(protocol_guid('z')).operation(DepexOpcode::logical_or).end());
  add('y', Depex().push(protocol_guid('a')).push(protocol_guid('z')).operation(DepexOpcode::logical_and).end());
  add('n', Depex().push(protocol_guid('z')).operation(DepexOpcode::logical_not).end());
  launch();
  EXPECT_EQ(order_, "anx");
  EXPECT_TRUE(
      logged("driver.waiting guid=00d00079-7e57-4001-8000-000000000001 name=\"driver y\" depex=\"missing\" missing=1"));
  EXPECT_TRUE(
      logged("driver.missing guid=00d00079-7e57-4001-8000-000000000001 protocol=00b0007a-7e57-4001-8000-000000000001"));
}

TEST_F(DispatcherTest, BeforeAndAfterFollowTheirAnchor) {
  add('2', Depex().after(driver_guid('m')).end());
  add('0', Depex().before(driver_guid('1')).end());
  add('1', Depex().before(driver_guid('m')).end());
  add('3', Depex().after(driver_guid('2')).end());
  add('f', needs('a'));
  add('m', needs('a'));
  add('a');
  launch();
  EXPECT_EQ(order_, "af01m23");
}

TEST_F(DispatcherTest, CirclesOfOrdersEnd) {
  add('1', Depex().before(driver_guid('2')).end());
  add('2', Depex().before(driver_guid('1')).end());
  add('3', Depex().after(driver_guid('3')).end());
  add('a');
  launch();
  EXPECT_EQ(order_, "a");
  EXPECT_TRUE(logged("depex=\"BEFORE 00d00032"));
  EXPECT_TRUE(logged("depex=\"AFTER 00d00033"));
}

TEST_F(DispatcherTest, TheAprioriFileComesFirstWhateverTheExpressions) {
  ByteVector list;
  for (const char letter : {'y', 'q', 'x'}) {
    const Guid guid = driver_guid(letter);
    const auto* bytes = reinterpret_cast<const std::byte*>(&guid);
    list.insert(list.end(), bytes, bytes + sizeof(guid));
  }
  add('a');
  add('x', needs('z'));
  add('y');
  add('r', Depex().after(driver_guid('x')).end());
  machine_.add_file(
      testing::file(abi::dxe_apriori_guid, abi::FileType::freeform, testing::section(abi::SectionType::raw, list)));
  launch();
  EXPECT_EQ(order_, "yxar");
}

TEST_F(DispatcherTest, WhatNeverStartsIsNamed) {
  add('s', Depex().operation(DepexOpcode::schedule_on_request).push(protocol_guid('a')).end());
  add('m', Depex().operation(DepexOpcode::logical_and).end());
  add('f', Depex().operation(DepexOpcode::constant_false).end());
  add('u', Depex().push(protocol_guid('a')).unfinished());
  add('a');
  launch();
  EXPECT_EQ(order_, "a");
  EXPECT_TRUE(logged("name=\"driver s\" depex=\"SOR"));
  EXPECT_TRUE(
      logged("name=\"driver m\" depex=\"malformed at 0: dependency expression has an operator without operands"));
  EXPECT_TRUE(logged("name=\"driver f\" depex=\"false\""));
  EXPECT_TRUE(logged("name=\"driver u\" depex=\"malformed at 17: dependency expression has no END\""));
}

TEST_F(DispatcherTest, TheDispatchMessageStartsWhatBecameReadyUntilTheLock) {
  add('w', needs('q'));
  add('v', needs('r'));
  launch();
  EXPECT_EQ(order_, "");
  const auto install = [this](char letter) {
    machine_.as_driver([letter](MmSystemTable& mmst) {
      Handle handle = nullptr;
      const Guid guid = protocol_guid(letter);
      EXPECT_EQ(mmst.install_protocol_interface(&handle, &guid, abi::native_interface, nullptr), status::success);
    });
  };
  install('q');
  EXPECT_EQ(machine_.send(abi::mm_dispatch_event_guid).status, status::success);
  EXPECT_EQ(order_, "w");
  EXPECT_EQ(machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid).status, status::success);
  EXPECT_TRUE(machine_.supervisor.lines.back().starts_with("driver.missing guid=00d00076")) << "the rest, at the lock";
  install('r');
  EXPECT_EQ(machine_.send(abi::mm_dispatch_event_guid).status, status::not_found);
  EXPECT_EQ(order_, "w");
}

// ---- Loading ----

TEST_F(DispatcherTest, AnImageIsMappedAsItsSectionsSay) {
  std::uint64_t base = 0;
  machine_.add({.file = driver_guid('a'), .entry = [&](Handle image, MmSystemTable* mmst) {
                  void* interface = nullptr;
                  EXPECT_EQ(mmst->handle_protocol(image, &abi::loaded_image_protocol_guid, &interface),
                            status::success);
                  const auto& loaded = *static_cast<abi::LoadedImageProtocol*>(interface);
                  EXPECT_EQ(loaded.revision, 0x1000U);
                  EXPECT_EQ(loaded.image_code_type, abi::runtime_services_code);
                  EXPECT_EQ(loaded.image_data_type, abi::runtime_services_data);
                  EXPECT_EQ(machine_.supervisor.driver_rights(address_of(interface)), abi::read_write)
                      << "the driver may set Unload";
                  base = address_of(loaded.image_base);
                  EXPECT_EQ(loaded.image_size, 4 * page_bytes);
                  const auto* path = static_cast<const std::uint8_t*>(loaded.file_path);
                  const Guid guid = driver_guid('a');
                  EXPECT_EQ(path[0], 4);
                  EXPECT_EQ(path[1], 6);
                  EXPECT_EQ(std::memcmp(path + 4, &guid, sizeof(guid)), 0);
                  return status::success;
                }});
  launch();
  ASSERT_NE(base, 0U);
  const auto& supervisor = machine_.supervisor;
  EXPECT_EQ(supervisor.driver_rights(base), abi::read_only) << "headers";
  EXPECT_EQ(supervisor.driver_rights(base + 0x1000), abi::read_execute) << ".text";
  EXPECT_EQ(supervisor.driver_rights(base + 0x2000), abi::read_write) << ".data";
  EXPECT_EQ(supervisor.driver_rights(base + 0x3000), abi::read_only) << ".reloc";
  for (std::uint64_t page = 0; page < 4; ++page) {
    EXPECT_EQ(supervisor.foundation_rights(base + page * page_bytes), abi::no_rights);
  }
}

TEST_F(DispatcherTest, RelocationsAreApplied) {
  static std::uint64_t relocated = 0;
  relocated = 0;
  testing::ImageRecipe recipe;
  // lea 0x1000-7(%rip), %rcx leads from .text to .data: its first word goes to the test.
  recipe.text = {std::byte{0x48}, std::byte{0x8B}, std::byte{0x0D}, std::byte{0xF9},
                 std::byte{0x0F}, std::byte{0x00}, std::byte{0x00}};
  const ByteVector jump = testing::jump_to(reinterpret_cast<const void*>(+[](std::uint64_t word) EFIAPI -> EfiStatus {
    relocated = word;
    return status::success;
  }));
  recipe.text.insert(recipe.text.end(), jump.begin(), jump.end());
  recipe.data.resize(16);
  const std::uint64_t rva = 0x2008;
  std::memcpy(recipe.data.data(), &rva, sizeof(rva));
  recipe.pointers = {0};
  machine_.add({.file = driver_guid('r'), .image = testing::pe_image(recipe)});
  launch();
  EXPECT_EQ(relocated % page_bytes, 8U);
  EXPECT_EQ(machine_.supervisor.driver_rights(relocated), abi::read_write);
  EXPECT_GT(relocated, machine_.supervisor.mmram_base());
}

TEST_F(DispatcherTest, ImagesThatCannotBeProtectedOrRunAreRefusedByName) {
  const std::uint64_t before = [] {
    testing::Machine empty;
    EXPECT_EQ(empty.launch(), status::success);
    return empty.supervisor.used_pages();
  }();
  const auto image = [](std::uint32_t alignment, std::uint16_t machine, bool writable_text) {
    testing::ImageRecipe recipe;
    recipe.text.resize(64);
    recipe.alignment = alignment;
    recipe.machine = machine;
    recipe.writable_text = writable_text;
    return testing::pe_image(recipe);
  };
  machine_.add({.file = driver_guid('1'), .name = "unaligned", .image = image(64, abi::pe::machine_x64, false)});
  machine_.add({.file = driver_guid('2'), .name = "writable", .image = image(4096, abi::pe::machine_x64, true)});
  machine_.add({.file = driver_guid('3'), .name = "foreign", .image = image(4096, abi::pe::machine_arm64, false)});
  machine_.add({.file = driver_guid('4'), .name = "garbage", .image = ByteVector(4096)});
  ByteVector cut = image(4096, abi::pe::machine_x64, false);
  cut.resize(0x1010);
  machine_.add({.file = driver_guid('5'), .name = "cut", .image = cut});
  add('a');
  launch();
  EXPECT_EQ(order_, "a");
  EXPECT_TRUE(logged("name=\"unaligned\" entry=0x0 size=0 cpl=3 ticks=0 status=0x8000000000000003 reason=\"sections"));
  EXPECT_TRUE(logged("name=\"writable\" entry=0x0 size=0 cpl=3 ticks=0 status=0x8000000000000003 reason=\"sections"));
  EXPECT_TRUE(logged("name=\"foreign\" entry=0x0 size=0 cpl=3 ticks=0 status=0x8000000000000003 reason=\"not a 64"));
  EXPECT_TRUE(logged("name=\"garbage\" entry=0x0 size=0 cpl=3 ticks=0 status=0x800000000000000"));
  EXPECT_TRUE(logged("name=\"cut\" entry=0x0 size=0 cpl=3 ticks=0 status=0x8000000000000001 reason="));
  // The volume is larger, and one driver runs; none of the refused ones kept memory.
  EXPECT_LT(machine_.supervisor.used_pages(), before + 4 + 20);
}

// The file by which the converter admits drivers.
ByteVector exceptions_file(const std::vector<Guid>& drivers) {
  ByteVector list;
  for (const Guid& driver : drivers) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&driver);
    list.insert(list.end(), bytes, bytes + sizeof(driver));
  }
  return testing::file(abi::image_names::alignment_exceptions, abi::FileType::freeform,
                       testing::section(abi::SectionType::raw, list));
}

TEST_F(DispatcherTest, AnUnalignedImageIsAdmittedByAnExceptionThatIsReported) {
  static std::uint64_t text = 0;
  text = 0;
  const auto unaligned = [](bool writable_text) {
    testing::ImageRecipe recipe;
    recipe.text = testing::jump_to(reinterpret_cast<const void*>(+[](Handle, MmSystemTable*) EFIAPI -> EfiStatus {
      ++text;
      return status::success;
    }));
    recipe.data.resize(16);
    recipe.alignment = 64;
    recipe.writable_text = writable_text;
    return testing::pe_image(recipe);
  };
  machine_.add({.file = driver_guid('1'), .name = "admitted", .image = unaligned(false)});
  machine_.add({.file = driver_guid('2'), .name = "other", .image = unaligned(false)});
  machine_.add({.file = driver_guid('3'), .name = "writable", .image = unaligned(true)});
  add('a');
  machine_.add_file(exceptions_file({driver_guid('3'), driver_guid('1')}));
  launch();
  EXPECT_EQ(text, 1U);
  EXPECT_EQ(order_, "a");
  EXPECT_TRUE(logged("driver.exception guid=00d00031-7e57-4001-8000-000000000001 name=\"admitted\" pages=1"));
  EXPECT_FALSE(logged("driver.exception guid=00d00032"));
  EXPECT_TRUE(logged("name=\"other\" entry=0x0 size=0 cpl=3 ticks=0 status=0x8000000000000003 reason=\"sections"));
  EXPECT_TRUE(logged("name=\"writable\" entry=0x0 size=0 cpl=3 ticks=0 status=0x8000000000000003 reason=\"sections"));
}

TEST_F(DispatcherTest, OnlyTheOutermostVolumeAdmits) {
  const auto count = [this](const ByteVector& exceptions) {
    testing::ImageRecipe recipe;
    recipe.text.resize(64);
    recipe.alignment = 64;
    const ByteVector inner =
        testing::volume({testing::file(driver_guid('i'), abi::FileType::mm_standalone,
                                       testing::section(abi::SectionType::pe32, testing::pe_image(recipe))),
                         exceptions});
    machine_.add_file(testing::file(driver_guid('v'), abi::FileType::firmware_volume_image,
                                    testing::section(abi::SectionType::firmware_volume_image, inner)));
    launch();
    return logged("driver.exception");
  };
  EXPECT_FALSE(count(exceptions_file({driver_guid('i')})));
  EXPECT_TRUE(logged("reason=\"sections can't be protected: not 4 KiB-aligned\""));
}

TEST_F(DispatcherTest, AnErrorFromTheEntryPointUnloadsTheDriver) {
  std::uint64_t base = 0;
  static Guid message = test_guid(0x77);
  machine_.add(
      {.file = driver_guid('e'), .name = "failing", .entry = [&](Handle image, MmSystemTable* mmst) {
         void* interface = nullptr;
         EXPECT_EQ(mmst->handle_protocol(image, &abi::loaded_image_protocol_guid, &interface), status::success);
         base = address_of(static_cast<abi::LoadedImageProtocol*>(interface)->image_base);
         Handle handle = nullptr;
         const Guid guid = protocol_guid('e');
         EXPECT_EQ(mmst->install_protocol_interface(&handle, &guid, abi::native_interface, nullptr), status::success);
         EXPECT_EQ(mmst->mmi_handler_register(testing::handlers[0], &message, &handle), status::success);
         EXPECT_EQ(mmst->mmi_handler_register(testing::handlers[1], nullptr, &handle), status::success);
         void* registration = nullptr;
         EXPECT_EQ(mmst->register_protocol_notify(&guid, testing::notifies[0], &registration), status::success);
         const Guid table = test_guid(0x78);
         EXPECT_EQ(mmst->install_configuration_table(mmst, &table, at_address<void>(base + 0x2000), 8),
                   status::success);
         return status::unsupported;
       }});
  add('d', needs('e'));
  launch();
  EXPECT_EQ(order_, "");
  ASSERT_NE(base, 0U);
  EXPECT_EQ(machine_.supervisor.calls["free_pages"], 1U);
  EXPECT_FALSE(machine_.supervisor.root_interest);
  EXPECT_EQ(machine_.send(message).status, status::not_found);
  machine_.as_driver([](MmSystemTable& mmst) {
    UintN size = 0;
    EXPECT_EQ(mmst.locate_handle(abi::by_protocol, &abi::loaded_image_protocol_guid, nullptr, &size, nullptr),
              status::buffer_too_small);
    EXPECT_EQ(size, sizeof(Handle)) << "the bench driver's only";
    for (std::size_t i = 0; i < mmst.number_of_table_entries; ++i) {
      EXPECT_FALSE(mmst.configuration_table[i].vendor_guid == test_guid(0x78)) << "leads into freed pages";
    }
  });
  EXPECT_TRUE(logged("name=\"failing\""));
  EXPECT_TRUE(logged("status=0x8000000000000003"));
}

// The list that `redoubt depex` believes, against what is there.
TEST_F(DispatcherTest, WhatIsInstalledIsLoggedWithItsOwner) {
  add('a');
  launch();
  std::set<std::string> listed;
  for (const Guid& protocol : abi::protocols_at_launch) {
    listed.insert("protocol guid=" + std::string(abi::to_text(protocol).view()));
  }
  std::set<std::string> installed;
  for (const std::string& line : machine_.supervisor.lines) {
    if (line.starts_with("protocol guid=") && line.find(" driver=") == std::string::npos) installed.insert(line);
  }
  EXPECT_EQ(installed, listed);
  EXPECT_TRUE(logged("protocol guid=00b00061-7e57-4001-8000-000000000001 driver=00d00061-7e57-4001-8000-000000000001"));
}

TEST_F(DispatcherTest, PhasesInstallWhatIsListed) {
  launch();
  for (const abi::PhaseProtocol& listed : abi::protocols_of_phases) {
    const auto message = std::ranges::find(lifecycle_messages, std::string_view(listed.phase), &LifecycleMessage::name);
    ASSERT_NE(message, lifecycle_messages.end()) << listed.phase;
    EXPECT_EQ(message->protocol, listed.guid) << listed.phase;
  }
  EXPECT_EQ(abi::protocols_of_phases.size() + 1, lifecycle_messages.size()) << "dispatch installs nothing";
}

// ---- Volumes ----

ByteVector driver_file(const Guid& name, const ByteVector& data) {
  return testing::file(name, abi::FileType::mm_standalone, data);
}

TEST_F(DispatcherTest, DriversAreFoundInVolumesInsideVolumesAndOpenSections) {
  static int started = 0;
  started = 0;
  const testing::DriverEntry entry = [](Handle, MmSystemTable*) {
    ++started;
    return status::success;
  };
  const ByteVector pe = testing::section(abi::SectionType::pe32, testing::image_calling(entry));
  const ByteVector inner = testing::volume({driver_file(driver_guid('i'), pe)});
  machine_.add_file(testing::file(driver_guid('v'), abi::FileType::firmware_volume_image,
                                  testing::section(abi::SectionType::firmware_volume_image, inner)));
  machine_.add_file(driver_file(driver_guid('g'), testing::guided_section(abi::section_crc32_guid, 0, {}, pe)));
  machine_.add_file(
      driver_file(driver_guid('z'),
                  testing::guided_section(abi::section_lzma_guid, abi::guided_section_processing_required, {}, pe)));
  machine_.add_file(
      testing::file(driver_guid('l'), abi::FileType::firmware_volume_image,
                    testing::guided_section(abi::section_lzma_guid, abi::guided_section_processing_required, {}, pe)));
  machine_.add_file(testing::file(driver_guid('o'), abi::FileType::driver, pe));
  launch();
  EXPECT_EQ(started, 2);
  EXPECT_TRUE(logged("driver.skipped guid=00d0007a"));
  EXPECT_TRUE(logged("driver.skipped guid=00d0006c"));
}

TEST_F(DispatcherTest, VolumesFollowEachOtherAndHobsNameMore) {
  static std::string started;
  started.clear();
  static const auto driver = [](char letter) {
    static std::map<char, testing::DriverEntry> entries;
    testing::DriverEntry& entry = entries[letter];
    entry = [letter](Handle, MmSystemTable*) {
      started += letter;
      return status::success;
    };
    return testing::volume(
        {driver_file(driver_guid(letter), testing::section(abi::SectionType::pe32, testing::image_calling(entry)))});
  };
  ByteVector region = driver('a');
  const auto append = [&region](const ByteVector& bytes) { region.insert(region.end(), bytes.begin(), bytes.end()); };
  append(driver('b'));
  append(ByteVector(4096, std::byte{0x5A}));  // where the walk stops
  const std::size_t third = region.size();
  append(driver('c'));
  const std::size_t third_bytes = region.size() - third;

  // Where the region comes to lie is known when the record is made; HOBs that name it, only then.
  testing::Machine machine;
  abi::FoundationLaunch record = machine.supervisor.launch_record(region, testing::hob_list({}));
  const ByteVector hobs =
      testing::hob_list({testing::volume_hob(record.volume_base, 64), testing::volume_hob(record.volume_base, 8),
                         testing::volume_hob(record.volume_base + third, third_bytes),
                         testing::volume_hob(record.volume_base + third, third_bytes),
                         testing::volume_hob(record.volume_base + region.size() - 8, 4096),
                         testing::volume_hob(machine.supervisor.mmram_base() + 0x800000, 4096),
                         testing::volume_hob(0xFFE00000, 0x200000)});  // flash: no business of MM's
  auto* memory = at_address<std::byte>(record.hob_base);
  ASSERT_LE(hobs.size(), page_bytes);
  std::memcpy(memory, hobs.data(), hobs.size());
  record.hob_size = hobs.size();
  ASSERT_EQ(machine.foundation.launch(record), status::success);
  EXPECT_EQ(started, "abc");
  const auto skipped = std::ranges::count_if(
      machine.supervisor.lines, [](const std::string& line) { return line.contains("not in the MM volumes"); });
  EXPECT_EQ(skipped, 2);
}

TEST_F(DispatcherTest, ADamagedFileCostsThatFileOnly) {
  const testing::DriverEntry entry = [](Handle, MmSystemTable*) { return status::success; };
  ByteVector damaged =
      driver_file(driver_guid('x'), testing::section(abi::SectionType::pe32, testing::image_calling(entry)));
  damaged[17] = std::byte{0x55};  // file checksum, which isn't used
  machine_.add_file(damaged);
  machine_.add_file(driver_file(driver_guid('n'), testing::section(abi::SectionType::raw, ByteVector(8))));
  add('a');
  launch();
  EXPECT_EQ(order_, "a");
  EXPECT_TRUE(logged("driver.skipped guid=00d00078"));
  EXPECT_TRUE(logged("driver.skipped guid=00d0006e"));
}

TEST_F(DispatcherTest, ABrokenVolumeIsSurvived) {
  const auto& record = machine_.supervisor.launch_record(ByteVector(4096), testing::hob_list({}));
  EXPECT_EQ(machine_.foundation.launch(record), status::success);
  EXPECT_TRUE(logged("driver.skipped reason="));
  EXPECT_EQ(machine_.send(test_guid(1)).status, status::not_found);
}

TEST_F(DispatcherTest, HundredsOfDriversInReverseOrder) {
  std::string names;
  for (int i = 199; i >= 0; --i) {
    const auto at = static_cast<std::uint32_t>(i);
    machine_.add({.file = test_guid(1000 + at),
                  .depex = at == 0 ? ByteVector{} : Depex().push(test_guid(2000 + at - 1)).end(),
                  .entry = [this, at](Handle, MmSystemTable* mmst) {
                    order_ += static_cast<char>(at);
                    Handle handle = nullptr;
                    const Guid guid = test_guid(2000 + at);
                    return mmst->install_protocol_interface(&handle, &guid, abi::native_interface, nullptr);
                  }});
    names += static_cast<char>(199 - i);
  }
  launch();
  EXPECT_EQ(order_, names);
}

}  // namespace
}  // namespace redoubt::foundation
