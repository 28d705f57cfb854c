# Functions that declare the targets of this tree.
include(CMakeParseArguments)

# Makes `#include "FOLDER/..."` resolvable for exactly those who ask for FOLDER (which may lie within another): a
# directory of its own that holds nothing but a link to the folder.
function(redoubt_include_path folder out)
  string(REPLACE "/" "." stage "${folder}")
  set(stage "${CMAKE_BINARY_DIR}/include/${stage}")
  if(NOT EXISTS "${stage}/${folder}")
    cmake_path(GET folder PARENT_PATH parent)
    file(MAKE_DIRECTORY "${stage}/${parent}")
    file(CREATE_LINK "${REDOUBT_ROOT}/${folder}" "${stage}/${folder}" SYMBOLIC)
  endif()
  set(${out} "${stage}" PARENT_SCOPE)
endfunction()

# redoubt_declare_uses(NAME folder...): what the library redoubt_NAME may use, itself included.
function(redoubt_declare_uses name)
  set_property(GLOBAL PROPERTY REDOUBT_USES_${name} ${name} ${ARGN})
endfunction()

# redoubt_see(TARGET [SUFFIX suffix] folder...): a program of these folders sees what they may use, and nothing that only
# the folders it uses may.
function(redoubt_see target)
  cmake_parse_arguments(ARG "" "SUFFIX" "" ${ARGN})
  set(seen)
  foreach(folder IN LISTS ARG_UNPARSED_ARGUMENTS)
    get_property(uses GLOBAL PROPERTY REDOUBT_USES_${folder})
    list(APPEND seen ${folder} ${uses})
  endforeach()
  list(REMOVE_DUPLICATES seen)
  foreach(folder IN LISTS seen)
    target_link_libraries(${target} PRIVATE redoubt_${folder}${ARG_SUFFIX})
  endforeach()
endfunction()

# A library hands on its own include path and no other: who uses it must name what else it includes.
function(redoubt_apply_uses target suffix folder)
  redoubt_include_path(${folder} own)
  target_include_directories(${target} PUBLIC "${own}")
  foreach(used IN LISTS ARGN)
    target_link_libraries(${target} PRIVATE redoubt_${used}${suffix})
  endforeach()
endfunction()

# What every target of this tree needs, whatever the settings of the directory are. Warnings are for those who work on
# this tree, with the compiler that it is built with.
function(redoubt_settings target)
  set_target_properties(${target} PROPERTIES CXX_STANDARD 23 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
  if(NOT REDOUBT_KIND STREQUAL "sdk")
    target_compile_options(${target} PRIVATE ${REDOUBT_WARNINGS})
  endif()
endfunction()

# One library of a folder; without sources, only its include paths.
function(redoubt_add_library target suffix folder)
  cmake_parse_arguments(ARG "" "" "USES;SOURCES" ${ARGN})
  if(ARG_SOURCES)
    add_library(${target} STATIC EXCLUDE_FROM_ALL ${ARG_SOURCES})
    redoubt_settings(${target})
    redoubt_apply_uses(${target} "${suffix}" ${folder} ${ARG_USES})
  else()
    add_library(${target} INTERFACE)
    redoubt_include_path(${folder} own)
    target_include_directories(${target} INTERFACE "${own}")
    foreach(used IN LISTS ARG_USES)
      target_link_libraries(${target} INTERFACE $<LINK_ONLY:redoubt_${used}${suffix}>)
    endforeach()
  endif()
endfunction()

# redoubt_library(FOLDER [PATH path] [USES folder...] [SOURCES file...] [GUEST_SOURCES file...] [HOST_SOURCES file...]
#                 [TOOL_SOURCES file...] [TESTS file...])
#
# The library of a top folder: redoubt_FOLDER for programs of this machine (not in the firmware build), and
# redoubt_FOLDER.x64 and redoubt_FOLDER.ia32 for guest images (not in the tool build), built only when an image uses
# them. PATH is where the folder is and how its headers are included, if it isn't a top folder. HOST_SOURCES never reach the guest, TOOL_SOURCES neither the guest nor the SDK, GUEST_SOURCES nobody else. TESTS
# become the GoogleTest program FOLDER_test in the host build.
function(redoubt_library folder)
  cmake_parse_arguments(ARG "" "PATH" "USES;SOURCES;GUEST_SOURCES;HOST_SOURCES;TOOL_SOURCES;TESTS" ${ARGN})
  if(NOT ARG_PATH)
    set(ARG_PATH ${folder})
  endif()
  redoubt_declare_uses(${folder} ${ARG_USES})
  if(NOT REDOUBT_KIND STREQUAL "tool")
    foreach(arch x64 ia32)
      set(target redoubt_${folder}.${arch})
      redoubt_add_library(${target} .${arch} ${ARG_PATH} USES ${ARG_USES} SOURCES ${ARG_SOURCES} ${ARG_GUEST_SOURCES})
      if(ARG_SOURCES OR ARG_GUEST_SOURCES)
        target_compile_options(${target} PRIVATE ${REDOUBT_FLAGS_${arch}}
          $<$<COMPILE_LANGUAGE:CXX>:${REDOUBT_FREESTANDING_CXX}>)
      endif()
    endforeach()
  endif()
  if(REDOUBT_KIND STREQUAL "firmware")
    return()
  endif()
  set(sources ${ARG_SOURCES} ${ARG_HOST_SOURCES})
  if(NOT REDOUBT_KIND STREQUAL "sdk")
    list(APPEND sources ${ARG_TOOL_SOURCES})
  endif()
  redoubt_add_library(redoubt_${folder} "" ${ARG_PATH} USES ${ARG_USES} SOURCES ${sources})
  # The host build compiles all of it for the tests; the others, what their programs link.
  if(sources AND REDOUBT_KIND STREQUAL "host")
    set_target_properties(redoubt_${folder} PROPERTIES EXCLUDE_FROM_ALL OFF)
  endif()
  if(ARG_TESTS AND REDOUBT_KIND STREQUAL "host")
    redoubt_test(${folder}_test USES ${folder} SOURCES ${ARG_TESTS})
  endif()
endfunction()

# GoogleTest, built from Debian's source package: as a binary it would be linked against another C++ library, and it
# needs the same sanitizers as the tests.
function(redoubt_provide_googletest)
  if(NOT TARGET gtest_main)
    set(INSTALL_GTEST OFF CACHE INTERNAL "")
    add_subdirectory(/usr/src/googletest "${CMAKE_BINARY_DIR}/googletest" EXCLUDE_FROM_ALL)
    if(REDOUBT_KIND STREQUAL "host")
      foreach(library gtest gtest_main gmock)
        target_compile_options(${library} PRIVATE ${REDOUBT_QUICK_TO_COMPILE})
      endforeach()
      # Read once for all tests, whose own text takes less time than these headers. Flags as redoubt_test() has them.
      file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/googletest/headers.cpp" CONTENT "// What a target has to have.\n")
      add_library(redoubt_test_headers OBJECT EXCLUDE_FROM_ALL "${CMAKE_BINARY_DIR}/googletest/headers.cpp")
      redoubt_settings(redoubt_test_headers)
      target_compile_options(redoubt_test_headers PRIVATE -Wno-global-constructors ${REDOUBT_QUICK_TO_COMPILE}
        "SHELL:-Xclang -fno-pch-timestamp")
      target_link_libraries(redoubt_test_headers PRIVATE gmock gtest)
      target_precompile_headers(redoubt_test_headers PRIVATE "<gmock/gmock.h>" "<gtest/gtest.h>" "<algorithm>" "<format>"
        "<string>" "<vector>")
    endif()
  endif()
endfunction()

# redoubt_test(NAME [OPTIMIZED] USES folder... SOURCES file...): a GoogleTest program, host build only. OPTIMIZED is for
# tests whose own code computes for long; the others take longer to compile than to run.
function(redoubt_test name)
  cmake_parse_arguments(ARG "OPTIMIZED" "" "USES;SOURCES" ${ARGN})
  if(NOT REDOUBT_KIND STREQUAL "host")
    return()
  endif()
  redoubt_provide_googletest()
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${REDOUBT_WARNINGS} -Wno-global-constructors)
  if(NOT ARG_OPTIMIZED)
    target_compile_options(${name} PRIVATE ${REDOUBT_QUICK_TO_COMPILE})
    target_precompile_headers(${name} REUSE_FROM redoubt_test_headers)
  endif()
  redoubt_see(${name} ${ARG_USES})
  target_link_libraries(${name} PRIVATE gtest_main gmock)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 1200 LABELS host)
endfunction()

# redoubt_fuzzer(NAME_fuzz USES folder... SOURCES file... [SEEDS dir]): a libFuzzer program, host build only. The test
# runs it on the seeds, which are dir and the folder of its name (without _fuzz) in tests/fuzz/seeds, and then for
# REDOUBT_FUZZ_SECONDS; if the environment lacks it, for five seconds from a fixed seed, so that the tests of a change
# tell of that change; the search is the campaign's.
function(redoubt_fuzzer name)
  cmake_parse_arguments(ARG "" "SEEDS" "USES;SOURCES" ${ARGN})
  if(NOT REDOUBT_KIND STREQUAL "host")
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${REDOUBT_WARNINGS} -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  # Debian's libFuzzer runtime is linked against the other C++ library; the two keep apart by namespace.
  target_link_options(${name} PRIVATE -Wl,-l:libstdc++.so.6)
  redoubt_see(${name} ${ARG_USES})
  set(corpus "${CMAKE_BINARY_DIR}/corpus/${name}")
  file(MAKE_DIRECTORY "${corpus}")
  string(REGEX REPLACE "_fuzz$" "" seeds "${name}")
  set(seeds "${CMAKE_SOURCE_DIR}/tests/fuzz/seeds/${seeds}")
  if(NOT EXISTS "${seeds}")
    set(seeds "")
  endif()
  add_test(NAME ${name} COMMAND sh -c
    "test -n \"\$REDOUBT_FUZZ_SECONDS\" || seed=1; \"$<TARGET_FILE:${name}>\" -seed=\"\${seed:-0}\" -max_total_time=\"\${REDOUBT_FUZZ_SECONDS:-5}\" -rss_limit_mb=4096 -timeout=25 -print_final_stats=1 -artifact_prefix='${corpus}-' '${corpus}' ${seeds} ${ARG_SEEDS}")
  set_tests_properties(${name} PROPERTIES TIMEOUT 5400 LABELS fuzz)
endfunction()

# redoubt_image(NAME ARCH x64|ia32 SUBSYSTEM application|boot|runtime ENTRY symbol USES folder...
#               SOURCES file... [ALIGN bytes] [OPTIONS flag...] [STACK_GUARD variable] [DRIVER] [TE])
#
# A PE image (with TE: a TE image) for the guest, images/NAME.efi: linked as a static position-independent ELF file (kept with its debug
# information as NAME.elf, of the same addresses) and written out as PE by elf2pe. Part of the firmware build; a DRIVER is
# also one of a build with the SDK, and of the host build when a test depends on it. STACK_GUARD is for images that link
# archives compiled with the stack protector: the variable of the image that holds its guard value.
function(redoubt_image name)
  cmake_parse_arguments(ARG "DRIVER;TE" "ARCH;SUBSYSTEM;ENTRY;ALIGN;STACK_GUARD" "USES;SOURCES;OPTIONS" ${ARGN})
  if(REDOUBT_KIND STREQUAL "tool" OR NOT (REDOUBT_KIND STREQUAL "firmware" OR ARG_DRIVER))
    return()
  endif()
  if(NOT ARG_ALIGN)
    set(ARG_ALIGN 4096)
  endif()
  set(format "")
  if(ARG_TE)
    set(format --te)
  endif()
  set(stack_guard "")
  if(ARG_STACK_GUARD)
    set(stack_guard --stack-guard ${ARG_STACK_GUARD})
  endif()
  set(elf ${name}.elf)
  add_executable(${elf} ${ARG_SOURCES})
  redoubt_settings(${elf})
  target_compile_options(${elf} PRIVATE ${REDOUBT_FLAGS_${ARG_ARCH}} ${ARG_OPTIONS}
    $<$<COMPILE_LANGUAGE:CXX>:${REDOUBT_FREESTANDING_CXX}>)
  redoubt_see(${elf} SUFFIX .${ARG_ARCH} ${ARG_USES})
  set(emulation_x64 elf_x86_64)
  set(emulation_ia32 elf_i386)
  set(target_x64 x86_64-linux-gnu)
  set(target_ia32 i386-linux-gnu)
  target_link_options(${elf} PRIVATE
    --target=${target_${ARG_ARCH}} -fno-sanitize=all -fuse-ld=lld -nostdlib -static-pie
    -Wl,-T,${REDOUBT_ROOT}/cmake/image.ld -Wl,--defsym=image_alignment=${ARG_ALIGN}
    -Wl,-e,${ARG_ENTRY} -Wl,--gc-sections -Wl,-z,notext -Wl,-z,norelro -Wl,--no-dynamic-linker
    -Wl,--build-id=none -Wl,--fatal-warnings -Wl,-z,max-page-size=${ARG_ALIGN})
  set_target_properties(${elf} PROPERTIES LINK_DEPENDS "${REDOUBT_ROOT}/cmake/image.ld")
  set(output "${CMAKE_BINARY_DIR}/images/${name}.efi")
  set(elf2pe "${REDOUBT_ELF2PE}")
  if(NOT REDOUBT_KIND STREQUAL "firmware")
    set(elf2pe elf2pe)  # the target of the same build
    set_target_properties(${elf} PROPERTIES EXCLUDE_FROM_ALL ON RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/images")
  endif()
  add_custom_command(OUTPUT "${output}"
    COMMAND ${CMAKE_COMMAND} -E make_directory "${CMAKE_BINARY_DIR}/images"
    COMMAND "${elf2pe}" $<TARGET_FILE:${elf}> -o "${output}" --subsystem ${ARG_SUBSYSTEM} --align ${ARG_ALIGN}
      ${format} ${stack_guard}
    DEPENDS ${elf} "${elf2pe}" VERBATIM)
  if(REDOUBT_KIND STREQUAL "host")
    add_custom_target(${name} DEPENDS "${output}")
  else()
    add_custom_target(${name} ALL DEPENDS "${output}")
  endif()
endfunction()

if(NOT REDOUBT_KIND STREQUAL "sdk")
  set(REDOUBT_ELF2PE "${REDOUBT_ROOT}/build/release/bin/elf2pe" CACHE FILEPATH "The ELF to PE writer of the tool build")
  if(REDOUBT_KIND STREQUAL "firmware" AND NOT EXISTS "${REDOUBT_ELF2PE}")
    message(WARNING "Images can't be linked before there is ${REDOUBT_ELF2PE}: scripts/build makes it, as does "
      "`cmake --preset release && ninja -C build/release`")
  endif()
endif()
if(REDOUBT_KIND STREQUAL "host")
  enable_testing()
endif()
if(REDOUBT_KIND STREQUAL "host" OR REDOUBT_KIND STREQUAL "tool")
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
endif()
