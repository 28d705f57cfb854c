// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/pei/hob_list.hpp"

#include "abi/pi/hob_cursor.hpp"

namespace redoubt::launch {

Result<std::size_t> measure_hob_list(Bytes memory) {
  abi::HobCursor cursor(memory);
  const auto first = cursor.next();
  const bool is_list = first && first->type == abi::HobType::handoff && first->bytes.size() == sizeof(abi::HobHandoff);
  if (first && !is_list) {
    return std::unexpected(Error::malformed);
  }
  while (cursor.next()) {
  }
  if (cursor.stop() == abi::HobCursor::Stop::cut_off) {
    return std::unexpected(Error::truncated);
  }
  if (!is_list || cursor.stop() != abi::HobCursor::Stop::end_of_list) {
    return std::unexpected(Error::malformed);
  }
  return cursor.position();
}

}  // namespace redoubt::launch
