// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a domain may do with a page of MMRAM, and what access the foundation may ask for at all.
#pragma once

#include "abi/redoubt/page_access.hpp"

namespace redoubt::policy {

// What `asks` may do with a page.
constexpr abi::Rights rights_of(const abi::PageAccess& access, abi::DomainId asks) {
  return access.holder == asks ? access.holders : access.others;
}

// Whether all of `wanted`, which is no exception, is in `granted`.
constexpr bool covers(abi::Rights granted, abi::Rights wanted) {
  return (abi::encode(wanted) & ~abi::encode(granted)) == 0;
}

// Nothing, read, read-write or read-execute.
constexpr bool is_plain(abi::Rights rights) {
  return rights == abi::no_rights || rights == abi::read_only || rights == abi::read_write ||
         rights == abi::read_execute;
}

// Whether pages may be given this access: plain rights, and no page that one domain may write and another, or the same,
// run. The exception for unaligned images is drivers' alone, and only where the foundation has no right.
constexpr bool may_have(const abi::PageAccess& access, bool exceptions) {
  if (exceptions && access.holder == abi::DomainId::drivers && access.holders == abi::unprotected &&
      access.others == abi::no_rights) {
    return true;
  }
  return is_plain(access.holders) && is_plain(access.others) &&
         !((access.holders.write || access.others.write) && (access.holders.execute || access.others.execute));
}

}  // namespace redoubt::policy
