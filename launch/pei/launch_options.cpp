// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "launch/pei/launch_options.hpp"

#include "abi/redoubt/observation.hpp"

namespace redoubt::launch {
namespace {

namespace option = abi::launch_option;

constexpr std::uint32_t log_option(abi::LogLevel level) {
  return static_cast<std::uint32_t>(level) << option::log_level_shift;
}

struct Word {
  std::string_view text;
  std::uint32_t clear;
  std::uint32_t set;
};

constexpr Word known_words[] = {
    {"trace", 0, option::trace},
    {"observe=always", 0, option::observe_always},
    {"repair-variables", 0, option::repair_variables},
    {"log=error", option::log_level_mask, log_option(abi::LogLevel::error)},
    {"log=warning", option::log_level_mask, log_option(abi::LogLevel::warning)},
    {"log=info", option::log_level_mask, log_option(abi::LogLevel::info)},
    {"log=debug", option::log_level_mask, log_option(abi::LogLevel::debug)},
};

}  // namespace

Result<std::uint32_t> parse_launch_options(std::string_view words) {
  std::uint32_t options = 0;
  while (!words.empty()) {
    if (words.front() == ' ') {
      words.remove_prefix(1);
      continue;
    }
    std::size_t length = 0;
    while (length != words.size() && words[length] != ' ') {
      ++length;
    }
    const std::string_view text = words.substr(0, length);
    words.remove_prefix(length);
    const Word* found = nullptr;
    for (const Word& word : known_words) {
      if (word.text == text) {
        found = &word;
      }
    }
    if (found == nullptr) {
      return std::unexpected(Error::invalid_argument);
    }
    options = (options & ~found->clear) | found->set;
  }
  return options;
}

}  // namespace redoubt::launch
