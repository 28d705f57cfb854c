// SPDX-License-Identifier: BSD-2-Clause-Patent
// Runs QEMU on a firmware image: composes its command line, starts it with its consoles on sockets, follows it, and
// ends it. QEMU never outlives its Machine. One thread, poll(2); nothing here waits without a limit.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "tool/boot/child_process.hpp"
#include "tool/boot/console.hpp"
#include "tool/boot/log.hpp"
#include "tool/boot/qemu_arguments.hpp"
#include "tool/boot/report.hpp"
#include "tool/boot/trace.hpp"
#include "tool/boot/witness.hpp"
#include "tool/host_files/regular_file.hpp"

namespace redoubt::tool::boot {

// A folder under $TMPDIR (or /tmp) that goes with its owner.
class TemporaryFolder {
 public:
  [[nodiscard]] static Attempt<TemporaryFolder> create();
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

class Machine {
 public:
  using Clock = std::chrono::steady_clock;

  // Starts QEMU. Fails when an input can't be read, when the options don't fit together, or when QEMU can't start.
  [[nodiscard]] static Attempt<std::unique_ptr<Machine>> start(const MachineOptions& options);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();

  // Called for each event of the guest's log and for each line of the serial console.
  std::function<void(const Event&)> on_event;
  std::function<void(std::string_view)> on_serial_line;
  // Called for each MMI of the trace.
  std::function<void(const TracedMmi&)> on_mmi;

  // Takes in what QEMU has written, waiting up to `limit` for the first of it. False once QEMU has exited and all
  // that it wrote has been taken in.
  bool pump(std::chrono::milliseconds limit);

  // Pumps until `done`, the end of QEMU, or `deadline`; true when `done` was.
  bool pump_until(const std::function<bool()>& done, Clock::time_point deadline);

  // Types `text` on the serial console.
  void type(std::string_view text);

  // A QMP command's "return" value, or QEMU's description of the error.
  [[nodiscard]] Attempt<nlohmann::json> qmp(std::string_view command, const nlohmann::json& arguments = nullptr);
  // What a command of QEMU's human monitor prints.
  [[nodiscard]] Attempt<std::string> monitor(std::string_view command);
  // How often QMP has announced the event `name` ("RESET", "SUSPEND", "SHUTDOWN", ...).
  [[nodiscard]] std::uint64_t announced(std::string_view name) const;

  [[nodiscard]] int gdb_descriptor() const { return gdb_.get(); }
  [[nodiscard]] const Console& serial() const { return serial_text_; }
  [[nodiscard]] BootReport& report() { return report_; }
  [[nodiscard]] bool running() const { return process_ > 0; }
  // Whether QEMU has exited with status 0.
  [[nodiscard]] bool exited_cleanly() const { return !running() && exit_status_ == 0; }
  // QEMU's exit as text, once it has exited: its status, and the last line of what it said about it.
  [[nodiscard]] std::string exit_text() const;
  // The last lines of the debug console, and of the log where that is on the serial one, for a report of a failure.
  [[nodiscard]] const std::deque<std::string>& debug_tail() const { return debug_tail_; }

  // Ends QEMU: asks it to, and kills it when it doesn't within five seconds. What it wrote until then is taken in.
  void stop();

 private:
  explicit Machine(TemporaryFolder folder) : folder_(std::move(folder)) {}

  [[nodiscard]] Attempt<std::filesystem::path> prepare_variables(const std::filesystem::path& given) const;
  [[nodiscard]] Attempt<std::filesystem::path> prepare_application(const std::filesystem::path& application) const;
  Attempt<void> spawn(const MachineOptions& options);
  void take_serial(std::string_view bytes);
  void take_debug(std::string_view bytes);
  void take_event(const Event& event);
  void take_trace(std::string_view bytes);
  void take_errors(std::string_view bytes);
  void take_qmp(std::string_view bytes);
  Attempt<nlohmann::json> next_answer();
  bool drain(std::chrono::milliseconds limit);
  void reap();

  TemporaryFolder folder_;
  pid_t process_ = -1;
  int exit_status_ = 0;
  Descriptor serial_;
  Descriptor debug_;
  Descriptor qmp_;
  Descriptor trace_;
  Descriptor gdb_;
  Descriptor errors_;
  Descriptor serial_copy_;
  Descriptor debug_copy_;
  Console serial_text_;
  LineReader serial_lines_;
  LineReader debug_lines_;
  LogFinder log_finder_;
  LineReader trace_lines_;
  LineReader error_lines_;
  std::string qmp_pending_;
  std::deque<nlohmann::json> qmp_answers_;
  std::map<std::string, std::uint64_t, std::less<>> announced_;
  std::deque<std::string> debug_tail_;
  std::deque<std::string> error_tail_;
  Trace mmi_trace_;
  BootReport report_;
};

}  // namespace redoubt::tool::boot
