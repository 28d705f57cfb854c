// SPDX-License-Identifier: BSD-2-Clause-Patent
// The store against a foreign reader: UEFIExtract lists the variables of a store of stock firmware and of one that this
// driver wrote, and both lists must be the driver's own.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>

#include "abi/uefi/guid_text.hpp"
#include "drivers/variable/board.hpp"
#include "drivers/variable/test_support.hpp"

namespace redoubt::variable {
namespace {

using namespace test;
namespace status = abi::status;

constexpr char stock_store_with_keys[] = "/usr/share/OVMF/OVMF_VARS_4M.ms.fd";

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return bytes(text);
}

// "GUID name" of each live variable in flash, as this driver lists them.
std::vector<std::string> listed_by_driver(const Machine& machine) {
  std::vector<std::string> list;
  std::u16string name(512, u'\0');
  abi::Guid vendor{};
  for (;;) {
    std::uint64_t size = name.size() * sizeof(char16_t);
    if (machine.services->get_next(std::as_writable_bytes(std::span(name)), size, vendor) != status::success) {
      return list;
    }
    const std::u16string found = name.substr(0, name.find(u'\0'));
    if ((machine.get(found, vendor).attributes & attribute::non_volatile) == 0) {
      continue;
    }
    std::string line(abi::to_text(vendor).view());
    std::ranges::transform(line, line.begin(), [](char digit) { return static_cast<char>(std::toupper(digit)); });
    line += ' ';
    for (const char16_t unit : found) {
      line += static_cast<char>(unit);
    }
    list.push_back(line);
  }
}

// The same from UEFIExtract's report; empty when it didn't run.
std::vector<std::string> listed_by_uefiextract(const std::vector<std::byte>& image) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("redoubt_store_" + std::to_string(std::random_device()()));
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "store.fd", std::ios::binary)
      .write(reinterpret_cast<const char*>(image.data()), static_cast<std::streamsize>(image.size()));
  const std::string command = "cd '" + folder.string() + "' && UEFIExtract store.fd report >/dev/null 2>&1";
  std::vector<std::string> list;
  if (std::system(command.c_str()) == 0 || std::filesystem::exists(folder / "store.fd.report.txt")) {
    std::ifstream report(folder / "store.fd.report.txt");
    for (std::string line; std::getline(report, line);) {
      const std::size_t marker = line.find("--- ");
      if (line.find("| Auth ") == std::string::npos || marker == std::string::npos) {
        continue;
      }
      const std::string guid = line.substr(marker + 4, 36);
      const std::size_t name = line.find("| ", marker);
      std::string entry = guid + ' ' + line.substr(name + 2);
      while (!entry.empty() && (entry.back() == '\r' || entry.back() == ' ')) {
        entry.pop_back();
      }
      list.push_back(entry);
    }
  }
  std::filesystem::remove_all(folder);
  return list;
}

bool have_uefiextract() { return std::system("command -v UEFIExtract >/dev/null 2>&1") == 0; }

TEST(Interoperation, AStockStoreIsReadAsUefiExtractReadsIt) {
  ASSERT_TRUE(have_uefiextract()) << "UEFIExtract isn't installed (package uefitool-cli)";
  const std::vector<std::byte> image = read_file(stock_store_with_keys);
  Machine machine(NorModel(image), board::layout);
  ASSERT_TRUE(machine.started.has_value());
  EXPECT_EQ(machine.flash.cells(), image) << "reading a sound store changes nothing";
  const auto expected = listed_by_uefiextract(image);
  EXPECT_GT(expected.size(), 20u);
  EXPECT_EQ(listed_by_driver(machine), expected);
}

TEST(Interoperation, AStoreOfOursIsReadByUefiExtract) {
  ASSERT_TRUE(have_uefiextract()) << "UEFIExtract isn't installed (package uefitool-cli)";
  Machine machine(NorModel(read_file(stock_store_with_keys)), board::layout);
  std::mt19937 random(7);
  for (int index = 0; index < 300; ++index) {
    const std::u16string name = u"Variable" + std::u16string(1, static_cast<char16_t>(u'A' + random() % 20));
    const std::string data(1 + random() % 300, static_cast<char>('a' + random() % 26));
    if (random() % 4 == 0) {
      machine.set(name, 0, "");
    } else if (random() % 10 == 0) {
      machine.flash.cut_power_at(random() % 200, static_cast<std::uint32_t>(index));
      machine.set(name, attribute::nv_bs_rt, data);
      ASSERT_TRUE(machine.reset().has_value());
    } else {
      ASSERT_EQ(machine.set(name, attribute::nv_bs_rt, data), status::success);
    }
  }
  ASSERT_TRUE(machine.reset().has_value());
  EXPECT_EQ(listed_by_driver(machine), listed_by_uefiextract(machine.flash.cells()));
}

}  // namespace
}  // namespace redoubt::variable
