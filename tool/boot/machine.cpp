// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/boot/machine.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <format>
#include <system_error>

namespace redoubt::tool::boot {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds qmp_limit{10'000};
constexpr std::size_t max_tail = 40;
constexpr std::uintmax_t flash_block_bytes = 4096;
constexpr std::uintmax_t flash_limit_bytes = std::uintmax_t{8} * 1024 * 1024;  // what QEMU maps below 4 GiB
constexpr std::size_t max_qmp_line = std::size_t{4} * 1024 * 1024;

Attempt<void> check_readable(const std::filesystem::path& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open()) {
    return std::unexpected(std::format("{}: {}", path.string(), system_error_text(errno)));
  }
  if (std::error_code error; std::filesystem::is_directory(path, error)) {
    return std::unexpected(std::format("{}: is a directory", path.string()));
  }
  return {};
}

// QEMU's own words about a flash image of the wrong size don't name the file.
Attempt<void> check_flash_size(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) {
    return std::unexpected(std::format("{}: {}", path.string(), error.message()));
  }
  if (size == 0 || size % flash_block_bytes != 0 || size > flash_limit_bytes) {
    return std::unexpected(
        std::format("{}: {} bytes are no flash image (a multiple of 4 KiB, at most 8 MiB)", path.string(), size));
  }
  return {};
}

Attempt<void> check_writable(const std::filesystem::path& path) {
  const Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.open()) {
    return std::unexpected(std::format("{}: {}", path.string(), system_error_text(errno)));
  }
  return {};
}

Attempt<void> copy_writable(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::copy_file(from, to, error);
  if (error) {
    return std::unexpected(std::format("can't copy {} to {}: {}", from.string(), to.string(), error.message()));
  }
  std::filesystem::permissions(to, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, error);
  return {};
}

Attempt<Descriptor> open_copy(const std::filesystem::path& path) {
  if (path.empty()) {
    return Descriptor();
  }
  Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file.open()) {
    return std::unexpected(std::format("{}: {}", path.string(), system_error_text(errno)));
  }
  return file;
}

// A record of the guest's output that can't be written is no reason to stop following the guest.
void write_copy(const Descriptor& file, std::string_view bytes) {
  while (file.open() && !bytes.empty()) {
    const ssize_t written = write(file.get(), bytes.data(), bytes.size());
    if (written <= 0) {
      return;
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void keep_tail(std::deque<std::string>& tail, const std::string& line) {
  tail.push_back(printable(line));
  if (tail.size() > max_tail) {
    tail.pop_front();
  }
}

}  // namespace

Attempt<TemporaryFolder> TemporaryFolder::create() {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  if (error) {
    return std::unexpected(std::format("no folder for temporary files: {}", error.message()));
  }
  std::string name = (parent / "redoubt-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    return std::unexpected(std::format("{}: {}", parent.string(), system_error_text(errno)));
  }
  return TemporaryFolder(name);
}

TemporaryFolder::~TemporaryFolder() {
  if (!path_.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
}

Attempt<std::unique_ptr<Machine>> Machine::start(const MachineOptions& options) {
  for (const std::filesystem::path& input : {options.image, options.kernel, options.initrd, options.application}) {
    if (!input.empty()) {
      TRY(check_readable(input));
    }
  }
  TRY(check_flash_size(options.image));
  std::unique_ptr<Machine> machine(new Machine(TRY(TemporaryFolder::create())));
  machine->serial_copy_ = TRY(open_copy(options.serial_file));
  machine->debug_copy_ = TRY(open_copy(options.debug_file));
  machine->report_.image = options.image.string();
  machine->report_.machine = std::format("q35, {} x {}, {} MiB", options.cpus, options.cpu_model, options.memory_mib);
  TRY(machine->spawn(options));
  TRY(machine->qmp("qmp_capabilities"));
  return machine;
}

Machine::~Machine() { stop(); }

// The variable store that QEMU writes to: the caller's, or a copy of the stock one.
Attempt<std::filesystem::path> Machine::prepare_variables(const std::filesystem::path& given) const {
  if (!given.empty()) {
    TRY(check_writable(given));
    return given;
  }
  std::filesystem::path copy = folder_.path() / "variables.fd";
  TRY(copy_writable(stock_variable_store, copy));
  return copy;
}

// A folder that becomes the application's disk.
Attempt<std::filesystem::path> Machine::prepare_application(const std::filesystem::path& application) const {
  std::filesystem::path folder = folder_.path() / "application";
  if (!application.empty()) {
    const std::filesystem::path boot = folder / "EFI" / "BOOT";
    std::error_code error;
    std::filesystem::create_directories(boot, error);
    if (error) {
      return std::unexpected(std::format("{}: {}", boot.string(), error.message()));
    }
    TRY(copy_writable(application, boot / "BOOTX64.EFI"));
  }
  return folder;
}

Attempt<void> Machine::spawn(const MachineOptions& options) {
  const std::filesystem::path variables = TRY(prepare_variables(options.variables));
  const std::filesystem::path application_folder = TRY(prepare_application(options.application));
  Channel serial = TRY(open_socket());
  Channel debug = TRY(open_socket());
  Channel qmp = TRY(open_socket());
  Channel gdb = TRY(open_socket());
  Channel trace = TRY(open_pipe());
  Channel errors = TRY(open_pipe());
  const ChannelDescriptors descriptors{.serial = serial.peer.get(),
                                       .debug = debug.peer.get(),
                                       .qmp = qmp.peer.get(),
                                       .trace = trace.peer.get(),
                                       .gdb = gdb.peer.get()};
  process_ = TRY(start_child(command_line(options, descriptors, variables, application_folder), errors.peer));
  serial_ = std::move(serial.own);
  debug_ = std::move(debug.own);
  qmp_ = std::move(qmp.own);
  trace_ = std::move(trace.own);
  gdb_ = std::move(gdb.own);
  errors_ = std::move(errors.own);
  return {};
}

namespace {

// What there is to read now.
std::string read_pending(Descriptor& descriptor) {
  std::string pending;
  std::array<char, 16384> buffer{};
  // Bounded, so that a guest which never stops writing on one channel doesn't keep the others from being read.
  for (int round = 0; round < 16 && descriptor.open(); ++round) {
    const ssize_t count = read(descriptor.get(), buffer.data(), buffer.size());
    if (count > 0) {
      pending.append(buffer.data(), static_cast<std::size_t>(count));
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      static_cast<void>(descriptor.close());
    } else {
      break;
    }
  }
  return pending;
}

}  // namespace

void Machine::take_serial(std::string_view bytes) {
  write_copy(serial_copy_, bytes);
  serial_text_.feed(bytes);
  for (const std::string& line : serial_lines_.feed(bytes)) {
    if (const std::optional<Event> event = log_finder_.on_serial_console(line)) {
      take_event(*event);
      keep_tail(debug_tail_, line);
    }
    if (on_serial_line) {
      on_serial_line(line);
    }
  }
}

void Machine::take_debug(std::string_view bytes) {
  write_copy(debug_copy_, bytes);
  for (std::string& line : debug_lines_.feed(bytes)) {
    if (const std::optional<Event> event = log_finder_.on_debug_console(line)) {
      take_event(*event);
    }
    keep_tail(debug_tail_, line);
  }
}

void Machine::take_event(const Event& event) {
  report_.apply(event);
  if (const auto mmi = mmi_trace_.apply(event)) {
    report_.add_traced(*mmi);
    if (on_mmi) {
      on_mmi(*mmi);
    }
  }
  if (on_event) {
    on_event(event);
  }
}

void Machine::take_trace(std::string_view bytes) {
  for (const std::string& line : trace_lines_.feed(bytes)) {
    report_.witness.apply(line);
  }
}

void Machine::take_errors(std::string_view bytes) {
  for (const std::string& line : error_lines_.feed(bytes)) {
    keep_tail(error_tail_, line);
  }
}

void Machine::take_qmp(std::string_view bytes) {
  qmp_pending_ += bytes;
  for (std::size_t end = 0; (end = qmp_pending_.find('\n')) != std::string::npos; qmp_pending_.erase(0, end + 1)) {
    nlohmann::json message =
        nlohmann::json::parse(qmp_pending_.begin(), qmp_pending_.begin() + static_cast<std::ptrdiff_t>(end), nullptr,
                              /*allow_exceptions=*/false);
    if (message.contains("event") && message["event"].is_string()) {
      ++announced_[message["event"].get<std::string>()];
    } else if (message.contains("return") || message.contains("error")) {
      qmp_answers_.push_back(std::move(message));
    }
  }
  if (qmp_pending_.size() > max_qmp_line) {
    qmp_pending_.clear();
  }
}

bool Machine::drain(milliseconds limit) {
  std::array<pollfd, 5> waiting{};
  std::size_t count = 0;
  for (const Descriptor* descriptor : {&serial_, &debug_, &qmp_, &trace_, &errors_}) {
    if (descriptor->open()) {
      waiting.at(count++) = pollfd{.fd = descriptor->get(), .events = POLLIN, .revents = 0};
    }
  }
  const auto wait = std::clamp(limit, milliseconds{0}, milliseconds{3'600'000});
  poll(waiting.data(), static_cast<nfds_t>(count), static_cast<int>(wait.count()));
  take_qmp(read_pending(qmp_));
  take_trace(read_pending(trace_));
  // The log is where it begins, and a driver may write to the debug console where the log isn't. What that has brought
  // is read first and looked at last: what the serial console had before it isn't missed.
  const std::string debug = read_pending(debug_);
  take_serial(read_pending(serial_));
  take_debug(debug);
  take_errors(read_pending(errors_));
  return count != 0;
}

bool Machine::pump(milliseconds limit) {
  if (process_ > 0 && drain(limit)) {
    return true;
  }
  reap();
  return false;
}

bool Machine::pump_until(const std::function<bool()>& done, Clock::time_point deadline) {
  bool more = true;
  while (!done()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (!more || left <= milliseconds{0}) {
      return false;
    }
    more = pump(std::min(left, milliseconds{250}));
  }
  return true;
}

void Machine::type(std::string_view text) {
  if (serial_.open()) {
    const ssize_t ignored = send(serial_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    static_cast<void>(ignored);
  }
}

Attempt<nlohmann::json> Machine::next_answer() {
  const bool answered = pump_until([this] { return !qmp_answers_.empty() || !qmp_.open(); }, Clock::now() + qmp_limit);
  if (qmp_answers_.empty()) {
    if (answered) {
      reap();
      return std::unexpected(exit_text());
    }
    return std::unexpected("QEMU doesn't answer");
  }
  nlohmann::json answer = std::move(qmp_answers_.front());
  qmp_answers_.pop_front();
  if (answer.contains("error")) {
    return std::unexpected(answer["error"].value("desc", "QEMU reports an error"));
  }
  return answer["return"];
}

Attempt<nlohmann::json> Machine::qmp(std::string_view command, const nlohmann::json& arguments) {
  nlohmann::json message = {{"execute", command}};
  if (!arguments.is_null()) {
    message["arguments"] = arguments;
  }
  const std::string line = message.dump() + "\n";
  qmp_answers_.clear();
  if (!qmp_.open() || send(qmp_.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
    reap();
    return std::unexpected(exit_text());
  }
  return next_answer();
}

Attempt<std::string> Machine::monitor(std::string_view command) {
  const nlohmann::json answer = TRY(qmp("human-monitor-command", {{"command-line", command}}));
  if (!answer.is_string()) {
    return std::unexpected("QEMU's monitor gave no text");
  }
  return answer.get<std::string>();
}

std::uint64_t Machine::announced(std::string_view name) const {
  const auto found = announced_.find(name);
  return found == announced_.end() ? 0 : found->second;
}

std::string Machine::exit_text() const {
  const std::string reason = error_tail_.empty() ? std::string() : ": " + error_tail_.back();
  if (WIFSIGNALED(exit_status_)) {
    return std::format("QEMU was ended by signal {}{}", WTERMSIG(exit_status_), reason);
  }
  return std::format("QEMU exited with status {}{}", WEXITSTATUS(exit_status_), reason);
}

void Machine::reap() {
  const auto deadline = Clock::now() + std::chrono::seconds{5};
  while (process_ > 0) {
    const pid_t result = waitpid(process_, &exit_status_, WNOHANG);
    if (result == process_ || (result < 0 && errno != EINTR)) {
      process_ = -1;
      while (drain(milliseconds{0})) {
      }
      return;
    }
    if (Clock::now() >= deadline) {
      kill(process_, SIGKILL);
    }
    drain(milliseconds{10});
  }
}

void Machine::stop() {
  if (process_ > 0) {
    kill(process_, SIGTERM);
    reap();
  }
}

}  // namespace redoubt::tool::boot
