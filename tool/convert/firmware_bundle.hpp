// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a conversion adds to every image: Redoubt's own firmware images as the firmware build left them, with the
// manifest that it wrote (cmake/FirmwareBundle.cmake). All are checked here, before any image is touched.
#pragma once

#include <filesystem>

#include "abi/redoubt/fault_policy.hpp"
#include "abi/uefi/types.hpp"
#include "tool/convert/driver_input.hpp"

namespace redoubt::tool {

// A PE image, and what its file is called in an image.
struct FirmwareModule {
  std::string source;  // path, for messages
  abi::Guid guid{};
  std::string name;
  std::vector<abi::Guid> depex;  // all of these; TRUE when empty
  Buffer executable;
  abi::FaultPolicy fault_policy = abi::FaultPolicy::disable;  // of a driver, unless the user says otherwise
};

struct FirmwareBundle {
  FirmwareModule ipl;
  FirmwareModule supervisor;
  FirmwareModule foundation;
  FirmwareModule communication;
  std::vector<FirmwareModule> drivers;
};

// Reads DIRECTORY/firmware.json and the images it names. Errors name the file.
Result<FirmwareBundle, CommandError> read_firmware_bundle(const std::filesystem::path& directory);

// Where the bundle is when the user doesn't say: `firmware` beside this program, or in the build tree it lies in.
std::filesystem::path default_firmware_directory();

}  // namespace redoubt::tool
