// SPDX-License-Identifier: BSD-2-Clause-Patent
// The IPL: a PEIM that puts the supervisor and the MM volume into MMRAM, gives every CPU an SMBASE there, runs the
// first MMI and locks MMRAM before any DXE code exists. It decides nothing about MM beyond abi/redoubt/launch.hpp and
// leaves no code behind in MMRAM.
//
// When a step fails there is one line on the log and one on the serial console, MMRAM is closed and locked, SMIs are
// off, and the machine stops: a boot without variable services would go on and fail much later in an obscure place, and
// MMRAM that is left open would be a way into the next boot. On S3 resume, which is not supported, MMRAM is locked
// first and the machine starts afresh. So it does where MMRAM is locked before anything was done: the boot processor
// was reset alone (INIT), and the CPU that leads in MM, or was cut off there, is of the boot before.
#include <cstring>

#include "abi/redoubt/launch.hpp"
#include "arch/processor.hpp"
#include "base/checked.hpp"
#include "image/executable.hpp"
#include "launch/pei/communicate_ppi.hpp"
#include "launch/pei/end_of_pei.hpp"
#include "launch/pei/first_mmi.hpp"
#include "launch/pei/hand_off.hpp"
#include "launch/pei/launch_options.hpp"
#include "launch/pei/log_client.hpp"
#include "launch/pei/mailbox.hpp"
#include "launch/pei/mm_volume.hpp"
#include "launch/pei/mmram_layout.hpp"
#include "launch/pei/mmram_regions.hpp"
#include "launch/pei/processors.hpp"
#include "launch/pei/relocate.hpp"
#include "launch/pei/report_line.hpp"
#include "launch/pei/serial_port.hpp"
#include "launch/pei/system_memory.hpp"
#include "launch/pei/variable_ppi.hpp"
#include "platform/launch_control.hpp"

namespace redoubt::launch {
namespace {

std::byte* at(std::uint64_t address) { return reinterpret_cast<std::byte*>(static_cast<std::uintptr_t>(address)); }

MutableBytes memory(std::uint64_t address, std::uint64_t size) { return {at(address), static_cast<std::size_t>(size)}; }

// MMRAM as the MM access PPI describes it, and the region that is Redoubt's.
struct Mmram {
  abi::MmAccessPpi* access;
  abi::MmramDescriptor descriptors[maximum_mmram_regions];
  std::size_t count;
  std::size_t chosen;

  std::span<const abi::MmramDescriptor> regions() const { return {descriptors, count}; }
  const abi::MmramDescriptor& region() const { return descriptors[chosen]; }
};

Step<Mmram> find_mmram(abi::PeiServicesPointer services) {
  void* interface = nullptr;
  if (abi::status::is_error((*services)->locate_ppi(services, &abi::MmAccessPpi::guid, 0, nullptr, &interface))) {
    return because("no MM access PPI");
  }
  Mmram mmram{};
  mmram.access = static_cast<abi::MmAccessPpi*>(interface);
  abi::UintN size = sizeof(mmram.descriptors);
  if (abi::status::is_error(mmram.access->get_capabilities(services, mmram.access, &size, mmram.descriptors)) ||
      size > sizeof(mmram.descriptors) || size % sizeof(abi::MmramDescriptor) != 0) {
    return because("the MM access PPI does not describe MMRAM");
  }
  mmram.count = size / sizeof(abi::MmramDescriptor);
  const auto chosen = choose_region(mmram.regions());
  if (!chosen) {
    return because("the MM access PPI describes no MMRAM that can be used");
  }
  mmram.chosen = *chosen;
  return mmram;
}

Step<void> open_mmram(abi::PeiServicesPointer services, const Mmram& mmram) {
  if (abi::status::is_error(mmram.access->open(services, mmram.access, mmram.chosen))) {
    return because("MMRAM cannot be opened");
  }
  // Closed MMRAM reads as ones and drops writes.
  for (const std::uint64_t address :
       {mmram.region().physical_start, mmram.region().physical_start + mmram.region().physical_size - 4}) {
    auto& word = *reinterpret_cast<volatile std::uint32_t*>(at(address));
    const std::uint32_t kept = word;  // the last boot may have left it (abi::kept_bytes)
    for (const std::uint32_t pattern : {0x5A5A'A5A5U, 0xA5A5'5A5AU}) {
      word = pattern;
      if (word != pattern) {
        return because("MMRAM is open but holds nothing");
      }
    }
    word = kept;
  }
  return {};
}

struct Payload {
  Bytes volume;
  image::ExecutableView supervisor;
};

Step<Payload> find_payload(abi::PeiServicesPointer services) {
  const Bytes volume = TRY(find_mm_volume(services));
  const auto supervisor = image::ExecutableView::create(TRY(find_supervisor(volume)));
  if (!supervisor) {
    return because("the supervisor is a damaged PE image");
  }
  constexpr std::uint16_t machine_x64 = 0x8664;
  if (supervisor->format() != image::ExecutableFormat::pe32_plus || supervisor->machine() != machine_x64 ||
      !supervisor->page_protectable() || supervisor->entry_point() == 0) {
    return because("the supervisor is not a 4 KiB aligned PE32+ image for x86-64 with an entry point");
  }
  return Payload{.volume = volume, .supervisor = *supervisor};
}

// What the machine's starter asks to see of MM. Words that we don't know are a mistake to tell, none to stop for.
std::uint32_t read_launch_options() {
  char words[launch_options_limit];
  const auto size = platform::read_launch_words(launch_options_file, std::as_writable_bytes(std::span(words)));
  if (!size) {
    return 0;
  }
  const bool fits = *size <= sizeof(words);
  const std::string_view text(words, fits ? *size : 0);
  const auto options = parse_launch_options(text);
  const bool accepted = fits && options.has_value();
  ReportLine("ipl.options")
      .hexadecimal("options", accepted ? *options : 0)
      .quoted("words", accepted ? "taken" : "ignored");
  return accepted ? *options : 0;
}

// Fills MMRAM as abi/redoubt/launch.hpp says. It was opened before.
Step<void> fill_mmram(const MmramLayout& layout, const Payload& payload, Bytes hobs,
                      std::span<const abi::MmramDescriptor> mmram, const Processors& processors,
                      const abi::CommBufferDescription& comm_buffer) {
  const MutableBytes used = memory(layout.mmram_base, layout.used_end - layout.mmram_base);
  std::memset(used.data(), 0, used.size());
  if (!payload.supervisor.load_into(memory(layout.supervisor, layout.supervisor_size), layout.supervisor)) {
    return because("the supervisor cannot be loaded");
  }
  std::memcpy(at(layout.volume), payload.volume.data(), payload.volume.size());
  std::memcpy(at(layout.hobs), hobs.data(), hobs.size());
  for (std::uint32_t i = 0; i < processors.count(); ++i) {
    const abi::LaunchCpu cpu{.apic_id = TRY(processors.apic_id(i)), .reserved = 0, .smbase = layout.smbase(i)};
    std::memcpy(at(layout.cpus + std::uint64_t{i} * sizeof(cpu)), &cpu, sizeof(cpu));
  }
  abi::LaunchRecord record{.signature = abi::LaunchRecord::expected_signature,
                           .version = abi::LaunchRecord::current_version,
                           .size = sizeof(abi::LaunchRecord),
                           .mmram_base = layout.mmram_base,
                           .mmram_size = layout.mmram_size,
                           .used_end = layout.used_end,
                           .supervisor_base = layout.supervisor,
                           .supervisor_size = layout.supervisor_size,
                           .volume_base = layout.volume,
                           .volume_size = payload.volume.size(),
                           .hob_base = layout.hobs,
                           .hob_size = hobs.size(),
                           .bootstrap_base = layout.bootstrap,
                           .bootstrap_size = layout.bootstrap_size,
                           .comm_buffer = comm_buffer.physical_start,
                           .comm_buffer_pages = comm_buffer.number_of_pages,
                           .comm_status = comm_buffer.status,
                           .cpu_count = processors.count(),
                           .smbase_stride = abi::smbase_stride,
                           .cpus = layout.cpus,
                           .result = 0,
                           .options = read_launch_options(),
                           .memory_count = 0,
                           .memory = {}};
  record.memory_count = collect_system_memory(hobs, mmram, record.memory);
  std::memcpy(at(layout.record), &record, sizeof(record));
  return {};
}

Step<void> broadcast_smis(const Processors& processors) {
  const auto negotiated = platform::broadcast_smis();
  if (negotiated) {
    return {};
  }
  switch (negotiated.error()) {
    case Error::unsupported:
      if (processors.count() == 1) {
        return {};
      }
      return because("this QEMU cannot send an SMI to all processors");
    case Error::malformed: return because("QEMU describes its SMI features in an unknown way");
    default: return because("QEMU refuses to send SMIs to all processors");
  }
}

Step<void> close_and_lock(abi::PeiServicesPointer services, const Mmram& mmram) {
  for (std::size_t i = 0; i < mmram.count; ++i) {
    if (abi::status::is_error(mmram.access->close(services, mmram.access, i)) ||
        abi::status::is_error(mmram.access->lock(services, mmram.access, i))) {
      return because("MMRAM cannot be closed and locked");
    }
  }
  return {};
}

bool reads_as_ones(std::uint64_t base, std::uint64_t size) {
  for (std::uint64_t offset = 0; offset < size; offset += page_bytes) {
    if (*reinterpret_cast<const volatile std::uint32_t*>(at(base + offset)) != 0xFFFF'FFFF) {
      return false;
    }
  }
  return true;
}

// Believes the chipset, not the PPI.
Step<void> verify_locked(const Mmram& mmram) {
  const platform::MmramLock lock = platform::read_mmram_lock();
  if (!lock.closed_and_locked()) {
    return because("the chipset does not show MMRAM closed and locked");
  }
  for (const abi::MmramDescriptor& region : mmram.regions()) {
    if (!reads_as_ones(region.physical_start, region.physical_size)) {
      return because("locked MMRAM can be read");
    }
  }
  if (!platform::lock_smi_enable()) {
    return because("SMI_LOCK does not stick");
  }
  ReportLine("ipl.locked")
      .hexadecimal("smramc", lock.smramc)
      .hexadecimal("esmramc", lock.esmramc)
      .hexadecimal("smi_en", platform::smi_enable_register());
  return {};
}

// Nothing waits for a console while MMRAM is open: this comes after the lock.
void show_mm_errors() {
  MachinePorts ports;
  SerialPort console(ports);
  const ShownErrors errors = show_errors(mailbox(), console);
  ReportLine line("ipl.errors");
  line.decimal("shown", errors.count);
  if (errors.failure != nullptr) {
    line.quoted("reason", errors.failure);
  }
}

Step<void> launch(abi::PeiServicesPointer services, abi::BootMode boot_mode) {
  const Mmram mmram = TRY(find_mmram(services));
  const Processors processors = TRY(Processors::find(services));
  ReportLine("ipl.start")
      .decimal("boot_mode", boot_mode)
      .decimal("cpus", processors.count())
      .hexadecimal("mmram", mmram.region().physical_start)
      .decimal("mmram_size", static_cast<std::uint32_t>(mmram.region().physical_size));
  const Payload payload = TRY(find_payload(services));

  // All HOBs come first, so that MM gets them too.
  const abi::CommBufferDescription comm_buffer = TRY(create_comm_buffer(services));
  const std::span<abi::MmramDescriptor> smram_hob =
      TRY(create_mmram_hob(services, abi::smram_memory_hob_guid, mmram.count + 1));
  const std::span<abi::MmramDescriptor> reserve_hob =
      TRY(create_mmram_hob(services, abi::mmram_memory_reserve_hob_guid, mmram.count + 1));
  const Bytes hobs = TRY(hob_list(services));
  const auto layout = lay_out({.mmram_base = mmram.region().physical_start,
                               .mmram_size = mmram.region().physical_size,
                               .cpu_count = processors.count(),
                               .supervisor_size = payload.supervisor.image_size(),
                               .volume_size = payload.volume.size(),
                               .hob_size = hobs.size()});
  if (!layout) {
    return because(layout.error() == Error::out_of_memory ? "MMRAM is too small" : "MMRAM is not where it can be used");
  }
  const std::uint64_t used = layout->used_end - layout->mmram_base;
  if (!describe_regions(mmram.regions(), mmram.chosen, used, smram_hob) ||
      !describe_regions(mmram.regions(), mmram.chosen, used, reserve_hob)) {
    return because("MMRAM is too small");
  }

  TRY(open_mmram(services, mmram));
  TRY(fill_mmram(*layout, payload, hobs, mmram.regions(), processors, comm_buffer));
  if (!platform::enable_smi()) {
    return because("SMIs cannot be enabled");
  }
  TRY(relocate_smbases(processors, *layout));
  TRY(run_first_mmi(*layout, layout->supervisor + payload.supervisor.entry_point()));
  TRY(broadcast_smis(processors));
  TRY(close_and_lock(services, mmram));
  TRY(verify_locked(mmram));
  TRY(install_communication(services, comm_buffer));
  show_mm_errors();
  TRY(install_variable_services(services));
  return watch_end_of_pei(services);
}

// The machine starts afresh; the board's console hears why.
[[noreturn]] void start_afresh(const char* reason) {
  const platform::MmramLock lock = platform::read_mmram_lock();
  ReportLine("ipl.reset")
      .quoted("reason", reason)
      .hexadecimal("smramc", lock.smramc)
      .hexadecimal("esmramc", lock.esmramc);
  MachinePorts ports;
  SerialPort console(ports);
  for (const std::string_view part :
       {std::string_view("Redoubt: reset: "), std::string_view(reason), std::string_view("\r\n")})
    console.write(part);
  platform::reset();
}

[[noreturn]] void fail(Reason reason) {
  ReportLine("ipl.failed").quoted("reason", reason.text);
  platform::disable_smi();
  platform::close_and_lock_mmram();
  MachinePorts ports;
  SerialPort console(ports);
  console.write("\r\nRedoubt: MM could not be launched: ");
  console.write(reason.text);
  console.write("\r\n");
  arch::halt();
}

}  // namespace
}  // namespace redoubt::launch

extern "C" redoubt::abi::EfiStatus EFIAPI ipl_entry(redoubt::abi::FileHandle,
                                                    redoubt::abi::PeiServicesPointer services) {
  using namespace redoubt;
  platform::start_log();
  abi::BootMode boot_mode = 0;
  if (abi::status::is_error((*services)->get_boot_mode(services, &boot_mode))) {
    launch::fail({"no boot mode"});
  }
  if (boot_mode == abi::boot_on_s3_resume) {
    platform::close_and_lock_mmram();
    launch::start_afresh("S3 resume is not supported");
  }
  if (platform::read_mmram_lock().locked()) {
    launch::start_afresh("MMRAM is locked before the launch");
  }
  if (const auto launched = launch::launch(services, boot_mode); !launched) {
    launch::fail(launched.error());
  }
  return abi::status::success;
}
