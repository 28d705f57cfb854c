// SPDX-License-Identifier: BSD-2-Clause-Patent
// Makes the input of launches for host tests: PE32+ images, firmware files, volumes and HOB lists, with the defects a
// test asks for. Written from the layouts in abi/ and independent of the readers in image/ and of the converter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "abi/pi/firmware_volume.hpp"
#include "abi/pi/hob.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::foundation::testing {

using ByteVector = std::vector<std::byte>;

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

ByteVector section(abi::SectionType type, const ByteVector& payload);
// A section that needs no decoding around others.
ByteVector guided_section(const abi::Guid& definition, const ByteVector& payload, bool processing_required);
ByteVector text_section(const std::string& name);
// Each padded to 4 bytes.
ByteVector concatenate(const std::vector<ByteVector>& sections);

ByteVector file(const abi::Guid& name, abi::FileType type, const ByteVector& data);
ByteVector volume(const std::vector<ByteVector>& files);

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
