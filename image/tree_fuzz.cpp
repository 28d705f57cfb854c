// SPDX-License-Identifier: BSD-2-Clause-Patent
// Any bytes as a firmware image: parsing ends, and everything the tree hands out lies in its buffer. The last byte of
// an input decides whether the checksums of headers are put right first; otherwise hardly any input gets past them.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "image/depex_text.hpp"
#include "image/mm_modules.hpp"
#include "image/tree.hpp"

namespace {

using namespace redoubt;
using namespace redoubt::image;

constexpr std::size_t file_header_size = sizeof(abi::FileHeader);

void put_right_files(std::vector<std::byte>& bytes, std::size_t position) {
  for (int files = 0; files < 64 && position + file_header_size <= bytes.size(); ++files) {
    const auto header = read_at<abi::FileHeader>(bytes, position).value();
    const std::size_t size = header.size[0] | std::size_t{header.size[1]} << 8 | std::size_t{header.size[2]} << 16;
    bytes[position + offsetof(abi::FileHeader, header_checksum)] =
        static_cast<std::byte>(file_header_checksum(Bytes(bytes).subspan(position, file_header_size)));
    position += std::max(size, file_header_size);
    position = (position + 7) / 8 * 8;
  }
}

void put_right_volumes(std::vector<std::byte>& bytes) {
  for (std::size_t position = 0; position + sizeof(abi::FirmwareVolumeHeader) <= bytes.size(); position += 4) {
    const auto header = read_at<abi::FirmwareVolumeHeader>(bytes, position).value();
    if (header.signature != abi::firmware_volume_signature || header.header_length > bytes.size() - position) {
      continue;
    }
    const std::size_t checksum = position + offsetof(abi::FirmwareVolumeHeader, checksum);
    bytes[checksum] = bytes[checksum + 1] = std::byte{0};
    const std::uint16_t sum = checksum16(Bytes(bytes).subspan(position, header.header_length));
    bytes[checksum] = static_cast<std::byte>(sum & 0xFF);
    bytes[checksum + 1] = static_cast<std::byte>(sum >> 8);
    put_right_files(bytes, position + header.header_length);
  }
}

void check(const ImageTree& tree, const Node& node) {
  const SourceBuffer& buffer = tree.buffers().at(node.location.buffer);
  if (!slice(buffer.bytes, node.location.offset, node.bytes.size()).has_value() ||
      (!node.bytes.empty() && node.bytes.data() != buffer.bytes.data() + node.location.offset)) {
    std::abort();
  }
  static_cast<void>(tree.path_text(node.location));
  for (const Node& child : node.children) {
    check(tree, child);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input = std::as_bytes(std::span(data, size));
  std::vector<std::byte> bytes(input.begin(), input.end());
  if (!bytes.empty() && (bytes.back() & std::byte{1}) != std::byte{0}) {
    put_right_volumes(bytes);
  }
  const ImageTree tree = ImageTree::parse(bytes, {.nodes = 20'000, .expanded_bytes = std::uint64_t{1} << 24});
  for (const Node& node : tree.nodes()) {
    check(tree, node);
  }
  for (const Problem& problem : tree.problems()) {
    static_cast<void>(tree.path_text(problem.location));
  }
  for (const MmModule& module : find_mm_modules(tree)) {
    if (module.mm_depex != nullptr) {
      static_cast<void>(to_infix(*module.mm_depex->depex));
    }
  }
  return 0;
}
