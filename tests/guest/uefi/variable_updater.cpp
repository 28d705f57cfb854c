// SPDX-License-Identifier: BSD-2-Clause-Patent
// Makes the updates of variables that QEMU's command line asks for (variable_updates.hpp).
#include "abi/uefi/system_table.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/variable_updates.hpp"

extern "C" EFIAPI redoubt::abi::EfiStatus variable_updater_entry(redoubt::abi::Handle image_handle,
                                                                 redoubt::abi::SystemTable* system_table);

extern "C" EFIAPI redoubt::abi::EfiStatus variable_updater_entry(redoubt::abi::Handle /*image_handle*/,
                                                                 redoubt::abi::SystemTable* system_table) {
  const bool well = redoubt::guest::updates::make_updates(*system_table->runtime_services);
  redoubt::guest::finish(*system_table, "variable_updater", well);
}
