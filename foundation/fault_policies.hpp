// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the image says becomes of the machine when a driver fails (image_names::fault_policies). The table is believed
// as far as the volume is: software that could write it could have put any driver there. What it doesn't name is
// disabled when it fails; an entry that makes no sense asks for a reset, since more than that was wanted, and so does a
// table that can't be read, or not to its end, for all that it might have named.
#pragma once

#include <cstdint>

#include "abi/redoubt/fault_policy.hpp"
#include "base/byte_reader.hpp"

namespace redoubt::foundation {

class FaultPolicies {
 public:
  // Every driver is disabled.
  constexpr FaultPolicies() = default;
  // Those that the volume at the start of `region` lists; volumes inside it can't have any.
  explicit FaultPolicies(Bytes region);

  abi::FaultPolicy of(const abi::Guid& file) const;

  // Calls visit(const Guid& file, FaultPolicy) for each that isn't to be disabled.
  template <typename Visit>
  void for_each_needed(Visit visit) const {
    for_each([&](const abi::Guid& file, abi::FaultPolicy policy) {
      if (policy != abi::FaultPolicy::disable) visit(file, policy);
    });
  }

 private:
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t at = 0;; at += sizeof(abi::FaultPolicyEntry)) {
      const auto entry = read_at<abi::FaultPolicyEntry>(list_, at);
      if (!entry.has_value()) return;
      visit(entry->file, sane(entry->policy));
    }
  }
  static constexpr abi::FaultPolicy sane(abi::FaultPolicy policy) {
    return policy > abi::FaultPolicy::halt ? abi::FaultPolicy::reset : policy;
  }

  Bytes list_;                                            // entries, in the volume
  abi::FaultPolicy unnamed_ = abi::FaultPolicy::disable;  // of who isn't in it
};

}  // namespace redoubt::foundation
