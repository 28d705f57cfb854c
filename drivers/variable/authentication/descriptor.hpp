// SPDX-License-Identifier: BSD-2-Clause-Patent
// EFI_VARIABLE_AUTHENTICATION_2 (UEFI 2.10, 8.2.6), with which the data of a time-based authenticated SetVariable
// begins: a time stamp, then a WIN_CERTIFICATE_UEFI_GUID that says its own length, then the variable's new value.
#pragma once

#include "abi/uefi/time.hpp"
#include "base/byte_reader.hpp"

namespace redoubt::variable {

struct Descriptor {
  abi::Time time_stamp;
  bool is_pkcs7 = false;  // WIN_CERT_TYPE_EFI_GUID with EFI_CERT_TYPE_PKCS7_GUID
  Bytes certificate;      // what should be PKCS#7
  Bytes payload;          // the variable's value, or what is appended to it
};

// Views into `data`. Error::truncated or Error::malformed unless the lengths fit and the fields of the time stamp that
// shall be zero are.
Result<Descriptor> parse_descriptor(Bytes data);

// Whether `time` is after `other`, by year down to second.
bool is_later(const abi::Time& time, const abi::Time& other);

}  // namespace redoubt::variable
