// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/boot/follow.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <format>

#include "abi/redoubt/observation.hpp"

namespace redoubt::tool::boot {

using std::chrono::milliseconds;

namespace {

volatile std::sig_atomic_t interrupted = 0;

}  // namespace

void stop_on_interrupt() {
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

Goal shell_goal() { return {.name = "UEFI Shell", .marker = "Shell> ", .refusal = ""}; }

Goal linux_goal() {
  return {.name = "Linux tests", .marker = "linux-test result ok", .refusal = "linux-test result FAILED"};
}

Goal exit_goal() { return {.name = "power off", .marker = "", .refusal = ""}; }

Goal text_goal(std::string_view marker) {
  return {.name = std::format("\"{}\"", printable(marker)),
          .marker = std::string(marker),
          .refusal = "",
          .whole_line = true};
}

Progress::Progress(std::FILE* stream) : stream_(stream), terminal_(stream != nullptr && isatty(fileno(stream)) != 0) {}

void Progress::stage(std::string_view text) {
  if (text == stage_) {
    return;
  }
  stage_ = text;
  draw();
}

void Progress::tick() {
  if (terminal_ && Machine::Clock::now() - drawn_ > milliseconds{200}) {
    draw();
  }
}

std::string Progress::timed(std::string_view text) const {
  const std::chrono::duration<double> elapsed = Machine::Clock::now() - start_;
  return std::format("{:6.1f} s  {}", elapsed.count(), text);
}

void Progress::note(std::string_view text) {
  if (stream_ == nullptr) {
    return;
  }
  std::fputs(((terminal_ ? "\r" : "") + timed(text) + (terminal_ ? "\x1B[K\n" : "\n")).c_str(), stream_);
  std::fflush(stream_);
  if (terminal_) {
    draw();
  }
}

void Progress::draw() {
  if (stream_ == nullptr || stage_.empty()) {
    return;
  }
  constexpr std::size_t max_shown = 100;
  drawn_ = Machine::Clock::now();
  const std::string line = timed(std::string_view(stage_).substr(0, max_shown));
  std::fputs(terminal_ ? ("\r" + line + "\x1B[K").c_str() : (line + "\n").c_str(), stream_);
  std::fflush(stream_);
}

void Progress::finish() {
  if (terminal_ && !stage_.empty()) {
    std::fputs("\r\x1B[K", stream_);
    std::fflush(stream_);
  }
  stage_.clear();
}

std::string stage_text(const Event& event) {
  const auto text = [&event](abi::KeyName key) { return event.text(key).value_or("?"); };
  if (event.name == "ipl.start") {
    return std::format("PEI: launcher started, {} CPUs", text("cpus"));
  }
  if (event.name == "supervisor.start") {
    return "PEI: supervisor started";
  }
  if (event.name == "foundation.start") {
    return "PEI: foundation started";
  }
  if (event.name == "driver") {
    return std::format("PEI: MM driver {} started", text("name"));
  }
  if (event.name == "launch.done") {
    return "PEI: MM launched";
  }
  if (event.name == "ipl.locked") {
    return "PEI: MMRAM locked";
  }
  if (event.name == "ipl.failed") {
    return std::format("PEI: launch failed: {}", text("reason"));
  }
  if (event.name == "lifecycle") {
    return std::format("{}, {} MMIs", text("event"), text("mmis"));
  }
  if (event.name == "fault") {
    return std::format("fault in {}", text("domain"));
  }
  return event.name == "panic" ? std::format("PANIC: {}", text("reason")) : std::string();
}

std::string error_text(const Event& event, const BootReport& report) {
  if (event.name == "machine.reset" || event.name == "machine.halted" || event.name == "machine.closed") {
    return report.stops.empty() ? "" : to_text(report.stops.back());
  }
  if (event.name != "log" || event.text("level") != abi::to_string(abi::LogLevel::error)) {
    return {};
  }
  // A driver that still starts has no name yet.
  const std::uint64_t number = event.number("driver").value_or(0);
  const bool has_name =
      number == 0 || std::ranges::any_of(report.drivers, [&](const Driver& driver) { return driver.number == number; });
  return std::format("MM error: {}{}{}", has_name ? report.driver_name(number) : "", has_name ? ": " : "",
                     event.text("text").value_or("?"));
}

namespace {

// What the guest says from now on, until the machine's callbacks are taken away.
void show_progress(Machine& machine, Progress& progress) {
  machine.on_event = [&progress, &machine](const Event& event) {
    if (const std::string text = error_text(event, machine.report()); !text.empty()) {
      progress.note(text);
    }
    if (const std::string text = stage_text(event); !text.empty()) {
      progress.stage(text);
    }
  };
  machine.on_serial_line = [&progress](std::string_view line) {
    Console plain;
    plain.feed(line);
    if (plain.text().find_first_not_of(' ') != std::string_view::npos) {
      progress.stage(std::format("console: {}", plain.text()));
    }
  };
}

}  // namespace

Outcome follow(Machine& machine, const Goal& goal, std::chrono::seconds limit, Progress& progress) {
  constexpr std::string_view startup_wait = "any other key to continue";
  constexpr milliseconds grace{500};  // after a failure, or in the middle of a line, for what the guest still says
  const auto start = Machine::Clock::now();
  const auto deadline = start + limit;
  const std::uint64_t from = machine.serial().position();
  bool skipped_wait = false;

  progress.stage("QEMU started");
  show_progress(machine, progress);
  Outcome outcome = Outcome::timeout;
  const auto settled = [&] {
    progress.tick();
    if (interrupted != 0) {
      outcome = Outcome::interrupted;
      return true;
    }
    if (!goal.marker.empty() && machine.serial().contains(goal.marker, from)) {
      outcome = Outcome::reached;
      return true;
    }
    if (machine.report().loops()) {
      outcome = Outcome::reset_loop;
      return true;
    }
    if (machine.report().failed() || (!goal.refusal.empty() && machine.serial().contains(goal.refusal, from))) {
      outcome = Outcome::guest_failed;
      return true;
    }
    if (!skipped_wait && machine.serial().contains(startup_wait, from)) {
      machine.type(" ");
      skipped_wait = true;
    }
    return false;
  };
  if (!machine.pump_until(settled, deadline) && !machine.running()) {
    outcome = goal.marker.empty() && machine.exited_cleanly() ? Outcome::reached : Outcome::qemu_exited;
    static_cast<void>(settled());  // the marker may have come with the last bytes
  }
  if (outcome == Outcome::guest_failed) {
    machine.pump_until([] { return false; }, Machine::Clock::now() + grace);
  }
  if (outcome == Outcome::reached && goal.whole_line) {
    machine.pump_until([&] { return machine.serial().contains_line(goal.marker, from); },
                       Machine::Clock::now() + grace);
  }
  outcome = machine.report().judged(outcome);
  machine.on_event = nullptr;
  machine.on_serial_line = nullptr;
  progress.finish();
  machine.report().goal = goal.name;
  machine.report().outcome = outcome;
  machine.report().seconds = std::chrono::duration<double>(Machine::Clock::now() - start).count();
  return outcome;
}

}  // namespace redoubt::tool::boot
