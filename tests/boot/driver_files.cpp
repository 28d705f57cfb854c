// SPDX-License-Identifier: BSD-2-Clause-Patent
// Writes drivers for boot tests in the forms in which vendors deliver them, out of images that the firmware build made:
//   driver_files IMAGES OUT
//
//   lzma.ffs, brotli.ffs   the sample driver in a compressed section
//   order.fv               drivers whose order follows from an a priori list, BEFORE, AFTER and expressions, some of
//                          them compressed, one never started; each installs protocol N of order_protocol()
//   inner.fv               a file system 3 volume with one such driver, in a volume
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "image/testing/builder.hpp"
#include "tests/guest/drivers/order/order_protocol.hpp"

namespace {

using namespace redoubt;
using namespace redoubt::image::testing;
using abi::DepexOpcode;
using abi::FileType;
using abi::Guid;
using abi::SectionType;

Buffer read(const std::filesystem::path& path) {
  std::ifstream input(path, std::ios::binary);
  if (!input.good()) {
    throw std::runtime_error(path.string() + ": cannot be read");
  }
  return bytes_of(std::string(std::istreambuf_iterator<char>(input), {}));
}

void write(const std::filesystem::path& path, const Buffer& bytes) {
  std::ofstream output(path, std::ios::binary);
  output.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  output.close();
  if (!output.good()) {
    throw std::runtime_error(path.string() + ": cannot be written");
  }
}

Guid driver_name(std::uint32_t number) { return {0xD0000000U + number, 0x0DD5, 0x4000, {0x80, 0, 0, 0, 0, 0, 0, 1}}; }
Guid order_protocol(std::uint32_t number) {
  return {0xA0000000U + number, 0x0DD5, 0x4000, {0x80, 0, 0, 0, 0, 0, 0, 2}};
}

// The order driver's image with another protocol in the place of the marker.
Buffer image_installing(Buffer image, const Guid& protocol) {
  const auto* marker = reinterpret_cast<const std::byte*>(&order::marker);
  const auto place = std::search(image.begin(), image.end(), marker, marker + sizeof(Guid));
  if (place == image.end() || std::search(place + 1, image.end(), marker, marker + sizeof(Guid)) != image.end()) {
    throw std::runtime_error("the order driver doesn't hold its marker once");
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(&protocol);
  std::copy(bytes, bytes + sizeof(Guid), place);
  return image;
}

Buffer sections(const Buffer& expression, const Buffer& image, std::string_view name) {
  return join(
      {section(SectionType::mm_depex, expression), section(SectionType::pe32, image), user_interface_section(name)}, 4);
}

Buffer needs(std::initializer_list<std::uint32_t> protocols, DepexOpcode combine) {
  std::vector<redoubt::image::DepexTerm> terms;
  for (const std::uint32_t number : protocols) {
    terms.push_back({DepexOpcode::push, order_protocol(number)});
    if (terms.size() > 1) {
      terms.push_back({combine, {}});
    }
  }
  terms.push_back({DepexOpcode::end, {}});
  return depex(terms);
}

void write_all(const std::filesystem::path& images, const std::filesystem::path& out) {
  const Buffer sample = read(images / "sample_driver.efi");
  const Buffer always = depex({{DepexOpcode::constant_true, {}}, {DepexOpcode::end, {}}});
  write(out / "lzma.ffs",
        file(driver_name(101), FileType::mm_standalone, lzma_section(sections(always, sample, "SampleInLzma"))));
  write(out / "brotli.ffs",
        file(driver_name(102), FileType::mm_standalone, brotli_section(sections(always, sample, "SampleInBrotli"))));

  const Buffer order_image = read(images / "order_driver.efi");
  const auto driver = [&](std::uint32_t number, const Buffer& expression, bool compressed = false) {
    const Buffer data =
        sections(expression, image_installing(order_image, order_protocol(number)), "Order" + std::to_string(number));
    return file(driver_name(number), FileType::mm_standalone, compressed ? lzma_section(data) : data);
  };
  const auto relative = [](DepexOpcode opcode, std::uint32_t number) {
    return depex({{opcode, driver_name(number)}, {DepexOpcode::end, {}}});
  };
  Buffer list;
  for (const std::uint32_t number : {7U, 3U}) {
    put(list, list.size(), driver_name(number));
  }
  write(out / "order.fv",
        volume({driver(1, needs({2, 4}, DepexOpcode::logical_and)), driver(2, needs({5, 99}, DepexOpcode::logical_or)),
                driver(3, needs({99}, DepexOpcode::logical_and), true), driver(4, relative(DepexOpcode::after, 2)),
                driver(5, always, true), driver(6, relative(DepexOpcode::before, 5)), driver(7, always),
                driver(8, needs({5, 98}, DepexOpcode::logical_and)), driver(9, relative(DepexOpcode::after, 55)),
                file(abi::dxe_apriori_guid, FileType::freeform, section(SectionType::raw, list))},
               0x40000));
  write(out / "inner.fv", volume({file(driver_name(200), FileType::firmware_volume_image,
                                       section(SectionType::firmware_volume_image,
                                               volume({driver(20, needs({1}, DepexOpcode::logical_and))}, 0x10000,
                                                      {.file_system = abi::file_system_3_guid})))},
                                 0x20000));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    return 2;
  }
  write_all(argv[1], argv[2]);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "driver_files: %s\n", error.what());
  return 1;
}
