// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/boot/report_words.hpp"

#include <format>

#include "abi/redoubt/observation.hpp"
#include "abi/uefi/guid_text.hpp"
#include "base/address.hpp"
#include "image/known_guids.hpp"

namespace redoubt::tool::boot {

std::string hexadecimal(std::optional<std::uint64_t> value) {
  return value ? std::format("0x{:X}", *value) : std::string(unknown);
}

std::string decimal(std::optional<std::uint64_t> value) {
  return value ? std::format("{}", *value) : std::string(unknown);
}

std::string name_of(std::string_view guid_text) {
  const auto guid = abi::parse_guid(guid_text);
  return guid ? image::name_or_text(*guid) : std::string(guid_text);
}

std::string cause_text(std::string_view cause, std::optional<std::uint64_t> vector) {
  if (cause == "fault") {
    return std::format("exception {}", decimal(vector));
  }
  return cause == "entry_point"   ? "its entry point failed"
         : cause == "image"       ? "its image was refused"
         : cause == "not_started" ? "it never started"
                                  : std::string(cause);
}

std::string lock_order(const BootReport& report) {
  if (report.locked_in_pei) {
    return report.witness.locked ? (report.witness.locked_before_pci
                                        ? "before DXE (by the launcher, in PEI; QEMU saw it before PCI was enumerated)"
                                        : "CONTRADICTION: the launcher says in PEI, QEMU saw it after PCI enumeration")
                                 : "before DXE (by the launcher, in PEI; QEMU's trace doesn't show it)";
  }
  if (!report.witness.locked) {
    return "NOT LOCKED";
  }
  return report.witness.locked_before_pci ? "before PCI was enumerated (QEMU's trace)"
                                          : "in DXE, after PCI was enumerated (QEMU's trace)";
}

std::uint64_t open_bytes(const BootReport& report) {
  std::uint64_t total = 0;
  for (const OpenRange& range : report.ranges) {
    total += range.size;
  }
  return total;
}

std::uint64_t kept_back_bytes(const BootReport& report) {
  std::uint64_t pages = 0;
  for (const Driver& driver : report.drivers) {
    pages += driver.kept_back;
  }
  return pages * page_bytes;
}

std::string options_text(const BootReport& report) {
  if (report.options_ignored) {
    return "IGNORED: words that this MM doesn't know";
  }
  const std::uint64_t options = *report.options;
  std::string text;
  if ((options & abi::launch_option::trace) != 0) {
    text += "trace ";
  }
  if ((options & abi::launch_option::repair_variables) != 0) {
    text += "VARIABLES ARE REPAIRED ";
  }
  if ((options & abi::launch_option::observe_always) != 0) {
    text += "log and profile OPEN TO THE OS ";
  }
  const std::uint64_t level = (options & abi::launch_option::log_level_mask) >> abi::launch_option::log_level_shift;
  if (abi::is_log_level(level)) {
    text += std::format("log={} ", abi::to_string(static_cast<abi::LogLevel>(level)));
  }
  text.resize(text.empty() ? 0 : text.size() - 1);
  return text.empty() ? "none" : text;
}

}  // namespace redoubt::tool::boot
