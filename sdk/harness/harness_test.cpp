// SPDX-License-Identifier: BSD-2-Clause-Patent
// The harness as a driver author uses it. Drivers here are functions of the test, images of this tree's toolchain and
// of two others, and images that were damaged.
#include "sdk/harness/harness.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "abi/pe/pe.hpp"
#include "abi/redoubt/processors_held.hpp"
#include "abi/redoubt/unblock.hpp"
#include "sdk/log.hpp"
#include "sdk/mm_driver.hpp"
#include "tests/guest/drivers/foreign/foreign_messages.h"
#include "tests/guest/drivers/sample/sample_protocol.hpp"

namespace redoubt::sdk {
namespace {

namespace pe = abi::pe;
namespace status = abi::status;
using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::MmSystemTable;
using abi::UintN;

constexpr Guid test_guid(std::uint32_t number) { return {number, 0x7E57, 0x4002, {0x80, 0, 0, 0, 0, 0, 0, 2}}; }
constexpr Guid message_guid = test_guid(1);
constexpr Guid other_message_guid = test_guid(2);
constexpr Guid protocol_guid = test_guid(3);

std::string image_path(const char* name) { return std::string(REDOUBT_IMAGES) + "/" + name; }

ByteVector file_bytes(const std::string& path) {
  std::ifstream input(path, std::ios::binary);
  std::vector<char> characters((std::istreambuf_iterator<char>(input)), std::istreambuf_iterator<char>());
  ByteVector bytes(characters.size());
  std::memcpy(bytes.data(), characters.data(), characters.size());
  EXPECT_FALSE(bytes.empty()) << path;
  return bytes;
}

template <typename T>
T field(const ByteVector& bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}
template <typename T>
void put(ByteVector& bytes, std::size_t at, T value) {
  ASSERT_LE(at + sizeof(T), bytes.size());
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

// Where things stand in a PE32+ file.
struct PeFile {
  explicit PeFile(const ByteVector& bytes)
      : nt(field<std::uint32_t>(bytes, offsetof(pe::DosHeader, new_header_offset))),
        coff(nt + 4),
        optional(coff + sizeof(pe::CoffHeader)),
        sections(optional + field<pe::CoffHeader>(bytes, coff).optional_header_size) {}
  std::size_t nt;
  std::size_t coff;
  std::size_t optional;
  std::size_t sections;
};

// ---- Linked drivers: one entry point that registers what a test asks for ----

std::function<EfiStatus(void* buffer, UintN* size)> handler_body;
std::function<EfiStatus(MmSystemTable& mmst)> entry_body;
MmSystemTable* table = nullptr;

EFIAPI EfiStatus handler(Handle, const void*, void* buffer, UintN* size) { return handler_body(buffer, size); }
EFIAPI EfiStatus other_handler(Handle, const void*, void*, UintN*) { return status::success; }
EFIAPI EfiStatus notified(const Guid*, void*, Handle) {
  asm volatile("ud2");
  return status::success;
}

EFIAPI EfiStatus enter(Handle, MmSystemTable* mmst) {
  table = mmst;
  if (entry_body) return entry_body(*mmst);
  Handle handle = nullptr;
  return mmst->mmi_handler_register(handler, &message_guid, &handle);
}
EFIAPI EfiStatus enter_other(Handle, MmSystemTable* mmst) {
  Handle handle = nullptr;
  return mmst->mmi_handler_register(other_handler, &other_message_guid, &handle);
}

class HarnessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    handler_body = [](void*, UintN*) { return status::success; };
    entry_body = {};
  }
  DriverIndex add(Harness& harness, const char* name = "driver", EntryPoint entry = enter) {
    const auto added = harness.add_driver(name, entry);
    EXPECT_TRUE(added.has_value());
    return added.value_or(0);
  }
};

// ---- Messages ----

TEST_F(HarnessTest, SendsAMessageAndReturnsTheReply) {
  Harness harness;
  add(harness);
  handler_body = [](void* buffer, UintN* size) {
    EXPECT_EQ(*size, 4u);
    EXPECT_EQ(std::memcmp(buffer, "ping", 4), 0);
    std::memcpy(buffer, "pongpong", 8);
    *size = 8;
    return status::success;
  };
  const Reply reply = harness.send(message_guid, std::as_bytes(std::span("ping", 4)));
  EXPECT_EQ(reply.status, status::success);
  ASSERT_EQ(reply.data.size(), 8u);
  EXPECT_EQ(std::memcmp(reply.data.data(), "pongpong", 8), 0);
  EXPECT_EQ(reply.as<std::uint32_t>(), std::nullopt);
  EXPECT_TRUE(reply.as<std::uint64_t>().has_value());
  EXPECT_EQ(harness.send(test_guid(99), {}).status, status::not_found);
  EXPECT_EQ(harness.send(message_guid, std::as_bytes(std::span("ping", 4)), 7).status, status::bad_buffer_size);
}

TEST_F(HarnessTest, MessagesFillTheCommunicationBufferAndNoMore) {
  Harness harness({.comm_buffer_bytes = 4096});
  add(harness);
  EXPECT_EQ(harness.send(message_guid, ByteVector(4096 - 24)).status, status::success);
  EXPECT_EQ(harness.send(message_guid, ByteVector(4096 - 23)).status, status::bad_buffer_size);
}

TEST_F(HarnessTest, RaisesMmisWithoutAMessage) {
  Harness harness({.cpus = 4});
  static std::vector<UintN> cpus;
  cpus.clear();
  entry_body = [](MmSystemTable& mmst) {
    EXPECT_EQ(mmst.number_of_cpus, 4u);
    Handle handle = nullptr;
    return mmst.mmi_handler_register(handler, nullptr, &handle);
  };
  handler_body = [](void*, UintN*) {
    cpus.push_back(table->currently_executing_cpu);
    return status::success;
  };
  add(harness);
  ASSERT_EQ(harness.start(), status::success);
  EXPECT_TRUE(harness.asynchronous_mmi().empty());
  EXPECT_TRUE(harness.asynchronous_mmi(3).empty());
  EXPECT_EQ(cpus, (std::vector<UintN>{0, 3}));
}

TEST_F(HarnessTest, AnnouncesPhasesOnceAndInOrder) {
  Harness harness;
  ASSERT_TRUE(harness.add_image(image_path("sample_driver.efi")).has_value());
  harness.end_of_pei();
  harness.end_of_dxe();
  harness.end_of_dxe();
  harness.ready_to_lock();
  harness.ready_to_boot();
  harness.exit_boot_services();
  const auto state = harness.send(sample::state_handler_guid, sample::SampleState{}).as<sample::SampleState>();
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->end_of_dxe, 1u);
  EXPECT_EQ(state->ready_to_lock, 1u);
  EXPECT_EQ(state->ready_to_boot, 1u);
  EXPECT_EQ(state->exit_boot_services, 1u);
}

// ---- Drivers ----

TEST_F(HarnessTest, TellsWhatBecameOfEachDriver) {
  Harness harness;
  const auto sample = harness.add_image(image_path("sample_driver.efi"));
  const auto waiting = harness.add_driver("waiting", enter_other, {.depends_on = {protocol_guid, test_guid(4)}});
  entry_body = [](MmSystemTable&) { return status::unsupported; };
  const DriverIndex failing = add(harness, "failing");
  ASSERT_TRUE(sample.has_value() && waiting.has_value());
  EXPECT_EQ(harness.driver(*sample).state, DriverState::waiting);
  ASSERT_EQ(harness.start(), status::success);
  EXPECT_EQ(harness.driver(*sample).name, "sample_driver");
  EXPECT_EQ(harness.driver(*sample).state, DriverState::running);
  EXPECT_EQ(harness.driver(*sample).status, status::success);
  EXPECT_GE(harness.driver(*sample).base, 0x10000u);
  EXPECT_LT(harness.driver(*sample).base + harness.driver(*sample).size, std::uint64_t{1} << 32);
  EXPECT_EQ(harness.driver(*waiting).state, DriverState::waiting);
  EXPECT_NE(harness.driver(*waiting).reason.find("waits for"), std::string::npos);
  EXPECT_EQ(harness.driver(failing).state, DriverState::failed);
  EXPECT_EQ(harness.driver(failing).status, status::unsupported);
}

TEST_F(HarnessTest, StartsADriverWhenItsProtocolsAreThere) {
  Harness harness;
  const auto dependent = harness.add_driver("dependent", enter_other, {.depends_on = {protocol_guid}});
  entry_body = [](MmSystemTable& mmst) {
    Handle handle = nullptr;
    return mmst.install_protocol_interface(&handle, &protocol_guid, abi::native_interface, &table);
  };
  add(harness, "provider");
  ASSERT_EQ(harness.start(), status::success);
  EXPECT_EQ(harness.driver(*dependent).state, DriverState::running);
  EXPECT_EQ(harness.interface<MmSystemTable*>(protocol_guid), &table);
  EXPECT_EQ(harness.interface<void>(test_guid(77)), nullptr);
  const auto protocols = harness.protocols();
  const auto found = std::ranges::find(protocols, protocol_guid, &InstalledProtocol::protocol);
  ASSERT_NE(found, protocols.end());
  EXPECT_EQ(found->driver, "provider");
  EXPECT_NE(found->handle, nullptr);
}

TEST_F(HarnessTest, LoadsTeImages) {
  const ByteVector image = file_bytes(image_path("sample_driver.efi"));
  const PeFile file(image);
  const auto coff = field<pe::CoffHeader>(image, file.coff);
  const auto optional = field<pe::OptionalHeader64>(image, file.optional);
  pe::TeHeader header{};
  header.signature = pe::te_signature;
  header.machine = coff.machine;
  header.section_count = static_cast<std::uint8_t>(coff.section_count);
  header.subsystem = static_cast<std::uint8_t>(optional.subsystem);
  header.stripped_size = static_cast<std::uint16_t>(file.sections);
  header.entry_point = optional.entry_point;
  header.code_base = optional.code_base;
  header.image_base = optional.image_base;
  header.relocations = field<pe::DataDirectory>(
      image, file.optional + sizeof(optional) + pe::directory_relocations * sizeof(pe::DataDirectory));
  ByteVector te(sizeof(header));
  std::memcpy(te.data(), &header, sizeof(header));
  te.insert(te.end(), image.begin() + static_cast<std::ptrdiff_t>(file.sections), image.end());

  Harness harness;
  const auto driver = harness.add_image(te, {.name = "te"});
  ASSERT_TRUE(driver.has_value()) << driver.error().text;
  ASSERT_EQ(harness.start(), status::success);
  EXPECT_EQ(harness.driver(*driver).state, DriverState::running) << harness.driver(*driver).reason;
  const auto reply = harness.send(sample::increment_handler_guid, std::uint8_t{41}).as<std::uint8_t>();
  EXPECT_EQ(reply, 42);
}

TEST_F(HarnessTest, HandsHobsToDrivers) {
  Harness harness;
  constexpr Guid hob_guid = test_guid(0x40B);
  harness.add_hob(hob_guid, std::as_bytes(std::span("settings", 8)));
  static bool found;
  found = false;
  entry_body = [](MmSystemTable& mmst) {
    for (UintN i = 0; i < mmst.number_of_table_entries; ++i) {
      if (mmst.configuration_table[i].vendor_guid != abi::hob_list_table_guid) continue;
      const std::string_view list(static_cast<const char*>(mmst.configuration_table[i].vendor_table), 200);
      found = list.find("settings") != std::string_view::npos;
    }
    return status::success;
  };
  add(harness);
  harness.start();
  EXPECT_TRUE(found);
}

TEST_F(HarnessTest, ProfilesFunctions) {
  Harness harness;
  add(harness);
  harness.start();
  for (int i = 0; i < 3; ++i) harness.send(message_guid, {});
  const auto profile = harness.profile();
  const auto entry =
      std::ranges::find_if(profile, [](const FunctionProfile& row) { return row.message == message_guid; });
  ASSERT_NE(entry, profile.end());
  EXPECT_EQ(entry->driver, "driver");
  EXPECT_EQ(entry->function, reinterpret_cast<std::uintptr_t>(&handler));
  EXPECT_EQ(entry->calls, 3u);
  EXPECT_LE(entry->least_ticks, entry->most_ticks);
  EXPECT_GE(entry->total_ticks, entry->most_ticks);
}

TEST_F(HarnessTest, ShowsTheLog) {
  Harness harness;
  add(harness, "quiet \"driver\"");
  harness.start();
  EXPECT_TRUE(harness.logged("name=\"quiet__driver_\""));
  EXPECT_FALSE(harness.logged("no such line"));
}

TEST_F(HarnessTest, ShowsWhatDriversLog) {
  Harness harness({.comm_buffer_bytes = 8192, .trace = true});
  add(harness);
  handler_body = [](void*, UintN* size) {
    const Log log(*table);
    log.debug("size " + std::to_string(*size));
    if (*size == 7) log.error("seven");
    return status::success;
  };
  for (std::size_t size = 0; size < 100; ++size) harness.send(message_guid, ByteVector(size));
  harness.ready_to_lock();
  auto messages = harness.driver_log();
  std::erase_if(messages, [](const LogMessage& message) { return message.driver.empty(); });
  ASSERT_EQ(messages.size(), 101u);
  EXPECT_EQ(messages[0].driver, "driver");
  EXPECT_EQ(messages[7].level, abi::LogLevel::debug);
  EXPECT_EQ(messages[8].level, abi::LogLevel::error);
  EXPECT_EQ(messages[8].text, "seven");
  EXPECT_EQ(messages[100].text, "size 99");
  EXPECT_TRUE(harness.logged("text=\"seven\""));
  EXPECT_TRUE(harness.logged("mmi.call n="));
}

TEST_F(HarnessTest, SeveralMachinesLiveAtATime) {
  Harness first;
  Harness second;
  ASSERT_TRUE(first.add_image(image_path("sample_driver.efi")).has_value());
  ASSERT_TRUE(second.add_image(image_path("sample_driver.efi")).has_value());
  EXPECT_EQ(first.send(sample::increment_handler_guid, std::uint8_t{1}).as<std::uint8_t>(), 2);
  EXPECT_EQ(second.send(sample::increment_handler_guid, std::uint8_t{5}).as<std::uint8_t>(), 6);
  const auto state = first.send(sample::state_handler_guid, sample::SampleState{}).as<sample::SampleState>();
  EXPECT_EQ(state->increments, 1u);
  EXPECT_LT(first.driver(0).base, std::uint64_t{1} << 32);
  EXPECT_LT(second.driver(0).base, std::uint64_t{1} << 32);
}

TEST_F(HarnessTest, MemoryRunsOutOnRequest) {
  Harness harness;
  add(harness);
  handler_body = [](void*, UintN*) {
    abi::EfiPhysicalAddress pages = 0;
    return table->allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 1, &pages);
  };
  harness.start();
  const std::uint64_t used = harness.used_mmram();
  EXPECT_EQ(harness.send(message_guid, {}).status, status::success);
  EXPECT_EQ(harness.used_mmram(), used + 4096);
  harness.fail_allocations_after(0);
  EXPECT_EQ(harness.send(message_guid, {}).status, status::not_found);
  harness.allow_allocations();
  EXPECT_EQ(harness.send(message_guid, {}).status, status::success);
}

// ---- Ports and memory of devices ----

TEST_F(HarnessTest, PlaysPortsForInstructionsAndForMmIo) {
  Harness harness;
  static std::vector<std::string> accesses;
  accesses.clear();
  harness.add_port(0x70, {.read =
                              [](std::uint16_t, unsigned width) {
                                accesses.push_back("in " + std::to_string(width));
                                return 0xA1B2C3D4;
                              },
                          .write =
                              [](std::uint16_t, unsigned width, std::uint32_t value) {
                                accesses.push_back("out " + std::to_string(width) + " " + std::to_string(value));
                              }});
  handler_body = [](void*, UintN*) {
    std::uint64_t rax = 0x1122334455667788;
    asm volatile("inb $0x70, %%al" : "+a"(rax));
    EXPECT_EQ(rax, 0x11223344556677D4u);
    asm volatile("inw %%dx, %%ax" : "+a"(rax) : "d"(0x70));
    EXPECT_EQ(rax, 0x112233445566C3D4u);
    asm volatile("inl %%dx, %%eax" : "+a"(rax) : "d"(0x70));
    EXPECT_EQ(rax, 0xA1B2C3D4u);
    asm volatile("outb %%al, $0x70" : : "a"(rax));
    std::uint8_t byte = 7;
    EXPECT_EQ(table->mm_io.io.write(&table->mm_io, abi::mm_io_uint8, 0x70, 1, &byte), status::success);
    EXPECT_NE(table->mm_io.io.write(&table->mm_io, abi::mm_io_uint8, 0x71, 1, &byte), status::success);
    return status::success;
  };
  add(harness);
  EXPECT_EQ(harness.send(message_guid, {}).status, status::success);
  EXPECT_EQ(accesses, (std::vector<std::string>{"in 1", "in 2", "in 4", "out 1 212", "out 1 7"}));
  EXPECT_TRUE(harness.faults().empty());
}

TEST_F(HarnessTest, GivesMemoryToDrivers) {
  constexpr std::uint64_t address = 0x60000000;
  {
    Harness harness;
    const auto memory = harness.add_memory(address, 100, MemoryAccess::read_write);
    ASSERT_TRUE(memory.has_value()) << memory.error().text;
    (*memory)[0] = std::byte{7};
    handler_body = [](void*, UintN*) {
      auto* registers = reinterpret_cast<volatile std::uint8_t*>(address);
      registers[1] = static_cast<std::uint8_t>(registers[0] + 1);
      std::uint8_t value = 0;
      EXPECT_EQ(table->mm_io.memory.read(&table->mm_io, abi::mm_io_uint8, address + 1, 1, &value), status::success);
      EXPECT_EQ(value, 8);
      return status::success;
    };
    add(harness);
    EXPECT_EQ(harness.send(message_guid, {}).status, status::success);
    EXPECT_EQ((*memory)[1], std::byte{8});
    EXPECT_FALSE(harness.add_memory(address, 1, MemoryAccess::read).has_value());
    EXPECT_FALSE(harness.add_memory(address + 1, 1, MemoryAccess::read).has_value());
    EXPECT_FALSE(harness.add_memory(0, 1, MemoryAccess::read).has_value());
  }
  Harness harness;  // the first one's is gone
  ASSERT_TRUE(harness.add_memory(address, 1, MemoryAccess::read).has_value());
  handler_body = [](void*, UintN*) {
    *reinterpret_cast<volatile std::uint8_t*>(address) = 1;
    return status::success;
  };
  add(harness);
  const Reply reply = harness.send(message_guid, {});
  EXPECT_EQ(reply.status, status::device_error);
  ASSERT_EQ(reply.faults.size(), 1u);
  EXPECT_EQ(reply.faults[0].address, address);
}

TEST_F(HarnessTest, TheTestSaysWhoRunsOutside) {
  Harness harness;
  std::vector<std::pair<abi::EfiStatus, UintN>> answers;
  handler_body = [&answers](void*, UintN*) {
    void* interface = nullptr;
    EXPECT_EQ(table->locate_protocol(&abi::processors_held_protocol_guid, nullptr, &interface), status::success);
    const auto* processors = static_cast<const abi::ProcessorsHeldProtocol*>(interface);
    UintN presumed_stopped = 77;
    const abi::EfiStatus held = processors->hold(processors, &presumed_stopped);
    answers.emplace_back(held, presumed_stopped);
    return status::success;
  };
  add(harness);
  harness.send(message_guid, {});
  harness.set_processors_held([] { return 3; });
  harness.send(message_guid, {});
  harness.set_processors_held([] { return std::nullopt; });
  harness.send(message_guid, {});
  const std::vector<std::pair<abi::EfiStatus, UintN>> expected = {
      {status::success, 0}, {status::success, 3}, {status::device_error, 77}};
  EXPECT_EQ(answers, expected);
}

TEST_F(HarnessTest, UnblockedMemoryIsSharedWithTheTest) {
  constexpr std::uint64_t address = 0x61000000;
  Harness harness;
  handler_body = [](void*, UintN*) {
    void* interface = nullptr;
    EXPECT_EQ(table->locate_protocol(&abi::unblocked_memory_protocol_guid, nullptr, &interface), status::success);
    const auto* unblocked = static_cast<const abi::UnblockedMemoryProtocol*>(interface);
    EXPECT_EQ(unblocked->check(unblocked, address, 5000), status::success);
    EXPECT_EQ(unblocked->check(unblocked, address + 1, 2 * 4096), status::access_denied);
    EXPECT_EQ(unblocked->check(unblocked, reinterpret_cast<std::uint64_t>(&handler_body), 1), status::access_denied);
    auto* memory = reinterpret_cast<volatile std::uint8_t*>(address);
    memory[1] = static_cast<std::uint8_t>(memory[0] + 1);
    std::uint8_t value = 0;
    EXPECT_EQ(table->mm_io.memory.read(&table->mm_io, abi::mm_io_uint8, address, 1, &value), status::unsupported)
        << "it is no device";
    return status::success;
  };
  add(harness);
  const auto memory = harness.unblock(address, 5000);
  ASSERT_TRUE(memory.has_value()) << memory.error().text;
  (*memory)[0] = std::byte{7};
  EXPECT_EQ(harness.send(message_guid, {}).status, status::success);
  EXPECT_EQ((*memory)[1], std::byte{8});
  EXPECT_FALSE(harness.unblock(address, 4096).has_value());
  harness.ready_to_lock();
  EXPECT_FALSE(harness.unblock(address + 0x100000, 4096).has_value());
}

// ---- Faults ----

// By instruction: what a sanitizer would see first isn't meant here.
void write_to(std::uint64_t address) { asm volatile("movb $1, (%0)" : : "r"(address) : "memory"); }
void read_from(std::uint64_t address) { asm volatile("movb (%0), %%al" : : "r"(address) : "rax", "memory"); }

[[gnu::noinline]] void recurse() { asm volatile("1: subq $4096, %%rsp\n\tmovq $0, (%%rsp)\n\tjmp 1b" : : : "memory"); }

struct FaultCase {
  const char* name;
  void (*body)();
  std::uint32_t vector;
  std::string_view reason;
};

const FaultCase fault_cases[] = {
    {"WritesToNull", [] { write_to(0x10); }, 14, "write to 0x10: null pointer"},
    {"ReadsUnmapped", [] { read_from(0x123456789000); }, 14, "read of 0x123456789000: nothing is mapped"},
    {"ReadsNonCanonical", [] { read_from(0xDEAD000000000000); }, 13, "non-canonical"},
    {"WritesTheSystemTable", [] { write_to(reinterpret_cast<std::uintptr_t>(table)); }, 14, "may not use that way"},
    {"ReadsTheFoundation", [] { read_from(0x7E004000); }, 14, "memory of the foundation"},
    {"ReadsFreeMemory", [] { read_from(0x7EFF0000); }, 14, "free memory of MMRAM"},
    {"OverflowsItsStack", recurse, 14, "stack overflow"},
    {"ExecutesData",
     [] {
       void* pool = nullptr;
       EXPECT_EQ(table->allocate_pool(abi::runtime_services_data, 64, &pool), status::success);
       std::memset(pool, 0xC3, 64);
       asm volatile("call *%0" : : "r"(pool) : "memory");
     },
     14, "execution at"},
    {"Privileged", [] { asm volatile("cli"); }, 13, "privileged"},
    {"ClosedPort", [] { asm volatile("outb %%al, $0xB2"
                                     :
                                     : "a"(0)); }, 13, "privileged"},
    {"ReadsAnMsr", [] { asm volatile("rdmsr"
                                     :
                                     : "c"(0x1B)
                                     : "rax", "rdx"); }, 13, "privileged"},
    {"Invalid", [] { asm volatile("ud2"); }, 6, "invalid instruction"},
    {"Divides", [] { asm volatile("divl %%ecx"
                                  :
                                  : "a"(1), "d"(0), "c"(0)
                                  : "cc"); }, 0, "division"},
    {"Breaks", [] { asm volatile("int3"); }, 3, "breakpoint"},
    {"ChangesFlags", [] { asm volatile("std\n\tud2"); }, 6, "invalid instruction"},
};

class Faults : public HarnessTest, public ::testing::WithParamInterface<FaultCase> {};
INSTANTIATE_TEST_SUITE_P(, Faults, ::testing::ValuesIn(fault_cases), [](const auto& info) { return info.param.name; });

TEST_P(Faults, AreContainedInAHandler) {
  Harness harness;
  const DriverIndex driver = add(harness);
  const DriverIndex other = add(harness, "other", enter_other);
  handler_body = [&](void*, UintN*) {
    GetParam().body();
    return status::success;
  };
  const Reply reply = harness.send(message_guid, std::uint32_t{5});
  EXPECT_EQ(reply.status, status::device_error);
  ASSERT_EQ(reply.faults.size(), 1u);
  const Fault& fault = reply.faults[0];
  EXPECT_EQ(fault.driver, "driver");
  EXPECT_EQ(fault.file, harness.driver(driver).file);
  EXPECT_EQ(fault.vector, GetParam().vector);
  EXPECT_NE(fault.reason.find(GetParam().reason), std::string::npos) << fault.reason;
  EXPECT_EQ(fault.message, message_guid);
  EXPECT_NE(fault.text().find("driver: exception " + std::to_string(fault.vector)), std::string::npos);
  EXPECT_TRUE(harness.logged("fault domain=driver vector=" + std::to_string(fault.vector)));
  EXPECT_TRUE(harness.logged("driver.disabled"));
  EXPECT_EQ(harness.driver(driver).state, DriverState::disabled);
  // The machine lives.
  EXPECT_EQ(harness.send(message_guid, {}).status, status::not_found);
  EXPECT_EQ(harness.send(other_message_guid, {}).status, status::success);
  EXPECT_EQ(harness.driver(other).state, DriverState::running);
  EXPECT_EQ(harness.faults().size(), 1u);
}

TEST_F(HarnessTest, AFaultInAnEntryPointIsThatDriversEnd) {
  Harness harness;
  entry_body = [](MmSystemTable&) {
    asm volatile("ud2");
    return status::success;
  };
  const DriverIndex driver = add(harness);
  const DriverIndex other = add(harness, "other", enter_other);
  ASSERT_EQ(harness.start(), status::success);
  EXPECT_EQ(harness.driver(driver).state, DriverState::disabled);
  EXPECT_EQ(harness.driver(other).state, DriverState::running);
  ASSERT_EQ(harness.faults().size(), 1u);
  EXPECT_FALSE(harness.faults()[0].message.has_value());
}

TEST_F(HarnessTest, AFaultInANotificationLeavesTheCallerAlone) {
  Harness harness;
  add(harness);
  const auto victim = harness.add_driver("victim", [](Handle, MmSystemTable* mmst) EFIAPI -> EfiStatus {
    void* registration = nullptr;
    return mmst->register_protocol_notify(&protocol_guid, notified, &registration);
  });
  handler_body = [](void*, UintN*) {
    Handle handle = nullptr;
    return table->install_protocol_interface(&handle, &protocol_guid, abi::native_interface, nullptr);
  };
  const Reply reply = harness.send(message_guid, {});
  EXPECT_EQ(reply.status, status::success);
  ASSERT_EQ(reply.faults.size(), 1u);
  EXPECT_EQ(reply.faults[0].driver, "victim");
  EXPECT_EQ(harness.driver(*victim).state, DriverState::disabled);
  EXPECT_TRUE(harness.installed(protocol_guid));
}

TEST_F(HarnessTest, AFaultInAnImageNamesTheInstruction) {
  Harness harness;
  const auto digest = harness.add_image(image_path("gnu_efi_digest.efi"));
  ASSERT_TRUE(digest.has_value()) << digest.error().text;
  harness.start();
  struct DigestProtocol {
    EfiStatus(EFIAPI* fold)(const DigestProtocol*, std::uint32_t, const void*, UintN, std::uint64_t*);
  };
  constexpr Guid digest_guid = DIGEST_PROTOCOL_GUID;
  const auto fault = harness.as_driver([&](MmSystemTable& mmst) {
    void* interface = nullptr;
    ASSERT_EQ(mmst.locate_protocol(&digest_guid, nullptr, &interface), status::success);
    const auto* protocol = static_cast<const DigestProtocol*>(interface);
    std::uint64_t result = 0;
    EXPECT_EQ(protocol->fold(protocol, digest_sum, "ab", 2, &result), status::success);
    EXPECT_EQ(result, std::uint64_t{'a'} + 'b');
    protocol->fold(protocol, digest_sum, reinterpret_cast<const void*>(0x20), 2, &result);
    ADD_FAILURE() << "it went on";
  });
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->driver, "gnu_efi_digest");
  EXPECT_EQ(fault->address, 0x20u);
  ASSERT_TRUE(fault->image_offset.has_value());
  EXPECT_LT(*fault->image_offset, harness.driver(*digest).size);
  EXPECT_NE(fault->text().find("image+0x"), std::string::npos);
  // It was the test's call: no driver is disabled, and the next one works.
  EXPECT_EQ(harness.driver(*digest).state, DriverState::running);
  bool ran = false;
  EXPECT_FALSE(harness.as_driver([&](MmSystemTable&) { ran = true; }).has_value());
  EXPECT_TRUE(ran);
}

TEST_F(HarnessTest, WrongPointersToServicesAreRefused) {
  Harness harness;
  add(harness);
  handler_body = [](void*, UintN*) {
    const auto pointer = [](std::uint64_t address) { return reinterpret_cast<void*>(address); };
    for (const std::uint64_t address :
         {std::uint64_t{0x10}, std::uint64_t{0x123456789000}, std::uint64_t{0x7E004000}, ~std::uint64_t{0}}) {
      EXPECT_EQ(table->allocate_pool(abi::runtime_services_data, 16, static_cast<void**>(pointer(address))),
                status::invalid_parameter)
          << address;
      void* interface = nullptr;
      EXPECT_NE(table->locate_protocol(static_cast<const Guid*>(pointer(address)), nullptr, &interface),
                status::success);
    }
    return status::success;
  };
  const Reply reply = harness.send(message_guid, {});
  EXPECT_EQ(reply.status, status::success);
  EXPECT_TRUE(reply.faults.empty());
}

TEST_F(HarnessTest, BehindTheCommunicationBufferIsNothing) {
  Harness harness({.comm_buffer_bytes = 4096});
  add(harness);
  handler_body = [](void* buffer, UintN*) {
    write_to(reinterpret_cast<std::uintptr_t>(buffer) - 24 + 4096);
    return status::success;
  };
  const Reply reply = harness.send(message_guid, {});
  ASSERT_EQ(reply.faults.size(), 1u);
  EXPECT_NE(reply.faults[0].reason.find("behind the communication buffer"), std::string::npos)
      << reply.faults[0].reason;
}

// ---- Drivers of other toolchains ----

class ForeignDrivers : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Order, ForeignDrivers, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "LedgerFirst" : "DigestFirst"; });

TEST_P(ForeignDrivers, LoadRunAndCallEachOther) {
  const char* names[] = {"gnu_efi_digest.efi", "mingw_ledger.efi"};
  Harness harness;
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    const auto driver = harness.add_image(image_path(names[GetParam() ? 1 - i : i]));
    ASSERT_TRUE(driver.has_value()) << driver.error().text;
  }
  ASSERT_EQ(harness.start(), status::success);
  for (const Driver& driver : harness.drivers()) EXPECT_EQ(driver.state, DriverState::running) << driver.name;

  DigestMessage digest{};
  digest.kind = digest_fnv1a;
  digest.size = 5;
  std::memcpy(digest.data, "hello", 5);
  const auto digested = harness.send(Guid DIGEST_MESSAGE_GUID, digest).as<DigestMessage>();
  ASSERT_TRUE(digested.has_value());
  EXPECT_EQ(digested->status, status::success);
  EXPECT_EQ(digested->digest, 0xa430d84680aabd0bu);  // FNV-1a of "hello", published test vector
  EXPECT_STREQ(digested->name, "fnv1a");
  EXPECT_EQ(digested->calls, 1u);

  LedgerMessage entry{};
  entry.operation = ledger_append;
  entry.size = 5;
  std::memcpy(entry.data, "hello", 5);
  const auto appended = harness.send(Guid LEDGER_MESSAGE_GUID, entry).as<LedgerMessage>();
  ASSERT_TRUE(appended.has_value());
  EXPECT_EQ(appended->status, status::success);
  EXPECT_EQ(appended->digest, digested->digest);
  for (std::uint64_t index = 1; index < 512; ++index) harness.send(Guid LEDGER_MESSAGE_GUID, entry);
  EXPECT_EQ(harness.send(Guid LEDGER_MESSAGE_GUID, entry).as<LedgerMessage>()->status, status::out_of_resources);
  EXPECT_TRUE(harness.faults().empty());
}

// ---- What the loader refuses ----

class Refusal : public HarnessTest {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("redoubt-harness-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
    good_ = file_bytes(image_path("sample_driver.efi"));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // What add_image says of a file with these bytes: one line that starts with its path.
  std::string reason_for(const ByteVector& bytes) {
    const std::string path = (folder_ / "driver.efi").string();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return reason_for_path(path);
  }
  static std::string reason_for_path(const std::string& path) {
    Harness harness;
    const auto added = harness.add_image(path);
    EXPECT_FALSE(added.has_value());
    if (added.has_value()) return {};
    EXPECT_TRUE(added.error().text.starts_with(path + ": ")) << added.error().text;
    EXPECT_EQ(added.error().text.find('\n'), std::string::npos);
    return added.error().text.substr(path.size() + 2);
  }
  static ByteVector text_bytes(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
  }
  template <typename T>
  std::string with(std::size_t at, T value) {
    ByteVector bytes = good_;
    put(bytes, at, value);
    return reason_for(bytes);
  }
  static void expect_reason(const std::string& reason, std::string_view part) {
    EXPECT_NE(reason.find(part), std::string::npos) << reason;
  }

  std::filesystem::path folder_;
  ByteVector good_;
};

TEST_F(Refusal, OfWhatIsNoFile) {
  expect_reason(reason_for_path((folder_ / "missing.efi").string()), "no such file");
  expect_reason(reason_for_path(folder_.string()), "is a folder");
  expect_reason(reason_for_path("/dev/null"), "isn't a regular file");
  expect_reason(reason_for({}), "is empty");
  expect_reason(reason_for(ByteVector((15U << 20) + 1)), "too large");
}

TEST_F(Refusal, OfOtherKindsOfFiles) {
  expect_reason(reason_for(text_bytes("\x7f"
                                      "ELF\x02\x01\x01 and so on, as a linker left it")),
                "is an ELF file");
  expect_reason(reason_for(text_bytes("!<arch>\nfoo.o/")), "is a library");
  ByteVector object(64);
  object[0] = std::byte{0x64};
  object[1] = std::byte{0x86};
  expect_reason(reason_for(object), "is an object file");
  ByteVector volume(72);
  std::memcpy(volume.data() + 40, "_FVH", 4);
  expect_reason(reason_for(volume), "is a firmware volume");
  expect_reason(reason_for(text_bytes("#!/bin/sh\necho not a driver at all, no matter what\n")),
                "not a PE or TE image");
}

TEST_F(Refusal, OfEveryTruncation) {
  const PeFile file(good_);
  for (const std::size_t size : {std::size_t{1}, std::size_t{40}, file.nt + 2, file.coff + 3, file.optional + 50,
                                 file.sections + 20, std::size_t{0x1000}, good_.size() / 2}) {
    ByteVector bytes = good_;
    bytes.resize(size);
    expect_reason(reason_for(bytes), "(at offset 0x");
  }
}

TEST_F(Refusal, OfOtherMachinesAndPrograms) {
  const PeFile file(good_);
  expect_reason(with(file.coff, std::uint16_t{0xAA64}), "64-bit image for AARCH64");
  expect_reason(with(file.optional + offsetof(pe::OptionalHeader64, subsystem), std::uint16_t{10}), "subsystem 10");
  expect_reason(with(file.optional + offsetof(pe::OptionalHeader64, entry_point), std::uint32_t{0}), "no entry point");
  expect_reason(with(file.optional, std::uint16_t{0x107}), "neither PE32 nor PE32+");
}

TEST_F(Refusal, OfWhatCannotBeProtectedOrMoved) {
  const PeFile file(good_);
  const auto characteristics = field<pe::CoffHeader>(good_, file.coff).characteristics;
  expect_reason(with(file.coff + offsetof(pe::CoffHeader, characteristics),
                     static_cast<std::uint16_t>(characteristics | pe::file_relocations_stripped)),
                "has no relocations");
  const auto text = field<pe::SectionHeader>(good_, file.sections);
  expect_reason(
      with(file.sections + offsetof(pe::SectionHeader, characteristics), text.characteristics | pe::section_write),
      "section .text is writable and executable");
  // The last section is that of the relocations.
  const auto count = field<pe::CoffHeader>(good_, file.coff).section_count;
  const std::size_t last = file.sections + (count - std::size_t{1}) * sizeof(pe::SectionHeader);
  const auto relocations = field<pe::SectionHeader>(good_, last);
  expect_reason(with(last + offsetof(pe::SectionHeader, rva), relocations.rva + 0x20),
                "not on a 4 KiB boundary: link with a section alignment of 4096");
  ByteVector outside = good_;
  put(outside, relocations.raw_offset, pe::RelocationBlock{0xFFFFF000, 12});
  put(outside, relocations.raw_offset + sizeof(pe::RelocationBlock), static_cast<std::uint16_t>(10U << 12));
  expect_reason(reason_for(outside), "relocation points outside the sections");
  expect_reason(with(relocations.raw_offset + 4, std::uint32_t{0}), "relocation block has an impossible size");
}

TEST_F(Refusal, OfWhatComesWithADriver) {
  Harness harness;
  const Guid name = test_guid(5);
  ASSERT_TRUE(harness.add_driver("first", enter, {.file = name}).has_value());
  const auto text = [](const auto& result) { return result.has_value() ? std::string() : result.error().text; };
  expect_reason(text(harness.add_driver("second", enter, {.file = name})),
                "second: has the file name 00000005-7e57-4002-8000-000000000002, as first");
  expect_reason(text(harness.add_driver("third", enter, {.depex = ByteVector{std::byte{0x7F}}})),
                "third: dependency expression");
  expect_reason(text(harness.add_driver("fourth", nullptr)), "fourth: its entry point is null");
  expect_reason(text(harness.add_driver("", enter)), "a driver needs a name");
  expect_reason(text(harness.add_image(ByteVector(3), {.name = "bytes"})), "bytes: not a PE or TE image");
  harness.start();
  expect_reason(text(harness.add_driver("late", enter)), "late: drivers can't be added after start()");
  EXPECT_EQ(harness.drivers().size(), 1u);
}

TEST_F(Refusal, OfADriverTooLargeForMmram) {
  Harness harness({.mmram_bytes = 1U << 20});
  ByteVector bytes = good_;
  const PeFile file(bytes);
  put(bytes, file.optional + offsetof(pe::OptionalHeader64, image_size), std::uint32_t{2U << 20});
  const auto driver = harness.add_image(bytes, {.name = "large"});
  ASSERT_TRUE(driver.has_value()) << driver.error().text;
  ASSERT_EQ(harness.start(), status::success);
  EXPECT_EQ(harness.driver(*driver).state, DriverState::failed);
  EXPECT_EQ(harness.driver(*driver).reason, "no memory for the image");
}

// ---- Debuggers ----

TEST_F(HarnessTest, KnowsWhereSymbolsAre) {
  Harness harness;
  const auto sample = harness.add_image(image_path("sample_driver.efi"));
  const auto digest = harness.add_image(image_path("gnu_efi_digest.efi"));
  const auto ledger = harness.add_image(image_path("mingw_ledger.efi"));
  ASSERT_TRUE(sample.has_value() && digest.has_value() && ledger.has_value());
  harness.start();
  EXPECT_EQ(harness.driver(*sample).symbols, image_path("sample_driver.elf"));
  EXPECT_EQ(harness.driver(*digest).symbols, image_path("gnu_efi_digest.so"));
  EXPECT_EQ(harness.driver(*ledger).symbols, image_path("mingw_ledger.efi"));
  const std::string commands = harness.gdb_commands();
  EXPECT_EQ(std::ranges::count(commands, '\n'), 3);
  EXPECT_NE(commands.find("add-symbol-file " + image_path("sample_driver.elf") + " -o 0x7e"), std::string::npos)
      << commands;
}

}  // namespace
}  // namespace redoubt::sdk
