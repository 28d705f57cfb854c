# The target firmware_bundle: all images that `redoubt image convert` adds to a firmware image, and the manifest that
# tells it which is which. The directory to give the converter is the firmware build's own.
#
# GUIDs and names of the four fixed roles stand in abi/redoubt/image_names.hpp; the manifest brings those of drivers. A
# driver's entry has
#
#   "file"   images/TARGET.efi, where TARGET is what redoubt_mm_driver() was given
#   "guid"   of its file, which no other file has (/proc/sys/kernel/random/uuid makes one)
#   "name"   what lists and reports call it
#   "depex"  the GUIDs of protocols that must all be there before it starts; [] = it starts at once
#   "fault"  what becomes of the machine when it fails: "disable", "reset" or "halt" (abi/redoubt/fault_policy.hpp);
#            "disable" where it isn't said
#
# Drivers that may start at the same time do so in this order.
set(manifest [=[{
  "images": [
    {"role": "ipl", "file": "images/redoubt_ipl.efi"},
    {"role": "supervisor", "file": "images/redoubt_supervisor.efi"},
    {"role": "foundation", "file": "images/redoubt_foundation.efi"},
    {"role": "communication", "file": "images/redoubt_communication_dxe.efi", "depex": []},
    {"role": "driver", "file": "images/redoubt_status_code.efi",
     "guid": "5d6b2f3e-84a1-4d0c-9f3b-72646f756274", "name": "StatusCodeStandaloneMm", "depex": []},
    {"role": "driver", "file": "images/redoubt_child_dispatch.efi",
     "guid": "8f0a3c57-1be2-4c96-a5d4-72646f756274", "name": "ChildDispatchStandaloneMm", "depex": []},
    {"role": "driver", "file": "images/redoubt_variable_standalone.efi",
     "guid": "be9c3c34-ed6b-47d0-b354-4e804a172a00", "name": "VariableStandaloneMm", "depex": [], "fault": "reset"}
  ]
}
]=])
file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/firmware.json" @ONLY CONTENT "${manifest}")

add_custom_target(firmware_bundle)
string(JSON count LENGTH "${manifest}" images)
math(EXPR last "${count} - 1")
foreach(index RANGE ${last})
  string(JSON file GET "${manifest}" images ${index} file)
  cmake_path(GET file STEM image)
  if(NOT TARGET ${image})
    message(FATAL_ERROR
      "cmake/FirmwareBundle.cmake names ${file}, and no redoubt_image() or redoubt_mm_driver() is called ${image}")
  endif()
  add_dependencies(firmware_bundle ${image})
endforeach()
