// SPDX-License-Identifier: BSD-2-Clause-Patent
// PEI's reading of MM's log against answers of any content and length, in mailboxes of any size: nothing may be read
// outside the mailbox, it must come to an end, and what reaches the console is bounded and printable.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "launch/pei/log_client.hpp"

namespace {

using namespace redoubt;

class Channel final : public launch::MessageChannel {
 public:
  Channel(const std::uint8_t* data, std::size_t size, std::size_t room) : data_(data), size_(size), buffer_(room) {
    buffer_.shrink_to_fit();
  }

  MutableBytes buffer() override { return buffer_; }

  // The input's next piece lies over the question.
  Result<Answer> exchange() override {
    if (size_ < 2) return std::unexpected(Error::device);
    const std::size_t count = std::min<std::size_t>({data_[0], size_ - 2, buffer_.size()});
    const std::size_t answered = std::min<std::size_t>(data_[1] * std::size_t{2}, buffer_.size());
    std::ranges::copy(std::as_bytes(std::span(data_ + 2, count)), buffer_.begin());
    data_ += 2 + count;
    size_ -= 2 + count;
    return Answer{.status = 0, .bytes = Bytes(buffer_).first(answered)};
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::vector<std::byte> buffer_;
};

class CheckingConsole final : public launch::Console {
 public:
  void write(std::string_view text) override {
    for (const char character : text) {
      if ((character < ' ' || character > '~') && character != '\r' && character != '\n') std::abort();
      if (character == '\n' && ++lines_ > launch::most_shown_errors + 1) std::abort();
    }
  }

 private:
  std::uint32_t lines_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  Channel channel(data + 1, size - 1, data[0] * std::size_t{2});
  CheckingConsole console;
  const launch::ShownErrors errors = launch::show_errors(channel, console);
  if (errors.count > launch::most_shown_errors) std::abort();
  return 0;
}
