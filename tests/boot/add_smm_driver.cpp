// SPDX-License-Identifier: BSD-2-Clause-Patent
// Puts a DXE_SMM_DRIVER into a stock image, beside the others of its Traditional MM stack:
//   add_smm_driver IMAGE DRIVER.efi OUTPUT
//
// For tests that run the traditional form of a driver under the core that it was written for.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "abi/uefi/guid_text.hpp"
#include "image/edit/assemble.hpp"
#include "image/edit/tree.hpp"

namespace {

using namespace redoubt;
using image::edit::Buffer;

// PiSmmCore's file, which stands where its drivers do.
constexpr abi::Guid mm_core = abi::parse_guid("e94f54cd-81eb-47ed-aec3-856f5dc157a9").value();
constexpr abi::Guid driver_name = {0x0b7ab1b6, 0x2d0f, 0x4c39, {0x8e, 0x0a, 0x42, 0x6f, 0x6f, 0x74, 0x43, 0x7f}};

Buffer read(const std::string& path) {
  std::ifstream input(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(input)), std::istreambuf_iterator<char>());
  if (text.empty()) throw std::runtime_error(path + ": cannot be read");
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void add(const std::string& image_path, const std::string& driver_path, const std::string& output_path) {
  Buffer data;
  image::edit::append_section(data, abi::SectionType::mm_depex, image::edit::depex_data({}));
  image::edit::append_section(data, abi::SectionType::pe32, read(driver_path));
  const auto file = image::edit::make_file({.name = driver_name, .type = abi::FileType::mm}, data);
  if (!file.has_value()) throw std::runtime_error(driver_path + ": " + file.error().reason);

  auto image = image::edit::FirmwareImage::parse(read(image_path));
  std::string reason = "has no volume with PiSmmCore";
  image.visit([&](image::edit::Volume& volume) {
    if (volume.find(mm_core) == nullptr) return;
    const auto added = volume.add(*file);
    reason = added.has_value() ? std::string() : std::string(added.error().reason);
  });
  if (!reason.empty()) throw std::runtime_error(image_path + ": " + reason);
  const auto composed = image.compose();
  if (!composed.has_value()) throw std::runtime_error(image_path + ": " + composed.error().reason);
  std::ofstream output(output_path, std::ios::binary);
  output.write(reinterpret_cast<const char*>(composed->data()), static_cast<std::streamsize>(composed->size()));
  if (!output.flush()) throw std::runtime_error(output_path + ": cannot be written");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw std::runtime_error("usage: add_smm_driver IMAGE DRIVER.efi OUTPUT");
  add(argv[1], argv[2], argv[3]);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "add_smm_driver: %s\n", error.what());
  return 2;
}
