// SPDX-License-Identifier: BSD-2-Clause-Patent
// The drivers that the converter admitted by name although their images aren't aligned to pages
// (image_names::alignment_exceptions). The list is believed as far as the volume is: software that could write it could
// have put any driver there.
#pragma once

#include "abi/uefi/types.hpp"
#include "base/byte_reader.hpp"

namespace redoubt::foundation {

class AlignmentExceptions {
 public:
  // None.
  constexpr AlignmentExceptions() = default;
  // Those that the volume at the start of `region` lists; volumes inside it can't admit a driver.
  explicit AlignmentExceptions(Bytes region);

  bool admit(const abi::Guid& file) const;

 private:
  Bytes list_;  // GUIDs, in the volume
};

}  // namespace redoubt::foundation
