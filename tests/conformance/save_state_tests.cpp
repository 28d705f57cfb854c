// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_MM_CPU_PROTOCOL: PI 1.9, volume 4, chapter 4. Policy decides which registers a driver gets; the suite takes those
// that say nothing about the interrupted code's data.
#include <cstring>

#include "abi/pi/mm_cpu.hpp"
#include "tests/conformance/groups.hpp"

namespace redoubt::conformance {
namespace {

namespace status = abi::status;
using abi::EfiStatus;
using abi::MmCpuProtocol;
using Register = abi::MmSaveStateRegister;
using abi::UintN;

MmCpuProtocol* find(Run& t) {
  void* interface = nullptr;
  t.status(t.mmst.locate_protocol(&abi::mm_cpu_protocol_guid, nullptr, &interface), status::success);
  return static_cast<MmCpuProtocol*>(interface);
}

UintN own_cpu(const Run& t) { return t.mmst.currently_executing_cpu; }

// The processor whose code asked for this MMI, which may be another than the one that serves it.
UintN asking_cpu(const Run& t, const MmCpuProtocol* p) {
  for (UintN cpu = 0; cpu != t.mmst.number_of_cpus; ++cpu) {
    std::uint64_t value = 0;
    if (p->read_save_state(p, sizeof(value), Register::rax, cpu, &value) == status::success) return cpu;
  }
  return own_cpu(t);
}

constexpr Test tests[] = {
    {.name = "pi4-4/ReadSaveState/lma",
     .behaviour = "EFI_MM_SAVE_STATE_REGISTER_LMA: 32 or 64, how the processor ran when the MMI came. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           std::uint8_t mode = 0;
           t.status(p->read_save_state(p, 1, Register::lma, own_cpu(t), &mode), status::success);
           t.that(mode == 32 || mode == 64);
         },
     .when = When::in_mmi,
     .edk2 = "Provided by a separate driver, UefiCpuPkg's PiSmmCpuStandaloneMm."},
    {.name = "pi4-4/ReadSaveState/processor_id",
     .behaviour = "EFI_MM_SAVE_STATE_REGISTER_PROCESSOR_ID: eight bytes, different for each processor. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           std::uint64_t own = UINT64_MAX;
           t.status(p->read_save_state(p, sizeof(own), Register::processor_id, own_cpu(t), &own), status::success);
           t.that(own != UINT64_MAX);
           if (t.mmst.number_of_cpus < 2) return;
           std::uint64_t other = UINT64_MAX;
           const EfiStatus result =
               p->read_save_state(p, sizeof(other), Register::processor_id, own_cpu(t) == 0 ? 1 : 0, &other);
           if (result == status::success) t.that(other != own);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/ReadSaveState/register",
     .behaviour = "A register's value is read, as many of its bytes as Width says. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           const UintN cpu = asking_cpu(t, p);
           std::uint64_t whole = 0;
           t.status(p->read_save_state(p, 8, Register::rax, cpu, &whole), status::success);
           for (const UintN width : {1U, 2U, 4U}) {
             std::uint64_t part = 0;
             t.status(p->read_save_state(p, width, Register::rax, cpu, &part), status::success);
             t.equal(part, whole & (UINT64_MAX >> (64 - 8 * width)));
           }
         },
     .when = When::in_mmi},
    {.name = "pi4-4/ReadSaveState/io",
     .behaviour =
         "EFI_MM_SAVE_STATE_REGISTER_IO: the I/O instruction that was under way when the MMI came, EFI_SUCCESS; "
         "EFI_NOT_FOUND if there was none. The processor that asked for this MMI wrote to port 0xB2.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           for (UintN cpu = 0; cpu != t.mmst.number_of_cpus; ++cpu) {
             abi::MmSaveStateIoInfo info = {};
             const EfiStatus result = p->read_save_state(p, sizeof(info), Register::io, cpu, &info);
             t.that(result == status::success || result == status::not_found || result == status::invalid_parameter);
             if (result != status::success) continue;
             t.equal(info.port, 0xB2);
             t.equal(info.type, abi::mm_save_state_io_output);
             t.equal(info.width, abi::mm_save_state_io_uint8);
           }
         },
     .when = When::in_mmi,
     .ours = "Where the processor tells; QEMU's doesn't."},
    {.name = "pi4-4/ReadSaveState/cpu_index",
     .behaviour = "The processor's number is not correct: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           std::uint64_t value = 0;
           for (const UintN cpu : {t.mmst.number_of_cpus, ~UintN{0}}) {
             t.status(p->read_save_state(p, 8, Register::processor_id, cpu, &value), status::invalid_parameter);
           }
         },
     .when = When::in_mmi},
    {.name = "pi4-4/ReadSaveState/width",
     .behaviour = "The register's width is not correct: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           std::uint64_t values[4] = {};
           t.status(p->read_save_state(p, 4, Register::lma, own_cpu(t), values), status::invalid_parameter);
           t.status(p->read_save_state(p, 4, Register::processor_id, own_cpu(t), values), status::invalid_parameter);
           t.status(p->read_save_state(p, 16, Register::rax, own_cpu(t), values), status::invalid_parameter);
           t.status(p->read_save_state(p, 0, Register::rax, own_cpu(t), values), status::invalid_parameter);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/ReadSaveState/null_buffer",
     .behaviour = "Buffer is NULL: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           t.status(p->read_save_state(p, 1, Register::lma, own_cpu(t), nullptr), status::invalid_parameter);
           t.status(p->read_save_state(p, 8, Register::processor_id, own_cpu(t), nullptr), status::invalid_parameter);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/ReadSaveState/not_found",
     .behaviour = "The register is not defined for the save state of this processor: EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           std::uint64_t value = 0;
           for (const std::uint32_t number : {0U, 3U, 100U, 256U, 272U, 1000U, 0xFFFFFFFFU}) {
             t.about(number);
             t.status(p->read_save_state(p, 8, static_cast<Register>(number), own_cpu(t), &value), status::not_found);
           }
         },
     .when = When::in_mmi},
    {.name = "pi4-4/WriteSaveState/success",
     .behaviour = "A register's value is written, as many of its bytes as Width says. EFI_SUCCESS.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           const UintN cpu = asking_cpu(t, p);
           std::uint64_t before = 0;
           t.status(p->read_save_state(p, 8, Register::rax, cpu, &before), status::success);
           if (t.failed()) return;
           const std::uint64_t other = ~before;
           const EfiStatus result = p->write_save_state(p, 2, Register::rax, cpu, &other);
           // Of several processors that may have asked for this MMI none is written to.
           if (t.mmst.number_of_cpus > 1 && result == status::access_denied) return;
           t.status(result, status::success);
           std::uint64_t value = 0;
           t.status(p->read_save_state(p, 8, Register::rax, cpu, &value), status::success);
           t.equal(value, before ^ 0xFFFF);
           // The interrupted code gets back what it had.
           t.status(p->write_save_state(p, 8, Register::rax, cpu, &before), status::success);
         },
     .when = When::in_mmi},
    {.name = "pi4-4/WriteSaveState/cpu_index",
     .behaviour = "The processor's number is not correct: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           const std::uint64_t value = 0;
           for (const UintN cpu : {t.mmst.number_of_cpus, ~UintN{0}}) {
             t.status(p->write_save_state(p, 8, Register::rax, cpu, &value), status::invalid_parameter);
           }
         },
     .when = When::in_mmi},
    {.name = "pi4-4/WriteSaveState/null_buffer",
     .behaviour = "The input parameters are not valid, here a NULL buffer: EFI_INVALID_PARAMETER.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (!t.failed()) {
             t.status(p->write_save_state(p, 8, Register::rax, own_cpu(t), nullptr), status::invalid_parameter);
           }
         },
     .when = When::in_mmi},
    {.name = "pi4-4/WriteSaveState/not_found",
     .behaviour = "The register is not defined for the save state of this processor: EFI_NOT_FOUND.",
     .run =
         [](Run& t) {
           const auto* p = find(t);
           if (t.failed()) return;
           const std::uint64_t value = 0;
           for (const std::uint32_t number : {0U, 3U, 100U, 256U, 1000U}) {
             t.about(number);
             t.status(p->write_save_state(p, 8, static_cast<Register>(number), own_cpu(t), &value), status::not_found);
           }
         },
     .when = When::in_mmi},
};

}  // namespace

std::span<const Test> save_state_tests() { return tests; }

}  // namespace redoubt::conformance
