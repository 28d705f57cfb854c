// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the foundation shows of its work (abi/redoubt/observation.hpp): log, profile of the handlers, trace, and the
// message that reads them. Everything here is for people: nothing that the foundation does may depend on it, and
// without memory for it MM works as well.
//
// The log costs an MMI little, since lines wait in MMRAM for the next phase of the boot to be written to the report;
// errors, and everything while a trace runs, are written at once.
#pragma once

#include <cstdint>
#include <string_view>

#include "abi/redoubt/observation.hpp"
#include "abi/redoubt/syscall.hpp"
#include "foundation/dispatcher.hpp"
#include "foundation/handler_profile.hpp"
#include "foundation/log_line.hpp"
#include "foundation/log_ring.hpp"
#include "foundation/mmi_database.hpp"
#include "foundation/supervisor_interface.hpp"

namespace redoubt::foundation {

class Observer {
 public:
  constexpr explicit Observer(Supervisor& supervisor) : supervisor_(supervisor), profile_(supervisor) {}
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  // `options`: abi::launch_option. Once.
  void create(std::uint32_t options);

  // ---- Log ----

  // A line of the report: written at once, and kept as text.
  void event(abi::LogLevel level, const LogLine& line);
  // A line of the foundation or a driver, kept if the log's level admits it. A driver's goes on its `share`, which may
  // be null: a line beyond share_bytes is dropped, and counted, whatever its level.
  void text(abi::LogLevel level, DriverNumber driver, LogShare* share, std::string_view text);
  // Writes to the report what waits for it: log lines, and the rows of the profile that changed. Each driver has a full
  // share of the log again.
  void report(Dispatcher& drivers);

  // ---- Profile ----

  HandlerProfile& profile() { return profile_; }

  // ---- Trace ----

  bool tracing() const { return tracing_; }
  // Around an MMI.
  void mmi_begins();
  void mmi_ends(const abi::MmiEvent& event, abi::EfiStatus status, std::uint64_t reply_size);
  // A handler came back; `guid` null: a root handler.
  void handler_returned(const abi::Guid* guid, const abi::DriverCall& call, abi::SystemStatus status);

  // ---- Message ----

  // Whether the message is answered; `locked`: ReadyToLock has passed.
  bool answers(bool locked) const { return !locked || observe_always_; }
  // The message's data is answered in place; returns the bytes of the answer, 0 for a request that is none.
  std::uint64_t answer(MutableBytes data, Dispatcher& dispatcher);

 private:
  static constexpr std::uint64_t ring_pages = 8;
  // An eighth for each, so that one that writes without end leaves the others their last lines.
  static constexpr std::uint64_t share_bytes = ring_pages * page_bytes / 8;

  void tell_dropped(DriverNumber driver);
  void write(const LogRing::Line& line);
  void report_row(ProfileRow& row);
  std::uint64_t read_log(std::uint64_t first, MutableBytes data, Dispatcher& dispatcher);
  std::uint64_t read_profile(std::uint64_t first, MutableBytes data, Dispatcher& dispatcher);

  Supervisor& supervisor_;
  LogRing ring_;
  HandlerProfile profile_;
  abi::LogLevel level_ = abi::LogLevel::info;
  bool tracing_ = false;
  bool observe_always_ = false;
  std::uint64_t lost_ = 0;  // what report() said last
  std::uint64_t mmis_ = 0;  // traced
  std::uint64_t mmi_start_ = 0;
  std::uint64_t handlers_called_ = 0;  // in this MMI
};

}  // namespace redoubt::foundation
