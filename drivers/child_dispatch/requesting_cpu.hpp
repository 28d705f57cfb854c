// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which processor asked for a software MMI (EFI_MM_SW_CONTEXT, PI 1.9, volume 4, 7.2): drivers look for their
// parameters in its registers. Hardware notes the I/O instruction in the save state. QEMU notes none and interrupts
// every processor, and any of them may be the leader; there, the command in a processor's AL and the port in its DX are
// what is left to go by.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/uefi/types.hpp"

namespace redoubt::child_dispatch {

// What can be known of the code that the MMI interrupted on a processor; nothing where policy or hardware keep it.
class InterruptedCode {
 public:
  struct IoWrite {
    std::uint16_t port;
    std::uint8_t value;
  };
  // The I/O write that the processor was at.
  virtual std::optional<IoWrite> io_write(abi::UintN cpu) = 0;
  virtual std::optional<std::uint64_t> rax(abi::UintN cpu) = 0;
  virtual std::optional<std::uint64_t> rdx(abi::UintN cpu) = 0;

 protected:
  ~InterruptedCode() = default;
};

// One of `cpu_count` processors; `running` if there is nothing to tell them apart.
abi::UintN find_requesting_cpu(InterruptedCode& code, abi::UintN cpu_count, abi::UintN running, std::uint16_t port,
                               std::uint8_t command);

}  // namespace redoubt::child_dispatch
