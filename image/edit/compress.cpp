// SPDX-License-Identifier: BSD-2-Clause-Patent
// liblzma's own "alone" encoder cannot be told the size beforehand: it writes -1 and an end marker. Its raw encoder
// with LZMA1EXT can, so the header is ours and the stream is the library's.
#include "image/edit/compress.hpp"

#include <lzma.h>

#include <algorithm>

namespace redoubt::image::edit {
namespace {

constexpr std::uint32_t smallest_dictionary = 64 * 1024;
constexpr std::uint32_t largest_dictionary = 16 * 1024 * 1024;

void put_little_endian(std::byte* out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(value >> (8 * i));
}

}  // namespace

Result<LzmaParameters> lzma_parameters(Bytes payload) {
  if (payload.size() < lzma_header_size) return std::unexpected(Error::truncated);
  const auto properties = std::to_integer<std::uint8_t>(payload[0]);
  if (properties >= 9 * 5 * 5) return std::unexpected(Error::malformed);
  const int literal_context = properties % 9;
  const int literal_position = properties / 9 % 5;
  if (literal_context + literal_position > LZMA_LCLP_MAX) return std::unexpected(Error::unsupported);
  return LzmaParameters{.properties = properties, .dictionary_size = TRY(read_at<std::uint32_t>(payload, 1))};
}

Result<std::vector<std::byte>> lzma_compress(Bytes data, const LzmaParameters& parameters) {
  lzma_options_lzma options;
  if (lzma_lzma_preset(&options, 9 | LZMA_PRESET_EXTREME)) return std::unexpected(Error::unsupported);
  options.dict_size = std::clamp(parameters.dictionary_size, smallest_dictionary, largest_dictionary);
  options.lc = parameters.properties % 9U;
  options.lp = parameters.properties / 9U % 5U;
  options.pb = parameters.properties / 45U;
  options.ext_flags = 0;  // no end marker: the size is known
  lzma_set_ext_size(options, data.size());
  const lzma_filter filters[] = {{LZMA_FILTER_LZMA1EXT, &options}, {LZMA_VLI_UNKNOWN, nullptr}};

  // Data that doesn't compress grows by a small fraction only.
  std::vector<std::byte> out(lzma_header_size + data.size() + data.size() / 16 + 256);
  std::size_t position = lzma_header_size;
  const lzma_ret status =
      lzma_raw_buffer_encode(filters, nullptr, reinterpret_cast<const std::uint8_t*>(data.data()), data.size(),
                             reinterpret_cast<std::uint8_t*>(out.data()), &position, out.size());
  if (status == LZMA_MEM_ERROR || status == LZMA_BUF_ERROR) return std::unexpected(Error::out_of_memory);
  if (status != LZMA_OK) return std::unexpected(Error::unsupported);
  out[0] = static_cast<std::byte>(parameters.properties);
  put_little_endian(out.data() + 1, options.dict_size, 4);
  put_little_endian(out.data() + 5, data.size(), 8);
  out.resize(position);
  return out;
}

}  // namespace redoubt::image::edit
