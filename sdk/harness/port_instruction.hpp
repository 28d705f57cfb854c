// SPDX-License-Identifier: BSD-2-Clause-Patent
// IN and OUT as a driver executes them: in MM policy lets some ports through, on the host every one of these
// instructions is a general protection fault, and the harness plays the device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace redoubt::sdk {

struct PortInstruction {
  bool write;
  unsigned width;                    // 1, 2 or 4 bytes
  std::optional<std::uint8_t> port;  // from the instruction; nothing = DX
  std::size_t length;                // bytes of the instruction
};

// The instruction at the start of `code`, if it is one of IN and OUT (Intel SDM, volume 2), not INS or OUTS.
std::optional<PortInstruction> decode_port_instruction(std::span<const std::uint8_t> code);

}  // namespace redoubt::sdk
