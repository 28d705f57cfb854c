// SPDX-License-Identifier: BSD-2-Clause-Patent
// What an earlier boot showed of drivers and protocols: the report of `redoubt boot --json`, a log of the debug console
// with Redoubt's events (abi/redoubt/report.hpp), or the serial log of a DEBUG build of edk2, which prints who is
// loaded and what is installed. Such a file comes from a user, and may be of another image: it is read like any input,
// and compared with the image rather than believed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abi/uefi/types.hpp"
#include "tool/command.hpp"

namespace redoubt::tool::depex {

struct RecordedDriver {
  std::optional<abi::Guid> file;  // edk2's log has names only
  std::string name;               // in edk2's log of the image's debug file: "VariableSmm"
  bool started = false;           // otherwise it was seen waiting
  bool failed = false;            // refused, or its entry point returned an error
  std::vector<abi::Guid> installed;
};

struct BootRecord {
  std::vector<RecordedDriver> drivers;    // those that started, in the order of their starts, and those that didn't
  std::vector<abi::Guid> core_installed;  // by MM's core itself
  // Whether the record tells which driver installed what. A report without protocols doesn't.
  bool knows_protocols = false;
};

// `text`: the file's contents. Error: it shows no boot with MM drivers.
Result<BootRecord, std::string> parse_boot_record(std::string_view text);

Result<BootRecord, CommandError> read_boot_record(const std::string& path);

}  // namespace redoubt::tool::depex
