// SPDX-License-Identifier: BSD-2-Clause-Patent
// See hob_list.hpp.
#include "launch/pei/hob_list.hpp"

#include "abi/pi/hob.hpp"

namespace redoubt::launch {

Result<std::size_t> measure_hob_list(Bytes memory) {
  ByteReader reader(memory);
  const auto first = TRY(reader.peek<abi::HobHandoff>());
  if (first.header.type != abi::HobType::handoff || first.header.length != sizeof(abi::HobHandoff)) {
    return std::unexpected(Error::malformed);
  }
  while (true) {
    const auto header = TRY(reader.peek<abi::HobHeader>());
    if (header.length < sizeof(abi::HobHeader) || header.length % 8 != 0) {
      return std::unexpected(Error::malformed);
    }
    TRY(reader.skip(header.length));
    if (header.type == abi::HobType::end_of_list) {
      return reader.position();
    }
  }
}

}  // namespace redoubt::launch
