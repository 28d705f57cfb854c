// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/authentication/secure_boot.hpp"

#include "drivers/variable/defined_variables.hpp"

namespace redoubt::variable {

namespace {

using abi::EfiStatus;
namespace status = abi::status;

constexpr std::byte on{1};
constexpr std::byte off{0};

// Whether a variable in flash holds this one byte. Its attributes count: at runtime an operating system can make a
// variable of any name that isn't there, but only one that it can read.
bool holds(const Variable* variable, std::uint32_t attributes, std::byte value) {
  return variable != nullptr && variable->attributes == attributes && variable->data_size == 1 &&
         variable->data()[0] == value;
}

}  // namespace

Result<void> SecureBoot::start(bool store_is_known) {
  const Variable* key = keeper_.find_variable(platform_key);
  const bool owned = !store_is_known || (key != nullptr && !key->is_volatile());
  const bool deployed = holds(keeper_.find_variable(deployed_mode_in_flash), attribute::nv_bs, on);
  mode_ = !owned ? PlatformMode::setup : deployed || !store_is_known ? PlatformMode::deployed : PlatformMode::user;
  if (!owned && deployed) {
    // A cut came between the key and this. It must not wait for the next key.
    static_cast<void>(keeper_.erase_variable(deployed_mode_in_flash));
  }
  TRY(publish_mode());
  TRY(publish_secure_boot(owned && !holds(keeper_.find_variable(secure_boot_enable), attribute::nv_bs, off)));
  const Variable* changed = keeper_.find_variable(vendor_keys_in_flash);
  const bool is_changed = changed != nullptr && changed->data_size == 1 && changed->data()[0] == off;
  TRY(publish_byte(vendor_keys, store_is_known && !is_changed));
  return keeper_.publish(signature_support, attribute::bs_rt, std::as_bytes(std::span(supported_signatures)));
}

Result<void> SecureBoot::publish_byte(const VariableId& id, bool value) {
  const std::byte byte = value ? on : off;
  return keeper_.publish(id, attribute::bs_rt, {&byte, 1});
}

Result<void> SecureBoot::publish_mode() {
  TRY(publish_byte(setup_mode, has_no_owner()));
  TRY(publish_byte(audit_mode, mode_ == PlatformMode::audit));
  return publish_byte(deployed_mode, mode_ == PlatformMode::deployed);
}

// SecureBoot says how this boot was made, so that it stays as it is once the operating system runs.
Result<void> SecureBoot::publish_secure_boot(bool value) {
  if (keeper_.at_runtime()) {
    return {};
  }
  return publish_byte(secure_boot, value);
}

EfiStatus SecureBoot::change_mode(const VariableId& id, std::uint32_t attributes, Bytes data) {
  if (keeper_.at_runtime() || attributes == 0 || data.empty()) {
    return status::write_protected;
  }
  if (attributes != attribute::bs_rt || data.size() != 1 || (data[0] != on && data[0] != off)) {
    return status::invalid_parameter;
  }
  const PlatformMode named = id == audit_mode ? PlatformMode::audit : PlatformMode::deployed;
  if ((data[0] == on) == (mode_ == named)) {
    return status::success;
  }
  if (data[0] == off) {
    return status::write_protected;  // only a platform key ends Audit Mode, only its deletion Deployed Mode
  }
  if (named == PlatformMode::deployed) {
    if (mode_ != PlatformMode::user) {
      return status::write_protected;
    }
    const EfiStatus kept = keeper_.write_variable(deployed_mode_in_flash, attribute::nv_bs, {}, {&on, 1});
    if (status::is_error(kept)) {
      return kept;
    }
  } else if (mode_ == PlatformMode::deployed) {
    return status::write_protected;
  } else if (mode_ == PlatformMode::user) {
    const EfiStatus erased = keeper_.erase_variable(platform_key);
    if (status::is_error(erased)) {
      return erased;
    }
    after_deletion();
  }
  mode_ = named;
  static_cast<void>(publish_mode());
  return status::success;
}

EfiStatus SecureBoot::before_enrolment() {
  EfiStatus result = forget_vendor_keys();
  if (!status::is_error(result)) {
    // From Setup Mode the key leads to User Mode, whatever an earlier enrolment or deletion that failed left behind.
    result = mode_ == PlatformMode::audit
                 ? keeper_.write_variable(deployed_mode_in_flash, attribute::nv_bs, {}, {&on, 1})
                 : keeper_.erase_variable(deployed_mode_in_flash);
  }
  if (!status::is_error(result) && !holds(keeper_.find_variable(secure_boot_enable), attribute::nv_bs, on)) {
    result = keeper_.erase_variable(secure_boot_enable);
    if (!status::is_error(result)) {
      result = keeper_.write_variable(secure_boot_enable, attribute::nv_bs, {}, {&on, 1});
    }
  }
  return result;
}

void SecureBoot::after_enrolment() {
  mode_ = mode_ == PlatformMode::audit ? PlatformMode::deployed : PlatformMode::user;
  static_cast<void>(publish_mode());
  static_cast<void>(publish_secure_boot(true));
}

// What fails here is done by start(), after the next reset.
void SecureBoot::after_deletion() {
  mode_ = PlatformMode::setup;
  static_cast<void>(keeper_.erase_variable(deployed_mode_in_flash));
  static_cast<void>(keeper_.erase_variable(secure_boot_enable));
  static_cast<void>(publish_mode());
  static_cast<void>(publish_secure_boot(false));
}

EfiStatus SecureBoot::forget_vendor_keys() {
  constexpr std::uint32_t attributes = attribute::nv_bs | attribute::time_based_authenticated_write;
  if (!holds(keeper_.find_variable(vendor_keys_in_flash), attributes, off)) {
    EfiStatus result = keeper_.erase_variable(vendor_keys_in_flash);
    if (!status::is_error(result)) {
      result = keeper_.write_variable(vendor_keys_in_flash, attributes, {}, {&off, 1});
    }
    if (status::is_error(result)) {
      return result;
    }
  }
  static_cast<void>(publish_byte(vendor_keys, false));
  return status::success;
}

}  // namespace redoubt::variable
