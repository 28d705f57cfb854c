// SPDX-License-Identifier: BSD-2-Clause-Patent
// Opcodes: Intel SDM, volume 2, IN and OUT.
#include "sdk/harness/port_instruction.hpp"

namespace redoubt::sdk {

std::optional<PortInstruction> decode_port_instruction(std::span<const std::uint8_t> code) {
  constexpr std::uint8_t operand_size_prefix = 0x66;
  constexpr std::size_t longest_prefix = 14;  // an instruction has 15 bytes at most
  unsigned wide = 4;
  std::size_t position = 0;
  while (position < code.size() && position < longest_prefix) {
    const std::uint8_t byte = code[position];
    if (byte == operand_size_prefix) {
      wide = 2;
    } else if ((byte & 0xF0) != 0x40) {  // REX changes nothing here
      break;
    }
    ++position;
  }
  if (position == code.size()) return std::nullopt;
  const std::uint8_t opcode = code[position];
  // E4 IN AL,ib  E5 IN eAX,ib  E6 OUT ib,AL  E7 OUT ib,eAX  EC IN AL,DX  ED IN eAX,DX  EE OUT DX,AL  EF OUT DX,eAX
  if ((opcode & 0xF4) != 0xE4) return std::nullopt;
  PortInstruction instruction{
      .write = (opcode & 2) != 0, .width = (opcode & 1) != 0 ? wide : 1, .port = {}, .length = position + 1};
  if ((opcode & 8) == 0) {
    if (position + 1 == code.size()) return std::nullopt;
    instruction.port = code[position + 1];
    ++instruction.length;
  }
  return instruction;
}

}  // namespace redoubt::sdk
