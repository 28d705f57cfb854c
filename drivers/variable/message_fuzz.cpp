// SPDX-License-Identifier: BSD-2-Clause-Patent
// Feeds the message handler sequences of messages: raw bytes, and well-shaped messages with some bytes changed, since
// raw ones rarely get past the first check. After each sequence the machine is reset: whatever was non-volatile before
// must be there again, the same.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>

#include "drivers/variable/stock_cache.hpp"
#include "drivers/variable/test_support.hpp"

namespace {

using namespace redoubt;
using namespace redoubt::variable;
using namespace redoubt::variable::test;

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  std::uint8_t byte() {
    if (size_ == 0) {
      return 0;
    }
    --size_;
    return *data_++;
  }
  std::uint32_t word() { return byte() | (std::uint32_t{byte()} << 8) | (std::uint32_t{byte()} << 16); }
  std::vector<std::byte> take(std::size_t count) {
    count = std::min(count, size_);
    const auto* bytes = reinterpret_cast<const std::byte*>(data_);
    const std::vector<std::byte> taken(bytes, bytes + count);
    data_ += count;
    size_ -= count;
    return taken;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

template <typename T>
void put(std::vector<std::byte>& message, const T& value) {
  const auto view = std::as_bytes(std::span(&value, 1));
  message.insert(message.end(), view.begin(), view.end());
}

void put_name(std::vector<std::byte>& message, std::u16string_view name) {
  const auto view = std::as_bytes(std::span(name));
  message.insert(message.end(), view.begin(), view.end());
  put(message, char16_t{0});
}

constexpr std::u16string_view names[] = {u"A",
                                         u"BootOrder",
                                         u"Boot00#1",
                                         u"PK",
                                         u"SetupMode",
                                         u"",
                                         u"LongerVariableName",
                                         u"HwErrRec0001",
                                         u"BootNext",
                                         u"MemoryOverwriteRequestControl",
                                         u"MemoryOverwriteRequestControlLock"};

std::u16string_view pick_name(Input& input) { return names[input.byte() % std::size(names)]; }

abi::Guid pick_vendor(Input& input) {
  switch (input.byte() % 6) {
    case 0: return vendor_a;
    case 1: return vendor_b;
    case 2: return hardware_error_variable_guid;
    case 3: return memory_overwrite_request.vendor;
    case 4: return memory_overwrite_lock.vendor;
    default: return global_variable_guid;
  }
}

std::vector<std::byte> shaped_variable_message(Input& input, const StockCache& cache) {
  std::vector<std::byte> message;
  const std::uint64_t function = input.byte() % 16;
  put(message, messages::VariableMessageHeader{function, 0});
  const std::u16string_view name = pick_name(input);
  const std::uint64_t name_size = (name.size() + 1) * sizeof(char16_t);
  const abi::Guid vendor = pick_vendor(input);
  const std::size_t data_size = input.byte();
  switch (static_cast<messages::VariableFunction>(function)) {
    case messages::VariableFunction::get_variable:
    case messages::VariableFunction::set_variable:
      put(message, messages::AccessVariable{vendor, data_size, name_size, input.byte()});
      put_name(message, name);
      message.resize(message.size() + data_size, std::byte{input.byte()});
      break;
    case messages::VariableFunction::set_property:
    case messages::VariableFunction::get_property:
      put(message, messages::NamedProperty{vendor, name_size, {1, input.byte(), input.byte(), input.byte(), 200}});
      put_name(message, name);
      break;
    case messages::VariableFunction::init_runtime_cache:
      put(message, input.byte() % 4 != 0
                       ? cache.context()
                       : messages::RuntimeCacheContext{data_size << 12, cache.memory.base() + input.word() % 0x10000,
                                                       cache.memory.base() + input.word() % 0x10000,
                                                       cache.memory.base() + data_size, cache.memory.base(), 1});
      break;
    case messages::VariableFunction::query_variable_info:
      put(message, messages::QueryVariableInfo{0, 0, 0, input.byte(), 0});
      break;
    default:
      put(message, messages::NamedVariable{vendor, name_size + data_size});
      put_name(message, name);
      message.resize(message.size() + data_size);
      break;
  }
  return message;
}

std::vector<std::byte> shaped_policy_message(Input& input) {
  std::vector<std::byte> message;
  const std::uint32_t command = input.byte() % 9;
  put(message, messages::PolicyMessageHeader{messages::PolicyMessageHeader::expected_signature,
                                             messages::PolicyMessageHeader::current_revision, command, 0});
  const std::u16string_view name = pick_name(input);
  const auto name_size = static_cast<std::uint32_t>((name.size() + 1) * sizeof(char16_t));
  if (command == static_cast<std::uint32_t>(messages::PolicyCommand::register_policy)) {
    messages::PolicyEntry entry{};
    entry.version = messages::PolicyEntry::current_version;
    entry.vendor = pick_vendor(input);
    entry.minimum_size = input.byte();
    entry.maximum_size = input.byte();
    entry.attributes_must_have = input.byte() % 8;
    entry.attributes_cannot_have = input.byte() % 8;
    entry.lock_type = input.byte() % 5;
    entry.offset_to_name = sizeof(entry);
    std::vector<std::byte> state;
    if (entry.lock_type == 3) {
      put(state, messages::LockOnStatePolicy{pick_vendor(input), input.byte(), 0});
      put_name(state, pick_name(input));
      entry.offset_to_name = static_cast<std::uint16_t>(sizeof(entry) + state.size());
    }
    entry.size = static_cast<std::uint16_t>(entry.offset_to_name + name_size);
    put(message, entry);
    message.insert(message.end(), state.begin(), state.end());
    put_name(message, name);
  } else if (command == static_cast<std::uint32_t>(messages::PolicyCommand::dump)) {
    put(message, messages::PolicyDump{std::uint32_t{input.byte()} % 3, 0, 0, 0});
    message.resize(messages::policy_message_size);
  } else {
    messages::PolicyInfo info{};
    info.vendor = pick_vendor(input);
    info.input_name_size = name_size;
    info.output_name_size = input.byte();
    put(message, info);
    put_name(message, name);
    message.resize(messages::policy_message_size);
  }
  return message;
}

using Snapshot = std::map<std::pair<std::u16string, std::uint32_t>, std::pair<std::uint32_t, std::string>>;

Snapshot non_volatile_variables(const Machine& machine) {
  Snapshot snapshot;
  std::u16string name(0x4000, u'\0');
  abi::Guid vendor{};
  for (;;) {
    std::uint64_t size = name.size() * sizeof(char16_t);
    if (machine.services->get_next(std::as_writable_bytes(std::span(name)), size, vendor) != abi::status::success) {
      return snapshot;
    }
    const std::u16string found(name.c_str());
    const Machine::Value value = machine.get(found, vendor);
    if ((value.attributes & attribute::non_volatile) != 0) {
      snapshot[{found, vendor.data1}] = {value.attributes, value.data};
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Limits limits;
  limits.memory_overwrite = size % 2 != 0;
  limits.volatile_space = 0x2000;
  limits.hardware_error_space = 0x400;
  limits.max_variable_size = 0x800;
  Machine machine(limits);
  StockCache cache(machine.services->runtime_cache().info());
  machine.handler = std::make_unique<MessageHandler>(*machine.services, &cache.memory);
  Input input(data, size);
  for (std::size_t count = 0; count < 64 && !input.empty(); ++count) {
    const std::uint8_t kind = input.byte();
    const bool policy = (kind & 1) != 0;
    std::vector<std::byte> message;
    if ((kind & 2) != 0) {
      message = input.take(input.byte());
    } else {
      message = policy ? shaped_policy_message(input) : shaped_variable_message(input, cache);
      for (std::uint8_t changes = kind >> 5; changes > 0 && !message.empty(); --changes) {
        const std::size_t offset = input.word() % message.size();
        message[offset] = std::byte{input.byte()};
      }
      if ((kind & 4) != 0) {
        message.resize(input.word() % (message.size() + 1));
      }
    }
    if ((kind & 0x18) == 0x18) {
      cache.lock((kind & 0x20) != 0);
    }
    message.shrink_to_fit();
    if (policy) {
      machine.handler->answer_policy_message(message);
    } else {
      machine.handler->answer_variable_message(message);
    }
  }
  if (machine.services->at_runtime()) {
    return 0;  // not everything can be listed any more
  }
  const Snapshot before = non_volatile_variables(machine);
  if (!machine.reset().has_value() || non_volatile_variables(machine) != before) {
    std::abort();
  }
  return 0;
}
