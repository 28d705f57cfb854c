// SPDX-License-Identifier: BSD-2-Clause-Patent
// Random sequences of protocol and handler services against the simplest model that could be right: ordered lists and
// linear search. Every answer must agree, at every step. REDOUBT_MODEL_OPERATIONS says how many steps.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <vector>

#include "foundation/testing/machine.hpp"
#include "foundation/testing/test_handlers.hpp"

namespace redoubt::foundation {
namespace {

using abi::EfiStatus;
using abi::Guid;
using abi::Handle;
using abi::MmSystemTable;
using abi::UintN;
using testing::test_guid;
namespace status = abi::status;

struct ModelInterface {
  Handle handle;
  std::uint32_t protocol;
  std::uint64_t interface;
  std::uint64_t sequence;  // of installation
};

struct ModelNotify {
  void* registration;
  std::uint32_t protocol;
  std::size_t function;
  std::uint64_t seen;  // sequence of the last interface returned for it
};

struct ModelHandler {
  Handle handle;
  int type;  // -1 = root
  std::size_t function;
};

class Model {
 public:
  Model(MmSystemTable& mmst, std::uint32_t seed) : mmst_(mmst), random_(seed) {
    for (std::size_t i = 0; i < testing::function_count; ++i) {
      testing::notify_bodies[i] = [this, i](const Guid&, std::uint64_t interface, Handle) {
        notified_.emplace_back(i, interface);
      };
      testing::handler_bodies[i] = [this, i](const testing::HandlerCall&) {
        called_.push_back(i);
        return status::warn_interrupt_source_pending;
      };
    }
  }

  void step() {
    switch (pick(10)) {
      case 0:
      case 1:
      case 2: install(); break;
      case 3: uninstall(); break;
      case 4: handle_protocol(); break;
      case 5: locate(); break;
      case 6: register_notify(); break;
      case 7: by_register_notify(); break;
      case 8: handlers(); break;
      default: manage(); break;
    }
  }

 private:
  static constexpr std::uint32_t protocols = 40;
  static constexpr std::uint32_t types = 8;

  std::uint64_t pick(std::uint64_t count) { return random_() % count; }

  // A handle that exists, once existed or never did.
  Handle some_handle() {
    if (known_.empty() || pick(20) == 0) return at_address<void>(0xA1FFFF0000000000 + pick(500));
    return known_[pick(known_.size())];
  }
  bool alive(Handle handle) {
    return std::ranges::any_of(interfaces_, [&](const ModelInterface& i) { return i.handle == handle; });
  }
  auto find(Handle handle, std::uint32_t protocol) {
    return std::ranges::find_if(interfaces_,
                                [&](const ModelInterface& i) { return i.handle == handle && i.protocol == protocol; });
  }

  void install() {
    Handle handle = pick(3) == 0 ? nullptr : some_handle();
    const Handle before = handle;
    const auto protocol = static_cast<std::uint32_t>(pick(protocols));
    const std::uint64_t interface = pick(4) * 0x1000;
    const Guid guid = test_guid(protocol);
    const bool valid = before == nullptr || (alive(before) && find(before, protocol) == interfaces_.end());
    notified_.clear();
    const EfiStatus result =
        mmst_.install_protocol_interface(&handle, &guid, abi::native_interface, at_address<void>(interface));
    ASSERT_EQ(result, valid ? status::success : status::invalid_parameter);
    if (!valid) return;
    if (before == nullptr) {
      ASSERT_FALSE(alive(handle));
      known_.push_back(handle);
    }
    interfaces_.push_back({handle, protocol, interface, ++sequence_});
    std::vector<std::pair<std::size_t, std::uint64_t>> expected;
    for (const ModelNotify& n : notifies_) {
      if (n.protocol == protocol) expected.emplace_back(n.function, interface);
    }
    ASSERT_EQ(notified_, expected);
  }

  void uninstall() {
    const Handle handle = some_handle();
    const auto protocol = static_cast<std::uint32_t>(pick(protocols));
    auto found = find(handle, protocol);
    const std::uint64_t interface = found != interfaces_.end() && pick(4) != 0 ? found->interface : pick(4) * 0x1000;
    EfiStatus expected = status::invalid_parameter;
    if (alive(handle)) {
      expected = found != interfaces_.end() && found->interface == interface ? status::success : status::not_found;
    }
    const Guid guid = test_guid(protocol);
    ASSERT_EQ(mmst_.uninstall_protocol_interface(handle, &guid, at_address<void>(interface)), expected);
    if (expected == status::success) interfaces_.erase(found);
  }

  void handle_protocol() {
    const Handle handle = some_handle();
    const auto protocol = static_cast<std::uint32_t>(pick(protocols));
    const auto found = find(handle, protocol);
    EfiStatus expected = status::invalid_parameter;
    if (alive(handle)) expected = found != interfaces_.end() ? status::success : status::unsupported;
    const Guid guid = test_guid(protocol);
    void* interface = nullptr;
    ASSERT_EQ(mmst_.handle_protocol(handle, &guid, &interface), expected);
    if (expected == status::success) {
      ASSERT_EQ(address_of(interface), found->interface);
    }
  }

  void locate() {
    const auto protocol = static_cast<std::uint32_t>(pick(protocols));
    const Guid guid = test_guid(protocol);
    std::vector<Handle> expected;
    for (const ModelInterface& i : interfaces_) {
      if (i.protocol == protocol) expected.push_back(i.handle);
    }
    std::vector<Handle> found(interfaces_.size() + 1);
    UintN size = found.size() * sizeof(Handle);
    const EfiStatus result = mmst_.locate_handle(abi::by_protocol, &guid, nullptr, &size, found.data());
    ASSERT_EQ(result, expected.empty() ? status::not_found : status::success);
    if (!expected.empty()) {
      found.resize(size / sizeof(Handle));
      ASSERT_EQ(found, expected);
    }
    void* interface = nullptr;
    ASSERT_EQ(mmst_.locate_protocol(&guid, nullptr, &interface),
              expected.empty() ? status::not_found : status::success);
  }

  void register_notify() {
    const auto protocol = static_cast<std::uint32_t>(pick(protocols));
    const Guid guid = test_guid(protocol);
    const std::size_t function = pick(testing::function_count);
    auto found = std::ranges::find_if(
        notifies_, [&](const ModelNotify& n) { return n.protocol == protocol && n.function == function; });
    if (pick(3) == 0) {
      void* registration = found != notifies_.end() ? found->registration : at_address<void>(pick(UINT64_MAX));
      ASSERT_EQ(mmst_.register_protocol_notify(&guid, nullptr, &registration),
                found != notifies_.end() ? status::success : status::not_found);
      if (found != notifies_.end()) notifies_.erase(found);
      return;
    }
    void* registration = nullptr;
    ASSERT_EQ(mmst_.register_protocol_notify(&guid, testing::notifies[function], &registration), status::success);
    if (found != notifies_.end()) {
      ASSERT_EQ(registration, found->registration);
    } else {
      notifies_.push_back({registration, protocol, function, sequence_});
    }
  }

  void by_register_notify() {
    if (notifies_.empty()) return;
    ModelNotify& notify = notifies_[pick(notifies_.size())];
    const auto expected = std::ranges::find_if(interfaces_, [&](const ModelInterface& i) {
      return i.protocol == notify.protocol && i.sequence > notify.seen;
    });
    Handle handle = nullptr;
    UintN size = sizeof(handle);
    ASSERT_EQ(mmst_.locate_handle(abi::by_register_notify, nullptr, notify.registration, &size, &handle),
              expected != interfaces_.end() ? status::success : status::not_found);
    if (expected == interfaces_.end()) return;
    ASSERT_EQ(handle, expected->handle);
    notify.seen = expected->sequence;
  }

  void handlers() {
    if (!handlers_.empty() && pick(2) == 0) {
      const std::size_t at = pick(handlers_.size());
      ASSERT_EQ(mmst_.mmi_handler_unregister(handlers_[at].handle), status::success);
      ASSERT_EQ(mmst_.mmi_handler_unregister(handlers_[at].handle), status::invalid_parameter);
      handlers_.erase(handlers_.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    }
    const int type = static_cast<int>(pick(types)) - 1;
    const Guid guid = test_guid(static_cast<std::uint32_t>(0x1000 + type));
    const std::size_t function = pick(testing::function_count);
    Handle handle = nullptr;
    ASSERT_EQ(mmst_.mmi_handler_register(testing::handlers[function], type < 0 ? nullptr : &guid, &handle),
              status::success);
    handlers_.push_back({handle, type, function});
  }

  void manage() {
    const int type = static_cast<int>(pick(types)) - 1;
    const Guid guid = test_guid(static_cast<std::uint32_t>(0x1000 + type));
    std::vector<std::size_t> expected;
    for (const ModelHandler& handler : handlers_) {
      if (handler.type == type) expected.push_back(handler.function);
    }
    called_.clear();
    ASSERT_EQ(mmst_.mmi_manage(type < 0 ? nullptr : &guid, nullptr, nullptr, nullptr),
              expected.empty() ? status::not_found : status::warn_interrupt_source_pending);
    ASSERT_EQ(called_, expected);
  }

  MmSystemTable& mmst_;
  std::mt19937_64 random_;
  std::vector<ModelInterface> interfaces_;
  std::vector<ModelNotify> notifies_;
  std::vector<ModelHandler> handlers_;
  std::vector<Handle> known_;
  std::uint64_t sequence_ = 0;
  std::vector<std::pair<std::size_t, std::uint64_t>> notified_;
  std::vector<std::size_t> called_;
};

TEST(Model, DatabasesAgreeWithIt) {
  const char* wanted = std::getenv("REDOUBT_MODEL_OPERATIONS");
  const std::size_t operations = wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 20000;
  testing::clear_functions();
  testing::Machine machine;
  ASSERT_EQ(machine.launch(), status::success);
  machine.as_driver([&](MmSystemTable& mmst) {
    Model model(mmst, 20261124);
    for (std::size_t i = 0; i < operations && !::testing::Test::HasFatalFailure(); ++i) model.step();
    testing::clear_functions();
  });
}

}  // namespace
}  // namespace redoubt::foundation
