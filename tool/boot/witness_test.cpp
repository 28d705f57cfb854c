// SPDX-License-Identifier: BSD-2-Clause-Patent
// The order of lock and PCI enumeration from lines that QEMU 7.2 wrote.
#include "tool/boot/witness.hpp"

#include <gtest/gtest.h>

namespace redoubt::tool::boot {
namespace {

void apply_all(Witness& witness, std::initializer_list<const char*> lines) {
  for (const char* line : lines) {
    witness.apply(line);
  }
}

TEST(Witness, SeesALockInDxeAsTooLate) {
  Witness witness;
  apply_all(witness, {"pci_cfg_write mch 00:00.0 @0x60 <- 0xb0000001", "pci_cfg_write mch 00:00.0 @0x9d <- 0xa",
                      "pci_cfg_write mch 00:00.0 @0x10 <- 0xffffffff", "pci_cfg_write mch 00:00.0 @0x9d <- 0x1a"});
  EXPECT_TRUE(witness.locked);
  EXPECT_FALSE(witness.locked_before_pci);
}

TEST(Witness, SeesALockInPei) {
  Witness witness;
  apply_all(witness,
            {"pci_cfg_write mch 00:00.0 @0x60 <- 0xb0000001", "pci_cfg_write mch 00:00.0 @0x9c <- 0x1a01",
             "pci_cfg_write ich9-ahci 00:1f.2 @0x10 <- 0xffffffff", "pci_cfg_write mch 00:00.0 @0x9d <- 0x1a"});
  EXPECT_TRUE(witness.locked);
  EXPECT_TRUE(witness.locked_before_pci);
}

TEST(Witness, TakesNoOtherWriteForALock) {
  Witness witness;
  apply_all(witness, {"pci_cfg_write mch 00:00.0 @0x9c <- 0xff", "pci_cfg_write mch 00:00.0 @0x9d <- 0xa",
                      "pci_cfg_write ICH9-LPC 00:1f.0 @0x9d <- 0x1a", "pci_cfg_write mch 00:00.0 @0x9e <- 0x3f",
                      "pci_cfg_write mch", "pci_cfg_write mch @0x <- 0x", "", "something else"});
  EXPECT_FALSE(witness.locked);
  EXPECT_FALSE(witness.pci_enumerated);
}

TEST(Witness, CountsMmisAcrossBoots) {
  Witness witness;
  apply_all(witness, {"apm_io_write write addr=0x1 val=0x00", "apm_io_write write addr=0x0 val=0x00",
                      "pci_cfg_write mch 00:00.0 @0x9d <- 0x1a", "pci_cfg_write mch 00:00.0 @0x60 <- 0x0",
                      "apm_io_write write addr=0x0 val=0xff"});
  EXPECT_EQ(witness.mmi_requests, 2U);
  EXPECT_FALSE(witness.locked);
}

}  // namespace
}  // namespace redoubt::tool::boot
