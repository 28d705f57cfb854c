// SPDX-License-Identifier: BSD-2-Clause-Patent
// A payload that PEI starts where it would start DXE. All it is given is the HOB list, all it knows of MM are the HOBs
// that the specifications name: it finds MMRAM there, looks whether that is closed and locked for good, finds the
// communication buffer, and talks to MM through it, phases of the boot included, which nobody else announces here.
// Prints to COM1; each failed check is a line "payload FAILED what", the last
// two are "done payload status=ok", or "=failed", and "payload end".
#include <cstring>

#include "abi/pi/communication_protocols.hpp"
#include "abi/pi/hob_cursor.hpp"
#include "abi/pi/mm_protocols.hpp"
#include "platform/q35/pci_config.hpp"
#include "tests/guest/uefi/instructions.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"

namespace {

using namespace redoubt;
using namespace redoubt::guest;
namespace q35 = platform::q35;

unsigned failures = 0;

void check(bool good, std::string_view what, std::uint64_t value = 0) {
  if (!good) {
    ++failures;
    print_line("payload FAILED ", what, " ", Hexadecimal{value});
  }
}

// Calls visit(Hob) for each HOB; false when the list doesn't end as it should.
template <typename Visit>
bool walk(const void* list, Visit visit) {
  abi::HobCursor cursor = abi::HobCursor::trusting(list);
  abi::HobHandoff first{};
  std::memcpy(&first, list, sizeof(first));
  if (first.header.type != abi::HobType::handoff || first.header.length != sizeof(first)) {
    return false;
  }
  while (const auto hob = cursor.next()) {
    visit(*hob);
  }
  return cursor.stop() == abi::HobCursor::Stop::end_of_list &&
         reinterpret_cast<std::uint64_t>(list) + cursor.position() <= first.free_memory_bottom;
}

bool reads_as_ones(std::uint64_t base, std::uint64_t size) {
  for (std::uint64_t offset = 0; offset < size; offset += 4096) {
    if (*reinterpret_cast<const volatile std::uint32_t*>(base + offset) != 0xFFFF'FFFF) {
      return false;
    }
  }
  return *reinterpret_cast<const volatile std::uint32_t*>(base + size - 4) == 0xFFFF'FFFF;
}

// Closed MMRAM drops writes as well.
bool drops_writes(std::uint64_t address) {
  auto& word = *reinterpret_cast<volatile std::uint32_t*>(address);
  word = 0x1234'5678;
  return word == 0xFFFF'FFFF;
}

void check_mmram(const std::byte* hob, std::size_t length) {
  abi::MmramDescriptorBlock block{};
  std::memcpy(&block, hob + sizeof(abi::HobGuid), sizeof(block));
  check(block.count != 0 && sizeof(abi::HobGuid) + sizeof(block) + block.count * sizeof(abi::MmramDescriptor) <= length,
        "MMRAM HOB: count", block.count);
  std::uint64_t total = 0;
  std::uint64_t allocated = 0;
  for (std::uint32_t i = 0; i < block.count; ++i) {
    abi::MmramDescriptor region{};
    std::memcpy(&region, hob + sizeof(abi::HobGuid) + sizeof(block) + i * sizeof(region), sizeof(region));
    if (region.physical_size == 0) {
      continue;
    }
    constexpr std::uint64_t wanted = abi::mmram_state::closed | abi::mmram_state::locked;
    check((region.region_state & (wanted | abi::mmram_state::open)) == wanted, "MMRAM HOB: closed and locked",
          region.region_state);
    check(reads_as_ones(region.physical_start, region.physical_size), "MMRAM reads as ones", region.physical_start);
    check(drops_writes(region.physical_start + region.physical_size / 2), "MMRAM drops writes", region.physical_start);
    total += region.physical_size;
    if ((region.region_state & abi::mmram_state::allocated) != 0) {
      allocated += region.physical_size;
    }
  }
  check(allocated != 0 && allocated < total, "MMRAM HOB: a used and a free part", allocated);
  print_line("payload mmram bytes=", Decimal{total}, " used=", Decimal{allocated});
}

// The chipset's locks, read, attacked and read again.
void check_locks() {
  const std::uint8_t control = q35::read_pci_config8(q35::memory_controller, q35::mch_smramc);
  check((control & (q35::mch_smramc_d_lck | q35::mch_smramc_d_open)) == q35::mch_smramc_d_lck,
        "D_LCK set, D_OPEN clear", control);
  q35::write_pci_config8(q35::memory_controller, q35::mch_smramc, q35::mch_smramc_d_open);
  const std::uint8_t after = q35::read_pci_config8(q35::memory_controller, q35::mch_smramc);
  check(after == control, "SMRAMC keeps its value", after);
  const std::uint8_t tseg = q35::read_pci_config8(q35::memory_controller, q35::mch_esmramc);
  check((tseg & q35::mch_esmramc_t_en) != 0, "T_EN set", tseg);
  q35::write_pci_config8(q35::memory_controller, q35::mch_esmramc, 0);
  const std::uint8_t tseg_after = q35::read_pci_config8(q35::memory_controller, q35::mch_esmramc);
  check(tseg_after == tseg, "ESMRAMC keeps its value", tseg_after);
  out32(q35::smi_en_port, 0);
  const std::uint32_t enable = in32(q35::smi_en_port);
  check((enable & q35::smi_en_global) != 0, "GBL_SMI_EN cannot be cleared", enable);
  out32(q35::smi_en_port, enable | q35::smi_en_apm);
}

constexpr abi::Guid nobodys_guid = {0x7061796c, 0x6f61, 0x6420, {0x6e, 0x6f, 0x20, 0x62, 0x6f, 0x64, 0x79, 0x21}};

// A message with one byte of data, as a phase of the boot is announced.
std::uint64_t send(const RawMailbox& mailbox, const abi::Guid& guid) {
  struct {
    abi::CommunicateHeader header;
    std::uint64_t data;
  } message{{guid, 1}, 0};
  mailbox.put(message);
  const auto answer = mailbox.send();
  check(answer.has_value(), "MM answers");
  return answer ? answer->status : ~std::uint64_t{0};
}

void check_messages(const RawMailbox& mailbox) {
  check(mailbox.alive(), "the variable driver answers");
  check(send(mailbox, nobodys_guid) == abi::status::not_found, "unknown GUID");
  check(send(mailbox, abi::end_of_dxe_event_group_guid) == abi::status::success, "EndOfDxe");
  check(send(mailbox, abi::dxe_mm_ready_to_lock_protocol_guid) == abi::status::success, "ReadyToLock");
  check(send(mailbox, abi::ready_to_boot_event_group_guid) == abi::status::success, "ReadyToBoot");
  // A length that leads out of the buffer is MM's to refuse: nothing stands between it and us.
  abi::CommunicateHeader wrong{abi::smm_variable_guid, mailbox.capacity()};
  mailbox.put(wrong);
  const auto answer = mailbox.send();
  check(answer && answer->status == abi::status::bad_buffer_size, "a length out of the buffer");
  check(mailbox.alive(), "the variable driver still answers");
}

}  // namespace

extern "C" [[noreturn]] EFIAPI void payload_entry(const void* hob_list) {
  print_line("payload start");
  unsigned smram = 0;
  unsigned reserve = 0;
  const bool whole = walk(hob_list, [&](const abi::Hob& found) {
    const auto hob = found.type == abi::HobType::guid_extension ? found.read<abi::HobGuid>() : std::nullopt;
    if (hob && (hob->name == abi::smram_memory_hob_guid || hob->name == abi::mmram_memory_reserve_hob_guid)) {
      ++(hob->name == abi::smram_memory_hob_guid ? smram : reserve);
      check_mmram(found.bytes.data(), found.bytes.size());
    }
  });
  check(whole, "the HOB list is whole");
  check(smram == 1 && reserve == 1, "one HOB of each kind for MMRAM", smram);
  check_locks();
  if (const auto mailbox = RawMailbox::find_in(hob_list)) {
    check(mailbox->capacity() != 0, "room in the communication buffer");
    check_messages(*mailbox);
  } else {
    check(false, "a HOB of the communication buffer");
  }
  print_line("done payload status=", std::string_view(failures == 0 ? "ok" : "failed"));
  print_line("payload end");
  while (true) {
    asm volatile("cli\n\thlt");
  }
}
