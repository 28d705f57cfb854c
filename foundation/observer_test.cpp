// SPDX-License-Identifier: BSD-2-Clause-Patent
// Log, profile, trace and the message that reads them.
#include "foundation/observer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <format>
#include <random>
#include <string>
#include <vector>

#include "foundation/testing/machine.hpp"
#include "foundation/testing/test_handlers.hpp"

namespace redoubt::foundation {
namespace {

using abi::LogLevel;
using abi::MmSystemTable;
using testing::ByteVector;
using ::testing::ElementsAre;
using testing::handler_bodies;
using testing::HandlerCall;
using testing::handlers;
using ::testing::HasSubstr;
using testing::Machine;
using testing::test_guid;
namespace status = abi::status;
namespace option = abi::launch_option;

// ---- The ring ----

std::vector<std::string> texts(const LogRing& ring, std::uint64_t from = 0) {
  std::vector<std::string> result;
  ring.walk(from, [&](const LogRing::Line& line) {
    result.emplace_back(line.text);
    return true;
  });
  return result;
}

TEST(LogRing, KeepsLevelDriverTimeAndText) {
  alignas(8) std::array<std::byte, 1024> memory{};
  LogRing ring;
  ring.use(memory);
  ring.append({.number = 0, .ticks = 77, .driver = 5, .level = LogLevel::warning, .reported = true, .text = "one"});
  ring.append({.number = 0, .ticks = 78, .driver = 0, .level = LogLevel::debug, .reported = false, .text = ""});
  std::vector<LogRing::Line> lines;
  ring.walk(0, [&](const LogRing::Line& line) {
    lines.push_back(line);
    return true;
  });
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].number, 0U);
  EXPECT_EQ(lines[0].ticks, 77U);
  EXPECT_EQ(lines[0].driver, 5U);
  EXPECT_EQ(lines[0].level, LogLevel::warning);
  EXPECT_TRUE(lines[0].reported);
  EXPECT_EQ(lines[0].text, "one");
  EXPECT_EQ(lines[1].number, 1U);
  EXPECT_FALSE(lines[1].reported);
  EXPECT_EQ(lines[1].text, "");
  EXPECT_EQ(ring.total(), 2U);
}

TEST(LogRing, MakesTextPrintableAndCutsIt) {
  alignas(8) std::array<std::byte, 1024> memory{};
  LogRing ring;
  ring.use(memory);
  ring.append({.text = "a\nb\x01\xFF\x7F~ \""});
  ring.append({.text = std::string(1000, 'x')});
  const auto kept = texts(ring);
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0], "a?b???~ \"");
  EXPECT_EQ(kept[1], std::string(abi::log_line_bytes, 'x'));
}

TEST(LogRing, WithoutMemoryCountsOnly) {
  LogRing ring;
  ring.append({.text = "lost"});
  EXPECT_EQ(ring.total(), 1U);
  EXPECT_EQ(ring.lost(), 1U);
  EXPECT_TRUE(texts(ring).empty());
}

// Against a plain list that keeps everything: the ring holds a tail of it, unbroken, whatever the lengths.
TEST(LogRing, ForgetsTheOldestOnly) {
  for (const std::size_t capacity : {1024U, 1032U, 4096U}) {
    alignas(8) std::array<std::byte, 4096> memory{};
    LogRing ring;
    ring.use(std::span(memory).first(capacity));
    std::mt19937 random(static_cast<unsigned>(capacity));
    std::vector<std::string> all;
    std::uint64_t lost_at_least = 0;
    for (int i = 0; i < 20000; ++i) {
      all.push_back(std::format("{} ", i) + std::string(random() % 190, 'a'));
      ring.append({.text = all.back()});
      const auto kept = texts(ring);
      ASSERT_FALSE(kept.empty());
      ASSERT_LE(kept.size(), all.size());
      const std::size_t first = all.size() - kept.size();
      ASSERT_TRUE(std::equal(kept.begin(), kept.end(), all.begin() + static_cast<std::ptrdiff_t>(first)));
      ASSERT_EQ(texts(ring, all.size() - 1), std::vector{all.back()});
      // Nothing goes before its room is needed: what is kept and the new line's size fill the ring but for a filler.
      if (first != 0) {
        std::size_t bytes = 24 + (all[first - 1].size() + 7) / 8 * 8;
        for (const std::string& text : kept) bytes += 24 + (text.size() + 7) / 8 * 8;
        ASSERT_GT(bytes + 24 + 192, capacity);
      }
      lost_at_least = first;
    }
    EXPECT_EQ(ring.lost(), lost_at_least);
  }
}

TEST(LogRing, CountsAsLostWhatWasNeverReported) {
  alignas(8) std::array<std::byte, 1024> memory{};
  LogRing ring;
  ring.use(memory);
  const std::string text(200, 'x');  // 224 bytes with its header: four fit
  for (int i = 0; i < 4; ++i) ring.append({.text = text});
  ring.set_reported();
  for (int i = 0; i < 4; ++i) ring.append({.reported = i == 0, .text = text});
  EXPECT_EQ(ring.lost(), 0U);
  for (int i = 0; i < 3; ++i) ring.append({.text = text});
  EXPECT_EQ(ring.lost(), 2U) << "one of the three that went was reported";
}

// ---- In MM ----

const abi::Guid guid_a = test_guid(0xA);

class ObserverTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::clear_functions(); }

  void launch(std::uint32_t options = 0) {
    machine_.options = options;
    ASSERT_EQ(machine_.launch(), status::success);
    machine_.supervisor.lines.clear();
  }
  abi::Handle add(std::size_t number, const abi::Guid* guid, testing::HandlerBody body) {
    handler_bodies[number] = std::move(body);
    abi::Handle handle = nullptr;
    machine_.as_driver([&](MmSystemTable& mmst) {
      EXPECT_EQ(mmst.mmi_handler_register(handlers[number], guid, &handle), status::success);
    });
    return handle;
  }
  // Calls the log protocol as a driver would.
  abi::EfiStatus write(std::uint64_t level, const char* text, std::size_t bytes) {
    abi::EfiStatus result = status::aborted;
    machine_.as_driver([&](MmSystemTable& mmst) {
      void* interface = nullptr;
      ASSERT_EQ(mmst.locate_protocol(&abi::log_protocol_guid, nullptr, &interface), status::success);
      const auto* log = static_cast<const abi::LogProtocol*>(interface);
      result = log->write(log, level, text, bytes);
    });
    return result;
  }
  abi::EfiStatus write(LogLevel level, std::string_view text) {
    return write(static_cast<std::uint64_t>(level), text.data(), text.size());
  }
  void end_of_dxe() { machine_.send(abi::end_of_dxe_event_group_guid); }
  void lock() { machine_.send(abi::dxe_mm_ready_to_lock_protocol_guid); }

  std::vector<std::string> lines(std::string_view event) const {
    std::vector<std::string> found;
    for (const std::string& line : machine_.supervisor.lines) {
      if (line.starts_with(event) && line[event.size()] == ' ') found.push_back(line);
    }
    return found;
  }

  // The message; `room` bytes for the answer.
  MmiReply ask(abi::ObservationCommand command, std::uint64_t first, ByteVector& data, std::size_t room) {
    data.assign(room, std::byte{0xEE});
    const abi::ObservationRequest request{.command = command, .first = first};
    std::memcpy(data.data(), &request, std::min(room, sizeof(request)));
    return machine_.send(abi::observation_message_guid, data, 4096);
  }
  static abi::ObservationAnswer answer_of(const ByteVector& data) {
    return read_at<abi::ObservationAnswer>(data, 0).value();
  }
  // The texts in an answer to read_log.
  static std::vector<std::string> log_of(const ByteVector& data) {
    std::vector<std::string> result;
    std::size_t position = sizeof(abi::ObservationAnswer);
    for (std::uint64_t i = 0; i < answer_of(data).count; ++i) {
      const auto entry = read_at<abi::LogEntry>(data, position).value();
      position += sizeof(entry);
      result.emplace_back(reinterpret_cast<const char*>(data.data()) + position, entry.text_bytes);
      position += (entry.text_bytes + 7U) / 8 * 8;
    }
    EXPECT_EQ(position, data.size());
    return result;
  }

  Machine machine_;
};

TEST_F(ObserverTest, ADriversLinesWaitForTheNextPhase) {
  launch();
  EXPECT_EQ(write(LogLevel::info, "hello"), status::success);
  EXPECT_EQ(write(LogLevel::warning, "careful \"now\"\n"), status::success);
  EXPECT_EQ(write(LogLevel::debug, "detail"), status::success);  // below the log's level
  EXPECT_TRUE(lines("log").empty());
  end_of_dxe();
  const auto logged = lines("log");
  ASSERT_EQ(logged.size(), 2U);
  EXPECT_THAT(logged[0], HasSubstr("level=info driver=1 "));
  EXPECT_THAT(logged[0], HasSubstr("text=\"hello\""));
  EXPECT_THAT(logged[1], HasSubstr("level=warning"));
  EXPECT_THAT(logged[1], HasSubstr("text=\"careful ?now??\""));
  lock();
  EXPECT_EQ(lines("log").size(), 2U) << "each line once";
}

TEST_F(ObserverTest, ErrorsAreWrittenAtOnce) {
  launch();
  write(LogLevel::error, "broken");
  ASSERT_EQ(lines("log").size(), 1U);
  EXPECT_THAT(lines("log")[0], HasSubstr("level=error driver=1 "));
  end_of_dxe();
  EXPECT_EQ(lines("log").size(), 1U);
}

TEST_F(ObserverTest, TheLaunchChoosesTheLevel) {
  launch(static_cast<std::uint32_t>(LogLevel::debug) << option::log_level_shift);
  write(LogLevel::debug, "detail");
  end_of_dxe();
  ASSERT_EQ(lines("log").size(), 1U);
  EXPECT_THAT(lines("log")[0], HasSubstr("detail"));
}

TEST_F(ObserverTest, OnlyErrorsAtThatLevel) {
  launch(static_cast<std::uint32_t>(LogLevel::error) << option::log_level_shift);
  write(LogLevel::warning, "careful");
  write(LogLevel::error, "broken");
  end_of_dxe();
  ASSERT_EQ(lines("log").size(), 1U);
  EXPECT_THAT(lines("log")[0], HasSubstr("broken"));
}

TEST_F(ObserverTest, TheLogProtocolChecksItsArguments) {
  launch();
  static const char secret[] = "the foundation's own";
  machine_.supervisor.hide(secret, sizeof(secret));
  for (const std::uint64_t level : {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{0x1'0000'0001}}) {
    EXPECT_EQ(write(level, "x", 1), status::invalid_parameter) << level;
  }
  EXPECT_EQ(write(1, secret, 5), status::invalid_parameter);
  EXPECT_EQ(write(1, nullptr, 1), status::invalid_parameter);
  EXPECT_TRUE(lines("log").empty());
  EXPECT_EQ(write(1, nullptr, 0), status::success);
  const std::string large(5000, 'y');
  EXPECT_EQ(write(1, large.data(), large.size()), status::success);
  ASSERT_EQ(lines("log").size(), 2U);
  EXPECT_THAT(lines("log")[1], HasSubstr("\"" + std::string(abi::log_text_bytes, 'y') + "\""));
}

TEST_F(ObserverTest, LinesBeyondADriversShareAreDroppedAndCounted) {
  launch();
  const std::string text(96, 'z');  // 120 bytes with its header: 34 make an eighth of the log
  for (const LogLevel level : {LogLevel::info, LogLevel::error}) {
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(write(level, text), status::success);
    machine_.send(level == LogLevel::info ? abi::end_of_dxe_event_group_guid : abi::ready_to_boot_event_group_guid);
    ASSERT_EQ(lines("log.lost").size(), 1U);
    EXPECT_EQ(lines("log").size(), 34U);
    EXPECT_EQ(lines("log.lost")[0], "log.lost lines=966 driver=1");
    machine_.supervisor.lines.clear();  // and each phase gives it its share anew
  }
}

TEST_F(ObserverTest, ADriverThatWritesWithoutEndTakesNobodysLines) {
  machine_.add({.file = test_guid(7), .name = "quiet", .entry = [this](abi::Handle, MmSystemTable*) {
                  void* interface = nullptr;
                  EXPECT_EQ(machine_.mmst().locate_protocol(&abi::log_protocol_guid, nullptr, &interface),
                            status::success);
                  const auto* log = static_cast<const abi::LogProtocol*>(interface);
                  handler_bodies[3] = [log](const HandlerCall&) {
                    return log->write(log, static_cast<std::uint64_t>(LogLevel::info), "the only one", 12);
                  };
                  abi::Handle handle = nullptr;
                  return machine_.mmst().mmi_handler_register(handlers[3], &guid_a, &handle);
                }});
  launch();
  machine_.send(guid_a);
  for (int i = 0; i < 1000; ++i) write(LogLevel::info, std::string(100, 'z'));
  machine_.send(guid_a);
  end_of_dxe();
  EXPECT_EQ(std::ranges::count_if(lines("log"), [](const auto& line) { return line.contains("the only one"); }), 2);
}

TEST_F(ObserverTest, WhoReadsTheLogMakesRoom) {
  launch();
  const std::string text(96, 'z');
  for (int i = 0; i < 40; ++i) write(LogLevel::info, text);
  ByteVector data;
  ask(abi::ObservationCommand::read_log, 0, data, 100);
  ask(abi::ObservationCommand::read_log, answer_of(data).total - 1, data, 500);
  ASSERT_EQ(log_of(data).size(), 1U);
  EXPECT_EQ(log_of(data)[0], "log.full driver=1") << "no report may come any more";
  for (int i = 0; i < 40; ++i) write(LogLevel::info, text);
  end_of_dxe();
  EXPECT_EQ(lines("log").size(), 68U);
  ASSERT_EQ(lines("log.lost").size(), 1U);
  EXPECT_EQ(lines("log.lost")[0], "log.lost lines=12 driver=1");
}

TEST_F(ObserverTest, TheProfileCountsCallsAndTicks) {
  launch();
  add(1, &guid_a, [](const HandlerCall&) { return status::success; });
  for (int i = 0; i < 3; ++i) machine_.send(guid_a);
  end_of_dxe();
  const auto rows = lines("profile");
  const auto row = std::ranges::find_if(rows, [](const std::string& line) { return line.contains("0000000a-7e57"); });
  ASSERT_NE(row, rows.end());
  // The fake supervisor counts 1000 ticks for each call.
  EXPECT_THAT(*row, HasSubstr(" driver=1 "));
  EXPECT_THAT(*row, HasSubstr(" calls=3 total=3000 least=1000 most=1000"));
  machine_.supervisor.lines.clear();
  lock();
  EXPECT_TRUE(std::ranges::none_of(lines("profile"), [](const auto& line) { return line.contains("0000000a-7e57"); }))
      << "a row that didn't change isn't written again";
}

TEST_F(ObserverTest, AHandlersRowOutlivesIt) {
  launch();
  const abi::Handle handle = add(1, &guid_a, [](const HandlerCall&) { return status::success; });
  machine_.send(guid_a);
  machine_.as_driver([&](MmSystemTable& mmst) { EXPECT_EQ(mmst.mmi_handler_unregister(handle), status::success); });
  add(1, &guid_a, [](const HandlerCall&) { return status::success; });
  machine_.send(guid_a);
  end_of_dxe();
  const auto rows = lines("profile");
  EXPECT_EQ(std::ranges::count_if(rows, [](const auto& line) { return line.contains("0000000a-7e57"); }), 1);
  EXPECT_TRUE(std::ranges::any_of(rows, [](const auto& line) { return line.contains("calls=2 "); }));
}

TEST_F(ObserverTest, TheRowsOfADriverAreLimited) {
  constexpr std::uint32_t others = 2;
  for (std::uint32_t number = 0; number < others; ++number) {
    machine_.add({.file = test_guid(7 + number), .name = "other", .entry = [number](abi::Handle, MmSystemTable* mmst) {
                    const abi::Guid guid = test_guid(0x20 + number);
                    abi::Handle handle = nullptr;
                    return mmst->mmi_handler_register(handlers[3], &guid, &handle);
                  }});
  }
  launch();
  machine_.as_driver([&](MmSystemTable& mmst) {
    for (std::uint32_t i = 0; i < HandlerProfile::row_limit + 100; ++i) {
      const abi::Guid guid = test_guid(0x10000 + i);
      abi::Handle handle = nullptr;
      ASSERT_EQ(mmst.mmi_handler_register(handlers[1], &guid, &handle), status::success);
      ASSERT_EQ(mmst.mmi_handler_unregister(handle), status::success);
    }
  });
  add(2, &guid_a, [](const HandlerCall&) { return status::success; });
  EXPECT_EQ(machine_.send(guid_a).status, status::success) << "handled, although nobody counts it";
  ByteVector data;
  ask(abi::ObservationCommand::read_profile, 0, data, 64);
  EXPECT_EQ(answer_of(data).total, HandlerProfile::driver_row_limit + others);
}

TEST_F(ObserverTest, WithoutATraceMmisLeaveNoLine) {
  launch();
  add(1, &guid_a, [](const HandlerCall&) { return status::success; });
  machine_.supervisor.lines.clear();
  machine_.send(guid_a);
  machine_.asynchronous_mmi();
  EXPECT_TRUE(machine_.supervisor.lines.empty());
  EXPECT_FALSE(machine_.supervisor.root_interest);
}

TEST_F(ObserverTest, ATraceShowsEachHandlerAndEachMmi) {
  launch(option::trace);
  EXPECT_TRUE(machine_.supervisor.root_interest) << "MMIs without a message are shown, too";
  add(1, &guid_a, [](const HandlerCall& call) {
    *call.size = 4;
    return status::success;
  });
  add(2, nullptr, [](const HandlerCall&) { return status::warn_interrupt_source_pending; });
  machine_.supervisor.lines.clear();
  ByteVector data(7);
  machine_.send(guid_a, data, 100);
  auto calls = lines("mmi.call");
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_THAT(calls[0], HasSubstr("handler=0000000a-7e57-4001-8000-000000000001 driver=1 result=0x0 ticks=1000"));
  EXPECT_THAT(calls[1], HasSubstr("handler=root driver=1 result=0x2000000000000000 ticks=1000"));
  auto mmis = lines("mmi");
  ASSERT_EQ(mmis.size(), 1U);
  EXPECT_THAT(mmis[0],
              HasSubstr("cpu=0 message=0000000a-7e57-4001-8000-000000000001 bytes=7 status=0x0 reply=4 ticks="));
  machine_.supervisor.lines.clear();

  machine_.send(test_guid(0xBAD));
  ASSERT_EQ(lines("mmi").size(), 1U);
  EXPECT_THAT(lines("mmi")[0], HasSubstr("status=0x800000000000000e reply=0 ticks="));
  machine_.supervisor.lines.clear();

  machine_.asynchronous_mmi(1);
  ASSERT_EQ(lines("mmi").size(), 1U);
  EXPECT_THAT(lines("mmi")[0], HasSubstr("cpu=1 ticks="));
}

TEST_F(ObserverTest, ATraceNamesTheFoundationsOwnMessagesAndFaults) {
  launch(option::trace);
  machine_.send(abi::end_of_dxe_event_group_guid);
  ASSERT_EQ(lines("mmi").size(), 1U);
  EXPECT_THAT(lines("mmi")[0], HasSubstr("by=foundation"));
  add(1, &guid_a, [](const HandlerCall&) -> abi::EfiStatus { testing::FakeSupervisor::fault(14, 0x123); });
  machine_.supervisor.lines.clear();
  machine_.send(guid_a);
  ASSERT_EQ(lines("mmi.call").size(), 1U);
  EXPECT_THAT(lines("mmi.call")[0], HasSubstr("driver=1 stopped=fault"));
  EXPECT_THAT(lines("mmi")[0], HasSubstr("status=0x8000000000000007"));
}

TEST_F(ObserverTest, WithATraceLogLinesAreWrittenAtOnce) {
  launch(option::trace);
  write(LogLevel::info, "now");
  EXPECT_EQ(lines("log").size(), 1U);
}

// ---- The message ----

TEST_F(ObserverTest, TheMessageReadsTheLogInParts) {
  launch();
  for (int i = 0; i < 20; ++i) write(LogLevel::info, std::format("line {}", i));
  std::vector<std::string> read;
  std::uint64_t next = 0;
  for (int rounds = 0; rounds < 100; ++rounds) {
    ByteVector data;
    const MmiReply reply = ask(abi::ObservationCommand::read_log, next, data, 300);
    ASSERT_EQ(reply.status, status::success);
    ASSERT_LE(reply.size, 300U);
    const auto part = log_of(data);
    if (part.empty()) break;
    read.insert(read.end(), part.begin(), part.end());
    next = answer_of(data).next;
  }
  // The foundation's own lines stand there, too.
  EXPECT_TRUE(std::ranges::any_of(read, [](const auto& text) { return text.starts_with("driver guid="); }));
  std::erase_if(read, [](const std::string& text) { return !text.starts_with("line "); });
  ASSERT_EQ(read.size(), 20U);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(read[i], std::format("line {}", i));
}

TEST_F(ObserverTest, TheMessageReadsTheProfile) {
  launch();
  add(1, &guid_a, [](const HandlerCall&) { return status::success; });
  machine_.send(guid_a);
  ByteVector data;
  const MmiReply reply = ask(abi::ObservationCommand::read_profile, 0, data, 1024);
  ASSERT_EQ(reply.status, status::success);
  const abi::ObservationAnswer answer = answer_of(data);
  EXPECT_EQ(answer.count, answer.total);
  ASSERT_EQ(data.size(), sizeof(answer) + answer.count * sizeof(abi::ProfileEntry));
  const auto row = read_at<abi::ProfileEntry>(data, data.size() - sizeof(abi::ProfileEntry)).value();
  EXPECT_EQ(row.handler, guid_a);
  EXPECT_EQ(row.driver, 1U);
  EXPECT_EQ(row.driver_file, test_guid(0xBE7C));
  EXPECT_EQ(row.calls, 1U);
  EXPECT_EQ(row.least_ticks, 1000U);
}

TEST_F(ObserverTest, TheMessageRefusesWhatIsNoRequest) {
  launch();
  ByteVector data;
  EXPECT_EQ(ask(static_cast<abi::ObservationCommand>(0), 0, data, 100).status, status::invalid_parameter);
  EXPECT_TRUE(data.empty());
  EXPECT_EQ(ask(static_cast<abi::ObservationCommand>(3), 0, data, 100).status, status::invalid_parameter);
  for (std::size_t room = 0; room < sizeof(abi::ObservationAnswer); ++room) {
    EXPECT_EQ(ask(abi::ObservationCommand::read_log, 0, data, room).status, status::invalid_parameter) << room;
  }
  // No room for an entry is none for an answer with entries, but an answer.
  EXPECT_EQ(ask(abi::ObservationCommand::read_log, 0, data, 24).status, status::success);
  EXPECT_EQ(answer_of(data).count, 0U);
  EXPECT_EQ(ask(abi::ObservationCommand::read_log, UINT64_MAX, data, 100).status, status::success);
  EXPECT_EQ(answer_of(data).count, 0U);
  EXPECT_EQ(ask(abi::ObservationCommand::read_profile, UINT64_MAX, data, 200).status, status::success);
  EXPECT_EQ(answer_of(data).count, 0U);
}

TEST_F(ObserverTest, AfterReadyToLockNobodyAnswers) {
  launch();
  lock();
  ByteVector data;
  EXPECT_EQ(ask(abi::ObservationCommand::read_log, 0, data, 100).status, status::not_found);
  EXPECT_TRUE(data.empty());
}

TEST_F(ObserverTest, UnlessTheLaunchSaysSo) {
  launch(option::observe_always);
  lock();
  ByteVector data;
  EXPECT_EQ(ask(abi::ObservationCommand::read_log, 0, data, 1000).status, status::success);
  EXPECT_FALSE(log_of(data).empty());
}

TEST_F(ObserverTest, NoDriverTakesTheMessageOver) {
  launch();
  machine_.as_driver([&](MmSystemTable& mmst) {
    abi::Handle handle = nullptr;
    EXPECT_EQ(mmst.mmi_handler_register(handlers[1], &abi::observation_message_guid, &handle),
              status::invalid_parameter);
  });
}

TEST_F(ObserverTest, WithoutMemoryForTheRingMmWorks) {
  machine_.supervisor.fail_allocations_after(0);
  Observer observer(machine_.supervisor);
  observer.create(0);
  Dispatcher nobody(machine_.supervisor);
  observer.text(LogLevel::info, 1, nullptr, "nobody keeps this");
  observer.text(LogLevel::error, 1, nullptr, "this is written");
  observer.report(nobody);
  machine_.supervisor.allow_allocations();
  ASSERT_EQ(lines("log").size(), 1U);
  ASSERT_EQ(lines("log.lost").size(), 1U);
  EXPECT_EQ(lines("log.lost")[0], "log.lost lines=1");
}

}  // namespace
}  // namespace redoubt::foundation
