// SPDX-License-Identifier: BSD-2-Clause-Patent
// The workload on flash of which one block is bad: each block, in each way that NorModel::Defect names, from the
// beginning and from each STRIDE-th of the workload's operations on, there from a step of the operation at random.
// Where the block is bad from the beginning power fails now and then as well.
//
// What is demanded at each operation, and at each start after it, by the driver and as stock PEI reads the flash:
// - what was acknowledged is there; what was answered with an error is not;
// - an operation that was answered with an error may be in force after the next start in two cases only: the store
//   said at this operation that it takes no more writes, or power failed during it;
// - a store may be closed, and say why, where nothing was ever acknowledged: on a device that takes no empty store.
// Nothing helps against bits that were found right and acknowledged, and read wrong later. In that boot all values are
// still right, since memory has them. The next start finds exactly what stock PEI reads of the flash as it is then, or
// the store is closed and says why. From that start on everything above holds again. Bits that were wrong already when
// the driver started are no excuse for anything.
#pragma once

#include "drivers/variable/store/campaign_store.hpp"

namespace redoubt::variable::test {

class BadBlockCampaign {
 public:
  struct Figures {
    std::uint64_t runs = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t refused = 0;
    std::uint64_t cuts = 0;
    std::uint64_t starts = 0;
    std::uint64_t closed = 0;     // starts
    std::uint64_t read_only = 0;  // starts
    std::uint64_t gone_bad = 0;   // starts that find an acknowledged record gone bad
  };

  // Of blocks that are bad from the beginning each is tried with each of `seeds` seeds, or some if `stride` isn't 1.
  BadBlockCampaign(std::uint64_t stride, std::uint32_t seeds) : stride_(stride), seeds_(seeds) {}

  // Whether nothing was lost. Prints figures, a line for each defect.
  bool run();

 private:
  bool run_from_the_beginning(NorModel::Defect defect);
  bool run_from_operations(NorModel::Defect defect);

  std::uint64_t stride_;
  std::uint32_t seeds_;
  std::uint64_t counted_ = 0;
  Figures figures_;  // of the defect that is tried
};

}  // namespace redoubt::variable::test
