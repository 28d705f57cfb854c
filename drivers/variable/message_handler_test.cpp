// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/message_handler.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

using namespace test;
using namespace messages;
namespace status = abi::status;

constexpr std::uint64_t untouched = 0x5555;

std::vector<std::byte> name_bytes(std::u16string_view name) {
  const std::u16string terminated = std::u16string(name) + u'\0';
  const auto view = std::as_bytes(std::span(terminated));
  return {view.begin(), view.end()};
}

template <typename T>
void put(std::vector<std::byte>& message, const T& value) {
  const auto view = std::as_bytes(std::span(&value, 1));
  message.insert(message.end(), view.begin(), view.end());
}

void put_bytes(std::vector<std::byte>& message, const std::vector<std::byte>& more) {
  message.insert(message.end(), more.begin(), more.end());
}

template <typename T>
T at(const std::vector<std::byte>& message, std::size_t offset) {
  T value;
  std::memcpy(&value, message.data() + offset, sizeof(T));
  return value;
}

std::vector<std::byte> variable_message(VariableFunction function, const std::vector<std::byte>& payload = {}) {
  std::vector<std::byte> message;
  put(message, VariableMessageHeader{static_cast<std::uint64_t>(function), untouched});
  put_bytes(message, payload);
  return message;
}

std::uint64_t send(Machine& machine, std::vector<std::byte>& message) {
  machine.handler->answer_variable_message(message);
  return at<std::uint64_t>(message, 8);
}

std::vector<std::byte> access(VariableFunction function, std::u16string_view name, std::uint32_t attributes,
                              const std::vector<std::byte>& data) {
  std::vector<std::byte> payload;
  const auto units = name_bytes(name);
  put(payload, AccessVariable{vendor_a, data.size(), units.size(), attributes});
  put_bytes(payload, units);
  put_bytes(payload, data);
  return variable_message(function, payload);
}

std::vector<std::byte> named(VariableFunction function, std::u16string_view name, std::size_t room) {
  std::vector<std::byte> payload;
  auto units = name_bytes(name);
  const std::uint64_t size = room;
  units.resize(std::max(room, units.size()));
  put(payload, NamedVariable{vendor_a, size});
  put_bytes(payload, units);
  return variable_message(function, payload);
}

constexpr std::size_t access_offset = sizeof(VariableMessageHeader);
constexpr std::size_t access_name = access_offset + sizeof(AccessVariable);

TEST(VariableMessages, SetAndGet) {
  Machine machine;
  auto message = access(VariableFunction::set_variable, u"Name", attribute::nv_bs, bytes("value"));
  EXPECT_EQ(send(machine, message), status::success);
  EXPECT_EQ(machine.get(u"Name").data, "value");

  message = access(VariableFunction::get_variable, u"Name", 0, std::vector<std::byte>(20));
  EXPECT_EQ(send(machine, message), status::success);
  const auto answer = at<AccessVariable>(message, access_offset);
  EXPECT_EQ(answer.data_size + 0, 5u);
  EXPECT_EQ(answer.attributes + 0, attribute::nv_bs);
  EXPECT_EQ(std::memcmp(message.data() + access_name + 10, "value", 5), 0);

  message = access(VariableFunction::get_variable, u"Name", 0, std::vector<std::byte>(4));
  EXPECT_EQ(send(machine, message), status::buffer_too_small);
  EXPECT_EQ(at<AccessVariable>(message, access_offset).data_size + 0, 5u);
  EXPECT_EQ(at<AccessVariable>(message, access_offset).attributes + 0, attribute::nv_bs);

  message = access(VariableFunction::get_variable, u"Other", 7, std::vector<std::byte>(4));
  EXPECT_EQ(send(machine, message), status::not_found);
  EXPECT_EQ(at<AccessVariable>(message, access_offset).attributes + 0, 7u);
  message = access(VariableFunction::get_variable, u"", 0, {});
  EXPECT_EQ(send(machine, message), status::not_found);
}

TEST(VariableMessages, GetNextVariableName) {
  Machine machine;
  ASSERT_EQ(machine.set(u"LongerName", attribute::nv_bs, "1"), status::success);
  auto message = named(VariableFunction::get_next_variable_name, u"", 100);
  std::vector<std::u16string> found;
  while (send(machine, message) == status::success) {
    const char16_t* text = reinterpret_cast<const char16_t*>(message.data() + access_offset + sizeof(NamedVariable));
    found.emplace_back(text);
    EXPECT_EQ(at<NamedVariable>(message, access_offset).name_size, (found.back().size() + 1) * 2);
    // As the stock caller does: the room is stated anew.
    const std::uint64_t room = 100;
    std::memcpy(message.data() + access_offset + 16, &room, sizeof(room));
  }
  EXPECT_EQ(at<std::uint64_t>(message, 8), status::not_found);
  EXPECT_EQ(found, machine.names());
  EXPECT_EQ(found.back(), u"LongerName");

  message = named(VariableFunction::get_next_variable_name, u"", 8);
  EXPECT_EQ(send(machine, message), status::buffer_too_small);
  EXPECT_EQ(at<NamedVariable>(message, access_offset).name_size, 20u);  // SetupMode
  message = named(VariableFunction::get_next_variable_name, u"NoSuchName", 100);
  EXPECT_EQ(send(machine, message), status::invalid_parameter);
  message = named(VariableFunction::get_next_variable_name, u"LongerName", 4);  // no terminator in the first 4 bytes
  EXPECT_EQ(send(machine, message), status::invalid_parameter);
}

TEST(VariableMessages, QueryVariableInfo) {
  Machine machine;
  std::vector<std::byte> payload;
  put(payload, QueryVariableInfo{0, 0, 0, attribute::nv_bs_rt, 0});
  auto message = variable_message(VariableFunction::query_variable_info, payload);
  EXPECT_EQ(send(machine, message), status::success);
  const auto info = at<QueryVariableInfo>(message, access_offset);
  EXPECT_EQ(info.maximum_storage_size, small_region - 100);
  EXPECT_EQ(info.remaining_storage_size, small_region - 100);
  EXPECT_EQ(info.maximum_variable_size, small_region - 100 - 60);
}

TEST(VariableMessages, PhasesAndLocks) {
  Machine machine;
  auto lock = named(VariableFunction::lock_variable, u"Locked", 14);
  EXPECT_EQ(send(machine, lock), status::success);
  EXPECT_EQ(send(machine, lock), status::success);  // again
  // Who locks a variable may still write it: stock BDS does, after it has locked it.
  EXPECT_EQ(machine.set(u"Locked", attribute::nv_bs, "1"), status::success);
  auto unnamed = named(VariableFunction::lock_variable, u"", 2);
  EXPECT_EQ(send(machine, unnamed), status::invalid_parameter);

  auto ready_to_boot = variable_message(VariableFunction::ready_to_boot);
  EXPECT_EQ(send(machine, ready_to_boot), status::success);
  EXPECT_EQ(machine.set(u"Locked", attribute::nv_bs, "2"), status::write_protected);
  EXPECT_EQ(machine.set(u"Locked", 0, ""), status::write_protected);
  EXPECT_EQ(send(machine, lock), status::access_denied);
  auto exit = variable_message(VariableFunction::exit_boot_services);
  EXPECT_EQ(send(machine, exit), status::success);
  EXPECT_TRUE(machine.services->at_runtime());
  EXPECT_EQ(send(machine, ready_to_boot), status::unsupported);
}

TEST(VariableMessages, Properties) {
  Machine machine;
  std::vector<std::byte> payload;
  put(payload, NamedProperty{vendor_a, 4, {1, 0, attribute::nv_bs, 2, 3}});
  put_bytes(payload, name_bytes(u"P"));
  auto set = variable_message(VariableFunction::set_property, payload);
  EXPECT_EQ(send(machine, set), status::success);
  auto get = variable_message(VariableFunction::get_property, payload);
  std::memset(get.data() + access_offset + 24, 0, 24);
  EXPECT_EQ(send(machine, get), status::success);
  EXPECT_EQ(at<VariableProperty>(get, access_offset + 24).maximum_size, 3u);
  EXPECT_EQ(machine.set(u"P", attribute::nv_bs, "four"), status::success);  // not in force yet
  machine.services->end_of_dxe();
  EXPECT_EQ(machine.set(u"P", attribute::nv_bs, "five5"), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"P", attribute::nv_bs, "ok"), status::success);
  EXPECT_EQ(send(machine, set), status::access_denied);

  payload[24] = std::byte{9};  // revision
  auto unknown = variable_message(VariableFunction::set_property, payload);
  EXPECT_EQ(send(machine, unknown), status::access_denied);
  Machine other;
  EXPECT_EQ(send(other, unknown), status::invalid_parameter);
  EXPECT_EQ(send(other, get), status::not_found);
}

TEST(VariableMessages, PayloadSizeFitsTheLargestVariable) {
  Machine machine;
  auto message = variable_message(VariableFunction::get_payload_size, std::vector<std::byte>(8));
  EXPECT_EQ(send(machine, message), status::success);
  EXPECT_EQ(at<std::uint64_t>(message, access_offset), 0x3F000u - 60 + 48);
  // With the longest communicate header it fits a mailbox of 64 pages.
  EXPECT_LE(machine.handler->payload_size() + sizeof(VariableMessageHeader) + 56, 64 * 0x1000u);
}

TEST(VariableMessages, WhatIsNotThereIsUnsupportedAndLeaksNothing) {
  Machine machine;
  for (const std::uint64_t function :
       {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{13}, std::uint64_t{14}, std::uint64_t{15}, UINT64_MAX}) {
    const std::vector<std::byte> payload(80, std::byte{0x33});
    auto message = variable_message(static_cast<VariableFunction>(function), payload);
    EXPECT_EQ(send(machine, message), status::unsupported);
    EXPECT_TRUE(std::equal(payload.begin(), payload.end(), message.begin() + access_offset));
  }
}

// Whatever the addresses, whenever it comes; the driver that asked must do without. Where the core doesn't tell what
// memory outside MMRAM was opened; the cache itself: runtime_cache_test.cpp.
TEST(VariableMessages, ARuntimeCacheIsRefused) {
  std::vector<std::byte> memory(0x1000, std::byte{0x5A});
  const auto address = reinterpret_cast<std::uint64_t>(memory.data());
  const RuntimeCacheContext contexts[] = {
      {},
      {address, address, address, address, address, address},
      {0, address, address + 0x400, address + 0x800, address + 0x801, address + 0x802},
      {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
  for (const bool late : {false, true}) {
    Machine machine;
    if (late) {
      machine.services->end_of_dxe();
    }
    for (const RuntimeCacheContext& context : contexts) {
      std::vector<std::byte> payload;
      put(payload, context);
      auto message = variable_message(VariableFunction::init_runtime_cache, payload);
      EXPECT_EQ(send(machine, message), status::access_denied);
      EXPECT_TRUE(std::equal(payload.begin(), payload.end(), message.begin() + access_offset));
    }
    auto short_message = variable_message(VariableFunction::init_runtime_cache, std::vector<std::byte>(47));
    EXPECT_EQ(send(machine, short_message), status::access_denied);
    auto sync = variable_message(VariableFunction::sync_runtime_cache);
    EXPECT_EQ(send(machine, sync), status::unsupported);
    auto info =
        variable_message(VariableFunction::get_runtime_cache_info, std::vector<std::byte>(sizeof(RuntimeCacheInfo)));
    EXPECT_EQ(send(machine, info), status::unsupported);
  }
  EXPECT_EQ(memory, std::vector<std::byte>(0x1000, std::byte{0x5A}));
}

// Each field that states a length, with values that are too large by a little and by all that fits.
TEST(VariableMessages, LengthsThatLie) {
  Machine machine;
  ASSERT_EQ(machine.set(u"Name", attribute::nv_bs, "value"), status::success);
  const std::uint64_t lies[] = {
      0, 1, 21, 0x7FFF, 0xFFFF'FFFF, 1ULL << 32, 1ULL << 63, UINT64_MAX - 9, UINT64_MAX - 1, UINT64_MAX};
  for (const VariableFunction function : {VariableFunction::get_variable, VariableFunction::set_variable}) {
    for (const std::size_t field : {offsetof(AccessVariable, data_size), offsetof(AccessVariable, name_size)}) {
      for (const std::uint64_t lie : lies) {
        auto message = access(function, u"Name", attribute::nv_bs, bytes("value"));
        std::memcpy(message.data() + access_offset + field, &lie, sizeof(lie));
        const std::uint64_t result = send(machine, message);
        if (lie > 15) {
          EXPECT_EQ(result, status::access_denied) << static_cast<int>(function) << " " << field << " " << lie;
        } else {
          EXPECT_NE(result, untouched);
        }
      }
    }
  }
  for (const VariableFunction function : {VariableFunction::get_next_variable_name, VariableFunction::lock_variable}) {
    for (const std::uint64_t lie : lies) {
      auto message = named(function, u"Name", 10);
      std::memcpy(message.data() + access_offset + 16, &lie, sizeof(lie));
      EXPECT_NE(send(machine, message), untouched);
      if (lie > 10) {
        EXPECT_EQ(at<std::uint64_t>(message, 8), status::access_denied);
      }
    }
  }
}

// Every message of every function, cut off after every byte.
TEST(VariableMessages, TruncatedAnywhere) {
  Machine machine;
  ASSERT_EQ(machine.set(u"Name", attribute::nv_bs, "value"), status::success);
  std::vector<std::vector<std::byte>> whole;
  whole.push_back(access(VariableFunction::get_variable, u"Name", 0, std::vector<std::byte>(8)));
  whole.push_back(access(VariableFunction::set_variable, u"Name", attribute::nv_bs, bytes("value")));
  whole.push_back(named(VariableFunction::get_next_variable_name, u"Name", 32));
  whole.push_back(named(VariableFunction::lock_variable, u"Name", 10));
  for (const VariableFunction function :
       {VariableFunction::query_variable_info, VariableFunction::set_property, VariableFunction::get_property,
        VariableFunction::get_payload_size, VariableFunction::get_statistics}) {
    whole.push_back(variable_message(function, std::vector<std::byte>(60)));
  }
  for (const auto& message : whole) {
    for (std::size_t size = 0; size < message.size(); ++size) {
      std::vector<std::byte> part(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(size));
      part.shrink_to_fit();
      machine.handler->answer_variable_message(part);
      if (size < sizeof(VariableMessageHeader)) {
        EXPECT_TRUE(std::equal(part.begin(), part.end(), message.begin()));
      } else {
        EXPECT_NE(at<std::uint64_t>(part, 8), untouched);
      }
    }
  }
}

TEST(VariableMessages, NamesWithoutTerminator) {
  Machine machine;
  auto message = access(VariableFunction::set_variable, u"Name", attribute::nv_bs, bytes("xxxx"));
  message[access_name + 8] = std::byte{'!'};
  EXPECT_EQ(send(machine, message), status::access_denied);
  message = named(VariableFunction::get_next_variable_name, u"Name", 10);
  message[message.size() - 2] = std::byte{'!'};
  EXPECT_EQ(send(machine, message), status::invalid_parameter);
}

// Policy messages.

std::vector<std::byte> policy_message(std::uint32_t command, const std::vector<std::byte>& body = {}) {
  std::vector<std::byte> message;
  put(message, PolicyMessageHeader{PolicyMessageHeader::expected_signature, PolicyMessageHeader::current_revision,
                                   command, untouched});
  put_bytes(message, body);
  return message;
}

std::uint64_t send_policy(Machine& machine, std::vector<std::byte>& message) {
  machine.handler->answer_policy_message(message);
  return at<std::uint64_t>(message, 12);
}

std::vector<std::byte> policy_entry(std::u16string_view name, PolicyLock lock, std::uint32_t minimum = 0,
                                    std::uint32_t maximum = UINT32_MAX, std::u16string_view state_name = u"",
                                    std::uint8_t state_value = 0) {
  std::vector<std::byte> entry;
  std::vector<std::byte> state;
  if (lock == PolicyLock::on_variable_state) {
    put(state, LockOnStatePolicy{vendor_b, state_value, 0});
    put_bytes(state, name_bytes(state_name));
  }
  const std::vector<std::byte> units = name.empty() ? std::vector<std::byte>() : name_bytes(name);
  PolicyEntry header{};
  header.version = PolicyEntry::current_version;
  header.offset_to_name = static_cast<std::uint16_t>(sizeof(header) + state.size());
  header.size = static_cast<std::uint16_t>(header.offset_to_name + units.size());
  header.vendor = vendor_a;
  header.minimum_size = minimum;
  header.maximum_size = maximum;
  header.lock_type = static_cast<std::uint8_t>(lock);
  put(entry, header);
  put_bytes(entry, state);
  put_bytes(entry, units);
  return entry;
}

std::uint64_t register_policy(Machine& machine, const std::vector<std::byte>& entry) {
  auto message = policy_message(3, entry);
  return send_policy(machine, message);
}

TEST(PolicyMessages, BestMatchCounts) {
  Machine machine;
  EXPECT_EQ(register_policy(machine, policy_entry(u"", PolicyLock::none, 0, 1)), status::success);
  EXPECT_EQ(register_policy(machine, policy_entry(u"B##", PolicyLock::none, 0, 2)), status::success);
  EXPECT_EQ(register_policy(machine, policy_entry(u"B0#", PolicyLock::none, 0, 3)), status::success);
  EXPECT_EQ(register_policy(machine, policy_entry(u"B01", PolicyLock::now)), status::success);
  EXPECT_EQ(register_policy(machine, policy_entry(u"B01", PolicyLock::none)), status::already_started);
  EXPECT_EQ(register_policy(machine, policy_entry(u"B##", PolicyLock::none)), status::already_started);
  machine.services->end_of_dxe();
  EXPECT_EQ(machine.set(u"Any", attribute::nv_bs, "12"), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"Any", attribute::nv_bs, "1"), status::success);
  EXPECT_EQ(machine.set(u"B1f", attribute::nv_bs, "12"), status::success);
  EXPECT_EQ(machine.set(u"B1f", attribute::nv_bs, "123"), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"B02", attribute::nv_bs, "123"), status::success);
  EXPECT_EQ(machine.set(u"B01", attribute::nv_bs, "1"), status::write_protected);
  EXPECT_EQ(machine.set(u"B0G", attribute::nv_bs, "12"), status::invalid_parameter);
  EXPECT_EQ(machine.set(u"Any", attribute::nv_bs, "12", vendor_b), status::success);
}

TEST(PolicyMessages, LocksOnCreateAndOnState) {
  Machine machine;
  EXPECT_EQ(register_policy(machine, policy_entry(u"Once", PolicyLock::on_create)), status::success);
  EXPECT_EQ(
      register_policy(machine, policy_entry(u"State", PolicyLock::on_variable_state, 0, UINT32_MAX, u"Switch", 0x31)),
      status::success);
  machine.services->end_of_dxe();
  EXPECT_EQ(machine.set(u"Once", attribute::nv_bs, "1"), status::success);
  EXPECT_EQ(machine.set(u"Once", attribute::nv_bs, "2"), status::write_protected);
  EXPECT_EQ(machine.set(u"Once", 0, ""), status::write_protected);
  EXPECT_EQ(machine.set(u"State", attribute::nv_bs_rt, "1"), status::success);
  EXPECT_EQ(machine.set(u"Switch", attribute::nv_bs, "0", vendor_b), status::success);
  EXPECT_EQ(machine.set(u"State", attribute::nv_bs_rt, "2"), status::success);
  EXPECT_EQ(machine.set(u"Switch", attribute::nv_bs, "1", vendor_b), status::success);
  EXPECT_EQ(machine.set(u"State", attribute::nv_bs_rt, "3"), status::write_protected);
  machine.services->exit_boot_services();  // the switch is out of sight now, the lock holds
  EXPECT_EQ(machine.set(u"State", attribute::nv_bs_rt, "3"), status::write_protected);
}

TEST(PolicyMessages, DriversInMmPassLocksButNotSizes) {
  Machine machine;
  EXPECT_EQ(register_policy(machine, policy_entry(u"L", PolicyLock::now, 0, 2)), status::success);
  machine.services->end_of_dxe();
  EXPECT_EQ(machine.services->set(Requester::mm_driver, {vendor_a, u"L"}, attribute::nv_bs, bytes("1")),
            status::success);
  EXPECT_EQ(machine.services->set(Requester::mm_driver, {vendor_a, u"L"}, attribute::nv_bs, bytes("123")),
            status::invalid_parameter);
}

TEST(PolicyMessages, LockDisableAndState) {
  Machine machine;
  auto disable = policy_message(1);
  EXPECT_EQ(send_policy(machine, disable), status::write_protected);
  auto is_enabled = policy_message(2, std::vector<std::byte>(1));
  EXPECT_EQ(send_policy(machine, is_enabled), status::success);
  EXPECT_EQ(is_enabled.back(), std::byte{1});
  auto lock = policy_message(5);
  EXPECT_EQ(send_policy(machine, lock), status::success);
  EXPECT_EQ(send_policy(machine, lock), status::write_protected);
  EXPECT_EQ(register_policy(machine, policy_entry(u"New", PolicyLock::now)), status::write_protected);

  Limits limits;
  limits.policy_disable_allowed = true;
  Machine lenient(limits);
  EXPECT_EQ(register_policy(lenient, policy_entry(u"L", PolicyLock::now)), status::success);
  EXPECT_EQ(send_policy(lenient, disable), status::success);
  EXPECT_EQ(send_policy(lenient, disable), status::already_started);
  lenient.services->end_of_dxe();
  EXPECT_EQ(lenient.set(u"L", attribute::nv_bs, "1"), status::success);
  EXPECT_EQ(send_policy(lenient, is_enabled), status::success);
  EXPECT_EQ(is_enabled.back(), std::byte{0});
}

TEST(PolicyMessages, DumpInPages) {
  Machine machine;
  std::vector<std::byte> expected;
  for (char16_t index = 0; index < 400; ++index) {
    const std::u16string name = std::u16string(u"Variable") + static_cast<char16_t>(u'\x100' + index);
    const auto entry = policy_entry(name, PolicyLock::none);
    ASSERT_EQ(register_policy(machine, entry), status::success);
    put_bytes(expected, entry);
  }
  const auto request = [&](std::uint32_t page) {
    std::vector<std::byte> body;
    put(body, PolicyDump{page, 0, 0, 0});
    body.resize(sizeof(PolicyDump) + policy_dump_page_size);
    return policy_message(4, body);
  };
  auto message = request(1);
  EXPECT_EQ(send_policy(machine, message), status::timeout);
  message = request(0);
  EXPECT_EQ(message.size(), policy_message_size);
  ASSERT_EQ(send_policy(machine, message), status::success);
  auto dump = at<PolicyDump>(message, 20);
  EXPECT_EQ(dump.total_size + 0, expected.size());
  std::vector<std::byte> found;
  for (std::uint32_t page = 1; dump.has_more != 0; ++page) {
    message = request(page);
    ASSERT_EQ(send_policy(machine, message), status::success);
    dump = at<PolicyDump>(message, 20);
    found.insert(found.end(), message.begin() + 33, message.begin() + 33 + dump.page_size);
  }
  EXPECT_EQ(found, expected);
  message = request(0);
  send_policy(machine, message);
  message = request(99);
  EXPECT_EQ(send_policy(machine, message), status::invalid_parameter);
}

TEST(PolicyMessages, Info) {
  Machine machine;
  ASSERT_EQ(register_policy(machine, policy_entry(u"Pol####", PolicyLock::on_variable_state, 1, 9, u"Switch", 3)),
            status::success);
  ASSERT_EQ(register_policy(machine, policy_entry(u"", PolicyLock::now)), status::success);
  const auto request = [&](std::uint32_t command, std::u16string_view name, std::uint32_t room) {
    std::vector<std::byte> body;
    const auto units = name_bytes(name);
    PolicyInfo info{};
    info.vendor = vendor_a;
    info.input_name_size = static_cast<std::uint32_t>(units.size());
    info.output_name_size = room;
    put(body, info);
    put_bytes(body, units);
    body.resize(sizeof(PolicyInfo) + policy_info_names_size);
    return policy_message(command, body);
  };
  constexpr std::size_t name_offset = 20 + sizeof(PolicyInfo);
  auto message = request(6, u"Pol12AB", 0);
  EXPECT_EQ(send_policy(machine, message), status::buffer_too_small);
  EXPECT_EQ(at<PolicyInfo>(message, 20).output_name_size + 0, 16u);
  message = request(6, u"Pol12AB", 100);
  EXPECT_EQ(send_policy(machine, message), status::success);
  EXPECT_EQ(at<PolicyEntry>(message, 20 + 24).maximum_size + 0, 9u);
  EXPECT_EQ(std::memcmp(message.data() + name_offset + 16, u"Pol####", 16), 0);
  message = request(7, u"Pol12AB", 100);
  EXPECT_EQ(send_policy(machine, message), status::success);
  EXPECT_EQ(at<LockOnStatePolicy>(message, 20 + 24).value, 3);
  EXPECT_EQ(std::memcmp(message.data() + name_offset + 16, u"Switch", 14), 0);
  message = request(7, u"Other", 100);
  EXPECT_EQ(send_policy(machine, message), status::not_found);
  message = request(6, u"Other", 100);
  EXPECT_EQ(send_policy(machine, message), status::success);
  EXPECT_EQ(at<PolicyInfo>(message, 20).output_name_size + 0, 0u);
}

TEST(PolicyMessages, EntriesThatContradictThemselves) {
  Machine machine;
  const auto good = policy_entry(u"Good", PolicyLock::on_variable_state, 0, 5, u"Switch", 1);
  for (std::size_t offset = 0; offset < good.size(); ++offset) {
    for (const std::uint8_t value : {std::uint8_t{0}, std::uint8_t{0x7F}, std::uint8_t{0xFF}}) {
      auto entry = good;
      entry[offset] = std::byte{value};
      const std::uint64_t result = register_policy(machine, entry);
      EXPECT_TRUE(result == status::success || result == status::invalid_parameter ||
                  result == status::already_started);
    }
  }
  auto entry = good;
  entry.pop_back();
  EXPECT_EQ(register_policy(machine, entry), status::invalid_parameter);
  entry = good;
  entry[4] = std::byte{static_cast<std::uint8_t>(entry.size() - 2)};
  EXPECT_EQ(register_policy(machine, entry), status::invalid_parameter);
  auto zero = policy_entry(u"Zero", PolicyLock::none, 0, 0);
  EXPECT_EQ(register_policy(machine, zero), status::invalid_parameter);
}

TEST(PolicyMessages, TruncatedOrForeign) {
  Machine machine;
  for (std::uint32_t command = 0; command < 9; ++command) {
    const auto whole = policy_message(command, policy_entry(u"Name", PolicyLock::none));
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      part.shrink_to_fit();
      machine.handler->answer_policy_message(part);
      if (size >= sizeof(PolicyMessageHeader)) {
        EXPECT_NE(at<std::uint64_t>(part, 12), untouched);
      }
    }
    auto foreign = whole;
    foreign[0] = std::byte{0};
    EXPECT_EQ(send_policy(machine, foreign), status::invalid_parameter);
  }
}

TEST(PolicyMessages, TheTableHasALimit) {
  Machine machine;
  std::uint64_t result = status::success;
  std::size_t count = 0;
  std::u16string name(1000, u'x');
  while (result == status::success && count < 1000) {
    name[0] = static_cast<char16_t>(u'\x100' + count);
    result = register_policy(machine, policy_entry(name, PolicyLock::none));
    ++count;
  }
  EXPECT_EQ(result, status::out_of_resources);
  EXPECT_LE(machine.services->policies().entries().size(), PolicyTable::size_limit);
}

}  // namespace
}  // namespace redoubt::variable
