// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the starter of the machine wants to see of MM, as words (docs/observing-mm.md): they are read before MMRAM is
// locked and go to MM with the launch record, so no OS has a say in them.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"

namespace redoubt::launch {

// QEMU's `-fw_cfg name=opt/org.redoubt/mm,string="WORDS"`.
inline constexpr std::string_view launch_options_file = "opt/org.redoubt/mm";
inline constexpr std::size_t launch_options_limit = 128;  // characters

// Words with spaces between them: `trace`, `observe=always`, `log=error`, `log=warning`, `log=info`, `log=debug`. The
// result is abi::launch_option. Error::invalid_argument for any other word.
Result<std::uint32_t> parse_launch_options(std::string_view words);

}  // namespace redoubt::launch
