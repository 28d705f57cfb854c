# q35 with MM's log on its serial console.
include("${CMAKE_CURRENT_LIST_DIR}/../q35/board.cmake")
set(REDOUBT_BOARD_SOURCES ${REDOUBT_Q35_CHIPSET} q35_serial/serial_log.cpp)
