// SPDX-License-Identifier: BSD-2-Clause-Patent
// liblzma's raw decoder, told the size that the header names: unlike its decoder for whole files it can put a branch
// filter behind, and takes both ways in which a stream may end (at its size or with a marker).
#include "image/lzma.hpp"

#include <lzma.h>

#include <algorithm>
#include <limits>

namespace redoubt::image {

namespace {

constexpr std::size_t header_bytes = 13;
constexpr std::uint32_t largest_dictionary = std::uint32_t{1} << 28;
constexpr std::size_t output_step = std::size_t{1} << 20;

class Decoder {
 public:
  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { lzma_end(&stream_); }
  lzma_stream& stream() { return stream_; }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

}  // namespace

ImageResult<std::vector<std::byte>> lzma_expand(Bytes payload, std::uint64_t origin, std::uint64_t limit,
                                                BranchFilter filter) {
  const char* const cut_off = "LZMA header is cut off";
  const auto properties = TRY(read_field<std::uint8_t>(payload, 0, origin, cut_off));
  const auto dictionary = TRY(read_field<std::uint32_t>(payload, 1, origin, cut_off));
  const auto size = TRY(read_field<std::uint64_t>(payload, 5, origin, cut_off));
  if (properties >= 9 * 5 * 5) {
    return malformed(origin, "LZMA properties are out of range");
  }
  const bool size_known = size != std::numeric_limits<std::uint64_t>::max();
  if (size_known && size > limit) {
    return unsupported(origin + 5, "LZMA data expands to more than the limit");
  }
  lzma_options_lzma options{};
  options.dict_size = std::min(dictionary, largest_dictionary);
  options.lc = properties % 9U;
  options.lp = properties / 9U % 5U;
  options.pb = properties / 45U;
  options.ext_flags = LZMA_LZMA1EXT_ALLOW_EOPM;
  lzma_set_ext_size(options, size);
  const lzma_filter plain[] = {{LZMA_FILTER_LZMA1EXT, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  const lzma_filter branched[] = {
      {LZMA_FILTER_X86, nullptr}, {LZMA_FILTER_LZMA1EXT, &options}, {LZMA_VLI_UNKNOWN, nullptr}};
  Decoder decoder;
  if (lzma_raw_decoder(&decoder.stream(), filter == BranchFilter::x86 ? branched : plain) != LZMA_OK) {
    return unsupported(origin, "LZMA properties are not supported");
  }
  lzma_stream& stream = decoder.stream();
  const Bytes input = payload.subspan(header_bytes);
  stream.next_in = reinterpret_cast<const std::uint8_t*>(input.data());
  stream.avail_in = input.size();

  // The output grows with what was really there, not with what the header says.
  std::vector<std::byte> output;
  while (true) {
    const std::size_t filled = output.size();
    if (filled > limit) {
      return unsupported(origin, "LZMA data expands to more than the limit");
    }
    output.resize(filled + output_step);
    stream.next_out = reinterpret_cast<std::uint8_t*>(output.data() + filled);
    stream.avail_out = output_step;
    const lzma_ret status = lzma_code(&stream, LZMA_FINISH);
    output.resize(filled + output_step - stream.avail_out);
    if (status == LZMA_STREAM_END) {
      break;
    }
    if (status != LZMA_OK || output.size() == filled) {
      const std::uint64_t position = origin + header_bytes + (input.size() - stream.avail_in);
      if (status == LZMA_BUF_ERROR || status == LZMA_OK) {
        return truncated(position, "LZMA data ends too early");
      }
      return malformed(position, "LZMA data is damaged");
    }
  }
  if (size_known && output.size() != size) {
    return malformed(origin + 5, "LZMA data expands to another size than its header says");
  }
  if (output.size() > limit) {
    return unsupported(origin, "LZMA data expands to more than the limit");
  }
  return output;
}

}  // namespace redoubt::image
