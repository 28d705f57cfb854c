// SPDX-License-Identifier: BSD-2-Clause-Patent
// Two messages one after the other through a small buffer: whatever they say, nothing is read or written out of
// bounds (ASan), sizes agree with the copied header, the mailbox ends up free, and the second handler sees nothing
// of the first message.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "supervisor/communication/comm_buffer.hpp"

namespace {

constexpr std::size_t buffer_bytes = 512;

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using redoubt::supervisor::CapturedMessage;
  const std::span input(data, size);
  // On the heap, each by itself, so that the sanitizer sees every step beyond an end.
  std::vector<std::uint64_t> outside_words(buffer_bytes / 8);
  std::vector<std::uint64_t> copy_words(buffer_bytes / 8);
  auto* outside = reinterpret_cast<std::byte*>(outside_words.data());
  auto* copy = reinterpret_cast<std::byte*>(copy_words.data());
  redoubt::abi::CommBufferStatus status{};
  redoubt::supervisor::CommBuffer comm;
  comm.initialize(outside, copy, buffer_bytes, &status);

  for (int round = 0; round < 2; ++round) {
    const std::size_t half = size / 2;
    const auto part = round == 0 ? input.first(half) : input.subspan(half);
    std::uint64_t reply_size = 0;
    std::memcpy(&reply_size, part.data(), std::min(sizeof(reply_size), part.size()));
    std::memcpy(outside, part.data(), std::min(part.size(), buffer_bytes));
    if (size % 2 == 1 && part.size() >= 16)  // half of the inputs are version 3
      std::memcpy(outside, &redoubt::abi::communicate_header_v3_guid, 16);
    status.is_comm_buffer_valid = 1;
    const CapturedMessage message = comm.capture();
    require(message.kind != CapturedMessage::Kind::none);
    if (message.kind == CapturedMessage::Kind::rejected) {
      require(status.is_comm_buffer_valid == 0 && redoubt::abi::status::is_error(status.return_status));
      continue;
    }
    require(message.data_size <= message.data_capacity);
    require(message.data_offset + message.data_capacity <= buffer_bytes);
    require(std::memcmp(copy, outside, message.data_offset + message.data_size) == 0);
    const std::span tail(copy + message.data_offset + message.data_size, copy + buffer_bytes);
    require(std::ranges::all_of(tail, [](std::byte value) { return value == std::byte{0}; }));
    std::memset(copy + message.data_offset, 0xC3, std::min(reply_size, message.data_capacity));
    comm.reply(message, {.status = 0, .bytes = reply_size});
    require(status.is_comm_buffer_valid == 0);
    require(status.return_buffer_size <= buffer_bytes);
  }
  return 0;
}
