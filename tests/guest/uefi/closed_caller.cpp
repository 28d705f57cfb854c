// SPDX-License-Identifier: BSD-2-Clause-Patent
// Has a debugger stop the variable driver in the middle of a GetVariable of "FaultNow", and looks at what the runtime
// services and image verification make of it (closed_services.hpp). With opt/org.redoubt/fault=0 it ends before.
#include "abi/uefi/service_types.hpp"
#include "tests/guest/uefi/closed_services.hpp"

namespace redoubt::guest {
namespace {

using namespace closed;

void before(const abi::SystemTable& table, abi::Handle self) {
  const auto& runtime = *table.runtime_services;
  time = "before";
  look_at_modes(runtime);
  abi::UintN size = sizeof(data);
  EfiStatus result = runtime.get_variable(u"db", &abi::image_security_database_guid, nullptr, &size, data);
  say("db is read", result, result == status::success);
  result = runtime.set_variable(u"Kept", &own, non_volatile_access, 4, const_cast<char*>("kept"));
  say("a variable is written", result, result == status::success);
  result = load(table, self, "signed");
  say("a signed program is loaded", result, result == status::success);
  result = load(table, self, "unsigned");
  say("an unsigned program is refused", result, status::is_error(result));
}

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus closed_caller_entry(redoubt::abi::Handle image_handle,
                                                              redoubt::abi::SystemTable* system_table);

extern "C" EFIAPI redoubt::abi::EfiStatus closed_caller_entry(redoubt::abi::Handle image_handle,
                                                              redoubt::abi::SystemTable* system_table) {
  using namespace redoubt::guest;
  before(*system_table, image_handle);
  if (option("fault", 1) != 0) {
    closed::time = "after";
    closed::look_at_all(*system_table, image_handle);  // the first message is the one that it is stopped in
  }
  finish(*system_table, "closed_caller", closed::all_well);
}
