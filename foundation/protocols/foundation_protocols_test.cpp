// SPDX-License-Identifier: BSD-2-Clause-Patent
// The foundation's own protocols as a driver calls them. Tests are named after what the specification says.
#include "foundation/protocols/foundation_protocols.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "abi/pi/mm_access.hpp"
#include "abi/pi/mm_memory_attribute.hpp"
#include "abi/pi/mm_protocols.hpp"
#include "foundation/testing/machine.hpp"

namespace redoubt::foundation {
namespace {

using abi::EfiStatus;
using abi::MmSystemTable;
using abi::UintN;
namespace attribute = abi::memory_attribute;
namespace status = abi::status;

class FoundationProtocolsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(machine_.launch(), status::success); }

  template <typename Protocol>
  static Protocol* locate(MmSystemTable& mmst, const abi::Guid& guid) {
    void* interface = nullptr;
    EXPECT_EQ(mmst.locate_protocol(&guid, nullptr, &interface), status::success);
    return static_cast<Protocol*>(interface);
  }
  abi::Rights rights(std::uint64_t address) const { return machine_.supervisor.driver_rights(address); }

  testing::Machine machine_;
};

// ---- EFI_MM_ACCESS (PI 1.9, volume 4, 5.3) ----

TEST_F(FoundationProtocolsTest, AccessToLockedMmramCannotBeOpenedAndStaysClosed) {
  machine_.as_driver([this](MmSystemTable& mmst) {
    auto* access = locate<abi::MmAccessProtocol>(mmst, abi::mm_access_protocol_guid);
    EXPECT_EQ(rights(address_of(access)), abi::read_only);
    EXPECT_EQ(access->lock_state, 1);
    EXPECT_EQ(access->open_state, 0);
    EXPECT_EQ(access->open(access), status::device_error);
    EXPECT_EQ(access->close(access), status::success);
    EXPECT_EQ(access->lock(access), status::success);
    EXPECT_EQ(access->open_state, 0);
  });
}

TEST_F(FoundationProtocolsTest, AccessCapabilitiesNameMmramOnce) {
  machine_.as_driver([this](MmSystemTable& mmst) {
    auto* access = locate<abi::MmAccessProtocol>(mmst, abi::mm_access_protocol_guid);
    abi::MmramDescriptor map[2] = {};
    UintN size = 0;
    EXPECT_EQ(access->get_capabilities(access, nullptr, map), status::invalid_parameter);
    EXPECT_EQ(access->get_capabilities(access, at_address<UintN>(8), map), status::invalid_parameter);
    EXPECT_EQ(access->get_capabilities(access, &size, nullptr), status::buffer_too_small);
    EXPECT_EQ(size, sizeof(abi::MmramDescriptor));
    EXPECT_EQ(access->get_capabilities(access, &size, nullptr), status::invalid_parameter);
    size = sizeof(abi::MmramDescriptor) - 1;
    EXPECT_EQ(access->get_capabilities(access, &size, map), status::buffer_too_small);
    EXPECT_EQ(map[0].physical_size, 0U);
    size = sizeof(map);
    EXPECT_EQ(access->get_capabilities(access, &size, map), status::success);
    EXPECT_EQ(size, sizeof(abi::MmramDescriptor));
    EXPECT_EQ(map[0].physical_start, machine_.supervisor.mmram_base());
    EXPECT_EQ(map[0].cpu_start, machine_.supervisor.mmram_base());
    EXPECT_EQ(map[0].physical_size, machine_.supervisor.mmram_bytes());
    using namespace abi::mmram_state;
    EXPECT_EQ(map[0].region_state & (open | closed | locked | allocated), closed | locked | allocated);
    EXPECT_EQ(map[1].physical_size, 0U);
    EXPECT_EQ(access->get_capabilities(access, &size, reinterpret_cast<abi::MmramDescriptor*>(access)),
              status::invalid_parameter);
  });
}

// ---- EFI_MM_CONFIGURATION (5.5) ----

TEST_F(FoundationProtocolsTest, ConfigurationReservesNothingAndKeepsTheEntryPoint) {
  machine_.as_driver([](MmSystemTable& mmst) {
    auto* configuration = locate<abi::MmConfigurationProtocol>(mmst, abi::mm_configuration_protocol_guid);
    ASSERT_NE(configuration->reserved_regions, nullptr);
    EXPECT_EQ(configuration->reserved_regions[0].size, 0U);
    EXPECT_EQ(configuration->register_mm_entry(configuration, nullptr), status::invalid_parameter);
    EXPECT_EQ(configuration->register_mm_entry(configuration, &mmst), status::access_denied);
  });
}

// ---- Memory attributes ----

class MemoryAttributesTest : public FoundationProtocolsTest {
 protected:
  template <typename Body>
  void with_pages(std::uint64_t count, Body body) {
    machine_.as_driver([&](MmSystemTable& mmst) {
      auto* protocol = locate<abi::MmMemoryAttributeProtocol>(mmst, abi::mm_memory_attribute_protocol_guid);
      abi::EfiPhysicalAddress base = 0;
      ASSERT_EQ(mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, count, &base),
                status::success);
      body(mmst, *protocol, base);
    });
  }
  static std::uint64_t get(abi::MmMemoryAttributeProtocol& protocol, std::uint64_t base, std::uint64_t length) {
    std::uint64_t attributes = ~std::uint64_t{0};
    EXPECT_EQ(protocol.get_memory_attributes(&protocol, base, length, &attributes), status::success);
    return attributes;
  }
};

TEST_F(MemoryAttributesTest, DataCanBeMadeReadOnlyAndHiddenAndBack) {
  with_pages(3, [&](MmSystemTable&, abi::MmMemoryAttributeProtocol& protocol, std::uint64_t base) {
    EXPECT_EQ(get(protocol, base, 3 * page_bytes), attribute::execute_protect);
    const std::uint64_t middle = base + page_bytes;
    EXPECT_EQ(protocol.set_memory_attributes(&protocol, middle, page_bytes, attribute::read_only), status::success);
    EXPECT_EQ(rights(middle), abi::read_only);
    EXPECT_EQ(rights(base), abi::read_write);
    EXPECT_EQ(rights(base + 2 * page_bytes), abi::read_write);
    EXPECT_EQ(get(protocol, middle + 5, 1), attribute::execute_protect | attribute::read_only);
    std::uint64_t attributes = 0;
    EXPECT_EQ(protocol.get_memory_attributes(&protocol, base, 2 * page_bytes, &attributes), status::no_mapping);
    EXPECT_EQ(protocol.set_memory_attributes(&protocol, middle, page_bytes, attribute::read_protect), status::success);
    EXPECT_EQ(rights(middle), abi::no_rights);
    EXPECT_EQ(get(protocol, middle, page_bytes), attribute::all);
    EXPECT_EQ(protocol.clear_memory_attributes(&protocol, middle, page_bytes, attribute::read_protect),
              status::success);
    EXPECT_EQ(rights(middle), abi::read_only);
    EXPECT_EQ(protocol.clear_memory_attributes(&protocol, middle, page_bytes, attribute::read_only), status::success);
    EXPECT_EQ(rights(middle), abi::read_write);
  });
}

TEST_F(MemoryAttributesTest, DataNeverBecomesCode) {
  with_pages(1, [&](MmSystemTable&, abi::MmMemoryAttributeProtocol& protocol, std::uint64_t base) {
    EXPECT_EQ(protocol.clear_memory_attributes(&protocol, base, page_bytes, attribute::execute_protect),
              status::unsupported);
    EXPECT_EQ(protocol.set_memory_attributes(&protocol, base, page_bytes, attribute::read_only), status::success);
    EXPECT_EQ(protocol.clear_memory_attributes(&protocol, base, page_bytes, attribute::execute_protect),
              status::unsupported);
    EXPECT_EQ(protocol.clear_memory_attributes(&protocol, base, page_bytes, attribute::all), status::unsupported);
    EXPECT_EQ(rights(base), abi::read_only);
  });
}

TEST_F(MemoryAttributesTest, WrongRangesAndAttributesAreRefusedWhole) {
  with_pages(2, [&](MmSystemTable& mmst, abi::MmMemoryAttributeProtocol& protocol, std::uint64_t base) {
    const auto set = [&](std::uint64_t address, std::uint64_t length, std::uint64_t attributes) {
      return protocol.set_memory_attributes(&protocol, address, length, attributes);
    };
    EXPECT_EQ(set(base, 0, attribute::read_only), status::invalid_parameter);
    EXPECT_EQ(set(base, page_bytes, 0), status::invalid_parameter);
    EXPECT_EQ(set(base, page_bytes, attribute::read_only | 1), status::unsupported);
    EXPECT_EQ(set(base + 1, page_bytes, attribute::read_only), status::unsupported);
    EXPECT_EQ(set(base, page_bytes + 1, attribute::read_only), status::unsupported);
    EXPECT_EQ(set(base, UINT64_MAX - page_bytes + 1, attribute::read_only), status::unsupported);
    EXPECT_EQ(set(UINT64_MAX - page_bytes + 1, 2 * page_bytes, attribute::read_only), status::unsupported);
    // Not drivers' pages: outside MMRAM, the foundation's tables, pages behind the allocation.
    EXPECT_EQ(set(0x100000, page_bytes, attribute::read_only), status::unsupported);
    EXPECT_EQ(set(address_of(&mmst) & ~(page_bytes - 1), page_bytes, attribute::read_protect), status::unsupported);
    const std::uint64_t mmram_end = machine_.supervisor.mmram_base() + machine_.supervisor.mmram_bytes();
    EXPECT_EQ(set(base, mmram_end - base + page_bytes, attribute::read_only), status::unsupported);
    // A small pool buffer's page belongs to others, too.
    void* buffer = nullptr;
    ASSERT_EQ(mmst.allocate_pool(abi::runtime_services_data, 64, &buffer), status::success);
    EXPECT_EQ(set(address_of(buffer) & ~(page_bytes - 1), page_bytes, attribute::read_only), status::unsupported);
    EXPECT_EQ(rights(base), abi::read_write);
    EXPECT_EQ(rights(base + page_bytes), abi::read_write);

    std::uint64_t attributes = 0;
    EXPECT_EQ(protocol.get_memory_attributes(&protocol, base, 0, &attributes), status::invalid_parameter);
    EXPECT_EQ(protocol.get_memory_attributes(&protocol, base, page_bytes, nullptr), status::invalid_parameter);
    EXPECT_EQ(protocol.get_memory_attributes(&protocol, 0x1000, page_bytes, &attributes), status::unsupported);
    EXPECT_EQ(protocol.get_memory_attributes(&protocol, base, UINT64_MAX, &attributes), status::unsupported);
    EXPECT_EQ(protocol.get_memory_attributes(&protocol, base, page_bytes, at_address<std::uint64_t>(8)),
              status::invalid_parameter);
  });
}

TEST_F(MemoryAttributesTest, FreedPagesLoseTheirLimits) {
  with_pages(1, [&](MmSystemTable& mmst, abi::MmMemoryAttributeProtocol& protocol, std::uint64_t base) {
    ASSERT_EQ(protocol.set_memory_attributes(&protocol, base, page_bytes, attribute::read_protect), status::success);
    ASSERT_EQ(mmst.free_pages(base, 1), status::success);
    ASSERT_EQ(mmst.allocate_pages(abi::allocate_address, abi::runtime_services_data, 1, &base), status::success);
    EXPECT_EQ(rights(base), abi::read_write);
    EXPECT_EQ(get(protocol, base, page_bytes), attribute::execute_protect);
  });
}

// Two drivers that try to change each other's image, and their own.
TEST(MemoryAttributesOfImages, CodeStaysReadOnlyAndForeignImagesStayAsTheyAre) {
  testing::Machine machine;
  struct Image {
    std::uint64_t base = 0;
    std::uint64_t bytes = 0;
  };
  Image images[2];
  bool tried = false;
  for (std::uint32_t i = 0; i < 2; ++i) {
    machine.add(
        {.file = testing::test_guid(i + 1), .entry = [&, i](abi::Handle handle, MmSystemTable* mmst) {
           void* interface = nullptr;
           EXPECT_EQ(mmst->handle_protocol(handle, &abi::loaded_image_protocol_guid, &interface), status::success);
           const auto& loaded = *static_cast<abi::LoadedImageProtocol*>(interface);
           images[i] = {address_of(loaded.image_base), loaded.image_size};
           if (i == 0) return status::success;
           EXPECT_EQ(mmst->locate_protocol(&abi::mm_memory_attribute_protocol_guid, nullptr, &interface),
                     status::success);
           auto* protocol = static_cast<abi::MmMemoryAttributeProtocol*>(interface);
           std::size_t code_pages = 0;
           for (std::uint64_t page = images[1].base; page < images[1].base + images[1].bytes; page += page_bytes) {
             std::uint64_t attributes = 0;
             EXPECT_EQ(protocol->get_memory_attributes(protocol, page, page_bytes, &attributes), status::success);
             if ((attributes & attribute::execute_protect) != 0) continue;
             ++code_pages;
             EXPECT_EQ(attributes, attribute::read_only);
             EXPECT_EQ(protocol->clear_memory_attributes(protocol, page, page_bytes, attribute::read_only),
                       status::unsupported);
             EXPECT_EQ(protocol->set_memory_attributes(protocol, page, page_bytes, attribute::execute_protect),
                       status::success);
             EXPECT_EQ(machine.supervisor.driver_rights(page), abi::read_only);
             EXPECT_EQ(protocol->clear_memory_attributes(protocol, page, page_bytes, attribute::read_only),
                       status::unsupported);
             EXPECT_EQ(protocol->clear_memory_attributes(protocol, page, page_bytes, attribute::execute_protect),
                       status::success);
             EXPECT_EQ(machine.supervisor.driver_rights(page), abi::read_execute);
           }
           EXPECT_NE(code_pages, 0U);
           for (std::uint64_t page = images[0].base; page < images[0].base + images[0].bytes; page += page_bytes) {
             EXPECT_EQ(protocol->set_memory_attributes(protocol, page, page_bytes, attribute::read_protect),
                       status::unsupported);
           }
           tried = true;
           return status::success;
         }});
  }
  ASSERT_EQ(machine.launch(), status::success);
  EXPECT_TRUE(tried);
}

}  // namespace
}  // namespace redoubt::foundation
