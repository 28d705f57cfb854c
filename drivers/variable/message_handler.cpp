// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/message_handler.hpp"

#include <algorithm>

namespace redoubt::variable {

namespace {

using abi::EfiStatus;
using namespace messages;
namespace status = abi::status;

// `message` is known to hold a T at `offset`.
template <typename T>
T load(Bytes message, std::size_t offset = 0) {
  T value;
  __builtin_memcpy(&value, message.data() + offset, sizeof(T));
  return value;
}

template <typename T>
void store(MutableBytes message, const T& value, std::size_t offset = 0) {
  __builtin_memcpy(message.data() + offset, &value, sizeof(T));
}

// The string that the first `size` bytes of `text` hold, up to its first terminator. Nothing when it isn't in there
// whole or the last unit of the `size` bytes isn't a terminator.
struct Name {
  bool valid = false;
  std::u16string_view text;
};
Name name_in(Bytes text, std::uint64_t size) {
  if (size < sizeof(char16_t) || size > text.size()) {
    return {};
  }
  // Names stand at multiples of 2 from the message's start.
  const auto* units = reinterpret_cast<const char16_t*>(text.data());
  const std::size_t count = static_cast<std::size_t>(size) / sizeof(char16_t);
  if (units[count - 1] != 0) {
    return {};
  }
  std::size_t length = 0;
  while (units[length] != 0) {
    ++length;
  }
  return {true, {units, length}};
}

}  // namespace

void MessageHandler::answer_variable_message(MutableBytes message) {
  if (message.size() < sizeof(VariableMessageHeader)) {
    return;
  }
  const auto header = load<VariableMessageHeader>(message);
  const std::uint64_t result = dispatch(header.function, message.subspan(sizeof(header)));
  store(message, result, offsetof(VariableMessageHeader, return_status));
}

EfiStatus MessageHandler::dispatch(std::uint64_t function, MutableBytes payload) {
  switch (static_cast<VariableFunction>(function)) {
    case VariableFunction::get_variable: return get_variable(payload);
    case VariableFunction::get_next_variable_name: return get_next_variable_name(payload);
    case VariableFunction::set_variable: return set_variable(payload);
    case VariableFunction::query_variable_info: return query_variable_info(payload);
    case VariableFunction::ready_to_boot: return ready_to_boot();
    case VariableFunction::exit_boot_services: services_.exit_boot_services(); return status::success;
    case VariableFunction::lock_variable: return lock_variable(payload);
    case VariableFunction::set_property: return set_property(payload);
    case VariableFunction::get_property: return get_property(payload);
    case VariableFunction::get_payload_size: return get_payload_size(payload);
    case VariableFunction::init_runtime_cache: return init_runtime_cache(payload);
    case VariableFunction::sync_runtime_cache: return services_.runtime_cache().synchronize();
    case VariableFunction::get_runtime_cache_info: return get_runtime_cache_info(payload);
    case VariableFunction::get_statistics: break;  // not counted
  }
  return status::unsupported;
}

EfiStatus MessageHandler::get_variable(MutableBytes payload) {
  if (payload.size() < sizeof(AccessVariable)) {
    return status::invalid_parameter;
  }
  auto access = load<AccessVariable>(payload);
  const std::uint64_t name_size = access.name_size;
  const MutableBytes rest = payload.subspan(sizeof(access));
  const Name name = name_in(rest, name_size);
  if (!name.valid || access.data_size > rest.size() - name_size) {
    return status::access_denied;
  }
  std::uint32_t attributes = access.attributes;
  std::uint64_t size = access.data_size;
  const EfiStatus result = services_.get({access.vendor, name.text}, attributes, size, rest.data() + name_size);
  access.attributes = attributes;
  access.data_size = size;
  store(payload, access);
  return result;
}

EfiStatus MessageHandler::get_next_variable_name(MutableBytes payload) {
  if (payload.size() < sizeof(NamedVariable)) {
    return status::invalid_parameter;
  }
  auto next = load<NamedVariable>(payload);
  const MutableBytes name = payload.subspan(sizeof(next));
  if (next.name_size > name.size()) {
    return status::access_denied;
  }
  const EfiStatus result = services_.get_next(name, next.name_size, next.vendor);
  store(payload, next);
  return result;
}

EfiStatus MessageHandler::set_variable(MutableBytes payload) {
  if (payload.size() < sizeof(AccessVariable)) {
    return status::invalid_parameter;
  }
  const auto access = load<AccessVariable>(payload);
  const std::uint64_t name_size = access.name_size;
  const MutableBytes rest = payload.subspan(sizeof(access));
  const Name name = name_in(rest, name_size);
  if (!name.valid || access.data_size > rest.size() - name_size) {
    return status::access_denied;
  }
  return services_.set(Requester::message, {access.vendor, name.text}, access.attributes,
                       rest.subspan(name_size, access.data_size));
}

EfiStatus MessageHandler::query_variable_info(MutableBytes payload) {
  if (payload.size() < sizeof(QueryVariableInfo)) {
    return status::invalid_parameter;
  }
  auto info = load<QueryVariableInfo>(payload);
  const EfiStatus result = services_.query(info);
  store(payload, info);
  return result;
}

EfiStatus MessageHandler::ready_to_boot() {
  if (services_.at_runtime()) {
    return status::unsupported;
  }
  services_.ready_to_boot();
  return status::success;
}

EfiStatus MessageHandler::lock_variable(MutableBytes payload) {
  if (payload.size() < sizeof(NamedVariable)) {
    return status::invalid_parameter;
  }
  if (services_.is_end_of_dxe()) {
    return status::access_denied;
  }
  const auto target = load<NamedVariable>(payload);
  const Name name = name_in(payload.subspan(sizeof(target)), target.name_size);
  if (!name.valid) {
    return status::access_denied;
  }
  return services_.policies().add_lock({target.vendor, name.text});
}

EfiStatus MessageHandler::set_property(MutableBytes payload) {
  if (payload.size() < sizeof(NamedProperty)) {
    return status::invalid_parameter;
  }
  if (services_.is_end_of_dxe()) {
    return status::access_denied;
  }
  const auto target = load<NamedProperty>(payload);
  const Name name = name_in(payload.subspan(sizeof(target)), target.name_size);
  if (!name.valid) {
    return status::access_denied;
  }
  return services_.properties().set({target.vendor, name.text}, target.property);
}

EfiStatus MessageHandler::get_property(MutableBytes payload) {
  if (payload.size() < sizeof(NamedProperty)) {
    return status::invalid_parameter;
  }
  const auto target = load<NamedProperty>(payload);
  const Name name = name_in(payload.subspan(sizeof(target)), target.name_size);
  if (!name.valid) {
    return status::access_denied;
  }
  if (name.text.empty()) {
    return status::invalid_parameter;
  }
  const VariableProperty* property = services_.properties().find({target.vendor, name.text});
  if (property == nullptr) {
    return status::not_found;
  }
  store(payload, *property, offsetof(NamedProperty, property));
  return status::success;
}

EfiStatus MessageHandler::get_payload_size(MutableBytes payload) {
  if (payload.size() < sizeof(PayloadSize)) {
    return status::invalid_parameter;
  }
  store(payload, PayloadSize{payload_size()});
  return status::success;
}

// Stock firmware answers EFI_ACCESS_DENIED to whatever is wrong here.
EfiStatus MessageHandler::init_runtime_cache(Bytes payload) {
  if (payload.size() < sizeof(RuntimeCacheContext) || services_.is_end_of_dxe() || outside_ == nullptr) {
    return status::access_denied;
  }
  return services_.runtime_cache().connect(load<RuntimeCacheContext>(payload), *outside_);
}

EfiStatus MessageHandler::get_runtime_cache_info(MutableBytes payload) {
  if (outside_ == nullptr) {
    return status::unsupported;
  }
  if (payload.size() < sizeof(RuntimeCacheInfo)) {
    return status::invalid_parameter;
  }
  store(payload, services_.runtime_cache().info());
  return status::success;
}

void MessageHandler::answer_policy_message(MutableBytes message) {
  if (message.size() < sizeof(PolicyMessageHeader)) {
    return;
  }
  const auto header = load<PolicyMessageHeader>(message);
  std::uint64_t result = status::invalid_parameter;
  if (header.signature == PolicyMessageHeader::expected_signature &&
      header.revision == PolicyMessageHeader::current_revision) {
    if (header.command != static_cast<std::uint32_t>(PolicyCommand::dump)) {
      dump_size_ = 0;
    }
    result = dispatch_policy(header.command, message.subspan(sizeof(header)));
  }
  store(message, result, offsetof(PolicyMessageHeader, result));
}

EfiStatus MessageHandler::dispatch_policy(std::uint32_t command, MutableBytes body) {
  switch (static_cast<PolicyCommand>(command)) {
    case PolicyCommand::disable: return services_.policies().disable();
    case PolicyCommand::is_enabled:
      if (body.empty()) {
        return status::invalid_parameter;
      }
      body[0] = std::byte{services_.policies().is_enabled()};
      return status::success;
    case PolicyCommand::register_policy: return register_policy(body);
    case PolicyCommand::dump: return dump_policies(body);
    case PolicyCommand::lock: return services_.policies().lock();
    case PolicyCommand::get_info: return policy_info(body, false);
    case PolicyCommand::get_lock_on_state_info: return policy_info(body, true);
  }
  return status::unsupported;
}

EfiStatus MessageHandler::register_policy(MutableBytes body) {
  if (body.size() < sizeof(PolicyEntry)) {
    return status::invalid_parameter;
  }
  const auto entry = load<PolicyEntry>(body);
  if (entry.size > body.size()) {
    return status::invalid_parameter;
  }
  return services_.policies().add(body.first(entry.size));
}

EfiStatus MessageHandler::dump_policies(MutableBytes body) {
  if (body.size() < sizeof(PolicyDump) + policy_dump_page_size) {
    return status::invalid_parameter;
  }
  auto dump = load<PolicyDump>(body);
  const std::uint32_t page = dump.page_requested;
  const Bytes entries = services_.policies().entries();
  dump.total_size = 0;
  dump.page_size = 0;
  dump.has_more = 0;
  EfiStatus result = status::success;
  if (page == 0) {
    dump_size_ = entries.size();
    dump.total_size = static_cast<std::uint32_t>(dump_size_);
    dump.has_more = dump_size_ != 0 ? 1 : 0;
  } else if (dump_size_ == 0) {
    result = status::timeout;  // no dump is under way
  } else {
    dump.total_size = static_cast<std::uint32_t>(dump_size_);
    const std::uint64_t offset = std::uint64_t{page - 1} * policy_dump_page_size;
    if (offset >= dump_size_) {
      result = status::invalid_parameter;
    } else {
      const std::size_t size = std::min(policy_dump_page_size, dump_size_ - static_cast<std::size_t>(offset));
      __builtin_memcpy(body.data() + sizeof(dump), entries.data() + offset, size);
      dump.page_size = static_cast<std::uint32_t>(size);
      dump.has_more = offset + size < dump_size_ ? 1 : 0;
      if (dump.has_more == 0) {
        dump_size_ = 0;
      }
    }
  }
  store(body, dump);
  return result;
}

// The policy that counts for a variable, or the part of it about the variable that its lock depends on.
EfiStatus MessageHandler::policy_info(MutableBytes body, bool lock_on_state) {
  if (body.size() < sizeof(PolicyInfo) + policy_info_names_size) {
    return status::invalid_parameter;
  }
  auto info = load<PolicyInfo>(body);
  const MutableBytes names = body.subspan(sizeof(info), policy_info_names_size);
  const Name name = name_in(names, info.input_name_size);
  if (!name.valid) {
    return status::invalid_parameter;
  }
  const MutableBytes output = names.subspan(info.input_name_size);
  const std::size_t room = std::min<std::size_t>(info.output_name_size, output.size());
  std::fill(std::begin(info.entry), std::end(info.entry), std::uint8_t{0});
  const Bytes found = services_.policies().find({info.vendor, name.text});
  Bytes policy = found;
  Bytes policy_name;
  if (!found.empty()) {
    const auto entry = load<PolicyEntry>(found);
    if (!lock_on_state) {
      policy = found.first(sizeof(PolicyEntry));
      policy_name = found.subspan(entry.offset_to_name);
    } else if (entry.lock_type == static_cast<std::uint8_t>(PolicyLock::on_variable_state)) {
      constexpr std::size_t state_name = sizeof(PolicyEntry) + sizeof(LockOnStatePolicy);
      policy = found.subspan(sizeof(PolicyEntry), sizeof(LockOnStatePolicy));
      policy_name = found.subspan(state_name, entry.offset_to_name - state_name);
    } else {
      policy = {};
    }
  }
  if (policy.empty()) {
    store(body, info);
    return status::not_found;
  }
  __builtin_memcpy(info.entry, policy.data(), policy.size());
  info.output_name_size = static_cast<std::uint32_t>(policy_name.size());
  store(body, info);
  if (policy_name.size() > room) {
    return status::buffer_too_small;
  }
  std::fill(output.begin(), output.end(), std::byte{0});
  if (!policy_name.empty()) {
    __builtin_memcpy(output.data(), policy_name.data(), policy_name.size());
  }
  return status::success;
}

}  // namespace redoubt::variable
