// SPDX-License-Identifier: BSD-2-Clause-Patent
// Compresses the payload of an LZMA GUIDed section (the LZMA alone format: one byte of properties,
// dictionary size, uncompressed size, stream). Firmware's decoder reads the uncompressed size before anything else, so
// it's always in the header and the stream has no end marker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/byte_reader.hpp"
#include "base/result.hpp"

namespace redoubt::image::edit {

inline constexpr std::size_t lzma_header_size = 13;

struct LzmaParameters {
  std::uint8_t properties = 0x5D;  // (pb * 5 + lp) * 9 + lc
  std::uint32_t dictionary_size = 16 * 1024 * 1024;
};

// The parameters of a compressed payload. Error::truncated when it's shorter than its header, Error::unsupported when
// firmware's decoders wouldn't take the parameters either (lc + lp above 4).
Result<LzmaParameters> lzma_parameters(Bytes payload);

// Header and stream. Error::unsupported for parameters that liblzma refuses, Error::out_of_memory.
Result<std::vector<std::byte>> lzma_compress(Bytes data, const LzmaParameters& parameters);

}  // namespace redoubt::image::edit
