// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/convert/mm_volume_files.hpp"

#include "abi/redoubt/image_names.hpp"
#include "image/edit/assemble.hpp"

namespace redoubt::tool {

using image::edit::append_section;
using image::edit::EditResult;
using image::edit::make_file;

namespace names = abi::image_names;

EditResult<Buffer> make_core_file(const FirmwareModule& module, abi::FileType type) {
  Buffer data;
  append_section(data, abi::SectionType::pe32, module.executable);
  append_section(data, abi::SectionType::user_interface, image::edit::user_interface_data(module.name));
  return make_file({.name = module.guid, .type = type}, data);
}

EditResult<Buffer> make_exceptions_file(const std::vector<AlignmentException>& exceptions) {
  Buffer list;
  for (const AlignmentException& exception : exceptions) {
    image::edit::append(list, exception.guid);
  }
  Buffer data;
  append_section(data, abi::SectionType::raw, list);
  append_section(data, abi::SectionType::user_interface,
                 image::edit::user_interface_data(names::alignment_exceptions_name));
  return make_file({.name = names::alignment_exceptions, .type = abi::FileType::freeform}, data);
}

EditResult<Buffer> make_fault_policies_file(const std::vector<DriverFaultPolicy>& policies) {
  Buffer table;
  for (const DriverFaultPolicy& driver : policies) {
    image::edit::append(table, abi::FaultPolicyEntry{driver.guid, driver.policy, {}});
  }
  Buffer data;
  append_section(data, abi::SectionType::raw, table);
  append_section(data, abi::SectionType::user_interface, image::edit::user_interface_data(names::fault_policies_name));
  return make_file({.name = names::fault_policies, .type = abi::FileType::freeform}, data);
}

}  // namespace redoubt::tool
