// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/layout.hpp"

#include "drivers/variable/store/format.hpp"

namespace redoubt::variable {

namespace {

constexpr StoreLayout known_volumes[] = {ovmf_2m_layout, ovmf_4m_layout};

struct Headers {
  format::VolumeHeader volume;
  format::StoreHeader store;
};

Result<Headers> headers_at(Bytes image, std::uint64_t offset) {
  const auto volume = TRY(read_at<format::VolumeHeader>(image, offset));
  if (volume.fixed.signature != abi::firmware_volume_signature ||
      volume.fixed.file_system != abi::system_nv_data_guid || volume.fixed.header_length < sizeof(volume) ||
      !is_power_of_two(volume.map[0].length)) {
    return std::unexpected(Error::malformed);
  }
  const auto store = TRY(read_at<format::StoreHeader>(image, offset + volume.fixed.header_length));
  if (store.signature != format::authenticated_store_guid || store.size < sizeof(store)) {
    return std::unexpected(Error::malformed);
  }
  return Headers{volume, store};
}

Result<StoreLayout> layout_from(Bytes image, const Headers& headers) {
  if (headers.volume.fixed.length > image.size()) {
    return std::unexpected(Error::truncated);
  }
  StoreLayout layout;
  layout.block_size = headers.volume.map[0].length;
  layout.volume_size = TRY(checked_cast<std::uint32_t>(headers.volume.fixed.length));
  layout.store_size = TRY(checked_align_up(
      TRY(checked_add<std::uint32_t>(headers.volume.fixed.header_length, headers.store.size)), layout.block_size));
  for (std::uint64_t offset = layout.store_size; offset + layout.block_size <= layout.volume_size;
       offset += layout.block_size) {
    const auto work = TRY(read_at<format::WorkingBlockHeader>(image, offset));
    if (work.signature == format::working_block_guid) {
      layout.work = static_cast<std::uint32_t>(offset);
      layout.work_size =
          TRY(checked_cast<std::uint32_t>(TRY(checked_add<std::uint64_t>(work.queue_size, sizeof(work)))));
      break;
    }
  }
  for (const StoreLayout& known : known_volumes) {
    if (layout.work == 0 && known.volume_size == layout.volume_size && known.store_size == layout.store_size) {
      layout.work = known.work;
      layout.work_size = known.work_size;
    }
  }
  layout.spare = TRY(checked_add(layout.work, layout.work_size));
  layout.spare_size = TRY(checked_subtract(layout.volume_size, layout.spare));
  if (!layout.is_sound()) {
    return std::unexpected(Error::unsupported);
  }
  return layout;
}

}  // namespace

Result<StoreLayout> find_layout(Bytes image) {
  const Result<Headers> first = headers_at(image, 0);
  if (first.has_value()) {
    return layout_from(image, *first);
  }
  // A write that was interrupted may have erased the headers; then their copy stands where the spare area starts.
  for (std::uint64_t offset = volume_alignment; offset < image.size(); offset += volume_alignment) {
    const Result<Headers> copy = headers_at(image, offset);
    if (!copy.has_value()) {
      continue;
    }
    const Result<StoreLayout> layout = layout_from(image, *copy);
    if (layout.has_value() && layout->spare == offset) {
      return layout;
    }
  }
  return std::unexpected(Error::malformed);
}

Result<StoreLayout> layout_of_size(std::uint64_t volume_size) {
  for (const StoreLayout& known : known_volumes) {
    if (known.volume_size == volume_size) {
      return known;
    }
  }
  return std::unexpected(Error::not_found);
}

}  // namespace redoubt::variable
