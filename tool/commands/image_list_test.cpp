// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt image list` as its user sees it: output, one line on standard error, exit status.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "image/testing/builder.hpp"
#include "tool/commands/commands.hpp"
#include "tool/files.hpp"

namespace redoubt::tool {
namespace {

using image::testing::Buffer;
using Json = nlohmann::ordered_json;
namespace made = image::testing;

constexpr const char* ovmf_path = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";

constexpr abi::Guid name_a = {0xA, 0, 0, {}};
constexpr abi::Guid name_b = {0xB, 0, 0, {}};

struct Outcome {
  int status;
  std::string output;
  std::string error;
};

Outcome run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "redoubt");
  std::vector<char*> argv;
  std::ranges::transform(arguments, std::back_inserter(argv), [](std::string& text) { return text.data(); });
  CommandLine command_line;
  add_image_list(command_line);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int status = command_line.run(static_cast<int>(argv.size()), argv.data());
  return {status, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

class ImageList : public testing::Test {
 protected:
  ImageList() {
    std::string pattern = (std::filesystem::temp_directory_path() / "image_list_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ImageList() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string write(const std::string& name, Bytes bytes) {
    const std::string path = (folder_ / name).string();
    EXPECT_TRUE(write_file(path, bytes).has_value());
    return path;
  }

  // Exit status 2 and exactly one line that starts with file and offset (if there is one) and goes on as given.
  void expect_refused(const std::string& path, const std::string& rest) {
    const Outcome outcome = run({"image", "list", path});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.error, "redoubt: " + path + ": " + rest + "\n");
  }

  std::filesystem::path folder_;
};

Buffer module_image() {
  using abi::DepexOpcode;
  const Buffer depex = made::depex({{DepexOpcode::push, name_b},
                                    {DepexOpcode::constant_true, {}},
                                    {DepexOpcode::logical_or, {}},
                                    {DepexOpcode::end, {}}});
  return made::volume({made::file(name_a, abi::FileType::mm_standalone,
                                  made::join({made::section(abi::SectionType::mm_depex, depex),
                                              made::section(abi::SectionType::te, made::te_image()),
                                              made::user_interface_section("Driver")},
                                             4))},
                      0x1000);
}

TEST_F(ImageList, ShowsModules) {
  const Outcome outcome = run({"image", "list", write("image", module_image())});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.error, "");
  EXPECT_NE(outcome.output.find("Volumes: 1"), std::string::npos);
  EXPECT_NE(outcome.output.find("standalone        Driver"), std::string::npos) << outcome.output;
  EXPECT_NE(outcome.output.find("TE X64"), std::string::npos);
  EXPECT_NE(outcome.output.find("EFI_MM_SYSTEM_TABLE"), std::string::npos);
  EXPECT_NE(outcome.output.find("DEPEX 0000000b-0000-0000-0000-000000000000 OR TRUE"), std::string::npos);
}

TEST_F(ImageList, PrintsJson) {
  const Outcome outcome = run({"image", "list", "--json", "--all", write("image", module_image())});
  EXPECT_EQ(outcome.status, 0);
  const Json json = Json::parse(outcome.output);
  EXPECT_EQ(json["volumes"].size(), 1u);
  const Json& module = json["mm_modules"].at(0);
  EXPECT_EQ(module["model"], "standalone");
  EXPECT_EQ(module["image"]["format"], "TE");
  EXPECT_EQ(module["path"], Json::array({0x48}));
  EXPECT_EQ(json["tree"].at(0)["children"].at(0)["children"].size(), 3u);
  EXPECT_TRUE(json["problems"].empty());
}

TEST_F(ImageList, KeepsControlCharactersOffTheTerminal) {
  const Outcome outcome = run({"image", "list", (folder_ / "a\nb\x1b[31m").string()});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1);
  EXPECT_EQ(outcome.error.find('\x1b'), std::string::npos);
}

TEST_F(ImageList, RefusesFilesThatAreNoImage) {
  expect_refused((folder_ / "missing").string(), "No such file or directory");
  expect_refused(folder_.string(), "is a directory");
  expect_refused("/dev/null", "is not a regular file");
  std::ofstream(folder_ / "empty").close();
  expect_refused((folder_ / "empty").string(), "is empty");
  expect_refused(write("text", made::bytes_of("This is not firmware.\n")), "offset 0x0: no firmware volume in it");
  Buffer garbage(100'000);
  std::uint32_t state = 1;
  for (std::byte& byte : garbage) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::byte>(state >> 24);
  }
  expect_refused(write("garbage", garbage), "offset 0x0: no firmware volume in it");
}

TEST_F(ImageList, RefusesAFileThatMayNotBeRead) {
  const std::string path = write("secret", module_image());
  std::filesystem::permissions(folder_, std::filesystem::perms(0755));
  std::filesystem::permissions(path, std::filesystem::perms::none);
  const ::uid_t user = ::geteuid();
  constexpr ::uid_t nobody = 65534;
  if (user == 0) {
    ASSERT_EQ(::seteuid(nobody), 0);  // root reads everything
  }
  expect_refused(path, "Permission denied");
  ASSERT_EQ(::seteuid(user), 0);
}

TEST_F(ImageList, NamesTheOffsetOfDamage) {
  Buffer bytes = module_image();
  bytes[0x48] ^= std::byte{1};
  expect_refused(write("file_header", bytes), "offset 0x48: file header checksum is wrong");

  bytes = module_image();
  bytes[offsetof(abi::FirmwareVolumeHeader, checksum)] ^= std::byte{1};
  expect_refused(write("volume_header", bytes), "offset 0x0: firmware volume header checksum is wrong");

  bytes = module_image();
  made::put(bytes, offsetof(abi::FirmwareVolumeHeader, length), std::uint64_t{1} << 60);
  made::fix_volume_header(bytes);
  expect_refused(write("huge_volume", bytes), "offset 0x0: firmware volume reaches beyond what contains it");

  bytes = module_image();
  made::put(bytes, 0x60, std::uint32_t{0x1C000000});  // a section of no bytes would be its own successor
  expect_refused(write("empty_section", bytes), "offset 0x60: section size is smaller than its header");

  bytes = module_image();
  made::put(bytes, 0x60, std::uint32_t{0x1CFFFFFE});
  expect_refused(write("huge_section", bytes), "offset 0x60: section reaches beyond what contains it");
}

TEST_F(ImageList, RefusesEveryTruncation) {
  const Buffer bytes = module_image();
  for (const std::size_t size : std::initializer_list<std::size_t>{1, 39, 44, 56, 71, 72, 100, 0x200, 0xFFF}) {
    const Outcome outcome = run({"image", "list", write("cut", made::view(bytes).first(size))});
    EXPECT_EQ(outcome.status, 2) << size;
    EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << size;
    EXPECT_NE(outcome.error.find(": offset 0x"), std::string::npos) << outcome.error;
  }
}

TEST_F(ImageList, StillListsWhatIsWhole) {
  Buffer bytes = made::join({module_image(), module_image()});
  bytes[0x1048] ^= std::byte{1};
  const Outcome outcome = run({"image", "list", write("half", bytes)});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.output.find("MM modules: 1"), std::string::npos);
  EXPECT_NE(outcome.error.find("offset 0x1048: file header checksum is wrong"), std::string::npos);
}

TEST_F(ImageList, RefusesBadUsage) {
  EXPECT_EQ(run({}).status, 2);
  EXPECT_EQ(run({"image"}).status, 2);
  EXPECT_EQ(run({"image", "list"}).error, "redoubt: IMAGE is required (see --help)\n");
  EXPECT_EQ(run({"image", "lst"}).error, "redoubt: unknown command or argument 'lst' (see --help)\n");
  EXPECT_EQ(run({"image", "list", "--nonsense", "x"}).status, 2);
  EXPECT_EQ(run({"--version"}).status, 0);
  EXPECT_EQ(run({"image", "list", "--help"}).status, 0);
}

TEST_F(ImageList, WritesFilesWholeOrNotAtAll) {
  const Buffer bytes = made::bytes_of("contents");
  EXPECT_EQ(write_file("/proc/nothing", bytes).error().status, ExitStatus::bad_input);
  EXPECT_EQ(write_file(folder_.string(), bytes).error().message, folder_.string() + ": is a directory");
  EXPECT_EQ(write_file("/dev/full", bytes).error().message, "/dev/full: is not a regular file");
  const std::string path = write("file", bytes);
  EXPECT_EQ(read_file(path).value(), bytes);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator()), 1);
}

// The MM modules of a report of UEFIExtract: lines "File | SMM module | base | size | CRC | ------ GUID | name".
Json modules_of_uefiextract(const std::filesystem::path& report) {
  Json modules = Json::array();
  std::ifstream input(report);
  for (std::string line; std::getline(input, line);) {
    const bool core = line.find("| SMM core ") != std::string::npos;
    if (!core && line.find("| SMM module ") == std::string::npos) {
      continue;
    }
    std::vector<std::string> columns;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      columns.push_back(word);
    }
    // "File | SMM core | N/A | 0000A042 | 85BF02EE | ------ GUID | name"
    if (columns.size() != 15) {
      ADD_FAILURE() << "not understood: " << line;
      continue;
    }
    std::string guid = columns[12];
    std::ranges::transform(guid, guid.begin(), [](unsigned char letter) { return std::tolower(letter); });
    modules.push_back({{"model", core ? "traditional core" : "traditional"},
                       {"name", columns[14]},
                       {"guid", guid},
                       {"size", std::stoul(columns[7], nullptr, 16)}});
  }
  return modules;
}

// Debian's image, whatever its version, holds what a parser that isn't ours finds in it.
TEST_F(ImageList, ListsDebiansOvmfAsAnotherParserDoes) {
  const auto bytes = read_file(ovmf_path);
  ASSERT_TRUE(bytes.has_value()) << bytes.error().message << " (package ovmf)";
  const std::string copy = write("ovmf", *bytes);
  const std::string command = "cd '" + folder_.string() + "' && UEFIExtract ovmf report > /dev/null 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0) << "UEFIExtract is needed (package uefitool-cli)";
  const Outcome outcome = run({"image", "list", "--json", copy});
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  const Json listed = Json::parse(outcome.output);
  Json modules = Json::array();
  for (const Json& module : listed["mm_modules"]) {
    Json part;
    for (const char* key : {"model", "name", "guid", "size"}) {
      part[key] = module[key];
    }
    modules.push_back(part);
    EXPECT_EQ(module["image"]["format"], "PE32+") << module["name"];
    EXPECT_EQ(module["image"]["machine"], "X64") << module["name"];
    EXPECT_EQ(module["depex"].is_null(), module["model"] == "traditional core") << module["name"];
  }
  EXPECT_GE(modules.size(), 8u);
  EXPECT_EQ(modules, modules_of_uefiextract(folder_ / "ovmf.report.txt"));
  EXPECT_TRUE(listed["problems"].empty());
}

}  // namespace
}  // namespace redoubt::tool
