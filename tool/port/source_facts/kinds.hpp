// SPDX-License-Identifier: BSD-2-Clause-Patent
// The kinds of facts, by the names that they have in the answer. Each has a finder of its own that a request can leave
// out, so that a test can show that it is that finder which finds.
#pragma once

#include <array>
#include <string_view>

namespace redoubt::tool::port {

namespace kind {
inline constexpr const char* entry_point = "entry_point";
inline constexpr const char* service_use = "service_use";
inline constexpr const char* table_stored = "table_stored";
inline constexpr const char* protocol_located = "protocol_located";
inline constexpr const char* protocol_installed = "protocol_installed";
inline constexpr const char* pcd = "pcd";
inline constexpr const char* handler = "handler";
inline constexpr const char* comm_buffer = "comm_buffer";
inline constexpr const char* buffer_access = "buffer_access";
inline constexpr const char* buffer_check = "buffer_check";
inline constexpr const char* nested_pointer = "nested_pointer";
inline constexpr const char* configuration_table = "configuration_table";
inline constexpr const char* event = "event";
inline constexpr const char* memory = "memory";
inline constexpr const char* save_state = "save_state";
inline constexpr const char* privileged = "privileged";
inline constexpr const char* shared_global = "shared_global";
inline constexpr const char* shared_buffer = "shared_buffer";
inline constexpr const char* unresolved_call = "unresolved_call";
}  // namespace kind

inline constexpr std::array<std::string_view, 19> all_kinds{kind::entry_point,
                                                            kind::service_use,
                                                            kind::table_stored,
                                                            kind::protocol_located,
                                                            kind::protocol_installed,
                                                            kind::pcd,
                                                            kind::handler,
                                                            kind::comm_buffer,
                                                            kind::buffer_access,
                                                            kind::buffer_check,
                                                            kind::nested_pointer,
                                                            kind::configuration_table,
                                                            kind::event,
                                                            kind::memory,
                                                            kind::save_state,
                                                            kind::privileged,
                                                            kind::shared_global,
                                                            kind::shared_buffer,
                                                            kind::unresolved_call};

}  // namespace redoubt::tool::port
