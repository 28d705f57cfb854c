// SPDX-License-Identifier: BSD-2-Clause-Patent
// Stands in for the supervisor to test an IPL alone: checks everything that abi/redoubt/launch.hpp promises, says what
// it found on the debug console, gives each CPU entry code that is one RSM, and answers `ready`. It shares no code with
// the IPL, so that both would have to be wrong in the same way.
#include <cstring>

#include "abi/pi/communicate.hpp"
#include "abi/pi/hob_cursor.hpp"
#include "abi/redoubt/launch.hpp"
#include "image/firmware_volume.hpp"

namespace {

using namespace redoubt;

void put(char character) { asm volatile("outb %0, %1" : : "a"(character), "Nd"(std::uint16_t{0x402})); }

void put(const char* text) {
  for (; *text != '\0'; ++text) {
    put(*text);
  }
}

bool all_good = true;

void check(bool good, const char* what) {
  if (!good) {
    all_good = false;
    put("launch_probe: broken: ");
    put(what);
    put('\n');
  }
}

std::uint64_t read_cr3() {
  std::uint64_t value = 0;
  asm volatile("mov %%cr3, %0" : "=r"(value));
  return value;
}

std::uint64_t read_efer() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0xC0000080));
  return low | (std::uint64_t{high} << 32);
}

std::uint64_t read_flags() {
  std::uint64_t value = 0;
  asm volatile("pushfq; popq %0" : "=r"(value));
  return value;
}

std::uint32_t apic_id() {
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
  std::uint32_t d = 0;
  asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  return b >> 24;
}

template <typename T>
T* at(std::uint64_t address) {
  return reinterpret_cast<T*>(address);
}

bool inside(const abi::LaunchRecord& record, std::uint64_t base, std::uint64_t size) {
  return size != 0 && base % 4096 == 0 && base >= record.mmram_base && base <= record.used_end &&
         size <= record.used_end - base;
}

void check_hobs(const abi::LaunchRecord& record) {
  bool comm_buffer = false;
  bool smram = false;
  bool reserve = false;
  abi::HobCursor cursor({at<const std::byte>(record.hob_base), record.hob_size});
  while (const auto found = cursor.next()) {
    if (const auto hob = found->type == abi::HobType::guid_extension ? found->read<abi::HobGuid>() : std::nullopt) {
      const std::byte* data = found->bytes.data() + sizeof(*hob);
      if (hob->name == abi::comm_buffer_hob_guid) {
        abi::CommBufferDescription description{};
        std::memcpy(&description, data, sizeof(description));
        comm_buffer = description.physical_start == record.comm_buffer &&
                      description.number_of_pages == record.comm_buffer_pages &&
                      description.status == record.comm_status;
      }
      if (hob->name == abi::smram_memory_hob_guid || hob->name == abi::mmram_memory_reserve_hob_guid) {
        abi::MmramDescriptorBlock block{};
        std::memcpy(&block, data, sizeof(block));
        bool used_found = false;
        bool free_found = false;
        for (std::uint32_t i = 0; i < block.count; ++i) {
          abi::MmramDescriptor descriptor{};
          std::memcpy(&descriptor, data + sizeof(block) + i * sizeof(descriptor), sizeof(descriptor));
          const bool allocated = (descriptor.region_state & abi::mmram_state::allocated) != 0;
          check((descriptor.region_state & abi::mmram_state::locked) != 0, "MMRAM HOB: locked");
          check((descriptor.region_state & abi::mmram_state::open) == 0, "MMRAM HOB: closed");
          used_found = used_found || (allocated && descriptor.physical_start == record.mmram_base &&
                                      descriptor.physical_size == record.used_end - record.mmram_base);
          free_found =
              free_found || (!allocated && descriptor.physical_start == record.used_end &&
                             descriptor.physical_size == record.mmram_base + record.mmram_size - record.used_end);
        }
        check(used_found && free_found, "MMRAM HOB: used and free part");
        (hob->name == abi::smram_memory_hob_guid ? smram : reserve) = true;
      }
    }
  }
  check(cursor.stop() == abi::HobCursor::Stop::end_of_list && cursor.position() == record.hob_size,
        "HOB list ends where its size says");
  check(comm_buffer && smram && reserve, "HOBs of comm buffer and MMRAM");
}

// RAM in order, without MMRAM, and with the buffer that PEI allocated in it.
void check_memory(const abi::LaunchRecord& record) {
  bool sound = record.memory_count != 0 && record.memory_count <= abi::LaunchRecord::memory_limit;
  bool buffer = false;
  std::uint64_t end = 0;
  for (std::uint32_t i = 0; sound && i < record.memory_count; ++i) {
    const abi::LaunchMemory& range = record.memory[i];
    sound = range.size != 0 && range.base % 4096 == 0 && range.size % 4096 == 0 && (i == 0 || range.base > end) &&
            (range.base + range.size <= record.mmram_base || range.base >= record.mmram_base + record.mmram_size);
    end = range.base + range.size;
    buffer = buffer || (record.comm_buffer >= range.base && record.comm_buffer < end);
  }
  check(sound && buffer, "RAM");
}

void check_record(const abi::LaunchRecord& record) {
  check(
      record.signature == abi::LaunchRecord::expected_signature && record.version == 3 && record.size == sizeof(record),
      "signature, version, size");
  check_memory(record);
  check(record.mmram_base % 4096 == 0 && record.mmram_size % 4096 == 0, "MMRAM in pages");
  check(record.used_end > record.mmram_base && record.used_end <= record.mmram_base + record.mmram_size, "used_end");
  check(inside(record, record.supervisor_base, record.supervisor_size), "supervisor range");
  check(inside(record, record.volume_base, record.volume_size), "volume range");
  check(inside(record, record.hob_base, record.hob_size), "HOB range");
  check(inside(record, record.bootstrap_base, record.bootstrap_size), "bootstrap range");
  check(record.comm_buffer % 4096 == 0 && record.comm_buffer_pages == 64, "comm buffer");
  check(record.comm_status == record.comm_buffer + 0x40000, "status page");
  check(record.result == 0, "result");
}

void check_cpus(const abi::LaunchRecord& record) {
  check(record.cpu_count != 0 && record.smbase_stride == 0x2000, "CPU count and stride");
  const auto* cpus = at<const abi::LaunchCpu>(record.cpus);
  for (std::uint32_t i = 0; i < record.cpu_count; ++i) {
    check(cpus[i].smbase == record.mmram_base - 0x8000 + i * std::uint64_t{0x2000}, "SMBASE");
    for (std::uint32_t j = 0; j < i; ++j) {
      check(cpus[i].apic_id != cpus[j].apic_id, "APIC ids differ");
    }
    // What the CPU itself says: SMBASE in its save state area, last written by its arrival or by this MMI.
    check(*at<const std::uint32_t>(cpus[i].smbase + 0xFF00) == cpus[i].smbase, "SMBASE in save state");
  }
  check(cpus[0].apic_id == apic_id(), "CPU 0 is the boot processor");
}

void check_state(const abi::LaunchRecord& record, const void* frame) {
  check(read_cr3() >= record.bootstrap_base && read_cr3() < record.bootstrap_base + record.bootstrap_size, "CR3");
  check((read_efer() & 0xD00) == 0x500, "EFER: long mode active, NX off");
  check((read_flags() & 0x600) == 0, "interrupts off, direction up");
  const auto stack = reinterpret_cast<std::uint64_t>(frame);
  check(stack % 16 == 0, "stack alignment");
  check(stack > record.bootstrap_base + 16384 && stack < record.bootstrap_base + record.bootstrap_size, "stack range");
  // All of the first 4 GiB is mapped to itself: the top is flash, the rest RAM.
  check(*at<const volatile std::uint8_t>(0xFFFFFFF0) != 0, "top of 4 GiB");
  check(reinterpret_cast<std::uint64_t>(&check_state) >= record.supervisor_base &&
            reinterpret_cast<std::uint64_t>(&check_state) < record.supervisor_base + record.supervisor_size,
        "relocated and running in its place");
}

void check_volume(const abi::LaunchRecord& record) {
  const auto view = image::FirmwareVolumeView::create(
      Bytes(at<const std::byte>(record.volume_base), static_cast<std::size_t>(record.volume_size)));
  check(view && view->bytes().size() == record.volume_size, "volume");
  check(view && view->find_file(abi::FileType::mm_core_standalone).has_value(), "core in volume");
}

// Relocated by the IPL if it is worth its name.
const char* const relocated[] = {"launch_probe: the IPL kept its contract\n",
                                 "launch_probe: the IPL broke its contract\n"};

}  // namespace

extern "C" [[noreturn]] void launch_probe_entry(abi::LaunchRecord* record) {
  check_record(*record);
  check_cpus(*record);
  check_hobs(*record);
  check_volume(*record);
  check_state(*record, __builtin_frame_address(0));
  for (std::uint32_t i = 0; i < record->cpu_count; ++i) {
    auto* entry = at<std::uint8_t>(record->mmram_base + i * std::uint64_t{0x2000});
    entry[0] = 0x0F;
    entry[1] = 0xAA;
  }
  put(relocated[all_good ? 0 : 1]);
  record->result = static_cast<std::uint64_t>(all_good ? abi::LaunchResult::ready : abi::LaunchResult::failed);
  while (true) {
    asm volatile("rsm" : : : "memory");
  }
}
