// SPDX-License-Identifier: BSD-2-Clause-Patent
// Parameters through registers and back, and registers that are no parameters.
#include "abi/redoubt/system_call_arguments.hpp"

#include <gtest/gtest.h>

namespace redoubt::abi {
namespace {

template <typename T>
SystemResult<T> decode(std::uint64_t first, std::uint64_t second = 0) {
  const std::uint64_t words[] = {first, second};
  return Encoding<T>::decode(words);
}

template <typename T>
SystemResult<T> there_and_back(T value) {
  std::uint64_t words[2] = {};
  Encoding<T>::encode(value, words);
  return Encoding<T>::decode(words);
}

TEST(SystemCallArguments, ComeBackAsTheyWere) {
  EXPECT_EQ(there_and_back(std::uint64_t{5}), 5u);
  EXPECT_EQ(there_and_back(true), true);
  EXPECT_EQ(there_and_back(DriverAddress(7)), DriverAddress(7));
  EXPECT_EQ(there_and_back(ProcessorState::stopped), ProcessorState::stopped);
  const auto range = Range<FoundationSpace>::create(FoundationAddress(0x1000), 24).value();
  EXPECT_EQ(there_and_back(range), range);
  const PageAccess access{DomainId::foundation, read_write, read_only};
  EXPECT_EQ(there_and_back(access), access);
}

TEST(SystemCallArguments, WhatIsNoneIsRefused) {
  EXPECT_EQ(decode<Range<DriverSpace>>(~std::uint64_t{0}, 1).error(), SystemStatus::bad_address);
  EXPECT_EQ(decode<Range<FoundationSpace>>(1, ~std::uint64_t{0}).error(), SystemStatus::bad_address);
  EXPECT_EQ(decode<Range<PhysicalSpace>>(1, ~std::uint64_t{0}).error(), SystemStatus::not_permitted);
  EXPECT_EQ(decode<PageAccess>(1u << 24).error(), SystemStatus::invalid_argument);
  EXPECT_EQ(decode<MmSaveStateRegister>(std::uint64_t{1} << 32).error(), SystemStatus::not_found);
  EXPECT_EQ(decode<bool>(2), true);
}

// No call has more parameters than there are registers, and no two have one number.
#define REDOUBT_COUNT(...) registers_of(static_cast<void (*)(__VA_ARGS__)>(nullptr))
template <typename... Parameters>
constexpr std::size_t registers_of(void (*)(Parameters...)) {
  return (Encoding<Parameters>::registers + ... + 0);
}
#define REDOUBT_X(number, name, Value, parameters, names) static_assert(REDOUBT_COUNT parameters <= argument_registers);
REDOUBT_SYSTEM_CALLS(REDOUBT_X)
#undef REDOUBT_X
#undef REDOUBT_COUNT

}  // namespace
}  // namespace redoubt::abi
