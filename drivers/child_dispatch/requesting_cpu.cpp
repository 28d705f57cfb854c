// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/child_dispatch/requesting_cpu.hpp"

namespace redoubt::child_dispatch {
namespace {

enum Likelihood { none, command, command_and_port, noted };

Likelihood likelihood(InterruptedCode& code, abi::UintN cpu, std::uint16_t port, std::uint8_t value) {
  if (const auto io = code.io_write(cpu)) return io->port == port && io->value == value ? noted : none;
  const auto rax = code.rax(cpu);
  if (!rax || static_cast<std::uint8_t>(*rax) != value) return none;
  const auto rdx = code.rdx(cpu);
  return rdx && static_cast<std::uint16_t>(*rdx) == port ? command_and_port : command;
}

}  // namespace

abi::UintN find_requesting_cpu(InterruptedCode& code, abi::UintN cpu_count, abi::UintN running, std::uint16_t port,
                               std::uint8_t value) {
  if (cpu_count == 1) return running;
  // The running one is looked at first, so that it wins among equals.
  abi::UintN best = running;
  Likelihood found = likelihood(code, running, port, value);
  for (abi::UintN cpu = 0; cpu < cpu_count && found != noted; ++cpu) {
    if (cpu == running) continue;
    if (const Likelihood current = likelihood(code, cpu, port, value); current > found) {
      best = cpu;
      found = current;
    }
  }
  return best;
}

}  // namespace redoubt::child_dispatch
