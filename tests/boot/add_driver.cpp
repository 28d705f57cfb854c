// SPDX-License-Identifier: BSD-2-Clause-Patent
// Puts a driver into an image, beside those of the same kind:
//   add_driver IMAGE smm|dxe DRIVER.efi OUTPUT
//
// smm: a DXE_SMM_DRIVER of a stock image's Traditional MM stack, for tests that run the traditional form of a driver
// under the core that it was written for. dxe: a DXE driver that is started as soon as MM's variables are there, before
// ReadyToLock.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "abi/pi/communication_protocols.hpp"
#include "abi/redoubt/unblock.hpp"
#include "abi/uefi/guid_text.hpp"
#include "image/edit/assemble.hpp"
#include "image/edit/tree.hpp"

namespace {

using namespace redoubt;
using image::edit::Buffer;

struct Kind {
  abi::Guid neighbour;  // a file that stands where the drivers do
  const char* neighbour_name;
  abi::FileType type;
  abi::SectionType depex;
  std::vector<abi::Guid> depends_on;
};

Kind kind_of(std::string_view name) {
  if (name == "smm") {
    return {abi::parse_guid("e94f54cd-81eb-47ed-aec3-856f5dc157a9").value(),
            "PiSmmCore",
            abi::FileType::mm,
            abi::SectionType::mm_depex,
            {}};
  }
  if (name == "dxe") {
    return {abi::parse_guid("d6a2cb7f-6a18-4e2f-b43b-9920a733700a").value(),
            "DxeCore",
            abi::FileType::driver,
            abi::SectionType::dxe_depex,
            {abi::smm_variable_guid, abi::unblock_memory_protocol_guid}};
  }
  throw std::runtime_error(std::string(name) + ": no kind of driver: smm or dxe");
}

constexpr abi::Guid driver_name = {0x0b7ab1b6, 0x2d0f, 0x4c39, {0x8e, 0x0a, 0x42, 0x6f, 0x6f, 0x74, 0x43, 0x7f}};

Buffer read(const std::string& path) {
  std::ifstream input(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(input)), std::istreambuf_iterator<char>());
  if (text.empty()) throw std::runtime_error(path + ": cannot be read");
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void add(const std::string& image_path, const Kind& kind, const std::string& driver_path,
         const std::string& output_path) {
  Buffer data;
  image::edit::append_section(data, kind.depex, image::edit::depex_data(kind.depends_on));
  image::edit::append_section(data, abi::SectionType::pe32, read(driver_path));
  const auto file = image::edit::make_file({.name = driver_name, .type = kind.type}, data);
  if (!file.has_value()) throw std::runtime_error(driver_path + ": " + file.error().reason);

  auto image = image::edit::FirmwareImage::parse(read(image_path));
  std::string reason = std::string("has no volume with ") + kind.neighbour_name;
  image.visit([&](image::edit::Volume& volume) {
    if (volume.find(kind.neighbour) == nullptr) return;
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
  if (argc != 5) throw std::runtime_error("usage: add_driver IMAGE smm|dxe DRIVER.efi OUTPUT");
  add(argv[1], kind_of(argv[2]), argv[3], argv[4]);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "add_driver: %s\n", error.what());
  return 2;
}
