// SPDX-License-Identifier: BSD-2-Clause-Patent
// Makes the input of launches for host tests: PE32+ images and HOB lists, with the defects a test asks for, written
// from the layouts in abi/ and independent of the readers in image/ and of the converter. The volumes are
// image/testing's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "abi/pi/firmware_volume.hpp"
#include "abi/pi/hob.hpp"
#include "abi/uefi/types.hpp"
#include "image/testing/volume_builder.hpp"

namespace redoubt::foundation::testing {

using ByteVector = std::vector<std::byte>;

using image::testing::concatenate;
using image::testing::file;
using image::testing::guided_section;
using image::testing::section;
using image::testing::user_interface_section;
using image::testing::volume;

// .text at RVA 0x1000 with the entry point at its start, .data at 0x2000, .reloc at 0x3000.
struct ImageRecipe {
  ByteVector text;
  ByteVector data;
  std::vector<std::uint32_t> pointers;  // offsets in .data of 64-bit words that hold RVAs to relocate
  std::uint32_t alignment = 4096;       // less: .text and .data share a page
  std::uint16_t machine = 0x8664;
  bool writable_text = false;
};
ByteVector pe_image(const ImageRecipe& recipe);

// A dependency expression, term by term.
class Depex {
 public:
  Depex& push(const abi::Guid& guid) { return opcode(abi::DepexOpcode::push, &guid); }
  Depex& before(const abi::Guid& guid) { return opcode(abi::DepexOpcode::before, &guid); }
  Depex& after(const abi::Guid& guid) { return opcode(abi::DepexOpcode::after, &guid); }
  Depex& operation(abi::DepexOpcode op) { return opcode(op, nullptr); }
  ByteVector end() {
    opcode(abi::DepexOpcode::end, nullptr);
    return bytes_;
  }
  const ByteVector& unfinished() const { return bytes_; }

 private:
  Depex& opcode(abi::DepexOpcode op, const abi::Guid* guid);
  ByteVector bytes_;
};

// The hand-off HOB, then `hobs`, then the end.
ByteVector hob_list(const std::vector<ByteVector>& hobs);
ByteVector guid_hob(const abi::Guid& name, const ByteVector& data);
ByteVector resource_hob(std::uint64_t start, std::uint64_t length);
ByteVector memory_allocation_hob(std::uint64_t base, std::uint64_t length);
ByteVector volume_hob(std::uint64_t base, std::uint64_t length);

}  // namespace redoubt::foundation::testing
