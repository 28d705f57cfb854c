// SPDX-License-Identifier: BSD-2-Clause-Patent
// Any bytes as a HOB list: both passes agree, the copy fits exactly, and the copy is itself a list that needs no
// further reduction. The bytes are the HOBs between a good hand-off HOB and a good end, or, by the first bit, the whole
// list.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "foundation/hob_list.hpp"
#include "foundation/testing/launch_input.hpp"

namespace {

using redoubt::foundation::HobListSummary;
using redoubt::foundation::reduce_hob_list;

constexpr std::uint64_t mmram_base = 0x7F000000;
constexpr std::uint64_t mmram_size = 0x1000000;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::vector<std::byte> input(size - 1);
  if (!input.empty()) std::memcpy(input.data(), data + 1, input.size());
  if ((data[0] & 1) != 0) input = redoubt::foundation::testing::hob_list({input});

  const auto measured = reduce_hob_list(input, mmram_base, mmram_size, 0, {});
  if (!measured.has_value()) return 0;
  require(measured->bytes <= input.size());
  std::vector<std::byte> copy(measured->bytes);
  const auto copied = reduce_hob_list(input, mmram_base, mmram_size, 0x1000, copy);
  require(copied.has_value() && copied->bytes == measured->bytes && copied->kept == measured->kept);
  const auto again = reduce_hob_list(copy, mmram_base, mmram_size, 0x1000, {});
  require(again.has_value() && again->bytes == copy.size() && again->kept == copied->kept && again->dropped == 0);
  return 0;
}
