// SPDX-License-Identifier: BSD-2-Clause-Patent
// Has drivers touch ports with IN and OUT, and says of each whether the board let it: "port NAME granted" or "port NAME
// refused". The drivers are those of tests/guest/drivers/attack, a copy for each port, since a refusal stops its
// driver.
#include "platform/q35/chipset.hpp"
#include "tests/guest/drivers/attack/attack_protocol.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"

namespace redoubt::guest {
namespace {

namespace q35 = platform::q35;
using attack::Command;

struct PortMessage {
  abi::CommunicateHeader header;
  attack::Message attack;
};

struct Attempt {
  std::string_view name;
  Command command;
  std::uint16_t port;
};
constexpr Attempt attempts[] = {{"debug_console", Command::write_port, q35::debug_console_port},
                                {"serial_console", Command::write_port, q35::serial_console_port},
                                {"timer", Command::read_port, q35::pm_timer_port},
                                {"command", Command::write_port, q35::apm_command_port}};

// Whether each attempt had an outcome at all.
bool try_all(const RawMailbox& mailbox) {
  unsigned copy = 0;
  for (const Attempt& attempt : attempts) {
    mailbox.put(
        PortMessage{{attack::handler_guid(copy++), sizeof(attack::Message)}, {attempt.command, attempt.port, '!', 0}});
    const auto answer = mailbox.send();
    if (!answer || answer->status == abi::status::not_found) {
      print_line("port ", attempt.name, " untried");
      return false;
    }
    print_line("port ", attempt.name, abi::status::is_error(answer->status) ? " refused" : " granted");
  }
  return mailbox.alive();
}

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus grants_caller_entry(redoubt::abi::Handle /*image*/,
                                                              redoubt::abi::SystemTable* system_table) {
  using namespace redoubt::guest;
  const auto mailbox = RawMailbox::find(*system_table);
  finish(*system_table, "grants_caller", mailbox && try_all(*mailbox));
}
