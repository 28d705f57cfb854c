// SPDX-License-Identifier: BSD-2-Clause-Patent
// Random sequences of services against the simplest model that could be right: ordered lists and linear search. Every
// answer must agree, at every step. Handlers and notifications call services themselves, so that databases change
// under the walks that call them. REDOUBT_MODEL_OPERATIONS says how many steps, REDOUBT_MODEL_SEED which ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>
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

struct ModelTable {
  std::uint32_t guid;
  std::uint64_t address;
};

struct ModelMemory {
  std::uint64_t address;
  std::uint64_t bytes;
  bool pool;
  std::uint8_t fill;
};

// A dispatch of handlers or notifications that is going on: those that were registered when it began, in order. Who is
// unregistered before its turn isn't called.
struct Walk {
  std::vector<void*> waiting;      // handles or registrations
  std::uint64_t interface = 0;     // sequence of the interface that notifications are about
  std::uint32_t protocol = 0;      // of notifications
  std::vector<EfiStatus> results;  // of handlers
  bool ended = false;              // by what the last one did
};

class Model {
 public:
  Model(MmSystemTable& mmst, std::uint64_t seed) : mmst_(mmst), random_(seed) {
    for (std::size_t i = 0; i < testing::function_count; ++i) {
      testing::notify_bodies[i] = [this, i](const Guid& guid, std::uint64_t interface, Handle handle) {
        notified(i, guid, interface, handle);
      };
      testing::handler_bodies[i] = [this, i](const testing::HandlerCall& call) { return called(i, call); };
    }
  }

  void step() {
    switch (pick(17)) {
      case 0:
      case 1:
      case 2: interfaces_.size() < most_interfaces ? install() : uninstall(); break;
      case 3:
      case 4: uninstall(); break;
      case 5: handle_protocol(); break;
      case 6: locate(); break;
      case 7: locate_all(); break;
      case 8: register_notify(); break;
      case 9: by_register_notify(); break;
      case 10:
      case 11: handlers(); break;
      case 12:
      case 13: manage(); break;
      case 14: configuration_table(); break;
      default: memory(); break;
    }
  }

  std::size_t nested_steps() const { return nested_steps_; }

 private:
  static constexpr std::uint32_t protocols = 40;
  static constexpr std::uint32_t types = 8;
  static constexpr std::size_t deepest = 4;  // walks inside walks
  static constexpr std::size_t most_interfaces = 300;

  std::uint64_t pick(std::uint64_t count) { return random_() % count; }

  // ---- Handles and interfaces ----

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
  bool installed(std::uint64_t sequence) {
    return std::ranges::any_of(interfaces_, [&](const ModelInterface& i) { return i.sequence == sequence; });
  }

  void install() {
    Handle handle = pick(3) == 0 || interfaces_.size() < 20 ? nullptr : some_handle();
    const Handle before = handle;
    const auto protocol = static_cast<std::uint32_t>(pick(protocols));
    const std::uint64_t interface = pick(4) * 0x1000;
    const Guid guid = test_guid(protocol);
    const bool valid = before == nullptr || (alive(before) && find(before, protocol) == interfaces_.end());
    if (valid && walks_.size() == deepest) return;
    if (!valid) {
      ASSERT_EQ(mmst_.install_protocol_interface(&handle, &guid, abi::native_interface, at_address<void>(interface)),
                status::invalid_parameter);
      ASSERT_EQ(handle, before);
      return;
    }
    // The model has it before the service returns: notifications run inside.
    const std::uint64_t sequence = ++sequence_;
    interfaces_.push_back({before, protocol, interface, sequence});
    Walk walk;
    walk.interface = sequence;
    walk.protocol = protocol;
    for (const ModelNotify& notify : notifies_) {
      if (notify.protocol == protocol) walk.waiting.push_back(notify.registration);
    }
    pending_handle_ = before == nullptr;
    walks_.push_back(std::move(walk));
    ASSERT_EQ(mmst_.install_protocol_interface(&handle, &guid, abi::native_interface, at_address<void>(interface)),
              status::success);
    learn_handle(handle);
    ASSERT_NO_FATAL_FAILURE(finish_notifications());
  }

  // A new handle is known when the first notification, or the service, says which one it is.
  void learn_handle(Handle handle) {
    if (!pending_handle_) return;
    pending_handle_ = false;
    ASSERT_FALSE(alive(handle));
    known_.push_back(handle);
    creation_.push_back(handle);
    for (ModelInterface& i : interfaces_) {
      if (i.sequence == walks_.back().interface) i.handle = handle;
    }
  }

  void finish_notifications() {
    if (!walks_.back().ended) {
      for (void* registration : walks_.back().waiting) ASSERT_EQ(find_notify(registration), notifies_.end());
    }
    walks_.pop_back();
  }

  void uninstall() {
    const Handle handle = some_handle();
    const auto protocol = static_cast<std::uint32_t>(pick(protocols));
    auto found = find(handle, protocol);
    if (found == interfaces_.end() && !interfaces_.empty() && pick(3) != 0) {
      found = interfaces_.begin() + static_cast<std::ptrdiff_t>(pick(interfaces_.size()));
      uninstall(found->handle, found->protocol, found);
      return;
    }
    uninstall(handle, protocol, found);
  }

  void uninstall(Handle handle, std::uint32_t protocol, std::vector<ModelInterface>::iterator found) {
    const std::uint64_t interface = found != interfaces_.end() && pick(4) != 0 ? found->interface : pick(4) * 0x1000;
    EfiStatus expected = status::invalid_parameter;
    if (alive(handle)) {
      expected = found != interfaces_.end() && found->interface == interface ? status::success : status::not_found;
    }
    const Guid guid = test_guid(protocol);
    ASSERT_EQ(mmst_.uninstall_protocol_interface(handle, &guid, at_address<void>(interface)), expected);
    if (expected != status::success) return;
    interfaces_.erase(found);
    if (!alive(handle)) std::erase(creation_, handle);
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
    const ModelInterface* first = nullptr;
    for (const ModelInterface& i : interfaces_) {
      if (i.protocol != protocol) continue;
      if (first == nullptr) first = &i;
      expected.push_back(i.handle);
    }
    expect_handles(abi::by_protocol, &guid, expected);
    void* interface = nullptr;
    ASSERT_EQ(mmst_.locate_protocol(&guid, nullptr, &interface),
              expected.empty() ? status::not_found : status::success);
    ASSERT_EQ(address_of(interface), first == nullptr ? 0 : first->interface);
  }

  void locate_all() {
    // The database holds a few handles that aren't the model's; those come first, since they were there before.
    UintN size = 0;
    ASSERT_EQ(mmst_.locate_handle(abi::all_handles, nullptr, nullptr, &size, nullptr), status::buffer_too_small);
    std::vector<Handle> found(size / sizeof(Handle));
    ASSERT_EQ(mmst_.locate_handle(abi::all_handles, nullptr, nullptr, &size, found.data()), status::success);
    ASSERT_GE(found.size(), creation_.size());
    ASSERT_TRUE(std::equal(creation_.begin(), creation_.end(),
                           found.end() - static_cast<std::ptrdiff_t>(creation_.size()), found.end()));
  }

  void expect_handles(abi::LocateSearchType type, const Guid* guid, const std::vector<Handle>& expected) {
    const UintN needed = expected.size() * sizeof(Handle);
    UintN size = pick(3) == 0 && needed != 0 ? needed - 1 : needed;
    std::vector<Handle> found(expected.size());
    if (size < needed) {
      ASSERT_EQ(mmst_.locate_handle(type, guid, nullptr, &size, found.data()), status::buffer_too_small);
      ASSERT_EQ(size, needed);
    }
    ASSERT_EQ(mmst_.locate_handle(type, guid, nullptr, &size, found.data()),
              expected.empty() ? status::not_found : status::success);
    ASSERT_EQ(size, needed);
    ASSERT_EQ(found, expected);
  }

  // ---- Notifications ----

  std::vector<ModelNotify>::iterator find_notify(void* registration) {
    return std::ranges::find(notifies_, registration, &ModelNotify::registration);
  }

  void register_notify() {
    const auto protocol = static_cast<std::uint32_t>(pick(protocols));
    const Guid guid = test_guid(protocol);
    const std::size_t function = pick(testing::function_count);
    auto found = std::ranges::find_if(
        notifies_, [&](const ModelNotify& n) { return n.protocol == protocol && n.function == function; });
    if (pick(3) == 0) {
      if (found == notifies_.end() && !notifies_.empty() && pick(2) == 0) {
        // A registration for the wrong protocol.
        const ModelNotify& other = notifies_[pick(notifies_.size())];
        if (other.protocol != protocol) {
          void* registration = other.registration;
          ASSERT_EQ(mmst_.register_protocol_notify(&guid, nullptr, &registration), status::not_found);
        }
        return;
      }
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
      ASSERT_EQ(find_notify(registration), notifies_.end());
      notifies_.push_back({registration, protocol, function, sequence_});
    }
  }

  void by_register_notify() {
    if (notifies_.empty()) return;
    ModelNotify& notify = notifies_[pick(notifies_.size())];
    const auto expected = std::ranges::find_if(interfaces_, [&](const ModelInterface& i) {
      return i.protocol == notify.protocol && i.sequence > notify.seen;
    });
    const EfiStatus status = expected != interfaces_.end() ? status::success : status::not_found;
    const Guid guid = test_guid(notify.protocol);
    if (pick(2) == 0) {
      void* interface = nullptr;
      ASSERT_EQ(mmst_.locate_protocol(&guid, notify.registration, &interface), status);
      if (status != status::success) return;
      ASSERT_EQ(address_of(interface), expected->interface);
    } else {
      Handle handle = nullptr;
      UintN size = sizeof(handle);
      ASSERT_EQ(mmst_.locate_handle(abi::by_register_notify, nullptr, notify.registration, &size, &handle), status);
      if (status != status::success) return;
      ASSERT_EQ(handle, expected->handle);
    }
    notify.seen = expected->sequence;
  }

  void notified(std::size_t function, const Guid& guid, std::uint64_t interface, Handle handle) {
    if (::testing::Test::HasFatalFailure()) return;
    learn_handle(handle);
    Walk& walk = walks_.back();
    ASSERT_FALSE(walk.ended);
    const auto next = std::ranges::find_if(walk.waiting, [&](void* r) { return find_notify(r) != notifies_.end(); });
    ASSERT_NE(next, walk.waiting.end());
    ASSERT_EQ(find_notify(*next)->function, function);
    ASSERT_EQ(guid, test_guid(walk.protocol));
    walk.waiting.erase(walk.waiting.begin(), next + 1);
    const auto about = std::ranges::find(interfaces_, walk.interface, &ModelInterface::sequence);
    ASSERT_NE(about, interfaces_.end());
    ASSERT_EQ(interface, about->interface);
    ASSERT_EQ(handle, about->handle);
    nest();
    // Who is about to hear of it wouldn't find it any more.
    if (!installed(walks_.back().interface)) walks_.back().ended = true;
  }

  // Services called from inside a handler or a notification.
  void nest() {
    if (walks_.size() >= deepest || pick(3) != 0) return;
    for (std::uint64_t steps = pick(4); steps > 0 && !::testing::Test::HasFatalFailure(); --steps) {
      ++nested_steps_;
      step();
    }
  }

  // ---- MMI handlers ----

  std::vector<ModelHandler>::iterator find_handler(Handle handle) {
    return std::ranges::find(handlers_, handle, &ModelHandler::handle);
  }

  void handlers() {
    if (!handlers_.empty() && (pick(2) == 0 || handlers_.size() > 60)) {
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
    ASSERT_EQ(find_handler(handle), handlers_.end());
    handlers_.push_back({handle, type, function});
  }

  void manage() {
    if (walks_.size() == deepest) return;
    const int type = static_cast<int>(pick(types)) - 1;
    const Guid guid = test_guid(static_cast<std::uint32_t>(0x1000 + type));
    Walk walk;
    for (const ModelHandler& handler : handlers_) {
      if (handler.type == type) walk.waiting.push_back(handler.handle);
    }
    root_.push_back(type < 0);
    walks_.push_back(std::move(walk));
    const EfiStatus result = mmst_.mmi_manage(type < 0 ? nullptr : &guid, nullptr, nullptr, nullptr);
    const Walk& done = walks_.back();
    if (!done.ended) {
      for (Handle handle : done.waiting) ASSERT_EQ(find_handler(handle), handlers_.end());
    }
    const auto any = [&](EfiStatus code) { return std::ranges::find(done.results, code) != done.results.end(); };
    EfiStatus expected = status::not_found;
    const bool succeeded = any(status::success) || any(status::warn_interrupt_source_quiesced);
    if (any(status::interrupt_pending) && (type >= 0 || !succeeded)) {
      expected = status::interrupt_pending;
    } else if (succeeded) {
      expected = status::success;
    } else if (any(status::warn_interrupt_source_pending)) {
      expected = status::warn_interrupt_source_pending;
    }
    ASSERT_EQ(result, expected);
    walks_.pop_back();
    root_.pop_back();
  }

  EfiStatus called(std::size_t function, const testing::HandlerCall& call) {
    // At the top an MMI of the test's own: its root handlers run after the message, unknown to the model.
    if (root_.empty()) return status::warn_interrupt_source_pending;
    called_in_walk(function, call.dispatch_handle);
    static constexpr std::array results = {status::success,
                                           status::warn_interrupt_source_quiesced,
                                           status::warn_interrupt_source_pending,
                                           status::warn_interrupt_source_pending,
                                           status::interrupt_pending,
                                           status::unsupported};
    const EfiStatus result = results[pick(results.size())];
    Walk& walk = walks_.back();
    walk.results.push_back(result);
    if (!root_.back() && (result == status::success || result == status::interrupt_pending)) walk.ended = true;
    return result;
  }

  void called_in_walk(std::size_t function, Handle handle) {
    if (::testing::Test::HasFatalFailure()) return;
    Walk& walk = walks_.back();
    ASSERT_FALSE(walk.ended);
    const auto next = std::ranges::find_if(walk.waiting, [&](Handle h) { return find_handler(h) != handlers_.end(); });
    ASSERT_NE(next, walk.waiting.end());
    ASSERT_EQ(*next, handle);
    ASSERT_EQ(find_handler(*next)->function, function);
    walk.waiting.erase(walk.waiting.begin(), next + 1);
    nest();
  }

  // ---- Configuration tables and memory ----

  void configuration_table() {
    const auto number = static_cast<std::uint32_t>(pick(30));
    const Guid guid = test_guid(0x2000 + number);
    const std::uint64_t address = pick(3) == 0 ? 0 : pick(100) + 1;
    const auto found = std::ranges::find(tables_, number, &ModelTable::guid);
    ASSERT_EQ(mmst_.install_configuration_table(&mmst_, &guid, at_address<void>(address), 8),
              address == 0 && found == tables_.end() ? status::not_found : status::success);
    if (found == tables_.end()) {
      if (address != 0) tables_.push_back({number, address});
    } else if (address == 0) {
      tables_.erase(found);
    } else {
      found->address = address;
    }
    // The HOB list's table was there before.
    ASSERT_EQ(mmst_.number_of_table_entries, tables_.size() + 1);
    for (std::size_t i = 0; i < tables_.size(); ++i) {
      ASSERT_EQ(mmst_.configuration_table[i + 1].vendor_guid, test_guid(0x2000 + tables_[i].guid));
      ASSERT_EQ(address_of(mmst_.configuration_table[i + 1].vendor_table), tables_[i].address);
    }
  }

  void memory() {
    if (!memory_.empty() && (pick(2) == 0 || memory_.size() > 100)) {
      const std::size_t at = pick(memory_.size());
      const ModelMemory block = memory_[at];
      const auto* bytes = at_address<std::uint8_t>(block.address);
      for (std::uint64_t i = 0; i < block.bytes; ++i) ASSERT_EQ(bytes[i], block.fill);
      const auto free = [&] {
        return block.pool ? mmst_.free_pool(at_address<void>(block.address))
                          : mmst_.free_pages(block.address, block.bytes / page_bytes);
      };
      ASSERT_EQ(free(), status::success);
      // Not a second time, unless something else of ours lies there; nothing does, yet.
      ASSERT_EQ(free(), block.pool ? status::invalid_parameter : status::not_found);
      memory_.erase(memory_.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    }
    ModelMemory block{0, 0, pick(3) != 0, static_cast<std::uint8_t>(pick(255) + 1)};
    if (block.pool) {
      block.bytes = pick(4) == 0 ? pick(20000) : pick(600);
      void* buffer = nullptr;
      ASSERT_EQ(mmst_.allocate_pool(abi::runtime_services_data, block.bytes, &buffer), status::success);
      block.address = address_of(buffer);
      ASSERT_EQ(block.address % 8, 0U);
    } else {
      const std::uint64_t pages = pick(5) + 1;
      block.bytes = pages * page_bytes;
      ASSERT_EQ(mmst_.allocate_pages(abi::allocate_any_pages, abi::runtime_services_data, pages, &block.address),
                status::success);
      ASSERT_EQ(block.address % page_bytes, 0U);
    }
    for (const ModelMemory& other : memory_) {
      ASSERT_TRUE(block.address + std::max<std::uint64_t>(block.bytes, 1) <= other.address ||
                  other.address + std::max<std::uint64_t>(other.bytes, 1) <= block.address);
    }
    std::memset(at_address<void>(block.address), block.fill, block.bytes);
    memory_.push_back(block);
  }

  MmSystemTable& mmst_;
  std::mt19937_64 random_;
  std::vector<ModelInterface> interfaces_;
  std::vector<ModelNotify> notifies_;
  std::vector<ModelHandler> handlers_;
  std::vector<ModelTable> tables_;
  std::vector<ModelMemory> memory_;
  std::vector<Handle> known_;     // handles that exist or existed
  std::vector<Handle> creation_;  // those that exist, in order of creation
  std::vector<Walk> walks_;
  std::vector<bool> root_;  // of the walks of handlers
  std::uint64_t sequence_ = 0;
  std::size_t nested_steps_ = 0;
  bool pending_handle_ = false;
};

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* wanted = std::getenv(name);
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : otherwise;
}

TEST(Model, DatabasesAgreeWithIt) {
  const std::uint64_t operations = number_from_environment("REDOUBT_MODEL_OPERATIONS", 100'000);
  const std::uint64_t seed = number_from_environment("REDOUBT_MODEL_SEED", 20261124);
  testing::clear_functions();
  testing::Machine machine;
  ASSERT_EQ(machine.launch(), status::success);
  machine.as_driver([&](MmSystemTable& mmst) {
    Model model(mmst, seed);
    for (std::uint64_t i = 0; i < operations && !::testing::Test::HasFatalFailure(); ++i) model.step();
    EXPECT_GT(model.nested_steps(), operations / 20) << "hardly anything happened inside handlers";
    testing::clear_functions();
  });
}

}  // namespace
}  // namespace redoubt::foundation
