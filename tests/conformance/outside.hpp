// SPDX-License-Identifier: BSD-2-Clause-Patent
// Tests of what the specification promises outside MM: protocols that DXE drivers use (PI 1.9, volume 4, chapter 5).
// They are code of the UEFI program that runs the suite, and run in a machine only: what they test is DXE's driver and
// MM together.
#pragma once

#include <span>
#include <string_view>

#include "abi/uefi/system_table.hpp"
#include "tests/conformance/conformance.hpp"

namespace redoubt::conformance {

// One run of one test; the checks are those of tests inside MM.
class OutsideRun {
 public:
  OutsideRun(const abi::SystemTable& table, std::uint64_t comm_buffer_size)
      : system_table(table), capacity(comm_buffer_size) {}

  const abi::SystemTable& system_table;
  const std::uint64_t capacity;  // bytes of the communication buffer

  void status(abi::EfiStatus actual, abi::EfiStatus expected,
              std::source_location where = std::source_location::current()) {
    check(actual == expected, actual, where);
  }
  void that(bool holds, std::source_location where = std::source_location::current()) { check(holds, 0, where); }
  bool failed() const { return line_ != 0; }
  std::uint64_t line() const { return line_; }
  std::uint64_t value() const { return value_; }

  // The protocol's interface; null, and the test failed, if there is none.
  template <typename Protocol>
  Protocol* find(const abi::Guid& guid, std::source_location where = std::source_location::current()) {
    void* interface = nullptr;
    status(system_table.boot_services->locate_protocol(&guid, nullptr, &interface), abi::status::success, where);
    return static_cast<Protocol*>(interface);
  }

 private:
  void check(bool holds, std::uint64_t value, const std::source_location& where) {
    if (holds || failed()) return;
    line_ = where.line();
    value_ = value;
  }

  std::uint64_t line_ = 0;
  std::uint64_t value_ = 0;
};

struct OutsideTest {
  std::string_view name;
  std::string_view behaviour;
  void (*run)(OutsideRun&);
  std::string_view edk2 = {};
  std::string_view ours = {};
};

std::span<const OutsideTest> outside_tests();

}  // namespace redoubt::conformance
