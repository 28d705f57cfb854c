// SPDX-License-Identifier: BSD-2-Clause-Patent
// Runs the suite in a machine: a UEFI program that asks the suite's driver for one test after the other, does what a
// test needs done outside MM, and runs the tests of DXE's side itself. It prints one line for each test, which
// tests/boot/conformance collects:
//
//   conformance NAME passed | conformance NAME failed line=N reason="..."
//   conformance summary passed=N failed=N
//
// Set from outside, since the guest doesn't know it: opt/org.redoubt/foundation and opt/org.redoubt/supervisor, decimal
// addresses.
#include <cstring>

#include "platform/board.hpp"
#include "tests/conformance/conformance.hpp"
#include "tests/conformance/outside.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"

namespace redoubt::guest {
namespace {

using namespace conformance;

struct SuiteMessage {
  abi::CommunicateHeader header;
  Message message;
};

struct TestMessage {
  abi::CommunicateHeader header;
  std::uint8_t data[data_bytes];
};

class Caller {
 public:
  Caller(const RawMailbox& mailbox, abi::Handle image, const abi::SystemTable& system_table)
      : mailbox_(mailbox), image_(image), system_table_(system_table) {
    surroundings_ = {.foundation = option("foundation", 0),
                     .supervisor = option("supervisor", 0),
                     .port = platform::board::grants.ports.ranges[0].first,
                     .closed_port = 0xCF8,
                     .device = platform::board::grants.ranges[0].base,
                     .outside = 0x100000};
  }

  bool run() {
    Message first = {};
    first.test = ~std::uint64_t{0};
    if (!ask(first)) {
      print_line("conformance failed: the suite's driver is not in this image");
      return false;
    }
    unsigned passed = 0;
    unsigned failed = 0;
    for (const OutsideTest& test : outside_tests()) {
      OutsideRun run(system_table_, mailbox_.capacity());
      test.run(run);
      if (!run.failed()) {
        ++passed;
        print_line("conformance ", test.name, " passed");
      } else {
        ++failed;
        print_line("conformance ", test.name, " failed line=", Decimal{run.line()}, " reason=\"value ",
                   Hexadecimal{run.value()}, "\"");
      }
    }
    for (std::uint64_t test = 0; test != first.test_count; ++test) {
      Message message = {};
      const std::string_view problem = run_one(test, message);
      if (problem.empty()) {
        ++passed;
        print_line("conformance ", std::string_view(message.name), " passed");
      } else {
        ++failed;
        print_line("conformance ", std::string_view(message.name), " failed line=", Decimal{message.line}, " reason=\"",
                   problem, "\"");
      }
    }
    print_line("conformance summary passed=", Decimal{passed}, " failed=", Decimal{failed});
    return failed == 0;
  }

 private:
  bool ask(Message& message) {
    message.surroundings = surroundings_;
    mailbox_.put(SuiteMessage{{message_guid, sizeof(Message)}, message});
    const auto answer = mailbox_.send();
    if (!answer || answer->status != abi::status::success || answer->size != sizeof(SuiteMessage)) return false;
    message = mailbox_.get<SuiteMessage>().message;
    return true;
  }

  // Empty if the test passed.
  std::string_view run_one(std::uint64_t test, Message& message) {
    for (std::uint64_t step = 0; step != 100; ++step) {
      message.test = test;
      message.step = step;
      if (!ask(message)) return "the suite's driver doesn't answer";
      if (message.verdict == Verdict::failed) return message.reason;
      if (message.verdict == Verdict::passed) return {};
      if (!perform(message.exchange)) return "MM didn't answer the test's message";
    }
    return "the test has no end";
  }

  bool perform(Exchange& exchange) {
    if (exchange.action == Action::raise_mmi) {
      raise_mmi();
      return true;
    }
    if (exchange.action == Action::software_mmi) {
      raise_mmi(static_cast<std::uint8_t>(exchange.size), exchange.data[0]);
      return true;
    }
    if (exchange.action == Action::exit_boot_services) return exit_boot_services();
    TestMessage message{{exchange.guid, exchange.size}, {}};
    std::memcpy(message.data, exchange.data, sizeof(message.data));
    mailbox_.put(message);
    const auto answer = mailbox_.send();
    if (!answer) return false;
    exchange.status = answer->status;
    exchange.size = answer->size < sizeof(abi::CommunicateHeader) ? 0 : answer->size - sizeof(abi::CommunicateHeader);
    std::memcpy(exchange.data, mailbox_.get<TestMessage>().data, sizeof(exchange.data));
    return true;
  }

  // The memory map's key is good until the next allocation: there is none between the two calls.
  bool exit_boot_services() {
    alignas(8) static constinit std::uint8_t map[32768] = {};
    for (unsigned attempt = 0; attempt != 3; ++attempt) {
      abi::UintN size = sizeof(map);
      abi::UintN key = 0;
      abi::UintN descriptor_size = 0;
      std::uint32_t version = 0;
      const abi::BootServices& services = *system_table_.boot_services;
      if (services.get_memory_map(&size, map, &key, &descriptor_size, &version) != abi::status::success) return false;
      if (services.exit_boot_services(image_, key) == abi::status::success) return true;
    }
    return false;
  }

  const RawMailbox& mailbox_;
  const abi::Handle image_;
  const abi::SystemTable& system_table_;
  Surroundings surroundings_ = {};
};

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus conformance_caller_entry(redoubt::abi::Handle image,
                                                                   redoubt::abi::SystemTable* system_table) {
  using namespace redoubt::guest;
  const auto mailbox = RawMailbox::find(*system_table);
  if (!mailbox) {
    print_line("conformance failed: no HOB names a communication buffer");
    finish(*system_table, "conformance_caller", false);
  }
  finish(*system_table, "conformance_caller", Caller(*mailbox, image, *system_table).run());
}
