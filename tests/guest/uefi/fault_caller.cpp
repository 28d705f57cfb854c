// SPDX-License-Identifier: BSD-2-Clause-Patent
// Has a driver of MM's (tests/guest/drivers/failing) fail, after ReadyToBoot, as often as it is started. From QEMU's
// command line, as opt/org.redoubt/NAME, 0 or 1: `cover` lays a device's ports over 0xCE0 to 0xCFF first, the reset
// register among them; `end_boot` sends the message of ExitBootServices first, as an operating system's loader has it
// sent. With `cover_command` it lays them over the command port instead and ends the boot itself, of which MM doesn't
// hear.
//
//   fault calling     then the driver is called
//   fault answered status=0x...     MM goes on
#include "abi/pi/communicate.hpp"
#include "abi/pi/mm_protocols.hpp"
#include "abi/uefi/system_table.hpp"
#include "tests/guest/drivers/failing/failing_protocol.hpp"
#include "tests/guest/uefi/chipset_windows.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"

namespace redoubt::guest {
namespace {

constexpr std::uint16_t reset_ports = 0xCE0;
constexpr std::uint16_t command_ports = 0xA0;  // 0xB2 among them

// Whether the ports are where they were laid: the device's index keeps what is written.
bool cover(std::uint16_t covered) {
  const std::uint32_t window = chipset::read_config(chipset::memory_controller, chipset::pciexbar);
  if ((window & 1) == 0) return false;
  const std::uint64_t space = window & chipset::pciexbar_mask;
  volatile std::uint32_t& bar = chipset::config_register(space, chipset::ahci, chipset::bar_4);
  volatile std::uint32_t& command = chipset::config_register(space, chipset::ahci, chipset::command_register);
  const std::uint32_t old_command = command & 0xFFFF;
  command = old_command & ~chipset::command_io;
  bar = covered;
  command = old_command | chipset::command_io;
  out32(covered + chipset::ahci_index, 0x14);
  return in32(covered + chipset::ahci_index) == 0x14;
}

std::optional<RawMailbox::Answer> send(const RawMailbox& mailbox, const abi::Guid& guid) {
  mailbox.put(abi::CommunicateHeader{.header_guid = guid, .message_length = 8});
  return mailbox.send();
}

void end_boot(const abi::BootServices& boot_services, abi::Handle image) {
  alignas(8) static std::byte map[0x8000];
  abi::UintN size = sizeof(map);
  abi::UintN key = 0;
  abi::UintN descriptor_size = 0;
  std::uint32_t version = 0;
  if (boot_services.get_memory_map(&size, map, &key, &descriptor_size, &version) != abi::status::success) return;
  boot_services.exit_boot_services(image, key);
}

bool run(const abi::SystemTable& system_table, abi::Handle image) {
  const std::optional<RawMailbox> mailbox = RawMailbox::find(system_table);
  if (!mailbox.has_value()) return false;
  if (option("cover", 0) != 0 && !cover(reset_ports)) return false;
  if (option("cover_command", 0) != 0) {
    if (!cover(command_ports)) return false;
    print_line("fault ending the boot");
    end_boot(*system_table.boot_services, image);
    return false;
  }
  if (option("end_boot", 0) != 0 && !send(*mailbox, abi::exit_boot_services_event_group_guid).has_value()) return false;
  print_line("fault calling");
  const auto answer = send(*mailbox, failing::handler_guid);
  if (!answer.has_value()) return false;
  print_line("fault answered status=", Hexadecimal{answer->status});
  return answer->status != abi::status::success;
}

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus fault_caller_entry(redoubt::abi::Handle image,
                                                             redoubt::abi::SystemTable* system_table) {
  redoubt::guest::finish(*system_table, "fault_caller", redoubt::guest::run(*system_table, image));
}
