// SPDX-License-Identifier: BSD-2-Clause-Patent
// The boot report from a log, as text and as JSON, compared as a whole: a person looks at every change of it.
#include "tool/boot/report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tool/boot/follow.hpp"

namespace redoubt::tool::boot {
namespace {

BootReport report_of(std::initializer_list<const char*> lines) {
  BootReport report;
  report.image = "OVMF_CODE.redoubt.fd";
  report.machine = "q35, 2 x qemu64, 512 MiB";
  for (const char* line : lines) {
    const auto event = parse_event(line);
    EXPECT_TRUE(event.has_value()) << line;
    if (event) {
      report.apply(*event);
    }
  }
  report.goal = "UEFI Shell";
  report.outcome = Outcome::reached;
  report.seconds = 7.25;
  return report;
}

BootReport good_boot() {
  BootReport report = report_of({
      "redoubt: ipl.start boot_mode=0 cpus=2 mmram=0x1F001000 mmram_size=16773120",
      "redoubt: supervisor.start base=0x1F010000 size=61440 cpus=2",
      "redoubt: range base=0x7E000000 size=16384 access=rw what=\"communication buffer\"",
      "redoubt: range base=0xFFC00000 size=4194304 access=rw what=\"flash\"",
      "redoubt: foundation.start base=0x40000000 size=81920 entry=0x40001000 cpl=3",
      "redoubt: driver guid=23a089b3-eed5-4ac5-b2ab-43e3298c2343 name=\"Variable\" entry=0x50001000 size=40960 cpl=3 "
      "ticks=120000 status=0x0 policy=reset",
      "redoubt: driver guid=33fb3535-f15e-4c17-b303-5eb94595ecb6 name=\"Refuser\" entry=0x50101000 size=4096 cpl=3 "
      "ticks=77 status=0x8000000000000003",
      "redoubt: driver.waiting guid=470cb248-e8ac-473c-bb4f-81069a1fe6fd name=\"Waiter\" depex=\"missing\" "
      "missing=2",
      "redoubt: driver.missing guid=470cb248-e8ac-473c-bb4f-81069a1fe6fd protocol=3242a9d8-ce70-4aa0-955d-5e7b140de4d2",
      "redoubt: driver.missing guid=470cb248-e8ac-473c-bb4f-81069a1fe6fd protocol=00000001-0002-0003-0405-060708090a0b",
      "redoubt: launch.done ticks=900000 mmram_used=2097152 mmram_free=14675968",
      "redoubt: ipl.locked smramc=0x1A esmramc=0x3F smi_en=0x21",
      "redoubt: lifecycle event=EndOfDxe mmis=3 faults=0 mmram_used=2097152 mmram_free=14675968",
      "redoubt: lifecycle event=ReadyToBoot mmis=490 faults=0 mmram_used=2097152 mmram_free=14675968",
  });
  report.witness = Witness{.mmi_requests = 491, .pci_enumerated = true, .locked = true, .locked_before_pci = true};
  return report;
}

TEST(BootReport, TextOfAGoodBoot) {
  EXPECT_EQ(to_text(good_boot()),
            R"(Boot report
  image             OVMF_CODE.redoubt.fd
  machine           q35, 2 x qemu64, 512 MiB
  final state       UEFI Shell reached after 7.2 s
  launched from     PEI, boot mode 0x0, 2 CPUs
  MMRAM             0x1F001000 - 0x1FFFFFFF
  MMRAM locked      before DXE (by the launcher, in PEI; QEMU saw it before PCI was enumerated)
                    SMRAMC 0x1A, ESMRAMC 0x3F, SMI_EN 0x21
  supervisor        ring 0, 60.0 KiB at 0x1F010000
  foundation        ring 3, 80.0 KiB at 0x40000000
  MM drivers        2 started, 1 waiting
    ring  entry ticks  status           on fault GUID                                 name
       3       120000  success          reset    23a089b3-eed5-4ac5-b2ab-43e3298c2343 Variable
       3           77  unsupported      ?        33fb3535-f15e-4c17-b303-5eb94595ecb6 Refuser
    waits: 470cb248-e8ac-473c-bb4f-81069a1fe6fd Waiter: missing MmCpuIo, 00000001-0002-0003-0405-060708090a0b
  writable code     none
  MMRAM used, free  2048.0 KiB, 14332.0 KiB
  open to ring 3    4112.0 KiB outside MMRAM, in 2 ranges
    0x7E000000 - 0x7E003FFF    rw  communication buffer
    0xFFC00000 - 0xFFFFFFFF    rw  flash
  MMIs              491 requested through port 0xB2; 490 served up to ReadyToBoot
  violations        none
)");
}

TEST(BootReport, WhatDriversHoldIsShown) {
  const BootReport report = report_of({
      "redoubt: ipl.start boot_mode=0x0 cpus=1 mmram=0x50000000 mmram_size=16777216",
      "redoubt: driver guid=23a089b3-eed5-4ac5-b2ab-43e3298c2343 name=\"Variable\" entry=0x50001000 size=40960 cpl=3 "
      "ticks=120000 status=0x0 number=1",
      "redoubt: driver guid=33fb3535-f15e-4c17-b303-5eb94595ecb6 name=\"Hoarder\" entry=0x50101000 size=4096 cpl=3 "
      "ticks=77 status=0x0 number=2",
      "redoubt: driver.usage driver=1 pages=1/2047 handles=1/1024 refused=0",
      "redoubt: driver.usage driver=1 pages=7/2047 handles=2/1024 refused=0 kept_back=9",
      "redoubt: driver.usage driver=2 pages=90/2047 handles=1/1024 refused=3",
      "redoubt: driver.usage driver=3 pages=90/2047",
      "redoubt: log.lost lines=5 driver=2",
      "redoubt: log.lost lines=7 driver=2",
      "redoubt: log.lost lines=3",
      "redoubt: driver.quarantined driver=2 pages=95",
  });
  const std::string text = to_text(report);
  EXPECT_NE(text.find("    holds: Variable: pages 7/2047, handles 2/1024; 9 pages more kept back for it\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("    holds: Hoarder: pages 90/2047, handles 1/1024; refused 3 times; 12 log lines dropped; "
                      "stopped, 95 pages out of use\n"),
            std::string::npos)
      << text;
  const auto json = to_json(report);
  EXPECT_EQ(json["drivers"][0]["usage"]["pages"], "7/2047");
  EXPECT_EQ(json["drivers"][0]["kept_back_pages"], 9);
  EXPECT_EQ(json["mmram"]["kept_back"], 36864);
  EXPECT_FALSE(json["drivers"][0].contains("quarantined_pages"));
  EXPECT_EQ(json["drivers"][1]["refused"], 3);
  EXPECT_EQ(json["drivers"][1]["quarantined_pages"], 95);
  EXPECT_EQ(json["drivers"][1]["log_dropped"], 12);
  EXPECT_FALSE(json["drivers"][0].contains("log_dropped"));
  EXPECT_EQ(json["log_lost"], 15);
}

TEST(BootReport, AStoppedDriversPagesAreOutOfUse) {
  const BootReport report = report_of({
      "redoubt: driver guid=33fb3535-f15e-4c17-b303-5eb94595ecb6 name=\"Early\" entry=0x50101000 size=4096 cpl=3 "
      "ticks=77 status=0x8000000000000007 number=2 reason=\"fault in its entry point\"",
      "redoubt: driver.usage driver=2 pages=90/2047 refused=0 state=disabled",
  });
  EXPECT_EQ(report.drivers.at(0).quarantined, 90U);
}

TEST(BootReport, TextOfAnImageWithoutRedoubt) {
  BootReport report = report_of({});
  report.witness = Witness{.mmi_requests = 620, .pci_enumerated = true, .locked = true, .locked_before_pci = false};
  EXPECT_EQ(to_text(report),
            R"(Boot report
  image             OVMF_CODE.redoubt.fd
  machine           q35, 2 x qemu64, 512 MiB
  final state       UEFI Shell reached after 7.2 s
  launched from     unknown: the image has no Redoubt in it, or it didn't start
  MMRAM locked      in DXE, after PCI was enumerated (QEMU's trace)
  MM drivers        unknown
  MMRAM used, free  unknown
  open to ring 3    unknown
  MMIs              620 requested through port 0xB2
  violations        unknown
)");
}

TEST(BootReport, TextOfABootThatFailed) {
  BootReport report = report_of({
      "redoubt: ipl.start boot_mode=0 cpus=2",
      "redoubt: panic vector=14 rip=0x1F010123 address=0x8 reason=\"page fault in the supervisor\"",
  });
  report.outcome = Outcome::guest_failed;
  EXPECT_TRUE(report.failed());
  EXPECT_EQ(to_text(report),
            R"(Boot report
  image             OVMF_CODE.redoubt.fd
  machine           q35, 2 x qemu64, 512 MiB
  final state       UEFI Shell NOT reached: guest failed after 7.2 s
  launched from     PEI, boot mode 0x0, 2 CPUs
  MMRAM locked      NOT LOCKED
  supervisor        not started
  foundation        not started
  MM drivers        0 started, 0 waiting
  writable code     none
  MMRAM used, free  unknown, unknown
  open to ring 3    0.0 KiB outside MMRAM, in 0 ranges
  MMIs              0 requested through port 0xB2
  violations        1
    panic vector=14 rip=0x1F010123 address=0x8 reason="page fault in the supervisor"
)");
}

TEST(BootReport, AMessageOfTheLauncherThatMmDoesNotTakeIsAFailure) {
  const BootReport report = report_of({
      "redoubt: ipl.start boot_mode=0 cpus=2",
      "redoubt: ipl.unanswered message=\"EndOfPei\" status=0x80000007",
  });
  EXPECT_TRUE(report.failed());
  EXPECT_EQ(report.launch_failure, "MM didn't take the message EndOfPei (status 0x80000007)");
}

TEST(BootReport, ShowsProfileAndLogOfTheLatestBoot) {
  BootReport report = report_of({
      "redoubt: ipl.start boot_mode=0 cpus=1",
      "redoubt: log n=1 level=error driver=9 ticks=4 text=\"of another boot\"",
      "redoubt: ipl.start boot_mode=0 cpus=1",
      "redoubt: ipl.options options=0x403 words=\"taken\"",
      "redoubt: driver guid=23a089b3-eed5-4ac5-b2ab-43e3298c2343 name=\"Variable\" status=0x0 number=1",
      "redoubt: profile handler=ed32d533-99e6-4209-9cc0-2d72cdd998a7 driver=1 function=0x1000 calls=2 total=30 "
      "least=10 "
      "most=20",
      "redoubt: profile handler=root driver=2 function=0x2000 calls=1 total=5 least=5 most=5",
      "redoubt: log n=3 level=warning driver=1 ticks=99 text=\"store is nearly full\"",
      "redoubt: log.lost lines=4",
      "redoubt: log n=8 level=info driver=0 ticks=120 text=\"hello\"",
      "redoubt: profile handler=ed32d533-99e6-4209-9cc0-2d72cdd998a7 driver=1 function=0x1000 calls=4 total=100 "
      "least=10 "
      "most=50",
  });
  const std::string text = to_text(report);
  EXPECT_NE(text.find(R"(
  options           trace log and profile OPEN TO THE OS log=debug
  MMI handlers      2 called
       calls  least ticks      average         most  handler                              driver
           4           10           25           50  SmmVariable                          Variable
           1            5            5            5  root                                 driver 2
  MM log            2 lines, 4 LOST
    warning  Variable: store is nearly full
    info     foundation: hello
)"),
            std::string::npos)
      << text;
  const nlohmann::ordered_json json = to_json(report);
  EXPECT_EQ(json["profile"].size(), 2U);
  EXPECT_EQ(json["profile"][0]["calls"], 4);
  EXPECT_EQ(json["profile"][0]["name"], "SmmVariable");
  EXPECT_EQ(json["profile"][0]["average_ticks"], 25);
  EXPECT_EQ(json["log"][0]["level"], "warning");
  EXPECT_EQ(json["log"][0]["driver_name"], "Variable");
  EXPECT_EQ(json["log_lost"], 4);
  EXPECT_TRUE(json["trace"].is_null());
}

TEST(BootReport, SaysAtItsHeadWhenTheVariableStoreIsNotInOrder) {
  const BootReport report = report_of({
      "redoubt: ipl.start boot_mode=0 cpus=1",
      "redoubt: log n=3 level=error driver=3 ticks=1 text=\"variable store damaged at 0x00001024: no way on\"",
      "redoubt: log n=4 level=error driver=3 ticks=2 text=\"variable store closed: no key trusted\"",
      "redoubt: log n=5 level=warning driver=3 ticks=3 text=\"variable store nearly full\"",
      "redoubt: log n=6 level=error driver=3 ticks=4 text=\"another thing\"",
  });
  const std::string text = to_text(report);
  EXPECT_NE(text.find(R"(
  variables         NOT IN ORDER: variable store damaged at 0x00001024: no way on; variable store closed: no key trusted
  launched from )"),
            std::string::npos)
      << text;
  EXPECT_EQ(to_json(report)["variable_store"].size(), 2U);
  // Another boot of the run, with a store that was put in order.
  BootReport later = report;
  later.apply(*parse_event("redoubt: ipl.start boot_mode=0 cpus=1"));
  EXPECT_EQ(to_text(later).find("NOT IN ORDER"), std::string::npos);
  EXPECT_TRUE(to_json(later)["variable_store"].empty());
}

TEST(BootReport, ErrorsOfMmAreProgress) {
  BootReport report = report_of({"redoubt: ipl.start boot_mode=0 cpus=1"});
  const auto error = parse_event("redoubt: log n=3 level=error driver=3 ticks=1 text=\"it broke\"");
  EXPECT_EQ(error_text(*error, report), "MM error: it broke") << "the driver still starts";
  report.apply(*parse_event("redoubt: driver guid=23a089b3-eed5-4ac5-b2ab-43e3298c2343 name=\"Variable\" number=3"));
  EXPECT_EQ(error_text(*error, report), "MM error: Variable: it broke");
  const auto own = parse_event("redoubt: log n=3 level=error driver=0 ticks=1 text=\"it broke\"");
  EXPECT_EQ(error_text(*own, report), "MM error: foundation: it broke");
  EXPECT_EQ(error_text(*parse_event("redoubt: log n=3 level=warning driver=3 text=\"careful\""), report), "");
  EXPECT_EQ(error_text(*parse_event("redoubt: fault level=error text=\"x\""), report), "");
  EXPECT_EQ(error_text(*parse_event("redoubt: log"), report), "");
}

TEST(BootReport, SaysWhenOptionsWereIgnored) {
  const BootReport report = report_of({
      "redoubt: ipl.start boot_mode=0 cpus=1",
      "redoubt: ipl.options options=0x0 words=\"ignored\"",
  });
  EXPECT_NE(to_text(report).find("options           IGNORED"), std::string::npos);
}

TEST(BootReport, KeepsATraceIfAsked) {
  BootReport report;
  TracedMmi mmi;
  mmi.message = "A";
  report.add_traced(mmi);
  EXPECT_TRUE(report.trace.empty());
  report.keep_trace = true;
  report.add_traced(mmi);
  mmi.message = "B";
  report.add_traced(mmi);
  report.apply(Event{.name = {"ipl.start"}, .values = {}});
  const nlohmann::ordered_json json = to_json(report);
  ASSERT_EQ(json["trace"].size(), 2U);
  EXPECT_EQ(json["trace"][1]["message"], "B");
}

TEST(BootReport, JsonHasWhatTheTextHas) {
  const nlohmann::ordered_json json = to_json(good_boot());
  EXPECT_EQ(json["outcome"], "reached");
  EXPECT_EQ(json["launch"]["point"], "PEI");
  EXPECT_EQ(json["launch"]["complete"], true);
  EXPECT_EQ(json["mmram"]["locked_before_dxe"], true);
  EXPECT_EQ(json["mmram"]["used"], 2097152);
  EXPECT_EQ(json["foundation"]["ring"], 3);
  EXPECT_EQ(json["drivers"].size(), 3U);
  EXPECT_EQ(json["drivers"][1]["status"], "0x8000000000000003");
  EXPECT_EQ(json["drivers"][2]["started"], false);
  EXPECT_EQ(json["open_bytes"], 4194304 + 16384);
  EXPECT_EQ(json["mmis"]["served"], 490);
  EXPECT_EQ(json["violation_count"], 0);
}

TEST(BootReport, JsonSaysNullForWhatIsUnknown) {
  const nlohmann::ordered_json json = to_json(report_of({}));
  EXPECT_TRUE(json["launch"]["point"].is_null());
  EXPECT_TRUE(json["drivers"].is_null());
  EXPECT_TRUE(json["open_ranges"].is_null());
  EXPECT_TRUE(json["mmram"]["used"].is_null());
}

TEST(BootReport, StartsAgainAtEachBootButKeepsViolations) {
  BootReport report = report_of({
      "redoubt: ipl.start boot_mode=0x11 cpus=1",
      "redoubt: ipl.locked smramc=0x1A esmramc=0x3F smi_en=0x21",
      "redoubt: fault domain=driver vector=13 address=0x0 rip=0x50001234 action=disabled",
      "redoubt: ipl.start boot_mode=0 cpus=1",
  });
  EXPECT_EQ(report.launches, 2U);
  EXPECT_EQ(report.boot_mode, 0U);
  EXPECT_FALSE(report.locked_in_pei);
  EXPECT_EQ(report.violation_count, 1U);
  EXPECT_FALSE(report.failed());
}

TEST(BootReport, AWaitingDriverMayStartLaterAndAnchorsAreNamed) {
  const BootReport report = report_of({
      "redoubt: ipl.start boot_mode=0 cpus=1",
      "redoubt: driver.waiting guid=470cb248-e8ac-473c-bb4f-81069a1fe6fd name=\"Late\" depex=\"missing\" missing=1",
      "redoubt: driver.waiting guid=33fb3535-f15e-4c17-b303-5eb94595ecb6 name=\"Never\" "
      "depex=\"AFTER 3242a9d8-ce70-4aa0-955d-5e7b140de4d2\"",
      "redoubt: driver guid=470cb248-e8ac-473c-bb4f-81069a1fe6fd name=\"Late\" cpl=3 ticks=1 status=0x0",
      "redoubt: driver.waiting guid=33fb3535-f15e-4c17-b303-5eb94595ecb6 name=\"Never\" "
      "depex=\"AFTER 3242a9d8-ce70-4aa0-955d-5e7b140de4d2\"",
      "redoubt: driver.skipped reason=\"no volume\" offset=0x40",
  });
  const std::string text = to_text(report);
  for (const char* part : {"1 started, 1 waiting", "Never: AFTER MmCpuIo\n", "skipped volume: no volume"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(BootReport, AMachineThatDxeStoppedHasFailed) {
  BootReport report = report_of({"redoubt: ipl.start boot_mode=0 cpus=1"});
  report.apply(*parse_event("redoubt: dxe.phase phase=EndOfDxe status=0x8000000000000007"));
  EXPECT_FALSE(report.failed());
  report.apply(
      *parse_event("redoubt: dxe.stopped reason=\"the machine is stopped: MM doesn't hear of \" phase=EndOfDxe"));
  EXPECT_TRUE(report.failed());
  const std::string text = to_text(report);
  EXPECT_NE(text.find("FAILED: the machine is stopped: MM doesn't hear of EndOfDxe\n"), std::string::npos) << text;
  EXPECT_NE(text.find("dxe.phase phase=EndOfDxe status=0x8000000000000007"), std::string::npos) << text;
}

TEST(BootReport, ShowsWhatDxeAndTheFoundationComplainAbout) {
  BootReport report = report_of({
      "redoubt: ipl.start boot_mode=0 cpus=1",
      "redoubt: driver guid=33fb3535-f15e-4c17-b303-5eb94595ecb6 name=\"Late\" cpl=3 status=0x8000000000000015 "
      "reason=\"fault at its entry point\"",
      "redoubt: driver.skipped guid=470cb248-e8ac-473c-bb4f-81069a1fe6fd reason=\"no PE image\"",
      "redoubt: dxe.start comm_buffer=0x1E000000 pages=4",
      "redoubt: ipl.locked smramc=0x1A esmramc=0x3F smi_en=0x21",
      "redoubt: dxe.ready_to_lock smramc=0x0A esmramc=0x3F mmram=open",
      "redoubt: driver.disabled driver=1 name=Late vector=13",
      "redoubt: dxe.failed reason=\"no variable driver\" status=0x800000000000000E",
  });
  EXPECT_FALSE(report.locked_in_pei);
  EXPECT_TRUE(report.failed());
  EXPECT_EQ(report.violation_count, 0U);  // what it explains is counted
  const std::string text = to_text(report);
  for (const char* part :
       {"aborted", "Late: fault at its entry point", "skipped 470cb248-e8ac-473c-bb4f-81069a1fe6fd: no PE",
        "DXE finds it open at ReadyToLock", "driver.disabled driver=1 name=Late vector=13",
        "communication driver FAILED: no variable driver (status 0x800000000000000E)"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(BootReport, ShowsWhoWasAdmittedWithUnalignedSections) {
  const BootReport report = report_of({
      "redoubt: ipl.start boot_mode=0 cpus=1",
      "redoubt: unprotected base=0x50002000 size=4096",
      "redoubt: unprotected base=0x50005000 size=8192",
      "redoubt: driver.exception guid=33fb3535-f15e-4c17-b303-5eb94595ecb6 name=\"Old\" pages=3",
  });
  const std::string text = to_text(report);
  EXPECT_NE(text.find("writable code     12.0 KiB that drivers can write and execute\n    EXCEPTION for unaligned "
                      "sections, 3 pages: 33fb3535-f15e-4c17-b303-5eb94595ecb6 Old\n"),
            std::string::npos)
      << text;
  const nlohmann::ordered_json json = to_json(report);
  EXPECT_EQ(json["unprotected_bytes"], 12288);
  EXPECT_EQ(json["alignment_exceptions"].at(0)["name"], "Old");
  EXPECT_EQ(json["alignment_exceptions"].at(0)["pages"], 3);
}

TEST(BootReport, ShowsWhatWasUnblockedForWhom) {
  const BootReport report = report_of({
      "redoubt: ipl.start boot_mode=0 cpus=1",
      "redoubt: range base=0xffc00000 size=4096 access=rw what=\"variable store flash\"",
      "redoubt: unblocked base=0x7e000000 size=8192",
      "redoubt: unblocked.by guid=33fb3535-f15e-4c17-b303-5eb94595ecb6 base=0x7e000000 pages=2 status=0x0",
      "redoubt: unblocked.by guid=33fb3535-f15e-4c17-b303-5eb94595ecb6 base=0x0 pages=1 status=0x800000000000001a",
  });
  const std::string text = to_text(report);
  for (const char* part :
       {"12.0 KiB outside MMRAM, in 2 ranges", "rw  unblocked for 33fb3535-f15e-4c17-b303-5eb94595ecb6\n",
        "refused to unblock 0x0, 1 pages, for 33fb3535-f15e-4c17-b303-5eb94595ecb6 (status 0x800000000000001a)\n"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  const nlohmann::ordered_json json = to_json(report);
  EXPECT_EQ(json["open_bytes"], 12288);
  EXPECT_EQ(json["refused_unblocks"].size(), 1U);
}

TEST(BootReport, AMachineThatClosedItselfHasNotBootedAsItShould) {
  const auto closed = parse_event(
      "redoubt: machine.closed name=\"Victim\" guid=00000007-0002-0003-0400-000000000000 cause=not_started "
      "phase=firmware in_a_row=0 reason=\"resets did not help\"");
  BootReport report = report_of({"redoubt: ipl.start boot_mode=0 cpus=1"});
  EXPECT_EQ(report.closed(), nullptr);
  EXPECT_EQ(report.judged(Outcome::reached), Outcome::reached);
  EXPECT_EQ(report.judged(Outcome::timeout), Outcome::timeout);
  report.apply(*closed);
  ASSERT_NE(report.closed(), nullptr);
  EXPECT_EQ(report.closed()->driver, "Victim");
  EXPECT_EQ(report.judged(Outcome::reached), Outcome::closed);
  EXPECT_EQ(report.judged(Outcome::timeout), Outcome::closed) << "which is why";
  for (const Outcome other : {Outcome::guest_failed, Outcome::reset_loop, Outcome::qemu_exited, Outcome::interrupted}) {
    EXPECT_EQ(report.judged(other), other);
  }
  report.outcome = Outcome::closed;
  report.goal = "shell";
  EXPECT_NE(to_text(report).find("shell doesn't count: MM closed itself after "), std::string::npos);
  EXPECT_EQ(to_json(report)["outcome"], "MM closed itself");
  report.apply(*parse_event("redoubt: ipl.start boot_mode=0 cpus=1"));
  EXPECT_EQ(report.judged(Outcome::reached), Outcome::reached) << "the next boot is another one";
}

TEST(BootReport, ShowsWhatFailedAndWhatBecameOfTheMachine) {
  const auto stop = [](const char* action, const char* reason) {
    return std::string("redoubt: machine.") + action +
           " name=\"Victim\" guid=00000007-0002-0003-0400-000000000000 cause=fault vector=14 phase=launch in_a_row=1 "
           "reason=\"" +
           reason + "\"";
  };
  BootReport report = report_of({"redoubt: ipl.start boot_mode=0 cpus=1"});
  report.apply(*parse_event(stop("reset", "its policy")));
  EXPECT_EQ(error_text(*parse_event(stop("reset", "its policy")), report),
            "boot 1: reset for Victim: exception 14 in phase launch; its policy");
  report.apply(*parse_event("redoubt: ipl.start boot_mode=0 cpus=1"));
  report.apply(*parse_event(
      "redoubt: fault.record name=\"Victim\" guid=00000007-0002-0003-0400-000000000000 cause=fault vector=14 "
      "rip=0x1f201234 address=0xdead handler=2ce967ad-dd7e-4ffc-9ee7-810cf0470880 phase=launch action=reset "
      "in_a_row=1"));
  report.apply(*parse_event(stop("closed", "resets did not help")));
  report.apply(*parse_event("redoubt: driver.waiting guid=1 name=\"W\" depex=\"false\" policy=reset"));
  EXPECT_FALSE(report.failed());
  const std::string text = to_text(report);
  for (
      const char* line :
      {"  last fault        00000007-0002-0003-0400-000000000000 Victim: exception 14, rip 0x1F201234, address 0xDEAD, "
       "called for 2ce967ad-dd7e-4ffc-9ee7-810cf0470880, in phase launch; the machine was reset, 1 in a row\n",
       "  failed drivers    1 resets by MM in 2 boots\n    boot 1: reset for Victim: exception 14 in phase launch; its "
       "policy\n    boot 2: closed for Victim: exception 14 in phase launch; resets did not help\n",
       "    waits: 1 W: false; ON FAULT reset\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
  const nlohmann::json json = to_json(report);
  EXPECT_EQ(json["fault_record"]["rip"], "0x1F201234");
  EXPECT_EQ(json["fault_record"]["in_a_row"], 1);
  EXPECT_EQ(json["resets"], 1);
  EXPECT_EQ(json["stops"][1]["action"], "closed");
  EXPECT_TRUE(to_json(report_of({}))["fault_record"].is_null());
  report.apply(*parse_event(stop("halted", "its policy")));
  EXPECT_TRUE(report.failed());
}

TEST(BootReport, SeesThatTheMachineResetsForEver) {
  BootReport report;
  const Event boot = *parse_event("redoubt: ipl.start boot_mode=0 cpus=1");
  const Event ready = *parse_event("redoubt: lifecycle event=ReadyToBoot mmis=1 faults=0");
  for (std::uint64_t i = 0; i < 100; ++i) {
    report.apply(boot);
    report.apply(ready);
  }
  EXPECT_FALSE(report.loops()) << "somebody resets it, and it gets there each time";
  for (std::uint64_t i = 0; i < BootReport::most_fruitless_boots; ++i) report.apply(boot);
  EXPECT_FALSE(report.loops());
  report.apply(boot);
  EXPECT_TRUE(report.loops());
  // MM resets it each time that it got there.
  BootReport other;
  for (std::uint64_t i = 0; i <= BootReport::most_resets; ++i) {
    EXPECT_FALSE(other.loops());
    other.apply(boot);
    other.apply(ready);
    other.apply(*parse_event("redoubt: machine.reset name=\"V\" guid=1 cause=fault vector=6 phase=os reason=\"r\""));
  }
  EXPECT_TRUE(other.loops());
}

TEST(BootReport, BoundsItsLists) {
  BootReport report;
  for (int i = 0; i < 5000; ++i) {
    report.apply(Event{.name = {"driver"}, .values = {{"status", "0"}}});
    report.apply(Event{.name = {"range"}, .values = {}});
    report.apply(Event{.name = {"unblocked.by"}, .values = {{"status", "1"}}});
    report.apply(Event{.name = {"driver.exception"}, .values = {}});
    report.apply(Event{.name = {"fault"}, .values = {}});
    report.apply(Event{.name = {"log"}, .values = {}});
    report.apply(Event{.name = {"profile"}, .values = {{"function", std::to_string(i)}}});
  }
  EXPECT_EQ(report.drivers.size(), BootReport::max_entries);
  EXPECT_EQ(report.ranges.size(), BootReport::max_entries);
  EXPECT_EQ(report.refused_unblocks.size(), BootReport::max_entries);
  EXPECT_EQ(report.alignment_exceptions.size(), BootReport::max_entries);
  EXPECT_EQ(report.violations.size(), BootReport::max_entries);
  EXPECT_EQ(report.log.size(), BootReport::max_entries);
  EXPECT_EQ(report.log_lost, 5000U - BootReport::max_entries);
  EXPECT_EQ(report.profile.size(), BootReport::max_entries);
  EXPECT_EQ(report.violation_count, 5000U);
}

}  // namespace
}  // namespace redoubt::tool::boot
