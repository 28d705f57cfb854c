// SPDX-License-Identifier: BSD-2-Clause-Patent
// Services of DXE that both models' halves have a function for.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace redoubt::port {

// Services of DXE that a function of both halves can stand for: in Traditional MM it calls the service, in Standalone
// MM it does what `standalone` says, or what a person decides.
struct ServiceWrapper {
  const char* table;
  const char* service;
  const char* through;
  const char* suffix;  // of the function's name
  const char* comment;
  const char* parameters;
  std::array<int, 5> arguments;  // of the call, that the function gets; -1: no more
  const char* traditional;
  const char* standalone;
};

inline constexpr const char* variable_protocol = "gEfiSmmVariableProtocolGuid";

// The wrapper of a service, or of a function by its name without the module's prefix; null if there is none.
const ServiceWrapper* wrapper_of(std::string_view table, std::string_view service);
const ServiceWrapper* wrapper_named(std::string_view suffix);

// The body of a wrapper of a variable service in the Standalone half, which locates the protocol first.
std::string variable_body(const ServiceWrapper& wrapper);

}  // namespace redoubt::port
