// SPDX-License-Identifier: BSD-2-Clause-Patent
// What Linux checks of the firmware below it. Each check prints one line "linux-test NAME ok|FAILED ...", which is
// what the boot tests read from the serial console.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace redoubt::tests::linux_guest {

// Prints the line of the check `name`; `problem` is empty when it passed. Returns whether it did.
bool report(std::string_view name, std::string_view problem);

// Binds the calling thread to `cpu`; false when Linux refuses.
bool run_on(unsigned cpu);

// Runs `check` on CPUs 0 to `cpus` - 1 at once, in a process each, and reports those that find a problem as the check
// `name`-cpuN. What is wrong with them together.
std::string at_once(unsigned cpus, std::string_view name, const std::function<std::string(unsigned cpu)>& check);

// How many CPUs are online.
unsigned online_cpus();

// Creates, reads, overwrites, appends to and deletes a variable from `cpu`.
std::string check_variables(unsigned cpu);
// The same from all CPUs at once, `rounds` times each.
std::string check_variables_at_once(unsigned cpus, unsigned rounds);
// Sizes at and over the limits, and attributes that can't be had: errors, no harm.
std::string check_variable_limits();
// That enumeration shows a variable after it was made and not after it was deleted.
std::string check_enumeration();
// Takes each CPU but the first offline and online again; variables are written meanwhile and afterwards from it.
std::string check_hotplug(unsigned cpus);

// Whether Secure Boot has no owner; and then what it takes to become one, and what it refuses from others.
bool has_no_platform_key();
std::string check_authenticated_variables();

// Whether the test PEIM variable_client ran in this boot, and whether what it left is there and nothing else.
bool pei_left_variables();
std::string check_variables_of_pei();

// The number stored in the variable that counts boots, raised by one; the first boot gives 1. Nothing gets there but
// through a variable that survived.
std::string count_boot(unsigned& boots);

// Creates and deletes a variable `cycles` times, each time with other data, and replaces one as often as a tenth of
// that, among 60 others that stay as they are.
std::string check_cycles(unsigned cycles);
// That the variables which check_cycles() left are there, in an earlier boot or in this one.
std::string check_after_cycles(unsigned cycles);

// Fills x87, XMM (YMM where there is AVX) and MXCSR of every CPU with patterns, all CPUs at once, and raises `mmis`
// MMIs through port 0xB2 from each: everything must be as it was.
std::string check_registers(unsigned cpus, unsigned mmis);

}  // namespace redoubt::tests::linux_guest
