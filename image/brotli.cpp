// SPDX-License-Identifier: BSD-2-Clause-Patent
// libbrotlidec, fed in steps so that a header's claim allocates nothing.
#include "image/brotli.hpp"

#include <brotli/decode.h>

#include <memory>

namespace redoubt::image {

namespace {

constexpr std::size_t header_bytes = 16;
constexpr std::size_t output_step = std::size_t{1} << 20;

using Decoder = std::unique_ptr<BrotliDecoderState, decltype(&BrotliDecoderDestroyInstance)>;

}  // namespace

ImageResult<std::vector<std::byte>> brotli_expand(Bytes payload, std::uint64_t origin, std::uint64_t limit) {
  const char* const cut_off = "Brotli header is cut off";
  const auto size = TRY(read_field<std::uint64_t>(payload, 0, origin, cut_off));
  TRY(read_field<std::uint64_t>(payload, 8, origin, cut_off));
  if (size > limit) {
    return unsupported(origin, "Brotli data expands to more than the limit");
  }
  const Decoder decoder(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
  if (decoder == nullptr) {
    return std::unexpected(ImageError{Error::out_of_memory, origin, "no memory for the Brotli decoder"});
  }
  const Bytes input = payload.subspan(header_bytes);
  const auto* next_in = reinterpret_cast<const std::uint8_t*>(input.data());
  std::size_t available_in = input.size();
  std::vector<std::byte> output;
  while (true) {
    const std::size_t filled = output.size();
    output.resize(filled + output_step);
    auto* next_out = reinterpret_cast<std::uint8_t*>(output.data() + filled);
    std::size_t available_out = output_step;
    const BrotliDecoderResult result =
        BrotliDecoderDecompressStream(decoder.get(), &available_in, &next_in, &available_out, &next_out, nullptr);
    output.resize(filled + output_step - available_out);
    const std::uint64_t position = origin + header_bytes + (input.size() - available_in);
    if (output.size() > size) {
      return malformed(origin, "Brotli data expands to another size than its header says");
    }
    if (result == BROTLI_DECODER_RESULT_SUCCESS) {
      break;
    }
    if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT) {
      return truncated(position, "Brotli data ends too early");
    }
    if (result == BROTLI_DECODER_RESULT_ERROR) {
      return malformed(position, "Brotli data is damaged");
    }
  }
  if (output.size() != size) {
    return malformed(origin, "Brotli data expands to another size than its header says");
  }
  return output;
}

}  // namespace redoubt::image
