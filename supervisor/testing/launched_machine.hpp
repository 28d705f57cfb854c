// SPDX-License-Identifier: BSD-2-Clause-Patent
// A supervisor launched over memory that stands for MMRAM, behind page tables, for host tests: record, CPUs, a volume
// with a tiny foundation image, a mailbox. Nothing runs in ring 3 here; tests put into the register frame what ring 3
// would.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "abi/pe/pe.hpp"
#include "abi/pi/firmware_volume.hpp"
#include "abi/redoubt/image_names.hpp"
#include "abi/redoubt/observation.hpp"
#include "arch/processor.hpp"
#include "arch/x86_64/registers/cpuid.hpp"
#include "arch/x86_64/registers/exceptions.hpp"
#include "image/testing/volume_builder.hpp"
#include "supervisor/exceptions/trap.hpp"
#include "supervisor/launch/launch.hpp"
#include "supervisor/mmi/activity.hpp"
#include "supervisor/stopping/machine_end.hpp"
#include "supervisor/stopping/machine_stop.hpp"
#include "supervisor/testing/paged_memory.hpp"

namespace redoubt::supervisor::testing {

// A PE32+ image of three pages: headers, code (entry at its start), data.
inline std::vector<std::byte> tiny_image() {
  std::vector<std::byte> file(0x3000);
  const auto put = [&file](std::size_t at, const auto& value) { std::memcpy(file.data() + at, &value, sizeof(value)); };
  abi::pe::DosHeader dos{};
  dos.signature = abi::pe::dos_signature;
  dos.new_header_offset = sizeof(dos);
  put(0, dos);
  std::size_t at = sizeof(dos);
  put(at, abi::pe::nt_signature);
  at += sizeof(abi::pe::nt_signature);
  abi::pe::CoffHeader coff{};
  coff.machine = abi::pe::machine_x64;
  coff.section_count = 2;
  coff.optional_header_size = sizeof(abi::pe::OptionalHeader64);
  coff.characteristics = abi::pe::file_executable | abi::pe::file_large_address_aware;
  put(at, coff);
  at += sizeof(coff);
  abi::pe::OptionalHeader64 optional{};
  optional.magic = abi::pe::optional_magic_64;
  optional.entry_point = 0x1000;
  optional.section_alignment = 0x1000;
  optional.file_alignment = 0x1000;
  optional.image_size = 0x3000;
  optional.headers_size = 0x1000;
  put(at, optional);
  at += sizeof(optional);
  for (std::uint32_t i = 0; i < 2; ++i) {
    abi::pe::SectionHeader section{};
    section.virtual_size = 0x1000;
    section.rva = 0x1000 * (i + 1);
    section.raw_size = 0x1000;
    section.raw_offset = 0x1000 * (i + 1);
    section.characteristics =
        abi::pe::section_read | (i == 0 ? abi::pe::section_execute | abi::pe::section_code : abi::pe::section_write);
    put(at, section);
    at += sizeof(section);
  }
  std::memset(file.data() + 0x1000, 0x90, 0x1000);
  return file;
}

// A volume whose only file is the foundation.
inline std::vector<std::byte> volume_with(const std::vector<std::byte>& image) {
  namespace pieces = redoubt::image::testing;
  return pieces::volume({pieces::file(abi::image_names::foundation, abi::FileType::freeform,
                                      pieces::section(abi::SectionType::pe32, image))});
}

class LaunchedMachine {
 public:
  static constexpr std::uint64_t mmram_base = 0x1F00'1000;
  static constexpr std::uint64_t mmram_pages = 1024;
  static constexpr std::uint64_t comm_buffer = 0x1E00'0000;
  static constexpr std::uint64_t comm_pages = 4;

  LaunchedMachine() : LaunchedMachine(volume_with(tiny_image())) {}
  explicit LaunchedMachine(const std::vector<std::byte>& volume)
      : mmram_(PhysicalAddress(mmram_base), mmram_pages), memory_(mmram_.everything()), supervisor_(new Supervisor) {
    arch::fake::machine() = {};
    namespace cpuid = arch::cpuid;
    arch::fake::machine().cpuid[{cpuid::extended_basic, 0}] = {.eax = cpuid::extended_features};
    arch::fake::machine().cpuid[{cpuid::extended_features, 0}] = {.edx = cpuid::extended_edx_nx};
    abi::LaunchRecord& record = this->record();
    record = {.signature = abi::LaunchRecord::expected_signature,
              .version = abi::LaunchRecord::current_version,
              .size = sizeof(abi::LaunchRecord),
              .mmram_base = mmram_base,
              .mmram_size = mmram_pages * page_bytes,
              .used_end = page(200),
              .supervisor_base = page(40),
              .supervisor_size = 20 * page_bytes,
              .volume_base = page(70),
              .volume_size = volume.size(),
              .hob_base = page(120),
              .hob_size = 5000,
              .bootstrap_base = page(130),
              .bootstrap_size = 14 * page_bytes,
              .comm_buffer = comm_buffer,
              .comm_buffer_pages = comm_pages,
              .comm_status = comm_buffer + comm_pages * page_bytes,
              .cpu_count = 2,
              .smbase_stride = abi::smbase_stride,
              .cpus = record_address + sizeof(abi::LaunchRecord),
              .result = 0,
              .options = abi::launch_option::trace,
              .memory_count = 0,
              .memory = {}};
    for (std::uint32_t cpu = 0; cpu < 2; ++cpu) {
      memory_.at<abi::LaunchCpu>(PhysicalAddress(record.cpus))[cpu] = {
          cpu, 0, mmram_base - 0x8000 + std::uint64_t{cpu} * 0x2000};
    }
    std::memcpy(memory_.at(PhysicalAddress(record.volume_base)), volume.data(), volume.size());
  }

  // The launch up to the foundation's first instruction.
  LaunchStep<void> launch() {
    const DirectMap memory = mmram_.identity();
    TRY(accept_record(*supervisor_, *memory.at<abi::LaunchRecord>(PhysicalAddress(record_address))));
    accept_fault_record(*supervisor_, memory);
    supervisor_->features = detect_features();
    const ImageSection sections[] = {{PhysicalAddress(page(40)), 10, false, true},
                                     {PhysicalAddress(page(50)), 10, true, false}};
    const SupervisorImage image = {.sections = sections, .entry_code = {}, .long_mode = {}};
    TRY(build_memory(*supervisor_, image, memory, mmram_.window()));
    supervisor_->comm_buffer.initialize(mailbox_.data(), memory.at(supervisor_->memory.capture()), mailbox_.size(),
                                        &status_);
    TRY(build_cpus(*supervisor_, memory));
    mmram_.turn_on(supervisor_->memory.root(DomainId::foundation));
    TRY(load_foundation(*supervisor_, memory));
    TRY(enter_launch(*supervisor_, cpu()));
    resume(Continuation::resume);
    return {};
  }

  Supervisor& supervisor() { return *supervisor_; }
  Cpu& cpu() { return *supervisor_->cpus[0]; }
  arch::RegisterFrame& frame() { return cpu().frame; }
  abi::LaunchRecord& record() { return at<abi::LaunchRecord>(record_address); }
  DirectMap memory() const { return memory_; }
  const PagedMemory& mmram() const { return mmram_; }
  template <typename T>
  T& at(std::uint64_t address) {
    return *memory_.at<T>(PhysicalAddress(address));
  }
  std::byte* mailbox() { return mailbox_.data(); }
  volatile abi::CommBufferStatus& status() { return status_; }

  // What ring 3 does: INT n, or an exception.
  Continuation trap(std::uint64_t vector) {
    frame().vector = vector;
    return resume(handle_trap(*supervisor_, cpu()));
  }
  Continuation mmi() { return resume(begin_mmi(*supervisor_, cpu())); }
  // As entry/traps.S does on its way into ring 3.
  Continuation resume(Continuation next) {
    if (next == Continuation::resume) frame().vector = arch::in_ring_3;
    return next;
  }
  Continuation call(abi::SystemCall number, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
                    std::uint64_t d = 0) {
    frame().rax = static_cast<std::uint64_t>(number);
    frame().rdi = a;
    frame().rsi = b;
    frame().rdx = c;
    frame().rcx = d;
    return trap(abi::system_call_vector);
  }
  abi::SystemStatus answer() { return static_cast<abi::SystemStatus>(frame().rax); }
  Continuation gate(std::uint32_t number) {
    frame().r10 = number;
    return trap(abi::driver_gate_vector);
  }
  // From now on a fault of the foundation ends the activity, not the machine.
  void start_operating_system() { supervisor_->phase = policy::BootPhase::operating_system; }
  // Another thing that only shows in CR3 and the TSS.
  bool in_driver_space() {
    return arch::fake::machine().cr3 == supervisor_->memory.root(DomainId::drivers).number &&
           cpu().task_state.io_bitmap_offset == io_bitmap_offset;
  }
  bool in_foundation_space() {
    return arch::fake::machine().cr3 == supervisor_->memory.root(DomainId::foundation).number &&
           cpu().task_state.io_bitmap_offset == arch::no_io_bitmap;
  }

  static constexpr std::uint64_t page(std::uint64_t number) { return mmram_base + number * page_bytes; }
  static constexpr std::uint64_t record_address = mmram_base + 30 * page_bytes;

 private:
  PagedMemory mmram_;
  DirectMap memory_;
  std::unique_ptr<Supervisor> supervisor_;
  alignas(8) std::array<std::byte, comm_pages * page_bytes> mailbox_{};
  volatile abi::CommBufferStatus status_{};
};

}  // namespace redoubt::supervisor::testing
