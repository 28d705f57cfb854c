// SPDX-License-Identifier: BSD-2-Clause-Patent
// The two headers in front of the variables: of the volume and of the store.
#pragma once

#include <array>

#include "base/byte_reader.hpp"
#include "drivers/variable/store/finding.hpp"
#include "drivers/variable/store/format.hpp"
#include "drivers/variable/store/layout.hpp"

namespace redoubt::variable {

// Where records may be, as offsets in the volume: [first_record, end).
struct RecordSpace {
  std::uint32_t first_record;
  std::uint32_t end;
};

// What the headers at the start of `store` say, which is the volume's header and the store, or what's wrong with them.
Result<RecordSpace, FindingId> find_records(Bytes store);

// Whether the sum of the volume header's 16-bit words is zero, as it must be. `store` has sound headers.
bool has_volume_checksum(Bytes store);

// Whether nothing was ever stored: every block of `store` is all ones or all zeroes.
bool is_blank_store(Bytes store, std::uint32_t block_size);

// The headers of an empty store.
inline constexpr std::uint32_t store_headers_size = sizeof(format::VolumeHeader) + sizeof(format::StoreHeader);
std::array<std::byte, store_headers_size> make_store_headers(const StoreLayout& layout);

}  // namespace redoubt::variable
