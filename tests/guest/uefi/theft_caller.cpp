// SPDX-License-Identifier: BSD-2-Clause-Patent
// Has one MM driver try every service on what another one holds, and two take all memory and fault; asks after each
// step whether the owner still has everything; and last makes the updates of variables that QEMU's command line asks
// for (variable_updates.hpp), which need memory in MM.
//
//   theft NAME ok ... | theft NAME FAILED ...
#include <cstring>

#include "tests/guest/drivers/theft/theft_protocol.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"
#include "tests/guest/uefi/variable_updates.hpp"

namespace redoubt::guest {
namespace {

using theft::Command;
using theft::Message;
using theft::Role;

struct TheftMessage {
  abi::CommunicateHeader header;
  Message theft;
};

class Caller {
 public:
  explicit Caller(const RawMailbox& mailbox) : mailbox_(mailbox) {}

  bool run(const abi::RuntimeServices& services) {
    check("before");
    const Message stolen = ask(Role::thief, Command::steal);
    judge("steal", answered_ && stolen.result == 0 && stolen.count > 1000, stolen.result, stolen.count);
    check("after_theft");
    for (const Role role : {Role::first_hoarder, Role::second_hoarder}) {
      const Message hoarded = ask(role, Command::hoard);
      judge("hoard", answered_ && hoarded.count > 64, hoarded.result, hoarded.count);
    }
    // Nothing is left but what is kept back: the owner gets nothing, and hasn't lost anything either.
    for (const Role role : {Role::first_hoarder, Role::second_hoarder}) {
      ask(role, Command::fault);
      judge("fault", !answered_, 0, 0);
    }
    const bool updated = updates::make_updates(services);
    judge("updates", updated, 0, 0);
    return ok_;
  }

 private:
  Message ask(Role role, Command command, std::uint64_t count = 0) {
    mailbox_.put(TheftMessage{{theft::handler_guid(role), sizeof(Message)}, {command, 0, count}});
    const auto answer = mailbox_.send();
    answered_ = answer.has_value() && answer->status == abi::status::success;
    return mailbox_.get<TheftMessage>().theft;
  }

  void check(std::string_view name) {
    raise_mmi(theft::software_value, 0);
    const Message checked = ask(Role::owner, Command::check, ++checks_);
    judge(name, answered_ && checked.result == 0, checked.result, checks_);
  }

  void judge(std::string_view name, bool well, std::uint64_t result, std::uint64_t count) {
    print_line("theft ", name, well ? " ok" : " FAILED", " result=", Decimal{result}, " count=", Decimal{count});
    ok_ = ok_ && well;
  }

  const RawMailbox& mailbox_;
  std::uint64_t checks_ = 0;
  bool answered_ = false;
  bool ok_ = true;
};

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus theft_caller_entry(redoubt::abi::Handle /*image*/,
                                                             redoubt::abi::SystemTable* system_table) {
  using namespace redoubt::guest;
  const auto mailbox = RawMailbox::find(*system_table);
  if (!mailbox) {
    print_line("no HOB names a communication buffer");
    finish(*system_table, "theft_caller", false);
  }
  finish(*system_table, "theft_caller", Caller(*mailbox).run(*system_table->runtime_services));
}
