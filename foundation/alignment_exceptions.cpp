// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/alignment_exceptions.hpp"

#include "abi/redoubt/image_names.hpp"
#include "image/firmware_volume.hpp"

namespace redoubt::foundation {

AlignmentExceptions::AlignmentExceptions(Bytes region) {
  const auto volume = image::FirmwareVolumeView::create(region);
  if (!volume.has_value()) return;
  const auto file = volume->find_file(abi::image_names::alignment_exceptions);
  if (!file.has_value() || !file->has_value() || !(*file)->check_data().has_value()) return;
  const auto section = (*file)->find_section(abi::SectionType::raw);
  if (section.has_value() && section->has_value()) list_ = (*section)->payload();
}

bool AlignmentExceptions::admit(const abi::Guid& file) const {
  for (std::size_t at = 0;; at += sizeof(abi::Guid)) {
    const auto name = read_at<abi::Guid>(list_, at);
    if (!name.has_value()) return false;
    if (*name == file) return true;
  }
}

}  // namespace redoubt::foundation
