// SPDX-License-Identifier: BSD-2-Clause-Patent
// Runs the checks of checks.hpp and prints "linux-test result ok" or "linux-test result FAILED" at the end.
// Argument: how many MMIs each CPU raises in the register check; or "cycles" or "after-cycles", and the number of
// cycles.
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "checks.hpp"

namespace redoubt::tests::linux_guest {

bool report(std::string_view name, std::string_view problem) {
  const std::string line =
      "linux-test " + std::string(name) + (problem.empty() ? " ok\n" : " FAILED " + std::string(problem) + "\n");
  std::fputs(line.c_str(), stdout);
  std::fflush(stdout);
  return problem.empty();
}

bool run_on(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof(set), &set) == 0;
}

std::string at_once(unsigned cpus, std::string_view name, const std::function<std::string(unsigned cpu)>& check) {
  std::vector<pid_t> children;
  for (unsigned cpu = 0; cpu < cpus; ++cpu) {
    const pid_t child = fork();
    if (child == 0) {
      const std::string problem = run_on(cpu) ? check(cpu) : "can't run there";
      if (!problem.empty()) {
        report(std::string(name) + "-cpu" + std::to_string(cpu), problem);
      }
      _exit(problem.empty() ? 0 : 1);
    }
    children.push_back(child);
  }
  unsigned failed = 0;
  for (const pid_t child : children) {
    int status = 0;
    failed += child < 0 || waitpid(child, &status, 0) != child || status != 0 ? 1U : 0U;
  }
  return failed == 0 ? std::string() : std::to_string(failed) + " CPUs failed";
}

unsigned online_cpus() { return static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN)); }

namespace {

bool run_checks(unsigned mmis) {
  const unsigned cpus = online_cpus();
  unsigned boots = 0;
  const std::string counted = count_boot(boots);
  bool passed = report("boot-count-" + std::to_string(boots), counted);
  if (pei_left_variables()) {
    passed &= report("variables-of-pei", check_variables_of_pei());
  }
  for (unsigned cpu = 0; cpu < cpus; ++cpu) {
    passed &= report("variables-cpu" + std::to_string(cpu), check_variables(cpu));
  }
  passed &= report("variables-at-once", check_variables_at_once(cpus, 3));
  passed &= report("variable-limits", check_variable_limits());
  if (has_no_platform_key()) {
    passed &= report("authenticated-variables", check_authenticated_variables());
  }
  passed &= report("enumeration", check_enumeration());
  passed &= report("hotplug", check_hotplug(cpus));
  passed &= report("registers", check_registers(cpus, mmis));
  passed &= report("variables-afterwards", check_variables(0));
  return passed;
}

}  // namespace
}  // namespace redoubt::tests::linux_guest

int main(int count, char** arguments) {
  using namespace redoubt::tests::linux_guest;
  const std::string_view first = count > 1 ? arguments[1] : "1000";
  const auto number = static_cast<unsigned>(std::strtoul(count > 2 ? arguments[2] : first.data(), nullptr, 10));
  const bool passed = first == "cycles"         ? report(first, check_cycles(number))
                      : first == "after-cycles" ? report(first, check_after_cycles(number))
                                                : run_checks(number);
  std::puts(passed ? "linux-test result ok" : "linux-test result FAILED");
  return passed ? 0 : 1;
}
