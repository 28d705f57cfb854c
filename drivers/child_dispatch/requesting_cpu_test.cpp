// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/child_dispatch/requesting_cpu.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace redoubt::child_dispatch {
namespace {

struct Processor {
  std::optional<InterruptedCode::IoWrite> io;
  std::optional<std::uint64_t> rax;
  std::optional<std::uint64_t> rdx;
};

class FakeCode final : public InterruptedCode {
 public:
  explicit FakeCode(std::vector<Processor> processors) : processors_(std::move(processors)) {}
  std::optional<IoWrite> io_write(abi::UintN cpu) override { return processors_.at(cpu).io; }
  std::optional<std::uint64_t> rax(abi::UintN cpu) override { return processors_.at(cpu).rax; }
  std::optional<std::uint64_t> rdx(abi::UintN cpu) override { return processors_.at(cpu).rdx; }

 private:
  std::vector<Processor> processors_;
};

abi::UintN find(const std::vector<Processor>& processors, abi::UintN running) {
  FakeCode code(processors);
  return find_requesting_cpu(code, processors.size(), running, 0xB2, 0x55);
}

const Processor unknown{};
const Processor elsewhere{std::nullopt, 0x1234'5600, 0xB2};
const Processor by_immediate{std::nullopt, 0xFFFF'FF55, 0x1000};
const Processor by_dx{std::nullopt, 0x55, 0xFFFF'0000'00B2};
const Processor noted{InterruptedCode::IoWrite{0xB2, 0x55}, std::nullopt, std::nullopt};
const Processor noted_elsewhere{InterruptedCode::IoWrite{0x80, 0x55}, 0x55, 0xB2};

TEST(RequestingCpu, IsTheRunningOneIfNothingIsKnown) {
  EXPECT_EQ(find({unknown}, 0), 0U);
  EXPECT_EQ(find({unknown, unknown, unknown}, 1), 1U);
  EXPECT_EQ(find({elsewhere, elsewhere, unknown}, 1), 1U);
}

TEST(RequestingCpu, IsTheOneWhoseRegistersFit) {
  EXPECT_EQ(find({elsewhere, unknown, by_immediate}, 0), 2U);
  EXPECT_EQ(find({by_immediate, elsewhere, by_dx}, 0), 2U);
  EXPECT_EQ(find({by_dx, by_immediate, by_immediate}, 2), 0U);
}

TEST(RequestingCpu, IsTheRunningOneAmongEquals) {
  EXPECT_EQ(find({by_dx, by_dx, by_immediate}, 1), 1U);
  EXPECT_EQ(find({by_immediate, by_immediate}, 1), 1U);
}

TEST(RequestingCpu, IsTheOneThatHardwareNames) {
  EXPECT_EQ(find({by_dx, noted, by_dx}, 0), 1U);
  EXPECT_EQ(find({noted_elsewhere, noted}, 0), 1U);
  EXPECT_EQ(find({noted_elsewhere, by_immediate}, 0), 1U) << "it was at another instruction";
}

}  // namespace
}  // namespace redoubt::child_dispatch
