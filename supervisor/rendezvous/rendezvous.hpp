// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who runs MM, and where all other CPUs are meanwhile. Nothing here counts SMIs: they coalesce, come late and come
// alone.
//
//                    takes the ownership
//   outside --enter-------------------------> owner --finish--> outside
//      |                                      ^
//      |  somebody else is owner              | ownership free, not held in a round that lasts
//      +----------> arrived ------------------+
//                      |  owner's gather()
//                      v
//                    held --the owner's round is over--> outside
//
// The first CPU in becomes owner. Others arrive and wait. The owner's gather() holds those who have arrived; finish()
// lets all of them go with one store, which is also what gives the ownership up: from then on the owner has nothing
// left to do here, so that whoever was let go may do to it what it likes. An INIT is the case: processors hold it back
// while they are in MM, QEMU's emulation (7.2) doesn't, and a late owner can be reset in the middle of its round. It
// finds itself still owner when it enters again (was_reset), and then ends that round first. A held CPU that was reset
// isn't held any more when it enters again. A CPU that arrives too late to be held is in no round: it waits in ring 0
// and becomes owner next, so that what it came for isn't lost.
//
// Meanwhile the owner may give a held CPU something to do: it leaves its wait (assigned) and comes back to it (wait)
// when it is done. The owner must not end the round before that.
//
// An owner that has left MM without finish() (a driver can execute RSM) doesn't know that everybody waits for it. Who
// waits for long calls it in. One that is still at work just has an MMI more afterwards.
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
  std::uint64_t owner_ticks;    // after which who waits calls the owner in
};

// A Hardware has: std::uint64_t now(); void relax(); bool call_in(std::uint32_t cpu) - sends an SMI, false if it can't;
// bool assigned(std::uint32_t cpu) - whether there is something to do for the held CPU that calls; void
// forget(std::uint32_t cpu) - the CPU that calls was reset while it was held.
template <std::uint32_t CpuLimit>
class Rendezvous {
 public:
  enum class Role : std::uint8_t {
    owner,     // run MM, then finish()
    released,  // somebody else ran MM while this CPU was held: leave
    assigned,  // do what the owner wants, then wait()
  };

  // Before any CPU enters. `cpus` <= CpuLimit.
  void initialize(std::uint32_t cpus, RendezvousLimits limits) {
    cpus_ = cpus;
    limits_ = limits;
  }

  template <typename Hardware>
  Role enter(std::uint32_t cpu, Hardware& hardware) {
    return enter_first(cpu) ? Role::owner : enter_later(cpu, hardware);
  }

  // The two halves of enter(): whether the CPU is owner at once, and what to do if not.
  [[gnu::always_inline]] bool enter_first(std::uint32_t cpu) {
    if (!take(cpu)) [[unlikely]] {
      return false;
    }
    become_owner(cpu);
    return true;
  }
  template <typename Hardware>
  Role enter_later(std::uint32_t cpu, Hardware& hardware) {
    Slot& slot = slots_[cpu];
    if (slot.state.load(std::memory_order_relaxed) == State::held) [[unlikely]] {
      hardware.forget(cpu);
    }
    slot.state.store(State::arrived, std::memory_order_release);
    const Role role = wait(cpu, hardware);
    if (role == Role::owner) {
      become_owner(cpu);
    }
    return role;
  }

  // In MM, not the owner: until the CPU is. A CPU that is held never becomes owner.
  template <typename Hardware>
  Role wait(std::uint32_t cpu, Hardware& hardware) {
    Slot& slot = slots_[cpu];
    OwnerWatch watch{turn_.load(std::memory_order_relaxed), hardware.now()};
    for (std::uint32_t polls = 1;; ++polls, hardware.relax()) {
      if (polls % polls_per_look == 0) {
        look_after_owner(cpu, hardware, watch);
      }
      if (slot.state.load(std::memory_order_acquire) == State::held) {
        if (round_of(turn_.load(std::memory_order_acquire)) != slot.round) {
          slot.state.store(State::outside, std::memory_order_release);
          return Role::released;
        }
        if (hardware.assigned(cpu)) {
          return Role::assigned;
        }
      } else if (take(cpu)) {
        slot.state.store(State::outside, std::memory_order_relaxed);
        return Role::owner;
      }
    }
  }

  // Of the round that is on, for CPUs that are held in it.
  std::uint32_t round() const { return round_of(turn_.load(std::memory_order_relaxed)); }

  // On entry, before enter(): whether `cpu` was reset as owner. Then it still is: finish() ends what it was at.
  bool was_reset(std::uint32_t cpu) const { return owner_of(turn_.load(std::memory_order_acquire)) == cpu + 1; }

  // Whether the owner came because an earlier owner called it in: then its SMI may have been that call and nothing
  // else.
  bool owner_was_called() const { return called_; }

  // Owner only: holds the other CPUs. Waits for those that come on their own, calls in who is missing if `call` is set,
  // and leaves behind who doesn't answer. Such a CPU isn't waited for again until it has shown up.
  template <typename Hardware>
  [[gnu::always_inline]] void gather(std::uint32_t cpu, Hardware& hardware, bool call) {
    if (cpus_ != 1) {
      gather_others(cpu, hardware, call);
    }
  }

  // Owner only: the round is over.
  [[gnu::always_inline]] void finish() {
    if (held_ != 0) [[unlikely]] {
      forget_held();
    }
    const std::uint32_t round = round_of(turn_.load(std::memory_order_relaxed));
    turn_.store(turn(round + 1, nobody), std::memory_order_release);
  }

  // Owner only: CPUs held now.
  std::uint32_t held() const { return held_; }
  bool is_held(std::uint32_t cpu) const {
    return slots_[cpu].held && slots_[cpu].state.load(std::memory_order_acquire) == State::held;
  }
  // Owner only: an SMI was sent to `cpu`, outside gather().
  void note_call(std::uint32_t cpu) { slots_[cpu].called = true; }
  bool is_absent(std::uint32_t cpu) const { return slots_[cpu].absent; }

 private:
  enum class State : std::uint32_t { outside, arrived, held };
  static constexpr std::uint32_t nobody = 0;

  // A line of its own for each CPU: waiting disturbs nobody.
  struct alignas(64) Slot {
    std::atomic<State> state{State::outside};
    std::uint32_t round = 0;  // in which it is held
    bool held = false;        // by the current owner
    bool called = false;      // an SMI was sent that it may still have to take
    bool absent = false;      // didn't answer; not waited for
  };

  // The turn that somebody waits for to end, and since when.
  struct OwnerWatch {
    std::uint64_t turn;
    std::uint64_t start;
  };
  static constexpr std::uint32_t polls_per_look = 1024;  // reading the clock at each would slow others down

  // Whose turn it is, in one word: the round above, the owner's number plus one (or nobody) below.
  static constexpr std::uint64_t turn(std::uint32_t round, std::uint32_t owner) {
    return static_cast<std::uint64_t>(round) << 32 | owner;
  }
  static constexpr std::uint32_t round_of(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); }
  static constexpr std::uint32_t owner_of(std::uint64_t word) { return static_cast<std::uint32_t>(word); }

  template <typename Hardware>
  [[gnu::noinline]] void look_after_owner(std::uint32_t cpu, Hardware& hardware, OwnerWatch& watch) const {
    const std::uint64_t now = hardware.now();
    const std::uint64_t turn = turn_.load(std::memory_order_relaxed);
    if (turn == watch.turn && now - watch.start < limits_.owner_ticks) {
      return;
    }
    const std::uint32_t owner = owner_of(turn);
    if (turn == watch.turn && owner != nobody && owner != cpu + 1) {
      static_cast<void>(hardware.call_in(owner - 1));
    }
    watch = {turn, now};
  }

  template <typename Hardware>
  void gather_others(std::uint32_t cpu, Hardware& hardware, bool call) {
    std::uint32_t missing = wait_for_others(cpu, hardware, limits_.arrival_ticks);
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
    missing = wait_for_others(cpu, hardware, limits_.answer_ticks);
    if (missing == 0) {
      return;
    }
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      if (awaited(cpu, other)) {
        slots_[other].absent = true;
      }
    }
  }

  void become_owner(std::uint32_t cpu) {
    called_ = slots_[cpu].called;
    slots_[cpu].called = false;
    slots_[cpu].absent = false;
  }

  [[gnu::noinline]] void forget_held() {
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      slots_[other].held = false;
    }
    held_ = 0;
  }

  bool take(std::uint32_t cpu) {
    std::uint64_t expected = turn_.load(std::memory_order_relaxed);
    return owner_of(expected) == nobody &&
           turn_.compare_exchange_strong(expected, turn(round_of(expected), cpu + 1), std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
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
      // Who has arrived stays so while somebody else is owner. One that is still held has yet to see its round end.
      if (slot.state.load(std::memory_order_acquire) == State::arrived) {
        slot.round = round_of(turn_.load(std::memory_order_relaxed));
        slot.state.store(State::held, std::memory_order_release);
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
  std::uint32_t wait_for_others(std::uint32_t cpu, Hardware& hardware, std::uint64_t ticks) {
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

  alignas(64) std::atomic<std::uint64_t> turn_{turn(0, nobody)};
  alignas(64) std::array<Slot, CpuLimit> slots_{};
  RendezvousLimits limits_{};
  std::uint32_t cpus_ = 0;
  std::uint32_t held_ = 0;
  bool called_ = false;
};

}  // namespace redoubt::supervisor
