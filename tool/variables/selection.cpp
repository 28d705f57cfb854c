// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/variables/selection.hpp"

#include <algorithm>
#include <array>
#include <format>

#include "abi/uefi/guid_text.hpp"
#include "drivers/variable/defined_variables.hpp"
#include "image/known_guids.hpp"
#include "tool/variables/text.hpp"

namespace redoubt::tool::variables {

namespace {

namespace attribute = variable::attribute;

constexpr std::array defined_vendors = {variable::global_variable_guid, variable::image_security_database_guid,
                                        variable::hardware_error_variable_guid};

std::optional<abi::Guid> vendor_of(const StoreFile& store, const std::string& text) {
  if (const auto guid = abi::parse_guid(text); guid.has_value()) {
    return guid;
  }
  const auto is_meant = [&text](const abi::Guid& vendor) { return image::known_name(vendor) == text; };
  if (const auto* known = std::ranges::find_if(defined_vendors, is_meant); known != defined_vendors.end()) {
    return *known;
  }
  const auto found = std::ranges::find_if(store.variables(), is_meant, &StoredVariable::vendor);
  return found != store.variables().end() && !text.empty() ? std::optional(found->vendor) : std::nullopt;
}

// Whether UEFI defines a variable of this name in flash, as the driver knows it.
bool is_defined(const variable::VariableId& id) {
  constexpr std::size_t sizes[] = {1, 2, 8, 16, 32};  // one of them fits every definition
  const std::uint32_t attributes = id.vendor == variable::hardware_error_variable_guid
                                       ? attribute::nv_bs_rt | attribute::hardware_error_record
                                   : variable::needs_authentication(id) ? attribute::nv_bs_rt_at
                                                                        : attribute::nv_bs_rt;
  return std::ranges::any_of(
      sizes, [&](std::size_t size) { return check_defined_variable(id, attributes, size) == abi::status::success; });
}

// Of a damaged store with where it stands all the same, if it's there.
std::unexpected<CommandError> not_found(const StoreFile& store, const std::string& reason, std::u16string_view name,
                                        const std::optional<abi::Guid>& vendor) {
  const Damage* damage = store.damage();
  if (damage == nullptr) {
    return failure(store.path(), reason);
  }
  std::string places;
  for (const StoredVariable& candidate : damage->out_of_reach) {
    if (candidate.name == name && candidate.vendor == vendor.value_or(candidate.vendor)) {
      places += std::format("{}{:#x}", places.empty() ? "" : " and ", candidate.offset);
    }
  }
  return failure(store.path(),
                 std::format("{} in front of the damage at {:#x}; {}", reason, damage->offset,
                             places.empty() ? std::string("none was found behind it")
                                            : std::format("out of firmware's reach there is one at {} (`vars repair` "
                                                          "saves it)",
                                                          places)));
}

Result<SelectedVariable, CommandError> select(const StoreFile& store, const Selection& selection, bool may_be_new) {
  const auto name = from_utf8(selection.name);
  if (!name.has_value()) {
    return bad_input("NAME", "isn't UTF-8");
  }
  if (name->empty()) {
    return bad_input("NAME", "is empty");
  }
  if (!selection.guid.empty()) {
    const auto vendor = vendor_of(store, selection.guid);
    if (!vendor.has_value()) {
      return bad_input("--guid", std::format("'{}' is neither a GUID like 8be4df61-93ca-11d2-aa0d-00e098032b8c nor a "
                                             "vendor's name that `vars list` prints",
                                             selection.guid));
    }
    const SelectedVariable selected{*vendor, *name};
    if (!may_be_new && store.find(selected.id()) == nullptr) {
      return not_found(store, std::format("no variable '{}' of {}", selection.name, vendor_text(*vendor)), *name,
                       vendor);
    }
    return selected;
  }
  std::vector<abi::Guid> vendors;
  for (const StoredVariable& candidate : store.variables()) {
    if (candidate.name == *name) {
      vendors.push_back(candidate.vendor);
    }
  }
  const auto global = std::ranges::find(vendors, variable::global_variable_guid);
  if (vendors.size() == 1 || global != vendors.end()) {
    return SelectedVariable{global != vendors.end() ? *global : vendors.front(), *name};
  }
  if (!vendors.empty()) {
    std::string list;
    for (const abi::Guid& vendor : vendors) {
      list += std::format("{}{}", list.empty() ? "" : ", ", abi::to_text(vendor).view());
    }
    return bad_input(store.path(), std::format("'{}' is the name of {} variables; --guid says which: {}",
                                               selection.name, vendors.size(), list));
  }
  if (may_be_new) {
    for (const abi::Guid& vendor : defined_vendors) {
      if (is_defined({vendor, *name})) {
        return SelectedVariable{vendor, *name};
      }
    }
    return bad_input(store.path(),
                     std::format("no variable '{}' in it, nor does UEFI define one for flash; a new one needs --guid",
                                 selection.name));
  }
  return not_found(store, std::format("no variable '{}'", selection.name), *name, std::nullopt);
}

}  // namespace

void add_selection(const Verb& verb, Selection& selection) {
  verb.add_option("NAME", selection.name, "The variable's name").required();
  verb.add_option("--guid", selection.guid,
                  "Its vendor GUID, or the vendor's name as `vars list` prints it; needed when the file has more "
                  "variables of this name, none of them of EFI_GLOBAL_VARIABLE");
}

Result<SelectedVariable, CommandError> select_present(const StoreFile& store, const Selection& selection) {
  return select(store, selection, false);
}

Result<SelectedVariable, CommandError> select_any(const StoreFile& store, const Selection& selection) {
  return select(store, selection, true);
}

std::string vendor_text(const abi::Guid& vendor) { return image::name_or_text(vendor); }

}  // namespace redoubt::tool::variables
