// SPDX-License-Identifier: BSD-2-Clause-Patent
// What runtime services and image verification must make of an MM without a variable driver: through stock
// VariableSmmRuntimeDxe, whose errors are what MM puts into its buffer. QEMU's command line gives two programs,
// opt/org.redoubt/unsigned, and opt/org.redoubt/signed by a key in db.
//
//   closed TIME WHAT status=0x... ok|FAILED
#pragma once

#include "abi/uefi/service_types.hpp"
#include "abi/uefi/system_table.hpp"
#include "tests/guest/uefi/program.hpp"

namespace redoubt::guest::closed {

namespace status = abi::status;
using abi::EfiStatus;

inline constexpr abi::Guid own = {0x5e9ad2a0, 0x4e0c, 0x4b5c, {0x8d, 0x55, 0x72, 0x64, 0x6f, 0x75, 0x62, 0x74}};
inline constexpr std::uint32_t volatile_access = 0x06;
inline constexpr std::uint32_t non_volatile_access = 0x07;

inline bool all_well = true;
inline std::string_view time;
inline std::uint8_t program[0x20000];
inline std::uint8_t data[0x8000];

inline void say(std::string_view what, EfiStatus result, bool well) {
  print_line("closed ", time, " ", what, " status=", Hexadecimal{result}, well ? " ok" : " FAILED");
  all_well = all_well && well;
}

// An error, and none that says that there is nothing.
inline bool is_closed(EfiStatus result) { return status::is_error(result) && result != status::not_found; }

struct Variable {
  std::string_view label;
  const char16_t* name;
  const abi::Guid& vendor;
};
inline constexpr Variable variables[] = {
    {"PK", u"PK", abi::global_variable_guid},
    {"KEK", u"KEK", abi::global_variable_guid},
    {"db", u"db", abi::image_security_database_guid},
    {"dbx", u"dbx", abi::image_security_database_guid},
    {"BootOrder", u"BootOrder", abi::global_variable_guid},
    {"DeployedMode", u"DeployedMode", abi::global_variable_guid},
    {"Nothing", u"Nothing", own},
    {"SecureBoot of another vendor", u"SecureBoot", own},
};

// As GetEfiGlobalVariable2() reads it, size first; 0xFF if that fails.
inline std::uint8_t mode(const abi::RuntimeServices& runtime, const char16_t* name, EfiStatus& result) {
  abi::UintN size = 0;
  result = runtime.get_variable(name, &abi::global_variable_guid, nullptr, &size, nullptr);
  if (result != status::buffer_too_small || size != 1) return 0xFF;
  std::uint8_t value = 0xFF;
  result = runtime.get_variable(name, &abi::global_variable_guid, nullptr, &size, &value);
  return result == status::success && size == 1 ? value : 0xFF;
}

inline void look_at_modes(const abi::RuntimeServices& runtime) {
  EfiStatus result = 0;
  std::uint8_t value = mode(runtime, u"SecureBoot", result);
  say("SecureBoot is 1", result, value == 1);
  value = mode(runtime, u"SetupMode", result);
  say("SetupMode is 0", result, value == 0);
}

inline EfiStatus load(const abi::SystemTable& table, abi::Handle self, std::string_view name) {
  const std::size_t size = option_bytes(name, program);
  abi::Handle image = nullptr;
  return table.boot_services->load_image(0, self, nullptr, program, size, &image);
}

// Nothing succeeds but the questions for SecureBoot and SetupMode, nothing is merely absent, no program is loaded.
inline void look_at_all(const abi::SystemTable& table, abi::Handle self) {
  const auto& runtime = *table.runtime_services;
  abi::UintN size = sizeof(data);
  EfiStatus result = runtime.get_variable(u"FaultNow", &own, nullptr, &size, data);
  say("FaultNow", result, is_closed(result));
  look_at_modes(runtime);
  for (const Variable& variable : variables) {
    size = sizeof(data);
    result = runtime.get_variable(variable.name, &variable.vendor, nullptr, &size, data);
    say(variable.label, result, is_closed(result));
    size = 0;
    result = runtime.get_variable(variable.name, &variable.vendor, nullptr, &size, nullptr);
    say(variable.label, result, is_closed(result) && result != status::buffer_too_small);
  }
  abi::Char16 name[64] = u"";
  abi::Guid vendor{};
  size = sizeof(name);
  result = runtime.get_next_variable_name(&size, name, &vendor);
  say("GetNextVariableName", result, is_closed(result));
  for (const std::uint32_t attributes : {volatile_access, non_volatile_access}) {
    result = runtime.set_variable(u"New", &own, attributes, 4, const_cast<char*>("new"));
    say("SetVariable, new", result, is_closed(result));
    result = runtime.set_variable(u"Kept", &own, attributes, 0, nullptr);
    say("SetVariable, deletion", result, is_closed(result));
    std::uint64_t sizes[3] = {};
    result = runtime.query_variable_info(attributes, &sizes[0], &sizes[1], &sizes[2]);
    say("QueryVariableInfo", result, is_closed(result));
  }
  std::uint8_t zero = 0;
  result = runtime.set_variable(u"SecureBoot", &abi::global_variable_guid, volatile_access, 1, &zero);
  say("SetVariable, SecureBoot", result, is_closed(result));
  look_at_modes(runtime);
  for (const std::string_view which : {"unsigned", "signed"}) {
    result = load(table, self, which);
    say(which, result, status::is_error(result));
  }
}

}  // namespace redoubt::guest::closed
