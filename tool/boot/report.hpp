// SPDX-License-Identifier: BSD-2-Clause-Patent
// The boot report: what one boot of an image was seen to do. Built from the events of the guest's log and from
// QEMU's trace; says "unknown" where neither tells, as on an image without Redoubt. The lists are bounded, since
// the guest decides how many events there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tool/boot/log.hpp"
#include "tool/boot/trace.hpp"
#include "tool/boot/witness.hpp"

namespace redoubt::tool::boot {

// A driver that was started, or one that still waits for its dependencies.
struct Driver {
  std::string guid;
  std::string name;
  std::optional<std::uint64_t> entry;   // address of its entry point in ring 3
  std::optional<std::uint64_t> size;    // bytes
  std::optional<std::uint64_t> number;  // what profile and log call it
  std::optional<std::uint64_t> ring;    // privilege ring at its entry point
  std::optional<std::uint64_t> ticks;   // time stamp counter ticks from call to return of the entry point
  std::optional<std::uint64_t> status;  // EFI_STATUS that it returned
  std::string policy;                   // what becomes of the machine when it fails
  std::string depex;                    // of one that waits: why
  std::vector<std::string> missing;     // and for which protocols, by GUID
  std::string reason;                   // of one that was refused or stopped
  // What it holds and may hold, as the log has it: "pages" -> "7/2047"; and how often it wanted more or others'.
  std::vector<std::pair<std::string, std::string>> usage;
  std::uint64_t refused = 0;
  std::uint64_t kept_back = 0;               // pages of MMRAM that no other driver gets
  std::uint64_t log_dropped = 0;             // lines beyond its share of MM's log
  std::optional<std::uint64_t> quarantined;  // pages of a stopped one, out of use until a reset
  [[nodiscard]] bool waiting() const { return !status.has_value(); }
};

// An interface in MM's protocol database after launch.
struct Protocol {
  std::string guid;
  std::string driver;  // GUID of the owner's file; empty: the foundation
};

// A driver whose image isn't aligned to pages and was admitted by name.
struct AlignmentException {
  std::string guid;
  std::string name;
  std::uint64_t pages = 0;  // that it can write and execute
};

// Memory outside MMRAM that ring 3 can reach.
struct OpenRange {
  std::uint64_t base = 0;
  std::uint64_t size = 0;  // bytes
  std::string access;
  std::string purpose;
};

// A function that is or was an MMI handler, as of the phase that showed it last.
struct HandlerProfile {
  std::string handler;  // GUID, or "root"
  std::uint64_t driver = 0;
  std::uint64_t function = 0;  // its address
  std::uint64_t calls = 0;
  std::uint64_t total_ticks = 0;  // of the time stamp counter
  std::uint64_t least_ticks = 0;
  std::uint64_t most_ticks = 0;
};

// A line that a driver, or the foundation, wrote to MM's log.
struct LogLine {
  std::uint64_t number = 0;
  std::string level;
  std::uint64_t driver = 0;
  std::uint64_t ticks = 0;
  std::string text;
};

// What one boot left for the next of a driver that failed.
struct FaultRecord {
  std::string name;
  std::string guid;
  std::string cause;
  std::string phase;
  std::string action;  // what the machine did
  std::string handler;
  std::optional<std::uint64_t> vector;
  std::optional<std::uint64_t> rip;
  std::optional<std::uint64_t> address;
  std::optional<std::uint64_t> in_a_row;  // resets for this driver
};

// What MM did to the machine because a driver failed.
struct MachineStop {
  std::uint64_t boot = 0;  // of this run, from 1
  std::string action;      // "reset", "halted", "closed"
  std::string driver;
  std::string text;  // the rest, in words
};

// A fault in ring 3, or a panic of the supervisor.
struct Violation {
  bool panic = false;
  std::string text;
};

enum class Outcome : std::uint8_t {
  reached,
  timeout,
  guest_failed,  // panic, or the launch failed, or MM halted the machine
  reset_loop,    // it resets again and again
  closed,        // whatever was reached: MM goes on without what the machine isn't safe without
  qemu_exited,   // before the goal was seen
  interrupted,   // by the user
};
[[nodiscard]] const char* to_string(Outcome outcome);

struct BootReport {
  static constexpr std::size_t max_entries = 512;  // in each of the lists

  // What was started; filled in by its starter.
  std::string image;
  std::string machine;
  std::string goal;
  Outcome outcome = Outcome::timeout;
  double seconds = 0;  // of the host, from start to outcome

  // From the guest's log, of the latest boot that it shows.
  std::uint64_t launches = 0;  // boots that the launcher reported
  std::optional<std::uint64_t> boot_mode;
  std::optional<std::uint64_t> cpus;
  std::optional<std::uint64_t> mmram_base;
  std::optional<std::uint64_t> mmram_size;
  bool locked_in_pei = false;  // the launcher said so, before DXE said anything
  std::optional<std::uint64_t> smramc;
  std::optional<std::uint64_t> esmramc;
  std::optional<std::uint64_t> smi_en;
  std::string launch_failure;
  std::string launch_reset;  // why the launcher reset the machine instead
  std::optional<std::uint64_t> supervisor_base;
  std::optional<std::uint64_t> supervisor_size;
  std::optional<std::uint64_t> foundation_base;
  std::optional<std::uint64_t> foundation_size;
  std::optional<std::uint64_t> foundation_entry;
  std::optional<std::uint64_t> foundation_ring;
  std::optional<FaultRecord> fault_record;
  std::vector<Driver> drivers;
  std::vector<std::string> skipped_files;  // of the MM volume, with the reason
  std::vector<Protocol> protocols;
  std::vector<AlignmentException> alignment_exceptions;  // as the foundation says
  std::uint64_t unprotected_bytes = 0;                   // that drivers can write and execute, as the supervisor says
  std::vector<OpenRange> ranges;
  std::vector<std::string> refused_unblocks;  // requests to open more
  bool launched = false;
  std::optional<std::uint64_t> launch_ticks;
  std::optional<std::uint64_t> mmram_used;
  std::optional<std::uint64_t> mmram_free;
  bool dxe_started = false;
  std::string dxe_failure;
  std::string mmram_seen_by_dxe;         // "locked" or "open", as the chipset said at ReadyToLock
  std::string lifecycle;                 // the latest lifecycle event
  std::optional<std::uint64_t> options;  // that the machine's starter gave MM (abi/redoubt/observation.hpp)
  bool options_ignored = false;          // it gave some that MM doesn't know
  std::vector<HandlerProfile> profile;
  std::vector<LogLine> log;
  std::vector<std::string> variable_store;  // what MM's log says of its state, if it isn't in order
  std::uint64_t log_lost = 0;               // lines that there was no room for, in MM or here
  std::optional<std::uint64_t> mmis;
  std::optional<std::uint64_t> faults;

  // Over all boots of this run.
  static constexpr std::uint64_t most_fruitless_boots = 5;
  static constexpr std::uint64_t most_resets = 8;
  std::uint64_t fruitless_boots = 0;  // since ReadyToBoot was reached last
  std::uint64_t resets = 0;           // by MM
  std::vector<MachineStop> stops;
  std::uint64_t violation_count = 0;
  std::vector<Violation> violations;

  // With a trace that is to be kept; the rows of all boots of this run.
  static constexpr std::size_t max_traced = 100'000;
  bool keep_trace = false;
  std::vector<TracedMmi> trace;
  std::uint64_t trace_lost = 0;  // MMIs beyond that

  Witness witness;

  [[nodiscard]] bool converted() const { return launches != 0; }
  [[nodiscard]] bool failed() const;  // the guest said that it can't go on
  // MM goes on in this boot without a driver that it should have reset the machine for; null if not.
  [[nodiscard]] const MachineStop* closed() const;
  // What became of the boot, when the goal was seen (Outcome::reached) or wasn't.
  [[nodiscard]] Outcome judged(Outcome seen) const {
    return closed() != nullptr && (seen == Outcome::reached || seen == Outcome::timeout) ? Outcome::closed : seen;
  }
  [[nodiscard]] bool loops() const { return fruitless_boots > most_fruitless_boots || resets > most_resets; }
  void apply(const Event& event);
  void add_traced(const TracedMmi& mmi);
  // The name of the driver that the guest calls `number`; "foundation" for 0, the number if there is none.
  [[nodiscard]] std::string driver_name(std::uint64_t number) const;
};

// One line.
[[nodiscard]] std::string to_text(const MachineStop& stop);
[[nodiscard]] std::string to_text(const BootReport& report);
[[nodiscard]] nlohmann::ordered_json to_json(const BootReport& report);

}  // namespace redoubt::tool::boot
