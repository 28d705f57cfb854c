// SPDX-License-Identifier: BSD-2-Clause-Patent
// The router against PI 1.9, volume 3, 7.2 and volume 4, 4.2. Handlers have no context; each is a function of its own.
#include "drivers/status_code/router.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <vector>

namespace redoubt::status_code {
namespace {

using abi::Guid;
using abi::StatusCodeData;
namespace status = abi::status;

class HeapMemory final : public Memory {
 public:
  ~HeapMemory() { EXPECT_EQ(outstanding, leaked); }
  void* allocate(std::size_t bytes) override {
    if (fail) return nullptr;
    ++outstanding;
    return std::malloc(bytes);
  }
  void release(void* memory) override {
    --outstanding;
    std::free(memory);
  }
  bool fail = false;
  int outstanding = 0;
  int leaked = 0;
};

struct Call {
  int handler;
  std::uint32_t type, value, instance;
  const Guid* caller;
  StatusCodeData* data;
  friend bool operator==(const Call&, const Call&) = default;
};

std::vector<Call> calls;
std::function<void(int)> inside;

template <int number>
EFIAPI abi::EfiStatus handler(std::uint32_t type, std::uint32_t value, std::uint32_t instance, Guid* caller,
                              StatusCodeData* data) {
  calls.push_back({number, type, value, instance, caller, data});
  if (inside) inside(number);
  return status::device_error;  // nobody's business
}

class RouterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    calls.clear();
    inside = nullptr;
  }
  void TearDown() override {
    for (const auto entry : {handler<0>, handler<1>, handler<2>}) router_.unregister_handler(entry);
  }
  std::vector<int> who() {
    std::vector<int> numbers;
    for (const Call& call : calls) numbers.push_back(call.handler);
    calls.clear();
    return numbers;
  }
  abi::EfiStatus report() { return router_.report(1, 2, 3, nullptr, nullptr); }

  HeapMemory memory_;
  Router router_{memory_};
};

TEST_F(RouterTest, PassesAReportToEveryHandlerUnchanged) {
  EXPECT_EQ(router_.register_handler(handler<0>), status::success);
  EXPECT_EQ(router_.register_handler(handler<1>), status::success);
  const Guid caller{};
  StatusCodeData data{};
  EXPECT_EQ(router_.report(0x8000'0002, 0x0305'1002, 7, &caller, &data), status::success);
  const std::vector<Call> expected = {{0, 0x8000'0002, 0x0305'1002, 7, &caller, &data},
                                      {1, 0x8000'0002, 0x0305'1002, 7, &caller, &data}};
  EXPECT_EQ(calls, expected);
}

TEST_F(RouterTest, ReportsWithoutHandlersSucceed) { EXPECT_EQ(report(), status::success); }

TEST_F(RouterTest, RegistrationErrors) {
  EXPECT_EQ(router_.register_handler(nullptr), status::invalid_parameter);
  EXPECT_EQ(router_.unregister_handler(nullptr), status::invalid_parameter);
  EXPECT_EQ(router_.unregister_handler(handler<0>), status::not_found);
  EXPECT_EQ(router_.register_handler(handler<0>), status::success);
  EXPECT_EQ(router_.register_handler(handler<0>), status::already_started);
  memory_.fail = true;
  EXPECT_EQ(router_.register_handler(handler<1>), status::out_of_resources);
  EXPECT_EQ(router_.unregister_handler(handler<0>), status::success);
  EXPECT_EQ(router_.unregister_handler(handler<0>), status::not_found);
  report();
  EXPECT_TRUE(calls.empty());
}

TEST_F(RouterTest, AHandlerThatReportsGetsAnError) {
  router_.register_handler(handler<0>);
  inside = [this](int) { EXPECT_EQ(report(), status::device_error); };
  EXPECT_EQ(report(), status::success);
  EXPECT_EQ(who(), std::vector<int>{0});
}

TEST_F(RouterTest, AHandlerMayRemoveItselfAndOthers) {
  router_.register_handler(handler<0>);
  router_.register_handler(handler<1>);
  router_.register_handler(handler<2>);
  inside = [this](int number) {
    if (number != 0) return;
    EXPECT_EQ(router_.unregister_handler(handler<0>), status::success);
    EXPECT_EQ(router_.unregister_handler(handler<0>), status::not_found);
    EXPECT_EQ(router_.unregister_handler(handler<1>), status::success);
  };
  report();
  EXPECT_EQ(who(), (std::vector<int>{0, 2}));
  EXPECT_EQ(memory_.outstanding, 1);
  report();
  EXPECT_EQ(who(), std::vector<int>{2});
}

TEST_F(RouterTest, WhoRegistersInsideAHandlerHearsOfTheNextReport) {
  router_.register_handler(handler<0>);
  inside = [this](int) { router_.register_handler(handler<1>); };
  report();
  EXPECT_EQ(who(), std::vector<int>{0});
  report();
  EXPECT_EQ(who(), (std::vector<int>{0, 1}));
  // Removed and registered again inside: a new registration.
  inside = [this](int number) {
    if (number != 0) return;
    router_.unregister_handler(handler<1>);
    EXPECT_EQ(router_.register_handler(handler<1>), status::success);
  };
  report();
  EXPECT_EQ(who(), std::vector<int>{0});
  inside = nullptr;
  report();
  EXPECT_EQ(who(), (std::vector<int>{0, 1}));
}

}  // namespace
}  // namespace redoubt::status_code
