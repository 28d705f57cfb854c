// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt vars` against a reader of the store's format of foreign make: UEFIExtract must find the same variables with
// the same attributes and data in stores that stock firmware wrote, in stores after much wear and several reclaims, and
// in stores that power failed on while they were written.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "drivers/variable/flash/nor_model.hpp"
#include "drivers/variable/store/layout.hpp"
#include "drivers/variable/variable_services.hpp"
#include "tool/files.hpp"
#include "tool/testing/temporary_directory.hpp"
#include "tool/testing/vars_command.hpp"
#include "tool/variables/text.hpp"

namespace redoubt::tool {
namespace {

using Json = nlohmann::ordered_json;
using variable::NorModel;

constexpr const char* store_with_keys = "/usr/share/OVMF/OVMF_VARS_4M.ms.fd";
constexpr const char* small_store_with_keys = "/usr/share/OVMF/OVMF_VARS.ms.fd";
constexpr const char* vendor = "6f2c9a51-3d0e-4b7a-9f44-1c8f5e2d7a60";
constexpr abi::Guid vendor_guid = {0x6f2c9a51, 0x3d0e, 0x4b7a, {0x9f, 0x44, 0x1c, 0x8f, 0x5e, 0x2d, 0x7a, 0x60}};

// "GUID name" to "attributes data".
using Contents = std::map<std::string, std::string>;

Contents listed_by_redoubt(const std::string& file) {
  const Outcome outcome = run({"list", file, "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  Contents contents;
  for (const Json& entry : Json::parse(outcome.output)["variables"]) {
    const bool is_new =
        contents
            .emplace(std::format("{} {}", entry["guid"].get<std::string>(), entry["name"].get<std::string>()),
                     std::format("{:08x} {}", entry["attribute_bits"].get<std::uint32_t>(),
                                 entry["data"].get<std::string>()))
            .second;
    EXPECT_TRUE(is_new) << entry;
  }
  return contents;
}

// The value of a line "KEY: VALUE" of an item's information.
std::string field(const std::string& information, const std::string& key) {
  const std::size_t at = information.find("\n" + key + ": ");
  if (at == std::string::npos) {
    return {};
  }
  const std::size_t start = at + key.size() + 3;
  return information.substr(start, information.find_first_of("\r\n", start) - start);
}

// The first variable in which the two differ; nothing if they don't.
std::string difference(const Contents& left, const Contents& right) {
  for (const auto& [key, value] : left) {
    const auto other = right.find(key);
    if (other == right.end() || other->second != value) {
      return std::format("{}: {} and {}", key, value, other != right.end() ? other->second : "not there");
    }
  }
  for (const auto& [key, value] : right) {
    if (!left.contains(key)) {
      return std::format("{}: not there and {}", key, value);
    }
  }
  return {};
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class VarsInteroperation : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(std::system("command -v UEFIExtract > /dev/null 2>&1"), 0)
        << "UEFIExtract isn't installed (package uefitool-cli)";
  }

  // Of the store itself: what reclaims left in the spare area looks like a second one.
  Contents listed_by_uefiextract(const std::string& file) {
    const auto layout = variable::find_layout(read_file(file).value());
    EXPECT_TRUE(layout.has_value());
    const std::filesystem::path folder = directory_.path() / "extract";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
    std::filesystem::copy_file(file, folder / "store.fd");
    const std::string command = "cd '" + folder.string() + "' && UEFIExtract store.fd all > /dev/null 2>&1";
    static_cast<void>(std::system(command.c_str()));  // it complains that there is no code in the image
    EXPECT_TRUE(std::filesystem::exists(folder / "store.fd.dump"));
    Contents contents;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const std::string information = entry.path().filename() == "info.txt" ? text_of(entry.path()) : std::string();
      if (field("\n" + information, "Type") != "VSS entry" || field(information, "Subtype") != "Auth") {
        continue;
      }
      if (std::stoul(field(information, "Base"), nullptr, 16) >= layout->store_size) {
        continue;
      }
      std::string guid = field(information, "Variable GUID");
      std::ranges::transform(guid, guid.begin(), [](unsigned char letter) { return std::tolower(letter); });
      const std::string data = text_of(entry.path().parent_path() / "body.bin");
      const std::string attributes = field(information, "Attributes").substr(0, 8);
      const bool is_new =
          contents
              .emplace(std::format("{} {}", guid, field(information, "Text")),
                       std::format("{} {}", attributes, variables::to_hex(std::as_bytes(std::span(data)))))
              .second;
      EXPECT_TRUE(is_new) << "twice: " << information;
    }
    return contents;
  }

  std::string copy_of(const char* from) {
    const std::string path = directory_.file("store.fd");
    std::filesystem::copy_file(from, path, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::permissions(path, std::filesystem::perms(0644));
    return path;
  }

  // Sets a variable through the driver on a chip with the file's contents, and lets power fail during step `step`.
  static void cut(const std::string& file, const std::u16string& name, Bytes data, std::uint64_t step,
                  std::uint32_t seed) {
    class Heap final : public Allocator {
     public:
      void* allocate(std::size_t size) override { return std::malloc(size); }
      void release(void* memory) override { std::free(memory); }
    } heap;
    auto image = read_file(file).value();
    const auto layout = variable::find_layout(image);
    ASSERT_TRUE(layout.has_value());
    NorModel chip(std::move(image), layout->block_size);
    {
      variable::VariableServices services(heap, chip, *layout, variable::Limits{});
      ASSERT_TRUE(services.start().has_value());
      chip.cut_power_at(step, seed);
      static_cast<void>(
          services.set(variable::Requester::message, {vendor_guid, name}, variable::attribute::nv_bs_rt, data));
    }
    ASSERT_TRUE(write_file(file, chip.cells()).has_value());
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(VarsInteroperation, StockStores) {
  for (const char* stock : {store_with_keys, small_store_with_keys}) {
    const std::string file = copy_of(stock);
    const Contents expected = listed_by_uefiextract(file);
    EXPECT_GT(expected.size(), 25u);
    EXPECT_EQ(difference(listed_by_redoubt(file), expected), "");
  }
}

// Wear by the tool itself, until the store was reclaimed several times; power fails now and then, also in reclaims.
TEST_F(VarsInteroperation, WornAndInterruptedStores) {
  const std::string file = copy_of(small_store_with_keys);
  Contents model = listed_by_redoubt(file);
  const auto key_of = [](const std::string& name) { return std::format("{} {}", vendor, name); };
  std::mt19937 random(11);
  std::uint64_t written = 0;
  int cuts = 0;
  for (int step = 0; step < 700; ++step) {
    const std::string name = std::format("Worn{}", random() % 24);
    const bool present = model.contains(key_of(name));
    std::vector<std::byte> data(1 + random() % 500);
    std::ranges::generate(data, [&random] { return static_cast<std::byte>(random()); });
    const std::string value = std::format("{:08x} {}", variable::attribute::nv_bs_rt, variables::to_hex(data));
    if (step % 20 == 19) {
      ++cuts;
      cut(file, std::u16string(name.begin(), name.end()), data, random() % 700, static_cast<std::uint32_t>(step));
      const Contents after = listed_by_redoubt(file);
      const auto found = after.find(key_of(name));
      const std::string old = present ? model[key_of(name)] : std::string();
      const std::string now = found != after.end() ? found->second : std::string();
      ASSERT_TRUE(now == old || now == value) << step;
      if (now.empty()) {
        model.erase(key_of(name));
      } else {
        model[key_of(name)] = now;
      }
      ASSERT_EQ(difference(after, model), "") << step;
      written += data.size();
      continue;
    }
    if (present && random() % 4 == 0) {
      ASSERT_EQ(run({"delete", file, name, "--guid", vendor}).status, 0) << step;
      model.erase(key_of(name));
      continue;
    }
    const Outcome outcome = run({"set", file, name, "--guid", vendor, "--hex", variables::to_hex(data)});
    ASSERT_EQ(outcome.status, 0) << step << " " << outcome.error;
    model[key_of(name)] = value;
    written += data.size();
    if (step % 100 == 50) {
      ASSERT_EQ(difference(listed_by_redoubt(file), model), "") << step;
      ASSERT_EQ(difference(listed_by_uefiextract(file), model), "") << step;
    }
  }
  EXPECT_GT(written, 2 * 0xE000u) << "the store was full more than twice";
  EXPECT_EQ(cuts, 35);
  // The last cut may have left a reclaim to be ended, which only a reader that knows of it can see.
  ASSERT_EQ(run({"set", file, "Last", "--guid", vendor, "--hex", "00"}).status, 0);
  model[key_of("Last")] = std::format("{:08x} 00", variable::attribute::nv_bs_rt);
  EXPECT_EQ(difference(listed_by_redoubt(file), model), "");
  EXPECT_EQ(difference(listed_by_uefiextract(file), model), "");
}

}  // namespace
}  // namespace redoubt::tool
