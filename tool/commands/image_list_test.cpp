// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt image list` as its user sees it: output, one line on standard error, exit status.
#include <gtest/gtest.h>
#include <lzma.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "image/testing/builder.hpp"
#include "tool/commands/commands.hpp"
#include "tool/files.hpp"

namespace redoubt::tool {
namespace {

using image::testing::Buffer;
using Json = nlohmann::ordered_json;
namespace made = image::testing;

constexpr const char* ovmf_path = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";
// CRC-64 of Debian's ovmf 2022.11-6+deb12u2; another version may list differently.
constexpr std::uint64_t ovmf_crc64 = 0x48B56EE618CEBB2E;

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
  std::filesystem::permissions(path, std::filesystem::perms::none);
  if (::geteuid() == 0) {
    GTEST_SKIP() << "root reads everything";
  }
  expect_refused(path, "Permission denied");
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

// What the first platform's image holds, kept in golden/ so that a change in reading it shows.
TEST_F(ImageList, ListsDebiansOvmfAsBefore) {
  const auto bytes = read_file(ovmf_path);
  if (!bytes.has_value() ||
      lzma_crc64(reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size(), 0) != ovmf_crc64) {
    GTEST_SKIP() << ovmf_path << " is missing or of another version";
  }
  const Outcome outcome = run({"image", "list", "--json", ovmf_path});
  EXPECT_EQ(outcome.status, 0);
  std::ifstream golden(REDOUBT_GOLDEN "/ovmf_code_4m_secboot.json");
  EXPECT_EQ(Json::parse(outcome.output), Json::parse(golden));
}

}  // namespace
}  // namespace redoubt::tool
