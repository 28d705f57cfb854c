# QEMU's q35 machine: Intel's memory controller hub of 2007 with the ICH9.
set(REDOUBT_Q35_CHIPSET
  q35/chipset_functions.cpp
  q35/fw_cfg.cpp
  q35/fw_cfg_directory.cpp
  q35/launch_control.cpp
  q35/launch_requests.cpp)
set(REDOUBT_BOARD_SOURCES ${REDOUBT_Q35_CHIPSET} q35/debug_console.cpp)
