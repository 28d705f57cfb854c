// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who runs MM, and where all other CPUs are meanwhile. Nothing here counts SMIs: they coalesce, come late and come
// alone.
//
//                    takes the leadership
//   outside --enter-------------------------> leader --finish--> outside
//      |                                      ^
//      |  another CPU is leader                | leadership free, not held in a round that lasts
//      +----------> arrived ------------------+
//                      |  leader's gather()
//                      v
//                    held --the leader's round is over--> outside
//
// The first CPU in becomes leader. Others arrive and wait. The leader's gather() holds those who have arrived; finish()
// lets all of them go with one store, which is also what gives the leadership up: from then on the leader has nothing
// left to do here, so that the host on a CPU that was let go may do to it what it likes. An INIT is the case:
// processors hold it back while they are in MM, QEMU's emulation (7.2) doesn't, and a late leader can be reset in the
// middle of its round. It finds itself still leader when it enters again (was_reset), and then ends that round first. A
// held CPU that was reset isn't held any more when it enters again. A CPU that arrives too late to be held is in no
// round: it waits in ring 0 and becomes leader next, so that what it came for isn't lost.
//
// Meanwhile the leader may give a held CPU something to do: it leaves its wait (assigned) and comes back to it (wait)
// when it is done. The leader must not end the round before that.
//
// A leader that has left MM without finish() (a driver can execute RSM) doesn't know that everybody waits for it. Who
// waits for long calls it in. One that is still at work just has an MMI more afterwards. One that was reset and waits
// for a SIPI (an application processor, where INIT is delivered in MM) takes no SMI: no CPU can end its round, so that
// after a bounded number of calls it is given up. That bounds how long a handler may run as well, where CPUs wait.
//
// Who isn't there
// ---------------
// A CPU is called by its APIC id, then by the shorthand for all others, which a changed id doesn't escape, then by the
// chipset, which needs no local APIC of the caller's. One that comes after none of these is absent: it was never
// started, or waits for a SIPI after an INIT, and neither takes an SMI. Each MMI would stall on it, so that it isn't
// called or waited for again until it has shown up.
//
// The host can bring a CPU into that state and start it again between two MMIs, where the INIT of the start
// drops the SMI that it was sent (in QEMU), and can raise the MMI by an SMI to one CPU alone. So hold(), which
// a driver asks that can't have a CPU run outside, takes no CPU's absence for granted:
//
//   known to run    It is waited for, longer than others, and its absence is an error. A CPU is known to run from when
//                   it came in between two calls of hold() in one round, presumed stopped at the first: no other CPU
//                   was outside to start it meanwhile. It ends when the CPU is held again.
//   awaited         Not absent: called as above, with the same waits. Who doesn't come is absent then.
//   absent          Called again by shorthand and chipset. One that runs takes the SMI before its next instruction, so
//                   that the wait is short, and for the first call in a round alone. Who doesn't come is presumed
//                   stopped, which the next call in the same round puts to the test.
//
// What is presumed of a CPU counts only where the shorthand could be sent; else its absence is an error, too. What
// can't be told: a CPU whose GIF is clear (AMD's CLGI) takes no SMI and looks stopped to both calls while it runs. A
// CPU that is held and takes an INIT there (QEMU; from a device then, since no CPU is outside) is seen when it has come
// back, not before. And an emulated CPU may be suspended in the middle of some instructions, for longer than the leader
// waits.
//
// Slots of CPUs other than one's own, but for the state, are touched by the leader alone.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace redoubt::supervisor {

// Bounds on gather(): ticks of the leader's clock, and polls in case the clock stands still.
struct RendezvousLimits {
  std::uint64_t arrival_ticks;  // for CPUs that come on their own: SMIs are broadcast, but CPUs differ in speed
  std::uint64_t answer_ticks;   // for CPUs that were called in
  std::uint64_t polls;          // each
  std::uint64_t leader_ticks;   // after which who waits calls the leader in
  std::uint32_t leader_calls;   // of one who waits in one turn, after which the leader is given up
};

// Who runs outside, as far as can be told; `cpu` is one of those, where `what` isn't nobody.
struct Outside {
  enum class What : std::uint8_t {
    nobody,
    missing,       // it is known to run, and doesn't come
    came_in,       // it was outside since the last call in this round
    out_of_reach,  // it is missing, and the local APIC of the CPU that calls can't be used
  };
  What what = What::nobody;
  std::uint32_t cpu = 0;
  std::uint32_t presumed_stopped = 0;  // CPUs
};

// A Hardware has: std::uint64_t now(); void relax(); bool call_in(std::uint32_t cpu) - sends an SMI, false if it can't;
// bool call_others(std::uint32_t cpu) - the CPU `cpu`, which calls, sends one to all others, whatever their APIC ids,
// false if it can't; void call_all() - the chipset sends one to all, the one that calls included, or doesn't;
// bool assigned(std::uint32_t cpu) - whether there is something to do for the held CPU that calls; void
// forget(std::uint32_t cpu) - the CPU that calls was reset while it was held; void rest() - the CPU that calls waits:
// doesn't come back if the machine is to stand still; void give_up_leader() - the leader doesn't come back, and neither
// does this.
template <std::uint32_t CpuLimit>
class Rendezvous {
 public:
  enum class Role : std::uint8_t {
    leader,    // run MM, then finish()
    released,  // another CPU ran MM while this one was held: leave
    assigned,  // do what the leader wants, then wait()
  };

  // Before any CPU enters. `cpus` <= CpuLimit.
  void initialize(std::uint32_t cpus, RendezvousLimits limits) {
    cpus_ = cpus;
    limits_ = limits;
  }

  template <typename Hardware>
  Role enter(std::uint32_t cpu, Hardware& hardware) {
    return enter_first(cpu) ? Role::leader : enter_later(cpu, hardware);
  }

  // The two halves of enter(): whether the CPU is leader at once, and what to do if not.
  [[gnu::always_inline]] bool enter_first(std::uint32_t cpu) {
    if (!take(cpu)) [[unlikely]] {
      return false;
    }
    become_leader(cpu);
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
    if (role == Role::leader) {
      become_leader(cpu);
    }
    return role;
  }

  // In MM, not the leader: until the CPU is. A CPU that is held never becomes leader.
  template <typename Hardware>
  Role wait(std::uint32_t cpu, Hardware& hardware) {
    Slot& slot = slots_[cpu];
    LeaderWatch watch{turn_.load(std::memory_order_relaxed), hardware.now(), 0};
    for (std::uint32_t polls = 1;; ++polls, hardware.relax()) {
      if (polls % polls_per_look == 0) {
        look_after_leader(cpu, hardware, watch);
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
        return Role::leader;
      }
    }
  }

  // Of the round that is on, for CPUs that are held in it.
  std::uint32_t round() const { return round_of(turn_.load(std::memory_order_relaxed)); }

  // On entry, before enter(): whether `cpu` was reset as leader. Then it still is: finish() ends what it was at.
  bool was_reset(std::uint32_t cpu) const { return leader_of(turn_.load(std::memory_order_acquire)) == cpu + 1; }

  // Whether the leader came because an earlier leader called it in: then its SMI may have been that call and nothing
  // else.
  bool leader_was_called() const { return called_; }

  // Leader only: holds the other CPUs. Waits for those that come on their own, calls in who is missing if `call` is
  // set, and leaves behind who doesn't answer: absent until it has shown up.
  template <typename Hardware>
  [[gnu::always_inline]] void gather(std::uint32_t cpu, Hardware& hardware, bool call) {
    if (cpus_ != 1) {
      gather_others(cpu, hardware, call);
    }
  }

  // Leader only: holds every other CPU that runs, as the head of this file says.
  template <typename Hardware>
  Outside hold(std::uint32_t cpu, Hardware& hardware) {
    const bool again = asked_in_ == this_round();
    asked_in_ = this_round();
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      if (other != cpu && !is_held(other)) [[unlikely]] {
        return hold_missing(cpu, hardware, again);
      }
    }
    return {};
  }

  // Leader only: the round is over.
  [[gnu::always_inline]] void finish() {
    if (held_ != 0) [[unlikely]] {
      forget_held();
    }
    const std::uint32_t round = round_of(turn_.load(std::memory_order_relaxed));
    turn_.store(turn(round + 1, nobody), std::memory_order_release);
  }

  // Leader only: CPUs held now.
  std::uint32_t held() const { return held_; }
  bool is_held(std::uint32_t cpu) const {
    return slots_[cpu].held && slots_[cpu].state.load(std::memory_order_acquire) == State::held;
  }
  // Leader only: an SMI was sent to `cpu`, outside gather().
  void note_call(std::uint32_t cpu) { slots_[cpu].called = true; }
  bool is_absent(std::uint32_t cpu) const { return slots_[cpu].absent; }

 private:
  enum class State : std::uint32_t { outside, arrived, held };
  static constexpr std::uint32_t nobody = 0;

  // A line of its own for each CPU: waiting disturbs no other.
  struct alignas(64) Slot {
    std::atomic<State> state{State::outside};
    std::uint32_t round = 0;                // in which it is held
    bool held = false;                      // by the current leader
    bool called = false;                    // an SMI was sent that it may still have to take
    bool absent = false;                    // didn't answer; not waited for
    bool runs = false;                      // known to
    std::uint64_t presumed_stopped_in = 0;  // the last round in which hold() did, as this_round() numbers them
  };

  // The turn that a CPU waits for to end, and since when.
  struct LeaderWatch {
    std::uint64_t turn;
    std::uint64_t start;
    std::uint32_t calls;
  };
  static constexpr std::uint32_t polls_per_look = 1024;  // reading the clock at each would slow others down

  // Whose turn it is, in one word: the round above, the leader's number plus one (or nobody) below.
  static constexpr std::uint64_t turn(std::uint32_t round, std::uint32_t leader) {
    return static_cast<std::uint64_t>(round) << 32 | leader;
  }
  static constexpr std::uint32_t round_of(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }
  static constexpr std::uint32_t leader_of(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

  template <typename Hardware>
  [[gnu::noinline]] void look_after_leader(std::uint32_t cpu, Hardware& hardware, LeaderWatch& watch) const {
    hardware.rest();
    const std::uint64_t now = hardware.now();
    const std::uint64_t turn = turn_.load(std::memory_order_relaxed);
    if (turn == watch.turn && now - watch.start < limits_.leader_ticks) {
      return;
    }
    const std::uint32_t leader = leader_of(turn);
    std::uint32_t calls = 0;
    if (turn == watch.turn && leader != nobody && leader != cpu + 1) {
      if (watch.calls == limits_.leader_calls) {
        hardware.give_up_leader();
      }
      static_cast<void>(hardware.call_in(leader - 1));
      calls = watch.calls + 1;
    }
    watch = {turn, now, calls};
  }

  // Whom to wait for, of those that aren't held.
  enum class Whom : std::uint8_t { awaited, known_to_run, everybody };
  static bool is_one_of(Whom whom, const Slot& slot) {
    return whom == Whom::everybody || (whom == Whom::awaited ? !slot.absent : slot.runs);
  }

  template <typename Hardware>
  void gather_others(std::uint32_t cpu, Hardware& hardware, bool call) {
    if (wait_for(Whom::awaited, cpu, hardware, limits_.arrival_ticks) && call) {
      call_awaited(cpu, hardware);
    }
  }

  // Who doesn't answer is absent.
  template <typename Hardware>
  [[gnu::noinline]] void call_awaited(std::uint32_t cpu, Hardware& hardware) {
    bool called = false;
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      Slot& slot = slots_[other];
      if (other != cpu && !slot.held && !slot.absent) {
        slot.called = true;
        called |= hardware.call_in(other);
      }
    }
    if (called && !wait_for(Whom::awaited, cpu, hardware, limits_.answer_ticks)) {
      return;
    }
    // Those who heard the call have come, so that this needs less time.
    const std::uint64_t ticks = called ? limits_.answer_ticks / 4 : limits_.answer_ticks;
    if (call_others(cpu, hardware) && !wait_for(Whom::awaited, cpu, hardware, ticks)) {
      return;
    }
    call_all(hardware);
    if (!wait_for(Whom::awaited, cpu, hardware, ticks)) {
      return;
    }
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      Slot& slot = slots_[other];
      slot.absent |= other != cpu && !slot.held;
    }
  }

  template <typename Hardware>
  bool call_others(std::uint32_t cpu, Hardware& hardware) {
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      slots_[other].called |= other != cpu;
    }
    return hardware.call_others(cpu);
  }
  template <typename Hardware>
  void call_all(Hardware& hardware) {
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      slots_[other].called = true;
    }
    hardware.call_all();
  }

  template <typename Hardware>
  [[gnu::noinline]] Outside hold_missing(std::uint32_t cpu, Hardware& hardware, bool again) {
    Outside outside;
    if (take_back_who_was_reset(cpu, outside) && !again) {
      outside = {};  // before a driver asked
    }
    if (wait_for(Whom::awaited, cpu, hardware, 0)) {
      call_awaited(cpu, hardware);
    }
    const bool called = !wait_for(Whom::everybody, cpu, hardware, 0) || call_absent(cpu, hardware, again);
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      if (other != cpu) {
        judge(other, called, outside);
      }
    }
    return outside;
  }

  // False if no CPU was called for sure.
  template <typename Hardware>
  bool call_absent(std::uint32_t cpu, Hardware& hardware, bool again) {
    const bool called = call_others(cpu, hardware);
    if (!called || !again) {
      call_all(hardware);
    }
    // At the second call, too: a CPU that was started since the first one has lost the SMI that it was sent then.
    wait_for(Whom::everybody, cpu, hardware, called ? limits_.arrival_ticks : limits_.answer_ticks);
    wait_for(Whom::known_to_run, cpu, hardware, 4 * limits_.answer_ticks);
    return called;
  }

  // A CPU that is held and entered again left MM in this round.
  bool take_back_who_was_reset(std::uint32_t cpu, Outside& outside) {
    bool any = false;
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      Slot& slot = slots_[other];
      if (other != cpu && slot.held && slot.state.load(std::memory_order_acquire) == State::arrived) {
        slot.held = false;
        --held_;
        outside.what = Outside::What::came_in;
        outside.cpu = other;
        any = true;
      }
    }
    return any;
  }

  void judge(std::uint32_t other, bool called, Outside& outside) {
    Slot& slot = slots_[other];
    auto what = Outside::What::nobody;
    if (slot.held) {
      if (slot.presumed_stopped_in == this_round()) {
        slot.presumed_stopped_in = 0;
        slot.runs = true;
        what = Outside::What::came_in;
      }
    } else if (slot.runs) {
      what = Outside::What::missing;
    } else if (!called) {
      what = Outside::What::out_of_reach;
    } else {
      slot.presumed_stopped_in = this_round();
      ++outside.presumed_stopped;
    }
    if (what != Outside::What::nobody && outside.what == Outside::What::nobody) {
      outside.what = what;
      outside.cpu = other;
    }
  }

  // Not 0.
  std::uint64_t this_round() const { return std::uint64_t{round()} + 1; }

  void become_leader(std::uint32_t cpu) {
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
    return leader_of(expected) == nobody &&
           turn_.compare_exchange_strong(expected, turn(round_of(expected), cpu + 1), std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }

  // Holds who has arrived; returns whether one of `whom` is missing still.
  bool hold_arrived(Whom whom, std::uint32_t cpu) {
    bool missing = false;
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      Slot& slot = slots_[other];
      if (other == cpu || slot.held) {
        continue;
      }
      // Who has arrived stays so while another CPU is leader. One that is still held has yet to see its round end.
      if (slot.state.load(std::memory_order_acquire) == State::arrived) {
        slot.round = round_of(turn_.load(std::memory_order_relaxed));
        slot.state.store(State::held, std::memory_order_release);
        slot.held = true;
        slot.absent = false;
        slot.runs = false;
        ++held_;
      } else {
        missing |= is_one_of(whom, slot);
      }
    }
    return missing;
  }

  // Whether one of them is missing still. With no ticks it only looks.
  template <typename Hardware>
  bool wait_for(Whom whom, std::uint32_t cpu, Hardware& hardware, std::uint64_t ticks) {
    bool missing = hold_arrived(whom, cpu);
    if (!missing || ticks == 0) {
      return missing;
    }
    const std::uint64_t start = hardware.now();
    for (std::uint64_t polls = 0; missing && polls < limits_.polls && hardware.now() - start < ticks; ++polls) {
      hardware.relax();
      missing = hold_arrived(whom, cpu);
    }
    return missing;
  }

  alignas(64) std::atomic<std::uint64_t> turn_{turn(0, nobody)};
  alignas(64) std::array<Slot, CpuLimit> slots_{};
  RendezvousLimits limits_{};
  std::uint32_t cpus_ = 0;
  std::uint32_t held_ = 0;
  bool called_ = false;
  std::uint64_t asked_in_ = 0;  // the last round in which hold() was called, as this_round() numbers them
};

}  // namespace redoubt::supervisor
