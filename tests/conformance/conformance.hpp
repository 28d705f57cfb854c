// SPDX-License-Identifier: BSD-2-Clause-Patent
// The conformance suite: what the PI 1.9 and UEFI 2.10 specifications promise to an MM driver, one test for each
// sentence covered. A test is code of an MM_STANDALONE driver; the same sources run inside MM in a machine and, under
// sanitizers, inside MM on the host, and docs/conformance.md is written from the same table. So a test knows nothing
// of the implementation: it has the system table, the protocols it finds, and what a caller outside does for it.
//
// A test's name is "DOCUMENT-SECTION/SERVICE/case": pi4 is PI 1.9, volume 4 (whose section 3.2 describes the services
// of the system table, each under a heading of its own), uefi is UEFI 2.10.
#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <span>
#include <string_view>

#include "abi/pi/mm_system_table.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::conformance {

// What the caller outside does before a test's next step.
enum class Action : std::uint64_t {
  none,
  raise_mmi,     // an MMI without a message
  send,          // a message to `guid` with `size` bytes of data
  software_mmi,  // an MMI with `size` in the command port and data[0] in the data port
  exit_boot_services,
};

inline constexpr std::size_t data_bytes = 64;
inline constexpr std::size_t reason_bytes = 120;

// One action, and what came of it.
struct Exchange {
  Action action;
  abi::Guid guid;
  std::uint64_t size;      // bytes of data, in and out
  std::uint64_t capacity;  // bytes that a reply may have
  std::uint64_t status;    // out: EFI_STATUS that the caller got
  std::uint8_t data[data_bytes];
};

// Where things lie that only the outside can tell; 0 when it couldn't.
struct Surroundings {
  std::uint64_t foundation;  // an address in the foundation's memory
  std::uint64_t supervisor;  // an address in MMRAM that no driver may reach
  std::uint64_t port;        // an I/O port that policy gives to drivers
  std::uint64_t closed_port;
  std::uint64_t device;   // memory outside MMRAM that policy gives to drivers
  std::uint64_t outside;  // memory outside MMRAM that it doesn't
};

enum class Verdict : std::uint64_t { passed, failed, again };

// The message between the driver and its caller: one step of one test.
struct Message {
  // In.
  std::uint64_t test;
  std::uint64_t step;
  Surroundings surroundings;
  // In and out: what was done since the last step, and what to do before the next.
  Exchange exchange;
  // Out.
  std::uint64_t test_count;
  Verdict verdict;
  std::uint64_t line;
  char name[120];
  char reason[reason_bytes];
};

inline constexpr abi::Guid message_guid = {
    0x8f5e2c60, 0x3b1d, 0x4a57, {0x9c, 0x0e, 0x63, 0x6f, 0x6e, 0x66, 0x72, 0x6d}};

// One run of one test: one step of it, if it has several.
class Run {
 public:
  Run(abi::MmSystemTable& table, abi::Handle image) : mmst(table), image_handle(image) {}

  abi::MmSystemTable& mmst;
  const abi::Handle image_handle;
  std::uint64_t step = 0;  // 0 first
  Surroundings surroundings{};
  Exchange exchange{};  // of the action before this step

  // The first check that doesn't hold is the test's reason to fail.
  void status(abi::EfiStatus actual, abi::EfiStatus expected,
              std::source_location where = std::source_location::current());
  void equal(std::uint64_t actual, std::uint64_t expected,
             std::source_location where = std::source_location::current());
  void that(bool holds, std::source_location where = std::source_location::current());
  bool failed() const { return line_ != 0; }
  // Stands in the reasons from here on: which of many values a check is about.
  void about(std::uint64_t value) { about_ = value; }

  // What to do before the next step; the test is over after a step that asks for nothing.
  void next_mmi() { next_.action = Action::raise_mmi; }
  void next_software_mmi(std::uint64_t command, std::uint8_t data) {
    next_.action = Action::software_mmi;
    next_.size = command;
    next_.data[0] = data;
  }
  void next_exit_boot_services() { next_.action = Action::exit_boot_services; }
  void next_message(const abi::Guid& guid, std::span<const std::uint8_t> data, std::uint64_t capacity);

  // For the driver.
  void answer(Message& message) const;

 private:
  void note(std::string_view what, std::uint64_t actual, std::uint64_t expected, bool values,
            const std::source_location& where);

  Exchange next_{};
  std::uint64_t about_ = 0;
  std::uint64_t line_ = 0;
  char reason_[reason_bytes] = {};
};

// When a test is run. Most run twice: while the driver is initialised and, once everything has started, in an MMI.
enum class When : std::uint8_t { always, in_mmi };

struct Test {
  std::string_view name;
  std::string_view behaviour;  // in the document: what is specified, in our words
  void (*run)(Run&);
  When when = When::always;
  std::string_view edk2 = {};  // in the document: what edk2 does, where it differs
  std::string_view ours = {};  // in the document: what we do where the specification leaves it open
};

// All tests, in the document's order.
std::size_t test_count();
const Test& test_at(std::size_t index);

// A driver's entry point as the suite has it: what it registers in advance, and all tests that run at that time.
abi::EfiStatus start(abi::Handle image_handle, abi::MmSystemTable* mmst);

// One turn of a loop that waits for another processor. The runner on the host, where processors are threads that take
// turns, has one of its own.
inline constinit void (*relax_hook)() = nullptr;
inline void relax() {
  if (relax_hook != nullptr) {
    relax_hook();
  } else {
    asm volatile("pause" : : : "memory");
  }
}

// GUIDs for tests: equal numbers give equal GUIDs, and no other part has them.
constexpr abi::Guid test_guid(std::uint32_t number) {
  return {number, 0xC0F0, 0x4E57, {0x8A, 0x11, 0x63, 0x6f, 0x6e, 0x66, 0x6f, 0x72}};
}

}  // namespace redoubt::conformance
