// SPDX-License-Identifier: BSD-2-Clause-Patent
// The same devices as q35's.
#pragma once

#include "platform/q35/devices.hpp"

namespace redoubt::platform::q35_serial {
using namespace q35;
}
