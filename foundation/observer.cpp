// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/observer.hpp"

#include "base/checked.hpp"

namespace redoubt::foundation {
namespace {

using abi::LogLevel;

template <typename T>
void put(MutableBytes data, std::size_t offset, const T& value) {
  __builtin_memcpy(data.data() + offset, &value, sizeof(value));
}

}  // namespace

void Observer::create(std::uint32_t options) {
  tracing_ = (options & abi::launch_option::trace) != 0;
  observe_always_ = (options & abi::launch_option::observe_always) != 0;
  const std::uint32_t level = (options & abi::launch_option::log_level_mask) >> abi::launch_option::log_level_shift;
  if (abi::is_log_level(level)) level_ = static_cast<LogLevel>(level);
  if (const SystemResult<PhysicalAddress> pages = supervisor_.allocate_pages(ring_pages, {}); pages.has_value()) {
    ring_.use({at_address<std::byte>(*pages), ring_pages * page_bytes});
  }
}

// ---- Log ----

void Observer::event(LogLevel level, const LogLine& line) {
  supervisor_.log(line.view());
  if (level > level_) return;
  ring_.append({.number = 0,
                .ticks = supervisor_.ticks(),
                .driver = foundation_itself,
                .level = level,
                .reported = true,
                .text = line.view()});
}

// For readers of the log at run time, when no report comes any more.
void Observer::tell_dropped(DriverNumber driver) {
  const LogLine line = LogLine("log.full").decimal("driver", driver);
  ring_.append({.number = ring_.total(),
                .ticks = supervisor_.ticks(),
                .driver = foundation_itself,
                .level = LogLevel::warning,
                .reported = true,
                .text = line.view()});
}

void Observer::text(LogLevel level, DriverNumber driver, LogShare* share, std::string_view text) {
  if (level > level_) return;
  if (share != nullptr) {
    const auto bytes = static_cast<std::uint32_t>(LogRing::entry_bytes(text.substr(0, abi::log_text_bytes)));
    if (bytes > share_bytes - share->bytes) {
      if (share->dropped != UINT32_MAX) ++share->dropped;
      if (!share->told) tell_dropped(driver);
      share->told = true;
      return;
    }
    share->bytes += bytes;
  }
  LogRing::Line line{.number = ring_.total(),
                     .ticks = supervisor_.ticks(),
                     .driver = driver,
                     .level = level,
                     .reported = tracing_ || level == LogLevel::error,
                     .text = text.substr(0, abi::log_text_bytes)};
  ring_.append(line);
  if (line.reported) write(line);
}

void Observer::write(const LogRing::Line& line) {
  supervisor_.log(LogLine("log")
                      .decimal("n", line.number)
                      .word("level", abi::to_string(line.level))
                      .decimal("driver", line.driver)
                      .decimal("ticks", line.ticks)
                      .quoted("text", line.text)
                      .view());
}

void Observer::report(Dispatcher& drivers) {
  drivers.for_each_record([&](DriverRecord& driver) {
    LogShare& share = driver.account.log;
    if (share.dropped != 0) {
      supervisor_.log(
          LogLine("log.lost").decimal("lines", share.dropped).decimal("driver", drivers.number(driver)).view());
    }
    share = {};
  });
  if (ring_.lost() != lost_) {
    supervisor_.log(LogLine("log.lost").decimal("lines", ring_.lost() - lost_).view());
    lost_ = ring_.lost();
  }
  ring_.walk(ring_.unreported(), [this](const LogRing::Line& line) {
    if (!line.reported) write(line);
    return true;
  });
  ring_.set_reported();
  for (std::size_t i = 0; i < profile_.size(); ++i) {
    if (profile_.at(i).calls != profile_.at(i).reported_calls) report_row(profile_.at(i));
  }
}

// ---- Profile ----

void Observer::report_row(ProfileRow& row) {
  row.reported_calls = row.calls;
  LogLine line("profile");
  if (same(row.handler, abi::Guid{})) {
    line.word("handler", "root");
  } else {
    line.guid("handler", row.handler);
  }
  supervisor_.log(line.decimal("driver", row.driver)
                      .hexadecimal("function", row.function)
                      .decimal("calls", row.calls)
                      .decimal("total", row.total_ticks)
                      .decimal("least", row.least_ticks)
                      .decimal("most", row.most_ticks)
                      .view());
}

// ---- Trace ----

void Observer::mmi_begins() {
  ++mmis_;
  handlers_called_ = 0;
  mmi_start_ = supervisor_.ticks();
}

void Observer::mmi_ends(const abi::MmiEvent& event, abi::EfiStatus status, std::uint64_t reply_size) {
  const std::uint64_t ticks = supervisor_.ticks() - mmi_start_;
  LogLine line("mmi");
  line.decimal("n", mmis_).decimal("cpu", event.cpu);
  if (event.has_message != 0) {
    line.guid("message", event.guid)
        .decimal("bytes", event.data_size)
        .hexadecimal("status", status)
        .decimal("reply", reply_size);
  }
  // The foundation's own messages, phases among them, need no handler.
  if (event.has_message != 0 && handlers_called_ == 0 && !abi::status::is_error(status)) line.word("by", "foundation");
  supervisor_.log(line.decimal("ticks", ticks).view());
}

void Observer::handler_returned(const abi::Guid* guid, const abi::DriverCall& call, abi::SystemStatus status) {
  ++handlers_called_;
  LogLine line("mmi.call");
  line.decimal("n", mmis_);
  if (guid != nullptr) {
    line.guid("handler", *guid);
  } else {
    line.word("handler", "root");
  }
  line.decimal("driver", call.driver);
  if (status == abi::SystemStatus::ok) {
    line.hexadecimal("result", call.result);
  } else {
    line.word("stopped", status == abi::SystemStatus::driver_fault ? "fault" : "refused");
  }
  supervisor_.log(line.decimal("ticks", call.ticks).view());
}

// ---- Message ----

std::uint64_t Observer::answer(MutableBytes data, Dispatcher& dispatcher) {
  const auto request = read_at<abi::ObservationRequest>(data, 0);
  if (!request.has_value() || data.size() < sizeof(abi::ObservationAnswer)) return 0;
  switch (request->command) {
    case abi::ObservationCommand::read_log: return read_log(request->first, data, dispatcher);
    case abi::ObservationCommand::read_profile: return read_profile(request->first, data, dispatcher);
  }
  return 0;
}

// A read makes room: at run time nothing else does.
std::uint64_t Observer::read_log(std::uint64_t first, MutableBytes data, Dispatcher& dispatcher) {
  dispatcher.for_each_record([](DriverRecord& driver) {
    driver.account.log.bytes = 0;
    driver.account.log.told = false;
  });
  abi::ObservationAnswer answer{.count = 0, .next = ring_.total(), .total = ring_.total()};
  std::size_t used = sizeof(answer);
  ring_.walk(first, [&](const LogRing::Line& line) {
    const std::size_t text_room = align_up<std::size_t>(line.text.size(), 8);
    if (data.size() - used < sizeof(abi::LogEntry) + text_room) {
      answer.next = line.number;
      return false;
    }
    put(data, used,
        abi::LogEntry{.number = line.number,
                      .ticks = line.ticks,
                      .driver = line.driver,
                      .level = line.level,
                      .reserved = 0,
                      .text_bytes = static_cast<std::uint16_t>(line.text.size())});
    used += sizeof(abi::LogEntry);
    __builtin_memset(data.data() + used, 0, text_room);
    __builtin_memcpy(data.data() + used, line.text.data(), line.text.size());
    used += text_room;
    ++answer.count;
    return true;
  });
  put(data, 0, answer);
  return used;
}

std::uint64_t Observer::read_profile(std::uint64_t first, MutableBytes data, Dispatcher& dispatcher) {
  abi::ObservationAnswer answer{.count = 0, .next = first, .total = profile_.size()};
  std::size_t used = sizeof(answer);
  for (; answer.next < profile_.size() && data.size() - used >= sizeof(abi::ProfileEntry); ++answer.next) {
    const ProfileRow& row = profile_.at(static_cast<std::size_t>(answer.next));
    const DriverRecord* driver = dispatcher.find(row.driver);
    put(data, used,
        abi::ProfileEntry{.handler = row.handler,
                          .driver_file = driver != nullptr ? driver->file() : abi::Guid{},
                          .driver = row.driver,
                          .function = row.function,
                          .calls = row.calls,
                          .total_ticks = row.total_ticks,
                          .least_ticks = row.calls != 0 ? row.least_ticks : 0,
                          .most_ticks = row.most_ticks});
    used += sizeof(abi::ProfileEntry);
    ++answer.count;
  }
  put(data, 0, answer);
  return used;
}

}  // namespace redoubt::foundation
