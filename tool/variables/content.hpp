// SPDX-License-Identifier: BSD-2-Clause-Patent
// What is in variables whose contents UEFI defines: orders of boot options, load options, device paths, signature
// databases. For people; what isn't understood is left to a hexadecimal dump.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "abi/uefi/types.hpp"
#include "base/byte_reader.hpp"
#include "drivers/variable/store/variable.hpp"

namespace redoubt::tool::variables {

// Lines for a person; empty if it isn't known what the variable holds.
std::vector<std::string> describe_content(const variable::VariableId& id, Bytes data);

// One entry of a signature database (EFI_SIGNATURE_DATA, UEFI 2.10, 32.4.1).
struct Signature {
  abi::Guid type;
  abi::Guid owner;
  Bytes data;  // a certificate or a hash, by `type`
};

// All entries, or Error::malformed if `data` isn't a sequence of whole EFI_SIGNATURE_LISTs.
Result<std::vector<Signature>> parse_signatures(Bytes data);

// Whether the variable is a signature database: PK, KEK, db, dbx, dbt, dbr.
bool is_signature_database(const variable::VariableId& id);

}  // namespace redoubt::tool::variables
