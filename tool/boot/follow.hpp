// SPDX-License-Identifier: BSD-2-Clause-Patent
// Follows a machine until its goal is seen or can't be reached any more, and tells the user meanwhile how far it is.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include "tool/boot/machine.hpp"

namespace redoubt::tool::boot {

// What a boot is to reach. With an empty marker: QEMU's own exit with status 0.
struct Goal {
  std::string name;
  std::string marker;       // on the serial console, terminal sequences removed
  std::string refusal;      // a marker that says the goal was missed; may be empty
  bool whole_line = false;  // the line with the marker has more to say
};

[[nodiscard]] Goal shell_goal();
[[nodiscard]] Goal linux_goal();  // the end of tests/linux's init, all of its tests passed
[[nodiscard]] Goal exit_goal();
[[nodiscard]] Goal text_goal(std::string_view marker);

// Tells on `stream` how far the guest is: one line that is rewritten on a terminal, a line a stage elsewhere.
class Progress {
 public:
  // A null stream keeps it silent.
  explicit Progress(std::FILE* stream);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void stage(std::string_view text);
  // A line that stays, also on a terminal.
  void note(std::string_view text);
  // Brings the time on the live line up to date.
  void tick();
  // Takes the live line away.
  void finish();

 private:
  void draw();
  std::string timed(std::string_view text) const;

  std::FILE* stream_;
  bool terminal_;
  std::string stage_;
  Machine::Clock::time_point start_ = Machine::Clock::now();
  Machine::Clock::time_point drawn_;
};

// What the log's events look like as a stage of a boot; empty for those that are none.
[[nodiscard]] std::string stage_text(const Event& event);

// What a driver or the foundation says went wrong in MM, if the event is that; otherwise empty.
[[nodiscard]] std::string error_text(const Event& event, const BootReport& report);

// From now on an interrupt or a termination signal ends follow() with Outcome::interrupted instead of the process, so
// that temporary files go.
void stop_on_interrupt();

// Runs `machine` until `goal` is seen on what the console prints from now on, or `limit` is over. Cuts short the
// Shell's wait before startup.nsh. The outcome and the time are noted in the machine's report.
Outcome follow(Machine& machine, const Goal& goal, std::chrono::seconds limit, Progress& progress);

}  // namespace redoubt::tool::boot
