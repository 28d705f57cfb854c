// SPDX-License-Identifier: BSD-2-Clause-Patent
// Writes the inputs in seeds/ from which the image fuzzers start; run it again when a layout changes:
//   image_fuzz_seeds tests/fuzz/seeds
#include <filesystem>
#include <fstream>
#include <span>

#include "image/testing/builder.hpp"

namespace {

using namespace redoubt;
using namespace redoubt::image;
using namespace redoubt::image::testing;
using abi::DepexOpcode;
using abi::FileType;
using abi::SectionType;

constexpr abi::Guid name_a = {0xA, 0, 0, {}};
constexpr abi::Guid name_b = {0xB, 0, 0, {}};

void write(const std::filesystem::path& path, const Buffer& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

Buffer expression() {
  return depex({{DepexOpcode::push, name_a},
                {DepexOpcode::push, name_b},
                {DepexOpcode::logical_or, {}},
                {DepexOpcode::constant_true, {}},
                {DepexOpcode::logical_not, {}},
                {DepexOpcode::logical_and, {}},
                {DepexOpcode::end, {}}});
}

Buffer small_volume() {
  return volume({file(name_a, FileType::mm_standalone,
                      join({section(SectionType::mm_depex, expression()), section(SectionType::te, bytes_of("VZ")),
                            user_interface_section("Name")},
                           4)),
                 file(name_b, FileType::pad, repeated(16, 0xFF))},
                0x200, {.name = &name_a});
}

// Drivers that depend on each other in all ways, an a priori list, a volume inside and one behind.
Buffer mm_volumes() {
  const auto driver = [](const abi::Guid& name, const Buffer& rule, const Buffer& executable) {
    return file(name, FileType::mm_standalone,
                join({section(SectionType::mm_depex, rule), section(SectionType::pe32, executable),
                      user_interface_section("Name")},
                     4));
  };
  const auto order = [](DepexOpcode opcode) { return depex({{opcode, name_a}, {DepexOpcode::end, {}}}); };
  Buffer list(sizeof(abi::Guid));
  put(list, 0, name_b);
  const Buffer inner = volume({driver(name_b, expression(), te_image())}, 0x1400);
  return join(
      {volume({driver(name_a, expression(), pe_image()), driver(name_b, order(DepexOpcode::before), pe_image()),
               file(abi::dxe_apriori_guid, FileType::freeform, section(SectionType::raw, list)),
               file(name_b, FileType::firmware_volume_image, section(SectionType::firmware_volume_image, inner))},
              0xA000),
       volume({driver({0xC, 0, 0, {}}, order(DepexOpcode::after), te_image())}, 0x1400), bytes_of("\x01")});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    return 2;
  }
  const std::filesystem::path seeds = argv[1];
  write(seeds / "depex/operators", expression());
  write(seeds / "depex/after", depex({{DepexOpcode::after, name_a}, {DepexOpcode::end, {}}}));
  write(seeds / "depex/request",
        depex({{DepexOpcode::schedule_on_request, {}}, {DepexOpcode::constant_true, {}}, {DepexOpcode::end, {}}}));

  const PeOptions ia32 = {.pe32_plus = false, .machine = abi::pe::machine_ia32};
  write(seeds / "executable/pe32_plus", pe_image());
  write(seeds / "executable/pe32", pe_image(ia32));
  write(seeds / "executable/te", te_image());

  const Buffer driver_sections = join({section(SectionType::mm_depex, expression()),
                                       section(SectionType::te, te_image()), user_interface_section("Name")},
                                      4);
  const Buffer driver_file = file(name_a, FileType::mm_standalone, driver_sections);
  write(seeds / "driver_input/te", te_image());
  write(seeds / "driver_input/file", driver_file);
  write(seeds / "driver_input/lzma", file(name_a, FileType::mm_standalone, lzma_section(driver_sections)));
  write(seeds / "driver_input/volume", volume({driver_file, file(name_b, FileType::pad, repeated(16, 0xFF))}, 0x1000));

  Buffer fields;
  put(fields, 0, abi::CompressionSectionFields{4, abi::compression_none});
  const Buffer nested = join({section(SectionType::firmware_volume_image, small_volume()),
                              section(SectionType::compression, section(SectionType::raw, bytes_of("abcd")), fields),
                              section(SectionType::disposable, section(SectionType::version, bytes_of("1.0"))),
                              guided_section(name_b, 0, {}, section(SectionType::raw, small_volume()))},
                             4);
  write(seeds / "image_tree/small", join({small_volume(), bytes_of("\x01")}));
  write(seeds / "image_tree/nested",
        join({volume({file(name_a, FileType::firmware_volume_image, nested)}, 0x800), bytes_of("\x01")}));
  write(seeds / "image_tree/lzma",
        join({volume({file(name_a, FileType::firmware_volume_image,
                           lzma_section(section(SectionType::firmware_volume_image, small_volume())))},
                     0x200),
              bytes_of("\x01")}));
  write(seeds / "image_tree/brotli",
        join({volume({file(name_a, FileType::firmware_volume_image,
                           brotli_section(section(SectionType::firmware_volume_image, small_volume())))},
                     0x200),
              bytes_of("\x01")}));
  // 5,000 times the letter A in UEFI's own compression and in its Tiano form, as edk2's TianoCompress writes it.
  constexpr unsigned char standard[] = {0x10, 0,    0,    0,    0x88, 0x13, 0,    0,    0, 0x15, 0x28, 4,
                                        0x4B, 0xFC, 0x16, 0xE9, 0x76, 0x32, 0x40, 0x10, 0, 0,    0xC0, 0};
  constexpr unsigned char tiano[] = {0x10, 0,    0,    0,    0x88, 0x13, 0,    0, 0, 0x15, 0x28, 4,
                                     0x4B, 0xFC, 0x16, 0xE9, 0x76, 0x32, 0x40, 4, 0, 0,    0x30, 0};
  const auto bytes = [](std::span<const unsigned char> array) {
    const Bytes view = std::as_bytes(array);
    return Buffer(view.begin(), view.end());
  };
  Buffer compressed;
  put(compressed, 0, abi::CompressionSectionFields{5000, abi::compression_standard});
  write(seeds / "image_tree/efi_compression",
        join({volume({file(name_a, FileType::freeform,
                           join({section(SectionType::compression, bytes(standard), compressed),
                                 guided_section(abi::section_tiano_guid, abi::guided_section_processing_required, {},
                                                bytes(tiano))},
                                4))},
                     0x200),
              bytes_of("\x01")}));
  write(seeds / "image_tree/large_file",
        volume({file(name_a, FileType::freeform, section(SectionType::raw, bytes_of("abc"), {}, true),
                     {.attributes = abi::file_attribute_large | abi::file_attribute_checksum})},
               0x100, {.file_system = abi::file_system_3_guid}));
  write(seeds / "image_tree/polarity_0",
        volume({file(name_a, FileType::raw, bytes_of("abc"), {.state = 0x07})}, 0x100, {.erase_polarity = false}));
  write(seeds / "discovery/orders", mm_volumes());
  return 0;
}
