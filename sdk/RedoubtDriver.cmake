# Functions for drivers. Everything here works the same in this tree and in a project of its own that found the SDK
# (RedoubtSdkConfig.cmake).

# redoubt_mm_driver(NAME SOURCES file... [USES folder...] [OPTIONS flag...] [STACK_GUARD variable] [ALIGN bytes] [TE])
#
# An MM_STANDALONE driver: images/NAME.efi, a 4 KiB-aligned PE32+ image of subsystem "runtime driver" whose entry point
# is the one REDOUBT_MM_DRIVER defines. It sees abi/, base/ and sdk/, and what USES names. ALIGN and TE are for tests of
# what drivers of others may look like: another alignment of sections than 4 KiB, a TE image.
function(redoubt_mm_driver name)
  cmake_parse_arguments(ARG "TE" "ALIGN;STACK_GUARD" "SOURCES;USES;OPTIONS" ${ARGN})
  set(format "")
  if(ARG_TE)
    set(format TE)
  endif()
  redoubt_image(${name} ARCH x64 SUBSYSTEM runtime ENTRY mm_driver_entry
    USES sdk ${ARG_USES} SOURCES ${ARG_SOURCES} OPTIONS ${ARG_OPTIONS} ALIGN "${ARG_ALIGN}"
    STACK_GUARD "${ARG_STACK_GUARD}" DRIVER ${format})
endfunction()

# redoubt_smm_driver(NAME SOURCES file... [USES folder...] [OPTIONS flag...] [STACK_GUARD variable])
#
# The same as DXE_SMM_DRIVER, for a Traditional MM core: its entry point is the one REDOUBT_SMM_DRIVER defines.
function(redoubt_smm_driver name)
  cmake_parse_arguments(ARG "" "STACK_GUARD" "SOURCES;USES;OPTIONS" ${ARGN})
  redoubt_image(${name} ARCH x64 SUBSYSTEM runtime ENTRY smm_driver_entry
    USES sdk ${ARG_USES} SOURCES ${ARG_SOURCES} OPTIONS ${ARG_OPTIONS} STACK_GUARD "${ARG_STACK_GUARD}" DRIVER)
endfunction()

# redoubt_driver(NAME COMMON file... STANDALONE file... TRADITIONAL file... [TESTS file...])
#
# One driver for both models: images/NAME_standalone.efi and images/NAME_traditional.efi from the common part and one
# entry file for each, and the host test NAME_test, which links all of these (mm_driver_entry and smm_driver_entry are
# the entry points) and has the standalone image's path in REDOUBT_DRIVER_IMAGE.
function(redoubt_driver name)
  cmake_parse_arguments(ARG "" "" "COMMON;STANDALONE;TRADITIONAL;TESTS" ${ARGN})
  redoubt_mm_driver(${name}_standalone SOURCES ${ARG_COMMON} ${ARG_STANDALONE})
  if(ARG_TRADITIONAL)
    redoubt_smm_driver(${name}_traditional SOURCES ${ARG_COMMON} ${ARG_TRADITIONAL})
  endif()
  if(ARG_TESTS)
    redoubt_driver_test(${name}_test DRIVERS ${name}_standalone 
      SOURCES ${ARG_COMMON} ${ARG_STANDALONE} ${ARG_TRADITIONAL} ${ARG_TESTS})
    if(TARGET ${name}_test)
      target_compile_definitions(${name}_test PRIVATE
        REDOUBT_DRIVER_IMAGE="${CMAKE_BINARY_DIR}/images/${name}_standalone.efi")
    endif()
  endif()
endfunction()

# redoubt_driver_test(NAME SOURCES file... [DRIVERS target...])
#
# A GoogleTest program with the host harness (sdk/harness/harness.hpp), run by ctest, after DRIVERS are built.
function(redoubt_driver_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DRIVERS" ${ARGN})
  if(REDOUBT_KIND STREQUAL "host")
    redoubt_test(${name} USES harness SOURCES ${ARG_SOURCES})
  elseif(REDOUBT_KIND STREQUAL "sdk")
    redoubt_provide_googletest()
    add_executable(${name} ${ARG_SOURCES})
    set_target_properties(${name} PROPERTIES CXX_STANDARD 23 CXX_STANDARD_REQUIRED ON)
    target_link_libraries(${name} PRIVATE redoubt_harness gtest_main gmock)
    add_test(NAME ${name} COMMAND ${name})
  else()
    return()
  endif()
  if(ARG_DRIVERS)
    add_dependencies(${name} ${ARG_DRIVERS})
  endif()
endfunction()
