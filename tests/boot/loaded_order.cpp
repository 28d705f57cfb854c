// SPDX-License-Identifier: BSD-2-Clause-Patent
// In which order a stock image's MM core loaded its drivers, read off a guest's memory after a boot:
//   loaded_order IMAGE MEMORY
//
// PiSmmCore takes memory for images from the top of MMRAM down and says nothing about it; but MEMORY, a file that QEMU
// kept the guest's memory in, holds MMRAM whatever its locks. Prints the names of those drivers whose code lies there,
// highest address first. A driver whose entry point failed may be missing: its memory was given back.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "image/mm_modules.hpp"

namespace {

using namespace redoubt;

constexpr std::size_t mmram_bytes = std::size_t{16} << 20;  // TSEG: the end of the memory below 4 GiB
constexpr std::size_t needle_bytes = 512;                   // of code, which relocations hardly touch on x64

std::vector<std::byte> read_end(const std::string& path, std::size_t most) {
  std::ifstream input(path, std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::size_t>(std::max<std::streamoff>(input.tellg(), 0));
  std::vector<std::byte> bytes(std::min(size, most));
  input.seekg(static_cast<std::streamoff>(size - bytes.size()));
  input.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!input.good() || bytes.empty()) {
    throw std::runtime_error(path + ": cannot be read");
  }
  return bytes;
}

struct Loaded {
  std::size_t place;
  std::string name;
};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    return 2;
  }
  const std::vector<std::byte> bytes = read_end(argv[1], std::size_t{1} << 28);
  const std::vector<std::byte> memory = read_end(argv[2], mmram_bytes);
  const image::ImageTree tree = image::ImageTree::parse(bytes);
  std::vector<Loaded> found;
  for (const image::MmModule& module : image::find_mm_modules(tree)) {
    if (module.model != image::MmModel::traditional || module.executable == nullptr) {
      continue;
    }
    const image::ExecutableView& view = *module.executable->executable;
    for (std::uint32_t i = 0; i < view.section_count(); ++i) {
      const image::ExecutableSection section = view.section(i);
      if (!section.executable() || section.data.size() < needle_bytes) {
        continue;
      }
      const auto place = std::ranges::search(memory, section.data.first(needle_bytes));
      if (!place.empty()) {
        found.push_back({static_cast<std::size_t>(place.begin() - memory.begin()), module.name});
      }
      break;
    }
  }
  std::ranges::sort(found, std::greater(), &Loaded::place);
  for (const Loaded& driver : found) {
    std::printf("%s\n", driver.name.c_str());
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "loaded_order: %s\n", error.what());
  return 1;
}
