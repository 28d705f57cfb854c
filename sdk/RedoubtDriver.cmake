# redoubt_mm_driver(NAME SOURCES file... [USES folder...] [OPTIONS flag...])
#
# An MM_STANDALONE driver for the guest, firmware build only: a 4 KiB-aligned PE32+ image of subsystem
# "runtime driver" whose entry point is the one REDOUBT_MM_DRIVER defines. It sees abi/, base/ and sdk/, and what
# USES names.
function(redoubt_mm_driver name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;OPTIONS" ${ARGN})
  redoubt_image(${name} ARCH x64 SUBSYSTEM runtime ENTRY mm_driver_entry
    USES sdk ${ARG_USES} SOURCES ${ARG_SOURCES} OPTIONS ${ARG_OPTIONS})
endfunction()
