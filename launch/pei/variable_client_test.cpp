// SPDX-License-Identifier: BSD-2-Clause-Patent
// PEI's variable services against the driver in MM, and against an MM that lies.
#include "launch/pei/variable_client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>

#include "abi/pi/communicate.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::launch {
namespace {

using namespace variable::test;
using abi::variable_messages::AccessVariable;
using abi::variable_messages::NamedVariable;
using abi::variable_messages::VariableMessageHeader;
namespace attribute = variable::attribute;
namespace status = abi::status;

constexpr std::size_t mailbox_bytes = std::size_t{64} * 4096;
constexpr std::size_t payload_offset = sizeof(abi::CommunicateHeader) + sizeof(VariableMessageHeader);

// MM as the supervisor has it: the handler sees the declared bytes of a copy, and as many come back.
class MachineChannel final : public MessageChannel {
 public:
  explicit MachineChannel(variable::test::Machine& machine, std::size_t size = mailbox_bytes)
      : machine_(machine), buffer_(size, std::byte{0xE5}) {}

  MutableBytes buffer() override { return busy ? MutableBytes{} : MutableBytes(buffer_); }

  Result<Answer> exchange() override {
    ++exchanges;
    if (silent) return std::unexpected(Error::device);
    const auto header = read_at<abi::CommunicateHeader>(buffer_, 0);
    EXPECT_TRUE(header.has_value() && header->header_guid == abi::smm_variable_guid);
    EXPECT_LE(header->message_length, buffer_.size() - sizeof(*header));
    std::vector<std::byte> copy(
        buffer_.begin() + sizeof(*header),
        buffer_.begin() + static_cast<std::ptrdiff_t>(sizeof(*header) + header->message_length));
    copy.shrink_to_fit();
    machine_.handler->answer_variable_message(copy);
    std::ranges::copy(copy, buffer_.begin() + sizeof(*header));
    Answer answer{.status = delivery, .bytes = Bytes(buffer_).first(sizeof(*header) + copy.size())};
    if (change) change(buffer_, answer);
    return answer;
  }

  bool busy = false;
  bool silent = false;
  std::uint64_t delivery = 0;
  unsigned exchanges = 0;
  std::function<void(std::vector<std::byte>&, Answer&)> change;

 private:
  variable::test::Machine& machine_;
  std::vector<std::byte> buffer_;
};

struct Pei {
  Machine machine;
  MachineChannel channel{machine};
  VariableClient client{channel};

  abi::EfiStatus set(const char16_t* name, std::string_view data, std::uint32_t attributes = attribute::nv_bs_rt) {
    return client.set(name, &vendor_a, attributes, data.size(), data.data());
  }
};

TEST(VariableClient, WritesReadsListsAndDeletesThroughTheDriver) {
  Pei pei;
  EXPECT_TRUE(pei.client.is_answered());
  EXPECT_EQ(pei.set(u"Name", "value"), status::success);
  EXPECT_EQ(pei.machine.get(u"Name").data, "value");

  char data[8];
  abi::UintN size = sizeof(data);
  std::uint32_t attributes = 0;
  EXPECT_EQ(pei.client.get(u"Name", &vendor_a, &attributes, &size, data), status::success);
  EXPECT_EQ(std::string_view(data, size), "value");
  EXPECT_EQ(attributes, attribute::nv_bs_rt);
  size = 5;
  EXPECT_EQ(pei.client.get(u"Name", &vendor_a, nullptr, &size, data), status::success);

  std::u16string name(64, u'\0');
  abi::Guid vendor{};
  std::vector<std::u16string> names;
  for (;;) {
    abi::UintN room = name.size() * sizeof(char16_t);
    const abi::EfiStatus result = pei.client.get_next(&room, name.data(), &vendor);
    if (result != status::success) {
      EXPECT_EQ(result, status::not_found);
      break;
    }
    names.emplace_back(name.c_str());
    EXPECT_EQ(room, (names.back().size() + 1) * 2);
  }
  EXPECT_EQ(names, pei.machine.names());

  std::uint64_t maximum = 0;
  std::uint64_t remaining = 0;
  std::uint64_t largest = 0;
  EXPECT_EQ(pei.client.query(attribute::nv_bs_rt, &maximum, &remaining, &largest), status::success);
  EXPECT_GT(maximum, remaining);
  EXPECT_EQ(pei.client.query(0, &maximum, &remaining, &largest), status::invalid_parameter);

  EXPECT_EQ(pei.set(u"Name", "", attribute::nv_bs_rt), status::success);
  size = sizeof(data);
  EXPECT_EQ(pei.client.get(u"Name", &vendor_a, nullptr, &size, data), status::not_found);
  EXPECT_EQ(size, sizeof(data));
}

TEST(VariableClient, BuffersThatAreTooSmall) {
  Pei pei;
  ASSERT_EQ(pei.set(u"A", "1"), status::success);
  ASSERT_EQ(pei.set(u"LongerName", "12345678"), status::success);
  std::vector<std::byte> data(7, std::byte{0x77});
  data.shrink_to_fit();
  for (const abi::UintN room : {abi::UintN{0}, abi::UintN{1}, abi::UintN{7}}) {
    abi::UintN size = room;
    std::uint32_t attributes = 0;
    EXPECT_EQ(pei.client.get(u"LongerName", &vendor_a, &attributes, &size, data.data()), status::buffer_too_small);
    EXPECT_EQ(size, 8u);
    EXPECT_EQ(attributes, attribute::nv_bs_rt);
  }
  EXPECT_EQ(data, std::vector(7, std::byte{0x77}));
  // No data at all asks for the size; with room that would do it is a mistake.
  abi::UintN size = 0;
  EXPECT_EQ(pei.client.get(u"LongerName", &vendor_a, nullptr, &size, nullptr), status::buffer_too_small);
  EXPECT_EQ(size, 8u);
  EXPECT_EQ(pei.client.get(u"LongerName", &vendor_a, nullptr, &size, nullptr), status::invalid_parameter);
  // More room than a message has.
  std::vector<char> wide(2 * mailbox_bytes);
  size = wide.size();
  EXPECT_EQ(pei.client.get(u"LongerName", &vendor_a, nullptr, &size, wide.data()), status::success);
  EXPECT_EQ(size, 8u);

  // A name that doesn't fit leaves everything but the size.
  for (const abi::UintN stated : {abi::UintN{4}, abi::UintN{20}, abi::UintN{21}, abi::UintN{22}}) {
    std::vector<char16_t> name(11, u'\0');
    name[0] = u'A';
    abi::Guid vendor = vendor_a;
    abi::UintN room = stated;
    EXPECT_EQ(pei.client.get_next(&room, name.data(), &vendor),
              stated < 22 ? status::buffer_too_small : status::success);
    EXPECT_EQ(room, 22u);
    EXPECT_EQ(std::u16string_view(name.data()), stated < 22 ? u"A" : u"LongerName");
    EXPECT_EQ(vendor, vendor_a);
  }
  abi::Guid vendor{};
  abi::UintN room = 4;
  char16_t none[2] = {};
  EXPECT_EQ(pei.client.get_next(&room, none, &vendor), status::buffer_too_small);
  EXPECT_GT(room, 4u);
  EXPECT_EQ(none[0], u'\0');
}

TEST(VariableClient, ArgumentsThatCannotBe) {
  Pei pei;
  char data[4] = {};
  char16_t name[4] = u"Abc";
  abi::Guid vendor = vendor_a;
  abi::UintN size = sizeof(data);
  std::uint64_t figure = 0;
  auto& client = pei.client;
  EXPECT_EQ(client.get(nullptr, &vendor, nullptr, &size, data), status::invalid_parameter);
  EXPECT_EQ(client.get(name, nullptr, nullptr, &size, data), status::invalid_parameter);
  EXPECT_EQ(client.get(name, &vendor, nullptr, nullptr, data), status::invalid_parameter);
  EXPECT_EQ(client.get_next(nullptr, name, &vendor), status::invalid_parameter);
  EXPECT_EQ(client.get_next(&size, nullptr, &vendor), status::invalid_parameter);
  EXPECT_EQ(client.get_next(&size, name, nullptr), status::invalid_parameter);
  EXPECT_EQ(client.set(nullptr, &vendor, 7, 1, data), status::invalid_parameter);
  EXPECT_EQ(client.set(name, nullptr, 7, 1, data), status::invalid_parameter);
  EXPECT_EQ(client.set(name, &vendor, 7, 1, nullptr), status::invalid_parameter);
  EXPECT_EQ(client.set(u"", &vendor, 7, 1, data), status::invalid_parameter);
  EXPECT_EQ(client.query(7, nullptr, &figure, &figure), status::invalid_parameter);
  EXPECT_EQ(client.query(7, &figure, nullptr, &figure), status::invalid_parameter);
  EXPECT_EQ(client.query(7, &figure, &figure, nullptr), status::invalid_parameter);
  EXPECT_EQ(client.get(u"", &vendor, nullptr, &size, data), status::not_found);
  // Names that don't end in the room that the caller states.
  for (const abi::UintN room : {abi::UintN{0}, abi::UintN{1}, abi::UintN{6}, abi::UintN{7}}) {
    abi::UintN stated = room;
    EXPECT_EQ(client.get_next(&stated, name, &vendor), status::invalid_parameter) << room;
    EXPECT_EQ(stated, room);
  }
  EXPECT_EQ(pei.channel.exchanges, 0u) << "nothing of this is worth a message";
  size = sizeof(name);
  EXPECT_EQ(client.get_next(&size, name, &vendor), status::invalid_parameter) << "no such variable";
}

// The longest name and the most data that a message carries, and one more of each.
TEST(VariableClient, TheMailboxIsTheLimit) {
  Pei pei;
  constexpr std::size_t room = mailbox_bytes - payload_offset - sizeof(AccessVariable);
  const std::vector<char> data(room, 'x');
  // The driver refuses it for its own limit; the message got there.
  EXPECT_EQ(pei.client.set(u"N", &vendor_a, attribute::bs_rt, room - 4, data.data()), status::invalid_parameter);
  EXPECT_EQ(pei.channel.exchanges, 1u);
  EXPECT_EQ(pei.client.set(u"N", &vendor_a, attribute::bs_rt, room - 3, data.data()), status::invalid_parameter);
  EXPECT_EQ(pei.client.set(u"N", &vendor_a, attribute::bs_rt, UINT32_MAX, data.data()), status::invalid_parameter);
  EXPECT_EQ(pei.channel.exchanges, 1u);

  std::u16string name(room / 2 - 1, u'n');
  abi::UintN size = 1;
  char byte = 0;
  EXPECT_EQ(pei.client.get(name.c_str(), &vendor_a, nullptr, &size, &byte), status::not_found);
  EXPECT_EQ(pei.channel.exchanges, 2u);
  name += u'n';
  EXPECT_EQ(pei.client.get(name.c_str(), &vendor_a, nullptr, &size, &byte), status::not_found);
  EXPECT_EQ(pei.client.set(name.c_str(), &vendor_a, attribute::bs_rt, 0, nullptr), status::invalid_parameter);
  EXPECT_EQ(pei.channel.exchanges, 2u);

  // The largest variable that the driver takes goes both ways.
  const std::uint32_t largest = pei.machine.limits.max_volatile_variable_size - 60 - 4;
  EXPECT_EQ(pei.client.set(u"V", &vendor_a, attribute::bs_rt, largest, data.data()), status::success);
  std::vector<char> back(largest);
  size = back.size();
  EXPECT_EQ(pei.client.get(u"V", &vendor_a, nullptr, &size, back.data()), status::success);
  EXPECT_EQ(size, largest);
  EXPECT_TRUE(std::ranges::all_of(back, [](char c) { return c == 'x'; }));
}

TEST(VariableClient, SmallMailboxes) {
  Machine machine;
  for (std::size_t size = 0; size < 160; ++size) {
    MachineChannel channel(machine, size);
    VariableClient client(channel);
    char data[4] = {};
    abi::UintN room = sizeof(data);
    const abi::EfiStatus set = client.set(u"N", &vendor_a, attribute::bs_rt, 4, "abcd");
    const abi::EfiStatus get = client.get(u"N", &vendor_a, nullptr, &room, data);
    constexpr std::size_t enough = payload_offset + sizeof(AccessVariable) + 4 + 4;
    EXPECT_EQ(set == status::success, size >= enough) << size;
    if (size >= enough) {
      EXPECT_EQ(get, status::success) << size;
    }
  }
}

TEST(VariableClient, BusyOrSilent) {
  Pei pei;
  char data[4] = {};
  char16_t name[4] = u"";
  abi::Guid vendor{};
  abi::UintN size = sizeof(data);
  std::uint64_t figure = 0;
  pei.channel.busy = true;
  EXPECT_FALSE(pei.client.is_answered());
  EXPECT_EQ(pei.set(u"N", "x"), status::not_ready);
  EXPECT_EQ(pei.client.get(u"N", &vendor_a, nullptr, &size, data), status::not_ready);
  EXPECT_EQ(pei.client.get_next(&size, name, &vendor), status::not_ready);
  EXPECT_EQ(pei.client.query(7, &figure, &figure, &figure), status::not_ready);
  pei.channel.busy = false;
  pei.channel.silent = true;
  EXPECT_FALSE(pei.client.is_answered());
  EXPECT_EQ(pei.set(u"N", "x"), status::device_error);
  EXPECT_EQ(pei.client.get(u"N", &vendor_a, nullptr, &size, data), status::device_error);
  EXPECT_EQ(pei.client.get_next(&size, name, &vendor), status::device_error);
  EXPECT_EQ(pei.client.query(7, &figure, &figure, &figure), status::device_error);
  pei.channel.silent = false;
  pei.channel.delivery = status::not_found;  // no handler for the message
  EXPECT_FALSE(pei.client.is_answered());
  EXPECT_EQ(pei.set(u"M", "x"), status::not_found);
}

// The host can change what the mailbox holds after the exchange: nothing in it may lead outside the caller's buffers.
TEST(VariableClient, AnswersThatLie) {
  Pei pei;
  ASSERT_EQ(pei.set(u"N", "1234"), status::success);
  const std::uint64_t lies[] = {0, 1, 5, 0x7FFF'FFFF, 0xFFFF'FFFF, 1ULL << 32, 1ULL << 63, UINT64_MAX - 3, UINT64_MAX};
  const std::uint64_t statuses[] = {status::success, status::buffer_too_small};
  for (const std::uint64_t lie : lies) {
    for (const std::uint64_t claimed : statuses) {
      const auto overwrite = [&](std::size_t offset) {
        return [&, offset](std::vector<std::byte>& buffer, MessageChannel::Answer&) {
          std::memcpy(buffer.data() + sizeof(abi::CommunicateHeader) + 8, &claimed, 8);
          std::memcpy(buffer.data() + payload_offset + offset, &lie, 8);
        };
      };
      std::vector<char> data(4, 'u');
      data.shrink_to_fit();
      abi::UintN size = data.size();
      pei.channel.change = overwrite(offsetof(AccessVariable, data_size));
      abi::EfiStatus result = pei.client.get(u"N", &vendor_a, nullptr, &size, data.data());
      if (result == status::success) {
        EXPECT_LE(size, 4u);
      } else if (result == status::buffer_too_small) {
        EXPECT_GT(size, 4u);
        EXPECT_EQ(size, lie);
      } else {
        EXPECT_EQ(result, status::device_error);
        EXPECT_EQ(size, 4u);
      }
      std::vector<char16_t> name(4, u'\0');
      name.shrink_to_fit();
      abi::Guid vendor{};
      size = 8;
      pei.channel.change = overwrite(offsetof(NamedVariable, name_size));
      result = pei.client.get_next(&size, name.data(), &vendor);
      EXPECT_TRUE(result == status::success || result == status::buffer_too_small || result == status::device_error);
      EXPECT_EQ(result == status::buffer_too_small, claimed == status::buffer_too_small && lie > 8 && lie <= UINT32_MAX)
          << lie;
    }
  }
  // An answer that is cut off anywhere.
  for (std::size_t cut = 0; cut < payload_offset + sizeof(AccessVariable) + 4 + 4; ++cut) {
    pei.channel.change = [cut](std::vector<std::byte>& buffer, MessageChannel::Answer& answer) {
      answer.bytes = Bytes(buffer).first(cut);
    };
    char data[4];
    abi::UintN size = sizeof(data);
    EXPECT_EQ(pei.client.get(u"N", &vendor_a, nullptr, &size, data), status::device_error) << cut;
  }
  // A handler that didn't answer.
  pei.channel.change = [](std::vector<std::byte>& buffer, MessageChannel::Answer&) {
    std::memset(buffer.data() + sizeof(abi::CommunicateHeader) + 8, 0xFF, 8);
  };
  EXPECT_EQ(pei.set(u"N", "x"), status::device_error);
  EXPECT_FALSE(pei.client.is_answered());
}

}  // namespace
}  // namespace redoubt::launch
