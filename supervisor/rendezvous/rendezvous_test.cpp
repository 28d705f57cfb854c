// SPDX-License-Identifier: BSD-2-Clause-Patent
// Threads play CPUs. An SMI is a flag that coalesces, as the real one does; CPUs are slow, deaf for a while, or come
// back at once, all at random. What must hold: one leader at a time; a held CPU stays in MM until the round is over; no
// request is lost; nobody waits for ever.
#include "supervisor/rendezvous/rendezvous.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace redoubt::supervisor {
namespace {

constexpr std::uint32_t limit = 8;
using Protocol = Rendezvous<limit>;

struct LeaderGivenUp {};

class FakeHardware {
 public:
  std::uint64_t now() { return ++now_; }
  void rest() {}
  static void give_up_leader() { throw LeaderGivenUp{}; }
  void relax() {
    if (on_relax) {
      on_relax();
    }
  }
  bool call_in(std::uint32_t cpu) {
    called.push_back(cpu);
    return can_call;
  }

  bool call_others(std::uint32_t /*cpu*/) {
    ++calls_of_others;
    if (on_call_others) {
      on_call_others();
    }
    return can_call_others;
  }
  void call_all() {
    ++calls_of_all;
    if (on_call_all) {
      on_call_all();
    }
  }
  bool assigned(std::uint32_t cpu) const { return work && work(cpu); }
  void forget(std::uint32_t cpu) { forgotten.push_back(cpu); }

  bool can_call = true;
  bool can_call_others = true;
  unsigned calls_of_others = 0;
  unsigned calls_of_all = 0;
  std::function<void()> on_call_others;
  std::function<void()> on_call_all;
  std::function<bool(std::uint32_t)> work;
  std::vector<std::uint32_t> forgotten;
  std::vector<std::uint32_t> called;
  std::function<void()> on_relax;

 private:
  std::uint64_t now_ = 0;
};

constexpr RendezvousLimits short_limits = {
    .arrival_ticks = 10, .answer_ticks = 20, .polls = 1000, .leader_ticks = 1000, .leader_calls = 3};

TEST(Rendezvous, AloneNeedsNobody) {
  Protocol protocol;
  protocol.initialize(1, short_limits);
  FakeHardware hardware;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(protocol.enter(0, hardware), Protocol::Role::leader);
    protocol.gather(0, hardware, true);
    protocol.finish();
  }
  EXPECT_TRUE(hardware.called.empty());
}

TEST(Rendezvous, MissingCpusAreCalledThenLeftBehindThenNotAwaited) {
  Protocol protocol;
  protocol.initialize(3, short_limits);
  FakeHardware hardware;
  EXPECT_EQ(protocol.enter(0, hardware), Protocol::Role::leader);
  protocol.gather(0, hardware, true);
  EXPECT_EQ(hardware.called, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_TRUE(protocol.is_absent(1));
  EXPECT_TRUE(protocol.is_absent(2));
  EXPECT_EQ(protocol.held(), 0u);
  protocol.finish();

  EXPECT_EQ(protocol.enter(0, hardware), Protocol::Role::leader);
  EXPECT_TRUE(protocol.leader_was_called()) << "the chipset's call went to it as well";
  const std::uint64_t before = hardware.now();
  protocol.gather(0, hardware, true);
  EXPECT_EQ(hardware.now() - before, 1u) << "absent CPUs cost no time";
  EXPECT_EQ(hardware.called.size(), 2u);
  protocol.finish();

  // One of them comes late, finds no round, and is awaited again from then on.
  EXPECT_EQ(protocol.enter(1, hardware), Protocol::Role::leader);
  EXPECT_TRUE(protocol.leader_was_called());
  EXPECT_FALSE(protocol.is_absent(1));
  protocol.finish();
}

TEST(Rendezvous, WithoutCallsNobodyIsMarkedAbsent) {
  Protocol protocol;
  protocol.initialize(2, short_limits);
  FakeHardware hardware;
  EXPECT_EQ(protocol.enter(0, hardware), Protocol::Role::leader);
  protocol.gather(0, hardware, false);
  EXPECT_TRUE(hardware.called.empty());
  EXPECT_FALSE(protocol.is_absent(1));
  protocol.finish();
}

TEST(Rendezvous, WithoutALocalApicTheChipsetCalls) {
  Protocol protocol;
  protocol.initialize(2, short_limits);
  FakeHardware hardware;
  hardware.can_call = false;
  hardware.can_call_others = false;
  EXPECT_EQ(protocol.enter(0, hardware), Protocol::Role::leader);
  protocol.gather(0, hardware, true);
  EXPECT_EQ(hardware.calls_of_all, 1u);
  EXPECT_TRUE(protocol.is_absent(1));
  protocol.finish();
}

TEST(Rendezvous, AStoppedClockIsBoundedByPolls) {
  struct StoppedClock : FakeHardware {
    std::uint64_t now() { return 7; }
  } hardware;
  Protocol protocol;
  protocol.initialize(2, short_limits);
  EXPECT_EQ(protocol.enter(0, hardware), Protocol::Role::leader);
  protocol.gather(0, hardware, true);
  EXPECT_TRUE(protocol.is_absent(1));
  protocol.finish();
}

TEST(Rendezvous, ALeaderThatWasResetEndsItsRoundWhenItEntersAgain) {
  Protocol protocol;
  protocol.initialize(2, short_limits);
  FakeHardware hardware;
  EXPECT_FALSE(protocol.was_reset(1));
  EXPECT_EQ(protocol.enter(1, hardware), Protocol::Role::leader);
  std::thread other([&] {
    FakeHardware others_hardware;
    others_hardware.on_relax = [] { std::this_thread::yield(); };
    EXPECT_EQ(protocol.enter(0, others_hardware), Protocol::Role::released);
  });
  hardware.on_relax = [] { std::this_thread::yield(); };
  while (protocol.held() == 0) {
    protocol.gather(1, hardware, false);
  }
  // Here the leader is reset, and comes with its next SMI.
  EXPECT_TRUE(protocol.was_reset(1));
  EXPECT_FALSE(protocol.was_reset(0));
  protocol.finish();
  other.join();
  EXPECT_FALSE(protocol.was_reset(1));
  EXPECT_EQ(protocol.enter(1, hardware), Protocol::Role::leader);
  protocol.finish();
}

TEST(Rendezvous, AHeldCpuWorksAndWaitsOn) {
  Protocol protocol;
  protocol.initialize(2, short_limits);
  FakeHardware hardware;
  hardware.on_relax = [] { std::this_thread::yield(); };
  std::atomic<bool> work = false;
  std::atomic<unsigned> done = 0;
  EXPECT_EQ(protocol.enter(0, hardware), Protocol::Role::leader);
  std::thread other([&] {
    FakeHardware others_hardware;
    others_hardware.on_relax = hardware.on_relax;
    others_hardware.work = [&](std::uint32_t cpu) { return cpu == 1 && work.load(); };
    auto role = protocol.enter(1, others_hardware);
    for (; role == Protocol::Role::assigned; role = protocol.wait(1, others_hardware)) {
      work = false;
      ++done;
    }
    EXPECT_EQ(role, Protocol::Role::released);
  });
  while (!protocol.is_held(1)) {
    protocol.gather(0, hardware, false);
  }
  for (unsigned round = 1; round <= 3; ++round) {
    work = true;
    while (done != round) {
      std::this_thread::yield();
    }
  }
  protocol.finish();
  other.join();
}

TEST(Rendezvous, AHeldCpuThatWasResetIsNotHeldAnyMore) {
  Protocol protocol;
  protocol.initialize(2, short_limits);
  FakeHardware hardware;
  hardware.on_relax = [] { std::this_thread::yield(); };
  EXPECT_EQ(protocol.enter(0, hardware), Protocol::Role::leader);
  // The first stay ends with a reset, which the other CPU doesn't come back from but by another SMI.
  std::atomic<bool> work = true;
  std::atomic<bool> again = false;
  std::thread other([&] {
    FakeHardware others_hardware;
    others_hardware.on_relax = hardware.on_relax;
    others_hardware.work = [&](std::uint32_t) { return work.exchange(false); };
    EXPECT_EQ(protocol.enter(1, others_hardware), Protocol::Role::assigned);
    EXPECT_TRUE(others_hardware.forgotten.empty());
    others_hardware.on_relax = [&] {
      again = true;
      std::this_thread::yield();
    };
    EXPECT_EQ(protocol.enter(1, others_hardware), Protocol::Role::leader) << "what it came for isn't lost";
    EXPECT_EQ(others_hardware.forgotten, (std::vector<std::uint32_t>{1}));
    protocol.finish();
  });
  while (work) {
    protocol.gather(0, hardware, false);
  }
  while (!again) {
    std::this_thread::yield();
  }
  EXPECT_FALSE(protocol.is_held(1));
  protocol.finish();
  other.join();
}

// ---- Nobody may run outside

// Another CPU, played by a thread: outside until it is sent in, and in MM for as long as the leader wants.
class OtherCpu {
 public:
  OtherCpu(Protocol& protocol, std::uint32_t cpu) : protocol_(protocol), cpu_(cpu) {}
  ~OtherCpu() { join(); }
  OtherCpu(const OtherCpu&) = delete;
  OtherCpu& operator=(const OtherCpu&) = delete;

  // It takes an SMI. Returns when it waits in MM.
  void come_in() {
    std::atomic<bool> waits = false;
    thread_ = std::thread([this, &waits] {
      FakeHardware hardware;
      bool said = false;
      hardware.on_relax = [&] {
        if (!std::exchange(said, true)) {
          waits = true;
        }
        std::this_thread::yield();
      };
      if (protocol_.enter(cpu_, hardware) == Protocol::Role::leader) {
        protocol_.finish();
      }
    });
    while (!waits) {
      std::this_thread::yield();
    }
  }
  // The same while nobody else is there: it runs MM for itself.
  void come_in_alone() {
    FakeHardware hardware;
    ASSERT_EQ(protocol_.enter(cpu_, hardware), Protocol::Role::leader);
    protocol_.finish();
  }
  void join() {
    if (thread_.joinable()) {
      thread_.join();
    }
  }

 private:
  Protocol& protocol_;
  std::uint32_t cpu_;
  std::thread thread_;
};

class Hold : public ::testing::Test {
 protected:
  static constexpr std::uint32_t cpus = 3;
  Hold() { protocol_.initialize(cpus, short_limits); }

  void begin() {
    ASSERT_EQ(protocol_.enter(0, hardware_), Protocol::Role::leader);
    protocol_.gather(0, hardware_, true);
  }
  void end() {
    protocol_.finish();
    one_.join();
    two_.join();
  }
  void expect(Outside::What what, std::uint32_t cpu, std::uint32_t presumed_stopped) {
    const Outside outside = protocol_.hold(0, hardware_);
    EXPECT_EQ(outside.what, what);
    EXPECT_EQ(outside.cpu, cpu);
    EXPECT_EQ(outside.presumed_stopped, presumed_stopped);
  }
  // How long something takes, in looks at the clock.
  template <typename Function>
  std::uint64_t ticks(Function function) {
    const std::uint64_t before = hardware_.now();
    function();
    return hardware_.now() - before - 1;
  }
  // One is in MM and held, the other one absent.
  void leave_two_behind() {
    ASSERT_EQ(protocol_.enter(0, hardware_), Protocol::Role::leader);
    one_.come_in();
    protocol_.gather(0, hardware_, true);
    ASSERT_TRUE(protocol_.is_held(1));
    ASSERT_TRUE(protocol_.is_absent(2));
  }

  Protocol protocol_;
  FakeHardware hardware_;
  OtherCpu one_{protocol_, 1};
  OtherCpu two_{protocol_, 2};
};

using What = Outside::What;

TEST_F(Hold, NobodyIsCalledWhenAllAreHeld) {
  ASSERT_EQ(protocol_.enter(0, hardware_), Protocol::Role::leader);
  one_.come_in();
  two_.come_in();
  protocol_.gather(0, hardware_, true);
  EXPECT_EQ(ticks([&] { expect(What::nobody, 0, 0); }), 0u);
  EXPECT_TRUE(hardware_.called.empty());
  EXPECT_EQ(hardware_.calls_of_others + hardware_.calls_of_all, 0u);
  end();
}

TEST_F(Hold, AChangedApicIdIsNoEscape) {
  hardware_.on_call_others = [&] {
    if (!protocol_.is_held(2)) {
      two_.come_in();
    }
  };
  ASSERT_EQ(protocol_.enter(0, hardware_), Protocol::Role::leader);
  one_.come_in();
  protocol_.gather(0, hardware_, true);
  EXPECT_EQ(hardware_.called, (std::vector<std::uint32_t>{2})) << "by its id, which isn't its any more";
  EXPECT_TRUE(protocol_.is_held(2));
  EXPECT_EQ(hardware_.calls_of_all, 0u);
  expect(What::nobody, 0, 0);
  end();
}

TEST_F(Hold, TheChipsetReachesWhomNoLocalApicDoes) {
  hardware_.can_call = false;
  hardware_.can_call_others = false;
  hardware_.on_call_all = [&] {
    if (!protocol_.is_held(2)) {
      two_.come_in();
    }
  };
  ASSERT_EQ(protocol_.enter(0, hardware_), Protocol::Role::leader);
  one_.come_in();
  protocol_.gather(0, hardware_, true);
  EXPECT_TRUE(protocol_.is_held(2));
  expect(What::nobody, 0, 0);
  end();
}

TEST_F(Hold, WhoIsNotCalledByTheRoundIsCalledNow) {
  ASSERT_EQ(protocol_.enter(0, hardware_), Protocol::Role::leader);
  one_.come_in();
  protocol_.gather(0, hardware_, false);
  EXPECT_FALSE(protocol_.is_absent(2));
  hardware_.on_call_others = [&] { two_.come_in(); };
  expect(What::nobody, 0, 0);
  EXPECT_TRUE(protocol_.is_held(2));
  end();
}

TEST_F(Hold, AStoppedCpuStaysCheap) {
  leave_two_behind();
  EXPECT_LE(ticks([&] { expect(What::nobody, 0, 1); }), short_limits.arrival_ticks + 2);
  EXPECT_LE(ticks([&] { expect(What::nobody, 0, 1); }), short_limits.arrival_ticks + 2);
  end();
  EXPECT_LE(ticks([&] { begin(); }), short_limits.arrival_ticks + 4 * short_limits.answer_ticks) << "CPU 1 has left";
  end();
  EXPECT_EQ(ticks([&] { begin(); }), 0u) << "and isn't waited for again, as CPU 2";
  EXPECT_LE(ticks([&] { expect(What::nobody, 0, 2); }), short_limits.arrival_ticks + 2);
  end();
}

TEST_F(Hold, AnAbsentCpuThatRunsIsHeldByTheFirstCall) {
  leave_two_behind();
  hardware_.on_call_others = [&] { two_.come_in(); };
  expect(What::nobody, 0, 0);
  EXPECT_TRUE(protocol_.is_held(2));
  expect(What::nobody, 0, 0);
  end();
}

TEST_F(Hold, WhoComesInBetweenTwoCallsRan) {
  leave_two_behind();
  expect(What::nobody, 0, 1);
  two_.come_in();
  expect(What::came_in, 2, 0);
  expect(What::nobody, 0, 0);
  end();

  // From now on it is known to run, and waited for.
  ASSERT_EQ(protocol_.enter(0, hardware_), Protocol::Role::leader);
  one_.come_in();
  protocol_.gather(0, hardware_, true);
  EXPECT_GE(ticks([&] { expect(What::missing, 2, 0); }), 4 * short_limits.answer_ticks);
  expect(What::missing, 2, 0);
  end();

  // Until it comes in time.
  ASSERT_EQ(protocol_.enter(0, hardware_), Protocol::Role::leader);
  one_.come_in();
  two_.come_in();
  protocol_.gather(0, hardware_, true);
  expect(What::nobody, 0, 0);
  end();
  leave_two_behind();
  expect(What::nobody, 0, 1);
  end();
}

TEST_F(Hold, WhoComesInBetweenTwoRoundsIsNoSuspect) {
  leave_two_behind();
  expect(What::nobody, 0, 1);
  end();
  two_.come_in_alone();
  leave_two_behind();
  expect(What::nobody, 0, 1);
  end();
}

TEST_F(Hold, WhoCannotBeCalledIsNotPresumedStopped) {
  leave_two_behind();
  hardware_.can_call_others = false;
  EXPECT_GE(ticks([&] { expect(What::out_of_reach, 2, 0); }), short_limits.answer_ticks);
  EXPECT_EQ(hardware_.calls_of_all, 2u);
  hardware_.can_call_others = true;
  expect(What::nobody, 0, 1);
  end();
}

TEST_F(Hold, AHeldCpuThatWasResetRanOutside) {
  ASSERT_EQ(protocol_.enter(0, hardware_), Protocol::Role::leader);
  std::atomic<bool> reset = false;
  std::atomic<bool> is_back = false;
  std::thread other([&] {
    // Leaves its wait without a word, as a reset makes it, and enters again.
    FakeHardware others_hardware;
    others_hardware.work = [&](std::uint32_t) { return reset.load(); };
    others_hardware.on_relax = [] { std::this_thread::yield(); };
    EXPECT_EQ(protocol_.enter(1, others_hardware), Protocol::Role::assigned);
    reset = false;
    others_hardware.on_relax = [&] {
      is_back = true;
      std::this_thread::yield();
    };
    EXPECT_EQ(protocol_.enter(1, others_hardware), Protocol::Role::released);
  });
  two_.come_in();
  while (!protocol_.is_held(1) || !protocol_.is_held(2)) {
    protocol_.gather(0, hardware_, false);
  }
  expect(What::nobody, 0, 0);
  reset = true;
  while (!is_back) {
    std::this_thread::yield();
  }
  expect(What::came_in, 1, 0);
  EXPECT_TRUE(protocol_.is_held(1));
  EXPECT_EQ(protocol_.held(), 2u);
  expect(What::nobody, 0, 0);
  protocol_.finish();
  other.join();
  two_.join();
}

constexpr RendezvousLimits impatient = {
    .arrival_ticks = 10, .answer_ticks = 20, .polls = 1000, .leader_ticks = 5, .leader_calls = 1000};

// One thread plays both CPUs: the leader acts while the other one waits.
TEST(Rendezvous, ALeaderThatDoesNotComeToAnEndIsCalledIn) {
  Protocol protocol;
  protocol.initialize(3, impatient);
  FakeHardware hardware;
  EXPECT_EQ(protocol.enter(2, hardware), Protocol::Role::leader);
  FakeHardware others_hardware;
  others_hardware.on_relax = [&] {
    if (!others_hardware.called.empty() && protocol.was_reset(2)) {
      protocol.finish();
    }
  };
  EXPECT_EQ(protocol.enter(0, others_hardware), Protocol::Role::leader);
  EXPECT_EQ(others_hardware.called, (std::vector<std::uint32_t>{2}));
}

TEST(Rendezvous, ALeaderThatComesToAnEndIsNotCalled) {
  Protocol protocol;
  protocol.initialize(3, impatient);
  FakeHardware hardware;
  EXPECT_EQ(protocol.enter(2, hardware), Protocol::Role::leader);
  FakeHardware others_hardware;
  unsigned polls = 0;
  others_hardware.on_relax = [&] {
    if (++polls == 100) {
      protocol.finish();
    }
  };
  EXPECT_EQ(protocol.enter(0, others_hardware), Protocol::Role::leader);
  EXPECT_TRUE(others_hardware.called.empty());
}

constexpr RendezvousLimits three_calls = {
    .arrival_ticks = 10, .answer_ticks = 20, .polls = 1000, .leader_ticks = 5, .leader_calls = 3};

// An application processor that an INIT took out of MM waits for a SIPI that nobody sends.
TEST(Rendezvous, ALeaderThatNeverAnswersIsGivenUp) {
  Protocol protocol;
  protocol.initialize(3, three_calls);
  FakeHardware hardware;
  EXPECT_EQ(protocol.enter(2, hardware), Protocol::Role::leader);
  FakeHardware others_hardware;
  std::uint64_t polls = 0;
  others_hardware.on_relax = [&polls] {
    if (++polls == 1'000'000) throw std::runtime_error("it waits for ever");
  };
  EXPECT_THROW(protocol.enter(0, others_hardware), LeaderGivenUp);
  EXPECT_EQ(others_hardware.called, (std::vector<std::uint32_t>{2, 2, 2}));
  // So it is for one that the lost one held.
  EXPECT_THROW(protocol.wait(0, others_hardware), LeaderGivenUp);
}

// Each turn is counted for itself.
TEST(Rendezvous, LeadersThatTakeTurnsAreNotGivenUp) {
  Protocol protocol;
  protocol.initialize(3, three_calls);
  FakeHardware hardware;
  FakeHardware others_hardware;
  EXPECT_EQ(protocol.enter(2, hardware), Protocol::Role::leader);
  unsigned turns = 0;
  others_hardware.on_relax = [&] {
    if (others_hardware.called.size() % 3 != 2) {
      return;
    }
    others_hardware.called.clear();
    protocol.finish();
    if (++turns < 10) {
      EXPECT_TRUE(protocol.enter_first(2));
    }
  };
  EXPECT_EQ(protocol.enter(0, others_hardware), Protocol::Role::leader);
  EXPECT_EQ(turns, 10U);
}

// The storm.
class Storm {
 public:
  Storm(std::uint32_t cpus, unsigned rounds, RendezvousLimits limits) : cpus_(cpus), rounds_(rounds) {
    protocol_.initialize(cpus, limits);
  }

  void run() {
    std::vector<std::thread> threads;
    threads.reserve(cpus_);
    for (std::uint32_t cpu = 0; cpu < cpus_; ++cpu) {
      threads.emplace_back([this, cpu] { live(cpu); });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }

  std::uint64_t handled() const { return handled_; }
  std::uint64_t violations() const { return violations_; }
  std::uint64_t rounds_with_others() const { return rounds_with_others_; }
  std::uint64_t assignments() const { return assignments_; }

 private:
  struct Hardware {
    Storm& storm;
    std::mt19937& random;
    std::uint64_t now() {
      return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    }
    void relax() { std::this_thread::yield(); }
    void rest() {}
    void give_up_leader() { ++storm.violations_; }
    bool call_in(std::uint32_t cpu) {
      storm.pending_[cpu].store(true);
      return random() % 64 != 0;
    }
    bool call_others(std::uint32_t cpu) {
      for (std::uint32_t other = 0; other < storm.cpus_; ++other) {
        if (other != cpu) {
          storm.pending_[other].store(true);
        }
      }
      return true;
    }
    void call_all() {
      for (std::uint32_t other = 0; other < storm.cpus_; ++other) {
        storm.pending_[other].store(true);
      }
    }
    bool assigned(std::uint32_t cpu) { return storm.assigned_[cpu].load(std::memory_order_acquire); }
    void forget(std::uint32_t /*cpu*/) { ++storm.violations_; }
  };

  static void dawdle(std::mt19937& random) {
    switch (random() % 16) {
      case 0: std::this_thread::sleep_for(std::chrono::microseconds(random() % 300)); break;
      case 1:
      case 2:
      case 3: std::this_thread::yield(); break;
      default: break;
    }
  }

  void live(std::uint32_t cpu) {
    std::mt19937 random(cpu + 1);
    Hardware hardware{*this, random};
    for (unsigned round = 0; round < rounds_; ++round) {
      // A message, then the SMI for it: to all, or to this CPU alone.
      requests_[cpu].store(true);
      const bool broadcast = random() % 2 == 0;
      for (std::uint32_t other = 0; other < cpus_; ++other) {
        if (other == cpu || broadcast) {
          pending_[other].store(true);
        }
      }
      const auto start = std::chrono::steady_clock::now();
      while (requests_[cpu].load()) {
        take_smi(cpu, hardware);
        if (std::chrono::steady_clock::now() - start > std::chrono::seconds(60)) {
          ++violations_;  // a lost request
          return;
        }
      }
      handled_.fetch_add(1);
      if (random() % 8 == 0) {
        dawdle(random);  // deaf: takes no SMI meanwhile
      }
    }
    ++done_;
    while (done_ != cpus_) {
      take_smi(cpu, hardware);
      std::this_thread::yield();
    }
  }

  void take_smi(std::uint32_t cpu, Hardware& hardware) {
    if (!pending_[cpu].exchange(false)) {
      return;
    }
    dawdle(hardware.random);
    in_mm_[cpu].store(true);
    auto role = protocol_.enter(cpu, hardware);
    while (role == Protocol::Role::assigned) {
      violations_ += leaders_.load() == 1 ? 0 : 1;  // a CPU waits for it
      dawdle(hardware.random);
      ++assignments_;
      assigned_[cpu].store(false, std::memory_order_release);
      role = protocol_.wait(cpu, hardware);
    }
    if (role == Protocol::Role::leader) {
      own(cpu, hardware);
    }
    in_mm_[cpu].store(false);
  }

  void own(std::uint32_t cpu, Hardware& hardware) {
    if (leaders_.fetch_add(1) != 0) {
      ++violations_;
    }
    bool anything = false;
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      anything |= requests_[other].load();
    }
    if (anything) {
      protocol_.gather(cpu, hardware, true);
      if (hardware.random() % 4 == 0) {
        nobody_runs_outside(cpu, hardware);
      }
      rounds_with_others_ += protocol_.held() != 0 ? 1 : 0;
      for (std::uint32_t other = 0; other < cpus_; ++other) {
        if (protocol_.is_held(other) && hardware.random() % 2 == 0) {
          assigned_[other].store(true, std::memory_order_release);
        }
      }
      for (int look = 0; look < 4; ++look) {
        for (std::uint32_t other = 0; other < cpus_; ++other) {
          if (protocol_.is_held(other) && !in_mm_[other].load()) {
            ++violations_;
          }
        }
        dawdle(hardware.random);
      }
      for (std::uint32_t other = 0; other < cpus_; ++other) {
        while (assigned_[other].load(std::memory_order_acquire)) {
          std::this_thread::yield();
        }
        requests_[other].store(false);
      }
    }
    leaders_.fetch_sub(1);
    protocol_.finish();
  }

  // What hold() says must be so.
  void nobody_runs_outside(std::uint32_t cpu, Hardware& hardware) {
    const Outside outside = protocol_.hold(cpu, hardware);
    std::uint32_t inside = 0;
    for (std::uint32_t other = 0; other < cpus_; ++other) {
      inside += protocol_.is_held(other) && in_mm_[other].load() ? 1 : 0;
    }
    if (outside.what == Outside::What::nobody && inside + outside.presumed_stopped + 1 != cpus_) {
      ++violations_;
    }
  }

  Protocol protocol_;
  std::uint32_t cpus_;
  unsigned rounds_;
  std::array<std::atomic<bool>, limit> pending_{};
  std::array<std::atomic<bool>, limit> requests_{};
  std::array<std::atomic<bool>, limit> in_mm_{};
  std::array<std::atomic<bool>, limit> assigned_{};
  std::atomic<std::uint64_t> assignments_ = 0;
  std::atomic<std::uint32_t> leaders_ = 0;
  std::atomic<std::uint32_t> done_ = 0;
  std::atomic<std::uint64_t> handled_ = 0;
  std::atomic<std::uint64_t> violations_ = 0;
  std::uint64_t rounds_with_others_ = 0;  // the leader's
};

TEST(RendezvousStorm, PatientLeaders) {
  constexpr unsigned rounds = 2000;
  auto storm = std::make_unique<Storm>(4, rounds,
                                       RendezvousLimits{.arrival_ticks = 200'000,  // nanoseconds here
                                                        .answer_ticks = 50'000'000,
                                                        .polls = 1u << 24,
                                                        .leader_ticks = UINT64_MAX,
                                                        .leader_calls = 0});
  storm->run();
  EXPECT_EQ(storm->violations(), 0u);
  EXPECT_EQ(storm->handled(), std::uint64_t{rounds} * 4);
  EXPECT_GT(storm->rounds_with_others(), 0u);
  EXPECT_GT(storm->assignments(), 0u);
}

TEST(RendezvousStorm, ImpatientLeadersLeaveMostBehind) {
  constexpr unsigned rounds = 3000;
  auto storm = std::make_unique<Storm>(
      6, rounds,
      RendezvousLimits{
          .arrival_ticks = 200, .answer_ticks = 2000, .polls = 8, .leader_ticks = UINT64_MAX, .leader_calls = 0});
  storm->run();
  EXPECT_EQ(storm->violations(), 0u);
  EXPECT_EQ(storm->handled(), std::uint64_t{rounds} * 6);
}

}  // namespace
}  // namespace redoubt::supervisor
