// SPDX-License-Identifier: BSD-2-Clause-Patent
// Signature databases: EFI_SIGNATURE_LISTs one after the other (UEFI 2.10, 32.4.1), the value of PK, KEK, db and its
// like. What comes from a message is checked whole before anything is done with it; what is stored may be of another
// firmware's making, so that walking over it checks as well.
#pragma once

#include <cstdint>

#include "abi/uefi/types.hpp"
#include "base/byte_reader.hpp"

namespace redoubt::variable {

// One EFI_SIGNATURE_LIST.
struct SignatureList {
  abi::Guid type;
  std::uint32_t header_size = 0;
  std::uint32_t signature_size = 0;  // of one EFI_SIGNATURE_DATA: the owner's GUID and the signature
  Bytes whole;
  Bytes signatures;  // whole ones

  std::size_t count() const { return signatures.size() / signature_size; }
  Bytes entry(std::size_t index) const { return signatures.subspan(index * signature_size, signature_size); }
  // An entry without its owner.
  Bytes signature(std::size_t index) const { return entry(index).subspan(sizeof(abi::Guid)); }
};

// Takes the next list off `rest`. Error::truncated or Error::malformed when its sizes contradict each other.
Result<SignatureList> take_signature_list(Bytes& rest);

// Whether `database` is made of lists of the types that UEFI defines, each with its sizes, and nothing else. Whether
// certificates are any is not looked at. Error::malformed, also for an empty one.
Result<void> check_signature_database(Bytes database);

// How many bytes append_new_signatures() writes at most.
constexpr std::size_t most_after_append(Bytes present, Bytes more) { return present.size() + more.size(); }

// Writes `present` and those signatures of `more` that aren't in it to `merged`, which has room for
// most_after_append() and overlaps neither. Returns the bytes written, which is present.size() if all of them are.
// Both were checked; lists of `present` that can't be read are kept and don't count. UEFI 2.10, 8.2.2: appending to a
// database ignores what it has already.
std::size_t append_new_signatures(Bytes present, Bytes more, MutableBytes merged);

}  // namespace redoubt::variable
