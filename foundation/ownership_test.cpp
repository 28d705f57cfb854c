// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who may change and free what, and how much of it: a hostile driver tries each service on each object of another, and
// takes all that it can get. Nothing changes for the victim, and the log names who tried.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "abi/pi/mm_memory_attribute.hpp"
#include "abi/pi/mm_mp.hpp"
#include "abi/pi/mm_protocols.hpp"
#include "abi/redoubt/driver_images.hpp"
#include "foundation/testing/machine.hpp"
#include "foundation/testing/test_handlers.hpp"

namespace redoubt::foundation {
namespace {

using abi::EfiPhysicalAddress;
using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::MmSystemTable;
using abi::UintN;
using testing::handler_bodies;
using testing::HandlerCall;
using testing::handlers;
using testing::notifies;
using testing::notify_bodies;
using testing::test_guid;
namespace status = abi::status;

const Guid victim_file = test_guid(1);
const Guid hostile_file = test_guid(2);
const Guid victim_message = test_guid(0x101);
const Guid hostile_message = test_guid(0x102);
const Guid victim_protocol = test_guid(0x201);
const Guid watched_protocol = test_guid(0x202);
const Guid victim_table = test_guid(0x301);

// The victim (driver 1) has one object of each kind. The hostile driver (2) does what a test says.
class OwnershipTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::clear_functions();
    machine_.add(
        {.file = victim_file, .name = "victim", .entry = [this](Handle image, MmSystemTable* mmst) {
           victim_base_ = base_of(image, *mmst);
           EXPECT_EQ(mmst->mmi_handler_register(handlers[0], &victim_message, &handler_), status::success);
           EXPECT_EQ(mmst->register_protocol_notify(&watched_protocol, notifies[0], &registration_), status::success);
           EXPECT_EQ(mmst->install_protocol_interface(&handle_, &victim_protocol, abi::native_interface, &interface_),
                     status::success);
           EXPECT_EQ(mmst->install_configuration_table(mmst, &victim_table, &interface_, 8), status::success);
           EXPECT_EQ(mmst->allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 2, &pages_),
                     status::success);
           EXPECT_EQ(mmst->allocate_pool(abi::runtime_services_data, 40, &small_), status::success);
           EXPECT_EQ(mmst->allocate_pool(abi::runtime_services_data, 5000, &large_), status::success);
           return status::success;
         }});
    machine_.add({.file = hostile_file, .name = "hostile", .entry = [this](Handle image, MmSystemTable* mmst) {
                    hostile_base_ = base_of(image, *mmst);
                    Handle handle = nullptr;
                    return mmst->mmi_handler_register(handlers[1], &hostile_message, &handle);
                  }});
  }

  static std::uint64_t base_of(Handle image, MmSystemTable& mmst) {
    void* interface = nullptr;
    EXPECT_EQ(mmst.handle_protocol(image, &abi::loaded_image_protocol_guid, &interface), status::success);
    return address_of(static_cast<abi::LoadedImageProtocol*>(interface)->image_base);
  }

  void launch() { ASSERT_EQ(machine_.launch(), status::success); }

  // In a handler of the driver.
  void as(std::size_t handler, const std::function<void(MmSystemTable&)>& body) {
    bool ran = false;
    handler_bodies[handler] = [&](const HandlerCall&) {
      ran = true;
      body(machine_.mmst());
      return status::success;
    };
    machine_.send(handler == 0 ? victim_message : hostile_message);
    EXPECT_TRUE(ran);
    handler_bodies[handler] = {};
  }
  void as_victim(const std::function<void(MmSystemTable&)>& body) { as(0, body); }
  void as_hostile(const std::function<void(MmSystemTable&)>& body) { as(1, body); }

  // The victim's code is called by another driver, without the foundation's knowledge.
  template <typename Body>
  void in_code_of(std::uint64_t image_base, Body body) {
    machine_.supervisor.return_address = image_base + code_offset;
    body();
    machine_.supervisor.return_address.reset();
  }

  // Refused once as the log has it, however often it is tried.
  void expect_refused(const std::string& what) {
    const std::string line =
        "driver.refused driver=2 guid=00000002-7e57-4001-8000-000000000001 name=\"hostile\" what=" + what + " owner=1";
    EXPECT_EQ(std::ranges::count(machine_.supervisor.lines, line), 1) << line;
  }

  static constexpr std::uint64_t code_offset = 0x1000;

  testing::Machine machine_;
  std::uint64_t victim_base_ = 0;
  std::uint64_t hostile_base_ = 0;
  Handle handler_ = nullptr;
  Handle handle_ = nullptr;
  void* registration_ = nullptr;
  std::uint64_t interface_ = 0;
  EfiPhysicalAddress pages_ = 0;
  void* small_ = nullptr;
  void* large_ = nullptr;
};

// ---- Objects ----

// Who keeps things for others learns that way that a driver is gone.
TEST_F(OwnershipTest, AStoppedDriversCodeIsNobodys) {
  launch();
  void* interface = nullptr;
  const auto owner = [&](MmSystemTable& mmst, UintN& driver) {
    EXPECT_EQ(mmst.locate_protocol(&abi::driver_images_protocol_guid, nullptr, &interface), status::success);
    const auto* images = static_cast<const abi::DriverImagesProtocol*>(interface);
    return images->find(images, at_address<void>(victim_base_ + code_offset), &driver);
  };
  UintN driver = 0;
  as_hostile([&](MmSystemTable& mmst) {
    EXPECT_EQ(owner(mmst, driver), status::success);
    EXPECT_EQ(driver, 1U);
  });
  handler_bodies[0] = [](const HandlerCall&) -> EfiStatus { testing::FakeSupervisor::fault(13); };
  machine_.send(victim_message);
  as_hostile([&](MmSystemTable& mmst) { EXPECT_EQ(owner(mmst, driver), status::not_found); });
}

// Drivers lock what they have when a phase's protocol appears, and some take it for safe from then on.
TEST_F(OwnershipTest, NoDriverSaysWhatPhaseItIs) {
  launch();
  as_hostile([](MmSystemTable& mmst) {
    for (const Guid* phase :
         {&abi::mm_end_of_pei_protocol_guid, &abi::mm_end_of_dxe_protocol_guid, &abi::mm_ready_to_lock_protocol_guid,
          &abi::ready_to_boot_event_group_guid, &abi::exit_boot_services_event_group_guid}) {
      Handle handle = nullptr;
      EXPECT_EQ(mmst.install_protocol_interface(&handle, phase, abi::native_interface, nullptr), status::access_denied);
      void* found = nullptr;
      EXPECT_EQ(mmst.locate_protocol(phase, nullptr, &found), status::not_found);
    }
  });
  EXPECT_TRUE(machine_.supervisor.logged("name=\"hostile\" what=protocol owner=0"));
}

TEST_F(OwnershipTest, AnothersProtocolStaysInstalled) {
  launch();
  as_hostile([this](MmSystemTable& mmst) {
    for (int i = 0; i != 3; ++i) {
      EXPECT_EQ(mmst.uninstall_protocol_interface(handle_, &victim_protocol, &interface_), status::access_denied);
    }
    // A further protocol on another driver's handle is what handles are for.
    int own = 0;
    const Guid further = test_guid(0x203);
    EXPECT_EQ(mmst.install_protocol_interface(&handle_, &further, abi::native_interface, &own), status::success);
    EXPECT_EQ(mmst.uninstall_protocol_interface(handle_, &further, &own), status::success);
    void* found = nullptr;
    EXPECT_EQ(mmst.locate_protocol(&victim_protocol, nullptr, &found), status::success);
    EXPECT_EQ(found, &interface_);
  });
  expect_refused("protocol");
  as_victim([this](MmSystemTable& mmst) {
    EXPECT_EQ(mmst.uninstall_protocol_interface(handle_, &victim_protocol, &interface_), status::success);
  });
}

TEST_F(OwnershipTest, AnothersHandlerStaysRegistered) {
  launch();
  as_hostile([this](MmSystemTable& mmst) {
    for (int i = 0; i != 3; ++i) EXPECT_EQ(mmst.mmi_handler_unregister(handler_), status::invalid_parameter);
  });
  expect_refused("handler");
  as_victim([this](MmSystemTable& mmst) { EXPECT_EQ(mmst.mmi_handler_unregister(handler_), status::success); });
  EXPECT_EQ(machine_.send(victim_message).status, status::not_found);
}

TEST_F(OwnershipTest, HandlesThatWereGuessedLeadToNothing) {
  launch();
  as_hostile([this](MmSystemTable& mmst) {
    // Every handle of this kind that there could be.
    const std::uint64_t kind = address_of(handler_) & ~std::uint64_t{0xFFF};
    std::uint64_t own = 0;
    for (std::uint64_t index = 0; index != 0x1000; ++index) {
      own += mmst.mmi_handler_unregister(at_address<void>(kind | index)) == status::success ? 1 : 0;
    }
    EXPECT_EQ(own, 1U);
  });
  bool called = false;
  handler_bodies[0] = [&](const HandlerCall&) {
    called = true;
    return status::success;
  };
  EXPECT_EQ(machine_.send(victim_message).status, status::success);
  EXPECT_TRUE(called);
}

TEST_F(OwnershipTest, AnothersRegistrationNeitherMovesNorGoes) {
  launch();
  int interface = 0;
  as_hostile([&](MmSystemTable& mmst) {
    Handle handle = nullptr;
    EXPECT_EQ(mmst.install_protocol_interface(&handle, &watched_protocol, abi::native_interface, &interface),
              status::success);
    void* found = nullptr;
    EXPECT_EQ(mmst.locate_protocol(&watched_protocol, registration_, &found), status::invalid_parameter);
    Handle located[4] = {};
    UintN size = sizeof(located);
    EXPECT_EQ(mmst.locate_handle(abi::by_register_notify, nullptr, registration_, &size, located),
              status::invalid_parameter);
    void* registration = registration_;
    EXPECT_EQ(mmst.register_protocol_notify(&watched_protocol, nullptr, &registration), status::not_found);
  });
  expect_refused("notification");
  as_victim([&](MmSystemTable& mmst) {
    void* found = nullptr;
    EXPECT_EQ(mmst.locate_protocol(&watched_protocol, registration_, &found), status::success) << "still new to it";
    EXPECT_EQ(found, &interface);
    EXPECT_EQ(mmst.register_protocol_notify(&watched_protocol, nullptr, &registration_), status::success);
  });
}

TEST_F(OwnershipTest, AnothersTableStays) {
  launch();
  as_hostile([](MmSystemTable& mmst) {
    int own = 0;
    const UintN count = mmst.number_of_table_entries;
    EXPECT_EQ(mmst.install_configuration_table(&mmst, &victim_table, &own, 4), status::invalid_parameter);
    EXPECT_EQ(mmst.install_configuration_table(&mmst, &victim_table, nullptr, 0), status::invalid_parameter);
    EXPECT_EQ(mmst.install_configuration_table(&mmst, &abi::hob_list_table_guid, &own, 4), status::invalid_parameter);
    EXPECT_EQ(mmst.number_of_table_entries, count);
  });
  expect_refused("table");
  const MmSystemTable& table = machine_.mmst();
  const auto* entries = table.configuration_table;
  const auto* found = std::find_if(entries, entries + table.number_of_table_entries,
                                   [](const auto& entry) { return entry.vendor_guid == victim_table; });
  ASSERT_NE(found, entries + table.number_of_table_entries);
  EXPECT_EQ(found->vendor_table, &interface_);
  as_victim([](MmSystemTable& mmst) {
    EXPECT_EQ(mmst.install_configuration_table(&mmst, &victim_table, nullptr, 0), status::success);
  });
}

TEST_F(OwnershipTest, OwnersOfTablesMoveWithThem) {
  launch();
  const auto all = [](MmSystemTable& mmst, std::uint32_t first, void* table, EfiStatus expected) {
    for (std::uint32_t i = 0; i != 300; ++i) {
      const Guid guid = test_guid(first + 2 * i);
      EXPECT_EQ(mmst.install_configuration_table(&mmst, &guid, table, 0), expected);
    }
  };
  // Beyond the first array and the first page, in turns.
  for (std::uint32_t i = 0; i != 300; ++i) {
    const auto install = [&](std::uint32_t number) {
      return [this, number](MmSystemTable& mmst) {
        const Guid guid = test_guid(number);
        EXPECT_EQ(mmst.install_configuration_table(&mmst, &guid, &interface_, 0), status::success);
      };
    };
    as_victim(install(0x1000 + 2 * i));
    as_hostile(install(0x1001 + 2 * i));
  }
  as_hostile([&](MmSystemTable& mmst) { all(mmst, 0x1000, nullptr, status::invalid_parameter); });
  as_hostile([&](MmSystemTable& mmst) { all(mmst, 0x1001, nullptr, status::success); });
  as_victim([&](MmSystemTable& mmst) { all(mmst, 0x1000, nullptr, status::success); });
}

TEST_F(OwnershipTest, AnothersMemoryIsNeitherFreedNorChanged) {
  launch();
  as_victim([this](MmSystemTable&) { std::memset(small_, 0x5A, 40); });
  as_hostile([this](MmSystemTable& mmst) {
    EXPECT_EQ(mmst.free_pool(small_), status::invalid_parameter);
    EXPECT_EQ(mmst.free_pool(large_), status::invalid_parameter);
    EXPECT_EQ(mmst.free_pages(pages_, 2), status::not_found);
    EXPECT_EQ(mmst.free_pages(pages_ + page_bytes, 1), status::not_found);
    // Nor with pages of one's own around them.
    EfiPhysicalAddress own = 0;
    EXPECT_EQ(mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 1, &own), status::success);
    const std::uint64_t first = own < pages_ ? own : pages_;
    const std::uint64_t last = own < pages_ ? pages_ + page_bytes : own;
    EXPECT_EQ(mmst.free_pages(first, (last - first) / page_bytes + 1), status::not_found);
    EXPECT_EQ(mmst.free_pages(own, 1), status::success);

    const std::uint64_t value = 0x6666'6666'6666'6666;
    for (const std::uint64_t address : {address_of(small_), address_of(large_), pages_, pages_ + page_bytes}) {
      EXPECT_EQ(mmst.mm_io.memory.write(&mmst.mm_io, abi::mm_io_uint64, address, 1, const_cast<std::uint64_t*>(&value)),
                status::unsupported);
    }
    void* interface = nullptr;
    ASSERT_EQ(mmst.locate_protocol(&abi::mm_memory_attribute_protocol_guid, nullptr, &interface), status::success);
    auto* attributes = static_cast<abi::MmMemoryAttributeProtocol*>(interface);
    for (const std::uint64_t address : {pages_, address_of(large_), victim_base_ + code_offset}) {
      EXPECT_EQ(attributes->set_memory_attributes(attributes, address, page_bytes, abi::memory_attribute::read_only),
                status::unsupported);
      EXPECT_EQ(attributes->set_memory_attributes(attributes, address, page_bytes, abi::memory_attribute::read_protect),
                status::unsupported);
    }
  });
  expect_refused("pool");
  expect_refused("pages");
  expect_refused("memory");
  EXPECT_EQ(machine_.supervisor.driver_rights(pages_), abi::read_write);
  as_victim([this](MmSystemTable& mmst) {
    EXPECT_EQ(static_cast<const std::uint8_t*>(small_)[0], 0x5A);
    EXPECT_EQ(*static_cast<const std::uint64_t*>(large_), 0U);
    EXPECT_EQ(mmst.free_pool(small_), status::success);
    EXPECT_EQ(mmst.free_pool(large_), status::success);
    EXPECT_EQ(mmst.free_pages(pages_, 2), status::success);
  });
}

TEST_F(OwnershipTest, BuffersOfTwoDriversNeverShareAPage) {
  launch();
  std::vector<void*> buffers[2];
  for (int round = 0; round != 20; ++round) {
    for (const std::size_t driver : {std::size_t{0}, std::size_t{1}}) {
      as(driver, [&](MmSystemTable& mmst) {
        void* buffer = nullptr;
        EXPECT_EQ(mmst.allocate_pool(abi::runtime_services_data, 32, &buffer), status::success);
        buffers[driver].push_back(buffer);
      });
    }
  }
  for (const void* one : buffers[0]) {
    for (const void* other : buffers[1]) EXPECT_NE(address_of(one) / page_bytes, address_of(other) / page_bytes);
  }
}

// ---- Functions ----

TEST_F(OwnershipTest, FunctionsAreCodeOfWhoRegistersThem) {
  launch();
  std::uint64_t calls = 0;
  handler_bodies[0] = [&](const HandlerCall&) {
    ++calls;
    return status::success;
  };
  as_hostile([&](MmSystemTable& mmst) {
    void* interface = nullptr;
    ASSERT_EQ(mmst.locate_protocol(&abi::mm_mp_protocol_guid, nullptr, &interface), status::success);
    auto* mp = static_cast<abi::MmMpProtocol*>(interface);
    const Guid guid = test_guid(0x105);
    // The victim's code, at its start and in the middle of an instruction; its data; data of one's own; the gates;
    // nothing.
    void* own = nullptr;
    EXPECT_EQ(mmst.allocate_pool(abi::runtime_services_data, 64, &own), status::success);
    for (const std::uint64_t address :
         {victim_base_ + code_offset, victim_base_ + code_offset + 1, victim_base_, address_of(small_), address_of(own),
          hostile_base_, reinterpret_cast<std::uint64_t>(mmst.free_pool), std::uint64_t{8}, std::uint64_t{1} << 47,
          UINT64_MAX}) {
      Handle handle = nullptr;
      void* registration = nullptr;
      EXPECT_EQ(mmst.mmi_handler_register(at_address<std::remove_pointer_t<abi::MmiHandler>>(address), &guid, &handle),
                status::invalid_parameter);
      EXPECT_EQ(
          mmst.mmi_handler_register(at_address<std::remove_pointer_t<abi::MmiHandler>>(address), nullptr, &handle),
          status::invalid_parameter);
      EXPECT_EQ(mmst.register_protocol_notify(&guid, at_address<std::remove_pointer_t<abi::MmNotifyFunction>>(address),
                                              &registration),
                status::invalid_parameter);
      const auto procedure = at_address<std::remove_pointer_t<abi::MmProcedure>>(address);
      EXPECT_EQ(mp->dispatch_procedure(mp, procedure, 1, 0, nullptr, nullptr, nullptr), status::invalid_parameter);
      EXPECT_EQ(mp->broadcast_procedure(mp, procedure, 0, nullptr, nullptr, nullptr), status::invalid_parameter);
      EXPECT_EQ(
          mp->set_startup_procedure(mp, at_address<std::remove_pointer_t<abi::MmStartupProcedure>>(address), nullptr),
          status::invalid_parameter);
      EXPECT_EQ(mmst.startup_this_ap(at_address<std::remove_pointer_t<abi::ApProcedure>>(address), 1, nullptr),
                status::invalid_parameter);
    }
    EXPECT_EQ(mmst.mmi_manage(&guid, nullptr, nullptr, nullptr), status::not_found);
  });
  expect_refused("function");
  EXPECT_EQ(calls, 0U);
  EXPECT_FALSE(machine_.supervisor.logged("driver.disabled"));
}

TEST_F(OwnershipTest, AnImageWhoseEntryPointIsNoCodeIsRefused) {
  testing::ByteVector image = testing::image_calling([](Handle, MmSystemTable*) { return status::success; });
  std::uint32_t header = 0;
  std::memcpy(&header, &image[0x3C], sizeof(header));
  constexpr std::uint32_t address_of_entry_point = 4 + 20 + 16;
  constexpr std::uint32_t data = 0x2000;
  std::memcpy(&image[header + address_of_entry_point], &data, sizeof(data));
  machine_.add({.file = test_guid(0x900), .name = "elsewhere", .image = image});
  launch();
  const auto said = std::ranges::find_if(machine_.supervisor.lines, [](const std::string& line) {
    return line.find("name=\"elsewhere\"") != std::string::npos;
  });
  ASSERT_NE(said, machine_.supervisor.lines.end());
  EXPECT_NE(said->find("reason=\"entry point isn't code\""), std::string::npos) << *said;
}

TEST_F(OwnershipTest, AnothersStartupProcedureStays) {
  launch();
  const auto set = [](MmSystemTable& mmst, std::uint64_t procedure) {
    void* interface = nullptr;
    EXPECT_EQ(mmst.locate_protocol(&abi::mm_mp_protocol_guid, nullptr, &interface), status::success);
    auto* mp = static_cast<abi::MmMpProtocol*>(interface);
    return mp->set_startup_procedure(mp, at_address<std::remove_pointer_t<abi::MmStartupProcedure>>(procedure),
                                     nullptr);
  };
  as_victim([&](MmSystemTable& mmst) { EXPECT_EQ(set(mmst, victim_base_ + code_offset), status::success); });
  as_hostile([&](MmSystemTable& mmst) {
    EXPECT_EQ(set(mmst, hostile_base_ + code_offset), status::invalid_parameter);
    EXPECT_EQ(set(mmst, 0), status::invalid_parameter);
  });
  expect_refused("procedure");
  as_victim([&](MmSystemTable& mmst) { EXPECT_EQ(set(mmst, 0), status::success); });
  as_hostile([&](MmSystemTable& mmst) { EXPECT_EQ(set(mmst, hostile_base_ + code_offset), status::success); });
}

// ---- Callers ----

TEST_F(OwnershipTest, TheCallerIsWhoseCodeGoesOnAfterwards) {
  launch();
  // The victim's protocol is called by the hostile driver, and takes memory for itself.
  void* buffer = nullptr;
  as_hostile([&](MmSystemTable& mmst) {
    in_code_of(victim_base_,
               [&] { EXPECT_EQ(mmst.allocate_pool(abi::runtime_services_data, 5000, &buffer), status::success); });
    EXPECT_EQ(mmst.free_pool(buffer), status::invalid_parameter);
    in_code_of(victim_base_, [&] { EXPECT_EQ(mmst.free_pool(small_), status::success); });
  });
  as_victim([&](MmSystemTable& mmst) { EXPECT_EQ(mmst.free_pool(buffer), status::success); });
}

TEST_F(OwnershipTest, ACallFromWhereNoCodeIsGetsNothing) {
  launch();
  as_hostile([&](MmSystemTable& mmst) {
    // Its data, the victim's data, the gates' own page but for the return gate, the foundation, nothing.
    void* own = nullptr;
    EXPECT_EQ(mmst.allocate_pool(abi::runtime_services_data, 64, &own), status::success);
    for (const std::uint64_t address :
         {address_of(own), pages_, hostile_base_, reinterpret_cast<std::uint64_t>(mmst.free_pool),
          machine_.foundation.system_table_address(), std::uint64_t{0}, UINT64_MAX}) {
      machine_.supervisor.return_address = address;
      EXPECT_EQ(mmst.free_pool(own), status::access_denied);
      machine_.supervisor.return_address.reset();
    }
    EXPECT_EQ(mmst.free_pool(own), status::success);
  });
  EXPECT_TRUE(machine_.supervisor.logged(
      "driver.refused driver=2 guid=00000002-7e57-4001-8000-000000000001 name=\"hostile\" what=caller owner=0"));
}

TEST_F(OwnershipTest, AStoppedDriverGetsNothingWhoeverCallsIt) {
  launch();
  handler_bodies[0] = [](const HandlerCall&) -> EfiStatus { testing::FakeSupervisor::fault(6); };
  machine_.send(victim_message);
  as_hostile([&](MmSystemTable& mmst) {
    in_code_of(victim_base_, [&] { EXPECT_EQ(mmst.free_pool(small_), status::access_denied); });
  });
}

TEST_F(OwnershipTest, DriversCanAskWhoseCodeAnAddressIs) {
  launch();
  as_hostile([&](MmSystemTable& mmst) {
    void* interface = nullptr;
    ASSERT_EQ(mmst.locate_protocol(&abi::driver_images_protocol_guid, nullptr, &interface), status::success);
    const auto* images = static_cast<const abi::DriverImagesProtocol*>(interface);
    UintN driver = 77;
    EXPECT_EQ(images->find(images, at_address<void>(victim_base_ + code_offset), &driver), status::success);
    EXPECT_EQ(driver, 1U);
    EXPECT_EQ(images->find(images, at_address<void>(hostile_base_ + code_offset), &driver), status::success);
    EXPECT_EQ(driver, 2U);
    EXPECT_EQ(images->find(images, small_, &driver), status::not_found);
    EXPECT_EQ(images->find(images, at_address<void>(victim_base_), &driver), status::not_found);
    EXPECT_EQ(images->find(images, at_address<void>(victim_base_ + code_offset), nullptr), status::invalid_parameter);
    EXPECT_EQ(driver, 2U);
  });
}

// ---- How much ----

TEST_F(OwnershipTest, EachKindEndsAtTheDriversLimit) {
  machine_.supervisor.limits = {
      .pages = 100, .handles = 7, .protocols = 9, .handlers = 5, .notifications = 6, .tables = 4};
  launch();
  const auto until_refused = [](const std::function<EfiStatus(std::uint32_t)>& take) {
    for (std::uint32_t i = 0; i != 1000; ++i) {
      const EfiStatus result = take(i);
      if (result == status::success) continue;
      EXPECT_EQ(result, status::out_of_resources);
      return i;
    }
    return std::uint32_t{1000};
  };
  // Each twice: what is given back can be had again.
  for (int round = 0; round != 2; ++round) {
    as_hostile([&](MmSystemTable& mmst) {
      std::vector<Handle> taken(1000);
      std::vector<std::uint64_t> on_one(100);
      int interface = 0;
      // A new handle each time; its loaded image is the first.
      const Guid own = test_guid(0x501);
      EXPECT_EQ(until_refused([&](std::uint32_t i) {
                  return mmst.install_protocol_interface(&taken[i], &own, abi::native_interface, &interface);
                }),
                6U);
      // On a handle of another's: two more protocols, no handle.
      const auto further = [](std::uint32_t i) { return test_guid(0x510 + i); };
      EXPECT_EQ(until_refused([&](std::uint32_t i) {
                  const Guid guid = further(i);
                  return mmst.install_protocol_interface(&handle_, &guid, abi::native_interface, &interface);
                }),
                2U);
      for (std::uint32_t i = 0; i != 2; ++i) {
        const Guid guid = further(i);
        EXPECT_EQ(mmst.uninstall_protocol_interface(handle_, &guid, &interface), status::success);
      }
      for (std::uint32_t i = 0; i != 6; ++i) {
        EXPECT_EQ(mmst.uninstall_protocol_interface(taken[i], &own, &interface), status::success);
      }
      EXPECT_EQ(until_refused([&](std::uint32_t i) {
                  const Guid guid = test_guid(0x600 + i);
                  return mmst.mmi_handler_register(handlers[2], &guid, &taken[i]);
                }),
                4U);
      for (std::uint32_t i = 0; i != 4; ++i) EXPECT_EQ(mmst.mmi_handler_unregister(taken[i]), status::success);
      EXPECT_EQ(until_refused([&](std::uint32_t i) {
                  const Guid guid = test_guid(0x700 + i);
                  return mmst.register_protocol_notify(&guid, notifies[2], &taken[i]);
                }),
                6U);
      for (std::uint32_t i = 0; i != 6; ++i) {
        const Guid guid = test_guid(0x700 + i);
        EXPECT_EQ(mmst.register_protocol_notify(&guid, nullptr, &taken[i]), status::success);
      }
      EXPECT_EQ(until_refused([&](std::uint32_t i) {
                  const Guid guid = test_guid(0x800 + i);
                  return mmst.install_configuration_table(&mmst, &guid, &interface, 4);
                }),
                4U);
      for (std::uint32_t i = 0; i != 4; ++i) {
        const Guid guid = test_guid(0x800 + i);
        EXPECT_EQ(mmst.install_configuration_table(&mmst, &guid, nullptr, 0), status::success);
      }
      std::vector<EfiPhysicalAddress> pages(1000);
      const std::uint32_t count = until_refused([&](std::uint32_t i) {
        return mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 1, &pages[i]);
      });
      EXPECT_GT(count, 90U);
      EXPECT_LT(count, 100U) << "the image counts";
      EfiPhysicalAddress at = pages[0] + 2000 * page_bytes;
      EXPECT_EQ(mmst.allocate_pages(abi::allocate_address, abi::runtime_services_data, 1, &at),
                status::out_of_resources);
      void* pool = nullptr;
      EXPECT_EQ(mmst.allocate_pool(abi::runtime_services_data, 3000, &pool), status::out_of_resources);
      for (std::uint32_t i = 0; i != count; ++i) EXPECT_EQ(mmst.free_pages(pages[i], 1), status::success);
    });
  }
  for (const char* what : {"pages limit=100", "handles limit=7", "protocols limit=9", "handlers limit=5",
                           "notifications limit=6", "tables limit=4"}) {
    EXPECT_EQ(std::ranges::count_if(machine_.supervisor.lines,
                                    [&](const std::string& line) {
                                      return line.starts_with("driver.limit driver=2 ") &&
                                             line.ends_with(std::string("what=") + what);
                                    }),
              1)
        << what;
  }
  // Others aren't at their limits for it.
  as_victim([](MmSystemTable& mmst) {
    void* pool = nullptr;
    EXPECT_EQ(mmst.allocate_pool(abi::runtime_services_data, 3000, &pool), status::success);
  });
}

TEST_F(OwnershipTest, AHandleIsOnTheAccountOfWhoIsLeftOnIt) {
  machine_.supervisor.limits = {
      .pages = 100, .handles = 2, .protocols = 90, .handlers = 5, .notifications = 6, .tables = 4};
  launch();
  int further = 0;
  const Guid guid = test_guid(0x501);
  as_hostile([&](MmSystemTable& mmst) {
    EXPECT_EQ(mmst.install_protocol_interface(&handle_, &guid, abi::native_interface, &further), status::success);
  });
  as_victim([&](MmSystemTable& mmst) {
    // A driver that stays on its handle can't keep it from having another.
    EXPECT_EQ(mmst.uninstall_protocol_interface(handle_, &victim_protocol, &interface_), status::success);
    Handle fresh = nullptr;
    EXPECT_EQ(mmst.install_protocol_interface(&fresh, &victim_protocol, abi::native_interface, &interface_),
              status::success);
  });
  as_hostile([&](MmSystemTable& mmst) {
    Handle fresh = nullptr;
    EXPECT_EQ(mmst.install_protocol_interface(&fresh, &guid, abi::native_interface, &further),
              status::out_of_resources);
    EXPECT_EQ(mmst.uninstall_protocol_interface(handle_, &guid, &further), status::success);
    EXPECT_EQ(mmst.install_protocol_interface(&fresh, &guid, abi::native_interface, &further), status::success);
  });
}

TEST_F(OwnershipTest, TheReportSaysHowMuchEachDriverHas) {
  machine_.supervisor.limits = {
      .pages = 100, .handles = 7, .protocols = 9, .handlers = 5, .notifications = 6, .tables = 4};
  launch();
  EXPECT_TRUE(
      machine_.supervisor.logged("/100 handles=2/7 protocols=2/9 handlers=1/5 notifications=1/6 tables=1/4 refused=0"));
  as_hostile([this](MmSystemTable& mmst) {
    for (int i = 0; i != 5; ++i) mmst.free_pool(small_);
  });
  machine_.supervisor.lines.clear();
  machine_.send(abi::ready_to_boot_event_group_guid);
  EXPECT_TRUE(machine_.supervisor.logged("driver.usage driver=2 pages="));
  EXPECT_TRUE(machine_.supervisor.logged("handlers=1/5 notifications=0/6 tables=0/4 refused=5"));
}

// Everything that is there is taken by drivers that come first; what is kept back for the victim is enough for it.
TEST_F(OwnershipTest, TheReserveIsForItsDriverAlone) {
  machine_.supervisor.reserve_file = victim_file;
  machine_.supervisor.reserve_pages = 200;
  launch();
  EXPECT_TRUE(machine_.supervisor.logged("driver.usage driver=1 pages="));
  EXPECT_TRUE(machine_.supervisor.logged(" kept_back="));
  const auto take = [](MmSystemTable& mmst, UintN pages) {
    EfiPhysicalAddress address = 0;
    return mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, pages, &address);
  };
  as_hostile([&](MmSystemTable& mmst) {
    while (take(mmst, 1) == status::success) {
    }
  });
  EfiPhysicalAddress block = 0;
  as_victim([&](MmSystemTable& mmst) {
    for (int i = 0; i != 10; ++i) {
      // In one piece, again and again.
      EXPECT_EQ(mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 150, &block), status::success);
      if (i != 9) {
        EXPECT_EQ(mmst.free_pages(block, 150), status::success);
      }
    }
  });
  as_hostile([&](MmSystemTable& mmst) { EXPECT_EQ(take(mmst, 1), status::out_of_resources); });
  as_victim([&](MmSystemTable& mmst) { EXPECT_EQ(mmst.free_pages(block, 150), status::success); });
  as_hostile([&](MmSystemTable& mmst) {
    EXPECT_EQ(take(mmst, 1), status::out_of_resources) << "what the victim gives back is its reserve again";
  });
  handler_bodies[0] = [](const HandlerCall&) -> EfiStatus { testing::FakeSupervisor::fault(6); };
  machine_.send(victim_message);
  as_hostile([&](MmSystemTable& mmst) { EXPECT_EQ(take(mmst, 150), status::success) << "nobody needs it any more"; });
}

TEST_F(OwnershipTest, RecordsForTheReservesDriverComeOutOfItToo) {
  machine_.supervisor.reserve_file = victim_file;
  machine_.supervisor.reserve_pages = 200;
  machine_.supervisor.limits = {
      .pages = 4096, .handles = 200, .protocols = 200, .handlers = 200, .notifications = 200, .tables = 4};
  launch();
  as_hostile([&](MmSystemTable& mmst) {
    EfiPhysicalAddress address = 0;
    while (mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 1, &address) == status::success) {
    }
    // What the foundation has room for without more memory, as far as the limits go.
    void* result = nullptr;
    Handle handle = nullptr;
    while (mmst.allocate_pool(abi::runtime_services_data, 1, &result) == status::success) {
    }
    for (std::uint32_t i = 0x10000;; ++i) {
      const Guid guid = test_guid(i);
      if (mmst.mmi_handler_register(handlers[2], &guid, &handle) != status::success) break;
    }
    for (std::uint32_t i = 0x10000;; ++i) {
      const Guid guid = test_guid(i);
      if (mmst.register_protocol_notify(&guid, notifies[2], &result) != status::success) break;
    }
    for (std::uint32_t i = 0x10000;; ++i) {
      const Guid guid = test_guid(i);
      handle = nullptr;
      if (mmst.install_protocol_interface(&handle, &guid, abi::native_interface, nullptr) != status::success) break;
    }
  });
  as_victim([&](MmSystemTable& mmst) {
    for (std::uint32_t i = 0; i != 150; ++i) {
      void* result = nullptr;
      Handle handle = nullptr;
      const Guid guid = test_guid(0x20000 + i);
      EXPECT_EQ(mmst.allocate_pool(abi::runtime_services_data, 1024, &result), status::success);
      EXPECT_EQ(mmst.mmi_handler_register(handlers[3], &guid, &handle), status::success);
      EXPECT_EQ(mmst.register_protocol_notify(&guid, notifies[3], &result), status::success);
      handle = nullptr;
      EXPECT_EQ(mmst.install_protocol_interface(&handle, &guid, abi::native_interface, nullptr), status::success);
    }
  });
}

TEST_F(OwnershipTest, WithoutMemoryDriversHearOfThePhasesAllTheSame) {
  launch();
  std::string heard;
  as_victim([&](MmSystemTable& mmst) {
    void* registration = nullptr;
    EXPECT_EQ(mmst.register_protocol_notify(&abi::mm_end_of_dxe_protocol_guid, notifies[3], &registration),
              status::success);
    EXPECT_EQ(mmst.register_protocol_notify(&abi::exit_boot_services_event_group_guid, notifies[4], &registration),
              status::success);
  });
  notify_bodies[3] = [&](const Guid&, std::uint64_t, Handle) { heard += 'd'; };
  notify_bodies[4] = [&](const Guid&, std::uint64_t, Handle) { heard += 'x'; };
  machine_.supervisor.fail_allocations_after(0);
  as_hostile([&](MmSystemTable& mmst) {
    // The records of handles or of interfaces that the foundation has left.
    EfiStatus result = status::success;
    while (result == status::success) {
      Handle handle = nullptr;
      result = mmst.install_protocol_interface(&handle, &watched_protocol, abi::native_interface, nullptr);
    }
  });
  EXPECT_EQ(machine_.send(abi::end_of_dxe_event_group_guid).status, status::success);
  EXPECT_EQ(machine_.send(abi::exit_boot_services_event_group_guid).status, status::success);
  EXPECT_EQ(heard, "dx");
}

TEST(Reserve, ADriverThatStartsLateStartsAlthoughAllMemoryIsTaken) {
  testing::clear_functions();
  testing::Machine machine;
  machine.supervisor.reserve_file = victim_file;
  machine.supervisor.reserve_pages = 300;
  bool started = false;
  machine.add({.file = hostile_file, .name = "hostile", .entry = [](Handle, MmSystemTable* mmst) {
                 for (EfiPhysicalAddress page = 0;
                      mmst->allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 1, &page) ==
                      status::success;) {
                 }
                 return status::success;
               }});
  machine.add({.file = victim_file, .name = "victim", .entry = [&](Handle, MmSystemTable* mmst) {
                 EfiPhysicalAddress pages = 0;
                 started = mmst->allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 200, &pages) ==
                           status::success;
                 return status::success;
               }});
  machine.launch();
  EXPECT_TRUE(started);
}

}  // namespace
}  // namespace redoubt::foundation
