// SPDX-License-Identifier: BSD-2-Clause-Patent
// Runs the suite on the host: the foundation with the fake supervisor, and the suite's driver in it. It does what the
// UEFI program does in a machine, and must not look into the foundation. One MM serves all tests, as in a machine,
// until one fails: the next gets a new one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "abi/pi/mm_cpu.hpp"
#include "abi/pi/mm_protocols.hpp"
#include "drivers/child_dispatch/mm_driver.hpp"
#include "foundation/testing/machine.hpp"
#include "tests/conformance/conformance.hpp"
#include "tests/conformance/ordered_files.hpp"
#include "tests/conformance/peer.hpp"

// Its entry point, renamed by the build.
extern "C" EFIAPI redoubt::abi::EfiStatus status_code_entry(redoubt::abi::Handle image_handle,
                                                            redoubt::abi::MmSystemTable* mmst);

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using foundation::testing::ByteVector;
using foundation::testing::Machine;

constexpr std::uint64_t open_port = 0x608;
// Of the chipset, for the driver that dispatches software MMIs: plain memory here.
constexpr std::uint64_t command_port = 0xB2;
constexpr std::uint64_t chipset_ports[] = {command_port, command_port + 1, 0x630, 0x664};

class Suite {
 public:
  Suite() {
    // As in a machine: half of the memory, and records that no driver needs so many of.
    machine_.supervisor.limits = {
        .pages = 2048, .handles = 1024, .protocols = 1024, .handlers = 1024, .notifications = 1024, .tables = 1024};
    for (std::uint64_t port = open_port; port != open_port + 4; ++port) machine_.supervisor.ports[port] = 0;
    for (const std::uint64_t port : chipset_ports) machine_.supervisor.ports[port] = 0;
    outside_.resize(4096);
    machine_.supervisor.hide(outside_.data(), outside_.size());
    machine_.add({.file = test_guid(1),
                  .name = "conformance",
                  .entry = [this](abi::Handle image, abi::MmSystemTable* t) { return entry_ = start(image, t); }});
    machine_.add({.file = test_guid(2), .name = "peer", .entry = start_peer});
    machine_.add({.file = test_guid(4), .name = "status_code", .entry = status_code_entry});
    machine_.add({.file = test_guid(5), .name = "child_dispatch", .entry = [](abi::Handle, abi::MmSystemTable* t) {
                    return child_dispatch::start_driver(*t);
                  }});
    machine_.add({.file = test_guid(3), .name = "refusing", .entry = start_refusing});
    add_ordered(std::make_integer_sequence<unsigned, ordered_count>());
  }

  // Two processors, interrupted in the instruction that raised the MMI.
  void set_processors() {
    using Register = abi::MmSaveStateRegister;
    relax_hook = foundation::testing::FakeSupervisor::pause;
    machine_.supervisor.held = {1};
    for (const std::uint64_t cpu : {0U, 1U}) {
      const auto set = [&](Register reg, std::uint64_t value, bool writable) {
        machine_.supervisor.save_states[{cpu, static_cast<std::uint32_t>(reg)}] = {value, 8, true, writable};
      };
      set(Register::rax, 0x1234'5678'9ABC'DE00 + cpu, true);
      set(Register::lma, 64, false);
      set(Register::processor_id, cpu, false);
    }
    const std::uint64_t out_of_command = 0x000000AB'00B2'02'00;
    machine_.supervisor.save_states[{0, static_cast<std::uint32_t>(Register::io)}] = {out_of_command, 8, true, false};
  }

  void launch() {
    set_processors();
    ASSERT_EQ(machine_.launch(), status::success);
    ASSERT_EQ(entry_, status::success);
    for (const abi::Guid& phase : {abi::end_of_dxe_event_group_guid, abi::dxe_mm_ready_to_lock_protocol_guid,
                                   abi::ready_to_boot_event_group_guid}) {
      machine_.send(phase);
    }
  }

  // One test to its end, as the caller in a machine does it.
  void run(std::size_t test) {
    Message message = {};
    for (std::uint64_t step = 0;; ++step) {
      ASSERT_LT(step, 100U);
      message.test = test;
      message.step = step;
      message.surroundings = surroundings();
      ByteVector data(sizeof(message));
      std::memcpy(data.data(), &message, sizeof(message));
      const auto reply = machine_.send(message_guid, data, sizeof(message));
      ASSERT_EQ(reply.status, status::success) << "the suite's driver doesn't answer";
      ASSERT_EQ(data.size(), sizeof(message));
      std::memcpy(&message, data.data(), sizeof(message));
      ASSERT_NE(message.verdict, Verdict::failed) << "line " << message.line << ": " << message.reason;
      if (message.verdict == Verdict::passed) return;
      perform(message.exchange);
    }
  }

 private:
  Surroundings surroundings() {
    return {.foundation = reinterpret_cast<std::uintptr_t>(&machine_.foundation),
            .supervisor = machine_.supervisor.mmram_base(),
            .port = open_port,
            .closed_port = 0xCF8,
            .device = 0,
            .outside = reinterpret_cast<std::uintptr_t>(outside_.data())};
  }

  template <unsigned... numbers>
  void add_ordered(std::integer_sequence<unsigned, numbers...>) {
    using Start = abi::EfiStatus (*)(abi::MmSystemTable*);
    constexpr Start starts[] = {start_ordered<numbers>...};
    for (const unsigned number : order_in_volume) {
      machine_.add({.file = ordered_file_guid(number),
                    .name = "ordered",
                    .depex = ordered_depex(number),
                    .entry = [start = starts[number]](abi::Handle, abi::MmSystemTable* t) { return start(t); }});
    }
  }

  void perform(Exchange& exchange) {
    if (exchange.action == Action::raise_mmi) return machine_.asynchronous_mmi();
    if (exchange.action == Action::software_mmi) {
      machine_.supervisor.ports[command_port] = exchange.size;
      machine_.supervisor.ports[command_port + 1] = exchange.data[0];
      return machine_.asynchronous_mmi();
    }
    if (exchange.action == Action::exit_boot_services) {
      machine_.send(abi::exit_boot_services_event_group_guid);
      return;
    }
    ByteVector data(exchange.size);
    std::copy_n(std::as_bytes(std::span(exchange.data)).begin(), exchange.size, data.begin());
    const auto reply = machine_.send(exchange.guid, data, exchange.capacity);
    exchange.status = reply.status;
    exchange.size = reply.size;
    std::copy_n(data.begin(), std::min(data.size(), sizeof(exchange.data)),
                std::as_writable_bytes(std::span(exchange.data)).begin());
  }

  Machine machine_;
  std::vector<std::byte> outside_;
  abi::EfiStatus entry_ = status::not_started;
};

class ConformanceTest : public testing::Test {
 public:
  explicit ConformanceTest(std::size_t test) : test_(test) {}
  void TestBody() override {
    if (suite_ == nullptr) {
      suite_ = std::make_unique<Suite>();
      suite_->launch();
    }
    if (!HasFatalFailure()) suite_->run(test_);
    if (HasFatalFailure()) suite_.reset();
  }

 private:
  static inline std::unique_ptr<Suite> suite_;
  std::size_t test_;
};

}  // namespace
}  // namespace redoubt::conformance

int main(int argc, char** argv) {
  using namespace redoubt::conformance;
  testing::InitGoogleTest(&argc, argv);
  for (std::size_t i = 0; i != test_count(); ++i) {
    testing::RegisterTest("Conformance", std::string(test_at(i).name).c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [i]() -> testing::Test* { return new ConformanceTest(i); });
  }
  return RUN_ALL_TESTS();
}
