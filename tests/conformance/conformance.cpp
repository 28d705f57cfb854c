// SPDX-License-Identifier: BSD-2-Clause-Patent
// See conformance.hpp.
#include "tests/conformance/conformance.hpp"

#include <cstring>

#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

constexpr std::span<const Test> (*groups[])() = {
    system_table_tests, configuration_table_tests, io_tests,          pool_tests,       page_tests,
    protocol_tests,     notification_tests,        locate_tests,      mmi_tests,        processor_tests,
    save_state_tests,   foundation_protocol_tests, status_code_tests, dispatch_tests,   depex_tests,
    driver_tests,       lifecycle_tests,           pointer_tests,     after_boot_tests,
};

// Text of bounded length; what doesn't fit is left out.
class Line {
 public:
  explicit Line(std::span<char> room) : room_(room) {}
  Line& text(std::string_view more) {
    for (const char c : more) {
      if (length_ + 1 < room_.size()) room_[length_++] = c;
    }
    room_[length_] = 0;
    return *this;
  }
  Line& hexadecimal(std::uint64_t value) {
    char digits[16];
    std::size_t count = 0;
    do {
      digits[count++] = "0123456789abcdef"[value % 16];
      value /= 16;
    } while (value != 0);
    text("0x");
    while (count != 0) text({&digits[--count], 1});
    return *this;
  }

 private:
  std::span<char> room_;
  std::size_t length_ = 0;
};

}  // namespace

std::size_t test_count() {
  std::size_t count = 0;
  for (const auto group : groups) count += group().size();
  return count;
}

const Test& test_at(std::size_t index) {
  for (const auto group : groups) {
    const std::span<const Test> tests = group();
    if (index < tests.size()) return tests[index];
    index -= tests.size();
  }
  __builtin_trap();
}

void Run::note(std::string_view what, std::uint64_t actual, std::uint64_t expected, bool values,
               const std::source_location& where) {
  if (failed()) return;
  line_ = where.line();
  Line line(reason_);
  if (step != 0) line.text("step ").hexadecimal(step).text(": ");
  line.text(what);
  if (about_ != 0) line.text(" for ").hexadecimal(about_);
  if (values) line.text(" ").hexadecimal(actual).text(", expected ").hexadecimal(expected);
}

void Run::status(abi::EfiStatus actual, abi::EfiStatus expected, std::source_location where) {
  if (actual != expected) note("status", actual, expected, true, where);
}

void Run::equal(std::uint64_t actual, std::uint64_t expected, std::source_location where) {
  if (actual != expected) note("value", actual, expected, true, where);
}

void Run::that(bool holds, std::source_location where) {
  if (!holds) note("a condition doesn't hold", 0, 0, false, where);
}

void Run::next_message(const abi::Guid& guid, std::span<const std::uint8_t> data, std::uint64_t capacity) {
  next_.action = Action::send;
  next_.guid = guid;
  next_.size = data.size() < data_bytes ? data.size() : data_bytes;
  next_.capacity = capacity < data_bytes ? capacity : data_bytes;
  if (next_.size != 0) std::memcpy(next_.data, data.data(), next_.size);
}

void Run::answer(Message& message) const {
  message.exchange = next_;
  message.line = line_;
  std::memcpy(message.reason, reason_, sizeof(message.reason));
  message.verdict = failed() ? Verdict::failed : next_.action != Action::none ? Verdict::again : Verdict::passed;
}

}  // namespace redoubt::conformance
