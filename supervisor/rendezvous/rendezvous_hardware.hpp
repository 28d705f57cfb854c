// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the rendezvous needs of the machine it runs on (rendezvous.hpp says what each is asked for).
#pragma once

#include <cstdint>

#include "supervisor/supervisor.hpp"

namespace redoubt::supervisor {

// What a CPU that waits asks of the world (rendezvous/rendezvous.hpp).
class RendezvousHardware {
 public:
  explicit RendezvousHardware(Supervisor& supervisor) : supervisor_(supervisor) {}
  std::uint64_t now();
  void relax();
  void rest();
  bool call_in(std::uint32_t cpu);
  bool call_others(std::uint32_t cpu);
  void call_all();
  [[noreturn]] void give_up_leader();
  bool assigned(std::uint32_t cpu);
  // The CPU was reset, or its procedure has left MM.
  void forget(std::uint32_t cpu);

 private:
  Supervisor& supervisor_;
};

}  // namespace redoubt::supervisor
