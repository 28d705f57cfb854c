// SPDX-License-Identifier: BSD-2-Clause-Patent
// The suite as an MM driver: runs at its entry point all tests that can run there, keeps their results, and then runs
// any test, step by step, for a sender of a Message. It must not end MM when a test fails: the message says so.
#include <cstring>

#include "sdk/mm_driver.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

constexpr std::size_t most_tests = 512;

struct Outcome {
  std::uint64_t line;  // 0: passed, or not run
  char reason[reason_bytes];
};

struct Driver {
  abi::MmSystemTable* mmst;
  abi::Handle image_handle;
  Outcome at_entry[most_tests];
};
constinit Driver* driver = nullptr;

void name_test(Message& message, const Test& test) {
  const std::size_t length = test.name.size() < sizeof(message.name) - 1 ? test.name.size() : sizeof(message.name) - 1;
  std::memcpy(message.name, test.name.data(), length);
  message.name[length] = 0;
}

EFIAPI abi::EfiStatus handle_message(abi::Handle, const void*, void* buffer, abi::UintN* size) {
  if (buffer == nullptr || size == nullptr || *size < sizeof(Message)) {
    return abi::status::warn_interrupt_source_quiesced;
  }
  Message message;
  std::memcpy(&message, buffer, sizeof(message));
  message.test_count = test_count();
  if (message.test < message.test_count) {
    const Test& test = test_at(message.test);
    name_test(message, test);
    const Outcome& entry = driver->at_entry[message.test];
    if (entry.line != 0) {
      message.verdict = Verdict::failed;
      message.line = entry.line;
      std::memcpy(message.reason, entry.reason, sizeof(message.reason));
    } else {
      Run run(*driver->mmst, driver->image_handle);
      run.step = message.step;
      run.surroundings = message.surroundings;
      run.exchange = message.exchange;
      test.run(run);
      run.answer(message);
    }
  }
  std::memcpy(buffer, &message, sizeof(message));
  *size = sizeof(message);
  return abi::status::success;
}

}  // namespace

abi::EfiStatus start(abi::Handle image_handle, abi::MmSystemTable* mmst) {
  void* memory = nullptr;
  const abi::EfiStatus allocated = mmst->allocate_pool(abi::runtime_services_data, sizeof(Driver), &memory);
  if (abi::status::is_error(allocated)) return allocated;
  if (test_count() > most_tests) return abi::status::buffer_too_small;
  driver = static_cast<Driver*>(memory);
  std::memset(memory, 0, sizeof(Driver));
  driver->mmst = mmst;
  driver->image_handle = image_handle;
  const abi::EfiStatus prepared = prepare_lifecycle(*mmst);
  if (abi::status::is_error(prepared)) return prepared;
  for (std::size_t i = 0; i != test_count(); ++i) {
    if (test_at(i).when == When::in_mmi) continue;
    Run run(*mmst, image_handle);
    test_at(i).run(run);
    Message message = {};
    run.answer(message);
    driver->at_entry[i].line = message.line;
    std::memcpy(driver->at_entry[i].reason, message.reason, reason_bytes);
  }
  abi::Handle handle = nullptr;
  return mmst->mmi_handler_register(handle_message, &message_guid, &handle);
}

}  // namespace redoubt::conformance
