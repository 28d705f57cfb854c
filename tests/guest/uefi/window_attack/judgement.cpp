// SPDX-License-Identifier: BSD-2-Clause-Patent
// What is there when the window is gone.
#include "tests/guest/uefi/window_attack/attack.hpp"

namespace redoubt::guest {

using abi::EfiStatus;
namespace status = abi::status;

void Attack::flash_must_agree() {
  copy_flash(after, 0);
  Span found[variable_count + 1] = {};
  stored::for_each_variable({after, flash_bytes},
                            [&](const stored::Record& record) { found[index_of(record)] = record.data; });
  for (std::size_t index = 0; index != variable_count; ++index) flash_must_agree(index, found[index]);
}

void Attack::flash_must_agree(std::size_t index, Span found) {
  Variable& variable = variables[index];
  const bool wrong = !same(found, variable.value());
  if (wrong && !variable.wrong_in_flash) {
    note(is_forged(index, found) ? Kind::forged
         : variable.acknowledged ? Kind::lost
                                 : Kind::kept,
         variable.name, status::success);
  }
  keys_taken_ = keys_taken_ || (wrong && is_forged(index, found));
  variable.wrong_in_flash = wrong;
}

void Attack::judge() {
  for (std::size_t i = 0; i != variable_count; ++i) {
    Variable& variable = variables[i];
    std::uint32_t attributes = 0;
    std::size_t size = 0;
    const EfiStatus result = services_.get(variable.name, *variable.vendor, attributes, room, size);
    if (result != status::success && result != status::not_found) {
      note(Kind::unavailable, variable.name, result);
      continue;
    }
    const Span found = result == status::success ? Span{room, size} : Span{};
    if (found.size() > sizeof(variable.stored)) {
      note(Kind::kept, variable.name, result);
      continue;
    }
    if (!same(found, variable.value())) {
      const bool tried = was_tried(i, found) || (found.empty() && !variable.authenticated);
      if (is_forged(i, found)) {
        note(Kind::forged, variable.name, result);
        keys_taken_ = true;
      } else if (variable.acknowledged) {
        note(Kind::lost, variable.name, result);
      } else if (tried && without_mmis_) {
        ++late_;
      } else if (tried) {
        note(Kind::unasked, variable.name, result);
      } else if (!keys_taken_ || !variable.authenticated) {
        note(Kind::kept, variable.name, result);
      }
      variable.store(found);
    }
  }
  flash_must_agree();
  const auto end_of = [](const std::uint8_t* flash) {
    return stored::for_each_record({flash, flash_bytes}, [](const stored::Record&) {});
  };
  if (end_of(after) < end_of(before) + filled_) ++reclaims_;

  // It works again.
  for (Variable& variable : variables) {
    variable.acknowledged = false;
    variable.refused = {};
  }
  first_number_of_round = next_number;
  const std::size_t index = (round_ * 7 + 1) % plain_count;
  Variable& variable = variables[index];
  const Span value = make_value(index, next_number++);
  const EfiStatus result = services_.set(variable.name, *variable.vendor, plain_attributes, value);
  if (result == status::success) {
    variable.store(value);
    variable.acknowledged = true;
  } else {
    note(Kind::unavailable, variable.name, result);
  }
  filled_ = 0;
}

}  // namespace redoubt::guest
