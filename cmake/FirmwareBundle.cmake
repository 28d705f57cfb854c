# The target firmware_bundle: all images that `redoubt image convert` adds to a firmware image, and the manifest that
# tells it which is which. The directory to give the converter is the firmware build's own.
#
# "fault": what becomes of the machine when the driver fails (abi/redoubt/fault_policy.hpp), "disable" where it isn't
# said. GUIDs and names of the four fixed roles stand in abi/redoubt/image_names.hpp; the manifest brings those of drivers.
set(REDOUBT_BUNDLE_IMAGES
  redoubt_ipl redoubt_supervisor redoubt_foundation redoubt_communication_dxe redoubt_status_code redoubt_child_dispatch
  redoubt_variable_standalone)

file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/firmware.json" @ONLY CONTENT [=[{
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
add_custom_target(firmware_bundle)
add_dependencies(firmware_bundle ${REDOUBT_BUNDLE_IMAGES})
