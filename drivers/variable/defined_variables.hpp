// SPDX-License-Identifier: BSD-2-Clause-Patent
// The variables that UEFI itself defines (UEFI 2.10, 3.3, 8.2.4.2 and 32.4-32.6): their names, and what may be written
// into them. The contents of load options and device paths are their reader's business, not checked here.
#pragma once

#include "abi/uefi/service_types.hpp"
#include "abi/uefi/signatures.hpp"
#include "abi/uefi/types.hpp"
#include "drivers/variable/store/variable.hpp"

namespace redoubt::variable {

using abi::global_variable_guid;
using abi::image_security_database_guid;
// EFI_HARDWARE_ERROR_VARIABLE.
inline constexpr abi::Guid hardware_error_variable_guid = {
    0x414e6bdd, 0xe47b, 0x47cc, {0xb2, 0x44, 0xbb, 0x61, 0x02, 0x0c, 0xf5, 0x16}};

inline constexpr VariableId platform_key{global_variable_guid, u"PK"};
inline constexpr VariableId hardware_error_support{global_variable_guid, u"HwErrRecSupport"};
inline constexpr VariableId key_exchange_key{global_variable_guid, u"KEK"};
inline constexpr VariableId signature_database{image_security_database_guid, u"db"};
inline constexpr VariableId forbidden_database{image_security_database_guid, u"dbx"};
inline constexpr VariableId recovery_database{image_security_database_guid, u"dbr"};
inline constexpr VariableId audit_mode{global_variable_guid, u"AuditMode"};
inline constexpr VariableId deployed_mode{global_variable_guid, u"DeployedMode"};
inline constexpr VariableId setup_mode{global_variable_guid, u"SetupMode"};
inline constexpr VariableId secure_boot{global_variable_guid, u"SecureBoot"};
inline constexpr VariableId signature_support{global_variable_guid, u"SignatureSupport"};
inline constexpr VariableId vendor_keys{global_variable_guid, u"VendorKeys"};

// Stock firmware's own, in the flash store: gEfiSecureBootEnableDisableGuid, one byte, 0 switches Secure Boot off;
// gEfiVendorKeysNvGuid, one byte, 0 once a signer other than the vendor changed a key.
inline constexpr VariableId secure_boot_enable{
    {0xf0a30bc7, 0xaf08, 0x4556, {0x99, 0xc4, 0x00, 0x10, 0x09, 0xc9, 0x3a, 0x44}}, u"SecureBootEnable"};
inline constexpr VariableId vendor_keys_in_flash{
    {0x9073e4e0, 0x60ec, 0x4b6e, {0x99, 0x03, 0x4c, 0x22, 0x3c, 0x26, 0x0f, 0x3c}}, u"VendorKeysNv"};

// gEfiCustomModeEnableGuid: stock firmware lets a program that sets it change keys without their owners' authority, as
// if that proved that a user is there. It means nothing here.
inline constexpr VariableId custom_mode{{0xc076ec0c, 0x7028, 0x4399, {0xa0, 0x72, 0x71, 0xee, 0x5c, 0x44, 0x8b, 0x9f}},
                                        u"CustomMode"};
// gEfiCertDbGuid: who may write which private authenticated variable (authentication/signer_database.hpp).
inline constexpr abi::Guid signer_database_guid = {
    0xd9bee56e, 0x75dc, 0x49d9, {0xb4, 0xd7, 0xb5, 0x34, 0x21, 0x0f, 0x63, 0x7a}};
inline constexpr VariableId signers{signer_database_guid, u"certdb"};
inline constexpr VariableId volatile_signers{signer_database_guid, u"certdbv"};
// Our own: 1 in Deployed Mode, which stock firmware doesn't have.
inline constexpr VariableId deployed_mode_in_flash{
    {0x3c1d8a94, 0x5e0b, 0x4f6a, {0x9b, 0x27, 0x72, 0x64, 0x6f, 0x75, 0x62, 0x74}}, u"DeployedModeNv"};

// The signature types that stock DXE's image verification takes from db and dbx: SHA-1, SHA-256, RSA-2048, X.509.
inline constexpr abi::Guid supported_signatures[] = {
    abi::signature_type::sha1,
    abi::signature_type::sha256,
    abi::signature_type::rsa2048,
    abi::signature_type::x509,
};

// What SetVariable may do with a variable of the three namespaces above: success (also for every other namespace),
// write_protected for what only firmware states, invalid_parameter for an undefined name, wrong attributes or size.
abi::EfiStatus check_defined_variable(const VariableId& id, std::uint32_t attributes, std::size_t data_size);

// Whether this is a name for hardware error records (UEFI 2.10, 8.2.4.2), the only variables with that attribute.
bool is_hardware_error_record(const VariableId& id);

// Whether firmware may change it and the operating system may not (UEFI 2.10, table 3.1), although it is non-volatile
// and visible at runtime.
bool is_read_only_to_os(const VariableId& id);

// Whether only the driver itself writes a variable; and whether a user must be there to change it, which can't be
// proved to MM.
bool is_written_by_driver(const VariableId& id);
bool needs_physical_presence(const VariableId& id);

// Whether this is a load option of an operating system's recovery, OsRecovery#### of any vendor (UEFI 2.10, 3.4.1).
bool is_os_recovery_option(const VariableId& id);

// Whether a variable exists with time-based authentication or not at all: PK, KEK, db and its like, OsRecoveryOrder and
// OsRecovery####.
bool needs_authentication(const VariableId& id);

}  // namespace redoubt::variable
