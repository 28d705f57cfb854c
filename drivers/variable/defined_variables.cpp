// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "drivers/variable/defined_variables.hpp"

#include <limits>

namespace redoubt::variable {

namespace {

struct Definition {
  std::u16string_view name;  // '#' is an upper-case hexadecimal digit
  std::uint32_t attributes;
  std::uint32_t minimum_size;
  std::uint32_t maximum_size;
  std::uint32_t multiple;  // of which the size is one; 1 for any
  bool read_only;
};

constexpr std::uint32_t any = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t device_path_node = 4;    // EFI_DEVICE_PATH_PROTOCOL
constexpr std::uint32_t load_option_header = 6;  // EFI_LOAD_OPTION up to its description
constexpr std::uint32_t key_option_header = 10;  // EFI_KEY_OPTION up to its keys; a key takes 4 bytes, at most 3
constexpr std::uint32_t guid_size = sizeof(abi::Guid);

// UEFI 2.10, table 3.1.
constexpr Definition global_variables[] = {
    {u"LangCodes", attribute::bs_rt, 1, any, 1, false},
    {u"Lang", attribute::nv_bs_rt, 1, any, 1, false},
    {u"Timeout", attribute::nv_bs_rt, 2, 2, 1, false},
    {u"PlatformLangCodes", attribute::bs_rt, 1, any, 1, false},
    {u"PlatformLang", attribute::nv_bs_rt, 1, any, 1, false},
    {u"ConIn", attribute::nv_bs_rt, device_path_node, any, 1, false},
    {u"ConOut", attribute::nv_bs_rt, device_path_node, any, 1, false},
    {u"ErrOut", attribute::nv_bs_rt, device_path_node, any, 1, false},
    {u"ConInDev", attribute::bs_rt, device_path_node, any, 1, false},
    {u"ConOutDev", attribute::bs_rt, device_path_node, any, 1, false},
    {u"ErrOutDev", attribute::bs_rt, device_path_node, any, 1, false},
    {u"Boot####", attribute::nv_bs_rt, load_option_header, any, 1, false},
    {u"BootOrder", attribute::nv_bs_rt, 2, any, 2, false},
    {u"BootNext", attribute::nv_bs_rt, 2, 2, 1, false},
    {u"BootCurrent", attribute::bs_rt, 2, 2, 1, false},
    {u"BootOptionSupport", attribute::bs_rt, 4, 4, 1, false},
    {u"Driver####", attribute::nv_bs_rt, load_option_header, any, 1, false},
    {u"DriverOrder", attribute::nv_bs_rt, 2, any, 2, false},
    {u"SysPrep####", attribute::nv_bs_rt, load_option_header, any, 1, false},
    {u"SysPrepOrder", attribute::nv_bs_rt, 2, any, 2, false},
    {u"Key####", attribute::nv_bs_rt, key_option_header, key_option_header + 3 * 4, 1, false},
    {u"PlatformRecovery####", attribute::bs_rt, load_option_header, any, 1, false},
    {u"HwErrRecSupport", attribute::nv_bs_rt, 2, 2, 1, false},
    {u"OsIndications", attribute::nv_bs_rt, 8, 8, 1, false},
    {u"OsIndicationsSupported", attribute::bs_rt, 8, 8, 1, false},
    {u"OsRecoveryOrder", attribute::nv_bs_rt_at, guid_size, any, guid_size, false},
    {u"CryptoIndications", attribute::nv_bs_rt, 8, 8, 1, false},
    {u"CryptoIndicationsSupported", attribute::bs_rt, 8, 8, 1, true},
    {u"CryptoIndicationsActivated", attribute::bs_rt, 8, 8, 1, true},
    {u"PK", attribute::nv_bs_rt_at, 1, any, 1, false},
    {u"KEK", attribute::nv_bs_rt_at, 1, any, 1, false},
    {u"SetupMode", attribute::bs_rt, 1, 1, 1, true},
    {u"AuditMode", attribute::bs_rt, 1, 1, 1, true},
    {u"DeployedMode", attribute::bs_rt, 1, 1, 1, true},
    {u"SecureBoot", attribute::bs_rt, 1, 1, 1, true},
    {u"SignatureSupport", attribute::bs_rt, guid_size, any, guid_size, true},
    {u"VendorKeys", attribute::bs_rt, 1, 1, 1, true},
    {u"PKDefault", attribute::bs_rt, 1, any, 1, true},
    {u"KEKDefault", attribute::bs_rt, 1, any, 1, true},
    {u"dbDefault", attribute::bs_rt, 1, any, 1, true},
    {u"dbxDefault", attribute::bs_rt, 1, any, 1, true},
    {u"dbtDefault", attribute::bs_rt, 1, any, 1, true},
    {u"dbrDefault", attribute::bs_rt, 1, any, 1, true},
};

constexpr Definition image_security_databases[] = {
    {u"db", attribute::nv_bs_rt_at, 1, any, 1, false},
    {u"dbx", attribute::nv_bs_rt_at, 1, any, 1, false},
    {u"dbt", attribute::nv_bs_rt_at, 1, any, 1, false},
    {u"dbr", attribute::nv_bs_rt_at, 1, any, 1, false},
};

constexpr Definition hardware_error_records[] = {
    {u"HwErrRec####", attribute::nv_bs_rt | attribute::hardware_error_record, 1, any, 1, false},
};

bool matches(std::u16string_view pattern, std::u16string_view name) {
  if (pattern.size() != name.size()) {
    return false;
  }
  for (std::size_t index = 0; index < name.size(); ++index) {
    const char16_t unit = name[index];
    const bool digit = (unit >= u'0' && unit <= u'9') || (unit >= u'A' && unit <= u'F');
    if (pattern[index] == u'#' ? !digit : pattern[index] != unit) {
      return false;
    }
  }
  return true;
}

struct Found {
  bool in_namespace = false;
  const Definition* definition = nullptr;
};

Found find(const VariableId& id) {
  std::span<const Definition> definitions;
  if (id.vendor == global_variable_guid) {
    definitions = global_variables;
  } else if (id.vendor == image_security_database_guid) {
    definitions = image_security_databases;
  } else if (id.vendor == hardware_error_variable_guid) {
    definitions = hardware_error_records;
  } else {
    return {};
  }
  for (const Definition& definition : definitions) {
    if (matches(definition.name, id.name)) {
      return {true, &definition};
    }
  }
  return {true, nullptr};
}

}  // namespace

abi::EfiStatus check_defined_variable(const VariableId& id, std::uint32_t attributes, std::size_t data_size) {
  const auto [in_namespace, definition] = find(id);
  if (!in_namespace) {
    return abi::status::success;
  }
  const bool deletes = attributes == 0 || (data_size == 0 && (attributes & attribute::append_write) == 0);
  if (definition == nullptr) {
    // What an older firmware left there can be deleted.
    return deletes ? abi::status::success : abi::status::invalid_parameter;
  }
  if (definition->read_only) {
    return abi::status::write_protected;
  }
  if (deletes) {
    return abi::status::success;
  }
  if ((attributes & ~attribute::append_write) != definition->attributes) {
    return abi::status::invalid_parameter;
  }
  if (data_size != 0 && (data_size < definition->minimum_size || data_size > definition->maximum_size ||
                         data_size % definition->multiple != 0)) {
    return abi::status::invalid_parameter;
  }
  return abi::status::success;
}

bool is_hardware_error_record(const VariableId& id) {
  return id.vendor == hardware_error_variable_guid && find(id).definition != nullptr;
}

bool is_read_only_to_os(const VariableId& id) { return id == hardware_error_support; }

bool is_written_by_driver(const VariableId& id) {
  return id == signers || id == volatile_signers || id == vendor_keys_in_flash || id == deployed_mode_in_flash;
}

bool needs_physical_presence(const VariableId& id) { return id == secure_boot_enable || id == custom_mode; }

bool is_os_recovery_option(const VariableId& id) {
  return !find(id).in_namespace && matches(u"OsRecovery####", id.name);
}

bool needs_authentication(const VariableId& id) {
  const Definition* definition = find(id).definition;
  return is_os_recovery_option(id) || (definition != nullptr && definition->attributes == attribute::nv_bs_rt_at);
}

}  // namespace redoubt::variable
