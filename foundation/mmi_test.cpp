// SPDX-License-Identifier: BSD-2-Clause-Patent
// MMIs: messages, root handlers, MmiManage, phases (PI 1.9, volume 4, chapters 3 to 5).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "abi/redoubt/inner_mmi.hpp"
#include "foundation/testing/machine.hpp"
#include "foundation/testing/test_handlers.hpp"

namespace redoubt::foundation {
namespace {

using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::MmSystemTable;
using abi::UintN;
using testing::ByteVector;
using testing::handler_bodies;
using testing::HandlerCall;
using testing::handlers;
using testing::notifies;
using testing::notify_bodies;
using testing::test_guid;
namespace status = abi::status;

const Guid guid_a = test_guid(0xA);

class MmiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::clear_functions();
    ASSERT_EQ(machine_.launch(), status::success);
  }
  // Registers handlers[number]; `guid` null: a root handler.
  Handle add(std::size_t number, const Guid* guid, testing::HandlerBody body = {}) {
    handler_bodies[number] = std::move(body);
    Handle handle = nullptr;
    machine_.as_driver([&](MmSystemTable& mmst) {
      EXPECT_EQ(mmst.mmi_handler_register(handlers[number], guid, &handle), status::success);
    });
    return handle;
  }
  // A handler that notes its number and returns `result`.
  Handle add_noting(std::size_t number, const Guid* guid, EfiStatus result) {
    return add(number, guid, [this, number, result](const HandlerCall&) {
      order_ += static_cast<char>('0' + number);
      return result;
    });
  }
  void notify_on(std::size_t number, const Guid& guid, testing::NotifyBody body) {
    notify_bodies[number] = std::move(body);
    machine_.as_driver([&](MmSystemTable& mmst) {
      void* registration = nullptr;
      EXPECT_EQ(mmst.register_protocol_notify(&guid, notifies[number], &registration), status::success);
    });
  }
  EfiStatus manage(const Guid* guid) {
    EfiStatus result = status::aborted;
    machine_.as_driver([&](MmSystemTable& mmst) { result = mmst.mmi_manage(guid, nullptr, nullptr, nullptr); });
    return result;
  }

  testing::Machine machine_;
  std::string order_;
};

// ---- Messages ----

TEST_F(MmiTest, AnUnknownGuidIsNotFoundAndCostsNoSystemCall) {
  machine_.supervisor.calls.clear();
  ByteVector data(100);
  const MmiReply reply = machine_.send(guid_a, data, 4096);
  EXPECT_EQ(reply.status, status::not_found);
  EXPECT_EQ(reply.size, 0U) << "the DXE driver has the rest of the answer";
  EXPECT_TRUE(machine_.supervisor.calls.empty());
}

// Children of a dispatcher (abi/redoubt/inner_mmi.hpp) are for MmiManage alone, with any message that names them.
TEST_F(MmiTest, AMessageReachesNoHandlerOfAnInnerType) {
  const Guid inner = abi::inner_mmi_guid(1, 0x12345678);
  EXPECT_TRUE(abi::is_inner_mmi(inner));
  EXPECT_FALSE(inner == abi::inner_mmi_guid(0, 0x12345678) || inner == abi::inner_mmi_guid(1, 0x12345679));
  EXPECT_FALSE(abi::is_inner_mmi(guid_a));
  add_noting(1, &inner, status::success);
  ByteVector data(8);
  EXPECT_EQ(machine_.send(inner, data, 8).status, status::not_found);
  EXPECT_EQ(order_, "");
  machine_.as_driver(
      [&](MmSystemTable& mmst) { EXPECT_EQ(mmst.mmi_manage(&inner, nullptr, nullptr, nullptr), status::success); });
  EXPECT_EQ(order_, "1");
}

TEST_F(MmiTest, AHandlerGetsTheMessageAndItsSizeComesBack) {
  const Handle registered = add(0, &guid_a, [](const HandlerCall& call) {
    EXPECT_EQ(call.context, nullptr);
    EXPECT_EQ(*call.size, 3U);
    std::memcpy(call.buffer, "answer", 6);
    *call.size = 6;
    return status::success;
  });
  EXPECT_NE(registered, nullptr);
  machine_.supervisor.calls.clear();
  ByteVector data(3);
  const MmiReply reply = machine_.send(guid_a, data, 4096);
  EXPECT_EQ(reply.status, status::success);
  EXPECT_EQ(reply.size, 6U);
  EXPECT_EQ(std::memcmp(data.data(), "answer", 6), 0);
  EXPECT_EQ(machine_.supervisor.calls, (std::map<std::string, std::size_t>{{"call_driver", 1}}));
}

TEST_F(MmiTest, AReplyLargerThanThereIsRoomForIsAnError) {
  for (const UintN size : {std::uint64_t{101}, UINT64_MAX}) {
    add(0, &guid_a, [size](const HandlerCall& call) {
      *call.size = size;
      return status::success;
    });
    ByteVector data(10);
    const MmiReply reply = machine_.send(guid_a, data, 100);
    EXPECT_EQ(reply.status, status::bad_buffer_size);
    EXPECT_EQ(data, ByteVector(10, std::byte{0xFF}));
  }
}

TEST_F(MmiTest, TheCallerLearnsSuccessOrNotFound) {
  EfiStatus result = status::success;
  add(0, &guid_a, [&](const HandlerCall&) { return result; });
  const auto answer = [&](EfiStatus of_handler) {
    result = of_handler;
    return machine_.send(guid_a).status;
  };
  EXPECT_EQ(answer(status::success), status::success);
  EXPECT_EQ(answer(status::warn_interrupt_source_quiesced), status::success);
  EXPECT_EQ(answer(status::warn_interrupt_source_pending), status::not_found);
  EXPECT_EQ(answer(status::interrupt_pending), status::not_found);
  EXPECT_EQ(answer(status::unsupported), status::not_found);
}

// ---- Dispatch rules ----

TEST_F(MmiTest, HandlersOfATypeRunInOrderUntilOneHasHandledIt) {
  add_noting(1, &guid_a, status::warn_interrupt_source_pending);
  add_noting(2, &guid_a, status::warn_interrupt_source_quiesced);
  add_noting(3, &guid_a, status::device_error);
  add_noting(4, &guid_a, status::success);
  add_noting(5, &guid_a, status::success);
  EXPECT_EQ(manage(&guid_a), status::success);
  EXPECT_EQ(order_, "1234");
}

TEST_F(MmiTest, InterruptPendingEndsTheDispatchOfAType) {
  add_noting(1, &guid_a, status::warn_interrupt_source_pending);
  add_noting(2, &guid_a, status::interrupt_pending);
  add_noting(3, &guid_a, status::success);
  EXPECT_EQ(manage(&guid_a), status::interrupt_pending);
  EXPECT_EQ(order_, "12");
}

TEST_F(MmiTest, InterruptPendingOfATypeOutweighsAQuiescedSource) {
  add_noting(1, &guid_a, status::warn_interrupt_source_quiesced);
  add_noting(2, &guid_a, status::interrupt_pending);
  EXPECT_EQ(manage(&guid_a), status::interrupt_pending);
  add_noting(3, nullptr, status::warn_interrupt_source_quiesced);
  add_noting(4, nullptr, status::interrupt_pending);
  order_.clear();
  EXPECT_EQ(manage(nullptr), status::success);
  EXPECT_EQ(order_.substr(0, 2), "34");
}

TEST_F(MmiTest, AllPendingIsPending) {
  add_noting(1, &guid_a, status::warn_interrupt_source_pending);
  add_noting(2, &guid_a, status::warn_interrupt_source_pending);
  EXPECT_EQ(manage(&guid_a), status::warn_interrupt_source_pending);
}

TEST_F(MmiTest, AllRootHandlersRun) {
  add_noting(1, nullptr, status::interrupt_pending);
  add_noting(2, nullptr, status::success);
  add_noting(3, nullptr, status::warn_interrupt_source_pending);
  order_.clear();
  EXPECT_EQ(manage(nullptr), status::success);
  EXPECT_EQ(order_.substr(0, 3), "123");
}

TEST_F(MmiTest, RootInterruptPendingOutweighsSourcePending) {
  add_noting(1, nullptr, status::interrupt_pending);
  add_noting(2, nullptr, status::warn_interrupt_source_pending);
  EXPECT_EQ(manage(nullptr), status::interrupt_pending);
}

TEST_F(MmiTest, ManageOfNobodyIsNotFound) {
  EXPECT_EQ(manage(nullptr), status::not_found);
  EXPECT_EQ(manage(&guid_a), status::not_found);
}

TEST_F(MmiTest, ManagePassesTheDriversOwnPointers) {
  int context = 0;
  ByteVector buffer(8);
  UintN size = buffer.size();
  add(0, &guid_a, [&](const HandlerCall& call) {
    EXPECT_EQ(call.context, &context);
    EXPECT_EQ(call.buffer, buffer.data());
    EXPECT_EQ(call.size, &size);
    *call.size = 5;
    return status::success;
  });
  machine_.as_driver([&](MmSystemTable& mmst) {
    EXPECT_EQ(mmst.mmi_manage(&guid_a, &context, buffer.data(), &size), status::success);
    EXPECT_EQ(mmst.mmi_manage(at_address<Guid>(8), nullptr, nullptr, nullptr), status::invalid_parameter);
  });
  EXPECT_EQ(size, 5U);
}

TEST_F(MmiTest, ManageNestsToTheLimitAndNoFurther) {
  int depth = 0;
  EfiStatus deepest = status::success;
  add(0, &guid_a, [&](const HandlerCall&) {
    ++depth;
    const EfiStatus result = machine_.mmst().mmi_manage(&guid_a, nullptr, nullptr, nullptr);
    if (deepest == status::success) deepest = result;
    return result;
  });
  machine_.send(guid_a);
  EXPECT_EQ(deepest, status::out_of_resources);
  EXPECT_EQ(depth, static_cast<int>(abi::domain_call_depth));
  depth = 0;
  handler_bodies[0] = {};
  EXPECT_EQ(machine_.send(guid_a).status, status::success) << "nothing was disabled by that";
}

// ---- Registration ----

TEST_F(MmiTest, RegisterChecksItsArguments) {
  machine_.as_driver([this](MmSystemTable& mmst) {
    Handle handle = nullptr;
    EXPECT_EQ(mmst.mmi_handler_register(nullptr, &guid_a, &handle), status::invalid_parameter);
    EXPECT_EQ(mmst.mmi_handler_register(handlers[0], &guid_a, nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.mmi_handler_register(handlers[0], at_address<Guid>(64), &handle), status::invalid_parameter);
    EXPECT_EQ(mmst.mmi_handler_register(handlers[0], &guid_a, reinterpret_cast<Handle*>(&machine_.foundation)),
              status::invalid_parameter);
    EXPECT_EQ(mmst.mmi_handler_unregister(nullptr), status::invalid_parameter);
    EXPECT_EQ(mmst.mmi_handler_unregister(static_cast<void*>(&handle)), status::invalid_parameter);
    EXPECT_EQ(mmst.mmi_manage(&guid_a, nullptr, nullptr, nullptr), status::not_found) << "left registered";
    ASSERT_EQ(mmst.mmi_handler_register(handlers[0], &guid_a, &handle), status::success);
    EXPECT_EQ(mmst.mmi_handler_unregister(handle), status::success);
    EXPECT_EQ(mmst.mmi_handler_unregister(handle), status::invalid_parameter);
  });
}

TEST_F(MmiTest, AHandlerMayUnregisterItselfAndOthersWhileRunning) {
  Handle first = nullptr;
  Handle third = nullptr;
  first = add(1, &guid_a, [&](const HandlerCall& call) {
    order_ += '1';
    EXPECT_EQ(call.dispatch_handle, first);
    EXPECT_EQ(machine_.mmst().mmi_handler_unregister(first), status::success);
    EXPECT_EQ(machine_.mmst().mmi_handler_unregister(first), status::invalid_parameter);
    EXPECT_EQ(machine_.mmst().mmi_handler_unregister(third), status::success);
    return status::warn_interrupt_source_pending;
  });
  add_noting(2, &guid_a, status::warn_interrupt_source_pending);
  third = add_noting(3, &guid_a, status::warn_interrupt_source_pending);
  add_noting(4, &guid_a, status::warn_interrupt_source_pending);
  machine_.send(guid_a);
  EXPECT_EQ(order_, "124");
  machine_.send(guid_a);
  EXPECT_EQ(order_, "12424");
}

TEST_F(MmiTest, TheLastHandlerMayEndItsOwnType) {
  Handle only = nullptr;
  only = add(1, &guid_a, [&](const HandlerCall&) {
    EXPECT_EQ(machine_.mmst().mmi_handler_unregister(only), status::success);
    EXPECT_EQ(machine_.mmst().mmi_manage(&guid_a, nullptr, nullptr, nullptr), status::not_found);
    // And start it anew, for the next MMI.
    Handle next = nullptr;
    EXPECT_EQ(machine_.mmst().mmi_handler_register(handlers[2], &guid_a, &next), status::success);
    return status::success;
  });
  EXPECT_EQ(machine_.send(guid_a).status, status::success);
  handler_bodies[2] = [&](const HandlerCall&) {
    order_ += '2';
    return status::success;
  };
  EXPECT_EQ(machine_.send(guid_a).status, status::success);
  EXPECT_EQ(order_, "2");
}

TEST_F(MmiTest, AHandlerRegisteredDuringADispatchWaitsForTheNext) {
  add(1, &guid_a, [&](const HandlerCall&) {
    Handle handle = nullptr;
    EXPECT_EQ(machine_.mmst().mmi_handler_register(handlers[2], &guid_a, &handle), status::success);
    return status::warn_interrupt_source_quiesced;
  });
  handler_bodies[2] = [&](const HandlerCall&) {
    order_ += '2';
    return status::warn_interrupt_source_quiesced;
  };
  machine_.send(guid_a);
  EXPECT_EQ(order_, "");
  machine_.send(guid_a);
  EXPECT_EQ(order_, "2");
}

// ---- Root handlers ----

TEST_F(MmiTest, RootHandlersRunAfterTheMessageAndWithoutOne) {
  add_noting(1, nullptr, status::success);
  add_noting(2, &guid_a, status::success);
  order_.clear();
  machine_.send(guid_a);
  EXPECT_EQ(order_, "21");
  machine_.asynchronous_mmi();
  EXPECT_EQ(order_, "211");
}

TEST_F(MmiTest, TheSupervisorKnowsWhetherAnybodyCares) {
  EXPECT_FALSE(machine_.supervisor.root_interest);
  const Handle first = add(1, nullptr);
  const Handle second = add(2, nullptr);
  EXPECT_TRUE(machine_.supervisor.root_interest);
  machine_.as_driver([&](MmSystemTable& mmst) {
    EXPECT_EQ(mmst.mmi_handler_unregister(first), status::success);
    EXPECT_TRUE(machine_.supervisor.root_interest);
    EXPECT_EQ(mmst.mmi_handler_unregister(second), status::success);
    EXPECT_FALSE(machine_.supervisor.root_interest);
  });
}

TEST_F(MmiTest, EntryAndExitNotificationsSurroundTheDispatch) {
  notify_on(0, abi::mm_entry_notify_protocol_guid, [this](const Guid&, std::uint64_t, Handle) { order_ += '<'; });
  notify_on(1, abi::mm_exit_notify_protocol_guid, [this](const Guid&, std::uint64_t, Handle) { order_ += '>'; });
  EXPECT_TRUE(machine_.supervisor.root_interest);
  add_noting(1, nullptr, status::success);
  add_noting(2, &guid_a, status::success);
  order_.clear();
  machine_.send(guid_a);
  EXPECT_EQ(order_, "<21>");
  machine_.as_driver([](MmSystemTable& mmst) {
    void* interface = nullptr;
    EXPECT_EQ(mmst.locate_protocol(&abi::mm_entry_notify_protocol_guid, nullptr, &interface), status::not_found);
  });
}

// ---- Phases ----

class LifecycleTest : public MmiTest {
 protected:
  void SetUp() override {
    MmiTest::SetUp();
    const std::vector<std::pair<Guid, char>> phases = {{abi::mm_end_of_pei_protocol_guid, 'p'},
                                                       {abi::mm_end_of_dxe_protocol_guid, 'd'},
                                                       {abi::mm_ready_to_lock_protocol_guid, 'l'},
                                                       {abi::ready_to_boot_event_group_guid, 'b'},
                                                       {abi::exit_boot_services_event_group_guid, 'x'}};
    std::size_t number = 0;
    for (const auto& [guid, letter] : phases) {
      notify_on(number++, guid, [this, letter](const Guid&, std::uint64_t interface, Handle) {
        EXPECT_EQ(interface, 0U);
        order_ += letter;
      });
    }
  }
};

TEST_F(LifecycleTest, EachEventNotifiesOnceAndIsReported) {
  const auto twice = [this](const Guid& message, EfiStatus second) {
    EXPECT_EQ(machine_.send(message).status, status::success);
    EXPECT_EQ(machine_.send(message).status, second);
  };
  twice(abi::mm_end_of_pei_protocol_guid, status::success);
  twice(abi::end_of_dxe_event_group_guid, status::success);
  twice(abi::dxe_mm_ready_to_lock_protocol_guid, status::not_found);
  twice(abi::ready_to_boot_event_group_guid, status::success);
  twice(abi::exit_boot_services_event_group_guid, status::not_found);
  EXPECT_EQ(order_, "pdlbx");
  EXPECT_TRUE(machine_.supervisor.logged("lifecycle event=EndOfDxe mmis="));
  EXPECT_TRUE(machine_.supervisor.logged("lifecycle event=ExitBootServices mmis="));
  EXPECT_TRUE(machine_.supervisor.logged(" faults=0 mmram_used="));
  EXPECT_EQ(std::ranges::count_if(machine_.supervisor.lines,
                                  [](const std::string& line) { return line.starts_with("lifecycle"); }),
            5);
  machine_.as_driver([](MmSystemTable& mmst) {
    UintN size = 64;
    Handle found[8];
    EXPECT_EQ(mmst.locate_handle(abi::by_protocol, &abi::mm_ready_to_lock_protocol_guid, nullptr, &size, found),
              status::success);
    EXPECT_EQ(size, sizeof(Handle));
  });
}

TEST_F(LifecycleTest, BootTimeMessagesEndWithTheLockAndAllWithTheBoot) {
  const auto expect_gone = [this](const std::vector<Guid>& messages) {
    for (const Guid& message : messages) EXPECT_EQ(machine_.send(message).status, status::not_found);
  };
  const std::vector<Guid> of_boot = {abi::mm_dispatch_event_guid, abi::mm_end_of_pei_protocol_guid,
                                     abi::end_of_dxe_event_group_guid, abi::dxe_mm_ready_to_lock_protocol_guid};
  EXPECT_EQ(machine_.send(abi::mm_dispatch_event_guid).status, status::success);
  EXPECT_EQ(machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid).status, status::success);
  expect_gone(of_boot);
  EXPECT_EQ(machine_.send(abi::ready_to_boot_event_group_guid).status, status::success);
  EXPECT_EQ(machine_.send(abi::exit_boot_services_event_group_guid).status, status::success);
  expect_gone(of_boot);
  expect_gone({abi::ready_to_boot_event_group_guid, abi::exit_boot_services_event_group_guid});
  EXPECT_EQ(order_, "dlbx");
}

TEST_F(LifecycleTest, ABootWithoutALockEndsBootTimeMessagesButNotTheLock) {
  EXPECT_EQ(machine_.send(abi::exit_boot_services_event_group_guid).status, status::success);
  EXPECT_EQ(machine_.send(abi::mm_dispatch_event_guid).status, status::not_found);
  EXPECT_EQ(machine_.send(abi::end_of_dxe_event_group_guid).status, status::not_found);
  EXPECT_EQ(machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid).status, status::success);
  EXPECT_EQ(machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid).status, status::not_found);
  EXPECT_EQ(order_, "dxl");
}

TEST_F(LifecycleTest, AMessageThatEndedIsLeftToDrivers) {
  add_noting(9, &abi::dxe_mm_ready_to_lock_protocol_guid, status::success);
  order_.clear();
  EXPECT_EQ(machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid).status, status::success);
  EXPECT_EQ(machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid).status, status::success);
  EXPECT_EQ(order_, "dl99");
}

TEST_F(LifecycleTest, NothingWorksBackwardsButALockIsNeverRefused) {
  EXPECT_EQ(machine_.send(abi::ready_to_boot_event_group_guid).status, status::success);
  EXPECT_EQ(machine_.send(abi::end_of_dxe_event_group_guid).status, status::success);
  EXPECT_EQ(machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid).status, status::success);
  EXPECT_EQ(order_, "dbl");
}

// Drivers lock at EndOfDxe what is theirs: who sends a later phase first must not leave that open.
TEST_F(LifecycleTest, ALaterPhaseEndsDxeToo) {
  for (const Guid& message : {abi::dxe_mm_ready_to_lock_protocol_guid, abi::ready_to_boot_event_group_guid,
                              abi::exit_boot_services_event_group_guid}) {
    EXPECT_EQ(machine_.send(message).status, status::success);
    EXPECT_EQ(std::ranges::count(order_, 'd'), 1);
    EXPECT_EQ(order_.front(), 'd');
  }
}

// What a handler makes of the size is no news about the phase, for whose sake the sender would stop the machine.
TEST_F(LifecycleTest, APhaseIsHeardWhateverItsHandlersAnswer) {
  for (const UintN size : {UintN{0}, UintN{8}, ~UintN{0}}) {
    add(9, &abi::ready_to_boot_event_group_guid, [size](const HandlerCall& call) {
      *call.size = size;
      return status::warn_interrupt_source_quiesced;
    });
    ByteVector data(1);
    const auto reply = machine_.send(abi::ready_to_boot_event_group_guid, data, 1);
    EXPECT_EQ(reply.status, status::success);
    EXPECT_EQ(reply.size, 1U);
  }
}

TEST_F(LifecycleTest, DriversMayHandleTheMessageToo) {
  add_noting(9, &abi::ready_to_boot_event_group_guid, status::success);
  order_.clear();
  EXPECT_EQ(machine_.send(abi::ready_to_boot_event_group_guid).status, status::success);
  EXPECT_EQ(order_, "db9");
  EXPECT_EQ(machine_.send(abi::ready_to_boot_event_group_guid).status, status::success);
  EXPECT_EQ(order_, "db99");
}

}  // namespace
}  // namespace redoubt::foundation
