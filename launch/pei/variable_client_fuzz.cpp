// SPDX-License-Identifier: BSD-2-Clause-Patent
// PEI's variable services against answers of any content and length, in mailboxes of any size: nothing may be read
// outside the mailbox or written outside the caller's buffers, which have exactly the size that they are said to have.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "abi/pi/communicate.hpp"
#include "launch/pei/variable_client.hpp"

namespace {

using namespace redoubt;

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  std::uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::size_t fill(MutableBytes bytes) {
    const std::size_t count = std::min(bytes.size(), size_);
    if (count != 0) std::memcpy(bytes.data(), data_, count);
    data_ += count;
    size_ -= count;
    return count;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

class Channel final : public launch::MessageChannel {
 public:
  Channel(Input& input, std::size_t size) : input_(input), buffer_(size) { buffer_.shrink_to_fit(); }

  MutableBytes buffer() override { return buffer_; }

  Result<Answer> exchange() override {
    // Raw bytes over all of it, or over what the sender wrote behind the header, so that some of it stays.
    const std::uint8_t kind = input_.byte();
    const std::size_t from = std::min<std::size_t>((kind & 1) != 0 ? input_.byte() : 0, buffer_.size());
    const std::size_t most = std::min<std::size_t>(input_.byte(), buffer_.size() - from);
    input_.fill(MutableBytes(buffer_).subspan(from, most));
    if ((kind & 2) != 0 && buffer_.size() >= sizeof(abi::CommunicateHeader) + 16) {
      // A status that makes the rest of the answer count.
      const std::uint64_t status = (kind & 4) != 0 ? 0 : std::uint64_t{1} << 63 | 5;
      std::memcpy(buffer_.data() + sizeof(abi::CommunicateHeader) + 8, &status, sizeof(status));
    }
    const std::size_t answered =
        (kind & 8) != 0 ? buffer_.size() : std::min<std::size_t>(input_.byte(), buffer_.size());
    return Answer{.status = (kind & 16) != 0 ? std::uint64_t{input_.byte()} << 56 : 0,
                  .bytes = Bytes(buffer_).first(answered)};
  }

 private:
  Input& input_;
  std::vector<std::byte> buffer_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  Channel channel(input, input.byte());
  launch::VariableClient client(channel);
  for (unsigned call = 0; call < 8; ++call) {
    std::vector<char16_t> name(input.byte() % 12 + std::size_t{1});
    name.shrink_to_fit();
    input.fill(std::as_writable_bytes(std::span(name)).first((name.size() - 1) * 2));
    std::vector<std::byte> content(input.byte() % 64);
    content.shrink_to_fit();
    abi::Guid vendor{};
    std::uint32_t attributes = 0;
    abi::UintN length = content.size();
    std::uint64_t figures[3];
    switch (input.byte() % 5) {
      case 0: {
        const abi::EfiStatus result = client.get(name.data(), &vendor, &attributes, &length, content.data());
        if (result == abi::status::success ? length > content.size()
                                           : (result == abi::status::buffer_too_small && length <= content.size())) {
          std::abort();
        }
        break;
      }
      case 1: {
        length = name.size() * sizeof(char16_t);
        const abi::EfiStatus result = client.get_next(&length, name.data(), &vendor);
        if (result == abi::status::success && length > name.size() * sizeof(char16_t)) std::abort();
        break;
      }
      case 2: client.set(name.data(), &vendor, input.byte(), content.size(), content.data()); break;
      case 3: client.query(input.byte(), &figures[0], &figures[1], &figures[2]); break;
      default: client.is_answered(); break;
    }
  }
  return 0;
}
