// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who runs MM, and where all other CPUs are meanwhile. Nothing here counts SMIs: they coalesce, come late and come
// alone.
//
//                    takes the ownership
//   outside --enter-------------------------> owner --finish--> outside
//      |                                      ^
//      |  somebody else is owner              | ownership free, not held
//      +----------> arrived ------------------+
//                      |  owner's gather()
//                      v
//                    held --owner's finish()--> released --own acknowledgement--> outside
//
// The first CPU in becomes owner. Others arrive and wait. The owner's gather() holds those who have arrived; finish()
// lets them go and waits until each has acknowledged, so that no two rounds can mix. A CPU that arrives too late to be
// held is in no round: it waits in ring 0 and becomes owner next, so that what it came for isn't lost.
//
// Slots of CPUs other than one's own, but for the state, are touched by the owner alone.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace redoubt::supervisor {

// Bounds on gather(): ticks of the owner's clock, and polls in case the clock stands still.
struct RendezvousLimits {
  std::uint64_t arrival_ticks;  // for CPUs that come on their own: SMIs are broadcast, but CPUs differ in speed
  std::uint64_t answer_ticks;   // for CPUs that were called in
  std::uint64_t polls;          // each
};

// A Hardware has: std::uint64_t now(); void relax(); bool call_in(std::uint32_t cpu) - sends an SMI, false if it can't.
template <std::uint32_t CpuLimit>
class Rendezvous {
 public:
  enum class Role : std::uint8_t {
    owner,     // run MM, then finish()
    released,  // somebody else ran MM while this CPU was held: leave
  };

  // Before any CPU enters. `cpus` <= CpuLimit.
  void initialize(std::uint32_t cpus, RendezvousLimits limits) {
    cpus_ = cpus;
    limits_ = limits;
  }

  template <typename Hardware>
  Role enter(std::uint32_t cpu, Hardware& hardware) {
    if (!take(cpu)) {
      Slot& slot = slots_[cpu];
      slot.state.store(State::arrived, std::memory_order_release);
      for (;;) {
        if (slot.state.load(std::memory_order_acquire) == State::released) {
          slot.state.store(State::outside, std::memory_order_release);
          return Role::released;
        }
        // Held and released CPUs keep the ownership taken, so whoever gets it here is neither.
        if (owner_.load(std::memory_order_relaxed) == nobody && take(cpu)) {
          slot.state.store(State::outside, std::memory_order_relaxed);
          break;
        }
        hardware.relax();
      }
    }
    called_ = slots_[cpu].called;
    slots_[cpu].called = false;
    slots_[cpu].absent = false;
    return Role::owner;
  }

  // Whether the owner came because an earlier owner called it in: then its SMI may have been that call and nothing
  // else.
  bool owner_was_called() const { return called_; }

  // Owner only: holds the other CPUs. Waits for those that come on their own, calls in who is missing if `call` is set,
  // and leaves behind who doesn't answer. Such a CPU isn't waited for again until it has shown up.
  template <typename Hardware>
  void gather(std::uint32_t cpu, Hardware& hardware, bool call) {
    std::uint32_t missing = wait(cpu, hardware, limits_.arrival_ticks);
    if (missing == 0 || !call) {
      return;
    }
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      Slot& slot = slots_[other];
      if (awaited(cpu, other)) {
        slot.called = true;
        slot.absent = !hardware.call_in(other);
      }
    }
    missing = wait(cpu, hardware, limits_.answer_ticks);
    if (missing == 0) {
      return;
    }
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      if (awaited(cpu, other)) {
        slots_[other].absent = true;
      }
    }
  }

  // Owner only: the round is over.
  template <typename Hardware>
  void finish(Hardware& hardware) {
    if (held_ != 0) [[unlikely]] {
      for (std::uint32_t other = 0; other < cpus_; ++other) {
        if (slots_[other].held) {
          slots_[other].state.store(State::released, std::memory_order_release);
        }
      }
      for (std::uint32_t other = 0; other < cpus_; ++other) {
        // Held CPUs are in our loop with everything blocked that could delay them. One that has acknowledged may be
        // back already, as arrived.
        while (slots_[other].held && slots_[other].state.load(std::memory_order_acquire) == State::released) {
          hardware.relax();
        }
        slots_[other].held = false;
      }
      held_ = 0;
    }
    owner_.store(nobody, std::memory_order_release);
  }

  // Owner only: CPUs held now.
  std::uint32_t held() const { return held_; }
  bool is_held(std::uint32_t cpu) const { return slots_[cpu].held; }
  bool is_absent(std::uint32_t cpu) const { return slots_[cpu].absent; }

 private:
  enum class State : std::uint32_t { outside, arrived, held, released };
  static constexpr std::uint32_t nobody = 0;

  // A line of its own for each CPU: waiting disturbs nobody.
  struct alignas(64) Slot {
    std::atomic<State> state{State::outside};
    bool held = false;    // by the current owner
    bool called = false;  // an SMI was sent that it may still have to take
    bool absent = false;  // didn't answer; not waited for
  };

  bool take(std::uint32_t cpu) {
    std::uint32_t expected = nobody;
    return owner_.compare_exchange_strong(expected, cpu + 1, std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  bool awaited(std::uint32_t cpu, std::uint32_t other) const {
    return other != cpu && !slots_[other].held && !slots_[other].absent;
  }

  // Holds who has arrived; returns how many are awaited still.
  std::uint32_t hold_arrived(std::uint32_t cpu) {
    std::uint32_t missing = 0;
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      Slot& slot = slots_[other];
      if (other == cpu || slot.held) {
        continue;
      }
      State expected = State::arrived;
      if (slot.state.compare_exchange_strong(expected, State::held, std::memory_order_acq_rel,
                                             std::memory_order_relaxed)) {
        slot.held = true;
        slot.absent = false;
        ++held_;
      } else if (!slot.absent) {
        ++missing;
      }
    }
    return missing;
  }

  template <typename Hardware>
  std::uint32_t wait(std::uint32_t cpu, Hardware& hardware, std::uint64_t ticks) {
    std::uint32_t missing = hold_arrived(cpu);
    if (missing == 0) {
      return 0;
    }
    const std::uint64_t start = hardware.now();
    for (std::uint64_t polls = 0; missing != 0 && polls < limits_.polls && hardware.now() - start < ticks; ++polls) {
      hardware.relax();
      missing = hold_arrived(cpu);
    }
    return missing;
  }

  alignas(64) std::atomic<std::uint32_t> owner_{nobody};
  alignas(64) std::array<Slot, CpuLimit> slots_{};
  RendezvousLimits limits_{};
  std::uint32_t cpus_ = 0;
  std::uint32_t held_ = 0;
  bool called_ = false;
};

}  // namespace redoubt::supervisor
