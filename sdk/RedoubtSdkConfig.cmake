# The SDK for a project of one's own: find_package(RedoubtSdk REQUIRED) with -DRedoubtSdk_DIR=<this folder>, straight
# from the source tree. Nothing is installed and nothing is prebuilt: the harness gets the project's compiler, C++
# library and sanitizers, which a C++ library needs to be linked at all.
#
# Gives the functions of RedoubtDriver.cmake and the target redoubt_harness. The project's own settings stay as they are.
include_guard(GLOBAL)

set(REDOUBT_KIND sdk)
include("${CMAKE_CURRENT_LIST_DIR}/../cmake/RedoubtFlags.cmake")
foreach(variable REDOUBT_KIND REDOUBT_ROOT REDOUBT_FLAGS_x64 REDOUBT_FLAGS_ia32 REDOUBT_FREESTANDING_CXX)
  set(${variable} "${${variable}}" CACHE INTERNAL "of the Redoubt SDK")
endforeach()
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  set(RedoubtSdk_FOUND FALSE)
  set(RedoubtSdk_NOT_FOUND_MESSAGE
    "the compiler is ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}; driver images need Clang 19 or later:"
    " -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19")
  string(JOIN "" RedoubtSdk_NOT_FOUND_MESSAGE ${RedoubtSdk_NOT_FOUND_MESSAGE})
  return()
endif()
include("${REDOUBT_ROOT}/cmake/RedoubtTargets.cmake")
add_subdirectory("${REDOUBT_ROOT}/sdk/package" "${CMAKE_BINARY_DIR}/redoubt" EXCLUDE_FROM_ALL)
set(RedoubtSdk_FOUND TRUE)
