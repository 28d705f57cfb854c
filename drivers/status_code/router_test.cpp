// SPDX-License-Identifier: BSD-2-Clause-Patent
// The router against PI 1.9, volume 3, 7.2 and volume 4, 4.2. Handlers have no context; each is a function of its own.
#include "drivers/status_code/router.hpp"

#include <gtest/gtest.h>

#include <csetjmp>
#include <cstdlib>
#include <functional>
#include <map>
#include <utility>
#include <vector>

namespace redoubt::status_code {
namespace {

using abi::Guid;
using abi::StatusCodeData;
namespace status = abi::status;

class HeapMemory final : public Allocator {
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

// Each driver's code is a range of numbers of its own; a handler's driver is said here.
class FakeDrivers final : public Drivers {
 public:
  abi::UintN driver_at(const void* address) override {
    const auto found = owners.find(address);
    return found != owners.end() ? found->second : 1;
  }
  void report_refusal(abi::UintN driver, abi::UintN owner) override { refusals.emplace_back(driver, owner); }
  void own(abi::StatusCodeHandler handler, abi::UintN driver) {
    owners[reinterpret_cast<const void*>(handler)] = driver;
  }
  std::map<const void*, abi::UintN> owners;  // others are driver 1's
  std::vector<std::pair<abi::UintN, abi::UintN>> refusals;
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
  return status::device_error;  // no matter to the caller
}

class RouterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    calls.clear();
    inside = nullptr;
  }
  void TearDown() override {
    for (const auto entry : {handler<0>, handler<1>, handler<2>}) unregister_handler(entry);
  }
  abi::EfiStatus register_handler(abi::StatusCodeHandler handler, const char* caller = "1") {
    return router_.register_handler(handler, caller);
  }
  abi::EfiStatus unregister_handler(abi::StatusCodeHandler handler, const char* caller = "1") {
    return router_.unregister_handler(handler, caller);
  }
  std::vector<int> who() {
    std::vector<int> numbers;
    for (const Call& call : calls) numbers.push_back(call.handler);
    calls.clear();
    return numbers;
  }
  abi::EfiStatus report(const char* reporter = "1") { return router_.report(1, 2, 3, nullptr, nullptr, reporter); }

  HeapMemory memory_;
  FakeDrivers drivers_;
  Router router_{memory_, drivers_};
};

TEST_F(RouterTest, PassesAReportToEveryHandlerUnchanged) {
  EXPECT_EQ(register_handler(handler<0>), status::success);
  EXPECT_EQ(register_handler(handler<1>), status::success);
  const Guid caller{};
  StatusCodeData data{};
  EXPECT_EQ(router_.report(0x8000'0002, 0x0305'1002, 7, &caller, &data, "1"), status::success);
  const std::vector<Call> expected = {{0, 0x8000'0002, 0x0305'1002, 7, &caller, &data},
                                      {1, 0x8000'0002, 0x0305'1002, 7, &caller, &data}};
  EXPECT_EQ(calls, expected);
}

TEST_F(RouterTest, ReportsWithoutHandlersSucceed) { EXPECT_EQ(report(), status::success); }

TEST_F(RouterTest, RegistrationErrors) {
  EXPECT_EQ(register_handler(nullptr), status::invalid_parameter);
  EXPECT_EQ(unregister_handler(nullptr), status::invalid_parameter);
  EXPECT_EQ(unregister_handler(handler<0>), status::not_found);
  EXPECT_EQ(register_handler(handler<0>), status::success);
  EXPECT_EQ(register_handler(handler<0>), status::already_started);
  memory_.fail = true;
  EXPECT_EQ(register_handler(handler<1>), status::out_of_resources);
  EXPECT_EQ(unregister_handler(handler<0>), status::success);
  EXPECT_EQ(unregister_handler(handler<0>), status::not_found);
  report();
  EXPECT_TRUE(calls.empty());
}

TEST_F(RouterTest, AHandlerThatReportsGetsAnError) {
  register_handler(handler<0>);
  inside = [this](int) { EXPECT_EQ(report(), status::device_error); };
  EXPECT_EQ(report(), status::success);
  EXPECT_EQ(who(), std::vector<int>{0});
}

TEST_F(RouterTest, AHandlerMayRemoveItselfAndOthers) {
  register_handler(handler<0>);
  register_handler(handler<1>);
  register_handler(handler<2>);
  inside = [this](int number) {
    if (number != 0) return;
    EXPECT_EQ(unregister_handler(handler<0>), status::success);
    EXPECT_EQ(unregister_handler(handler<0>), status::not_found);
    EXPECT_EQ(unregister_handler(handler<1>), status::success);
  };
  report();
  EXPECT_EQ(who(), (std::vector<int>{0, 2}));
  EXPECT_EQ(memory_.outstanding, 1);
  report();
  EXPECT_EQ(who(), std::vector<int>{2});
}

TEST_F(RouterTest, WhoRegistersInsideAHandlerHearsOfTheNextReport) {
  register_handler(handler<0>);
  inside = [this](int) { register_handler(handler<1>); };
  report();
  EXPECT_EQ(who(), std::vector<int>{0});
  report();
  EXPECT_EQ(who(), (std::vector<int>{0, 1}));
  // Removed and registered again inside: a new registration.
  inside = [this](int number) {
    if (number != 0) return;
    unregister_handler(handler<1>);
    EXPECT_EQ(register_handler(handler<1>), status::success);
  };
  report();
  EXPECT_EQ(who(), std::vector<int>{0});
  inside = nullptr;
  report();
  EXPECT_EQ(who(), (std::vector<int>{0, 1}));
}

TEST_F(RouterTest, AHandlerIsItsDriversOwn) {
  const char* other = "code of driver 2";
  drivers_.owners[other] = 2;
  EXPECT_EQ(register_handler(handler<0>, other), status::invalid_parameter);
  EXPECT_EQ(register_handler(handler<0>), status::success);
  EXPECT_EQ(unregister_handler(handler<0>, other), status::not_found);
  EXPECT_EQ(drivers_.refusals, (std::vector<std::pair<abi::UintN, abi::UintN>>{{2, 1}, {2, 1}}));
  report();
  EXPECT_EQ(who(), std::vector<int>{0});
  // No driver can register a function without an owner.
  drivers_.own(handler<1>, 0);
  drivers_.owners[other] = 0;
  EXPECT_EQ(register_handler(handler<1>, other), status::invalid_parameter);
}

TEST_F(RouterTest, AStoppedDriversHandlerIsNotCalled) {
  register_handler(handler<0>);
  register_handler(handler<1>);
  drivers_.own(handler<0>, 0);
  report();
  EXPECT_EQ(who(), std::vector<int>{1});
  EXPECT_EQ(memory_.outstanding, 1);
}

std::jmp_buf fault;  // a handler that faults never comes back to the router

// Who stops of it: the handler's driver, or the one that MM called, which reported.
TEST_F(RouterTest, AReportThatAFaultCutsOffIsOver) {
  const char* reporter = "code of driver 2";
  for (const bool handlers_driver_stops : {true, false}) {
    drivers_.owners.clear();
    drivers_.owners[reporter] = 2;
    register_handler(handler<0>);
    register_handler(handler<1>);
    inside = [](int) { std::longjmp(fault, 1); };
    if (setjmp(fault) == 0) report(reporter);
    inside = nullptr;
    calls.clear();
    EXPECT_EQ(report(), status::device_error) << "as long as both run";
    if (handlers_driver_stops) {
      drivers_.own(handler<0>, 0);
    } else {
      drivers_.owners[reporter] = 0;
    }
    EXPECT_EQ(report(), status::success);
    EXPECT_EQ(who(), handlers_driver_stops ? std::vector<int>{1} : (std::vector<int>{1, 0}))
        << "handler 0 is the later one by now";
  }
}

TEST_F(RouterTest, NoDriverTakesAllTheRoom) {
  const auto made_up = [](std::uintptr_t number) { return reinterpret_cast<abi::StatusCodeHandler>(0x1000 + number); };
  for (std::uintptr_t i = 0; i < Router::driver_handler_limit; ++i) {
    ASSERT_EQ(register_handler(made_up(i)), status::success);
  }
  EXPECT_EQ(register_handler(made_up(Router::driver_handler_limit)), status::out_of_resources);
  const char* other = "code of driver 2";
  drivers_.owners[other] = 2;
  drivers_.own(handler<2>, 2);
  EXPECT_EQ(register_handler(handler<2>, other), status::success);
  EXPECT_EQ(unregister_handler(handler<2>, other), status::success);
  EXPECT_EQ(unregister_handler(made_up(0)), status::success);
  EXPECT_EQ(register_handler(made_up(Router::driver_handler_limit)), status::success);
  for (std::uintptr_t i = 1; i <= Router::driver_handler_limit; ++i) unregister_handler(made_up(i));
}

}  // namespace
}  // namespace redoubt::status_code
