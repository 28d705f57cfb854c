// SPDX-License-Identifier: BSD-2-Clause-Patent
// Fuzz target of check_message(): first byte says which arguments there are, then the capacity in pages, the size
// argument, and the caller's buffer. The oracle computes in 128 bits, where nothing wraps.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "abi/pi/communicate.hpp"
#include "launch/dxe/message_check.hpp"

namespace {

using redoubt::abi::CommunicateHeader;
using redoubt::abi::CommunicateHeaderV3;
using redoubt::abi::UintN;
using redoubt::launch::dxe::HeaderRule;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t data_size) {
  namespace status = redoubt::abi::status;
  __extension__ using Wide = unsigned __int128;

  constexpr std::size_t fixed = 1 + 1 + sizeof(UintN);
  if (data_size < fixed) return 0;
  const bool has_size = (data[0] & 1) != 0;
  const auto rule = (data[0] & 2) != 0 ? HeaderRule::version_3 : HeaderRule::any;
  const bool make_version_3 = (data[0] & 4) != 0;
  const std::uint64_t capacity = (std::uint64_t{data[1]} + 1) * 4096;
  UintN size = 0;
  std::memcpy(&size, data + 2, sizeof(size));
  const UintN given_size = size;

  // As much of a buffer as the contract asks for, and not a byte more.
  CommunicateHeaderV3 header{};
  std::memcpy(&header, data + fixed, std::min(data_size - fixed, sizeof(header)));
  if (make_version_3) header.header_guid = redoubt::abi::communicate_header_v3_guid;
  const bool version_3 = header.header_guid == redoubt::abi::communicate_header_v3_guid;
  std::size_t readable = version_3 ? sizeof(CommunicateHeaderV3) : sizeof(CommunicateHeader);
  if (has_size) readable = std::min<std::size_t>(readable, size);
  std::vector<std::uint8_t> buffer(std::max<std::size_t>(readable, 1));
  std::memcpy(buffer.data(), &header, readable);

  const auto check = redoubt::launch::dxe::check_message(buffer.data(), has_size ? &size : nullptr, rule, capacity);

  if (check.status == status::success) {
    std::uint64_t length = 0;
    std::memcpy(&length, reinterpret_cast<const std::uint8_t*>(&header) + 16, sizeof(length));
    const Wide declared = version_3 ? Wide{header.buffer_size} : Wide{sizeof(CommunicateHeader)} + length;
    require(check.message_size == declared);
    require(declared >= (version_3 ? sizeof(CommunicateHeaderV3) : sizeof(CommunicateHeader)));
    require(declared <= capacity);
    require(!version_3 || Wide{header.message_size} + sizeof(CommunicateHeaderV3) <= declared);
    require(check.reply_capacity == (has_size ? Wide{given_size} : declared));
    require(check.message_size <= check.reply_capacity);
    require(rule == HeaderRule::any || version_3);
    require(std::memcmp(buffer.data(), &header, readable) == 0);
    require(size == given_size);
  } else {
    require(check.status == status::invalid_parameter || check.status == status::bad_buffer_size);
    require(check.message_size == 0 && check.reply_capacity == 0);
    require(check.status == status::bad_buffer_size || size == given_size);
  }
  return 0;
}
