// SPDX-License-Identifier: BSD-2-Clause-Patent
// Who may write which private authenticated variable, as stock firmware keeps it in the variables `certdb` (for
// non-volatile ones) and `certdbv`: edk2's SecurityPkg/Library/AuthVariableLib/AuthServiceInternal.h. A size of the
// whole, then entries of
//
//   vendor GUID | size of the entry | characters of the name | bytes of the signer | name | signer
//
// where the signer is the digest that Signature::signer_identity() makes; in stores of older firmware it is a list of
// whole certificates. Nothing here knows flash: values go in and come out.
#pragma once

#include "base/byte_reader.hpp"
#include "drivers/variable/authentication/signature.hpp"
#include "drivers/variable/store/variable.hpp"

namespace redoubt::variable {

// An empty database.
inline constexpr std::uint32_t empty_signer_database = sizeof(std::uint32_t);

struct SignerEntry {
  Bytes whole;
  abi::Guid vendor;
  Bytes name;  // 16-bit units, no terminator
  Bytes signer;

  bool is_about(const VariableId& id) const;
};

// The entries of a database's value.
class SignerEntries {
 public:
  // An empty or absent value has no entries. Error::malformed when the value's size isn't the one that it says.
  static Result<SignerEntries> open(Bytes database);

  bool at_end() const { return rest_.empty(); }
  // Error::malformed for an entry whose sizes contradict each other.
  Result<SignerEntry> next();

 private:
  explicit SignerEntries(Bytes rest) : rest_(rest) {}
  Bytes rest_;
};

// Error::not_found, Error::malformed.
Result<SignerEntry> find_signer(Bytes database, const VariableId& id);

// Whether an entry's signer is who made `signature`, whose identity is `identity`.
bool is_signer(const SignerEntry& entry, const Signature& signature, const Sha256Digest& identity);

constexpr std::size_t most_after_change(Bytes database, const VariableId& id) {
  constexpr std::size_t entry_header = sizeof(abi::Guid) + 3 * sizeof(std::uint32_t);
  return database.size() + sizeof(std::uint32_t) + entry_header + id.name.size() * sizeof(char16_t) +
         sizeof(Sha256Digest);
}

// Writes the database without the entries about `id`, and with a new one if `identity` isn't null, to `changed`, which
// has room for most_after_change() and doesn't overlap. Returns the bytes written. Error::malformed.
Result<std::size_t> change_signer(Bytes database, const VariableId& id, const Sha256Digest* identity,
                                  MutableBytes changed);

}  // namespace redoubt::variable
