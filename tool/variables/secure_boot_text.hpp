// SPDX-License-Identifier: BSD-2-Clause-Patent
// What firmware will make of a store's keys.
#pragma once

#include <string>

#include "tool/variables/store_file.hpp"

namespace redoubt::tool::variables {

// "on, User Mode; PK 1, KEK 2, db 2, dbx 1"; for a damaged store which keys are trusted, if any.
std::string secure_boot_text(const StoreFile& store);

}  // namespace redoubt::tool::variables
