// SPDX-License-Identifier: BSD-2-Clause-Patent
// MM drivers of others, in the forms in which they are handed over: an image (.efi, .te), a firmware file (.ffs), a
// firmware volume (.fv). MM carries no decoder, so everything is unpacked here; and what MM would refuse at boot is
// refused here, by name.
#pragma once

#include <string>
#include <vector>

#include "abi/uefi/types.hpp"
#include "base/address.hpp"
#include "image/edit/buffer.hpp"
#include "tool/command.hpp"

namespace redoubt::tool {

using image::edit::Buffer;

// What sections have to be aligned to, so that each page has the rights of one of them.
inline constexpr std::uint32_t page_alignment = page_bytes;

// A driver, as a whole file (FFS) of type MM_STANDALONE.
struct DriverFile {
  std::string source;  // the path it was given as
  abi::Guid guid{};
  std::string name;
  Buffer file;  // empty for a driver that comes in its volume
  // What the sections of its image are aligned to, at most 4096. Less needs an exception for this driver.
  std::uint32_t alignment = page_alignment;
  std::vector<std::string> unpacked;  // encodings that it came in: "LZMA", ...
};

// A volume, as a whole file of type FIRMWARE_VOLUME_IMAGE.
struct VolumeFile {
  std::string source;
  abi::Guid guid{};
  Buffer file;
  std::vector<DriverFile> drivers;    // in it, also in volumes inside it
  std::vector<std::string> left_out;  // files of other phases: "GUID (type)"
};

// What one path leads to.
struct DriverInput {
  std::vector<DriverFile> drivers;
  std::vector<VolumeFile> volumes;
};

// An image gets the DEPEX TRUE, a GUID that follows from its contents, and its file name as its name. A file is taken
// over as it is, but for encapsulations, which are opened. Volumes, one behind the other in the file, are composed anew
// of what MM can use: drivers, a priori list, FREEFORM and RAW files, and volumes inside with drivers in them.
Result<DriverInput, CommandError> read_driver_input(const std::string& path);
// The same for the contents of a file; `path` is for names and messages.
Result<DriverInput, CommandError> parse_driver_input(Bytes bytes, const std::string& path);

// The file around an image. `depex`: all of these protocols; TRUE when empty.
Result<DriverFile, CommandError> make_driver_file(const std::string& source, const abi::Guid& guid,
                                                  const std::string& name, const std::vector<abi::Guid>& depex,
                                                  Bytes executable);

struct ImageCheck {
  std::string refusal;  // empty if MM can run it, given that its alignment is enough or admitted
  std::uint32_t alignment = page_alignment;
};

// Whether MM can run `executable` in ring 3: x86-64, PE32+ or TE, boot or runtime driver, relocatable, no section
// writable and executable.
ImageCheck check_image(Bytes executable);
// The same, and why a page-aligned image is needed: for our own, of which none is an exception.
std::string why_not_protectable(Bytes executable);

}  // namespace redoubt::tool
