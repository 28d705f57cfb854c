// SPDX-License-Identifier: BSD-2-Clause-Patent
// How figures and states of a boot report read, which its text and its JSON have in common.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tool/boot/report.hpp"

namespace redoubt::tool::boot {

inline constexpr std::string_view unknown = "unknown";

[[nodiscard]] std::string hexadecimal(std::optional<std::uint64_t> value);
[[nodiscard]] std::string decimal(std::optional<std::uint64_t> value);

// A GUID's name, where it has one we know.
[[nodiscard]] std::string name_of(std::string_view guid_text);

// "exception 14", or what else happened.
[[nodiscard]] std::string cause_text(std::string_view cause, std::optional<std::uint64_t> vector);

// "before DXE", "after ..." or what else can be said about when MMRAM was locked.
[[nodiscard]] std::string lock_order(const BootReport& report);

// Outside MMRAM, that ring 3 can reach.
[[nodiscard]] std::uint64_t open_bytes(const BootReport& report);

// The part of the used memory that is kept back for one driver and that it doesn't hold yet.
[[nodiscard]] std::uint64_t kept_back_bytes(const BootReport& report);

// The options that the machine's starter gave MM, which must be known.
[[nodiscard]] std::string options_text(const BootReport& report);

}  // namespace redoubt::tool::boot
