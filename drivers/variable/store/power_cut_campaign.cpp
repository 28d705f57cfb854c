// SPDX-License-Identifier: BSD-2-Clause-Patent
// Cuts the power at every step of a workload, and sees what is left; then lets blocks go bad. Usage:
// power_cut_campaign [STRIDE [SEEDS]]
//
// The workload is some 330 operations on a store of 16 KiB, with a dozen reclaims, of which one finds the work area
// full, a format and restarts. A step is a byte programmed or a block erased. At each STRIDE-th step (1 unless given)
// power fails, once for each of SEEDS (3 unless given) seeds, which decide what the interrupted unit holds. Then the
// store is opened again, and must hold exactly what it held before the operation or exactly what it should hold after;
// it takes further writes and has them at the next start; nothing is left for inspect() to say but torn headers. What
// the cut left is also read as stock PEI reads it, before anything is put right. Of the recoveries that write, several
// are cut themselves, some of them at every step. All that is done twice: once where the bytes of an interrupted write
// buffer are programmed one after the other in random order, once where any subset of them is.
//
// What is demanded of flash with a bad block, and in which ways one is, stands in bad_block_campaign.hpp.
//
// The line "all cuts" has the figures. Exit status 1 at the first loss.
#include <cstdio>
#include <cstdlib>

#include "drivers/variable/store/bad_block_campaign.hpp"
#include "drivers/variable/store/campaign_store.hpp"
#include "drivers/variable/store/inspection.hpp"
#include "drivers/variable/store/record.hpp"

namespace redoubt::variable {
namespace {

using namespace test;

struct Figures {
  std::uint64_t operations = 0;
  std::uint64_t reclaims = 0;
  std::uint64_t steps = 0;
  std::uint64_t cuts = 0;
  std::uint64_t old_values = 0;
  std::uint64_t new_values = 0;
  std::uint64_t cut_recoveries = 0;
  std::uint64_t reopenings = 0;

  void print(const char* what) const {
    std::printf(
        "%s: %llu operations with %llu reclaims in %llu steps; %llu cuts (old values after %llu, new after %llu), "
        "%llu cuts in recoveries, %llu reopenings\n",
        what, static_cast<unsigned long long>(operations), static_cast<unsigned long long>(reclaims),
        static_cast<unsigned long long>(steps), static_cast<unsigned long long>(cuts),
        static_cast<unsigned long long>(old_values), static_cast<unsigned long long>(new_values),
        static_cast<unsigned long long>(cut_recoveries), static_cast<unsigned long long>(reopenings));
    std::fflush(stdout);
  }

  void add(const Figures& others) {
    operations += others.operations;
    reclaims += others.reclaims;
    steps += others.steps;
    cuts += others.cuts;
    old_values += others.old_values;
    new_values += others.new_values;
    cut_recoveries += others.cut_recoveries;
    reopenings += others.reopenings;
  }
};

class Campaign {
 public:
  Campaign(std::uint64_t stride, std::uint32_t seeds, NorModel::Landing landing)
      : stride_(stride), seeds_(seeds), landing_(landing) {}

  // Whether nothing was lost.
  bool run() {
    NorModel flash(small_flash);
    Variables now;
    auto session = format(flash);
    if (session == nullptr) {
      return false;
    }
    fill_work_area(flash);
    for (const Operation& operation : make_workload()) {
      const NorModel before = flash;
      const Variables wanted = after(operation, now);
      const std::uint64_t start = flash.steps();
      const Result<void> performed = session->perform(operation);
      if (!performed.has_value()) {
        if (performed.error() != Error::out_of_memory || flash.steps() != start) {
          return failed("an operation failed", before, flash);
        }
        continue;  // there was no room, and nothing was written
      }
      ++figures.operations;
      figures.steps += flash.steps() - start;
      if (load<std::uint32_t>(flash.cells(), small_layout.spare) != UINT32_MAX && flash.steps() - start > 4096) {
        ++figures.reclaims;
      }
      if (!cut_everywhere(before, operation, now, wanted)) {
        return false;
      }
      now = wanted;
      if (operation.kind == Operation::Kind::restart) {
        session = nullptr;
        session = std::make_unique<Session>(flash);
      }
      if (!session->is_open() || session->variables() != now) {
        return failed("the workload itself went wrong", before, flash);
      }
    }
    return true;
  }

  Figures figures;

 private:
  // A blank device is formatted, with cuts as well.
  std::unique_ptr<Session> format(NorModel& flash) {
    const NorModel before = flash;
    auto session = std::make_unique<Session>(flash);
    const Operation nothing{Operation::Kind::restart, {}, {}};
    if (!session->is_open() || !cut_everywhere(before, nothing, {}, {})) {
      return nullptr;
    }
    // The same on a device that is all zeroes, which takes erasures.
    if (!cut_everywhere(NorModel(std::vector<std::byte>(small_flash)), nothing, {}, {})) {
      return nullptr;
    }
    return session;
  }

  // Writes that are over, so many that the work area is written anew in the middle of the workload.
  static void fill_work_area(NorModel& flash) {
    constexpr int writes = 43;
    std::uint32_t offset = read_write_queue(flash.cells(), small_layout).header;
    for (int count = 0; count < writes; ++count) {
      const format::WriteHeader header{0xF8, {}, {}, 0, 1, 0};
      const format::WriteRecord record{0xF9, {}, 0, 0, small_region, -std::int64_t{small_layout.spare}};
      std::memcpy(flash.cells().data() + offset, &header, sizeof(header));
      std::memcpy(flash.cells().data() + offset + sizeof(header), &record, sizeof(record));
      offset += std::uint32_t{sizeof(header) + sizeof(record)};
    }
  }

  bool cut_everywhere(const NorModel& before, const Operation& operation, const Variables& old_values,
                      const Variables& new_values) {
    NorModel whole = before;
    {
      Session session(whole);
      if (!session.is_open() || !session.perform(operation).has_value()) {
        return failed("an operation doesn't succeed after a restart", before, whole);
      }
    }
    const std::uint64_t steps = whole.steps() - before.steps();
    for (; next_ < steps; next_ += stride_) {
      for (std::uint32_t seed = 0; seed < seeds_; ++seed) {
        if (!cut(before, operation, next_, seed, old_values, new_values)) {
          std::printf("operation of kind %d, step %llu of %llu, seed %u\n", static_cast<int>(operation.kind),
                      static_cast<unsigned long long>(next_), static_cast<unsigned long long>(steps), seed);
          return false;
        }
      }
    }
    next_ -= steps;
    return true;
  }

  bool cut(const NorModel& before, const Operation& operation, std::uint64_t step, std::uint32_t seed,
           const Variables& old_values, const Variables& new_values) {
    NorModel flash = before;
    flash.cut_power_at(step, seed * 0x9E3779B9 + static_cast<std::uint32_t>(step + figures.cuts), landing_);
    {
      Session session(flash);
      if (session.is_open()) {
        static_cast<void>(session.perform(operation));
      }
    }
    if (flash.powered()) {
      return failed("power didn't fail", before, flash);
    }
    ++figures.cuts;
    flash.power_up();
    const Variables as_pei = read_as_pei(flash.cells());
    if (as_pei != old_values && as_pei != new_values) {
      return failed("PEI reads something else", before, flash);
    }
    const NorModel left = flash;
    if (!check(flash, old_values, new_values, true)) {
      return failed("after a cut", before, left);
    }
    return cut_recovery(before, left, recovery_steps_, old_values, new_values);
  }

  // The recovery from what a cut left is cut too: at every step if it has few or once in a while, or at some.
  bool cut_recovery(const NorModel& before, const NorModel& left, std::uint64_t steps, const Variables& old_values,
                    const Variables& new_values) {
    const bool all = steps <= 8 || (steps > 1000 && ++long_recoveries_ % 2000 == 0);
    const std::uint64_t count = all ? steps : 2;
    for (std::uint64_t index = 0; index < count; ++index) {
      const std::uint64_t step = all ? index : random_() % steps;
      NorModel flash = left;
      flash.cut_power_at(step, static_cast<std::uint32_t>(random_()), landing_);
      {
        Session session(flash);
      }
      flash.power_up();
      ++figures.cut_recoveries;
      const NorModel left_again = flash;
      if (!check(flash, old_values, new_values, false)) {
        return failed("after a cut in a recovery", before, left_again);
      }
    }
    return true;
  }

  bool check(NorModel& flash, const Variables& old_values, const Variables& new_values, bool is_first) {
    const std::uint64_t start = flash.steps();
    Variables expected;
    {
      Session session(flash);
      ++figures.reopenings;
      if (is_first) {
        recovery_steps_ = flash.steps() - start;
      }
      if (!session.is_open()) {
        std::puts("the store doesn't open");
        return false;
      }
      expected = session.variables();
      if (expected != old_values && expected != new_values) {
        std::puts("neither the old nor the new values");
        return false;
      }
      if (is_first) {
        ++(expected == new_values ? figures.new_values : figures.old_values);
      }
      for (const Finding& finding : inspect(flash.cells(), small_layout)) {
        // A torn header stays: readers pass over it.
        if (read_record(flash.cells(), finding.offset, small_region).kind == RecordKind::torn) {
          continue;
        }
        std::printf("0x%X: %s\n", finding.offset, to_string(finding.id));
        return false;
      }
      // The store goes on working.
      const Key key{u"Afterwards", false};
      const Operation writes[] = {
          {Operation::Kind::set, key, {attribute::nv_bs, 0, "first"}},
          {Operation::Kind::set, key, {attribute::nv_bs, 0, "second"}},
      };
      for (const Operation& operation : writes) {
        const Result<void> written = session.perform(operation);
        if (!written.has_value() && written.error() != Error::out_of_memory) {
          std::puts("the store takes no more writes");
          return false;
        }
        if (written.has_value()) {
          expected[key] = operation.value;
        }
      }
    }
    Session session(flash);
    ++figures.reopenings;
    if (!session.is_open() || session.variables() != expected) {
      std::puts("what was written afterwards is lost");
      return false;
    }
    return true;
  }

  static bool failed(const char* what, const NorModel& before, const NorModel& left) {
    std::printf("FAILED: %s\n", what);
    save_flash("power-cut-before.fd", before.shown());
    save_flash("power-cut-left.fd", left.shown());
    return false;
  }

  std::uint64_t stride_;
  std::uint32_t seeds_;
  NorModel::Landing landing_;
  std::uint64_t next_ = 0;  // step of the operation at which power fails next
  std::uint64_t recovery_steps_ = 0;
  std::uint64_t long_recoveries_ = 0;
  std::mt19937 random_;
};

}  // namespace
}  // namespace redoubt::variable

using namespace redoubt::variable;

int main(int count, char** arguments) {
  const auto number = [&](int index, unsigned long otherwise) {
    return count > index ? std::strtoul(arguments[index], nullptr, 10) : otherwise;
  };
  const unsigned long stride = number(1, 1);
  const unsigned long seeds = number(2, 3);
  if (count > 3 || stride == 0 || seeds == 0) {
    std::fputs("power_cut_campaign: usage: power_cut_campaign [STRIDE [SEEDS]], numbers from 1 on\n", stderr);
    return 2;
  }
  using Landing = NorModel::Landing;
  Figures sum;
  bool well = true;
  const auto cut_power = [&](Landing landing, const char* what) {
    Campaign campaign(stride, static_cast<std::uint32_t>(seeds), landing);
    well = campaign.run();
    campaign.figures.print(what);
    sum.add(campaign.figures);
    return well;
  };
  BadBlockCampaign bad_blocks(stride, static_cast<std::uint32_t>(seeds));
  well = cut_power(Landing::one_by_one, "one byte after the other") &&
         cut_power(Landing::any_subset, "any of a write buffer's bytes") && bad_blocks.run();
  sum.print("all cuts");
  std::puts(well ? "nothing lost" : "LOST");
  return well ? 0 : 1;
}
