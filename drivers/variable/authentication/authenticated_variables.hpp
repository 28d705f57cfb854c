// SPDX-License-Identifier: BSD-2-Clause-Patent
// Time-based authenticated writes (UEFI 2.10, 8.2.2, 8.2.6 and 32.3 to 32.6). Whose signature counts:
//
//   PK, KEK                        the platform key's own
//   db, dbx, dbt, dbr              the platform key's own, or that of a certificate in KEK or below one
//   OsRecoveryOrder, OsRecovery####  the same, or that of a certificate in dbr or below one
//   any other variable             the one that it was made with (signer_database.hpp)
//
// Without an owner (Setup and Audit Mode) the variables of the first three rows are written unsigned, and a platform
// key is signed by itself. Compatible with edk2's AuthVariableLib, stricter where docs/authenticated-variables.md says
// so.
#pragma once

#include "base/allocator.hpp"
#include "drivers/variable/authentication/descriptor.hpp"
#include "drivers/variable/authentication/secure_boot.hpp"
#include "drivers/variable/authentication/signature.hpp"
#include "drivers/variable/authentication/variable_keeper.hpp"

namespace redoubt::variable {

class AuthenticatedVariables {
 public:
  AuthenticatedVariables(Allocator& allocator, VariableKeeper& keeper, SecureBoot& state)
      : allocator_(allocator), keeper_(keeper), secure_boot_(state) {}

  // Forgets who may write what isn't there: a power cut may have come between a variable and its signer.
  void start();

  // SetVariable with a descriptor, after the checks that need no signature. security_violation when it isn't signed by
  // whom it must be, or not later than the last write; invalid_parameter for a database that isn't one; not_found when
  // there is nothing to delete; out_of_resources; the statuses of `keeper`.
  abi::EfiStatus write(const VariableId& id, std::uint32_t attributes, const Descriptor& descriptor);

 private:
  enum class Kind : std::uint8_t { platform_key, key_exchange_key, database, os_recovery, private_variable };

  static Kind kind_of(const VariableId& id);
  static bool is_database(Kind kind) { return kind <= Kind::database; }

  abi::EfiStatus write_signed(const VariableId& id, std::uint32_t attributes, const Descriptor& descriptor, Kind kind,
                              Signature& signature);
  abi::EfiStatus authenticate(const VariableId& id, std::uint32_t attributes, const Descriptor& descriptor, Kind kind,
                              Signature& signature, Sha256Digest& identity) const;
  bool is_platform_key(const Signature& signature) const;
  bool leads_to_any(const Signature& signature, const VariableId& database) const;
  abi::EfiStatus check_signer(const VariableId& id, std::uint32_t attributes, const Signature& signature,
                              const Sha256Digest& identity) const;
  abi::EfiStatus erase(const VariableId& id, std::uint32_t attributes, Kind kind);
  abi::EfiStatus keep(const VariableId& id, std::uint32_t attributes, const abi::Time& time_stamp, Bytes data,
                      Kind kind, const Sha256Digest& identity);
  abi::EfiStatus append(const VariableId& id, std::uint32_t attributes, const Descriptor& descriptor, Kind kind,
                        const Sha256Digest& identity);
  abi::EfiStatus write_signer(const VariableId& id, bool non_volatile, const Sha256Digest* identity);
  bool forget_one_without_variable();

  Allocator& allocator_;
  VariableKeeper& keeper_;
  SecureBoot& secure_boot_;
};

}  // namespace redoubt::variable
