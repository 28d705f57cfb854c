// SPDX-License-Identifier: BSD-2-Clause-Patent
// Where the board that this build is for has the devices that drivers use, as `platform::board`. A target of its own
// (redoubt_devices), so that drivers see this and nothing else of platform/.
#pragma once

#include REDOUBT_DEVICES_HEADER  // platform/<board>/devices.hpp

namespace redoubt::platform {
namespace board = REDOUBT_BOARD;
}
