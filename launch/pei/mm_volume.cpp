// SPDX-License-Identifier: BSD-2-Clause-Patent
// PEI services find the file, so that volumes inside compressed sections count as PEI knows them; what is in it is read
// with the views of image/, since its contents decide what runs in MM.
#include "launch/pei/mm_volume.hpp"

#include "abi/pi/firmware_volume.hpp"
#include "abi/redoubt/image_names.hpp"
#include "image/firmware_volume.hpp"

namespace redoubt::launch {
namespace {

// The bytes from the start of the volume image section's data to the end of the file.
Step<Bytes> section_data(abi::PeiServicesPointer services, abi::FileHandle file) {
  abi::FvFileInfo information{};
  void* data = nullptr;
  if (abi::status::is_error((*services)->ffs_get_file_info(file, &information)) ||
      abi::status::is_error((*services)->ffs_find_section_data(
          services, static_cast<std::uint8_t>(abi::SectionType::firmware_volume_image), file, &data))) {
    return because("the file of the MM volume holds no volume");
  }
  const Bytes contents(static_cast<const std::byte*>(information.buffer), information.buffer_size);
  const auto offset = reinterpret_cast<std::uintptr_t>(data) - reinterpret_cast<std::uintptr_t>(contents.data());
  const auto rest = slice_from(contents, offset);
  if (!rest) {
    return because("the section of the MM volume is not in its file");
  }
  return *rest;
}

}  // namespace

Step<Bytes> find_mm_volume(abi::PeiServicesPointer services) {
  abi::VolumeHandle volume = nullptr;
  for (abi::UintN i = 0; !abi::status::is_error((*services)->ffs_find_next_volume(services, i, &volume)); ++i) {
    abi::FileHandle file = nullptr;
    if (abi::status::is_error((*services)->ffs_find_file_by_name(&abi::image_names::volume_file, volume, &file))) {
      continue;
    }
    const auto view = image::FirmwareVolumeView::create(TRY(section_data(services, file)));
    if (!view) {
      return because("the MM volume is damaged");
    }
    return view->bytes();
  }
  return because("no MM volume in the image");
}

Step<Bytes> find_supervisor(Bytes volume) {
  const auto view = image::FirmwareVolumeView::create(volume);
  if (!view) {
    return because("the MM volume is damaged");
  }
  const auto file = view->find_file(abi::FileType::mm_core_standalone);
  if (!file) {
    return because("the MM volume is damaged");
  }
  if (!*file) {
    return because("no supervisor in the MM volume");
  }
  if (!(*file)->check_data()) {
    return because("the supervisor does not match its checksum");
  }
  const auto section = (*file)->find_section(abi::SectionType::pe32);
  if (!section || !*section) {
    return because("the supervisor is no PE image");
  }
  return (*section)->payload();
}

}  // namespace redoubt::launch
