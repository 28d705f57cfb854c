// SPDX-License-Identifier: BSD-2-Clause-Patent
// Looks, through DXE's runtime services, for what the test PEIM variable_client left, for what it deleted, and for what
// stock BDS wrote after it had locked it.
//
//   left NAME bytes=N | left failed what="..." name=NAME
#include "abi/uefi/service_types.hpp"
#include "abi/uefi/system_table.hpp"
#include "tests/guest/pei/variables_left.hpp"
#include "tests/guest/uefi/program.hpp"

namespace redoubt::guest {
namespace {

using guest_pei::VariableLeft;
namespace status = abi::status;

bool all_well = true;

void print_name(const char16_t* name) {
  for (; *name != 0; ++name) print(static_cast<char>(*name));
}

void expect(bool condition, std::string_view what, const char16_t* name) {
  if (condition) return;
  print("left failed what=\"");
  print(what);
  print("\" name=");
  print_name(name);
  print("\r\n");
  all_well = false;
}

std::uint8_t data[0x8000];

void check(const abi::RuntimeServices& runtime, const VariableLeft& variable) {
  abi::UintN size = sizeof(data);
  std::uint32_t attributes = 0;
  const abi::EfiStatus result = runtime.get_variable(variable.name, &guest_pei::vendor, &attributes, &size, data);
  expect(result == status::success, "can be read", variable.name);
  expect(attributes == variable.attributes, "has its attributes", variable.name);
  expect(size == variable.size, "has its size", variable.name);
  bool same = true;
  for (std::uint32_t i = 0; i < variable.size; ++i) same = same && data[i] == guest_pei::byte_of(variable.seed, i);
  expect(same, "has its data", variable.name);
  print("left ");
  print_name(variable.name);
  print(" bytes=");
  print_decimal(size);
  print("\r\n");
}

// BDS locks these, writes them, and then ends DXE.
void check_locked_by_bds(const abi::RuntimeServices& runtime) {
  for (const char16_t* name : {u"BootOptionSupport", u"OsIndicationsSupported", u"PlatformLangCodes"}) {
    abi::UintN size = sizeof(data);
    std::uint32_t attributes = 0;
    expect(runtime.get_variable(name, &abi::global_variable_guid, &attributes, &size, data) == status::success,
           "was written by BDS", name);
    expect(runtime.set_variable(name, &abi::global_variable_guid, attributes, size, data) == status::write_protected,
           "is locked", name);
    expect(runtime.set_variable(name, &abi::global_variable_guid, 0, 0, nullptr) == status::write_protected,
           "is locked against deletion", name);
  }
}

unsigned count_listed(const abi::RuntimeServices& runtime) {
  abi::Char16 name[256] = u"";
  abi::Guid vendor{};
  unsigned count = 0;
  while (true) {
    abi::UintN size = sizeof(name);
    if (runtime.get_next_variable_name(&size, name, &vendor) != status::success) return count;
    count += vendor == guest_pei::vendor ? 1 : 0;
  }
}

void run(const abi::SystemTable& system_table) {
  const auto& runtime = *system_table.runtime_services;
  for (const VariableLeft& variable : guest_pei::variables_left) check(runtime, variable);
  abi::UintN size = sizeof(data);
  expect(runtime.get_variable(guest_pei::deleted_name, &guest_pei::vendor, nullptr, &size, data) == status::not_found,
         "is deleted", guest_pei::deleted_name);
  check_locked_by_bds(runtime);
  expect(count_listed(runtime) == std::size(guest_pei::variables_left), "and nothing else", u"list");
}

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus variables_left_reader_entry(redoubt::abi::Handle image_handle,
                                                                      redoubt::abi::SystemTable* system_table);

extern "C" EFIAPI redoubt::abi::EfiStatus variables_left_reader_entry(redoubt::abi::Handle /*image_handle*/,
                                                                      redoubt::abi::SystemTable* system_table) {
  redoubt::guest::run(*system_table);
  redoubt::guest::finish(*system_table, "variables_left_reader", redoubt::guest::all_well);
}
