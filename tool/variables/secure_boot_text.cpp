// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/variables/secure_boot_text.hpp"

#include <format>

#include "drivers/variable/defined_variables.hpp"
#include "tool/variables/content.hpp"
#include "tool/variables/text.hpp"

namespace redoubt::tool::variables {

namespace {

// How many certificates or hashes a database holds.
std::string key_text(const StoreFile& store, const variable::VariableId& id) {
  const StoredVariable* found = store.find(id);
  if (found == nullptr) {
    return std::format("{} none", to_utf8(id.name));
  }
  const auto signatures = parse_signatures(found->data);
  return signatures.has_value() ? std::format("{} {}", to_utf8(id.name), signatures->size())
                                : std::format("{} damaged", to_utf8(id.name));
}

}  // namespace

std::string secure_boot_text(const StoreFile& store) {
  const std::string keys = std::format(
      "{}, {}, {}, {}", key_text(store, variable::platform_key), key_text(store, variable::key_exchange_key),
      key_text(store, variable::signature_database), key_text(store, variable::forbidden_database));
  if (store.damage() != nullptr) {
    return store.secure_boot().keys_in_front
               ? std::format("on, with the keys in front of the damage; {}; the store stays closed", keys)
               : "on, and no key is trusted, since the store is damaged and stays closed";
  }
  const SecureBootState& state = store.secure_boot();
  const char* mode = state.setup_mode ? "Setup" : state.deployed_mode ? "Deployed" : "User";
  return std::format("{}, {} Mode; {}", state.secure_boot ? "on" : "off", mode, keys);
}

}  // namespace redoubt::tool::variables
