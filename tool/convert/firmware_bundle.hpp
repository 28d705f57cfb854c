// SPDX-License-Identifier: BSD-2-Clause-Patent
// What a conversion adds to an image: Redoubt's own firmware images as the firmware build left them, with the manifest
// that it wrote (cmake/FirmwareBundle.cmake), and drivers that the user brings. All are checked here, before any image
// is touched, so that a converted image holds nothing that MM would refuse at boot.
#pragma once

#include <filesystem>

#include "abi/uefi/types.hpp"
#include "image/edit/buffer.hpp"
#include "tool/command.hpp"

namespace redoubt::tool {

using image::edit::Buffer;

// A PE image, and what its file is called in an image.
struct FirmwareModule {
  std::string source;  // path, for messages
  abi::Guid guid{};
  std::string name;
  std::vector<abi::Guid> depex;  // all of these; TRUE when empty
  Buffer executable;
};

// A whole file (FFS) of type MM_STANDALONE.
struct DriverFile {
  std::string source;
  abi::Guid guid{};
  std::string name;
  Buffer file;
};

// A PEIM of somebody else: what its file is made of. It is linked for its place when it has one.
struct PeimFile {
  std::string source;
  abi::Guid guid{};
  std::string name;
  Buffer depex;  // data of its DEPEX section
  Buffer executable;
};

// What PEI starts in the DXE core's place.
struct Payload {
  std::string source;
  abi::Guid guid{};
  std::string name;
  Buffer executable;
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

// A driver of somebody else: an MM_STANDALONE file (.ffs), taken over as it is, or a PE image (.efi), which gets the
// DEPEX TRUE, a GUID that follows from its contents, and its file name as its name.
Result<DriverFile, CommandError> read_driver(const std::string& path);

// A PEIM: a PEIM file (.ffs), whose GUID and DEPEX are kept, or a PE image (.efi), which is started once MM answers
// (its DEPEX is the MM communication PPI).
Result<PeimFile, CommandError> read_peim(const std::string& path);

// A payload: a relocatable PE32+ image for x86-64 (.efi) that takes a HOB list as DXE cores do.
Result<Payload, CommandError> read_payload(const std::string& path);

// The file for a driver of the bundle.
Result<DriverFile, CommandError> make_driver_file(const FirmwareModule& module);

// Whether MM and DXE can run `executable` under page protection: x86-64, PE32+, boot or runtime driver, relocatable,
// sections on 4 KiB boundaries, none writable and executable. Empty if so, else what is wrong.
std::string why_not_protectable(Bytes executable);

}  // namespace redoubt::tool
