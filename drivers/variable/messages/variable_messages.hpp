// SPDX-License-Identifier: BSD-2-Clause-Patent
// The messages of the stock DXE variable driver, which the launcher sends too, under the name that they have here.
#pragma once

#include "abi/pi/variable_messages.hpp"

namespace redoubt::variable::messages {

using namespace abi::variable_messages;

}  // namespace redoubt::variable::messages
