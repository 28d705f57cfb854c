// SPDX-License-Identifier: BSD-2-Clause-Patent
// The child dispatch protocols over a fake MM and a fake ICH9. Tests are named after what PI 1.9, volume 4, chapter 7
// says. Children are called through a table by type, as the foundation does; a child has no function of its own here
// but a body that its test sets.
#include "drivers/child_dispatch/dispatcher.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "abi/redoubt/inner_mmi.hpp"
#include "abi/uefi/guid_text.hpp"
#include "drivers/child_dispatch/protocols.hpp"

namespace redoubt::child_dispatch {
namespace {

using abi::EfiStatus;
using abi::Handle;
using abi::MmIchnRegisterContext;
using abi::MmSwRegisterContext;
using abi::UintN;
namespace status = abi::status;

std::uintptr_t number(Handle handle) { return reinterpret_cast<std::uintptr_t>(handle); }
Handle handle_of(std::uintptr_t value) { return reinterpret_cast<Handle>(value); }

// One function for all children; its argument tells them apart.
std::function<EfiStatus(Handle, const void*, void*, UintN*)> child_body;
EFIAPI EfiStatus child(Handle handle, const void* context, void* buffer, UintN* size) {
  return child_body(handle, context, buffer, size);
}

class FakeMm final : public ManagementMode {
 public:
  ~FakeMm() { EXPECT_EQ(allocations, 0) << "a child was not released"; }

  EfiStatus add_handler(abi::MmiHandler function, const abi::Guid& type, Handle& handle) override {
    EXPECT_TRUE(abi::is_inner_mmi(type));
    EXPECT_FALSE(handlers.contains(key(type)));
    if (refuse_handlers) return status::out_of_resources;
    handle = handle_of(++last_handle);
    handlers[key(type)] = {function, handle};
    return status::success;
  }
  void remove_handler(Handle handle) override {
    std::erase_if(handlers, [&](const auto& entry) { return entry.second.handle == handle; });
  }
  EfiStatus call_handler(const abi::Guid& type, const void* context, void* buffer, UintN* size) override {
    const auto found = handlers.find(key(type));
    if (found == handlers.end()) return status::not_found;
    const EfiStatus result = found->second.function(found->second.handle, context, buffer, size);
    return result == status::device_error || result == status::success ? result : status::not_found;
  }
  EfiStatus watch_mmis(bool wanted) override {
    if (wanted && refuse_watching) return status::out_of_resources;
    EXPECT_NE(watching, wanted) << "said once each time";
    watching = wanted;
    return status::success;
  }
  UintN requesting_cpu(std::uint8_t command) override { return command == 0x55 ? 3 : 1; }
  UintN driver_at(const void* address) override {
    if (address != reinterpret_cast<const void*>(&child)) return calling_driver;
    return children_stopped ? 0 : children_driver;
  }
  void report_refusal(UintN driver, UintN owner) override { refusals.emplace_back(driver, owner); }
  void* allocate(std::size_t bytes) override {
    if (no_memory) return nullptr;
    ++allocations;
    return std::malloc(bytes);
  }
  void release(void* memory) override {
    --allocations;
    std::free(memory);
  }

  struct Handler {
    abi::MmiHandler function;
    Handle handle;
  };
  static std::string key(const abi::Guid& guid) { return {reinterpret_cast<const char*>(&guid), sizeof(guid)}; }
  std::map<std::string, Handler> handlers;
  std::uintptr_t last_handle = 0x1000;
  bool watching = false;
  bool refuse_watching = false;
  bool refuse_handlers = false;
  bool no_memory = false;
  int allocations = 0;
  UintN children_driver = 1;
  UintN calling_driver = 1;
  bool children_stopped = false;
  std::vector<std::pair<UintN, UintN>> refusals;
};

class FakeIch9 final : public Chipset {
 public:
  std::uint8_t command() override { return command_value; }
  std::uint8_t data() override { return data_value; }
  void forget_command() override { command_value = 0; }
  std::uint16_t tco_status() override { return tco; }
  void clear_tco_status(std::uint16_t bits) override { tco = static_cast<std::uint16_t>(tco & ~bits); }
  bool enable_tco(bool enabled) override {
    if (tco_locked) return tco_enabled == enabled;
    tco_enabled = enabled;
    return true;
  }

  std::uint8_t command_value = 0;
  std::uint8_t data_value = 0;
  std::uint16_t tco = 0;
  bool tco_enabled = false;
  bool tco_locked = false;
};

class ChildDispatch : public ::testing::Test {
 protected:
  void SetUp() override {
    interfaces_ = interfaces(dispatcher_);
    child_body = [this](Handle handle, const void* context, void* buffer, const UintN* size) {
      Call call{number(handle), context, buffer, size != nullptr ? *size : 0, {}};
      if (buffer != nullptr) call.software = *static_cast<abi::MmSwContext*>(buffer);
      calls_.push_back(call);
      return status::success;
    };
  }
  void TearDown() override {
    for (const Handle handle : registered_) {
      software().unregister_handler(&software(), handle);
      ichn().unregister_handler(&ichn(), handle);
    }
    EXPECT_FALSE(mm_.watching);
    EXPECT_FALSE(chipset_.tco_enabled);
    child_body = nullptr;
  }

  template <typename Protocol>
  Protocol& protocol(const abi::Guid& guid) {
    for (const Interface& entry : interfaces_) {
      if (*entry.protocol == guid) return *static_cast<Protocol*>(entry.interface);
    }
    std::abort();
  }
  abi::MmSwDispatchProtocol& software() {
    return protocol<abi::MmSwDispatchProtocol>(abi::mm_sw_dispatch_protocol_guid);
  }
  abi::MmIchnDispatchProtocol& ichn() {
    return protocol<abi::MmIchnDispatchProtocol>(abi::mm_ichn_dispatch2_protocol_guid);
  }
  Handle add_software(UintN value) {
    MmSwRegisterContext context{value};
    Handle handle = nullptr;
    EXPECT_EQ(software().register_handler(&software(), child, &context, &handle), status::success);
    registered_.push_back(handle);
    return handle;
  }
  Handle add_ichn(std::uint32_t type) {
    MmIchnRegisterContext context{type};
    Handle handle = nullptr;
    EXPECT_EQ(ichn().register_handler(&ichn(), child, &context, &handle), status::success);
    registered_.push_back(handle);
    return handle;
  }
  EfiStatus software_status(UintN value) {
    MmSwRegisterContext context{value};
    Handle handle = nullptr;
    return software().register_handler(&software(), child, &context, &handle);
  }
  // As software does, and the MMI that follows.
  bool raise(std::uint8_t command, std::uint8_t data = 0) {
    chipset_.data_value = data;
    chipset_.command_value = command;
    return mm_.watching && dispatcher_.dispatch();
  }

  struct Call {
    std::uintptr_t handle;
    const void* context;
    void* buffer;
    UintN size;
    abi::MmSwContext software;
  };
  std::vector<std::uintptr_t> called() {
    std::vector<std::uintptr_t> handles;
    for (const Call& call : calls_) handles.push_back(call.handle);
    calls_.clear();
    return handles;
  }

  FakeMm mm_;
  FakeIch9 chipset_;
  Dispatcher dispatcher_{mm_, chipset_};
  std::array<Interface, interface_count> interfaces_{};
  std::vector<Handle> registered_;
  std::vector<Call> calls_;
};

// ---- 7.2, software MMIs ----

TEST_F(ChildDispatch, SoftwareChildIsCalledForItsValueWithBothPorts) {
  MmSwRegisterContext context{0x55};
  Handle handle = nullptr;
  ASSERT_EQ(software().register_handler(&software(), child, &context, &handle), status::success);
  registered_.push_back(handle);
  context.value = 0;  // the dispatcher has a copy
  EXPECT_FALSE(raise(0x54));
  EXPECT_TRUE(raise(0x55, 0xAB));
  ASSERT_EQ(calls_.size(), 1U);
  EXPECT_EQ(calls_[0].handle, number(handle));
  EXPECT_EQ(calls_[0].size, sizeof(abi::MmSwContext));
  EXPECT_EQ(calls_[0].software.command_port, 0x55);
  EXPECT_EQ(calls_[0].software.data_port, 0xAB);
  EXPECT_EQ(calls_[0].software.cpu, 3U);
}

TEST_F(ChildDispatch, SoftwareChildGetsTheContextItRegistered) {
  add_software(0x70);
  child_body = [](Handle, const void* context, void*, UintN*) {
    EXPECT_EQ(static_cast<const MmSwRegisterContext*>(context)->value, 0x70U);
    return status::success;
  };
  EXPECT_TRUE(raise(0x70));
}

TEST_F(ChildDispatch, ACommandIsHandledOnce) {
  add_software(0x55);
  EXPECT_TRUE(raise(0x55));
  EXPECT_FALSE(dispatcher_.dispatch()) << "an MMI for another reason, or of a processor that came late";
  EXPECT_EQ(called().size(), 1U);
  EXPECT_TRUE(raise(0x55));
  EXPECT_EQ(called().size(), 1U);
}

TEST_F(ChildDispatch, ACommandFromBeforeIsNotANewChilds) {
  chipset_.command_value = 0x55;
  add_software(0x55);
  EXPECT_FALSE(dispatcher_.dispatch());
  EXPECT_TRUE(called().empty());
}

TEST_F(ChildDispatch, ACommandThatIsNobodysStaysForOtherRootHandlers) {
  add_software(0x55);
  EXPECT_FALSE(raise(0x04));
  EXPECT_EQ(chipset_.command_value, 0x04);
}

TEST_F(ChildDispatch, SoftwareValuesOutOfRangeOrInUseAreInvalid) {
  EXPECT_EQ(software().maximum_value, 0xFFU);
  for (const UintN value : {UintN{0}, UintN{2}, UintN{3}, UintN{0x100}, UintN{1} << 40, ~UintN{0} - 1}) {
    EXPECT_EQ(software_status(value), status::invalid_parameter) << value;
  }
  const Handle handle = add_software(0x55);
  EXPECT_EQ(software_status(0x55), status::invalid_parameter);
  EXPECT_EQ(software().unregister_handler(&software(), handle), status::success);
  add_software(0x55);
}

TEST_F(ChildDispatch, SoftwareArgumentsThatAreNullAreInvalid) {
  MmSwRegisterContext context{0x55};
  Handle handle = nullptr;
  EXPECT_EQ(software().register_handler(&software(), nullptr, &context, &handle), status::invalid_parameter);
  EXPECT_EQ(software().register_handler(&software(), child, nullptr, &handle), status::invalid_parameter);
  EXPECT_EQ(software().register_handler(&software(), child, &context, nullptr), status::invalid_parameter);
  EXPECT_EQ(dispatcher_.children(), 0U);
}

TEST_F(ChildDispatch, UniqueValuesAreAssignedUntilThereAreNoMore) {
  add_software(0xFF);
  std::vector<bool> seen(0x100);
  for (int i = 0; i < 0x100 - 3 - 1; ++i) {
    MmSwRegisterContext context{MmSwRegisterContext::any_value};
    Handle handle = nullptr;
    ASSERT_EQ(software().register_handler(&software(), child, &context, &handle), status::success) << i;
    registered_.push_back(handle);
    ASSERT_LE(context.value, 0xFEU);
    EXPECT_FALSE(seen[context.value]);
    seen[context.value] = true;
  }
  EXPECT_FALSE(seen[0] || seen[2] || seen[3]);
  EXPECT_EQ(software_status(MmSwRegisterContext::any_value), status::out_of_resources);
}

TEST_F(ChildDispatch, NoMemoryOrNoHandlerIsOutOfResourcesAndLeavesNothing) {
  mm_.no_memory = true;
  EXPECT_EQ(software_status(0x55), status::out_of_resources);
  mm_.no_memory = false;
  mm_.refuse_handlers = true;
  EXPECT_EQ(software_status(0x55), status::out_of_resources);
  mm_.refuse_handlers = false;
  mm_.refuse_watching = true;
  EXPECT_EQ(software_status(0x55), status::out_of_resources);
  EXPECT_TRUE(mm_.handlers.empty());
  mm_.refuse_watching = false;
  add_software(0x55);
}

TEST_F(ChildDispatch, HandlesOfOthersCannotBeUnregistered) {
  const Handle handle = add_software(0x55);
  EXPECT_EQ(software().unregister_handler(&software(), nullptr), status::invalid_parameter);
  EXPECT_EQ(software().unregister_handler(&software(), handle_of(number(handle) + 1)), status::invalid_parameter);
  EXPECT_EQ(ichn().unregister_handler(&ichn(), handle), status::invalid_parameter);
  EXPECT_EQ(software().unregister_handler(&software(), handle), status::success);
  EXPECT_EQ(software().unregister_handler(&software(), handle), status::invalid_parameter);
  EXPECT_FALSE(raise(0x55));
}

TEST_F(ChildDispatch, AChildIsItsFunctionsDriversAndNobodyElseMakesOrRemovesIt) {
  mm_.children_driver = 7;
  mm_.calling_driver = 9;
  EXPECT_EQ(software_status(0x40), status::invalid_parameter);
  MmIchnRegisterContext tco{MmIchnRegisterContext::os_tco};
  Handle none = nullptr;
  EXPECT_EQ(ichn().register_handler(&ichn(), child, &tco, &none), status::invalid_parameter);
  EXPECT_TRUE(mm_.handlers.empty());
  mm_.calling_driver = 7;
  const Handle of_software = add_software(0x40);
  const Handle of_tco = add_ichn(MmIchnRegisterContext::os_tco);
  mm_.calling_driver = 9;
  EXPECT_EQ(software().unregister_handler(&software(), of_software), status::invalid_parameter);
  EXPECT_EQ(ichn().unregister_handler(&ichn(), of_tco), status::invalid_parameter);
  EXPECT_EQ(mm_.refusals, (std::vector<std::pair<UintN, UintN>>(4, {9, 7})));
  EXPECT_TRUE(raise(0x40));
  mm_.calling_driver = 7;
  EXPECT_EQ(software().unregister_handler(&software(), of_software), status::success);
  EXPECT_EQ(ichn().unregister_handler(&ichn(), of_tco), status::success);
}

TEST_F(ChildDispatch, MmisAreWatchedOnlyWhileThereIsAChild) {
  EXPECT_FALSE(mm_.watching);
  const Handle first = add_software(0x55);
  const Handle second = add_software(0x56);
  EXPECT_TRUE(mm_.watching);
  software().unregister_handler(&software(), first);
  EXPECT_TRUE(mm_.watching);
  software().unregister_handler(&software(), second);
  EXPECT_FALSE(mm_.watching);
}

TEST_F(ChildDispatch, AChildMayRemoveItselfAndRegisterAnother) {
  const Handle handle = add_software(0x55);
  Handle other = nullptr;
  child_body = [&](Handle called_handle, const void* context, void*, UintN*) {
    EXPECT_EQ(called_handle, handle);
    EXPECT_EQ(software().unregister_handler(&software(), handle), status::success);
    EXPECT_EQ(static_cast<const MmSwRegisterContext*>(context)->value, 0x55U) << "still there";
    other = add_software(0x55);
    return status::success;
  };
  EXPECT_TRUE(raise(0x55));
  EXPECT_NE(other, handle);
  int again = 0;
  child_body = [&](Handle called_handle, const void*, void*, UintN*) {
    EXPECT_EQ(called_handle, other);
    ++again;
    return status::success;
  };
  EXPECT_TRUE(raise(0x55));
  EXPECT_EQ(again, 1);
}

TEST_F(ChildDispatch, AChildThatRaisesAnotherCommandIsFollowedByIt) {
  add_software(0x55);
  add_software(0x56);
  std::vector<UintN> order;
  child_body = [&](Handle, const void* context, void*, UintN*) {
    order.push_back(static_cast<const MmSwRegisterContext*>(context)->value);
    if (order.size() == 1) chipset_.command_value = 0x56;
    return status::success;
  };
  EXPECT_TRUE(raise(0x55));
  EXPECT_TRUE(dispatcher_.dispatch()) << "the MMI that the write raised";
  EXPECT_EQ(order, (std::vector<UintN>{0x55, 0x56}));
}

TEST_F(ChildDispatch, AChildWhoseDriverFailedIsForgotten) {
  add_software(0x55);
  child_body = [](Handle, const void*, void*, UintN*) { return status::device_error; };
  EXPECT_TRUE(raise(0x55));
  EXPECT_EQ(dispatcher_.children(), 0U);
  EXPECT_FALSE(mm_.watching);
  child_body = [](Handle, const void*, void*, UintN*) { return status::invalid_parameter; };
  add_software(0x55);
  EXPECT_TRUE(raise(0x55));
  EXPECT_EQ(dispatcher_.children(), 1U) << "what a child returns is its own business";
}

// Stopped by something else than the child's own call, so that MM knows no handler any more.
TEST_F(ChildDispatch, AChildWhoseDriverWasStoppedElsewhereIsForgotten) {
  add_software(0x55);
  mm_.handlers.clear();
  mm_.children_stopped = true;
  EXPECT_FALSE(raise(0x55)) << "nobody was called";
  EXPECT_EQ(dispatcher_.children(), 0U);
  EXPECT_FALSE(mm_.watching);
  MmSwRegisterContext context{0x55};
  Handle handle = nullptr;
  mm_.calling_driver = 0;
  EXPECT_EQ(software().register_handler(&software(), child, &context, &handle), status::invalid_parameter)
      << "nobody's code";
  mm_.children_stopped = false;
  mm_.calling_driver = 1;
  add_software(0x55);
  EXPECT_TRUE(raise(0x55)) << "the value is free again";
}

// ---- ICHn events ----

TEST_F(ChildDispatch, TcoChildrenAreCalledForTheirEventsInOrder) {
  const auto timeout = number(add_ichn(MmIchnRegisterContext::tco_timeout));
  const auto os = number(add_ichn(MmIchnRegisterContext::os_tco));
  const auto second = number(add_ichn(MmIchnRegisterContext::tco_timeout));
  EXPECT_TRUE(chipset_.tco_enabled);
  EXPECT_FALSE(dispatcher_.dispatch());
  chipset_.tco = 0x1000 | Chipset::tco_timeout;
  EXPECT_TRUE(dispatcher_.dispatch());
  ASSERT_EQ(calls_.size(), 2U);
  EXPECT_EQ(calls_[0].buffer, nullptr);
  EXPECT_EQ(calls_[0].size, 0U);
  EXPECT_EQ(called(), (std::vector<std::uintptr_t>{timeout, second}));
  EXPECT_EQ(chipset_.tco, 0x1000) << "bits of others stay";
  chipset_.tco = Chipset::tco_timeout | Chipset::tco_software;
  EXPECT_TRUE(dispatcher_.dispatch());
  EXPECT_EQ(called(), (std::vector<std::uintptr_t>{timeout, os, second}));
  EXPECT_FALSE(dispatcher_.dispatch());
}

TEST_F(ChildDispatch, TcoEventsFromBeforeAreNotANewChilds) {
  chipset_.tco = Chipset::tco_timeout;
  add_ichn(MmIchnRegisterContext::tco_timeout);
  EXPECT_FALSE(dispatcher_.dispatch());
}

TEST_F(ChildDispatch, TcoIsEnabledOnlyWhileItHasAChild) {
  const Handle first = add_ichn(MmIchnRegisterContext::tco_timeout);
  const Handle second = add_ichn(MmIchnRegisterContext::os_tco);
  ichn().unregister_handler(&ichn(), first);
  EXPECT_TRUE(chipset_.tco_enabled);
  ichn().unregister_handler(&ichn(), second);
  EXPECT_FALSE(chipset_.tco_enabled);
}

TEST_F(ChildDispatch, TcoThatCannotBeEnabledIsADeviceError) {
  chipset_.tco_locked = true;
  MmIchnRegisterContext context{MmIchnRegisterContext::tco_timeout};
  Handle handle = nullptr;
  EXPECT_EQ(ichn().register_handler(&ichn(), child, &context, &handle), status::device_error);
  EXPECT_EQ(dispatcher_.children(), 0U);
  EXPECT_FALSE(mm_.watching);
}

TEST_F(ChildDispatch, EventsThatTheChipsetLacksAreUnsupported) {
  for (std::uint32_t type = 0; type < MmIchnRegisterContext::type_count + 2; ++type) {
    if (type == MmIchnRegisterContext::tco_timeout || type == MmIchnRegisterContext::os_tco) continue;
    MmIchnRegisterContext context{type};
    Handle handle = nullptr;
    EXPECT_EQ(ichn().register_handler(&ichn(), child, &context, &handle),
              type < MmIchnRegisterContext::type_count ? status::unsupported : status::invalid_parameter);
  }
}

TEST_F(ChildDispatch, ATcoChildMayRemoveTheNextAndAddOneForLater) {
  const Handle first = add_ichn(MmIchnRegisterContext::tco_timeout);
  const Handle second = add_ichn(MmIchnRegisterContext::tco_timeout);
  std::vector<std::uintptr_t> order;
  child_body = [&](Handle handle, const void*, void*, UintN*) {
    order.push_back(number(handle));
    if (order.size() == 1) {
      EXPECT_EQ(ichn().unregister_handler(&ichn(), second), status::success);
      add_ichn(MmIchnRegisterContext::tco_timeout);
    }
    return status::success;
  };
  chipset_.tco = Chipset::tco_timeout;
  EXPECT_TRUE(dispatcher_.dispatch());
  EXPECT_EQ(order, std::vector<std::uintptr_t>{number(first)});
  chipset_.tco = Chipset::tco_timeout;
  EXPECT_TRUE(dispatcher_.dispatch());
  EXPECT_EQ(order.size(), 3U);
}

// ---- 7.3 to 7.9: what raises no MMIs here ----

TEST_F(ChildDispatch, SleepStatesAreUnsupportedOrInvalid) {
  auto& sleep = protocol<abi::MmSxDispatchProtocol>(abi::mm_sx_dispatch_protocol_guid);
  Handle handle = nullptr;
  for (std::uint32_t type = 0; type < 8; ++type) {
    for (std::uint32_t phase = 0; phase < 4; ++phase) {
      const abi::MmSxRegisterContext context{type, phase};
      EXPECT_EQ(sleep.register_handler(&sleep, child, &context, &handle),
                type < 6 && phase < 2 ? status::unsupported : status::invalid_parameter);
    }
  }
  EXPECT_EQ(sleep.register_handler(&sleep, child, nullptr, &handle), status::invalid_parameter);
  EXPECT_EQ(sleep.unregister_handler(&sleep, handle), status::invalid_parameter);
}

TEST_F(ChildDispatch, PeriodicTimerHasNoIntervalsAndIsADeviceError) {
  auto& timer = protocol<abi::MmPeriodicTimerDispatchProtocol>(abi::mm_periodic_timer_dispatch_protocol_guid);
  std::uint64_t something = 1;
  std::uint64_t* interval = &something;
  EXPECT_EQ(timer.get_next_shorter_interval(&timer, &interval), status::success);
  EXPECT_EQ(interval, nullptr);
  EXPECT_EQ(timer.get_next_shorter_interval(&timer, nullptr), status::invalid_parameter);
  Handle handle = nullptr;
  abi::MmPeriodicTimerRegisterContext context{40000, 20000};
  EXPECT_EQ(timer.register_handler(&timer, child, &context, &handle), status::device_error);
  context.period = 0;
  EXPECT_EQ(timer.register_handler(&timer, child, &context, &handle), status::invalid_parameter);
  EXPECT_EQ(timer.unregister_handler(&timer, handle), status::invalid_parameter);
}

TEST_F(ChildDispatch, UsbButtonsAndTrapsAreDeviceErrors) {
  Handle handle = nullptr;
  auto& usb = protocol<abi::MmUsbDispatchProtocol>(abi::mm_usb_dispatch_protocol_guid);
  for (std::uint32_t type = 0; type < 4; ++type) {
    const abi::MmUsbRegisterContext context{type, nullptr};
    EXPECT_EQ(usb.register_handler(&usb, child, &context, &handle),
              type < 2 ? status::device_error : status::invalid_parameter);
  }
  EXPECT_EQ(usb.unregister_handler(&usb, handle), status::invalid_parameter);
  for (const abi::Guid& guid :
       {abi::mm_standby_button_dispatch_protocol_guid, abi::mm_power_button_dispatch_protocol_guid}) {
    auto& button = protocol<abi::MmButtonDispatchProtocol>(guid);
    for (std::uint32_t phase = 0; phase < 4; ++phase) {
      const abi::MmButtonRegisterContext context{phase};
      EXPECT_EQ(button.register_handler(&button, child, &context, &handle),
                phase < 2 ? status::device_error : status::invalid_parameter);
    }
    EXPECT_EQ(button.unregister_handler(&button, handle), status::invalid_parameter);
  }
  auto& traps = protocol<abi::MmIoTrapDispatchProtocol>(abi::mm_io_trap_dispatch_protocol_guid);
  const auto trap = [&](std::uint16_t address, std::uint16_t length, std::uint32_t type) {
    abi::MmIoTrapRegisterContext context{address, length, type};
    return traps.register_handler(&traps, child, &context, &handle);
  };
  EXPECT_EQ(trap(0x80, 1, 0), status::device_error);
  EXPECT_EQ(trap(0x80, 1, 3), status::invalid_parameter);
  EXPECT_EQ(trap(0x80, 0, 0), status::invalid_parameter);
  EXPECT_EQ(trap(0xFFFF, 2, 0), status::invalid_parameter);
  EXPECT_EQ(trap(0xFFFF, 1, 2), status::device_error);
  EXPECT_EQ(trap(0, 4, 1), status::out_of_resources);
  EXPECT_EQ(traps.unregister_handler(&traps, handle), status::invalid_parameter);
}

TEST_F(ChildDispatch, NoInputIsInRange) {
  auto& inputs = protocol<abi::MmGpiDispatchProtocol>(abi::mm_gpi_dispatch_protocol_guid);
  EXPECT_EQ(inputs.supported_inputs, 0U);
  const abi::MmGpiRegisterContext context{0};
  Handle handle = nullptr;
  EXPECT_EQ(inputs.register_handler(&inputs, child, &context, &handle), status::invalid_parameter);
  EXPECT_EQ(inputs.unregister_handler(&inputs, handle), status::invalid_parameter);
}

TEST_F(ChildDispatch, EveryInterfaceIsThereOnce) {
  for (const Interface& entry : interfaces_) {
    EXPECT_NE(entry.interface, nullptr);
    for (const Interface& other : interfaces_) {
      EXPECT_TRUE(&entry == &other || *entry.protocol != *other.protocol);
    }
  }
}

}  // namespace
}  // namespace redoubt::child_dispatch
