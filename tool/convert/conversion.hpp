// SPDX-License-Identifier: BSD-2-Clause-Patent
// Turns an image with a Traditional MM stack into one that launches Redoubt from PEI. Pure: bytes in, bytes and a
// report out, so that nothing is written unless all of it worked.
#pragma once

#include <optional>

#include "image/edit/tree.hpp"
#include "tool/convert/fault_policies.hpp"
#include "tool/convert/firmware_bundle.hpp"
#include "tool/convert/pei_input.hpp"

namespace redoubt::tool {

struct ChangedFile {
  abi::Guid guid{};
  std::string name;
  abi::FileType type{};
  std::string volume;      // "PEI volume", "DXE volume", "MM volume", "volume in GUID"
  std::size_t offset = 0;  // in that volume
  std::size_t size = 0;    // bytes
};

// A compressed section that stands for changes inside it.
struct ReplacedSection {
  std::size_t offset = 0;  // of its file, in the image
  abi::Guid file{};
  std::size_t old_size = 0;
  std::size_t new_size = 0;
};

struct FreeRoom {
  std::string volume;
  std::size_t before = 0;  // bytes behind the last file
  std::size_t after = 0;
};

// A driver whose sections aren't aligned to pages, admitted by name.
struct AlignmentException {
  abi::Guid guid{};
  std::string name;
  std::string source;
  std::uint32_t alignment = 0;
};

struct ConversionReport {
  std::vector<ChangedFile> removed;
  std::vector<ChangedFile> added;
  std::vector<ReplacedSection> replaced;
  std::vector<AlignmentException> exceptions;
  std::vector<DriverFaultPolicy> fault_policies;
  std::vector<FreeRoom> free;
  std::uint64_t pei_volume_address = 0;  // where the PEI volume runs
};

// What a conversion adds beside MM itself.
struct Additions {
  std::vector<PeimFile> peims;
  std::optional<Payload> payload;  // goes where the DXE core was
  std::vector<DriverFaultPolicy> fault_policies;
};

struct Conversion {
  Buffer image;
  ConversionReport report;
};

// Drivers with less than page alignment are exceptions that the user asked for; the image lists them for the loader,
// and what becomes of the machine when a driver fails. Refuses, with a reason that names what is missing or in the way:
// an image without the stack we know how to replace, one that was converted already, one without room, one whose PEI
// volume's address can't be told, one whose PEI is for another machine than our IPL.
image::edit::EditResult<Conversion> convert_image(Bytes original, const FirmwareBundle& bundle,
                                                  const DriverInput& drivers, const Additions& additions = {});

}  // namespace redoubt::tool
