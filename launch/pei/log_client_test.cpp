// SPDX-License-Identifier: BSD-2-Clause-Patent
// MM's errors on the console: read from the foundation, and from an MM that lies; and the console's port, which may be
// absent, slow or stuck.
#include "launch/pei/log_client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <format>
#include <functional>
#include <string>
#include <vector>

#include "abi/pi/communicate.hpp"
#include "abi/redoubt/observation.hpp"
#include "foundation/testing/machine.hpp"
#include "foundation/testing/test_handlers.hpp"
#include "launch/pei/serial_port.hpp"

namespace redoubt::launch {
namespace {

using abi::LogEntry;
using abi::LogLevel;
using abi::ObservationAnswer;

class TextConsole final : public Console {
 public:
  void write(std::string_view more) override { text += more; }
  std::string text;
};

// ---- The foundation's own log ----

class FoundationChannel final : public MessageChannel {
 public:
  FoundationChannel(foundation::testing::Machine& machine, std::size_t size) : machine_(machine), buffer_(size) {}

  MutableBytes buffer() override { return buffer_; }
  Result<Answer> exchange() override {
    ++exchanges;
    const auto header = read_at<abi::CommunicateHeader>(buffer_, 0).value();
    EXPECT_EQ(header.message_length, buffer_.size() - sizeof(header));
    foundation::testing::ByteVector data(buffer_.begin() + sizeof(header), buffer_.end());
    const auto reply = machine_.send(header.header_guid, data, data.size());
    std::ranges::copy(data, buffer_.begin() + sizeof(header));
    return Answer{.status = reply.status, .bytes = Bytes(buffer_).first(sizeof(header) + data.size())};
  }

  unsigned exchanges = 0;

 private:
  foundation::testing::Machine& machine_;
  std::vector<std::byte> buffer_;
};

class LogClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    foundation::testing::clear_functions();
    ASSERT_EQ(machine.launch(), abi::status::success);
  }
  void say(LogLevel level, std::string_view text) {
    machine.as_driver([&](abi::MmSystemTable& mmst) {
      void* interface = nullptr;
      ASSERT_EQ(mmst.locate_protocol(&abi::log_protocol_guid, nullptr, &interface), abi::status::success);
      const auto* log = static_cast<const abi::LogProtocol*>(interface);
      EXPECT_EQ(log->write(log, static_cast<abi::UintN>(level), text.data(), text.size()), abi::status::success);
    });
  }

  foundation::testing::Machine machine;
  TextConsole console;
};

TEST_F(LogClientTest, ErrorsAndNothingElse) {
  FoundationChannel channel(machine, 4096);
  EXPECT_EQ(show_errors(channel, console).failure, nullptr);
  EXPECT_EQ(console.text, "");
  say(LogLevel::info, "an information");
  say(LogLevel::error, "the store is damaged");
  say(LogLevel::warning, "a warning");
  say(LogLevel::error, "and closed");
  const ShownErrors errors = show_errors(channel, console);
  EXPECT_EQ(errors.count, 2U);
  EXPECT_EQ(errors.failure, nullptr);
  EXPECT_EQ(console.text, "Redoubt MM: the store is damaged\r\nRedoubt MM: and closed\r\n");
}

TEST_F(LogClientTest, InAsManyPartsAsTheMailboxNeeds) {
  std::string expected;
  for (int i = 0; i < 12; ++i) {
    say(LogLevel::error, std::format("error {}", i));
    expected += std::format("Redoubt MM: error {}\r\n", i);
  }
  FoundationChannel channel(machine, sizeof(abi::CommunicateHeader) + 256);
  const ShownErrors errors = show_errors(channel, console);
  EXPECT_EQ(errors.count, 12U);
  EXPECT_EQ(errors.failure, nullptr);
  EXPECT_EQ(console.text, expected);
  EXPECT_GT(channel.exchanges, 2U);
}

TEST_F(LogClientTest, ManyErrorsEndWithAWord) {
  for (std::uint32_t i = 0; i < most_shown_errors; ++i) say(LogLevel::error, "x");
  FoundationChannel channel(machine, 4096);
  EXPECT_EQ(show_errors(channel, console).count, most_shown_errors);
  EXPECT_EQ(std::ranges::count(console.text, '\n'), most_shown_errors);
  console.text.clear();
  say(LogLevel::error, "one too many");
  EXPECT_EQ(show_errors(channel, console).count, most_shown_errors);
  EXPECT_TRUE(console.text.ends_with("x\r\nRedoubt MM: there are more errors\r\n"));
  EXPECT_EQ(std::ranges::count(console.text, '\n'), most_shown_errors + 1);
}

TEST_F(LogClientTest, AfterReadyToLockThereIsNoLog) {
  machine.send(abi::dxe_mm_ready_to_lock_protocol_guid);
  FoundationChannel channel(machine, 4096);
  EXPECT_NE(show_errors(channel, console).failure, nullptr);
}

// ---- An MM that lies ----

class LyingChannel final : public MessageChannel {
 public:
  explicit LyingChannel(std::size_t size) : buffer_(size) { buffer_.shrink_to_fit(); }

  MutableBytes buffer() override { return buffer_; }
  Result<Answer> exchange() override {
    ++exchanges;
    if (silent) return std::unexpected(Error::device);
    std::vector<std::byte> bytes(sizeof(abi::CommunicateHeader));
    answer(bytes);
    EXPECT_LE(bytes.size(), buffer_.size());
    std::ranges::copy(bytes, buffer_.begin());
    return Answer{.status = status, .bytes = Bytes(buffer_).first(std::min(bytes.size(), cut))};
  }

  bool silent = false;
  std::uint64_t status = 0;
  std::size_t cut = SIZE_MAX;
  unsigned exchanges = 0;
  std::function<void(std::vector<std::byte>&)> answer;

 private:
  std::vector<std::byte> buffer_;
};

void append(std::vector<std::byte>& bytes, const auto& value) {
  const auto raw = std::as_bytes(std::span(&value, 1));
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

void append_entry(std::vector<std::byte>& bytes, std::string_view text, std::uint16_t stated) {
  append(bytes,
         LogEntry{.number = 0, .ticks = 0, .driver = 1, .level = LogLevel::error, .reserved = 0, .text_bytes = stated});
  for (const char character : text) append(bytes, character);
  bytes.resize((bytes.size() + 7) / 8 * 8);
}

struct Lies {
  explicit Lies(std::size_t size = 4096) : channel(size) {}
  ShownErrors ask() { return show_errors(channel, console); }

  LyingChannel channel;
  TextConsole console;
};

TEST(LogClientLies, OnlyPrintableCharactersReachTheConsole) {
  Lies lies;
  const std::string_view text("\x1B[2J\0\r\n\x7F\xC3\xA9~ ok", 14);
  lies.channel.answer = [&](std::vector<std::byte>& bytes) {
    const bool first = lies.channel.exchanges == 1;
    append(bytes, ObservationAnswer{.count = first ? 1U : 0U, .next = 1, .total = 1});
    append_entry(bytes, text, static_cast<std::uint16_t>(text.size()));
  };
  EXPECT_EQ(lies.ask().failure, nullptr);
  EXPECT_EQ(lies.console.text, "Redoubt MM: ?[2J??????~ ok\r\n");
}

TEST(LogClientLies, LongTextIsCut) {
  Lies lies;
  lies.channel.answer = [&](std::vector<std::byte>& bytes) {
    append(bytes, ObservationAnswer{.count = lies.channel.exchanges == 1 ? 1U : 0U, .next = 1, .total = 1});
    append_entry(bytes, std::string(2000, 'x'), 2000);
  };
  EXPECT_EQ(lies.ask().count, 1U);
  EXPECT_EQ(lies.console.text, "Redoubt MM: " + std::string(2 * abi::log_text_bytes, 'x') + "\r\n");
}

TEST(LogClientLies, TextThatLeadsOutOfTheAnswer) {
  for (const std::uint16_t stated : {std::uint16_t{9}, std::uint16_t{17}, std::uint16_t{0xFFFF}}) {
    Lies lies;
    lies.channel.answer = [&](std::vector<std::byte>& bytes) {
      append(bytes, ObservationAnswer{.count = 1, .next = 1, .total = 1});
      append_entry(bytes, "12345678", stated);
    };
    EXPECT_NE(lies.ask().failure, nullptr) << stated;
    EXPECT_EQ(lies.console.text, "");
  }
}

TEST(LogClientLies, AnswersOfEachLength) {
  const std::size_t whole = sizeof(abi::CommunicateHeader) + sizeof(ObservationAnswer) + sizeof(LogEntry) + 8;
  for (std::size_t cut = 0; cut <= whole; ++cut) {
    Lies lies(whole);
    lies.channel.cut = cut;
    lies.channel.answer = [&](std::vector<std::byte>& bytes) {
      append(bytes, ObservationAnswer{.count = lies.channel.exchanges == 1 ? 1U : 0U, .next = 1, .total = 1});
      append_entry(bytes, "text", 4);
    };
    EXPECT_EQ(lies.ask().failure == nullptr, cut == whole) << cut;
    EXPECT_EQ(lies.console.text.empty(), cut != whole) << cut;
  }
}

TEST(LogClientLies, CountsThatCannotBe) {
  for (const std::uint64_t count : {std::uint64_t{2}, UINT64_MAX}) {
    Lies lies;
    lies.channel.answer = [&](std::vector<std::byte>& bytes) {
      append(bytes, ObservationAnswer{.count = count, .next = 1, .total = 1});
      append_entry(bytes, "text", 4);
    };
    EXPECT_NE(lies.ask().failure, nullptr);
    EXPECT_EQ(lies.channel.exchanges, 1U);
  }
}

TEST(LogClientLies, ALogWithoutEndOrInACircle) {
  Lies lies;
  lies.channel.answer = [&](std::vector<std::byte>& bytes) {
    append(bytes, ObservationAnswer{.count = 1, .next = lies.channel.exchanges, .total = UINT64_MAX});
    append(bytes,
           LogEntry{.number = 0, .ticks = 0, .driver = 0, .level = LogLevel::info, .reserved = 0, .text_bytes = 0});
  };
  EXPECT_NE(lies.ask().failure, nullptr);
  EXPECT_LE(lies.channel.exchanges, 100U);

  Lies circle;
  circle.channel.answer = [&](std::vector<std::byte>& bytes) {
    append(bytes, ObservationAnswer{.count = 1, .next = 7, .total = UINT64_MAX});
    append_entry(bytes, "again", 5);
  };
  EXPECT_NE(circle.ask().failure, nullptr);
  EXPECT_EQ(circle.channel.exchanges, 2U);

  // Without end, but with errors alone: what's shown is bounded, too.
  Lies errors;
  errors.channel.answer = [&](std::vector<std::byte>& bytes) {
    append(bytes, ObservationAnswer{.count = 20, .next = errors.channel.exchanges, .total = UINT64_MAX});
    for (int i = 0; i < 20; ++i) append_entry(bytes, "e", 1);
  };
  EXPECT_EQ(errors.ask().count, most_shown_errors);
  EXPECT_EQ(std::ranges::count(errors.console.text, '\n'), most_shown_errors + 1);
}

// That nothing is left isn't the same as that the mailbox has no room for the next line.
TEST(LogClientLies, ALineThatThereIsNoRoomForIsAFailure) {
  for (const std::uint64_t next : {std::uint64_t{1}, std::uint64_t{2}}) {
    Lies lies;
    lies.channel.answer = [&](std::vector<std::byte>& bytes) {
      append(bytes, ObservationAnswer{.count = lies.channel.exchanges == 1 ? 1U : 0U, .next = next, .total = 2});
      if (lies.channel.exchanges == 1) append_entry(bytes, "text", 4);
    };
    EXPECT_EQ(lies.ask().failure == nullptr, next == 2);
    EXPECT_EQ(lies.console.text, "Redoubt MM: text\r\n");
  }
}

TEST(LogClientLies, NoAnswer) {
  Lies lies;
  lies.channel.silent = true;
  EXPECT_NE(lies.ask().failure, nullptr);
  lies.channel.silent = false;
  lies.channel.status = abi::status::not_found;
  lies.channel.answer = [](std::vector<std::byte>&) {};
  EXPECT_NE(lies.ask().failure, nullptr);
  for (std::size_t size = 0; size < sizeof(abi::CommunicateHeader) + sizeof(abi::ObservationRequest); ++size) {
    Lies small(size);
    EXPECT_NE(small.ask().failure, nullptr) << size;
    EXPECT_EQ(small.channel.exchanges, 0U);
  }
}

// ---- The port ----

// A 16550A and the ACPI timer, which moves on by `step` each time that it's read.
struct FakePorts {
  void write8(std::uint16_t port, std::uint8_t value) {
    ++accesses;
    ASSERT_GE(port, 0x3F8);
    ASSERT_LE(port, 0x3FF);
    if (absent) return;
    registers[port - 0x3F8] = value;
    if (port == 0x3F8 && (registers[3] & 0x80) == 0) {
      EXPECT_EQ(registers[3], 3) << "8 bits, no parity, one stop bit";
      EXPECT_EQ(divisor, 1);
      EXPECT_TRUE(ready) << "the transmitter wasn't empty";
      sent += static_cast<char>(value);
      ready = false;
    } else if (port == 0x3F8 || (port == 0x3F9 && (registers[3] & 0x80) != 0)) {
      divisor = port == 0x3F8 ? value : divisor + 256 * value;
    }
  }
  std::uint8_t read8(std::uint16_t port) {
    ++accesses;
    if (absent) return 0xFF;
    if (port == 0x3FD) {
      ready = ready || (!stuck && ++polls % polls_each == 0);
      return ready ? 0x60 : 0;
    }
    return registers[port - 0x3F8];
  }
  std::uint32_t read32(std::uint16_t port) {
    EXPECT_EQ(port, 0x608);
    time += step;
    return time & 0xFF'FFFF;
  }

  bool absent = false;
  bool stuck = false;
  bool ready = true;
  unsigned polls_each = 1;
  unsigned polls = 0;
  std::uint64_t time = 0xFF'FF00;  // about to wrap
  std::uint32_t step = 100;
  int divisor = 0;
  std::uint8_t registers[8] = {};
  std::string sent;
  unsigned accesses = 0;
};

TEST(SerialPort, SetsThePortUpOnceAndWaitsForEachCharacter) {
  FakePorts ports;
  ports.polls_each = 3;
  SerialPort port(ports);
  EXPECT_EQ(ports.accesses, 0U);
  port.write("one ");
  port.write("two\r\n");
  EXPECT_EQ(ports.sent, "one two\r\n");
}

TEST(SerialPort, NobodyThere) {
  FakePorts ports;
  ports.absent = true;
  SerialPort port(ports);
  for (int i = 0; i < 100; ++i) port.write("nobody reads this");
  EXPECT_LE(ports.accesses, 4U);
}

TEST(SerialPort, StuckOrSlowItCostsLittleTime) {
  constexpr std::uint64_t most = SerialPort<FakePorts>::patience + 1000;
  FakePorts stuck;
  const std::uint64_t start = stuck.time;
  SerialPort stuck_port(stuck);
  stuck_port.write("ab");
  EXPECT_EQ(stuck.sent, "ab");
  stuck.stuck = true;
  for (int i = 0; i < 100; ++i) stuck_port.write("nobody reads this");
  EXPECT_LE(stuck.time - start, most);
  EXPECT_EQ(stuck.sent, "ab");

  // One character alone is waited for a tenth of a second.
  EXPECT_LE(stuck.time - start, platform::q35::pm_timer_hertz / 10 + 1000);

  FakePorts slow;
  slow.polls_each = 2000;
  SerialPort slow_port(slow);
  for (int i = 0; i < 100; ++i) slow_port.write("somebody reads a little of this");
  EXPECT_LE(slow.time - start, most + 10'000);
  EXPECT_GT(slow.sent.size(), 2U);
  EXPECT_LT(slow.sent.size(), 100U);

  // What is done between two lines is none of the port's waits, however long it takes.
  FakePorts seldom;
  seldom.polls_each = 3;
  SerialPort seldom_port(seldom);
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    seldom_port.write("line\r\n");
    expected += "line\r\n";
    seldom.time += platform::q35::pm_timer_hertz;
  }
  EXPECT_EQ(seldom.sent, expected);

  FakePorts timeless;
  timeless.stuck = true;
  timeless.step = 0;
  SerialPort timeless_port(timeless);
  for (int i = 0; i < 100; ++i) timeless_port.write("nobody reads this");
  EXPECT_LE(timeless.accesses, SerialPort<FakePorts>::most_polls + 1000);
}

}  // namespace
}  // namespace redoubt::launch
