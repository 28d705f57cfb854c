// SPDX-License-Identifier: BSD-2-Clause-Patent
// The data of authenticated SetVariables, in Setup Mode and on a machine with a platform key. No key is known here: a
// machine with one must come out as it went in, but for private variables that are new. Also values that walk over
// signature lists and the database of signers, as other firmware may have stored them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "drivers/variable/authentication/signature_list.hpp"
#include "drivers/variable/authentication/signer_database.hpp"
#include "drivers/variable/authentication/test_signing.hpp"

using namespace redoubt;
using namespace redoubt::variable;
using namespace redoubt::variable::test;

namespace {

constexpr VariableId ids[] = {platform_key,
                              key_exchange_key,
                              {image_security_database_guid, u"db"},
                              {image_security_database_guid, u"dbx"},
                              {global_variable_guid, u"OsRecoveryOrder"},
                              {vendor_a, u"Private"}};
constexpr std::size_t owned_ids = 5;  // of them

std::vector<Machine::Value> values(const Machine& machine) {
  std::vector<Machine::Value> found;
  for (const VariableId& id : std::span(ids).first(owned_ids)) {
    found.push_back(machine.get(id.name, id.vendor));
  }
  return found;
}

// A flash with an owner's keys.
const ByteVector& owned_flash() {
  static const ByteVector cells = [] {
    Machine machine;
    for (const auto& [id, file] : {std::pair(key_exchange_key, "enrol_kek.auth"),
                                   std::pair(platform_key, "enrol_pk.auth"), std::pair(ids[2], "enrol_db.auth")}) {
      if (machine.services->set(Requester::message, id, attribute::nv_bs_rt_at, fixture(file)) !=
          abi::status::success) {
        std::abort();
      }
    }
    return machine.flash.cells();
  }();
  return cells;
}

void walk(Bytes value) {
  ByteVector merged(most_after_append(value, value));
  if (check_signature_database(value).has_value() && append_new_signatures(value, value, merged) != value.size()) {
    std::abort();
  }
  const Sha256Digest identity{};
  ByteVector changed(most_after_change(value, ids[0]));
  const Result<std::size_t> size = change_signer(value, ids[0], &identity, changed);
  if (size.has_value() && (*size > changed.size() || !find_signer(Bytes(changed).first(*size), ids[0]).has_value())) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input = std::as_bytes(std::span(data, size));
  walk(input);
  Machine owned(NorModel(owned_flash()), small_layout);
  const std::vector<Machine::Value> before = values(owned);
  Machine free_for_all;
  for (const VariableId& id : ids) {
    for (const std::uint32_t attributes : {attribute::nv_bs_rt_at, attribute::nv_bs_rt_at | attribute::append_write}) {
      static_cast<void>(owned.services->set(Requester::message, id, attributes, input));
      static_cast<void>(free_for_all.services->set(Requester::message, id, attributes, input));
    }
  }
  // The fixtures themselves are signed, and may be among the inputs: those are not for this. The certificate's
  // revision, at 20, isn't signed.
  const bool is_fixture = std::ranges::any_of(
      std::to_array<const char*>({"append_db.auth", "delete_pk.auth", "replace_pk.auth"}), [&](const char* name) {
        ByteVector known = fixture(name);
        if (known.size() == input.size()) {
          std::copy_n(input.begin() + 20, 2, known.begin() + 20);
        }
        return std::ranges::equal(input, known);
      });
  if (!is_fixture && values(owned) != before) {
    std::abort();
  }
  if (!owned.reset().has_value() || !free_for_all.reset().has_value()) {
    std::abort();
  }
  return 0;
}
