// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/fault_policies.hpp"

#include "abi/redoubt/image_names.hpp"
#include "image/firmware_volume.hpp"

namespace redoubt::foundation {

FaultPolicies::FaultPolicies(Bytes region) {
  if (region.empty()) return;
  unnamed_ = abi::FaultPolicy::reset;
  const auto volume = image::FirmwareVolumeView::create(region);
  if (!volume.has_value()) return;
  const auto file = volume->find_file(abi::image_names::fault_policies);
  if (!file.has_value()) return;
  if (!file->has_value()) {
    unnamed_ = abi::FaultPolicy::disable;  // there is no table
    return;
  }
  if (!(*file)->check_data().has_value()) return;
  const auto section = (*file)->find_section(abi::SectionType::raw);
  if (!section.has_value() || !section->has_value()) return;
  list_ = (*section)->payload();
  if (list_.size() % sizeof(abi::FaultPolicyEntry) == 0) unnamed_ = abi::FaultPolicy::disable;
}

abi::FaultPolicy FaultPolicies::of(const abi::Guid& file) const {
  abi::FaultPolicy found = unnamed_;
  for_each([&](const abi::Guid& name, abi::FaultPolicy policy) {
    if (name == file) found = policy;
  });
  return found;
}

}  // namespace redoubt::foundation
