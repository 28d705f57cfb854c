// SPDX-License-Identifier: BSD-2-Clause-Patent
// The boot counter in the host harness: each test with the driver linked in, under the sanitizers, and with its real
// image.
#include "boot_counter.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <string>

#include "sdk/harness/harness.hpp"
#include "sdk/mm_driver.hpp"
#include "sdk/smm_variable_protocol.hpp"
#include "sdk/traditional_driver.hpp"

namespace redoubt::boot_counter {
namespace {

namespace status = abi::status;
using abi::EfiStatus;
using sdk::Harness;

// ---- A variable driver for tests: it keeps one variable, the boot counter's ----

std::optional<Counts> stored;
EfiStatus store_status = status::success;

EFIAPI EfiStatus get_variable(const abi::Char16* name, const abi::Guid* vendor, std::uint32_t*, abi::UintN* size,
                              void* data) {
  EXPECT_EQ(std::u16string(name), variable_name);
  EXPECT_EQ(*vendor, variable_vendor);
  if (!stored.has_value()) return status::not_found;
  EXPECT_GE(*size, sizeof(Counts));
  *size = sizeof(Counts);
  std::memcpy(data, &*stored, sizeof(Counts));
  return status::success;
}

EFIAPI EfiStatus set_variable(const abi::Char16*, const abi::Guid*, std::uint32_t attributes, abi::UintN size,
                              const void* data) {
  EXPECT_EQ(attributes, 3u);
  EXPECT_EQ(size, sizeof(Counts));
  if (store_status != status::success) return store_status;
  stored.emplace();
  std::memcpy(&*stored, data, sizeof(Counts));
  return status::success;
}

sdk::SmmVariableProtocol variable_protocol = {get_variable, nullptr, set_variable, nullptr};

EFIAPI EfiStatus start_variables(abi::Handle, abi::MmSystemTable* mmst) {
  abi::Handle handle = nullptr;
  return mmst->install_protocol_interface(&handle, &abi::smm_variable_guid, abi::native_interface, &variable_protocol);
}

// ---- The driver, in both forms ----

enum class Form { linked, image };

class BootCounter : public ::testing::TestWithParam<Form> {
 protected:
  void SetUp() override {
    stored.reset();
    store_status = status::success;
  }

  // A machine that was just reset.
  std::unique_ptr<Harness> boot(bool with_variables = true) {
    auto harness = std::make_unique<Harness>();
    if (with_variables) EXPECT_TRUE(harness->add_driver("variables", start_variables));
    const auto added = GetParam() == Form::linked ? harness->add_driver("boot_counter", mm_driver_entry)
                                                  : harness->add_image(REDOUBT_DRIVER_IMAGE);
    EXPECT_TRUE(added.has_value()) << added.error().text;
    EXPECT_EQ(harness->start(), status::success);
    EXPECT_EQ(harness->driver(*added).state, sdk::DriverState::running) << harness->driver(*added).reason;
    return harness;
  }

  static Message ask(Harness& harness, Function function) {
    const sdk::Reply reply = harness.send(message_guid, Message{function, 0, status::not_ready, {}});
    EXPECT_EQ(reply.status, status::success);
    return reply.as<Message>().value_or(Message{});
  }
  static void expect_counts(Harness& harness, std::uint64_t started, std::uint64_t completed) {
    const Message message = ask(harness, Function::read);
    EXPECT_EQ(message.status, status::success);
    EXPECT_EQ(message.counts.started, started);
    EXPECT_EQ(message.counts.completed, completed);
  }
};

INSTANTIATE_TEST_SUITE_P(Forms, BootCounter, ::testing::Values(Form::linked, Form::image),
                         [](const auto& info) { return info.param == Form::linked ? "Linked" : "Image"; });

TEST_P(BootCounter, CountsBootsOverResets) {
  auto harness = boot();
  harness->end_of_dxe();
  expect_counts(*harness, 1, 0);
  harness->ready_to_lock();
  harness->ready_to_boot();
  expect_counts(*harness, 1, 1);

  harness = boot();  // hangs in DXE
  harness->end_of_dxe();

  harness = boot();
  harness->end_of_dxe();
  harness->ready_to_lock();
  harness->ready_to_boot();
  expect_counts(*harness, 3, 2);
  EXPECT_EQ(stored->started, 3u);
  EXPECT_TRUE(harness->faults().empty());
}

TEST_P(BootCounter, CountsACompletedBootOnceByWhateverName) {
  // The second name is one that cores of the Traditional model install; the first one is MM's alone.
  for (const bool by_second_name : {false, true}) {
    stored = Counts{};
    const auto harness = boot();
    harness->end_of_dxe();
    const auto announce = [&](abi::MmSystemTable& mmst) {
      abi::Handle handle = nullptr;
      EXPECT_EQ(mmst.install_protocol_interface(&handle, &abi::ready_to_boot_event_group_guid, abi::native_interface,
                                                nullptr),
                status::access_denied);
      if (!by_second_name) return;
      EXPECT_EQ(mmst.install_protocol_interface(&handle, &abi::edkii_smm_ready_to_boot_protocol_guid,
                                                abi::native_interface, nullptr),
                status::success);
    };
    EXPECT_FALSE(harness->as_driver(announce).has_value());
    expect_counts(*harness, 1, by_second_name ? 1 : 0);
    EXPECT_FALSE(harness->as_driver(announce).has_value());
    harness->ready_to_boot();
    expect_counts(*harness, 1, 1);
  }
}

TEST_P(BootCounter, ClearsUntilMmIsLocked) {
  stored = Counts{7, 5};
  const auto harness = boot();
  harness->end_of_dxe();
  expect_counts(*harness, 8, 5);
  EXPECT_EQ(ask(*harness, Function::clear).status, status::success);
  expect_counts(*harness, 0, 0);
  EXPECT_EQ(stored->started, 0u);
  harness->ready_to_lock();
  harness->ready_to_boot();
  EXPECT_EQ(ask(*harness, Function::clear).status, status::access_denied);
  expect_counts(*harness, 0, 1);
}

TEST_P(BootCounter, WorksWithoutVariables) {
  const auto harness = boot(/*with_variables=*/false);
  harness->end_of_dxe();
  harness->ready_to_boot();
  EXPECT_EQ(ask(*harness, Function::read).status, status::success);
}

TEST_P(BootCounter, IgnoresAFailureToStore) {
  stored = Counts{1, 1};
  const auto harness = boot();
  store_status = status::device_error;
  EXPECT_EQ(harness->end_of_dxe().status, status::success);
  expect_counts(*harness, 2, 1);
  EXPECT_EQ(stored->started, 1u);
}

TEST_P(BootCounter, AnswersNothingButItsMessages) {
  const auto harness = boot();
  EXPECT_EQ(ask(*harness, static_cast<Function>(99)).status, status::unsupported);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, sizeof(Message) - 1, sizeof(Message) + 1}) {
    EXPECT_EQ(harness->send(message_guid, sdk::ByteVector(size)).status, status::not_found) << size;
  }
}

TEST_P(BootCounter, ServesOtherDrivers) {
  stored = Counts{4, 4};
  const auto harness = boot();
  harness->end_of_dxe();
  EXPECT_TRUE(harness->installed(protocol_guid));
  const auto fault = harness->as_driver([](abi::MmSystemTable& mmst) {
    void* interface = nullptr;
    ASSERT_EQ(mmst.locate_protocol(&protocol_guid, nullptr, &interface), status::success);
    const auto* protocol = static_cast<const Protocol*>(interface);
    Counts counts{};
    EXPECT_EQ(protocol->read(protocol, &counts), status::success);
    EXPECT_EQ(counts.started, 5u);
    EXPECT_EQ(protocol->read(protocol, nullptr), status::invalid_parameter);
    EXPECT_EQ(protocol->read(nullptr, &counts), status::invalid_parameter);
  });
  EXPECT_FALSE(fault.has_value()) << fault->text();
}

TEST_P(BootCounter, GivesUpWhenThereIsNoMemory) {
  for (std::size_t count = 0; count < 40; ++count) {
    Harness small;
    const auto driver = GetParam() == Form::linked ? small.add_driver("boot_counter", mm_driver_entry)
                                                   : small.add_image(REDOUBT_DRIVER_IMAGE);
    ASSERT_TRUE(driver.has_value());
    small.fail_allocations_after(count);
    if (small.start() != status::success) continue;
    const sdk::Driver& result = small.driver(*driver);
    EXPECT_NE(result.state, sdk::DriverState::disabled) << "out of memory is no reason to crash";
    EXPECT_EQ(small.installed(protocol_guid), result.state == sdk::DriverState::running);
  }
}

// ---- The traditional entry: DXE's system table is the test's, MM's the harness's ----

abi::MmSystemTable* mm_table = nullptr;
bool has_mm_base = true;

EFIAPI EfiStatus get_mmst_location(const sdk::MmBaseProtocol*, abi::MmSystemTable** mmst) {
  *mmst = mm_table;
  return status::success;
}
sdk::MmBaseProtocol mm_base = {nullptr, get_mmst_location};

EFIAPI EfiStatus locate_protocol(const abi::Guid* protocol, void*, void** interface) {
  if (!has_mm_base || *protocol != sdk::mm_base_protocol_guid) return status::not_found;
  *interface = &mm_base;
  return status::success;
}

EFIAPI EfiStatus enter_traditional(abi::Handle image, abi::MmSystemTable* mmst) {
  mm_table = mmst;
  abi::BootServices services{};
  services.locate_protocol = locate_protocol;
  abi::SystemTable table{};
  table.boot_services = &services;
  return smm_driver_entry(image, &table);
}

TEST(BootCounterTraditional, StartsThroughTheMmBaseProtocol) {
  stored = Counts{2, 2};
  store_status = status::success;
  has_mm_base = true;
  Harness harness;
  ASSERT_TRUE(harness.add_driver("variables", start_variables));
  const auto driver = harness.add_driver("boot_counter", enter_traditional);
  ASSERT_TRUE(driver.has_value());
  ASSERT_EQ(harness.start(), status::success);
  EXPECT_EQ(harness.driver(*driver).state, sdk::DriverState::running);
  harness.end_of_dxe();
  const auto reply = harness.send(message_guid, Message{Function::read, 0, status::not_ready, {}}).as<Message>();
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->counts.started, 3u);
}

TEST(BootCounterTraditional, IsUnloadedWhereThereIsNoMm) {
  has_mm_base = false;
  Harness harness;
  const auto driver = harness.add_driver("boot_counter", enter_traditional);
  ASSERT_TRUE(driver.has_value());
  ASSERT_EQ(harness.start(), status::success);
  EXPECT_EQ(harness.driver(*driver).state, sdk::DriverState::failed);
  EXPECT_EQ(harness.driver(*driver).status, status::not_found);
  EXPECT_FALSE(harness.installed(protocol_guid));
}

}  // namespace
}  // namespace redoubt::boot_counter
