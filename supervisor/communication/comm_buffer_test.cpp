// SPDX-License-Identifier: BSD-2-Clause-Patent
// Sizes that must be refused (threats C1), what a handler may see, and what may come back.
#include "supervisor/communication/comm_buffer.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace redoubt::supervisor {
namespace {

constexpr std::uint64_t buffer_bytes = 8192;
constexpr abi::Guid some_guid = {0x12345678, 0x9abc, 0xdef0, {1, 2, 3, 4, 5, 6, 7, 8}};

class CommBufferTest : public testing::Test {
 protected:
  CommBufferTest() { comm_.initialize(outside_.data(), copy_.data(), buffer_bytes, &status_); }

  void send(std::uint64_t message_length) {
    const abi::CommunicateHeader header = {some_guid, message_length};
    std::memcpy(outside_.data(), &header, sizeof(header));
    status_.is_comm_buffer_valid = 1;
  }
  void send_v3(std::uint64_t buffer_size, std::uint64_t message_size) {
    const abi::CommunicateHeaderV3 header = {abi::communicate_header_v3_guid, buffer_size, 0, some_guid, message_size};
    std::memcpy(outside_.data(), &header, sizeof(header));
    status_.is_comm_buffer_valid = 1;
  }
  void expect_rejected() {
    status_.return_status = 0;
    const CapturedMessage message = comm_.capture();
    EXPECT_EQ(message.kind, CapturedMessage::Kind::rejected);
    EXPECT_EQ(message.data_size, 0u);
    EXPECT_EQ(status_.return_status, abi::status::bad_buffer_size);
    EXPECT_EQ(status_.return_buffer_size, 0u);
    EXPECT_EQ(status_.is_comm_buffer_valid, 0) << "the mailbox stays taken";
    EXPECT_EQ(comm_.capture().kind, CapturedMessage::Kind::none);
  }

  alignas(8) std::array<std::byte, buffer_bytes> outside_{};
  alignas(8) std::array<std::byte, buffer_bytes> copy_{};
  abi::CommBufferStatus status_{};
  CommBuffer comm_;
};

TEST_F(CommBufferTest, EmptyMailboxTouchesNothing) {
  status_.return_status = 7;
  EXPECT_EQ(comm_.capture().kind, CapturedMessage::Kind::none);
  EXPECT_EQ(status_.return_status, 7u);
}

TEST_F(CommBufferTest, Version1WithEveryLengthThatFits) {
  for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{23}, std::uint64_t{24},
                                     std::uint64_t{4095}, std::uint64_t{4096}, buffer_bytes - 24}) {
    send(length);
    const CapturedMessage message = comm_.capture();
    ASSERT_EQ(message.kind, CapturedMessage::Kind::message) << length;
    EXPECT_EQ(message.guid, some_guid);
    EXPECT_EQ(message.data_offset, 24u);
    EXPECT_EQ(message.data_size, length);
    EXPECT_EQ(message.data_capacity, buffer_bytes - 24);
    EXPECT_EQ(status_.is_comm_buffer_valid, 1) << "released before it was answered";
    comm_.reply(message, {.status = abi::status::success, .bytes = length});
    EXPECT_EQ(status_.is_comm_buffer_valid, 0);
    EXPECT_EQ(status_.return_buffer_size, 24 + length);
  }
}

TEST_F(CommBufferTest, Version1WithLengthsThatDont) {
  std::vector<std::uint64_t> lengths = {buffer_bytes - 23, buffer_bytes, buffer_bytes + 1, 1u << 31,
                                        std::uint64_t{1} << 63};
  for (std::uint64_t back = 1; back <= 64; ++back) lengths.push_back(std::uint64_t{0} - back);
  for (const std::uint64_t length : lengths) {
    SCOPED_TRACE(length);
    send(length);
    expect_rejected();
  }
}

TEST_F(CommBufferTest, Version3Sizes) {
  send_v3(56, 0);
  EXPECT_EQ(comm_.capture().data_size, 0u);
  send_v3(buffer_bytes, 10);
  const CapturedMessage message = comm_.capture();
  EXPECT_EQ(message.kind, CapturedMessage::Kind::message);
  EXPECT_EQ(message.data_size, buffer_bytes - 56);
  EXPECT_EQ(message.data_offset, 56u);

  for (std::uint64_t size = 0; size < 56; ++size) {
    send_v3(size, 0);
    expect_rejected();
  }
  send_v3(buffer_bytes + 1, 0);
  expect_rejected();
  send_v3(100, 45);
  expect_rejected();
  for (std::uint64_t back = 1; back <= 64; ++back) {
    send_v3(100, std::uint64_t{0} - back);
    expect_rejected();
    send_v3(std::uint64_t{0} - back, 0);
    expect_rejected();
  }
}

TEST_F(CommBufferTest, HandlerSeesNoBytesOfEarlierMessages) {
  outside_.fill(std::byte{0xAA});
  send(4000);
  comm_.reply(comm_.capture(), {.status = 0, .bytes = 5000});
  send(8);
  const CapturedMessage message = comm_.capture();
  ASSERT_EQ(message.kind, CapturedMessage::Kind::message);
  for (std::uint64_t i = 32; i < buffer_bytes; ++i) ASSERT_EQ(copy_[i], std::byte{0}) << i;
}

TEST_F(CommBufferTest, ReplyIsCutToTheCapacity) {
  send_v3(100, 4);
  const CapturedMessage message = comm_.capture();
  copy_.fill(std::byte{0x55});
  outside_[100] = std::byte{0x77};
  comm_.reply(message, {.status = abi::status::success, .bytes = ~std::uint64_t{0}});
  EXPECT_EQ(status_.return_buffer_size, 100u);
  EXPECT_EQ(outside_[99], std::byte{0x55});
  EXPECT_EQ(outside_[100], std::byte{0x77}) << "bytes after the declared buffer changed";
}

// Counts the instructions that read each word of a page: the page can't be read, each attempt faults, and the trap flag
// lets one instruction alone through.
class WatchedPage {
 public:
  WatchedPage()
      : page_(static_cast<std::byte*>(
            mmap(nullptr, buffer_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    if (page_ == MAP_FAILED) std::abort();
    watched = this;
  }
  ~WatchedPage() {
    watched = nullptr;
    munmap(page_, buffer_bytes);
  }
  WatchedPage(const WatchedPage&) = delete;
  WatchedPage& operator=(const WatchedPage&) = delete;

  std::byte* data() { return page_; }
  template <typename Function>
  void watch(Function function) {
    struct sigaction access{};
    access.sa_sigaction = on_access;
    access.sa_flags = SA_SIGINFO;
    struct sigaction step{};
    step.sa_sigaction = on_step;
    step.sa_flags = SA_SIGINFO;
    struct sigaction old_access{};
    struct sigaction old_step{};
    sigaction(SIGSEGV, &access, &old_access);
    sigaction(SIGTRAP, &step, &old_step);
    protect(PROT_NONE);
    function();
    protect(PROT_READ | PROT_WRITE);
    sigaction(SIGSEGV, &old_access, nullptr);
    sigaction(SIGTRAP, &old_step, nullptr);
  }
  unsigned reads_of_word(std::size_t word) const { return reads_[word]; }

 private:
  static constexpr greg_t trap_flag = 0x100;

  static void on_access(int, siginfo_t* information, void* context) {
    const auto offset = static_cast<std::size_t>(static_cast<std::byte*>(information->si_addr) - watched->page_);
    if (offset >= buffer_bytes) std::abort();
    ++watched->reads_[offset / 8];
    watched->protect(PROT_READ | PROT_WRITE);
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] |= trap_flag;
  }
  static void on_step(int, siginfo_t*, void* context) {
    watched->protect(PROT_NONE);
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~trap_flag;
  }
  void protect(int rights) {
    if (mprotect(page_, buffer_bytes, rights) != 0) std::abort();
  }

  static inline WatchedPage* watched = nullptr;
  std::byte* page_;
  std::array<unsigned, buffer_bytes / 8> reads_{};
};

// What decides is read once: whoever changes it afterwards changes nothing.
TEST_F(CommBufferTest, EachWordOfAHeaderIsReadOnce) {
  for (const bool version_3 : {false, true}) {
    WatchedPage page;
    version_3 ? send_v3(100, 4) : send(64);
    std::memcpy(page.data(), outside_.data(), 100);
    comm_.initialize(page.data(), copy_.data(), buffer_bytes, &status_);
    CapturedMessage message;
    page.watch([&] { message = comm_.capture(); });
    EXPECT_EQ(message.kind, CapturedMessage::Kind::message);
    for (std::size_t word = 0; word < message.data_offset / 8; ++word) {
      EXPECT_EQ(page.reads_of_word(word), 1u) << "word " << word << ", version 3: " << version_3;
    }
  }
}

// Somebody rewrites header and data all the time; whatever is captured is consistent with itself.
TEST_F(CommBufferTest, RacingWriterNeverYieldsAnInconsistentMessage) {
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    auto* length = reinterpret_cast<std::atomic<std::uint64_t>*>(outside_.data() + 16);
    std::uint64_t value = 1;
    while (!stop) {
      value = value * 6364136223846793005u + 1442695040888963407u;
      length->store((value >> 40) % 2 == 0 ? value : value >> 51);
    }
  });
  for (int round = 0; round < 20000; ++round) {
    status_.is_comm_buffer_valid = 1;
    std::memcpy(outside_.data(), &some_guid, sizeof(some_guid));
    const CapturedMessage message = comm_.capture();
    if (message.kind != CapturedMessage::Kind::message) continue;
    ASSERT_LE(message.data_size, message.data_capacity);
    std::uint64_t copied;
    std::memcpy(&copied, copy_.data() + 16, sizeof(copied));
    ASSERT_EQ(copied, message.data_size);
    comm_.reply(message, {.status = 0, .bytes = message.data_size});
  }
  stop = true;
  writer.join();
}

}  // namespace
}  // namespace redoubt::supervisor
