// SPDX-License-Identifier: BSD-2-Clause-Patent
// See the header.
#include "foundation/fault_policies.hpp"

#include "abi/redoubt/image_names.hpp"
#include "image/firmware_volume.hpp"

namespace redoubt::foundation {

FaultPolicies::FaultPolicies(Bytes region) {
  const auto volume = image::FirmwareVolumeView::create(region);
  if (!volume.has_value()) return;
  const auto file = volume->find_file(abi::image_names::fault_policies);
  if (!file.has_value() || !file->has_value() || !(*file)->check_data().has_value()) return;
  const auto section = (*file)->find_section(abi::SectionType::raw);
  if (section.has_value() && section->has_value()) list_ = (*section)->payload();
}

abi::FaultPolicy FaultPolicies::of(const abi::Guid& file) const {
  abi::FaultPolicy found = abi::FaultPolicy::disable;
  for_each_needed([&](const abi::Guid& name, abi::FaultPolicy policy) {
    if (name == file) found = policy;
  });
  return found;
}

}  // namespace redoubt::foundation
