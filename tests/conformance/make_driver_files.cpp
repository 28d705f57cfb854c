// SPDX-License-Identifier: BSD-2-Clause-Patent
// Makes firmware files of the ordered drivers' images, as a vendor ships them: with a dependency section. Usage:
// make_driver_files IMAGES OUT writes OUT/NN_NAME.ffs, NN in the order they shall have in the volume, for each
// IMAGES/conformance_ordered_N.efi, and OUT/refused_NAME.ffs for those whose expression is none.
#include <cstdio>
#include <filesystem>
#include <format>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/conformance/ordered_files.hpp"

int main(int argc, char** argv) {
  using namespace redoubt;
  using namespace redoubt::conformance;
  using namespace redoubt::foundation::testing;
  if (argc != 3) {
    std::fputs("usage: make_driver_files IMAGES OUT\n", stderr);
    return 2;
  }
  unsigned place = 10;
  for (const unsigned number : order_in_volume) {
    const std::string name = std::format("conformance_ordered_{}", number);
    const std::filesystem::path image_path = std::filesystem::path(argv[1]) / (name + ".efi");
    std::ifstream image(image_path, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(image), {}};
    if (bytes.empty()) {
      std::fprintf(stderr, "%s cannot be read\n", image_path.c_str());
      return 2;
    }
    ByteVector data(bytes.size());
    for (std::size_t i = 0; i != bytes.size(); ++i) data[i] = static_cast<std::byte>(bytes[i]);
    std::vector<ByteVector> sections;
    const ByteVector depex = ordered_depex(number);
    if (!depex.empty()) sections.push_back(section(abi::SectionType::mm_depex, depex));
    sections.push_back(section(abi::SectionType::pe32, data));
    sections.push_back(user_interface_section(name));
    const ByteVector made = file(ordered_file_guid(number), abi::FileType::mm_standalone, concatenate(sections));
    const auto out_path = std::filesystem::path(argv[2]) /
                          std::format("{}_{}.ffs", well_formed(number) ? std::to_string(place++) : "refused", name);
    std::ofstream out(out_path, std::ios::binary);
    for (const std::byte byte : made) out.put(static_cast<char>(byte));
    if (!out.flush()) {
      std::fprintf(stderr, "%s cannot be written\n", out_path.c_str());
      return 2;
    }
  }
  return 0;
}
