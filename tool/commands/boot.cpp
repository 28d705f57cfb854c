// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt boot`: boots an image in QEMU and reports what happened. The report goes to standard output, progress and
// the last words of a guest that failed go to standard error.
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <format>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tool/boot/follow.hpp"
#include "tool/boot/machine.hpp"
#include "tool/boot/report.hpp"
#include "tool/commands/commands.hpp"

namespace redoubt::tool {

namespace {

struct BootArguments {
  boot::MachineOptions machine;
  std::string until = "shell";
  std::string until_text;
  std::uint32_t timeout = 0;  // seconds; 0 for what suits the goal
  bool json = false;
  bool quiet = false;
};

boot::Goal goal_of(const BootArguments& arguments) {
  if (!arguments.until_text.empty()) {
    return boot::text_goal(arguments.until_text);
  }
  if (arguments.until == "linux") {
    return boot::linux_goal();
  }
  return arguments.until == "exit" ? boot::exit_goal() : boot::shell_goal();
}

// On a busy machine an emulated boot takes many times what it takes on an idle one.
std::chrono::seconds limit_of(const BootArguments& arguments) {
  if (arguments.timeout != 0) {
    return std::chrono::seconds{arguments.timeout};
  }
  return std::chrono::seconds{arguments.machine.kernel.empty() ? 180 : 600};
}

std::string_view last_lines(std::string_view text, std::size_t count) {
  std::size_t start = text.size();
  while (count != 0 && start != 0 && start != std::string_view::npos) {
    start = text.rfind('\n', start - 1);
    --count;
  }
  return start == std::string_view::npos || start == 0 ? text : text.substr(start + 1);
}

void print_last_words(const boot::Machine& machine) {
  std::string text = "Last lines of MM's log:\n";
  for (const std::string& line : machine.debug_tail()) {
    text += std::format("  {}\n", line);
  }
  text += std::format("Last lines of the serial console:\n{}\n", last_lines(machine.serial().text(), 15));
  if (!machine.running()) {
    text += machine.exit_text() + "\n";
  }
  std::fputs(text.c_str(), stderr);
}

CommandResult run(const BootArguments& arguments) {
  if (arguments.until == "linux" && arguments.machine.kernel.empty()) {
    return bad_input("--until linux", "needs --kernel and --initrd");
  }
  if (boot::may_have_svm(arguments.machine.cpu_model)) {
    std::fputs(
        std::format(
            "redoubt boot: warning: CPU model {} may have SVM, with which QEMU's emulation lets a guest into MM; "
            "add ,-svm\n",
            arguments.machine.cpu_model)
            .c_str(),
        stderr);
  }
  boot::stop_on_interrupt();
  auto machine = boot::Machine::start(arguments.machine);
  if (!machine.has_value()) {
    return std::unexpected(CommandError{ExitStatus::bad_input, machine.error()});
  }
  // Rows as they come are all the progress one needs.
  const bool rows = arguments.machine.trace && !arguments.json;
  (*machine)->report().keep_trace = arguments.machine.trace && arguments.json;
  if (rows) {
    std::fputs(boot::trace_heading().c_str(), stdout);
    (*machine)->on_mmi = [](const boot::TracedMmi& mmi) {
      std::fputs(boot::to_text(mmi).c_str(), stdout);
      std::fflush(stdout);
    };
  }
  boot::Progress progress(arguments.quiet || rows ? nullptr : stderr);
  const boot::Outcome outcome = boot::follow(**machine, goal_of(arguments), limit_of(arguments), progress);
  const bool reached = outcome == boot::Outcome::reached;
  if (!reached && !arguments.quiet) {
    print_last_words(**machine);
  }
  (*machine)->stop();
  const boot::BootReport& report = (*machine)->report();
  if (outcome == boot::Outcome::closed) {
    std::fputs(std::format("redoubt boot: MM closed itself: {}\n", boot::to_text(*report.closed())).c_str(), stderr);
  }
  if (rows) {
    std::fputs("\n", stdout);
  }
  const std::string text = arguments.json ? boot::to_json(report).dump(2) + "\n" : boot::to_text(report);
  std::fputs(text.c_str(), stdout);
  return reached ? ExitStatus::success : ExitStatus::negative;
}

}  // namespace

void add_boot(CommandLine& command_line) {
  const Verb verb = command_line.root().add_verb("boot", "Boot an image in QEMU and report on it");
  const auto arguments = std::make_shared<BootArguments>();
  boot::MachineOptions& machine = arguments->machine;
  verb.footer(
      "Exit status: 0 when the goal was reached, 1 when it wasn't or when MM closed itself, 2 when the boot "
      "could not be started.\n"
      "The image is never written to; without --vars the variable store is a copy that goes afterwards.");
  verb.add_option("IMAGE", machine.image, "Firmware image: the code half, as in OVMF_CODE.fd").required();
  verb.add_option("--vars", machine.variables, "Variable store to use and to write to");
  verb.add_option("--memory", machine.memory_mib, "Memory in MiB").capture_default().in_range(64, 1048576);
  verb.add_option("--cpus", machine.cpus, "Number of CPUs").capture_default().in_range(1, 255);
  verb.add_option("--cpu", machine.cpu_model, "CPU model, in QEMU's words").capture_default();
  verb.add_flag("--single-thread", machine.single_thread, "Let all CPUs take turns in one thread of QEMU's");
  verb.add_flag("--s3", machine.s3, "Offer suspend to RAM to the guest");
  verb.add_option("--kernel", machine.kernel, "Linux kernel to boot");
  verb.add_option("--initrd", machine.initrd, "Initial file system for the kernel");
  verb.add_option("--append", machine.kernel_arguments, "Arguments for the kernel").capture_default();
  verb.add_option("--app", machine.application, "UEFI application to start before the Shell");
  verb.add_option("--until", arguments->until,
                  "What to reach: shell (its prompt), linux (tests/linux passed), exit (QEMU ends by itself)")
      .capture_default()
      .one_of({"shell", "linux", "exit"});
  verb.add_option("--until-text", arguments->until_text, "Reach this text on the serial console instead");
  verb.add_option("--timeout", arguments->timeout, "Give up after so many seconds (default 180, with --kernel 600)")
      .in_range(1, 86400);
  verb.add_flag("--trace", machine.trace, "Show each MMI with its handlers, their drivers and results, as they come");
  verb.add_option("--mm-log", machine.log_level, "What MM's log keeps (default info)")
      .one_of({"error", "warning", "info", "debug"});
  verb.add_flag("--repair-variables", machine.repair_variables,
                "Have MM write a damaged variable store anew, with what can be found in it");
  verb.add_flag("--observe-always", machine.observe_always,
                "Let the OS read MM's log and profile; otherwise nobody can after ReadyToLock");
  verb.add_flag("--json", arguments->json, "Print the report as JSON");
  verb.add_flag("--quiet", arguments->quiet, "Print the report only");
  verb.add_option("--serial-log", machine.serial_file, "Also write the serial console to this file");
  verb.add_option("--debug-log", machine.debug_file, "Also write the debug console (port 0x402) to this file");
  verb.add_option("--qemu-arg", machine.extra, "One more argument for QEMU, as in --qemu-arg=-trace --qemu-arg=smm*")
      .repeatable();
  command_line.on_chosen(verb, [arguments] { return run(*arguments); });
}

}  // namespace redoubt::tool
