// SPDX-License-Identifier: BSD-2-Clause-Patent
// The log that IPL, supervisor and foundation write to where the board has it (q35: the debug console, port 0x402), and
// that `redoubt boot` reads. A line is
//
//   redoubt: EVENT KEY=VALUE KEY=VALUE ...
//
// with ASCII only; a value with spaces stands in double quotes and holds no quote itself; numbers are decimal or
// 0x-hexadecimal; GUIDs in registry format. Lines that the foundation passes on about drivers come from the
// foundation alone: drivers cannot write there. Events and their keys:
//
//   ipl.start boot_mode=N cpus=N mmram=0xBASE mmram_size=N
//   ipl.options options=0x.. words="taken"|"ignored"    the machine's starter wants to see more (observation.hpp)
//   ipl.locked smramc=0xNN esmramc=0xNN smi_en=0xNN     MMRAM is closed and locked, SMI_LOCK is set
//   ipl.failed reason="..."                             and the machine stands still
//   ipl.reset reason="..." smramc=0xNN esmramc=0xNN     MMRAM is locked, the machine resets cold (S3 resume)
//   ipl.unanswered message=NAME status=0x..             MM runs but did not take a message of the IPL's
//   ipl.errors shown=N                                  errors in MM's log that the IPL wrote to the serial console;
//                                                       reason="..." follows if the log couldn't be read to its end
//   ipl.variables services="..." replaced=N             PEI's variable services are MM's: which there are
//   supervisor.start base=0x.. size=N cpus=N
//   supervisor.failed reason="..."                       MM answers nothing
//   range base=0x.. size=N access=rw what="..."          one line for each range outside MMRAM open to ring 3
//   unblocked base=0x.. size=N                          RAM outside MMRAM opened to ring 3, until the lock
//   unblocked.by guid=G base=0x.. pages=N status=0x..   who asked for what, and the answer; from the foundation
//   foundation.start base=0x.. size=N entry=0x.. cpl=3
//   fault.record name="..." guid=G cause=fault|entry_point|image|not_started vector=N rip=0x.. address=0x.. handler=G
//                phase=launch|firmware|locked|ready_to_boot|os action=reset|halted|closed in_a_row=N
//                                                       the last boot left this of a driver that failed, or of the
//                                                       foundation or ring 0 (which halts where it says closed):
//                                                       when, what the machine did, and which reset in a row it
//                                                       was
//   machine.reset|machine.halted|machine.closed name="..." guid=G cause=.. vector=N phase=.. in_a_row=N reason="..."
//                                                       this boot: what its failure (ring 0's: its panic) does to
//                                                       the machine. Closed: it goes on, and the driver's messages
//                                                       get errors
//   driver guid=G name="..." entry=0x.. size=N cpl=3 ticks=N status=0x.. policy=disable|reset|halt number=N
//                                                       one line for each driver started, with what becomes of the
//                                                       machine when it fails; reason="..." before the policy if it
//                                                       was refused or stopped
//   unprotected base=0x.. size=N                        pages that drivers may write and execute: from the supervisor,
//                                                       for each run of them in an image that an exception admits
//   driver.exception guid=G name="..." pages=N          such an image: N of its pages are unprotected
//   protocol guid=P driver=G                            one for each protocol interface there is after launch, loaded
//                                                       images' left out; no driver: the foundation's
//   driver.waiting guid=G name="..." depex="..." missing=N policy=..    one for each driver not started, after launch
//                                                       and again at the lock; depex says why; missing=N if that is
//                                                       protocols,
//   driver.missing guid=G protocol=P                    each of which (the first 32) has a line
//   driver.skipped guid=G reason="..." offset=0x..      a file or a part of the volumes that can't be used
//   driver.disabled driver=N guid=G name="..." handler=G vector=N rip=0x..  follows a driver's fault; handler: of the
//                                                       message or protocol it was called for, if there is one;
//                                                       blamed=N follows if another driver's code faulted, and this
//                                                       one's call was cut off
//   driver.quarantined driver=N pages=N                 what it holds is out of use until a reset
//   driver.refused driver=N guid=G name="..." what=KIND owner=N  it reached for something of another driver's (0: the
//                                                       foundation's); once for each kind, then counted
//   driver.limit driver=N guid=G name="..." what=KIND limit=N    it wanted more than a driver may have; once for each
//                                                       kind, then counted
//   driver.usage driver=N pages=N/N handles=N/N protocols=N/N handlers=N/N notifications=N/N tables=N/N refused=N
//                                                       after launch and at ReadyToBoot and ExitBootServices: what it
//                                                       holds and may hold, and how often it was refused;
//                                                       state=disabled follows
//   procedure.stopped driver=N cpu=N rip=0x.. reason="..."   a procedure on another CPU didn't return: its time was
//                                                       over, or the MMI, or its driver
//   procedure.refused driver=N cpu=N service=N          it called an MM service, which answered EFI_UNSUPPORTED
//   processor.outside cpu=N reason="..."                a driver that asked before a flash write was refused: the CPU
//                                                       runs outside MM, or has in this MMI; of each reason eight,
//                                                       then one with more=not_reported
//   hobs kept=N dropped=N                               the HOB list that drivers get
//   hobs.refused reason="..."                           they get none
//   launch.done ticks=N mmram_used=N mmram_free=N
//   lifecycle event=NAME mmis=N faults=N mmram_used=N mmram_free=N
//   fault domain=driver|foundation vector=N address=0x.. rip=0x.. driver=N cpu=N handler=G action=disabled|aborted
//                                                       vector 2: a procedure on another CPU that had to be stopped
//   dxe.start comm_buffer=0x.. pages=N                  DXE's communication driver and MM's variable driver work
//   dxe.ready_to_lock smramc=0xNN esmramc=0xNN mmram=locked|open    the chipset as DXE reads it at that point
//   dxe.phase phase=NAME status=0x..                    MM failed, or had failed before, as it was told of a phase
//   dxe.stopped reason="..." phase=NAME                 and the machine stands still; with the phase that MM didn't
//                                                       take, if it was that
//   dxe.failed reason="..." status=0x..
//   log n=N level=NAME driver=N ticks=N text="..."      what a driver (0: the foundation) had to say; waits for the
//                                                       next phase to be written, unless it is an error
//   log.lost lines=N                                    the log had no room for so many of them; driver=N follows if
//                                                       they were all that driver's
//   log.full driver=N                                   stands in MM's log where that driver's lines are missing
//   profile handler=G|root driver=N function=0x.. calls=N total=N least=N most=N    at each phase, rows that changed:
//                                                       an MMI handler, its calls and their ticks since launch
//   mmi.call n=N handler=G|root driver=N result=0x..|stopped=fault|refused ticks=N  with a trace, each handler called
//   mmi n=N cpu=N message=G bytes=N status=0x.. reply=N by=foundation ticks=N       and behind them the MMI itself
//   panic vector=N rip=0x.. address=0x.. reason="..."
//   audit calls=N faults=N free=N                       from a supervisor that is built for a test alone
//
// Events and keys are the lists below, and a name that isn't in them doesn't compile, at a writer or at a reader.
#pragma once

#include <cstddef>
#include <string_view>

namespace redoubt::abi {

inline constexpr char report_prefix[] = "redoubt: ";

// clang-format off
inline constexpr std::string_view report_events[] = {
    "audit",
    "driver", "driver.disabled", "driver.exception", "driver.limit", "driver.missing", "driver.quarantined",
    "driver.refused", "driver.skipped", "driver.usage", "driver.waiting",
    "dxe.failed", "dxe.phase", "dxe.ready_to_lock", "dxe.start", "dxe.stopped",
    "fault", "fault.record", "foundation.start", "hobs", "hobs.refused",
    "ipl.errors", "ipl.failed", "ipl.locked", "ipl.options", "ipl.reset", "ipl.start", "ipl.unanswered", "ipl.variables",
    "launch.done", "lifecycle", "log", "log.full", "log.lost",
    "machine.closed", "machine.halted", "machine.reset", "mmi", "mmi.call",
    "panic", "procedure.refused", "procedure.stopped", "processor.outside", "profile", "protocol",
    "range", "supervisor.failed", "supervisor.start", "unblocked", "unblocked.by", "unprotected",
};
inline constexpr std::string_view report_keys[] = {
    "access", "action", "address", "base", "blamed", "boot_mode", "by", "bytes", "calls", "cause", "comm_buffer", "cpl",
    "cpu", "cpus", "depex", "domain", "driver", "dropped", "entry", "esmramc", "event", "faults", "free", "function",
    "guid", "handler", "handlers", "handles", "in_a_row", "kept", "kept_back", "least", "level", "limit", "lines",
    "message", "missing", "mmis", "mmram", "mmram_free", "mmram_size", "mmram_used", "more", "most", "n", "name",
    "notifications", "number", "offset", "options", "owner", "pages", "phase", "policy", "protocol", "protocols",
    "reason", "refused", "replaced", "reply", "result", "rip", "service", "services", "shown", "size", "smi_en",
    "smramc", "state", "status", "stopped", "tables", "text", "ticks", "total", "vector", "what", "words",
};
// clang-format on

// Defined nowhere and no constant expression: what calls it doesn't compile.
void not_a_name_of_the_report();

// A literal that is in `List`.
template <const auto& List>
class ListedName {
 public:
  template <std::size_t Size>
  consteval ListedName(const char (&name)[Size]) : text_(name, Size - 1) {
    bool listed = false;
    for (const std::string_view one : List) listed = listed || one == text_;
    if (!listed) not_a_name_of_the_report();
  }

  constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

using EventName = ListedName<report_events>;
using KeyName = ListedName<report_keys>;

}  // namespace redoubt::abi
