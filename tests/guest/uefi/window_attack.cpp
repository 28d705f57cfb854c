// SPDX-License-Identifier: BSD-2-Clause-Patent
// The owner of the machine lays windows of the chipset over the flash that holds the variables, for SMM's accesses too
// (chipset_windows.hpp), and has the variable driver work meanwhile. What he puts there must not count: each answer is
// that of the stored variables or EFI_DEVICE_ERROR, and afterwards there is what was there, plus the acknowledged
// writes.
//
//   control   nothing at all: every write is acknowledged, and everything holds
//   rcba      a copy of the flash, changed: other certificates, data, names, states, sizes; or one byte all over
//   reclaim   the same without signed updates, but with so many writes in each round that a reclaim has to come, which
//             could copy what the window has
//   pciexbar  PCI configuration space over all of the flash
//   flips     the second CPU lays RCBA over the flash and takes it away again without end. It has another local APIC ID
//             than MM knows, and the first CPU raises its MMIs by an IPI, so that nobody calls the second one in. There
//             are fewer calls in a round, since each has to wait for that CPU.
//   ports     a device's ports over PCI configuration (0xCF8), the MMI's port (0xB2), the debug console (0x402) or the
//             ACPI timer (0x608); every second time RCBA besides
//
// From QEMU's command line, as opt/org.redoubt/NAME: how many rounds of each (`control`, `rcba`, `reclaim`, `pciexbar`,
// `flips`, `ports`; none by default), `seed`, `hold` (the first window stays until somebody outside has looked, see
// below), and files: `certificates`, what to exchange for what (eight hexadecimal digits of length, stored bytes, the
// forger's bytes); `forged` and `honest`, updates as in variable_updates.hpp, the honest ones for db and in the order
// of their time.
//
//   window hold place=0x... flag=0x...      until the 32 bits at `flag` aren't 0
//   window part=NAME rounds=N NAME=N...     what was done, and that the window was there; `late` are writes that came
//   to
//                                           pass when MMIs came again
//   window flips in_writes=N writes=N with_flips=N lost_ipis=N     how often the second CPU moved the window between
//   the
//                                           call for a write and its answer, in how many writes it did, and how many
//                                           IPIs for MMIs were lost on their way and sent again
//   window amiss part=NAME kind=KIND round=N name=VARIABLE status=0x...
//   window kind=KIND part=NAME count=N first=N
//   window failed what="..."                the attack couldn't be made
//   variable GUID NAME attributes=0x... size=N digest=0x...     what there is in the end, of non-volatile ones
//
// Kinds: read (GetVariable or GetNextVariableName gave what isn't stored), forged (a forged update was taken), lost (an
// acknowledged write isn't there), unasked (a refused one is), kept (something else changed: what the window had, or
// nothing), status (an answer that is neither, or none), unavailable (no service once the window was gone).
#include "tests/guest/uefi/window_attack/attack.hpp"

extern "C" EFIAPI redoubt::abi::EfiStatus window_attack_entry(redoubt::abi::Handle image_handle,
                                                              redoubt::abi::SystemTable* system_table);

extern "C" EFIAPI redoubt::abi::EfiStatus window_attack_entry(redoubt::abi::Handle /*image_handle*/,
                                                              redoubt::abi::SystemTable* system_table) {
  using namespace redoubt::guest;
  const auto mailbox = RawMailbox::find(*system_table);
  Attack attack(*system_table, mailbox ? &*mailbox : nullptr);
  finish(*system_table, "window_attack", attack.run());
}
