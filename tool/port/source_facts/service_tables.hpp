// SPDX-License-Identifier: BSD-2-Clause-Patent
// The tables of services that firmware has, and the two sets of names of MM's.
#pragma once

#include <clang/AST/Expr.h>

#include <string>

#include "tool/port/source_facts/summary.hpp"

namespace redoubt::tool::port {

inline constexpr const char* mm_table = "mm_system_table";
inline constexpr const char* boot_table = "boot_services";

/// The table of services that a record is, in the words of facts.md; "" for another record.
std::string table_of(const std::string& record);

/// The services of the MM table have two sets of names, of which this is the part that both share.
std::string shared_name(const std::string& table, const std::string& service);

/// The core calls its own services by the names that they have in the table.
bool is_core_service(const std::string& function);

std::string through_kind(const Storage& base, const clang::MemberExpr* member);

}  // namespace redoubt::tool::port
