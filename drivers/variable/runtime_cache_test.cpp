// SPDX-License-Identifier: BSD-2-Clause-Patent
// The runtime cache as the stock DXE driver would see it: after whatever happened, it reads there what MM answers.
#include "drivers/variable/runtime_cache.hpp"
#include "base/address.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <csignal>
#include <random>

#include "drivers/variable/stock_cache.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

using messages::RuntimeCacheContext;
using messages::RuntimeCacheInfo;
using messages::VariableFunction;
using messages::VariableMessageHeader;
using test::Machine;
using test::StockCache;
namespace status = abi::status;

class RuntimeCacheTest : public ::testing::Test {
 protected:
  RuntimeCacheTest() : machine_(limits()) { attach(); }

  void attach() {
    cache_ = std::make_unique<StockCache>(machine_.services->runtime_cache().info());
    handler_ = std::make_unique<MessageHandler>(*machine_.services, &cache_->memory);
  }

  static Limits limits() {
    Limits limits;
    limits.volatile_space = 0x1000;
    limits.max_variable_size = 0x800;
    limits.max_volatile_variable_size = 0x800;
    return limits;
  }

  // Sends a message with `payload`, which is replaced by the answer's.
  template <typename T>
  abi::EfiStatus send(VariableFunction function, T& payload, std::size_t size = sizeof(T)) {
    alignas(8) std::byte message[sizeof(VariableMessageHeader) + sizeof(T)] = {};
    const VariableMessageHeader header{static_cast<std::uint64_t>(function), 0x5555};
    std::memcpy(message, &header, sizeof(header));
    std::memcpy(message + sizeof(header), &payload, sizeof(payload));
    handler_->answer_variable_message({message, sizeof(header) + size});
    std::memcpy(&payload, message + sizeof(header), sizeof(payload));
    VariableMessageHeader answer;
    std::memcpy(&answer, message, sizeof(answer));
    return answer.return_status;
  }
  abi::EfiStatus init(RuntimeCacheContext context) { return send(VariableFunction::init_runtime_cache, context); }
  abi::EfiStatus synchronize() {
    std::uint64_t nothing = 0;
    return send(VariableFunction::sync_runtime_cache, nothing, 0);
  }
  void connect() {
    ASSERT_EQ(init(cache_->context()), status::success);
    ASSERT_EQ(synchronize(), status::success);
  }

  // What MM itself answers.
  StockCache::Values expected() const {
    StockCache::Values values;
    std::u16string name(0x400, u'\0');
    abi::Guid vendor{};
    for (;;) {
      std::uint64_t size = name.size() * sizeof(char16_t);
      if (machine_.services->get_next(std::as_writable_bytes(std::span(name)), size, vendor) != status::success) {
        return values;
      }
      const std::u16string found(name.c_str());
      const Machine::Value value = machine_.get(found, vendor);
      EXPECT_EQ(value.status, status::success);
      values[{found, vendor.data1}] = {value.attributes, value.data};
    }
  }
  void expect_same() {
    const auto values = cache_->values();
    ASSERT_TRUE(values.has_value());
    EXPECT_EQ(*values, expected());
  }

  Machine machine_;
  std::unique_ptr<StockCache> cache_;
  std::unique_ptr<MessageHandler> handler_;
};

TEST_F(RuntimeCacheTest, InfoTellsTheSizesOfTheStores) {
  RuntimeCacheInfo info{};
  EXPECT_EQ(send(VariableFunction::get_runtime_cache_info, info), status::success);
  EXPECT_EQ(info.hob_storage_size, 0U);
  EXPECT_EQ(info.volatile_storage_size, 28 + limits().volatile_space);
  EXPECT_EQ(info.non_volatile_storage_size, test::small_region - sizeof(format::VolumeHeader));
  EXPECT_EQ(info.is_authenticated, 1);
  EXPECT_EQ(send(VariableFunction::get_runtime_cache_info, info, sizeof(info) - 1), status::invalid_parameter);
}

TEST_F(RuntimeCacheTest, BeginsPendingAndHasEverythingOnceSynchronized) {
  machine_.set(u"Volatile", attribute::bs_rt, "one");
  machine_.set(u"Kept", attribute::nv_bs_rt, "two");
  cache_->lock(true);
  EXPECT_EQ(synchronize(), status::unsupported);
  ASSERT_EQ(init(cache_->context()), status::success);
  EXPECT_TRUE(cache_->is_pending());
  EXPECT_EQ(*cache_->memory.at(1), 0) << "the read lock is open";
  EXPECT_EQ(*cache_->memory.at(2), 0) << "no HOB variables were flushed";
  EXPECT_EQ(synchronize(), status::success);
  EXPECT_FALSE(cache_->is_pending());
  expect_same();
  EXPECT_GT(expected().size(), 5U) << "the firmware's own are among them";
}

TEST_F(RuntimeCacheTest, FollowsEachChangeAtOnce) {
  connect();
  const auto step = [this](abi::EfiStatus result) {
    EXPECT_EQ(result, status::success);
    EXPECT_FALSE(cache_->is_pending());
    expect_same();
  };
  for (const std::uint32_t attributes : {attribute::bs_rt, attribute::nv_bs_rt}) {
    step(machine_.set(u"A", attributes, "first"));
    step(machine_.set(u"B", attributes, "other"));
    step(machine_.set(u"A", attributes, "second, longer"));
    step(machine_.set(u"A", attributes | attribute::append_write, " and appended"));
    step(machine_.set(u"B", 0, ""));
    step(machine_.set(u"B", attributes, "again"));
    step(machine_.set(u"A", attributes, ""));
    EXPECT_NE(machine_.set(u"A", attributes, std::string(0x2000, 'x')), status::success);
    expect_same();
    step(machine_.set(u"B", attributes, ""));
  }
}

TEST_F(RuntimeCacheTest, StoresAreWrittenAnewWhenTheyAreFull) {
  connect();
  for (int i = 0; i < 200; ++i) {
    const std::string data(100 + static_cast<std::size_t>(i) % 7, static_cast<char>('a' + i % 26));
    ASSERT_EQ(machine_.set(u"V", attribute::bs_rt, data), status::success);
    ASSERT_EQ(machine_.set(u"N", attribute::nv_bs_rt, data), status::success);
    expect_same();
  }
  // As much as there is room for, in both kinds.
  for (char16_t c = u'a'; machine_.set(std::u16string(40, c), attribute::bs_rt, "x") == status::success; ++c) {
  }
  for (char16_t c = u'a'; machine_.set(std::u16string(400, c), attribute::nv_bs_rt, "x") == status::success; ++c) {
  }
  expect_same();
}

TEST_F(RuntimeCacheTest, WaitsWhileTheOtherSideReads) {
  machine_.set(u"Old", attribute::nv_bs_rt, "old");
  machine_.set(u"Gone", attribute::bs_rt, "gone");
  connect();
  const auto before = cache_->values();
  cache_->lock(true);
  machine_.set(u"Old", attribute::nv_bs_rt, "new");
  machine_.set(u"Gone", 0, "");
  machine_.set(u"Fresh", attribute::bs_rt, "fresh");
  EXPECT_TRUE(cache_->is_pending());
  EXPECT_EQ(cache_->values(), before) << "nothing moves under a reader";
  cache_->lock(false);
  EXPECT_EQ(synchronize(), status::success);
  EXPECT_FALSE(cache_->is_pending());
  expect_same();

  // A change without the lock brings what waited, too, of both kinds.
  cache_->lock(true);
  machine_.set(u"Old", attribute::nv_bs_rt, "newer");
  cache_->lock(false);
  machine_.set(u"Fresh", attribute::bs_rt, "fresher");
  EXPECT_FALSE(cache_->is_pending());
  expect_same();
  cache_->lock(true);
  machine_.set(u"Fresh", attribute::bs_rt, "freshest");
  cache_->lock(false);
  machine_.set(u"Old", 0, "");
  EXPECT_FALSE(cache_->is_pending());
  expect_same();
}

TEST_F(RuntimeCacheTest, AtRuntimeNothingIsLeftThatTheOsMustNotSee) {
  machine_.set(u"Secret", attribute::boot_service_access, "only for the boot");
  machine_.set(u"SecretToo", attribute::nv_bs, "only for the boot, but kept");
  machine_.set(u"Open", attribute::nv_bs_rt, "for all");
  connect();
  handler_->answer_variable_message({});
  std::uint64_t nothing = 0;
  EXPECT_EQ(send(VariableFunction::exit_boot_services, nothing, 0), status::success);
  expect_same();
  const std::string_view memory(reinterpret_cast<const char*>(cache_->memory.at(0)), cache_->memory.size());
  EXPECT_EQ(memory.find("only for the boot"), std::string_view::npos);
  EXPECT_NE(memory.find("for all"), std::string_view::npos);
  EXPECT_EQ(machine_.set(u"Open", attribute::nv_bs_rt, "changed"), status::success);
  expect_same();
  EXPECT_EQ(machine_.set(u"Open", 0, ""), status::success);
  expect_same();
}

TEST_F(RuntimeCacheTest, AtRuntimeNothingMovesUnderAReaderEither) {
  machine_.set(u"Secret", attribute::boot_service_access, "only for the boot");
  connect();
  cache_->lock(true);
  const auto before = cache_->values();
  std::uint64_t nothing = 0;
  EXPECT_EQ(send(VariableFunction::exit_boot_services, nothing, 0), status::success);
  EXPECT_TRUE(cache_->is_pending());
  EXPECT_EQ(cache_->values(), before);
  EXPECT_EQ(synchronize(), status::success) << "as the reader asks, his lock still held";
  cache_->lock(false);
  EXPECT_FALSE(cache_->is_pending());
  expect_same();
  const std::string_view memory(reinterpret_cast<const char*>(cache_->memory.at(0)), cache_->memory.size());
  EXPECT_EQ(memory.find("only for the boot"), std::string_view::npos);
}

// Memory whose first store from MM, after watch(), is noticed, with what a flag said at that moment.
class WatchedMemory final : public OutsideMemory {
 public:
  explicit WatchedMemory(std::size_t stores_bytes)
      : bytes_(page_bytes + (stores_bytes + page_bytes - 1) / page_bytes * page_bytes) {
    memory_ =
        static_cast<std::uint8_t*>(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    watched_ = this;
    struct sigaction action{};
    action.sa_handler = [](int) { watched_->notice(); };
    sigaction(SIGSEGV, &action, &before_);
  }
  WatchedMemory(const WatchedMemory&) = delete;
  WatchedMemory& operator=(const WatchedMemory&) = delete;
  ~WatchedMemory() {
    sigaction(SIGSEGV, &before_, nullptr);
    munmap(memory_, bytes_);
  }

  bool is_open(std::uint64_t address, std::uint64_t bytes) const override {
    const std::uint64_t offset = address - reinterpret_cast<std::uint64_t>(memory_);
    return bytes != 0 && offset < bytes_ && bytes <= bytes_ - offset;
  }
  std::uint8_t* flags() { return memory_; }
  std::uint8_t* stores() { return memory_ + page_bytes; }

  void watch() {
    noticed_ = -1;
    ASSERT_EQ(mprotect(stores(), bytes_ - page_bytes, PROT_READ), 0);
  }
  // The flag when the first byte of a store changed; -1: none did.
  int flag_at_first_change() {
    mprotect(stores(), bytes_ - page_bytes, PROT_READ | PROT_WRITE);
    return noticed_;
  }

 private:
  void notice() {
    if (noticed_ != -1) abort();  // a fault that isn't ours
    noticed_ = *flags();
    mprotect(stores(), bytes_ - page_bytes, PROT_READ | PROT_WRITE);
  }

  static inline WatchedMemory* watched_ = nullptr;
  std::size_t bytes_;
  std::uint8_t* memory_;
  volatile int noticed_ = -1;
  struct sigaction before_{};
};

// A CPU that MM doesn't hold may begin to read at any moment: it looks at the flag after it has taken the lock.
TEST_F(RuntimeCacheTest, WhatChangesIsPendingMeanwhile) {
  const RuntimeCacheInfo info = machine_.services->runtime_cache().info();
  const std::uint64_t volatile_bytes = (info.volatile_storage_size + 7) & ~std::uint64_t{7};
  WatchedMemory memory(volatile_bytes + info.non_volatile_storage_size);
  handler_ = std::make_unique<MessageHandler>(*machine_.services, &memory);
  const auto base = reinterpret_cast<std::uint64_t>(memory.flags());
  const auto stores = reinterpret_cast<std::uint64_t>(memory.stores());
  std::memcpy(memory.stores() + 16, &info.volatile_storage_size, 4);
  std::memcpy(memory.stores() + volatile_bytes + 16, &info.non_volatile_storage_size, 4);
  ASSERT_EQ(init({.read_lock = base + 1,
                  .pending_update = base,
                  .hob_flush_complete = base + 2,
                  .hob_cache = 0,
                  .non_volatile_cache = stores + volatile_bytes,
                  .volatile_cache = stores}),
            status::success);
  const auto step = [&](const char* what, auto change) {
    memory.watch();
    EXPECT_EQ(change(), status::success) << what;
    EXPECT_EQ(memory.flag_at_first_change(), 1) << what;
    EXPECT_EQ(*memory.flags(), 0) << what;
  };
  step("all", [&] { return synchronize(); });
  for (const std::uint32_t attributes : {attribute::bs_rt, attribute::nv_bs_rt}) {
    const auto* name = attributes == attribute::bs_rt ? u"V" : u"N";
    step("new", [&] { return machine_.set(name, attributes, std::string(600, 'a')); });
    step("replaced", [&] { return machine_.set(name, attributes, std::string(601, 'b')); });
    step("gone", [&] { return machine_.set(name, attributes, ""); });
    for (int i = 0; i < 20; ++i) {  // among them one for which the store is written anew
      step("again",
           [&] { return machine_.set(name, attributes, std::string(610 + static_cast<std::size_t>(i), 'c')); });
    }
  }
  *(memory.flags() + 1) = 1;
  EXPECT_EQ(machine_.set(u"N", attribute::nv_bs_rt, "waits"), status::success);
  step("what waited", [&] {
    *(memory.flags() + 1) = 0;
    return machine_.set(u"B", attribute::bs_rt, "brings it");
  });
  machine_.set(u"Secret", attribute::boot_service_access, "only for the boot");
  std::uint64_t nothing = 0;
  step("the boot's end", [&] { return send(VariableFunction::exit_boot_services, nothing, 0); });
}

// Not even in the bytes between records.
TEST_F(RuntimeCacheTest, AtRuntimeNoByteOfItIsLeft) {
  connect();
  const auto count = [](StockCache& cache) {
    return std::count(cache.memory.at(0), cache.memory.at(0) + cache.memory.size(), 0xA7);
  };
  const auto others = count(*cache_);  // variables of the firmware have such bytes, too
  for (char16_t c = u'a'; c < u'i'; ++c) {
    ASSERT_EQ(machine_.set(std::u16string(1, c), attribute::nv_bs, std::string(200, '\xA7')), status::success);
  }
  for (char16_t c = u'A'; c < u'M'; ++c) {
    ASSERT_EQ(machine_.set(std::u16string(1, c), attribute::nv_bs_rt, std::string(41, 'q')), status::success);
  }
  std::uint64_t nothing = 0;
  EXPECT_EQ(send(VariableFunction::exit_boot_services, nothing, 0), status::success);
  expect_same();
  EXPECT_EQ(count(*cache_), others);
}

TEST_F(RuntimeCacheTest, AnotherCacheTakesItsPlace) {
  connect();
  ASSERT_EQ(machine_.set(u"S", attribute::nv_bs, std::string(200, '\xA7')), status::success);
  const auto old = std::move(cache_);
  attach();
  connect();
  expect_same();
  ASSERT_EQ(machine_.set(u"S", attribute::nv_bs, "other"), status::success);
  ASSERT_EQ(machine_.set(u"T", attribute::bs_rt, "new"), status::success);
  expect_same();
  const auto* memory = old->memory.at(0);
  EXPECT_EQ(std::count(memory, memory + old->memory.size(), 0xA7), 0);
}

TEST_F(RuntimeCacheTest, NothingButOpenMemoryIsTaken) {
  const RuntimeCacheContext good = cache_->context();
  const auto refused = [&](auto change) {
    RuntimeCacheContext context = good;
    change(context);
    EXPECT_EQ(init(context), status::access_denied);
    EXPECT_FALSE(machine_.services->runtime_cache().is_connected());
    EXPECT_EQ(synchronize(), status::unsupported);
  };
  const std::uint64_t outside = cache_->memory.base() + cache_->memory.size();
  std::vector<std::uint64_t> mine(8, ~std::uint64_t{0});  // a store of the right size, in memory that wasn't opened
  const auto own = reinterpret_cast<std::uint64_t>(mine.data());
  for (std::uint64_t RuntimeCacheContext::* field :
       {&RuntimeCacheContext::volatile_cache, &RuntimeCacheContext::non_volatile_cache,
        &RuntimeCacheContext::pending_update, &RuntimeCacheContext::read_lock,
        &RuntimeCacheContext::hob_flush_complete}) {
    for (const std::uint64_t address : {std::uint64_t{0}, outside, own, ~std::uint64_t{0}, std::uint64_t{1}}) {
      refused([&](RuntimeCacheContext& context) { context.*field = address; });
    }
  }
  refused([&](RuntimeCacheContext& context) { context.volatile_cache += 4; });
  refused([&](RuntimeCacheContext& context) { context.non_volatile_cache = outside - 32; });
  refused([&](RuntimeCacheContext& context) { context.hob_cache = own; });
  const std::uint32_t sizes[] = {0, 27, limits().volatile_space + 27};
  for (const std::uint32_t size : sizes) {
    std::memcpy(cache_->volatile_store() + 16, &size, sizeof(size));
    refused([](RuntimeCacheContext&) {});
  }
  // More than is open doesn't help either: what is needed must be.
  const std::uint32_t huge = 0xFFFFFFFF;
  std::memcpy(cache_->volatile_store() + 16, &huge, sizeof(huge));
  refused([&](RuntimeCacheContext& context) {
    context.non_volatile_cache = context.volatile_cache;
    context.volatile_cache = outside - 64;
  });
  EXPECT_EQ(init(good), status::success);
  RuntimeCacheContext cut = good;
  EXPECT_EQ(send(VariableFunction::init_runtime_cache, cut, sizeof(cut) - 1), status::access_denied);
}

TEST_F(RuntimeCacheTest, IsSetUpBeforeTheEndOfDxeOnly) {
  machine_.services->end_of_dxe();
  EXPECT_EQ(init(cache_->context()), status::access_denied);
  EXPECT_EQ(synchronize(), status::unsupported);
}

TEST_F(RuntimeCacheTest, WhereNobodyTellsWhatIsOpenThereIsNone) {
  handler_ = std::make_unique<MessageHandler>(*machine_.services);
  EXPECT_EQ(init(cache_->context()), status::access_denied);
  RuntimeCacheInfo info{};
  EXPECT_EQ(send(VariableFunction::get_runtime_cache_info, info), status::unsupported);
}

TEST_F(RuntimeCacheTest, ACallerWhoScribblesHurtsHimselfAlone) {
  machine_.set(u"A", attribute::nv_bs_rt, "mine");
  connect();
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < 100; ++i)
      *cache_->memory.at(random() % cache_->memory.size()) = static_cast<std::uint8_t>(random());
    const std::string data(random() % 300 + 1, 'x');
    ASSERT_EQ(machine_.set(u"A", attribute::nv_bs_rt, data), status::success);
    ASSERT_EQ(machine_.set(u"B", attribute::bs_rt, data), status::success);
    ASSERT_EQ(machine_.get(u"A").data, data);
    ASSERT_EQ(machine_.get(u"B").data, data);
  }
}

// Anything that can happen, with the lock held at random.
TEST_F(RuntimeCacheTest, RandomHistories) {
  std::mt19937 random(11);
  connect();
  constexpr std::u16string_view names[] = {u"A", u"Boot0001", u"LongerName", u"D", u"PlatformLang", u"F"};
  bool locked = false;
  for (int step = 0; step < 4000; ++step) {
    switch (random() % 10) {
      case 0: cache_->lock(locked = !locked); break;
      case 1:
        if (!locked) {
          ASSERT_EQ(synchronize(), status::success);
        }
        break;
      default: {
        const std::uint32_t kinds[] = {attribute::bs_rt, attribute::nv_bs_rt, attribute::nv_bs, 0,
                                       attribute::nv_bs_rt | attribute::append_write};
        const std::string data(random() % 4 == 0 ? 0 : random() % 400, static_cast<char>('a' + random() % 26));
        machine_.set(names[random() % std::size(names)], kinds[random() % std::size(kinds)], data,
                     random() % 2 == 0 ? test::vendor_a : test::vendor_b);
      }
    }
    if (!locked && !cache_->is_pending()) {
      const auto values = cache_->values();
      ASSERT_TRUE(values.has_value()) << step;
      ASSERT_EQ(*values, expected()) << step;
    }
  }
}

// Flash that fails leaves old or new values; the cache has what MM answers.
TEST_F(RuntimeCacheTest, FollowsFlashThatFails) {
  machine_.set(u"A", attribute::nv_bs_rt, "before");
  for (std::uint64_t step = 0; step < 1200; step += 7) {
    ASSERT_TRUE(machine_.reset().has_value());
    attach();
    connect();
    machine_.flash.cut_power_at(step, static_cast<std::uint32_t>(step));
    const std::string data(1000, static_cast<char>('a' + step % 26));
    machine_.set(u"A", attribute::nv_bs_rt, data);
    machine_.flash.power_up();
    expect_same();
    machine_.set(u"B", attribute::bs_rt, data);
    expect_same();
  }
}

}  // namespace
}  // namespace redoubt::variable
