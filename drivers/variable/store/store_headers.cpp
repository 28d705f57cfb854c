// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/store/store_headers.hpp"

#include "drivers/variable/store/flash_bytes.hpp"

namespace redoubt::variable {

using format::StoreHeader;
using format::VolumeHeader;

namespace {

// No volume has kinds of blocks enough to need more.
constexpr std::uint32_t longest_volume_header = 0x1000;

std::uint16_t sum_of_words(Bytes header) {
  std::uint16_t sum = 0;
  for (std::size_t offset = 0; offset + sizeof(sum) <= header.size(); offset += sizeof(sum)) {
    sum = static_cast<std::uint16_t>(sum + load<std::uint16_t>(header, offset));
  }
  return sum;
}

}  // namespace

Result<RecordSpace, FindingId> find_records(Bytes store) {
  if (store.size() < sizeof(VolumeHeader)) {
    return std::unexpected(FindingId::volume_signature);
  }
  const auto volume = load<VolumeHeader>(store, 0);
  if (volume.fixed.signature != abi::firmware_volume_signature) {
    return std::unexpected(FindingId::volume_signature);
  }
  if (volume.fixed.file_system != abi::system_nv_data_guid) {
    return std::unexpected(FindingId::volume_file_system);
  }
  if (volume.fixed.header_length < sizeof(VolumeHeader) || volume.fixed.header_length > longest_volume_header ||
      volume.fixed.header_length % format::record_alignment != 0 || volume.fixed.header_length > store.size() ||
      store.size() - volume.fixed.header_length < sizeof(StoreHeader)) {
    return std::unexpected(FindingId::volume_header_length);
  }
  const auto header = load<StoreHeader>(store, volume.fixed.header_length);
  if (header.signature == format::plain_store_guid) {
    return std::unexpected(FindingId::store_without_authentication);
  }
  if (header.signature != format::authenticated_store_guid) {
    return std::unexpected(FindingId::store_signature);
  }
  if (header.format != StoreHeader::formatted) {
    return std::unexpected(FindingId::store_format);
  }
  if (header.state != StoreHeader::healthy) {
    return std::unexpected(FindingId::store_state);
  }
  if (header.size < sizeof(StoreHeader) || header.size > store.size() - volume.fixed.header_length) {
    return std::unexpected(FindingId::store_size);
  }
  return RecordSpace{volume.fixed.header_length + std::uint32_t{sizeof(StoreHeader)},
                     volume.fixed.header_length + header.size};
}

bool has_volume_checksum(Bytes store) {
  return sum_of_words(store.first(load<VolumeHeader>(store, 0).fixed.header_length)) == 0;
}

bool is_blank_store(Bytes store, std::uint32_t block_size) {
  for (std::size_t offset = 0; offset < store.size(); offset += block_size) {
    const Bytes block = store.subspan(offset, block_size);
    const std::byte fill = block[0];
    if ((fill != std::byte{0xFF} && fill != std::byte{0}) ||
        !std::all_of(block.begin(), block.end(), [fill](std::byte cell) { return cell == fill; })) {
      return false;
    }
  }
  return true;
}

std::array<std::byte, store_headers_size> make_store_headers(const StoreLayout& layout) {
  VolumeHeader volume{};
  volume.fixed.file_system = abi::system_nv_data_guid;
  volume.fixed.length = layout.volume_size;
  volume.fixed.signature = abi::firmware_volume_signature;
  volume.fixed.attributes = VolumeHeader::expected_attributes;
  volume.fixed.header_length = sizeof(VolumeHeader);
  volume.fixed.revision = abi::firmware_volume_revision;
  volume.map[0] = {layout.volume_size / layout.block_size, layout.block_size};
  volume.fixed.checksum = static_cast<std::uint16_t>(0U - sum_of_words(bytes_of(volume)));

  StoreHeader store{};
  store.signature = format::authenticated_store_guid;
  store.size = layout.store_size - std::uint32_t{sizeof(VolumeHeader)};
  store.format = StoreHeader::formatted;
  store.state = StoreHeader::healthy;

  std::array<std::byte, store_headers_size> headers;
  __builtin_memcpy(headers.data(), &volume, sizeof(volume));
  __builtin_memcpy(headers.data() + sizeof(volume), &store, sizeof(store));
  return headers;
}

}  // namespace redoubt::variable
