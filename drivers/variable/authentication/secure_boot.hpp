// SPDX-License-Identifier: BSD-2-Clause-Patent
// The mode that Secure Boot is in (UEFI 2.10, 32.3), and the variables that say so:
//
//            AuditMode := 1 (the platform key goes)
//      +--------------------------------------+
//      v                                      |
//   +-------+  AuditMode := 1  +-------+  PK  +------+  DeployedMode := 1  +----------+
//   | Audit | <--------------- | Setup | ---> | User | -----------------> | Deployed |
//   +-------+                  +-------+ <--- +------+                    +----------+
//      |                           ^  PK deleted                             |    ^
//      |                           +-----------------------------------------+    |
//      +--------------------------- PK ---------------------------------------------+
//
// A change of mode is never half done by a power cut: whether there is a platform key decides, and what goes with it is
// written before it comes or cleared after it went.
#pragma once

#include "drivers/variable/authentication/variable_keeper.hpp"

namespace redoubt::variable {

enum class PlatformMode : std::uint8_t { setup, audit, user, deployed };

class SecureBoot {
 public:
  explicit SecureBoot(VariableKeeper& keeper) : keeper_(keeper) {}

  // Finds the mode from what is stored, and publishes it. Audit Mode doesn't outlast a reset. Where nothing is known of
  // what was stored, the absence of keys must not be taken for consent: Secure Boot is on, without a key that it would
  // trust, in Deployed Mode, which nothing ends in this boot.
  Result<void> start(bool store_is_known);

  PlatformMode mode() const { return mode_; }
  // Setup and Audit Mode: keys are enrolled without authority.
  bool has_no_owner() const { return mode_ == PlatformMode::setup || mode_ == PlatformMode::audit; }

  // SetVariable of AuditMode or DeployedMode. write_protected in a mode that has no such way out, and at runtime;
  // invalid_parameter for attributes or data that they can't have.
  abi::EfiStatus change_mode(const VariableId& id, std::uint32_t attributes, Bytes data);

  // Around the enrolment of a platform key where there was none, and after one's deletion.
  abi::EfiStatus before_enrolment();
  void after_enrolment();
  void after_deletion();

  // A key was changed by a signer without the vendor's authority. Before it is written.
  abi::EfiStatus forget_vendor_keys();

 private:
  Result<void> publish_mode();
  Result<void> publish_byte(const VariableId& id, bool value);
  Result<void> publish_secure_boot(bool value);

  VariableKeeper& keeper_;
  PlatformMode mode_ = PlatformMode::setup;
};

}  // namespace redoubt::variable
