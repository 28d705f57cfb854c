// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/pei/variable_ppi.hpp"

#include "abi/redoubt/variable_ppi.hpp"
#include "launch/pei/mailbox.hpp"
#include "launch/pei/report_line.hpp"
#include "launch/pei/variable_client.hpp"

namespace redoubt::launch {
namespace {

using abi::Char16;
using abi::EfiStatus;
using abi::Guid;
using abi::UintN;

template <typename Ppi>
EfiStatus EFIAPI get_variable(const Ppi*, const Char16* name, const Guid* vendor, std::uint32_t* attributes,
                              UintN* size, void* data) {
  return VariableClient(mailbox()).get(name, vendor, attributes, size, data);
}

template <typename Ppi>
EfiStatus EFIAPI get_next_variable_name(const Ppi*, UintN* name_size, Char16* name, Guid* vendor) {
  return VariableClient(mailbox()).get_next(name_size, name, vendor);
}

EfiStatus EFIAPI set_variable(const abi::VariablePpi*, const Char16* name, const Guid* vendor, std::uint32_t attributes,
                              UintN size, const void* data) {
  return VariableClient(mailbox()).set(name, vendor, attributes, size, data);
}

EfiStatus EFIAPI query_variable_info(const abi::VariablePpi*, std::uint32_t attributes,
                                     std::uint64_t* maximum_storage_size, std::uint64_t* remaining_storage_size,
                                     std::uint64_t* maximum_variable_size) {
  return VariableClient(mailbox()).query(attributes, maximum_storage_size, remaining_storage_size,
                                         maximum_variable_size);
}

abi::VariablePpi variable_ppi = {.get_variable = get_variable<abi::VariablePpi>,
                                 .get_next_variable_name = get_next_variable_name<abi::VariablePpi>,
                                 .set_variable = set_variable,
                                 .query_variable_info = query_variable_info};
abi::ReadOnlyVariable2Ppi read_only_ppi = {.get_variable = get_variable<abi::ReadOnlyVariable2Ppi>,
                                           .get_next_variable_name = get_next_variable_name<abi::ReadOnlyVariable2Ppi>};

constexpr abi::PpiDescriptor variable_descriptor = {
    .flags = abi::PpiDescriptor::ppi | abi::PpiDescriptor::terminate_list,
    .guid = &abi::VariablePpi::guid,
    .interface = &variable_ppi};
constexpr abi::PpiDescriptor read_only_descriptor = {
    .flags = abi::PpiDescriptor::ppi | abi::PpiDescriptor::terminate_list,
    .guid = &abi::ReadOnlyVariable2Ppi::guid,
    .interface = &read_only_ppi};

}  // namespace

Step<void> install_variable_services(abi::PeiServicesPointer services) {
  if (!VariableClient(mailbox()).is_answered()) {
    ReportLine("ipl.variables").quoted("services", "none");
    return {};
  }
  if (abi::status::is_error((*services)->install_ppi(services, &variable_descriptor))) {
    return because("the variable PPI cannot be installed");
  }
  // Every instance is replaced: callbacks may ask for any.
  std::uint32_t replaced = 0;
  abi::PpiDescriptor* stock = nullptr;
  while (!abi::status::is_error(
             (*services)->locate_ppi(services, &abi::ReadOnlyVariable2Ppi::guid, replaced, &stock, nullptr)) &&
         stock != &read_only_descriptor) {
    if (abi::status::is_error((*services)->reinstall_ppi(services, stock, &read_only_descriptor))) {
      return because("the read-only variable PPI cannot be replaced");
    }
    ++replaced;
  }
  if (replaced == 0 && abi::status::is_error((*services)->install_ppi(services, &read_only_descriptor))) {
    return because("the read-only variable PPI cannot be installed");
  }
  ReportLine("ipl.variables").quoted("services", "read and write").decimal("replaced", replaced);
  return {};
}

}  // namespace redoubt::launch
