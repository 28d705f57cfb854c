// SPDX-License-Identifier: BSD-2-Clause-Patent
// Requests to unblock memory, by HOB list and by message: whatever they say, what drivers are told is open is what the
// supervisor opened. The first byte says how many bytes are the HOB list.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "abi/pi/hob.hpp"
#include "foundation/testing/fake_supervisor.hpp"
#include "foundation/unblocking.hpp"

namespace {

using namespace redoubt;
using foundation::Unblocking;
using foundation::testing::FakeSupervisor;

void require(bool condition) {
  if (!condition) std::abort();
}

// Holes would let a byte at random be open by chance.
void compare(const Unblocking& unblocking, const FakeSupervisor& supervisor) {
  for (const auto& [base, pages] : supervisor.unblocked) {
    require(unblocking.holds(base, pages * page_bytes));
    require(unblocking.holds(base + pages * page_bytes - 1, 1));
    require(!unblocking.holds(base, pages * page_bytes + 1));
    require(base >= supervisor.outside_ram[0].first);
    require(pages <= supervisor.outside_ram[0].second);
  }
  require(!unblocking.holds(supervisor.outside_ram[0].first - 1, 1));
  require(!unblocking.holds(supervisor.outside_ram[0].first, ~std::uint64_t{0}));
  require(!unblocking.holds(0, 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static FakeSupervisor supervisor(16, 1);
  supervisor.unblocked.clear();
  supervisor.lines.clear();
  Unblocking unblocking(supervisor);

  const std::size_t hob_bytes = std::min<std::size_t>(size - 1, data[0]);
  const auto* input = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> hobs(input + 1, input + 1 + hob_bytes);
  // As reduce_hob_list leaves a list: lengths that lead from HOB to HOB.
  for (std::size_t at = 0; at + sizeof(abi::HobHeader) <= hobs.size();) {
    abi::HobHeader header;
    std::memcpy(&header, hobs.data() + at, sizeof(header));
    std::size_t length = (std::size_t{header.length} % 128 + sizeof(header)) & ~std::size_t{7};
    length = std::min(length, hobs.size() - at);
    header.length = static_cast<std::uint16_t>(length);
    std::memcpy(hobs.data() + at, &header, sizeof(header));
    at += length;
  }
  unblocking.unblock_hobs(hobs);
  compare(unblocking, supervisor);

  const std::byte* message = input + 1 + hob_bytes;
  std::size_t left = size - 1 - hob_bytes;
  while (left != 0) {
    const std::size_t count = std::min<std::size_t>(left, sizeof(abi::UnblockRequest));
    std::vector<std::byte> copy(message, message + count);
    message += count;
    left -= count;
    static_cast<void>(unblocking.answer(copy));
    compare(unblocking, supervisor);
  }
  return 0;
}
