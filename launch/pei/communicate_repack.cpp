// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/pei/communicate_repack.hpp"

#include <cstring>

namespace redoubt::launch {

Result<std::size_t> pack_for_mm(Bytes caller, MutableBytes mailbox) {
  const auto header = read_at<CommunicateHeader32>(caller, 0);
  if (!header) {
    return std::unexpected(Error::invalid_argument);
  }
  const auto data = slice(caller, sizeof(CommunicateHeader32), header->message_length);
  if (!data) {
    return std::unexpected(Error::invalid_argument);
  }
  const abi::CommunicateHeader wide{.header_guid = header->header_guid, .message_length = data->size()};
  if (mailbox.size() < sizeof(wide) || data->size() > mailbox.size() - sizeof(wide)) {
    return std::unexpected(Error::out_of_memory);
  }
  std::memcpy(mailbox.data(), &wide, sizeof(wide));
  if (!data->empty()) {
    std::memcpy(mailbox.data() + sizeof(wide), data->data(), data->size());
  }
  return sizeof(wide) + data->size();
}

Result<std::size_t> unpack_from_mm(Bytes mailbox, std::uint64_t size, MutableBytes caller, std::size_t& needed) {
  const auto answer = slice(mailbox, 0, size);
  if (!answer) {
    return std::unexpected(Error::malformed);
  }
  const auto data = slice_from(*answer, sizeof(abi::CommunicateHeader));
  if (!data) {
    return std::unexpected(Error::malformed);
  }
  needed = sizeof(CommunicateHeader32) + data->size();
  if (caller.size() < needed) {
    return std::unexpected(Error::out_of_memory);
  }
  if (!data->empty()) {
    std::memcpy(caller.data() + sizeof(CommunicateHeader32), data->data(), data->size());
  }
  return needed;
}

}  // namespace redoubt::launch
