// SPDX-License-Identifier: BSD-2-Clause-Patent
// See communicate_repack.hpp.
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
  const auto wide = read_at<abi::CommunicateHeader>(*answer, 0);
  if (!wide) {
    return std::unexpected(Error::malformed);
  }
  const auto data = slice(*answer, sizeof(abi::CommunicateHeader), wide->message_length);
  if (!data) {
    return std::unexpected(Error::malformed);
  }
  const CommunicateHeader32 header{.header_guid = wide->header_guid,
                                   .message_length = static_cast<std::uint32_t>(data->size())};
  needed = sizeof(header) + data->size();
  if (caller.size() < needed) {
    return std::unexpected(Error::out_of_memory);
  }
  std::memcpy(caller.data(), &header, sizeof(header));
  if (!data->empty()) {
    std::memcpy(caller.data() + sizeof(header), data->data(), data->size());
  }
  return needed;
}

}  // namespace redoubt::launch
