// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which CPUs' code may have raised the MMI that runs. Found once in an MMI, before a driver changes what it is found
// by: registers of the interrupted code, and the command port.
#pragma once

#include <array>
#include <cstdint>

#include "policy/save_state.hpp"
#include "supervisor/cpu/cpu.hpp"

namespace redoubt::supervisor {

class MmiRaisers {
 public:
  // Of the last MMI.
  void forget() { known_ = false; }
  bool known() const { return known_; }

  void begin() {
    possible_ = {};
    count_ = 0;
    known_ = true;
    certain_ = false;
  }
  // cpu < cpu_limit, each once.
  void add(std::uint32_t cpu, policy::Raiser raiser) {
    if (raiser != policy::Raiser::no) {
      possible_[cpu / 64] |= std::uint64_t{1} << (cpu % 64);
      ++count_;
      certain_ = certain_ || raiser == policy::Raiser::certainly;
    }
  }

  // cpu < cpu_limit. Of one alone that may have raised the MMI it is certain.
  policy::Raiser of(std::uint32_t cpu) const {
    if ((possible_[cpu / 64] >> (cpu % 64) & 1) == 0) {
      return policy::Raiser::no;
    }
    return certain_ || count_ == 1 ? policy::Raiser::certainly : policy::Raiser::perhaps;
  }

 private:
  std::array<std::uint64_t, cpu_limit / 64> possible_{};
  std::uint32_t count_ = 0;
  bool known_ = false;
  bool certain_ = false;
};

}  // namespace redoubt::supervisor
