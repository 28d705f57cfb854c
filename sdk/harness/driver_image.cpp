// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "sdk/harness/driver_image.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "abi/pe/pe.hpp"
#include "image/executable.hpp"

namespace redoubt::sdk {
namespace {

namespace pe = abi::pe;
using image::ExecutableFormat;
using image::ExecutableView;

constexpr std::size_t largest_file = 15U << 20;  // what fits into a file of a firmware volume, less its headers

std::unexpected<HarnessError> refuse(const std::string& name, const std::string& reason) {
  return std::unexpected(HarnessError{name + ": " + reason});
}

bool starts_with(std::span<const std::byte> file, std::string_view signature, std::size_t offset = 0) {
  return file.size() >= offset + signature.size() &&
         std::memcmp(file.data() + offset, signature.data(), signature.size()) == 0;
}

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case pe::machine_ia32: return "IA32";
    case pe::machine_ebc: return "EBC";
    case pe::machine_arm_thumb: return "ARM";
    case pe::machine_x64: return "X64";
    case pe::machine_arm64: return "AARCH64";
    default: return "machine " + hexadecimal(machine);
  }
}

// Files that are mistaken for a driver's image, by their first bytes; null for others.
const char* other_kind(std::span<const std::byte> file) {
  if (starts_with(file,
                  "\x7f"
                  "ELF")) {
    return "is an ELF file; a PE image is made from it by objcopy --target=efi-bsdrv-x86_64 or elf2pe";
  }
  if (starts_with(file, "_FVH", 40)) return "is a firmware volume, not the image of one driver";
  if (starts_with(file, "!<arch>\n")) return "is a library, not a linked image";
  if (file.size() > 20 && file[0] == std::byte{0x64} && file[1] == std::byte{0x86}) {
    return "is an object file, not a linked image";
  }
  return nullptr;
}

// Empty if every page of the image can have the rights it needs.
std::string why_not_protectable(const ExecutableView& view) {
  for (std::uint32_t i = 0; i < view.section_count(); ++i) {
    const image::ExecutableSection section = view.section(i);
    const std::string name = "section " + std::string(section.name_view());
    if (section.executable() && section.writable()) return name + " is writable and executable";
    if (section.rva % 4096 != 0) {
      return name + " starts at " + hexadecimal(section.rva) +
             ", not on a 4 KiB boundary: link with a section alignment of 4096";
    }
  }
  return {};
}

std::string why_not_relocatable(const ExecutableView& view) {
  if (!view.relocatable()) return "has no relocations: it could run at its link address only";
  image::RelocationCursor cursor = view.relocations();
  while (true) {
    const auto relocation = cursor.next();
    if (!relocation.has_value()) {
      return std::string(relocation.error().reason) + " (at offset " + hexadecimal(relocation.error().offset) + ")";
    }
    if (!relocation->has_value()) return {};
  }
}

}  // namespace

std::string hexadecimal(std::uint64_t value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[value % 16]);
    value /= 16;
  } while (value != 0);
  return "0x" + digits;
}

Result<ByteVector, HarnessError> read_driver_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return refuse(path, "no such file");
  if (std::filesystem::is_directory(status)) return refuse(path, "is a folder");
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return refuse(path, "isn't a regular file");
  if (size > largest_file) return refuse(path, "has " + std::to_string(size) + " bytes: too large for a driver");
  std::ifstream input(path, std::ios::binary);
  if (!input) return refuse(path, "can't be opened: " + std::string(std::strerror(errno)));
  ByteVector bytes(size);
  input.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (input.gcount() != static_cast<std::streamsize>(size)) return refuse(path, "can't be read");
  return bytes;
}

Result<DriverImage, HarnessError> check_driver_image(std::span<const std::byte> file, const std::string& name) {
  if (file.empty()) return refuse(name, "is empty");
  if (const char* kind = other_kind(file); kind != nullptr) return refuse(name, kind);
  const auto view = ExecutableView::create(file);
  if (!view.has_value()) {
    return refuse(name, "not a PE or TE image: " + std::string(view.error().reason) + " (at offset " +
                            hexadecimal(view.error().offset) + ")");
  }
  if (view->format() == ExecutableFormat::pe32 || view->machine() != pe::machine_x64) {
    return refuse(name, std::string("is a ") + (view->format() == ExecutableFormat::pe32 ? "32-bit" : "64-bit") +
                            " image for " + machine_name(view->machine()) + "; MM runs 64-bit images for X64");
  }
  if (view->subsystem() != pe::subsystem_boot_service_driver && view->subsystem() != pe::subsystem_runtime_driver) {
    return refuse(name, "has PE subsystem " + std::to_string(view->subsystem()) +
                            "; an MM driver has 11 (boot service driver) or 12 (runtime driver)");
  }
  if (view->entry_point() == 0) return refuse(name, "has no entry point");
  if (const std::string reason = why_not_protectable(*view); !reason.empty()) return refuse(name, reason);
  if (const std::string reason = why_not_relocatable(*view); !reason.empty()) return refuse(name, reason);
  return DriverImage{ByteVector(file.begin(), file.end()), view->format() == ExecutableFormat::te, view->image_base()};
}

std::string find_symbols(const std::string& image_path, const DriverImage& image) {
  for (const char* extension : {".elf", ".debug", ".so"}) {
    std::filesystem::path twin(image_path);
    twin.replace_extension(extension);
    std::error_code error;
    if (std::filesystem::is_regular_file(twin, error)) return twin.string();
  }
  // Names of sections beyond 8 characters stand as "/offset": how GCC leaves .debug_info.
  const auto view = ExecutableView::create(image.bytes);
  for (std::uint32_t i = 0; view.has_value() && i < view->section_count(); ++i) {
    const image::ExecutableSection section = view->section(i);
    if (section.name_view().starts_with("/") || section.name_view().starts_with(".debug")) return image_path;
  }
  return {};
}

}  // namespace redoubt::sdk
