// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the foundation itself installs in MM's protocol database, for those who ask without booting (`redoubt depex`). A
// test of the foundation compares this list with what it does install.
#pragma once

#include <array>

#include "abi/pi/mm_access.hpp"
#include "abi/pi/mm_cpu.hpp"
#include "abi/pi/mm_memory_attribute.hpp"
#include "abi/pi/mm_mp.hpp"
#include "abi/pi/mm_protocols.hpp"
#include "abi/redoubt/driver_images.hpp"
#include "abi/redoubt/observation.hpp"
#include "abi/redoubt/processors_held.hpp"
#include "abi/redoubt/unblock.hpp"
#include "abi/uefi/types.hpp"

namespace redoubt::abi {

// There before the first driver starts.
inline constexpr std::array protocols_at_launch = {
    mm_cpu_io_protocol_guid,            // MmIo
    mm_access_protocol_guid,            //
    mm_configuration_protocol_guid,     //
    mm_memory_attribute_protocol_guid,  //
    mm_cpu_protocol_guid,               // save states
    mm_mp_protocol_guid,                //
    log_protocol_guid,                  // ours
    unblocked_memory_protocol_guid,     // ours
    processors_held_protocol_guid,      // ours
    driver_images_protocol_guid,        // ours
};

// Installed when the phase begins: too late for the drivers that start at launch.
struct PhaseProtocol {
  Guid guid;
  const char* phase;
};
inline constexpr std::array protocols_of_phases = {
    PhaseProtocol{mm_end_of_pei_protocol_guid, "EndOfPei"},
    PhaseProtocol{mm_end_of_dxe_protocol_guid, "EndOfDxe"},
    PhaseProtocol{mm_ready_to_lock_protocol_guid, "ReadyToLock"},
    PhaseProtocol{ready_to_boot_event_group_guid, "ReadyToBoot"},
    PhaseProtocol{exit_boot_services_event_group_guid, "ExitBootServices"},
};

}  // namespace redoubt::abi
