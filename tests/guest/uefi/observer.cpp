// SPDX-License-Identifier: BSD-2-Clause-Patent
// Asks MM for its log and its profile after ReadyToLock, past the communication driver, as an OS would. Prints
// "observer log status=0x.. bytes=N" and the same for the profile; what is right is for the host to say. "ok" at the
// end means that both messages were answered with the same status, and that nothing came back with an error.
#include "abi/redoubt/observation.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"

namespace {

using namespace redoubt;
using namespace redoubt::guest;

constexpr std::size_t room = 1024;

struct Message {
  abi::CommunicateHeader header{abi::observation_message_guid, room};
  abi::ObservationRequest request{};
  std::byte rest[room - sizeof(abi::ObservationRequest)]{};
};

// The bytes of data that came back and MM's status; data is what MM wrote over the request.
struct Reply {
  std::uint64_t status;
  std::uint64_t bytes;
};

Reply ask(const RawMailbox& mailbox, abi::ObservationCommand command) {
  Message message;
  message.request = {.command = command, .first = 0};
  mailbox.put(message);
  const auto answer = mailbox.send();
  if (!answer) {
    return {~std::uint64_t{0}, 0};
  }
  return {answer->status, answer->size - sizeof(abi::CommunicateHeader)};
}

}  // namespace

extern "C" EFIAPI abi::EfiStatus observer_entry(abi::Handle /*image*/, abi::SystemTable* system_table) {
  const auto mailbox = RawMailbox::find(*system_table);
  if (!mailbox) {
    finish(*system_table, "observer", false);
  }
  const Reply log = ask(*mailbox, abi::ObservationCommand::read_log);
  const Reply profile = ask(*mailbox, abi::ObservationCommand::read_profile);
  print_line("observer log status=", Hexadecimal{log.status}, " bytes=", Decimal{log.bytes});
  print_line("observer profile status=", Hexadecimal{profile.status}, " bytes=", Decimal{profile.bytes});
  const bool refused = abi::status::is_error(log.status);
  finish(*system_table, "observer",
         log.status == profile.status && (!refused || (log.bytes == 0 && profile.bytes == 0)) && mailbox->alive());
}
