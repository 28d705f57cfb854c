// SPDX-License-Identifier: BSD-2-Clause-Patent
// What PEI starts in the DXE core's place: sends messages to a foundation that calls at random, for as many seconds as
// `opt/org.redoubt/seconds` says, each with a seed of its own, counted from `opt/org.redoubt/seed`. Last lines on COM1:
// "done random_calls status=ok messages=N".
#include "platform/q35/chipset.hpp"
#include "tests/guest/random_calls/random_message.hpp"
#include "tests/guest/uefi/instructions.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/raw_mailbox.hpp"

namespace {

using namespace redoubt;
using namespace redoubt::guest;

// The real-time clock's seconds, in whatever code it counts.
std::uint8_t clock_second() {
  constexpr std::uint16_t index_port = 0x70;
  out8(index_port, 0);
  return in8(index_port + 1);
}

// MM may write results into registers: everything is lost then.
void raise_and_lose_registers() {
  asm volatile("xor %%eax, %%eax\n\tout %%al, $0xB2\n\t.rept 8\n\tjmp 9f\n\t9:\n\t.endr"
               :
               :
               : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                 "memory");
}

}  // namespace

extern "C" [[noreturn]] EFIAPI void payload_entry(const void* hob_list) {
  print_line("random_calls start");
  const std::uint64_t seconds = option("seconds", 60);
  RandomMessage message{.seed = option("seed", 1)};
  std::uint64_t messages = 0;
  std::uint64_t unanswered = 0;
  if (const auto mailbox = RawMailbox::find_in(hob_list)) {
    std::uint8_t second = clock_second();
    for (std::uint64_t passed = 0; passed < seconds;) {
      mailbox->put(message);
      unanswered += mailbox->send(raise_and_lose_registers) ? 0 : 1;
      ++messages;
      ++message.seed;
      const std::uint8_t now = clock_second();
      if (now != second) {
        ++passed;
        second = now;
      }
    }
  }
  print_line("done random_calls status=", std::string_view(messages != 0 && unanswered == 0 ? "ok" : "failed"),
             " messages=", Decimal{messages}, " unanswered=", Decimal{unanswered});
  while (true) {
    asm volatile("cli\n\thlt");
  }
}
