// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/bad_block_campaign.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>

namespace redoubt::variable::test {

namespace {

using Defect = NorModel::Defect;

using Figures = BadBlockCampaign::Figures;

const char* name_of(Defect defect) {
  switch (defect) {
    case Defect::program_fails: return "programming fails";
    case Defect::erase_fails: return "erasing fails";
    case Defect::program_ignored: return "programming has no effect";
    case Defect::erase_ignored: return "erasing has no effect";
    case Defect::reads_wrong: return "bits read wrong";
  }
  return "unknown";
}

// A store on one flash, and what it has to hold.
class Run {
 public:
  Run(NorModel flash, Variables expected, Defect defect, Figures& figures)
      : flash_(std::move(flash)), expected_(std::move(expected)), defect_(defect), figures_(figures) {
    ++figures_.runs;
  }

  NorModel& flash() { return flash_; }
  // The store is closed, as it may be.
  bool is_over() const { return is_over_; }

  // Each of these says whether all was as it must be.
  bool start() {
    session_.reset();
    const bool was_broken = flash_.is_broken();
    const Variables stored = read_as_pei(flash_.cells());
    const Variables shown = read_as_pei(flash_.shown());
    const bool has_gone_bad = defect_ == Defect::reads_wrong && was_broken && !is_broken_since_start_ &&
                              (stored != shown || has_wrong_headers());
    session_ = std::make_unique<Session>(flash_);
    is_broken_since_start_ = was_broken;
    ++figures_.starts;
    if (!session_->is_open()) {
      ++figures_.closed;
      is_over_ = true;
      const Error error = session_->opened().error();
      if (error != Error::device && !(error == Error::malformed && session_->store().damage().has_value())) {
        return failed("the store is closed and doesn't say why");
      }
      return has_gone_bad || (expected_.empty() && !possible_.has_value()) ? true : failed("the store is closed");
    }
    figures_.read_only += session_->store().is_read_only() ? 1 : 0;
    const Variables found = session_->variables();
    if (has_gone_bad) {
      ++figures_.gone_bad;
      if (found != shown) {
        return failed("a start finds something else than flash shows");
      }
    } else if (found != expected_ && found != possible_) {
      return failed("a start finds something else");
    } else if (shown != found && (!shown.empty() || !found.empty())) {
      return failed("stock PEI reads something else before a start");
    }
    expected_ = found;
    possible_.reset();
    return check_pei();
  }

  bool perform(const Operation& operation) {
    if (operation.kind == Operation::Kind::restart) {
      return start();
    }
    const Variables wanted = after(operation, expected_);
    const std::uint64_t first_step = flash_.steps();
    const bool was_read_only = session_->store().is_read_only();
    const Result<void> performed = session_->perform(operation);
    if (performed.has_value()) {
      ++figures_.acknowledged;
      expected_ = wanted;
    } else if (performed.error() == Error::device) {
      ++figures_.refused;
      if (session_->store().is_read_only() && !was_read_only) {
        possible_ = wanted;
      }
    } else if (performed.error() != Error::out_of_memory || flash_.steps() != first_step) {
      return failed("an operation ends with another error");
    }
    if (session_->variables() != expected_) {
      return failed("values in the boot are others");
    }
    return check_pei();
  }

  // Power fails at a step of the operation if it has that many; then the next start.
  bool perform_with_cut(const Operation& operation, std::mt19937& random) {
    if (operation.kind == Operation::Kind::restart || session_->store().is_read_only()) {
      return perform(operation);
    }
    // Within a record of this size, or anywhere in a reclaim.
    const std::uint64_t step = random() % (random() % 4 == 0 ? 20000 : 100 + operation.value.data.size());
    const auto landing = random() % 2 == 0 ? NorModel::Landing::one_by_one : NorModel::Landing::any_subset;
    flash_.cut_power_at(step, static_cast<std::uint32_t>(random()), landing);
    const Variables wanted = after(operation, expected_);
    const Result<void> performed = session_->perform(operation);
    if (flash_.powered()) {
      flash_.power_up();
      if (performed.has_value()) {
        expected_ = wanted;
      } else if (session_->store().is_read_only()) {
        possible_ = wanted;
      }
      return true;
    }
    flash_.power_up();
    ++figures_.cuts;
    possible_ = wanted;
    return start();
  }

 private:
  bool check_pei() {
    if (defect_ == Defect::reads_wrong && flash_.is_broken() && !is_broken_since_start_) {
      return true;
    }
    const Variables read = read_as_pei(flash_.shown());
    return read == expected_ || read == possible_ ? true : failed("stock PEI reads something else");
  }

  // Some fields of them are looked at by the driver alone.
  bool has_wrong_headers() {
    const std::vector<std::byte> shown = flash_.shown();
    const auto are_equal = [&](std::uint32_t offset) {
      return std::equal(shown.begin() + offset, shown.begin() + offset + store_headers_size,
                        flash_.cells().begin() + offset);
    };
    return !are_equal(0) || !are_equal(small_layout.spare);
  }

  bool failed(const char* what) {
    std::printf("FAILED: %s\n", what);
    save_flash("bad-block.fd", flash_.shown());
    return false;
  }

  NorModel flash_;
  Variables expected_;
  // What may be there instead after the next start.
  std::optional<Variables> possible_;
  Defect defect_;
  Figures& figures_;
  std::unique_ptr<Session> session_;
  bool is_broken_since_start_ = false;
  bool is_over_ = false;
};

}  // namespace

// On a blank device, and on one that is all zeroes.
bool BadBlockCampaign::run_from_the_beginning(Defect defect) {
  const std::vector<Operation> workload = make_workload();
  for (std::uint32_t seed = 0; seed < 2 * seeds_; ++seed) {
    for (std::uint32_t block = 0; block < small_flash; block += small_layout.block_size) {
      // Where not all are tried, each block is with another defect.
      if (stride_ > 1 && counted_++ % 4 != 0) {
        continue;
      }
      std::mt19937 random(seed * 64 + block);
      NorModel flash(
          std::vector<std::byte>(small_flash, std::byte{seed % 2 == 0 ? std::uint8_t{0xFF} : std::uint8_t{0}}));
      flash.break_block(block, defect, 0, static_cast<std::uint32_t>(random()));
      Run run(std::move(flash), {}, defect, figures_);
      bool well = run.start();
      for (std::size_t index = 0; well && !run.is_over() && index < workload.size(); ++index) {
        well = random() % 4 == 0 ? run.perform_with_cut(workload[index], random) : run.perform(workload[index]);
        if (!well) {
          std::printf("%s, block 0x%X from the beginning, seed %u, operation %zu\n", name_of(defect), block, seed,
                      index);
        }
      }
      if (!well) {
        return false;
      }
    }
  }
  return true;
}

bool BadBlockCampaign::run_from_operations(Defect defect) {
  const std::vector<Operation> workload = make_workload();
  NorModel flash(small_flash);
  Variables now;
  auto session = std::make_unique<Session>(flash);
  for (std::size_t index = 0; index < workload.size(); ++index) {
    const NorModel before = flash;
    const Operation& operation = workload[index];
    if (operation.kind == Operation::Kind::restart) {
      session.reset();
      session = std::make_unique<Session>(flash);
    }
    const bool performed = session->perform(operation).has_value();
    const Variables wanted = performed ? after(operation, now) : now;
    const std::uint64_t steps = flash.steps() - before.steps();
    for (std::uint32_t seed = 0; seed < seeds_; ++seed) {
      for (std::uint32_t block = 0; block < small_flash; block += small_layout.block_size) {
        if (counted_++ % stride_ != 0) {
          continue;
        }
        std::mt19937 random(static_cast<std::uint32_t>(counted_));
        Run run(before, now, defect, figures_);
        const std::uint64_t step = random() % 4 == 0 ? 0 : random() % (steps + 1);
        // The workload goes on, once or twice with a cut, and every store meets two starts and a reclaim.
        constexpr std::size_t further = 10;
        bool well = run.start();
        run.flash().break_block(block, defect, step, static_cast<std::uint32_t>(random()));
        well = well && run.perform(operation);
        const auto go_on = [&](std::size_t first) {
          for (std::size_t next = first; well && !run.is_over() && next < first + further; ++next) {
            const Operation& following = workload[next % workload.size()];
            well = next % 8 == 0 ? run.perform_with_cut(following, random) : run.perform(following);
          }
        };
        const auto start = [&] {
          if (well && !run.is_over()) {
            well = run.start();
          }
        };
        go_on(index + 1);
        start();
        if (well && !run.is_over()) {
          well = run.perform({Operation::Kind::make_room, {}, {}});
        }
        go_on(index + 1 + further);
        start();
        start();
        if (!well) {
          std::printf("%s, block 0x%X from step %llu of %llu of operation %zu, count %llu\n", name_of(defect), block,
                      static_cast<unsigned long long>(step), static_cast<unsigned long long>(steps), index,
                      static_cast<unsigned long long>(counted_));
          return false;
        }
      }
    }
    now = wanted;
  }
  return true;
}

bool BadBlockCampaign::run() {
  for (const Defect defect : {Defect::program_fails, Defect::erase_fails, Defect::program_ignored,
                              Defect::erase_ignored, Defect::reads_wrong}) {
    figures_ = {};
    const bool well = run_from_the_beginning(defect) && run_from_operations(defect);
    std::printf(
        "%s in a block: %llu runs, %llu writes acknowledged, %llu refused, %llu cuts, %llu starts, of which %llu "
        "closed, "
        "%llu read-only, %llu that find bits of an acknowledged record gone bad\n",
        name_of(defect), static_cast<unsigned long long>(figures_.runs),
        static_cast<unsigned long long>(figures_.acknowledged), static_cast<unsigned long long>(figures_.refused),
        static_cast<unsigned long long>(figures_.cuts), static_cast<unsigned long long>(figures_.starts),
        static_cast<unsigned long long>(figures_.closed), static_cast<unsigned long long>(figures_.read_only),
        static_cast<unsigned long long>(figures_.gone_bad));
    std::fflush(stdout);
    if (!well) {
      return false;
    }
  }
  return true;
}

}  // namespace redoubt::variable::test
