// SPDX-License-Identifier: BSD-2-Clause-Patent
// No error passes for a phase that MM has heard of.
#include "launch/dxe/phase.hpp"

#include <gtest/gtest.h>

namespace redoubt::launch::dxe {
namespace {

namespace status = abi::status;

TEST(PhaseOutcome, AnAnswerOfMmIsOne) {
  EXPECT_EQ(phase_outcome(status::success), PhaseOutcome::heard);
  EXPECT_EQ(phase_outcome(status::not_found), PhaseOutcome::heard);
  EXPECT_EQ(phase_outcome(status::device_error), PhaseOutcome::failed);
}

TEST(PhaseOutcome, WhatIsNoAnswerMeansThatNobodyHeard) {
  for (const abi::EfiStatus result :
       {status::timeout, status::not_ready, status::not_started, status::bad_buffer_size, status::buffer_too_small,
        status::invalid_parameter, status::access_denied, status::aborted, abi::EfiStatus{1} << 63 | 77}) {
    EXPECT_EQ(phase_outcome(result), PhaseOutcome::unheard) << std::hex << result;
  }
}

}  // namespace
}  // namespace redoubt::launch::dxe
