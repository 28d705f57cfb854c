// SPDX-License-Identifier: BSD-2-Clause-Patent
// The services of EFI_MM_SYSTEM_TABLE, called as a driver calls them: through the table's function pointers. Tests are
// named after what the specification says (PI 1.9, volume 4; UEFI 2.10 where it refers there).
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>
#include <set>
#include <vector>

#include "abi/redoubt/processors_held.hpp"
#include "foundation/testing/machine.hpp"

namespace redoubt::foundation {
namespace {

using abi::EfiPhysicalAddress;
using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::MmSystemTable;
using abi::UintN;
using testing::test_guid;
namespace status = abi::status;

// An address without an owner.
template <typename T>
T* wild(std::uint64_t address) {
  return at_address<T>(address);
}

class ServicesTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(machine_.launch(), status::success); }
  // A value that the enumeration doesn't have.
  template <typename Enumeration>
  static Enumeration no(std::uint32_t value) {
    return std::bit_cast<Enumeration>(value);
  }
  // Foundation memory, which a driver must not be able to use as anything.
  template <typename T>
  T* foundations() {
    return reinterpret_cast<T*>(&machine_.foundation);
  }
  testing::Machine machine_;
};

std::uint32_t crc32(const MmSystemTable& original) {
  MmSystemTable table = original;
  table.header.crc32 = 0;
  std::uint32_t crc = ~0U;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&table);
  for (std::size_t i = 0; i < sizeof(table); ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
  }
  return ~crc;
}

// ---- Other CPUs before a flash write ----

TEST_F(ServicesTest, HoldingProcessorsSaysHowManyArePresumedStopped) {
  const auto hold = [this](UintN* presumed_stopped) {
    EfiStatus result = status::success;
    machine_.as_driver([&](MmSystemTable& mmst) {
      void* interface = nullptr;
      ASSERT_EQ(mmst.locate_protocol(&abi::processors_held_protocol_guid, nullptr, &interface), status::success);
      const auto* protocol = static_cast<const abi::ProcessorsHeldProtocol*>(interface);
      result = protocol->hold(protocol, presumed_stopped);
    });
    return result;
  };
  UintN presumed_stopped = 77;
  EXPECT_EQ(hold(&presumed_stopped), status::success);
  EXPECT_EQ(presumed_stopped, 0U);
  machine_.supervisor.processors_held = [] { return 2; };
  EXPECT_EQ(hold(&presumed_stopped), status::success);
  EXPECT_EQ(presumed_stopped, 2U);
  EXPECT_EQ(hold(nullptr), status::invalid_parameter);
  EXPECT_EQ(hold(foundations<UintN>()), status::invalid_parameter);
  machine_.supervisor.processors_held = [] { return std::nullopt; };
  EXPECT_EQ(hold(&presumed_stopped), status::device_error);
  EXPECT_EQ(presumed_stopped, 2U);
}

// ---- System table ----

TEST_F(ServicesTest, SystemTableHeaderIsRightAndStaysSo) {
  const MmSystemTable& table = machine_.mmst();
  EXPECT_EQ(table.header.signature, 0x54534D53U);
  EXPECT_EQ(table.header.header_size, sizeof(MmSystemTable));
  EXPECT_EQ(table.number_of_cpus, 2U);
  EXPECT_EQ(table.cpu_save_state, nullptr);
  EXPECT_EQ(table.header.crc32, crc32(table));
  for (const std::uint64_t cpu : {1ULL, 0ULL, 255ULL, 70000ULL, 3ULL}) {
    machine_.asynchronous_mmi(cpu);
    EXPECT_EQ(table.currently_executing_cpu, cpu);
    EXPECT_EQ(table.header.crc32, crc32(table));
  }
}

TEST_F(ServicesTest, SystemTableIsReadOnlyForDrivers) {
  const std::uint64_t address = machine_.foundation.system_table_address();
  EXPECT_EQ(machine_.supervisor.driver_rights(address), abi::read_only);
  EXPECT_EQ(machine_.supervisor.foundation_rights(address), abi::read_write);
}

TEST_F(ServicesTest, ConfigurationTablesAreAddedReplacedAndRemoved) {
  machine_.as_driver([](MmSystemTable& mmst) {
    const UintN before = mmst.number_of_table_entries;
    int first = 1;
    int second = 2;
    const Guid guid = test_guid(1);
    EXPECT_EQ(mmst.install_configuration_table(&mmst, nullptr, &first, 4), status::invalid_parameter);
    EXPECT_EQ(mmst.install_configuration_table(&mmst, &guid, nullptr, 0), status::not_found);
    EXPECT_EQ(mmst.install_configuration_table(&mmst, &guid, &first, 4), status::success);
    EXPECT_EQ(mmst.number_of_table_entries, before + 1);
    EXPECT_EQ(mmst.configuration_table[before].vendor_table, &first);
    EXPECT_EQ(mmst.install_configuration_table(&mmst, &guid, &second, 4), status::success);
    EXPECT_EQ(mmst.number_of_table_entries, before + 1);
    EXPECT_EQ(mmst.configuration_table[before].vendor_table, &second);
    EXPECT_EQ(mmst.header.crc32, crc32(mmst));
    EXPECT_EQ(mmst.install_configuration_table(&mmst, &guid, nullptr, 0), status::success);
    EXPECT_EQ(mmst.number_of_table_entries, before);
    EXPECT_EQ(mmst.install_configuration_table(&mmst, wild<Guid>(8), &first, 4), status::invalid_parameter);
  });
}

TEST_F(ServicesTest, ConfigurationTablesGrowBeyondAnyPage) {
  machine_.as_driver([](MmSystemTable& mmst) {
    const UintN before = mmst.number_of_table_entries;
    for (std::uint32_t i = 1; i <= 1000; ++i) {
      const Guid guid = test_guid(i);
      ASSERT_EQ(mmst.install_configuration_table(&mmst, &guid, wild<void>(i), 4), status::success);
    }
    EXPECT_EQ(mmst.number_of_table_entries, before + 1000);
    for (std::uint32_t i = 1; i <= 1000; ++i) {
      EXPECT_EQ(mmst.configuration_table[before + i - 1].vendor_guid, test_guid(i));
      EXPECT_EQ(address_of(mmst.configuration_table[before + i - 1].vendor_table), i);
    }
    EXPECT_EQ(mmst.header.crc32, crc32(mmst));
  });
}

// ---- Memory ----

TEST_F(ServicesTest, PoolOfEverySizeIsWritableZeroAndDisjoint) {
  machine_.as_driver([this](MmSystemTable& mmst) {
    std::vector<std::pair<std::uint8_t*, UintN>> buffers;
    for (UintN size = 0; size < 20000; size = size * 5 / 4 + 1) {
      for (int copy = 0; copy < 3; ++copy) {
        void* buffer = nullptr;
        ASSERT_EQ(mmst.allocate_pool(abi::runtime_services_data, size, &buffer), status::success);
        EXPECT_EQ(address_of(buffer) % 16, 0U);
        EXPECT_EQ(machine_.supervisor.driver_rights(address_of(buffer)), abi::read_write);
        EXPECT_EQ(machine_.supervisor.foundation_rights(address_of(buffer)), abi::no_rights);
        auto* bytes = static_cast<std::uint8_t*>(buffer);
        for (UintN i = 0; i < size; ++i) ASSERT_EQ(bytes[i], 0);
        std::memset(bytes, static_cast<int>(buffers.size()), size);
        buffers.emplace_back(bytes, size);
      }
    }
    for (std::size_t n = 0; n < buffers.size(); ++n) {
      for (UintN i = 0; i < buffers[n].second; ++i) ASSERT_EQ(buffers[n].first[i], static_cast<std::uint8_t>(n));
    }
    for (const auto& [buffer, size] : buffers) EXPECT_EQ(mmst.free_pool(buffer), status::success);
  });
}

TEST_F(ServicesTest, PoolGivesItsPagesBack) {
  std::uint64_t before = 0;
  machine_.as_driver([&](MmSystemTable& mmst) {
    std::vector<void*> buffers(2000);
    for (int round = 0; round < 3; ++round) {
      for (void*& buffer : buffers)
        ASSERT_EQ(mmst.allocate_pool(abi::runtime_services_data, 100, &buffer), status::success);
      for (void* buffer : buffers) ASSERT_EQ(mmst.free_pool(buffer), status::success);
      if (round == 0) before = machine_.supervisor.used_pages();
      EXPECT_EQ(machine_.supervisor.used_pages(), before);
    }
  });
}

TEST_F(ServicesTest, FreePoolRefusesWhatIsNoBuffer) {
  machine_.as_driver([this](MmSystemTable& mmst) {
    void* small = nullptr;
    void* large = nullptr;
    ASSERT_EQ(mmst.allocate_pool(abi::runtime_services_data, 64, &small), status::success);
    ASSERT_EQ(mmst.allocate_pool(abi::runtime_services_data, 9000, &large), status::success);
    EfiPhysicalAddress pages = 0;
    ASSERT_EQ(mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 1, &pages), status::success);
    int local = 0;
    for (void* wrong : {static_cast<void*>(nullptr), static_cast<void*>(&local), wild<void>(pages),
                        static_cast<void*>(static_cast<std::byte*>(small) + 8),
                        static_cast<void*>(static_cast<std::byte*>(small) + 64),
                        static_cast<void*>(static_cast<std::byte*>(large) + 4096), foundations<void>(),
                        wild<void>(machine_.foundation.system_table_address()), wild<void>(UINT64_MAX)}) {
      EXPECT_EQ(mmst.free_pool(wrong), status::invalid_parameter);
    }
    EXPECT_EQ(mmst.free_pool(small), status::success);
    EXPECT_EQ(mmst.free_pool(small), status::invalid_parameter) << "freed twice";
    EXPECT_EQ(mmst.free_pool(large), status::success);
    EXPECT_EQ(mmst.free_pool(large), status::invalid_parameter);
  });
}

TEST_F(ServicesTest, AllocatePoolChecksItsArguments) {
  machine_.as_driver([this](MmSystemTable& mmst) {
    void* buffer = nullptr;
    EXPECT_EQ(mmst.allocate_pool(abi::runtime_services_data, 8, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.allocate_pool(abi::conventional_memory, 8, &buffer), status::invalid_parameter);
    EXPECT_EQ(mmst.allocate_pool(abi::boot_services_data, 8, &buffer), status::invalid_parameter);
    EXPECT_EQ(mmst.allocate_pool(abi::runtime_services_data, UINT64_MAX, &buffer), status::out_of_resources);
    EXPECT_EQ(mmst.allocate_pool(abi::runtime_services_data, 1ULL << 40, &buffer), status::out_of_resources);
    const std::uint64_t used = machine_.supervisor.used_pages();
    EXPECT_EQ(mmst.allocate_pool(abi::runtime_services_data, 9000, foundations<void*>()), status::invalid_parameter);
    EXPECT_EQ(mmst.allocate_pool(abi::runtime_services_data, 9000, wild<void*>(UINT64_MAX - 3)),
              status::invalid_parameter);
    EXPECT_EQ(machine_.supervisor.used_pages(), used) << "memory that nobody can free";
    EXPECT_EQ(buffer, nullptr);
    EXPECT_EQ(mmst.allocate_pool(abi::runtime_services_code, 8, &buffer), status::success);
  });
}

TEST_F(ServicesTest, PoolExhaustionIsAnError) {
  machine_.as_driver([this](MmSystemTable& mmst) {
    std::vector<void*> buffers;
    void* buffer = nullptr;
    EfiStatus result = status::success;
    while ((result = mmst.allocate_pool(abi::runtime_services_data, 2048, &buffer)) == status::success) {
      buffers.push_back(buffer);
    }
    EXPECT_EQ(result, status::out_of_resources);
    EXPECT_GT(buffers.size(), 4000U);
    for (void* one : buffers) EXPECT_EQ(mmst.free_pool(one), status::success);
    EXPECT_EQ(mmst.allocate_pool(abi::runtime_services_data, 1 << 20, &buffer), status::success);
    static_cast<void>(this);
  });
}

TEST_F(ServicesTest, AllocatePagesHonoursItsTypes) {
  machine_.as_driver([this](MmSystemTable& mmst) {
    const auto data = abi::runtime_services_data;
    EfiPhysicalAddress any = 1;
    ASSERT_EQ(mmst.allocate_pages(abi::allocate_any_pages, data, 3, &any), status::success);
    EXPECT_EQ(any % page_bytes, 0U);
    EXPECT_EQ(machine_.supervisor.driver_rights(any + 2 * page_bytes), abi::read_write);

    const std::uint64_t middle = machine_.supervisor.mmram_base() + machine_.supervisor.mmram_bytes() / 2;
    EfiPhysicalAddress at = middle;
    ASSERT_EQ(mmst.allocate_pages(abi::allocate_address, data, 2, &at), status::success);
    EXPECT_EQ(at, middle);
    EXPECT_EQ(mmst.allocate_pages(abi::allocate_address, data, 1, &at), status::not_found) << "taken";
    at = 0x1000;
    EXPECT_EQ(mmst.allocate_pages(abi::allocate_address, data, 1, &at), status::not_found) << "no MMRAM";
    at = middle + 1;
    EXPECT_EQ(mmst.allocate_pages(abi::allocate_address, data, 1, &at), status::not_found);

    EfiPhysicalAddress limit = middle - 1;
    ASSERT_EQ(mmst.allocate_pages(abi::allocate_max_address, data, 4, &limit), status::success);
    EXPECT_LE(limit + 4 * page_bytes, middle);
    limit = machine_.supervisor.mmram_base() - 1;
    EXPECT_EQ(mmst.allocate_pages(abi::allocate_max_address, data, 1, &limit), status::out_of_resources);
    limit = 0;
    EXPECT_EQ(mmst.allocate_pages(abi::allocate_max_address, data, 1, &limit), status::out_of_resources);
    limit = UINT64_MAX;
    EXPECT_EQ(mmst.allocate_pages(abi::allocate_max_address, data, 1, &limit), status::success);

    EfiPhysicalAddress result = 0;
    EXPECT_EQ(mmst.allocate_pages(no<abi::AllocateType>(3), data, 1, &result), status::invalid_parameter);
    EXPECT_EQ(mmst.allocate_pages(abi::allocate_any_pages, abi::loader_data, 1, &result), status::invalid_parameter);
    EXPECT_EQ(mmst.allocate_pages(abi::allocate_any_pages, data, 1, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.allocate_pages(abi::allocate_any_pages, data, 0, &result), status::invalid_parameter);
    EXPECT_EQ(mmst.allocate_pages(abi::allocate_any_pages, data, UINT64_MAX, &result), status::out_of_resources);
    EXPECT_EQ(mmst.allocate_pages(abi::allocate_any_pages, data, 1ULL << 52, &result), status::out_of_resources);
    EXPECT_EQ(mmst.allocate_pages(abi::allocate_any_pages, data, 1, foundations<EfiPhysicalAddress>()),
              status::invalid_parameter);
  });
}

TEST_F(ServicesTest, FreePagesTakesWholePagesOfAllocationsOnly) {
  machine_.as_driver([this](MmSystemTable& mmst) {
    const auto data = abi::runtime_services_data;
    EfiPhysicalAddress pages = 0;
    ASSERT_EQ(mmst.allocate_pages(abi::allocate_any_pages, data, 4, &pages), status::success);
    EXPECT_EQ(mmst.free_pages(pages + 8, 1), status::invalid_parameter);
    EXPECT_EQ(mmst.free_pages(pages, 0), status::invalid_parameter);
    EXPECT_EQ(mmst.free_pages(pages, UINT64_MAX), status::not_found);
    EXPECT_EQ(mmst.free_pages(pages + page_bytes, 2), status::success);
    EXPECT_EQ(mmst.free_pages(pages, 4), status::not_found) << "two of them are gone";
    EXPECT_EQ(mmst.free_pages(pages, 1), status::success);
    EXPECT_EQ(mmst.free_pages(pages + 3 * page_bytes, 1), status::success);
    EXPECT_EQ(mmst.free_pages(machine_.foundation.system_table_address() & ~(page_bytes - 1), 1), status::not_found);
    void* pool = nullptr;
    ASSERT_EQ(mmst.allocate_pool(data, 5000, &pool), status::success);
    EXPECT_EQ(mmst.free_pages(address_of(pool), 2), status::not_found) << "pool";
    EXPECT_EQ(mmst.free_pages(machine_.supervisor.mmram_base(), 1), status::not_found) << "the supervisor's";
  });
}

// ---- MmIo ----

TEST_F(ServicesTest, MemoryIoReachesWhatTheDriverReaches) {
  machine_.as_driver([this](MmSystemTable& mmst) {
    const abi::MmCpuIoProtocol& io = mmst.mm_io;
    std::array<std::uint64_t, 4> device = {0x1122334455667788, 2, 3, 4};
    std::array<std::uint64_t, 4> buffer{};
    const std::uint64_t address = address_of(device.data());
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint64, address, 4, buffer.data()), status::success);
    EXPECT_EQ(buffer, device);
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint16, address + 2, 1, buffer.data()), status::success);
    EXPECT_EQ(buffer[0] & 0xFFFF, 0x5566U);
    buffer = {9, 8, 7, 6};
    EXPECT_EQ(io.memory.write(&io, abi::mm_io_uint32, address, 8, buffer.data()), status::success);
    EXPECT_EQ(buffer, device);

    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint8, address, 1, nullptr), status::invalid_parameter);
    EXPECT_EQ(io.memory.read(&io, no<abi::MmIoWidth>(4), address, 1, buffer.data()), status::invalid_parameter);
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint32, address + 1, 1, buffer.data()), status::unsupported);
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint8, 0x40E, 1, buffer.data()), status::unsupported);
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint8, address, UINT64_MAX, buffer.data()), status::unsupported);
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint64, UINT64_MAX - 7, 2, buffer.data()), status::unsupported);
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint8, address_of(foundations<void>()), 1, buffer.data()),
              status::unsupported);
    EXPECT_EQ(io.memory.write(&io, abi::mm_io_uint8, address_of(foundations<void>()), 1, buffer.data()),
              status::unsupported);
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint8, address, 1, foundations<void>()), status::invalid_parameter);
    EXPECT_EQ(io.memory.write(&io, abi::mm_io_uint8, address, 1, foundations<void>()), status::invalid_parameter);
    EXPECT_EQ(io.memory.write(&io, abi::mm_io_uint8, machine_.foundation.system_table_address(), 1, buffer.data()),
              status::unsupported);
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint8, address, 0, buffer.data()), status::success);
  });
}

TEST_F(ServicesTest, MemoryIoReachesTheDevicesThatPolicyGivesDrivers) {
  testing::FakeSupervisor& supervisor = machine_.supervisor;
  supervisor.device_base = 0x2000;  // where the test itself has nothing
  supervisor.device_bytes = 0x100;
  supervisor.device_registers = {{0x2000, 0x1111111122222222}, {0x2008, 0x3333333344444444}, {0x20F8, 5}};
  machine_.as_driver([&](MmSystemTable& mmst) {
    const abi::MmCpuIoProtocol& io = mmst.mm_io;
    std::array<std::uint64_t, 2> buffer{};
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint64, 0x2000, 2, buffer.data()), status::success);
    EXPECT_EQ(buffer, (std::array<std::uint64_t, 2>{0x1111111122222222, 0x3333333344444444}));
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint8, 0x2008, 1, buffer.data()), status::success);
    EXPECT_EQ(buffer[0], 0x1111111122222244U);
    buffer = {0x0102030405060708, 0};
    EXPECT_EQ(io.memory.write(&io, abi::mm_io_uint16, 0x2010, 2, buffer.data()), status::success);
    EXPECT_EQ(supervisor.device_registers[0x2010], 0x0708U);
    EXPECT_EQ(supervisor.device_registers[0x2012], 0x0506U);

    // No register is touched when the range isn't all there.
    supervisor.calls.clear();
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint64, 0x20F8, 2, buffer.data()), status::unsupported);
    EXPECT_EQ(io.memory.write(&io, abi::mm_io_uint64, 0x20F8, 2, buffer.data()), status::unsupported);
    EXPECT_EQ(io.memory.write(&io, abi::mm_io_uint8, 0x1FFF, 2, buffer.data()), status::unsupported);
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint32, 0x2002, 1, buffer.data()), status::unsupported);
    EXPECT_EQ(supervisor.calls["read_device"] + supervisor.calls["write_device"], 0U);
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint8, 0x2000, 1, foundations<void>()), status::invalid_parameter);
    EXPECT_EQ(io.memory.write(&io, abi::mm_io_uint8, 0x2000, 1, foundations<void>()), status::invalid_parameter);
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint8, 0x2000, 0, buffer.data()), status::success);
    EXPECT_EQ(io.memory.read(&io, abi::mm_io_uint8, 0x20FF, UINT64_MAX, buffer.data()), status::unsupported);
  });
}

TEST_F(ServicesTest, PortIoFollowsPolicy) {
  machine_.supervisor.ports = {{0x608, 0x12345678}, {0x60C, 0x9ABCDEF0}};
  machine_.as_driver([this](MmSystemTable& mmst) {
    const abi::MmCpuIoProtocol& io = mmst.mm_io;
    std::array<std::uint32_t, 2> buffer{};
    EXPECT_EQ(io.io.read(&io, abi::mm_io_uint32, 0x608, 2, buffer.data()), status::success);
    EXPECT_EQ(buffer, (std::array<std::uint32_t, 2>{0x12345678, 0x9ABCDEF0}));
    EXPECT_EQ(io.io.read(&io, abi::mm_io_uint8, 0x608, 1, buffer.data()), status::success);
    EXPECT_EQ(buffer[0] & 0xFF, 0x78U);
    buffer[0] = 0xCAFE;
    EXPECT_EQ(io.io.write(&io, abi::mm_io_uint16, 0x608, 1, buffer.data()), status::success);
    EXPECT_EQ(machine_.supervisor.ports[0x608], 0xCAFEU);
    EXPECT_EQ(io.io.write(&io, abi::mm_io_uint8, 0xB2, 1, buffer.data()), status::unsupported);
    EXPECT_EQ(io.io.read(&io, abi::mm_io_uint8, 0xB2, 1, buffer.data()), status::unsupported);
    EXPECT_EQ(io.io.read(&io, abi::mm_io_uint64, 0x608, 1, buffer.data()), status::invalid_parameter);
    EXPECT_EQ(io.io.read(&io, abi::mm_io_uint32, 0x609, 1, buffer.data()), status::unsupported);
    EXPECT_EQ(io.io.read(&io, abi::mm_io_uint32, 0x10000, 1, buffer.data()), status::unsupported);
    EXPECT_EQ(io.io.read(&io, abi::mm_io_uint16, 0xFFFE, 2, buffer.data()), status::unsupported);
    EXPECT_EQ(io.io.read(&io, abi::mm_io_uint8, 0x608, 1, nullptr), status::invalid_parameter);
    EXPECT_EQ(io.io.read(&io, abi::mm_io_uint8, 0x608, 1, foundations<void>()), status::invalid_parameter);
    EXPECT_EQ(io.io.write(&io, abi::mm_io_uint8, 0x608, 1, foundations<void>()), status::invalid_parameter);
  });
}

TEST_F(ServicesTest, MmIoIsInTheDatabaseToo) {
  machine_.as_driver([](MmSystemTable& mmst) {
    void* interface = nullptr;
    EXPECT_EQ(mmst.locate_protocol(&abi::mm_cpu_io_protocol_guid, nullptr, &interface), status::success);
    EXPECT_EQ(interface, &mmst.mm_io);
  });
}

TEST_F(ServicesTest, WhatTheFoundationInstalledStays) {
  machine_.as_driver([](MmSystemTable& mmst) {
    Handle handle = nullptr;
    UintN size = sizeof(handle);
    ASSERT_EQ(mmst.locate_handle(abi::by_protocol, &abi::mm_cpu_io_protocol_guid, nullptr, &size, &handle),
              status::success);
    EXPECT_EQ(mmst.uninstall_protocol_interface(handle, &abi::mm_cpu_io_protocol_guid, &mmst.mm_io),
              status::access_denied);
    EXPECT_EQ(mmst.uninstall_protocol_interface(handle, &abi::mm_cpu_io_protocol_guid, nullptr), status::not_found);
    void* interface = nullptr;
    EXPECT_EQ(mmst.handle_protocol(handle, &abi::mm_cpu_io_protocol_guid, &interface), status::success);
  });
}

TEST_F(ServicesTest, StartupThisApHasNoProcessorToGive) {
  machine_.as_driver([](MmSystemTable& mmst) {
    EXPECT_EQ(mmst.startup_this_ap([](void*) EFIAPI {}, 1, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.startup_this_ap(nullptr, 1, nullptr), status::invalid_parameter);
  });
}

// ---- Protocols ----

const Guid guid_a = test_guid(0xA);
const Guid guid_b = test_guid(0xB);

Handle install(MmSystemTable& mmst, const Guid& guid, std::uint64_t interface, Handle handle = nullptr) {
  EXPECT_EQ(mmst.install_protocol_interface(&handle, &guid, abi::native_interface, wild<void>(interface)),
            status::success);
  return handle;
}

TEST_F(ServicesTest, InstallHandleLocateUninstall) {
  machine_.as_driver([](MmSystemTable& mmst) {
    const Handle handle = install(mmst, guid_a, 0x1111000);
    ASSERT_NE(handle, nullptr);
    EXPECT_EQ(install(mmst, guid_b, 0x2222000, handle), handle);
    void* interface = nullptr;
    EXPECT_EQ(mmst.handle_protocol(handle, &guid_a, &interface), status::success);
    EXPECT_EQ(address_of(interface), 0x1111000U);
    EXPECT_EQ(mmst.locate_protocol(&guid_b, nullptr, &interface), status::success);
    EXPECT_EQ(address_of(interface), 0x2222000U);

    EXPECT_EQ(mmst.uninstall_protocol_interface(handle, &guid_a, wild<void>(0x3333000)), status::not_found);
    EXPECT_EQ(mmst.uninstall_protocol_interface(handle, &guid_a, wild<void>(0x1111000)), status::success);
    EXPECT_EQ(mmst.uninstall_protocol_interface(handle, &guid_a, wild<void>(0x1111000)), status::not_found);
    EXPECT_EQ(mmst.handle_protocol(handle, &guid_a, &interface), status::unsupported);
    EXPECT_EQ(interface, nullptr);
    EXPECT_EQ(mmst.uninstall_protocol_interface(handle, &guid_b, wild<void>(0x2222000)), status::success);
    EXPECT_EQ(mmst.handle_protocol(handle, &guid_b, &interface), status::invalid_parameter) << "the handle is gone";
    EXPECT_EQ(mmst.locate_protocol(&guid_b, nullptr, &interface), status::not_found);
    EXPECT_EQ(interface, nullptr);
  });
}

TEST_F(ServicesTest, InstallChecksItsArguments) {
  machine_.as_driver([this](MmSystemTable& mmst) {
    Handle handle = nullptr;
    const auto native = abi::native_interface;
    EXPECT_EQ(mmst.install_protocol_interface(nullptr, &guid_a, native, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.install_protocol_interface(&handle, nullptr, native, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.install_protocol_interface(&handle, &guid_a, no<abi::InterfaceType>(1), nullptr),
              status::invalid_parameter);
    EXPECT_EQ(mmst.install_protocol_interface(&handle, foundations<Guid>(), native, nullptr),
              status::invalid_parameter);
    EXPECT_EQ(mmst.install_protocol_interface(foundations<Handle>(), &guid_a, native, nullptr),
              status::invalid_parameter);
    handle = wild<void>(0x12345);
    EXPECT_EQ(mmst.install_protocol_interface(&handle, &guid_a, native, nullptr), status::invalid_parameter);
    handle = static_cast<void*>(&handle);
    EXPECT_EQ(mmst.install_protocol_interface(&handle, &guid_a, native, nullptr), status::invalid_parameter);
    handle = install(mmst, guid_a, 0x1000);
    EXPECT_EQ(mmst.install_protocol_interface(&handle, &guid_a, native, nullptr), status::invalid_parameter)
        << "has it";
    void* interface = nullptr;
    EXPECT_EQ(mmst.handle_protocol(handle, nullptr, &interface), status::invalid_parameter);
    EXPECT_EQ(mmst.handle_protocol(handle, &guid_a, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.handle_protocol(nullptr, &guid_a, &interface), status::invalid_parameter);
    EXPECT_EQ(mmst.handle_protocol(handle, &guid_a, foundations<void*>()), status::invalid_parameter);
    EXPECT_EQ(mmst.uninstall_protocol_interface(nullptr, &guid_a, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.uninstall_protocol_interface(handle, nullptr, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.locate_protocol(nullptr, nullptr, &interface), status::invalid_parameter);
    EXPECT_EQ(mmst.locate_protocol(&guid_a, nullptr, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.locate_protocol(&guid_a, wild<void>(77), &interface), status::invalid_parameter);
  });
}

TEST_F(ServicesTest, InstallIntoAHandleThatCannotBeWrittenLeavesNothing) {
  // Readable for the driver, zero, but not writable: the rest of the system table's page.
  const std::uint64_t read_only = machine_.foundation.system_table_address() + offsetof(MmSystemTable, cpu_save_state);
  machine_.as_driver([&](MmSystemTable& mmst) {
    EXPECT_EQ(mmst.install_protocol_interface(wild<Handle>(read_only), &guid_a, abi::native_interface, nullptr),
              status::invalid_parameter);
    void* interface = nullptr;
    EXPECT_EQ(mmst.locate_protocol(&guid_a, nullptr, &interface), status::not_found);
  });
}

TEST_F(ServicesTest, LocateHandleSearchesAllWays) {
  machine_.as_driver([this](MmSystemTable& mmst) {
    std::set<Handle> with_a;
    for (std::uint64_t i = 0; i < 100; ++i) {
      const Handle handle = install(mmst, guid_a, i);
      if (i % 3 == 0) install(mmst, guid_b, i, handle);
      with_a.insert(handle);
    }
    UintN size = 0;
    EXPECT_EQ(mmst.locate_handle(abi::by_protocol, &guid_a, nullptr, &size, nullptr), status::buffer_too_small);
    EXPECT_EQ(size, 100 * sizeof(Handle));
    std::vector<Handle> handles(200);
    size = handles.size() * sizeof(Handle);
    EXPECT_EQ(mmst.locate_handle(abi::by_protocol, &guid_a, nullptr, &size, handles.data()), status::success);
    EXPECT_EQ(size, 100 * sizeof(Handle));
    EXPECT_EQ(std::set<Handle>(handles.begin(), handles.begin() + 100), with_a);
    size = handles.size() * sizeof(Handle);
    EXPECT_EQ(mmst.locate_handle(abi::by_protocol, &guid_b, nullptr, &size, handles.data()), status::success);
    EXPECT_EQ(size, 34 * sizeof(Handle));
    size = handles.size() * sizeof(Handle);
    EXPECT_EQ(mmst.locate_handle(abi::all_handles, nullptr, nullptr, &size, handles.data()), status::success);
    EXPECT_EQ(size, 102 * sizeof(Handle)) << "MmIo and the bench driver's image as well";

    const Guid nobody = test_guid(0xFFFF);
    size = 0;
    EXPECT_EQ(mmst.locate_handle(abi::by_protocol, &nobody, nullptr, &size, nullptr), status::not_found);
    EXPECT_EQ(mmst.locate_handle(abi::by_protocol, nullptr, nullptr, &size, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.locate_handle(abi::by_protocol, &guid_a, nullptr, nullptr, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.locate_handle(abi::by_register_notify, nullptr, nullptr, &size, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.locate_handle(no<abi::LocateSearchType>(3), &guid_a, nullptr, &size, nullptr),
              status::invalid_parameter);
    size = handles.size() * sizeof(Handle);
    EXPECT_EQ(mmst.locate_handle(abi::by_protocol, &guid_a, nullptr, &size, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.locate_handle(abi::by_protocol, &guid_a, nullptr, &size, foundations<Handle>()),
              status::invalid_parameter);
  });
}

// ---- Notifications ----

struct Notification {
  Guid protocol;
  std::uint64_t interface;
  Handle handle;
};
std::vector<Notification> notifications;
std::function<void(const Notification&)> on_notification;

EFIAPI EfiStatus note(const Guid* protocol, void* interface, Handle handle) {
  notifications.push_back({*protocol, address_of(interface), handle});
  if (on_notification) on_notification(notifications.back());
  return status::success;
}
EFIAPI EfiStatus note_too(const Guid* protocol, void* interface, Handle handle) {
  return note(protocol, interface, handle);
}

class NotifyTest : public ServicesTest {
 protected:
  void SetUp() override {
    ServicesTest::SetUp();
    notifications.clear();
    on_notification = nullptr;
  }
};

TEST_F(NotifyTest, InstallCallsTheRegistered) {
  machine_.as_driver([](MmSystemTable& mmst) {
    install(mmst, guid_a, 1);
    void* registration = nullptr;
    ASSERT_EQ(mmst.register_protocol_notify(&guid_a, note, &registration), status::success);
    void* again = nullptr;
    EXPECT_EQ(mmst.register_protocol_notify(&guid_a, note, &again), status::success);
    EXPECT_EQ(again, registration);
    EXPECT_TRUE(notifications.empty());
    const Handle handle = install(mmst, guid_a, 2);
    install(mmst, guid_b, 3);
    ASSERT_EQ(notifications.size(), 1U);
    EXPECT_EQ(notifications[0].protocol, guid_a);
    EXPECT_EQ(notifications[0].interface, 2U);
    EXPECT_EQ(notifications[0].handle, handle);

    EXPECT_EQ(mmst.register_protocol_notify(&guid_b, nullptr, &registration), status::not_found) << "other protocol";
    EXPECT_EQ(mmst.register_protocol_notify(&guid_a, nullptr, &registration), status::success);
    EXPECT_EQ(mmst.register_protocol_notify(&guid_a, nullptr, &registration), status::not_found);
    install(mmst, guid_a, 4);
    EXPECT_EQ(notifications.size(), 1U);
  });
}

TEST_F(NotifyTest, RegisterChecksItsArguments) {
  machine_.as_driver([this](MmSystemTable& mmst) {
    void* registration = nullptr;
    EXPECT_EQ(mmst.register_protocol_notify(nullptr, note, &registration), status::invalid_parameter);
    EXPECT_EQ(mmst.register_protocol_notify(&guid_a, note, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.register_protocol_notify(wild<Guid>(16), note, &registration), status::invalid_parameter);
    EXPECT_EQ(mmst.register_protocol_notify(&guid_a, note, foundations<void*>()), status::invalid_parameter);
    registration = static_cast<void*>(&registration);
    EXPECT_EQ(mmst.register_protocol_notify(&guid_a, nullptr, &registration), status::not_found);
    install(mmst, guid_a, 1);
    EXPECT_TRUE(notifications.empty()) << "the registration that couldn't be told";
  });
}

TEST_F(NotifyTest, ByRegisterNotifyReturnsEachNewHandleOnce) {
  machine_.as_driver([](MmSystemTable& mmst) {
    install(mmst, guid_a, 1);
    void* registration = nullptr;
    ASSERT_EQ(mmst.register_protocol_notify(&guid_a, note, &registration), status::success);
    const Handle first = install(mmst, guid_a, 2);
    const Handle second = install(mmst, guid_a, 3);
    const Handle third = install(mmst, guid_a, 4);
    Handle found = nullptr;
    UintN size = sizeof(found);
    const auto next = [&] {
      size = sizeof(found);
      return mmst.locate_handle(abi::by_register_notify, nullptr, registration, &size, &found);
    };
    EXPECT_EQ(next(), status::success);
    EXPECT_EQ(found, first);
    ASSERT_EQ(mmst.uninstall_protocol_interface(first, &guid_a, wild<void>(2)), status::success);
    ASSERT_EQ(mmst.uninstall_protocol_interface(second, &guid_a, wild<void>(3)), status::success);
    size = 0;
    EXPECT_EQ(mmst.locate_handle(abi::by_register_notify, nullptr, registration, &size, nullptr),
              status::buffer_too_small);
    EXPECT_EQ(next(), status::success);
    EXPECT_EQ(found, third);
    EXPECT_EQ(next(), status::not_found);
    install(mmst, guid_a, 5);
    void* interface = nullptr;
    EXPECT_EQ(mmst.locate_protocol(&guid_a, registration, &interface), status::success);
    EXPECT_EQ(address_of(interface), 5U);
    EXPECT_EQ(mmst.locate_protocol(&guid_a, registration, &interface), status::not_found);
  });
}

TEST_F(NotifyTest, ANotificationMayUndoWhatItIsAbout) {
  machine_.as_driver([](MmSystemTable& mmst) {
    void* registration = nullptr;
    void* other = nullptr;
    ASSERT_EQ(mmst.register_protocol_notify(&guid_a, note, &registration), status::success);
    ASSERT_EQ(mmst.register_protocol_notify(&guid_a, note_too, &other), status::success);
    on_notification = [&](const Notification& n) {
      EXPECT_EQ(mmst.register_protocol_notify(&guid_a, nullptr, &registration), status::success);
      EXPECT_EQ(mmst.uninstall_protocol_interface(n.handle, &guid_a, wild<void>(n.interface)), status::success);
    };
    Handle handle = nullptr;
    EXPECT_EQ(mmst.install_protocol_interface(&handle, &guid_a, abi::native_interface, wild<void>(7)), status::success);
    EXPECT_EQ(notifications.size(), 1U) << "nobody hears of an interface that is gone";
    void* interface = nullptr;
    EXPECT_EQ(mmst.handle_protocol(handle, &guid_a, &interface), status::invalid_parameter);
    on_notification = nullptr;
    install(mmst, guid_a, 8);
    EXPECT_EQ(notifications.size(), 2U);
  });
}

TEST_F(NotifyTest, InstallInsideANotificationNestsToTheLimitAndNoFurther) {
  machine_.as_driver([](MmSystemTable& mmst) {
    void* registration = nullptr;
    ASSERT_EQ(mmst.register_protocol_notify(&guid_a, note, &registration), status::success);
    on_notification = [&](const Notification& n) { install(mmst, guid_a, n.interface + 1); };
    install(mmst, guid_a, 0);
    EXPECT_EQ(notifications.size(), abi::domain_call_depth - 1) << "the bench handler is the first level";
  });
}

}  // namespace
}  // namespace redoubt::foundation
