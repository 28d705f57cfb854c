// SPDX-License-Identifier: BSD-2-Clause-Patent
// Drivers that fault, and memory that runs out: what stays, what goes, who hears of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "abi/pi/variable_messages.hpp"
#include "foundation/testing/machine.hpp"
#include "foundation/testing/test_handlers.hpp"

namespace redoubt::foundation {
namespace {

using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::MmSystemTable;
using abi::UintN;
using testing::FakeSupervisor;
using testing::handler_bodies;
using testing::HandlerCall;
using testing::handlers;
using testing::notifies;
using testing::notify_bodies;
using testing::test_guid;
namespace status = abi::status;

const Guid victim_message = test_guid(0x101);
const Guid other_message = test_guid(0x102);
const Guid victim_protocol = test_guid(0x201);
const Guid other_protocol = test_guid(0x202);

// Two drivers, "victim" (handler 0, root handler 1, notification 0 on other_protocol) and "other" (handler 2).
class FaultTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::clear_functions();
    machine_.add({.file = test_guid(1), .name = "victim", .entry = [this](Handle image, MmSystemTable* mmst) {
                    void* interface = nullptr;
                    EXPECT_EQ(mmst->handle_protocol(image, &abi::loaded_image_protocol_guid, &interface),
                              status::success);
                    victim_base_ = address_of(static_cast<abi::LoadedImageProtocol*>(interface)->image_base);
                    Handle handle = nullptr;
                    mmst->mmi_handler_register(handlers[0], &victim_message, &handle);
                    mmst->mmi_handler_register(handlers[1], nullptr, &handle);
                    handle = nullptr;
                    mmst->install_protocol_interface(&handle, &victim_protocol, abi::native_interface, &victim_base_);
                    void* registration = nullptr;
                    mmst->register_protocol_notify(&other_protocol, notifies[0], &registration);
                    return mmst->allocate_pool(abi::runtime_services_data, 64, &victim_pool_);
                  }});
    machine_.add({.file = test_guid(2), .name = "other", .entry = [this](Handle image, MmSystemTable* mmst) {
                    void* interface = nullptr;
                    mmst->handle_protocol(image, &abi::loaded_image_protocol_guid, &interface);
                    other_base_ = address_of(static_cast<abi::LoadedImageProtocol*>(interface)->image_base);
                    Handle handle = nullptr;
                    mmst->mmi_handler_register(handlers[2], &other_message, &handle);
                    return mmst->mmi_handler_register(handlers[3], &victim_message, &handle);
                  }});
    ASSERT_EQ(machine_.launch(), status::success);
    ASSERT_TRUE(machine_.supervisor.root_interest);
  }

  static EfiStatus crash(const HandlerCall&) { FakeSupervisor::fault(14, 0xDEAD); }

  bool present(const Guid& protocol) {
    bool found = false;
    machine_.as_driver([&](MmSystemTable& mmst) {
      void* interface = nullptr;
      found = mmst.locate_protocol(&protocol, nullptr, &interface) == status::success;
    });
    return found;
  }
  void expect_victim_gone() {
    EXPECT_FALSE(present(victim_protocol));
    EXPECT_FALSE(machine_.supervisor.root_interest);
    EXPECT_TRUE(machine_.supervisor.allocated(victim_base_)) << "others may hold pointers into it";
    EXPECT_TRUE(machine_.supervisor.allocated(address_of(victim_pool_)));
    handler_bodies[2] = {};
    EXPECT_EQ(machine_.send(other_message).status, status::success) << "the other driver works";
    EXPECT_TRUE(
        machine_.supervisor.logged("driver.disabled driver=1 guid=00000001-7e57-4001-8000-000000000001 "
                                   "name=\"victim\""));
  }

  testing::Machine machine_;
  std::uint64_t victim_base_ = 0;
  std::uint64_t other_base_ = 0;
  void* victim_pool_ = nullptr;
};

TEST_F(FaultTest, AFaultInAHandlerIsAnErrorForTheCallerAndTheEndOfTheDriver) {
  handler_bodies[0] = crash;
  testing::ByteVector data(20);
  const MmiReply reply = machine_.send(victim_message, data, 100);
  EXPECT_EQ(reply.status, status::device_error);
  EXPECT_EQ(data, testing::ByteVector(20, std::byte{0xFF})) << "nothing of the handler's, and no 0";
  EXPECT_TRUE(machine_.supervisor.logged("handler=00000101-7e57-4001-8000-000000000001 vector=14 rip=0x"));
  expect_victim_gone();
  // What is left of the type is the other driver's handler.
  EXPECT_EQ(machine_.send(victim_message).status, status::success);
}

TEST_F(FaultTest, AFaultInARootHandlerLeavesTheMessageAlone) {
  handler_bodies[1] = crash;
  EXPECT_EQ(machine_.send(other_message).status, status::success);
  expect_victim_gone();
}

TEST_F(FaultTest, AFaultInANotificationLeavesTheInstallerAlone) {
  notify_bodies[0] = [](const Guid&, std::uint64_t, Handle) { FakeSupervisor::fault(6); };
  machine_.as_driver([](MmSystemTable& mmst) {
    Handle handle = nullptr;
    EXPECT_EQ(mmst.install_protocol_interface(&handle, &other_protocol, abi::native_interface, nullptr),
              status::success);
    EXPECT_NE(handle, nullptr);
  });
  EXPECT_TRUE(present(other_protocol));
  expect_victim_gone();
}

TEST_F(FaultTest, AFaultInsideMmiManageIsItsStatus) {
  handler_bodies[0] = crash;
  machine_.as_driver([](MmSystemTable& mmst) {
    EXPECT_EQ(mmst.mmi_manage(&victim_message, nullptr, nullptr, nullptr), status::device_error);
    EXPECT_EQ(mmst.mmi_manage(&victim_message, nullptr, nullptr, nullptr), status::success);
  });
  expect_victim_gone();
}

TEST_F(FaultTest, ADriverThatFaultedInAnInnerCallGetsNoMoreServices) {
  int depth = 0;
  EfiStatus inner = status::success;
  EfiStatus later = status::success;
  handler_bodies[0] = [&](const HandlerCall&) -> EfiStatus {
    MmSystemTable& mmst = machine_.mmst();
    if (++depth == 2) FakeSupervisor::fault(13);
    inner = mmst.mmi_manage(&victim_message, nullptr, nullptr, nullptr);
    Handle handle = nullptr;
    later = mmst.mmi_handler_register(handlers[5], nullptr, &handle);
    return status::success;
  };
  EXPECT_EQ(machine_.send(victim_message).status, status::success) << "the outer call ended well";
  EXPECT_EQ(inner, status::device_error);
  EXPECT_EQ(later, status::access_denied);
  EXPECT_EQ(depth, 2);
  expect_victim_gone();
}

// Cut off with its CPU: the call comes back as from any fault, and all that the foundation had open around it closes.
TEST_F(FaultTest, ADriverWhoseCpuIsResetIsStoppedInANestedCall) {
  Handle handle = nullptr;
  Handle registered = nullptr;
  // "other" waits for a service that leads to a notification of the victim's.
  notify_bodies[0] = [](const Guid&, std::uint64_t, Handle) { FakeSupervisor::fault(abi::fault_cpu_reset); };
  handler_bodies[2] = [&](const HandlerCall&) -> EfiStatus {
    MmSystemTable& mmst = machine_.mmst();
    EXPECT_EQ(mmst.install_protocol_interface(&handle, &other_protocol, abi::native_interface, nullptr),
              status::success);
    EXPECT_EQ(mmst.mmi_handler_register(handlers[4], &other_message, &registered), status::success)
        << "who runs is known again";
    return status::success;
  };
  EXPECT_EQ(machine_.send(other_message).status, status::success);
  EXPECT_TRUE(machine_.supervisor.logged("vector=257"));
  EXPECT_FALSE(present(victim_protocol));
  // Nothing is pinned: what was walked can be taken apart.
  handler_bodies[2] = [&](const HandlerCall&) -> EfiStatus {
    MmSystemTable& mmst = machine_.mmst();
    EXPECT_EQ(mmst.uninstall_protocol_interface(handle, &other_protocol, nullptr), status::success);
    EXPECT_EQ(mmst.mmi_handler_unregister(registered), status::success);
    return status::success;
  };
  EXPECT_EQ(machine_.send(other_message).status, status::success);
  EXPECT_FALSE(present(other_protocol));
  expect_victim_gone();
}

TEST_F(FaultTest, AHandlerOfAnotherThatADriverRegistersWhenItIsCalledIsTheOthers) {
  // As a dispatcher of MMI sources does: called by the victim, it registers the victim's function.
  const auto function = at_address<std::remove_pointer_t<abi::MmiHandler>>(victim_base_ + 0x1000);
  const Guid planted = test_guid(0x103);
  Handle handle = nullptr;
  handler_bodies[0] = [&](const HandlerCall&) {
    machine_.supervisor.return_address = other_base_ + 0x1000;
    EXPECT_EQ(machine_.mmst().mmi_handler_register(function, &planted, &handle), status::success);
    machine_.supervisor.return_address.reset();
    return status::success;
  };
  EXPECT_EQ(machine_.send(victim_message).status, status::success);
  handler_bodies[0] = crash;
  machine_.send(victim_message);
  EXPECT_EQ(machine_.send(planted).status, status::not_found) << "it goes with the victim";
  expect_victim_gone();
}

TEST_F(FaultTest, AFaultIsBlamedOnTheCodeAndTheDriverThatItCutOffStopsToo) {
  // The victim calls the other driver, which faults: what the victim was in the middle of isn't known.
  handler_bodies[0] = [&](const HandlerCall&) -> EfiStatus { FakeSupervisor::fault(14, 8, other_base_ + 0x1004); };
  EXPECT_EQ(machine_.send(victim_message).status, status::device_error);
  const auto& lines = machine_.supervisor.lines;
  const auto first = std::ranges::find_if(lines, [](const auto& line) { return line.starts_with("driver.disabled"); });
  ASSERT_NE(first, lines.end());
  EXPECT_TRUE(first->starts_with("driver.disabled driver=2 ")) << *first;
  EXPECT_TRUE(machine_.supervisor.logged("driver.disabled driver=1 guid=00000001-7e57-4001-8000-000000000001"));
  EXPECT_TRUE(machine_.supervisor.logged(" blamed=2"));
  EXPECT_FALSE(present(victim_protocol));
  EXPECT_EQ(machine_.send(other_message).status, status::not_found);
}

TEST_F(FaultTest, AFaultWhereNoCodeIsIsTheCalledDrivers) {
  handler_bodies[0] = [&](const HandlerCall&) -> EfiStatus { FakeSupervisor::fault(14, 8, 8); };
  EXPECT_EQ(machine_.send(victim_message).status, status::device_error);
  expect_victim_gone();
}

TEST_F(FaultTest, WhatADisabledDriverHeldIsNobodysAnyMore) {
  void* page = nullptr;
  handler_bodies[0] = [&](const HandlerCall&) -> EfiStatus {
    EXPECT_EQ(machine_.mmst().allocate_pool(abi::runtime_services_data, 5000, &page), status::success);
    FakeSupervisor::fault(6);
  };
  machine_.send(victim_message);
  // Its image (two pages of one section each, and the headers), a slab for each size it had, the large buffer.
  EXPECT_TRUE(machine_.supervisor.logged("driver.quarantined driver=1 pages="));
  EXPECT_FALSE(machine_.supervisor.logged("driver.quarantined driver=1 pages=0"));
  machine_.as_driver([&](MmSystemTable& mmst) {
    EXPECT_EQ(mmst.free_pool(page), status::invalid_parameter);
    EXPECT_EQ(mmst.free_pool(victim_pool_), status::invalid_parameter);
    // What is taken now, to the last page, is none of it.
    for (abi::EfiPhysicalAddress address = 0;
         mmst.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, 1, &address) == status::success;) {
      EXPECT_NE(address, address_of(page));
      EXPECT_NE(address, address_of(victim_pool_) & ~(page_bytes - 1));
    }
    for (int i = 0; i != 200; ++i) {
      void* small = nullptr;
      if (mmst.allocate_pool(abi::runtime_services_data, 64, &small) != status::success) break;
      EXPECT_NE(address_of(small) / page_bytes, address_of(victim_pool_) / page_bytes);
    }
  });
  expect_victim_gone();
}

TEST(EntryFault, AFaultInAnEntryPointDisablesTheDriver) {
  testing::clear_functions();
  testing::Machine machine;
  const Guid guid = test_guid(0x300);
  machine.add({.file = test_guid(7), .name = "faulty", .entry = [&](Handle, MmSystemTable* mmst) -> EfiStatus {
                 Handle handle = nullptr;
                 mmst->mmi_handler_register(handlers[0], &guid, &handle);
                 FakeSupervisor::fault(14, 8);
               }});
  EXPECT_EQ(machine.launch(), status::success);
  EXPECT_TRUE(machine.supervisor.logged("status=0x8000000000000007 reason=\"fault in its entry point\""));
  EXPECT_EQ(machine.send(guid).status, status::not_found);
}

// With every number of allocations that succeed before memory runs out: errors, but nothing broken and no driver hurt.
TEST(OutOfMemory, EveryLaunchEndsSomehow) {
  testing::clear_functions();
  bool complete = false;
  for (std::size_t allocations = 0; !complete; ++allocations) {
    ASSERT_LT(allocations, 500U);
    testing::Machine machine;
    bool started = false;
    machine.add({.file = test_guid(7), .entry = [&](Handle, MmSystemTable* mmst) {
                   Handle handle = nullptr;
                   const Guid guid = test_guid(0x300);
                   void* registration = nullptr;
                   void* pool = nullptr;
                   started = mmst->mmi_handler_register(handlers[0], &guid, &handle) == status::success &&
                             mmst->mmi_handler_register(handlers[0], nullptr, &handle) == status::success &&
                             mmst->register_protocol_notify(&guid, notifies[0], &registration) == status::success &&
                             mmst->allocate_pool(abi::runtime_services_data, 10, &pool) == status::success;
                   handle = nullptr;
                   started = started && mmst->install_protocol_interface(&handle, &guid, abi::native_interface,
                                                                         nullptr) == status::success;
                   return started ? status::success : status::out_of_resources;
                 }});
    // The record itself takes two.
    machine.supervisor.fail_allocations_after(allocations + 2);
    const EfiStatus launched = machine.launch(testing::hob_list({}));
    complete = launched == status::success && started && machine.supervisor.logged("hobs kept") &&
               machine.supervisor.logged("name=\"bench\"");
    if (launched == status::success) {
      const MmiReply reply = machine.send(test_guid(0x300));
      EXPECT_EQ(reply.status, started ? status::success : status::not_found);
      machine.send(abi::ready_to_boot_event_group_guid);
    }
  }
}

// ---- Messages that must not open anything when their driver is gone (policy/closed_answers.hpp)

namespace messages = abi::variable_messages;

// The variable driver (handler 0, of variables; handler 1, of policies) and one that would like to be it (handler 2).
class ClosedTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::clear_functions(); }

  void launch(EfiStatus entry_status = status::success) {
    machine_.add({.file = test_guid(1), .name = "variables", .entry = [=](Handle, MmSystemTable* mmst) {
                    Handle handle = nullptr;
                    mmst->mmi_handler_register(handlers[0], &abi::smm_variable_guid, &handle);
                    mmst->mmi_handler_register(handlers[1], &messages::policy_message_guid, &handle);
                    return entry_status;
                  }});
    ASSERT_EQ(machine_.launch(), status::success);
  }

  static testing::ByteVector get_variable(std::u16string_view name, std::uint64_t room) {
    testing::ByteVector data(sizeof(messages::VariableMessageHeader) + sizeof(messages::AccessVariable) +
                             (name.size() + 1) * 2 + static_cast<std::size_t>(room));
    const messages::VariableMessageHeader header{1, 0};
    messages::AccessVariable access{};
    access.vendor = abi::global_variable_guid;
    access.data_size = room;
    access.name_size = (name.size() + 1) * 2;
    std::memcpy(data.data(), &header, sizeof(header));
    std::memcpy(data.data() + sizeof(header), &access, sizeof(access));
    std::memcpy(data.data() + sizeof(header) + sizeof(access), name.data(), name.size() * 2);
    return data;
  }
  // The status that the sender finds in the message, and the value's first byte.
  std::pair<std::uint64_t, std::byte> ask(std::u16string_view name) {
    testing::ByteVector data = get_variable(name, 1);
    EXPECT_EQ(machine_.send(abi::smm_variable_guid, data, 4096).status, status::success);
    std::uint64_t result = 0;
    std::memcpy(&result, data.data() + 8, sizeof(result));
    return {result, data.back()};
  }
  void expect_closed() {
    EXPECT_EQ(ask(u"SecureBoot"), std::pair(std::uint64_t{status::success}, std::byte{1}));
    EXPECT_EQ(ask(u"SetupMode"), std::pair(std::uint64_t{status::success}, std::byte{0}));
    EXPECT_EQ(ask(u"PK").first, status::device_error);
  }

  testing::Machine machine_;
};

TEST_F(ClosedTest, WithoutItsDriverVariablesAreClosed) {
  ASSERT_EQ(machine_.launch(), status::success);
  expect_closed();
}

// Whether an image has a table that names it or not: the platform does.
TEST_F(ClosedTest, AnImageWithoutTheVariableDriverIsReset) {
  machine_.supervisor.reserve_file = test_guid(1);
  ASSERT_EQ(machine_.launch(), status::success);
  EXPECT_TRUE(machine_.supervisor.stops.empty()) << "it may still come";
  machine_.send(abi::mm_end_of_pei_protocol_guid);
  machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid);
  ASSERT_EQ(machine_.supervisor.stops.size(), 1U);
  EXPECT_EQ(machine_.supervisor.stops[0].file, test_guid(1));
  EXPECT_EQ(machine_.supervisor.stops[0].policy, abi::FaultPolicy::reset);
  EXPECT_EQ(machine_.supervisor.stops[0].cause, abi::FaultCause::not_started);
  expect_closed();
}

TEST_F(ClosedTest, AnotherDriverForVariablesWillDo) {
  machine_.supervisor.reserve_file = test_guid(9);
  launch();
  machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid);
  EXPECT_TRUE(machine_.supervisor.stops.empty());
}

TEST_F(ClosedTest, ADriverWhoseEntryPointFailsClosesThem) {
  launch(status::out_of_resources);
  expect_closed();
}

TEST_F(ClosedTest, AFaultInTheMiddleOfTheQuestionAnswersIt) {
  launch();
  handler_bodies[0] = [](const HandlerCall& call) -> EfiStatus {
    std::memset(call.buffer, 0, static_cast<std::size_t>(*call.size));
    FakeSupervisor::fault(14, 0xDEAD);
  };
  expect_closed();
}

TEST_F(ClosedTest, AFaultElsewhereClosesThemToo) {
  launch();
  handler_bodies[1] = [](const HandlerCall&) -> EfiStatus { FakeSupervisor::fault(13); };
  testing::ByteVector policy(20);
  EXPECT_EQ(machine_.send(messages::policy_message_guid, policy, 4096).status, status::success);
  std::uint64_t result = 0;
  std::memcpy(&result, policy.data() + 12, sizeof(result));
  EXPECT_EQ(result, status::device_error);
  expect_closed();
}

// The sender looks at nothing but the status in its message, and 0 stood there.
TEST_F(ClosedTest, SilenceIsNoAnswer) {
  launch();
  using abi::status::warn_interrupt_source_pending;
  for (const EfiStatus result : {status::unsupported, warn_interrupt_source_pending, status::interrupt_pending}) {
    handler_bodies[0] = [result](const HandlerCall&) { return result; };
    expect_closed();
  }
}

TEST_F(ClosedTest, AHandlerThatWritesNothingHasAnsweredNothing) {
  launch();
  for (const EfiStatus result : {status::success, abi::status::warn_interrupt_source_quiesced}) {
    handler_bodies[0] = [result](const HandlerCall&) { return result; };
    EXPECT_EQ(ask(u"SecureBoot").first, status::device_error);
    handler_bodies[0] = [result](const HandlerCall& call) {
      *call.size = 15;  // the status ends behind it
      return result;
    };
    expect_closed();
  }
}

// A driver that would like to answer for variables, in the volume behind the variable driver or in front of it.
class RivalTest : public ClosedTest {
 protected:
  void add_rival() {
    machine_.add({.file = test_guid(3), .name = "rival", .entry = [this](Handle, MmSystemTable* mmst) {
                    Handle handle = nullptr;
                    registered_ = mmst->mmi_handler_register(handlers[2], &abi::smm_variable_guid, &handle);
                    mmst->mmi_handler_register(handlers[2], &messages::policy_message_guid, &handle);
                    for (const abi::Guid* protocol : variable_protocols) {
                      Handle own = nullptr;
                      installed_.push_back(
                          mmst->install_protocol_interface(&own, protocol, abi::native_interface, &registered_));
                    }
                    return mmst->mmi_handler_register(handlers[3], &other_message, &handle);
                  }});
    handler_bodies[2] = [](const HandlerCall& call) {
      std::memset(call.buffer, 0, static_cast<std::size_t>(*call.size));  // "off, and done"
      return status::success;
    };
  }
  EfiStatus register_late() {
    handler_bodies[3] = [this](const HandlerCall&) {
      Handle handle = nullptr;
      registered_ = machine_.mmst().mmi_handler_register(handlers[2], &abi::smm_variable_guid, &handle);
      return status::success;
    };
    machine_.send(other_message);
    return registered_;
  }

  static constexpr const abi::Guid* variable_protocols[] = {&abi::smm_variable_guid, &abi::smm_variable_write_guid};

  EfiStatus registered_ = status::success;
  std::vector<EfiStatus> installed_;  // each of the protocols
};

TEST_F(RivalTest, BesideTheVariableDriverIsRefused) {
  add_rival();
  machine_.supervisor.reserve_file = test_guid(1);
  bool answers = false;
  handler_bodies[0] = [&](const HandlerCall& call) {
    answers = true;
    std::memset(call.buffer, 0xEE, static_cast<std::size_t>(*call.size));
    return status::success;
  };
  launch();  // behind the rival
  EXPECT_EQ(registered_, status::access_denied);
  EXPECT_TRUE(machine_.supervisor.logged("name=\"rival\" what=handler owner=2"));
  // Nor do other MM drivers take it for the variable driver, which hasn't started yet.
  EXPECT_THAT(installed_, ::testing::Each(status::access_denied));
  EXPECT_TRUE(machine_.supervisor.logged("name=\"rival\" what=protocol owner=2"));
  EXPECT_EQ(ask(u"SecureBoot").second, std::byte{0xEE});
  EXPECT_TRUE(answers);
}

TEST_F(RivalTest, IsRefusedWhereTheVariableDriverNeverStarts) {
  add_rival();
  machine_.supervisor.reserve_file = test_guid(1);
  machine_.add({.file = test_guid(1), .depex = testing::Depex().push(test_guid(0x999)).end(), .entry = nullptr});
  ASSERT_EQ(machine_.launch(), status::success);
  EXPECT_EQ(registered_, status::access_denied);
  EXPECT_THAT(installed_, ::testing::Each(status::access_denied));
  expect_closed();
}

TEST_F(RivalTest, TheVariableDriverProducesItsProtocols) {
  const auto install = [](MmSystemTable* mmst) {
    EfiStatus result = status::success;
    for (const abi::Guid* protocol : variable_protocols) {
      Handle handle = nullptr;
      if (result == status::success) {
        result = mmst->install_protocol_interface(&handle, protocol, abi::native_interface, nullptr);
      }
    }
    return result;
  };
  machine_.supervisor.reserve_file = test_guid(1);
  machine_.add(
      {.file = test_guid(1), .name = "variables", .entry = [&](Handle, MmSystemTable* mmst) { return install(mmst); }});
  add_rival();
  ASSERT_EQ(machine_.launch(), status::success);
  EXPECT_TRUE(machine_.supervisor.logged("name=\"variables\" entry="));
  EXPECT_THAT(installed_, ::testing::Each(status::access_denied));
}

// No driver is named for them: then the first one is it, as for messages.
TEST_F(RivalTest, WhoInstallsTheirProtocolFirstAnswersForVariables) {
  machine_.add({.file = test_guid(1), .name = "variables", .entry = [](Handle, MmSystemTable* mmst) {
                  Handle handle = nullptr;
                  return mmst->install_protocol_interface(&handle, &abi::smm_variable_guid, abi::native_interface,
                                                          nullptr);
                }});
  add_rival();
  ASSERT_EQ(machine_.launch(), status::success);
  EXPECT_EQ(registered_, status::access_denied);
  EXPECT_THAT(installed_, ::testing::Each(status::access_denied));
}

TEST_F(RivalTest, IsRefusedAfterAnEntryPointFailed) {
  launch(status::device_error);
  machine_.as_driver([](MmSystemTable& mmst) {
    Handle handle = nullptr;
    EXPECT_EQ(mmst.mmi_handler_register(handlers[2], &abi::smm_variable_guid, &handle), status::access_denied);
    EXPECT_EQ(mmst.mmi_manage(&abi::smm_variable_guid, nullptr, nullptr, nullptr), status::device_error);
  });
  expect_closed();
}

// Its handler goes before the fault, so that nothing tells any more that it had one.
TEST_F(RivalTest, IsRefusedAfterADriverThatUnregisteredAndFailed) {
  Handle handler = nullptr;
  machine_.add({.file = test_guid(1), .name = "variables", .entry = [&](Handle, MmSystemTable* mmst) {
                  Handle handle = nullptr;
                  mmst->mmi_handler_register(handlers[0], &abi::smm_variable_guid, &handler);
                  return mmst->mmi_handler_register(handlers[1], &messages::policy_message_guid, &handle);
                }});
  add_rival();
  ASSERT_EQ(machine_.launch(), status::success);
  EXPECT_EQ(registered_, status::access_denied) << "the first that came is whose messages they are";
  handler_bodies[1] = [&](const HandlerCall&) -> EfiStatus {
    EXPECT_EQ(machine_.mmst().mmi_handler_unregister(handler), status::success);
    FakeSupervisor::fault(13);
  };
  machine_.send(messages::policy_message_guid);
  EXPECT_EQ(register_late(), status::access_denied);
  expect_closed();
}

TEST_F(ClosedTest, NobodyTakesItsPlace) {
  launch();
  handler_bodies[0] = [](const HandlerCall&) -> EfiStatus { FakeSupervisor::fault(13); };
  expect_closed();
  handler_bodies[2] = [](const HandlerCall&) { return status::success; };
  machine_.as_driver([](MmSystemTable& mmst) {
    Handle handle = nullptr;
    EXPECT_EQ(mmst.mmi_handler_register(handlers[2], &abi::smm_variable_guid, &handle), status::access_denied);
    EXPECT_EQ(mmst.mmi_manage(&abi::smm_variable_guid, nullptr, nullptr, nullptr), status::device_error);
  });
  expect_closed();
}

}  // namespace
}  // namespace redoubt::foundation
