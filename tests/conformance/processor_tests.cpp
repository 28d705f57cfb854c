// SPDX-License-Identifier: BSD-2-Clause-Patent
// Procedures on other processors: MmStartupThisAp() (PI 1.9, volume 4, 3.2) and EFI_MM_MP_PROTOCOL (chapter 4). The
// machine has two processors at least.
#include <atomic>

#include "abi/pi/mm_mp.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::EfiStatus;
using abi::MmCompletion;
using abi::MmMpProtocol;
using abi::UintN;

constexpr UintN most_cpus = 16;
constexpr unsigned long_enough = 200'000'000;  // turns of a loop that waits for another processor

// What procedures and tests tell each other.
constinit std::atomic<unsigned> runs = 0;
constinit std::atomic<bool> may_end = false;
constinit std::atomic<bool> began = false;
constinit std::atomic<std::uint64_t> argument_seen = 0;

EFIAPI void note_run(void* argument) {
  argument_seen = reinterpret_cast<std::uintptr_t>(argument);
  ++runs;
}

EFIAPI EfiStatus note_and_return(void* argument) {
  argument_seen = reinterpret_cast<std::uintptr_t>(argument);
  ++runs;
  return status::device_error;
}

EFIAPI EfiStatus succeed(void*) {
  ++runs;
  return status::success;
}

// Until it is told to end.
EFIAPI EfiStatus wait_to_end(void*) {
  began = true;
  while (!may_end) relax();
  ++runs;
  return status::success;
}

EFIAPI EfiStatus never_end(void*) {
  for (;;) relax();
}

void begin() {
  runs = 0;
  may_end = false;
  began = false;
  argument_seen = 0;
}

bool wait_until(const std::atomic<bool>& flag) {
  for (unsigned i = 0; i != long_enough && !flag; ++i) relax();
  return flag;
}

UintN own_cpu(const Run& t) { return t.mmst.currently_executing_cpu; }
UintN other_cpu(const Run& t) { return own_cpu(t) == 0 ? 1 : 0; }

MmMpProtocol* find(Run& t) {
  void* interface = nullptr;
  t.status(t.mmst.locate_protocol(&abi::mm_mp_protocol_guid, nullptr, &interface), status::success);
  t.that(t.mmst.number_of_cpus >= 2 && t.mmst.number_of_cpus <= most_cpus);
  begin();
  return static_cast<MmMpProtocol*>(interface);
}

// A call without an end, which `then` is to meet; it is ended and fetched afterwards.
template <typename Then>
void beside_a_running_procedure(Run& t, MmMpProtocol& p, MmCompletion& token, Then then) {
  t.status(p.dispatch_procedure(&p, wait_to_end, other_cpu(t), 0, nullptr, &token, nullptr), status::success);
  if (t.failed()) return;
  t.that(wait_until(began));
  then();
  may_end = true;
  t.status(p.wait_for_procedure(&p, token), status::success);
}

constexpr Test tests[] = {
    {.name = "pi4-3.2/MmStartupThisAp/success",
     .behaviour = "The procedure runs on the processor of that number, with its argument. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           begin();
           t.status(t.mmst.startup_this_ap(note_run, other_cpu(t), &runs), status::success);
           for (unsigned i = 0; i != long_enough && runs == 0; ++i) relax();
           t.equal(runs, 1);
           t.equal(argument_seen, reinterpret_cast<std::uintptr_t>(&runs));
         },
     .when = When::in_mmi,
     .edk2 = "Returns before the procedure has ended, unless PcdCpuSmmBlockStartupThisAp is set.",
     .ours = "Returns when the procedure has ended."},
    {.name = "pi4-3.2/MmStartupThisAp/again",
     .behaviour = "A processor whose procedure has ended takes the next one. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           begin();
           for (unsigned i = 0; i != 20; ++i) {
             t.status(t.mmst.startup_this_ap(note_run, other_cpu(t), nullptr), status::success);
           }
           t.equal(runs, 20);
         },
     .when = When::in_mmi},
    {.name = "pi4-3.2/MmStartupThisAp/out_of_range",
     .behaviour = "The input arguments are out of range, here the processor's number: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           begin();
           for (const UintN cpu : {t.mmst.number_of_cpus, UintN{1000}, ~UintN{0}}) {
             t.status(t.mmst.startup_this_ap(note_run, cpu, nullptr), status::invalid_parameter);
           }
           t.equal(runs, 0);
         },
     .when = When::in_mmi},
    {.name = "pi4-3.2/MmStartupThisAp/own",
     .behaviour = "The processor requested is not available, here the caller's own: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           begin();
           t.status(t.mmst.startup_this_ap(note_run, own_cpu(t), nullptr), status::invalid_parameter);
           t.equal(runs, 0);
         },
     .when = When::in_mmi},
    {.name = "pi4-3.2/MmStartupThisAp/null_procedure",
     .behaviour = "The input arguments are out of range, here a NULL procedure: EFI_INVALID_PARAMETER.",
     .run = [](Run& t) { t.status(t.mmst.startup_this_ap(nullptr, other_cpu(t), nullptr), status::invalid_parameter); },
     .when = When::in_mmi},
    {.name = "pi4-3.2/MmStartupThisAp/busy",
     .behaviour = "The processor cannot support an additional invocation: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           auto* p = find(t);
           if (t.failed()) return;
           MmCompletion token = nullptr;
           beside_a_running_procedure(t, *p, token, [&] {
             t.status(t.mmst.startup_this_ap(note_run, other_cpu(t), nullptr), status::invalid_parameter);
           });
         },
     .when = When::in_mmi},
    {.name = "pi4-4/EFI_MM_MP_PROTOCOL/revision",
     .behaviour = "Revision is EFI_MM_MP_PROTOCOL_REVISION, 0; Attributes has no bit but EFI_MM_MP_TIMEOUT_SUPPORTED.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           t.equal(p->revision, 0);
           t.equal(p->attributes & ~std::uint32_t{MmMpProtocol::timeout_supported}, 0);
         },
     .when = When::in_mmi,
     .edk2 = "Provided by a separate driver, UefiCpuPkg's PiSmmCpuStandaloneMm."},
    {.name = "pi4-4/GetNumberOfProcessors/success",
     .behaviour = "The number of logical processors, the caller's included. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           UintN number = 0;
           t.status(p->get_number_of_processors(p, &number), status::success);
           t.equal(number, t.mmst.number_of_cpus);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/GetNumberOfProcessors/null",
     .behaviour = "NumberOfProcessors is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (!t.failed()) t.status(p->get_number_of_processors(p, nullptr), status::invalid_parameter);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/DispatchProcedure/blocking",
     .behaviour = "Without a token: EFI_SUCCESS when the procedure has ended; CPUStatus is what it returned.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           EfiStatus result = status::success;
           t.status(p->dispatch_procedure(p, note_and_return, other_cpu(t), 0, &result, nullptr, &result),
                    status::success);
           t.equal(runs, 1);
           t.equal(argument_seen, reinterpret_cast<std::uintptr_t>(&result));
           t.status(result, status::device_error);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/DispatchProcedure/non_blocking",
     .behaviour = "With a token: EFI_SUCCESS at once; CPUStatus is EFI_NOT_READY until the procedure has ended.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           MmCompletion token = nullptr;
           EfiStatus result = status::success;
           t.status(p->dispatch_procedure(p, wait_to_end, other_cpu(t), 0, nullptr, &token, &result), status::success);
           if (t.failed()) return;
           t.status(*const_cast<volatile EfiStatus*>(&result), status::not_ready);
           may_end = true;
           t.status(p->wait_for_procedure(p, token), status::success);
           t.equal(runs, 1);
           t.status(*const_cast<volatile EfiStatus*>(&result), status::success);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/DispatchProcedure/null_procedure",
     .behaviour = "Procedure is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           t.status(p->dispatch_procedure(p, nullptr, other_cpu(t), 0, nullptr, nullptr, nullptr),
                    status::invalid_parameter);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/DispatchProcedure/own",
     .behaviour = "The target is the caller itself: EFI_INVALID_PARAMETER; the procedure doesn't run.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           t.status(p->dispatch_procedure(p, succeed, own_cpu(t), 0, nullptr, nullptr, nullptr),
                    status::invalid_parameter);
           t.equal(runs, 0);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/DispatchProcedure/out_of_range",
     .behaviour = "The input arguments are out of range, here the processor's number: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           for (const UintN cpu : {t.mmst.number_of_cpus, ~UintN{0}}) {
             t.status(p->dispatch_procedure(p, succeed, cpu, 0, nullptr, nullptr, nullptr), status::invalid_parameter);
           }
         },
     .when = When::in_mmi},
    {.name = "pi4-4/DispatchProcedure/busy",
     .behaviour = "The target is busy executing another procedure: EFI_NOT_READY.",
     .run =
         [](Run& t) {
           auto* p = find(t);
           if (t.failed()) return;
           MmCompletion token = nullptr;
           beside_a_running_procedure(t, *p, token, [&] {
             t.status(p->dispatch_procedure(p, succeed, other_cpu(t), 0, nullptr, nullptr, nullptr), status::not_ready);
             MmCompletion second = nullptr;
             t.status(p->dispatch_procedure(p, succeed, other_cpu(t), 0, nullptr, &second, nullptr), status::not_ready);
           });
         },
     .when = When::in_mmi},
    {.name = "pi4-4/DispatchProcedure/token_in_use",
     .behaviour = "The token is already in use for another procedure: EFI_ALREADY_STARTED. With one other processor, "
                  "which is busy then, EFI_NOT_READY is as true.",
     .run =
         [](Run& t) {
           auto* p = find(t);
           if (t.failed()) return;
           MmCompletion token = nullptr;
           beside_a_running_procedure(t, *p, token, [&] {
             const bool third = t.mmst.number_of_cpus > 2;
             UintN target = other_cpu(t);
             while (third && (target == other_cpu(t) || target == own_cpu(t))) ++target;
             const EfiStatus result = p->dispatch_procedure(p, succeed, target, 0, nullptr, &token, nullptr);
             t.that(result == status::already_started || (!third && result == status::not_ready));
           });
         },
     .when = When::in_mmi},
    {.name = "pi4-4/DispatchProcedure/timeout",
     .behaviour =
         "The time is over before the procedure has ended, without a token: EFI_TIMEOUT, also as CPUStatus; the "
         "procedure is terminated.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed() || (p->attributes & MmMpProtocol::timeout_supported) == 0) return;
           EfiStatus result = status::success;
           t.status(p->dispatch_procedure(p, never_end, other_cpu(t), 2000, nullptr, nullptr, &result),
                    status::timeout);
           t.status(result, status::timeout);
           t.status(p->dispatch_procedure(p, succeed, other_cpu(t), 0, nullptr, nullptr, nullptr), status::success);
         },
     .when = When::in_mmi,
     .edk2 = "Has no timeouts (Attributes is 0)."},
    {.name = "pi4-4/BroadcastProcedure/blocking",
     .behaviour = "Without a token: EFI_SUCCESS when the procedure has ended on all other processors.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           t.status(p->broadcast_procedure(p, succeed, 0, nullptr, nullptr, nullptr), status::success);
           t.equal(runs, t.mmst.number_of_cpus - 1);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/BroadcastProcedure/cpu_status",
     .behaviour = "CPUStatus is an array: what the procedure returned on each processor, EFI_NOT_STARTED for the "
                  "caller's.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           EfiStatus results[most_cpus] = {};
           t.status(p->broadcast_procedure(p, note_and_return, 0, nullptr, nullptr, results), status::success);
           for (UintN cpu = 0; cpu != t.mmst.number_of_cpus; ++cpu) {
             t.status(results[cpu], cpu == own_cpu(t) ? status::not_started : status::device_error);
           }
         },
     .when = When::in_mmi},
    {.name = "pi4-4/BroadcastProcedure/null_procedure",
     .behaviour = "Procedure is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           t.status(p->broadcast_procedure(p, nullptr, 0, nullptr, nullptr, nullptr), status::invalid_parameter);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/BroadcastProcedure/busy",
     .behaviour = "A target is busy executing another procedure: EFI_NOT_READY; the procedure runs nowhere.",
     .run =
         [](Run& t) {
           auto* p = find(t);
           if (t.failed()) return;
           MmCompletion token = nullptr;
           beside_a_running_procedure(t, *p, token, [&] {
             t.status(p->broadcast_procedure(p, succeed, 0, nullptr, nullptr, nullptr), status::not_ready);
             t.equal(runs, 0);
           });
         },
     .when = When::in_mmi},
    {.name = "pi4-4/BroadcastProcedure/token_in_use",
     .behaviour = "The token is in use for a procedure that hasn't ended: EFI_ALREADY_STARTED; or EFI_NOT_READY, since "
                  "its processor is busy.",
     .run =
         [](Run& t) {
           auto* p = find(t);
           if (t.failed()) return;
           MmCompletion token = nullptr;
           beside_a_running_procedure(t, *p, token, [&] {
             const EfiStatus result = p->broadcast_procedure(p, succeed, 0, nullptr, &token, nullptr);
             t.that(result == status::already_started || result == status::not_ready);
           });
         },
     .when = When::in_mmi},
    {.name = "pi4-4/BroadcastProcedure/timeout",
     .behaviour = "The time is over before all have ended, without a token: EFI_TIMEOUT.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed() || (p->attributes & MmMpProtocol::timeout_supported) == 0) return;
           EfiStatus results[most_cpus] = {};
           t.status(p->broadcast_procedure(p, never_end, 2000, nullptr, nullptr, results), status::timeout);
           t.status(results[other_cpu(t)], status::timeout);
           t.status(p->broadcast_procedure(p, succeed, 0, nullptr, nullptr, nullptr), status::success);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/BroadcastProcedure/non_blocking",
     .behaviour = "With a token: EFI_SUCCESS at once; CheckForProcedure() tells when all have ended.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           MmCompletion token = nullptr;
           t.status(p->broadcast_procedure(p, wait_to_end, 0, nullptr, &token, nullptr), status::success);
           if (t.failed()) return;
           t.status(p->check_for_procedure(p, token), status::not_ready);
           may_end = true;
           t.status(p->wait_for_procedure(p, token), status::success);
           t.equal(runs, t.mmst.number_of_cpus - 1);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/SetStartupProcedure/success",
     .behaviour = "The procedure has been set: EFI_SUCCESS; it does not run before a processor loses its context.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           t.status(p->set_startup_procedure(p, note_run, nullptr), status::success);
           t.equal(runs, 0);
           t.status(p->set_startup_procedure(p, nullptr, nullptr), status::success);
         },
     .when = When::in_mmi,
     .ours = "NULL removes it, as the description says."},
    {.name = "pi4-4/SetStartupProcedure/null",
     .behaviour = "The procedure is NULL, with an argument for it: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (!t.failed()) t.status(p->set_startup_procedure(p, nullptr, &runs), status::invalid_parameter);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/CheckForProcedure/not_ready",
     .behaviour = "The procedure has not completed: EFI_NOT_READY; when it has: EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           MmCompletion token = nullptr;
           t.status(p->dispatch_procedure(p, wait_to_end, other_cpu(t), 0, nullptr, &token, nullptr), status::success);
           if (t.failed()) return;
           t.status(p->check_for_procedure(p, token), status::not_ready);
           may_end = true;
           EfiStatus result = status::not_ready;
           for (unsigned i = 0; i != long_enough && result == status::not_ready; ++i) {
             result = p->check_for_procedure(p, token);
           }
           t.status(result, status::success);
           t.equal(runs, 1);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/CheckForProcedure/null",
     .behaviour = "Token is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (!t.failed()) t.status(p->check_for_procedure(p, nullptr), status::invalid_parameter);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/CheckForProcedure/unknown",
     .behaviour = "Token is not in use for a non-blocking call: EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (!t.failed()) t.status(p->check_for_procedure(p, &runs), status::not_found);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/WaitForProcedure/success",
     .behaviour = "The caller is blocked until the procedure has completed: EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           MmCompletion token = nullptr;
           t.status(p->dispatch_procedure(p, succeed, other_cpu(t), 0, nullptr, &token, nullptr), status::success);
           if (t.failed()) return;
           t.status(p->wait_for_procedure(p, token), status::success);
           t.equal(runs, 1);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/WaitForProcedure/null",
     .behaviour = "Token is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (!t.failed()) t.status(p->wait_for_procedure(p, nullptr), status::invalid_parameter);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/WaitForProcedure/unknown",
     .behaviour = "Token is not in use for a non-blocking call: EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (!t.failed()) t.status(p->wait_for_procedure(p, &runs), status::not_found);
         },
     .when = When::in_mmi},
};

}  // namespace

std::span<const Test> processor_tests() { return tests; }

}  // namespace redoubt::conformance
