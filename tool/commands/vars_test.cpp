// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt vars` as its user sees it: output, one line on standard error, exit status, and what becomes of the file.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <format>
#include <nlohmann/json.hpp>
#include <random>

#include "drivers/variable/store/format.hpp"
#include "tool/files.hpp"
#include "tool/testing/temporary_directory.hpp"
#include "tool/testing/vars_command.hpp"

namespace redoubt::tool {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Json = nlohmann::ordered_json;
namespace format = variable::format;

constexpr const char* blank_store = "/usr/share/OVMF/OVMF_VARS_4M.fd";
constexpr const char* store_with_keys = "/usr/share/OVMF/OVMF_VARS_4M.ms.fd";
constexpr const char* small_store_with_keys = "/usr/share/OVMF/OVMF_VARS.ms.fd";
constexpr const char* whole_flash = "/usr/share/ovmf/OVMF.fd";
constexpr const char* vendor = "6f2c9a51-3d0e-4b7a-9f44-1c8f5e2d7a60";

Json listed(const std::string& file) {
  const Outcome outcome = run({"list", file, "--json"});
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  return outcome.status == 0 ? Json::parse(outcome.output) : Json::object();
}

// The variables without where they stand.
Json contents(const std::string& file) {
  Json variables = listed(file)["variables"];
  for (Json& entry : variables) {
    entry.erase("offset");
  }
  return variables;
}

class Vars : public ::testing::Test {
 protected:
  std::string copy_of(const std::string& from, const std::string& name = "vars.fd") {
    const std::string path = directory_.file(name);
    std::filesystem::copy_file(from, path);
    std::filesystem::permissions(path, std::filesystem::perms(0644));
    return path;
  }
  std::string write(const std::string& name, Bytes bytes) {
    const std::string path = directory_.file(name);
    EXPECT_TRUE(write_file(path, bytes).has_value());
    return path;
  }
  std::string write(const std::string& name, std::string_view text) {
    return write(name, std::as_bytes(std::span(text)));
  }
  static std::vector<std::byte> read(const std::string& path) { return read_file(path).value(); }
  std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator(directory_.path()), std::filesystem::directory_iterator());
  }

  // Exit status, exactly one line of error that holds `reason`, nothing on standard output.
  static void expect_refused(const std::vector<std::string>& arguments, const std::string& reason, int status = 2) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.status, status) << outcome.error;
    EXPECT_EQ(outcome.output, "");
    EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << outcome.error;
    EXPECT_THAT(outcome.error, StartsWith("redoubt: "));
    EXPECT_THAT(outcome.error, HasSubstr(reason));
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(Vars, ListsStockStores) {
  const std::string text = run({"list", store_with_keys}).output;
  EXPECT_THAT(text, HasSubstr("Variable volume at 0x0: 528.0 KiB in blocks of 4.0 KiB"));
  EXPECT_THAT(text, HasSubstr("Secure Boot: on, User Mode; PK 1, KEK 2, db 2, dbx 1\n"));
  EXPECT_THAT(text, HasSubstr("8be4df61-93ca-11d2-aa0d-00e098032b8c GlobalVariable          NV+BS+RT+AT    1005 PK\n"));
  EXPECT_THAT(run({"list", blank_store}).output,
              HasSubstr("Secure Boot: off, Setup Mode; PK none, KEK none, db none, dbx none\nVariables: 0\n"));
}

TEST_F(Vars, ListsAsJson) {
  const Json json = listed(store_with_keys);
  EXPECT_EQ(json["volume"], (Json{{"offset", 0}, {"length", 0x84000}, {"block_size", 0x1000}}));
  EXPECT_EQ(json["capacity"], 0x40000 - 0x48 - 28);
  EXPECT_EQ(json["setup_mode"], false);
  EXPECT_EQ(json["secure_boot"], true);
  const auto found = std::ranges::find_if(json["variables"], [](const Json& entry) { return entry["name"] == "KEK"; });
  ASSERT_NE(found, json["variables"].end());
  EXPECT_EQ((*found)["attributes"], Json::array({"NV", "BS", "RT", "AT"}));
  EXPECT_EQ((*found)["attribute_bits"], 0x27);
  EXPECT_EQ((*found)["data"].get<std::string>().size(), 2 * (*found)["size"].get<std::size_t>());
  EXPECT_EQ((*found)["time_stamp"], "2025-03-10 02:53:39");
}

TEST_F(Vars, FindsStoresOfOtherSizesAndPlaces) {
  const Json small = listed(small_store_with_keys);
  EXPECT_EQ(small["volume"]["length"], 0x20000);
  EXPECT_EQ(small["secure_boot"], true);
  EXPECT_EQ(listed(whole_flash)["volume"]["offset"], 0);
  // Behind other things in a flash image.
  std::vector<std::byte> image(0x23000, std::byte{0x5A});
  const auto volume = read(small_store_with_keys);
  image.insert(image.end(), volume.begin(), volume.end());
  image.resize(image.size() + 0x1000, std::byte{0xA5});
  const std::string path = write("image.fd", image);
  EXPECT_EQ(listed(path)["volume"]["offset"], 0x23000);
  EXPECT_EQ(contents(path), contents(small_store_with_keys));
  ASSERT_EQ(run({"set", path, "Timeout", "--hex", "0900"}).status, 0);
  const auto changed = read(path);
  ASSERT_EQ(changed.size(), image.size());
  EXPECT_TRUE(std::equal(changed.begin(), changed.begin() + 0x23000, image.begin()));
  EXPECT_TRUE(std::equal(changed.end() - 0x1000, changed.end(), image.end() - 0x1000));
}

TEST_F(Vars, ShowsOneVariable) {
  const std::string text = run({"get", store_with_keys, "Boot0002"}).output;
  EXPECT_THAT(text, StartsWith("Boot0002\n  vendor      8be4df61-93ca-11d2-aa0d-00e098032b8c (GlobalVariable)\n"
                               "  attributes  NV+BS+RT\n  content     \"EFI Internal Shell\"\n"));
  EXPECT_THAT(text, HasSubstr("    00000000  01 00 00 00 2c 00 45 00  46 00 49 00 20 00 49 00 |....,.E.F.I. .I.|\n"));
  EXPECT_THAT(run({"get", store_with_keys, "KEK"}).output,
              HasSubstr("content     X.509 certificate: O=Debian, CN=Debian UEFI Secure Boot (PK/KEK key)"));
  EXPECT_THAT(run({"get", store_with_keys, "db"}).output, HasSubstr("CN=Microsoft Corporation UEFI CA 2011"));
  const Json json = Json::parse(run({"get", store_with_keys, "Timeout", "--json"}).output);
  EXPECT_EQ(json["data"], "0000");
  EXPECT_EQ(json["content"], Json::array({"0 seconds"}));
}

TEST_F(Vars, GivesRawData) {
  EXPECT_EQ(run({"get", store_with_keys, "PlatformLang", "--raw"}).output, std::string("en\0", 3));
  const std::string output = directory_.file("out.bin");
  EXPECT_EQ(run({"get", store_with_keys, "PK", "--raw", "-o", output}).output, "");
  EXPECT_EQ(read(output).size(), 1005u);
}

TEST_F(Vars, SetsChangesAndDeletesWithoutTouchingOthers) {
  const std::string path = copy_of(store_with_keys);
  const Json before = contents(path);
  ASSERT_EQ(run({"set", path, "Mine", "--guid", vendor, "--hex", "00 01 02"}).status, 0);
  Json expected = before;
  expected.push_back({{"guid", vendor},
                      {"vendor", ""},
                      {"name", "Mine"},
                      {"attributes", {"NV", "BS", "RT"}},
                      {"attribute_bits", 7},
                      {"time_stamp", ""},
                      {"size", 3},
                      {"data", "000102"}});
  EXPECT_EQ(contents(path), expected);
  ASSERT_EQ(run({"set", path, "Mine", "--text", "longer than before"}).status, 0);
  EXPECT_EQ(run({"get", path, "Mine", "--raw"}).output, std::string("longer than before") + '\0');
  ASSERT_EQ(run({"set", path, "Mine", "--append", "--hex", "ff"}).status, 0);
  EXPECT_EQ(run({"get", path, "Mine", "--raw"}).output, std::string("longer than before") + '\0' + '\xFF');
  ASSERT_EQ(run({"set", path, "Mine", "--text16", "\xC3\xA9"}).status, 0);
  EXPECT_EQ(run({"get", path, "Mine", "--raw"}).output, std::string("\xE9\0\0\0", 4));
  ASSERT_EQ(run({"set", path, "Mine", "--file", write("data", "from a file")}).status, 0);
  EXPECT_EQ(run({"get", path, "Mine", "--raw"}).output, "from a file");
  ASSERT_EQ(run({"delete", path, "Mine"}).status, 0);
  EXPECT_EQ(contents(path), before);
}

TEST_F(Vars, KnowsTheVendorOfVariablesThatUefiDefines) {
  const std::string path = copy_of(blank_store);
  EXPECT_EQ(run({"set", path, "BootOrder", "--hex", "01000000"}).status, 0);
  EXPECT_EQ(run({"set", path, "Boot0001", "--hex", "01000000 0400 6f0000007fff0400"}).status, 0);
  EXPECT_EQ(listed(path)["variables"].at(0)["vendor"], "GlobalVariable");
  EXPECT_EQ(run({"get", path, "Boot0001", "--guid", "GlobalVariable"}).status, 0);
  expect_refused({"set", path, "Boot1", "--hex", "00"}, "nor does UEFI define one");
  expect_refused({"set", path, "SecureBoot", "--hex", "01"}, "nor does UEFI define one");
  expect_refused({"set", path, "SecureBoot", "--guid", "GlobalVariable", "--hex", "01"}, "by firmware alone");
  expect_refused({"set", path, "Timeout", "--hex", "010203"}, "by UEFI's rules");
}

TEST_F(Vars, NamesAreQualifiedWhereTheyMustBe) {
  const std::string path = copy_of(blank_store);
  const std::string other = "11111111-2222-3333-4444-555555555555";
  ASSERT_EQ(run({"set", path, "Twice", "--guid", vendor, "--hex", "01"}).status, 0);
  ASSERT_EQ(run({"get", path, "Twice"}).status, 0);
  ASSERT_EQ(run({"set", path, "Twice", "--guid", other, "--hex", "02"}).status, 0);
  for (const char* verb : {"get", "delete"}) {
    expect_refused({verb, path, "Twice"}, std::format("--guid says which: {}, {}", vendor, other));
  }
  expect_refused({"set", path, "Twice", "--hex", "03"}, "--guid says which");
  EXPECT_EQ(run({"get", path, "Twice", "--guid", other, "--raw"}).output, "\x02");
  EXPECT_EQ(run({"delete", path, "Twice", "--guid", vendor}).status, 0);
  EXPECT_EQ(run({"get", path, "Twice", "--raw"}).output, "\x02");
}

TEST_F(Vars, AttributesStayUnlessGiven) {
  const std::string path = copy_of(blank_store);
  ASSERT_EQ(run({"set", path, "BootOnly", "--guid", vendor, "--hex", "01", "--attributes", "nv,bs"}).status, 0);
  ASSERT_EQ(run({"set", path, "BootOnly", "--hex", "02"}).status, 0);
  EXPECT_EQ(listed(path)["variables"].at(0)["attribute_bits"], 3);
  expect_refused({"set", path, "BootOnly", "--hex", "02", "--attributes", "NV,BS,RT"},
                 "has the attributes NV+BS, which can't change to NV+BS+RT (delete it first)");
  expect_refused({"set", path, "Volatile", "--guid", vendor, "--hex", "02", "--attributes", "BS,RT"}, "attribute NV");
}

TEST_F(Vars, AuthenticatedVariablesNeedTheirOwner) {
  const std::string path = copy_of(store_with_keys);
  const std::vector<std::byte> before = read(path);
  const std::string list = directory_.file("kek.esl");
  ASSERT_EQ(run({"get", path, "KEK", "--raw", "-o", list}).status, 0);
  expect_refused({"set", path, "KEK", "--file", list}, "'KEK' is authenticated");
  expect_refused({"delete", path, "PK"}, "'PK' is authenticated");
  expect_refused({"set", path, "KEK", "--owner", "--hex", "00"}, "must hold signature lists");
  expect_refused({"set", path, "KEK", "--owner", "--file", list, "--attributes", "NV,BS,RT"}, "NV+BS+RT+AT");
  EXPECT_EQ(read(path), before);
  ASSERT_EQ(run({"delete", path, "PK", "--owner"}).status, 0);
  EXPECT_EQ(listed(path)["setup_mode"], true);
  EXPECT_EQ(listed(path)["secure_boot"], false);
  ASSERT_EQ(run({"set", path, "PK", "--owner", "--file", list}).status, 0);
  EXPECT_EQ(listed(path)["secure_boot"], true);
  EXPECT_EQ(Json::parse(run({"get", path, "PK", "--json"}).output)["attribute_bits"], 0x27);
  ASSERT_EQ(run({"set", path, "db", "--owner", "--append", "--file", list}).status, 0);
  EXPECT_THAT(run({"list", path}).output, HasSubstr("PK 2, KEK 2, db 4, dbx 1"));
  expect_refused({"set", path, "Private", "--guid", vendor, "--owner", "--hex", "00", "--attributes", "NV,BS,RT,AT"},
                 "only a signed update makes");
  ASSERT_EQ(run({"set", path, "DeployedModeNv", "--guid", "3c1d8a94-5e0b-4f6a-9b27-72646f756274", "--owner", "--hex",
                 "01", "--attributes", "NV,BS"})
                .status,
            0);
  EXPECT_THAT(run({"list", path}).output, HasSubstr("Secure Boot: on, Deployed Mode"));
}

TEST_F(Vars, OutputLeavesTheFileAlone) {
  const std::string path = copy_of(store_with_keys);
  const std::vector<std::byte> before = read(path);
  const std::string output = directory_.file("changed.fd");
  ASSERT_EQ(run({"set", path, "Timeout", "--hex", "0700", "--output", output}).status, 0);
  ASSERT_EQ(run({"delete", output, "Lang", "-o", output}).status, 0);
  EXPECT_EQ(read(path), before);
  EXPECT_EQ(run({"get", output, "Timeout", "--raw"}).output, std::string("\x07\0", 2));
  EXPECT_EQ(run({"get", output, "Lang"}).status, 1);
  EXPECT_EQ(files(), 2);
}

TEST_F(Vars, KeepsModeOwnerAndLinksOfTheFile) {
  const std::string path = copy_of(store_with_keys);
  std::filesystem::permissions(path, std::filesystem::perms(0640));
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
  }
  struct stat before{};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  const std::string link = directory_.file("link.fd");
  std::filesystem::create_symlink("vars.fd", link);
  ASSERT_EQ(run({"set", link, "Timeout", "--hex", "0700"}).status, 0);
  struct stat after{};
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(after.st_mode, before.st_mode);
  EXPECT_EQ(after.st_uid, before.st_uid);
  EXPECT_EQ(after.st_gid, before.st_gid);
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(run({"get", path, "Timeout", "--raw"}).output, std::string("\x07\0", 2));
  EXPECT_EQ(files(), 2);
}

TEST_F(Vars, RefusesFilesThatAreNoStore) {
  expect_refused({"list", directory_.file("missing.fd")}, "missing.fd: No such file or directory");
  expect_refused({"list", directory_.path().string()}, "is a directory");
  expect_refused({"list", "/dev/null"}, "is not a regular file");
  expect_refused({"get", write("empty", ""), "PK"}, "empty: is empty");
  std::vector<std::byte> noise(100'000);
  std::mt19937 random(1);
  std::ranges::generate(noise, [&random] { return static_cast<std::byte>(random()); });
  expect_refused({"list", write("noise", noise)}, "no variable volume in it");
  expect_refused({"set", write("text", "text\n"), "Timeout", "--hex", "0000"}, "no variable volume in it");
  expect_refused({"list", "/usr/share/OVMF/OVMF_CODE_4M.fd"}, "no variable volume in it");
  expect_refused({"list", write("disk.qcow2", "QFI\xFB and more")}, "is a qcow2 image");
}

TEST_F(Vars, RefusesEveryTruncation) {
  const auto whole = read(store_with_keys);
  for (const std::size_t size : std::initializer_list<std::size_t>{1, 40, 71, 72, 73, 99, 0x1000, 0x40000, 0x83FFF}) {
    const std::string path = write("cut.fd", Bytes(whole).first(size));
    const std::string reason = size < 72 ? "no variable volume" : "the file ends after";
    expect_refused({"list", path}, reason);
    expect_refused({"set", path, "Timeout", "--hex", "0100"}, reason);
    EXPECT_EQ(read(path).size(), size) << "nothing was written";
  }
}

TEST_F(Vars, RefusesHeadersThatSayNothing) {
  const auto whole = read(store_with_keys);
  constexpr std::size_t volume_size = sizeof(format::VolumeHeader);
  const struct {
    std::size_t offset;
    std::uint8_t value;
    const char* reason;
  } cases[] = {
      {offsetof(format::VolumeHeader, fixed.length) + 2, 9, "the file ends after"},
      {offsetof(format::VolumeHeader, fixed.length) + 1, 0x3F, "no place for fault-tolerant writes"},
      {offsetof(format::VolumeHeader, map) + 4, 3, "damaged"},
  };
  for (const auto& test_case : cases) {
    auto bytes = whole;
    bytes[test_case.offset] = std::byte{test_case.value};
    const std::string path = write("damaged.fd", bytes);
    expect_refused({"list", path}, test_case.reason);
    expect_refused({"delete", path, "Timeout"}, test_case.reason);
    expect_refused({"repair", path}, test_case.reason);
    EXPECT_EQ(read(path), bytes);
  }
  auto plain = whole;
  constexpr std::uint8_t plain_guid[] = {0x16, 0x36, 0xCF, 0xDD, 0x75, 0x32, 0x64, 0x41,
                                         0x98, 0xB6, 0xFE, 0x85, 0x70, 0x7F, 0xFE, 0x7D};
  std::ranges::copy(std::as_bytes(std::span(plain_guid)), plain.begin() + volume_size);
  expect_refused({"list", write("plain.fd", plain)},
                 "offset 0x48: the variable store has records without authentication");
  expect_refused({"repair", directory_.file("plain.fd")}, "records without authentication");
  EXPECT_EQ(read(directory_.file("plain.fd")), plain);
}

TEST_F(Vars, RefusesFilesThatMayNotBeReadOrWritten) {
  const std::string path = copy_of(store_with_keys);
  std::filesystem::permissions(directory_.path(), std::filesystem::perms(0777));
  const ::uid_t user = ::geteuid();
  constexpr ::uid_t nobody = 65534;
  std::filesystem::permissions(path, std::filesystem::perms::none);
  if (user == 0) {
    ASSERT_EQ(::seteuid(nobody), 0);  // root reads everything
  }
  expect_refused({"list", path}, "Permission denied");
  ASSERT_EQ(::seteuid(user), 0);
  std::filesystem::permissions(path, std::filesystem::perms(0444));
  const auto before = read(path);
  if (user == 0) {
    ASSERT_EQ(::seteuid(nobody), 0);
  }
  EXPECT_EQ(run({"list", path}).status, 0);
  expect_refused({"set", path, "Timeout", "--hex", "0100"}, "cannot be written: Permission denied");
  expect_refused({"delete", path, "Timeout"}, "cannot be written: Permission denied");
  expect_refused({"set", path, "Timeout", "--hex", "0100", "-o", "/proc/out.fd"}, "/proc/out.fd: cannot be written");
  expect_refused({"get", path, "Timeout", "--raw", "-o", "/nowhere/out"}, "/nowhere/out: cannot be written");
  ASSERT_EQ(::seteuid(user), 0);
  EXPECT_EQ(read(path), before);
  EXPECT_EQ(files(), 1);
}

TEST_F(Vars, RefusesAFileThatAMachineUses) {
  const std::string path = copy_of(store_with_keys);
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(file, 0);
  // As QEMU does it: shared locks of the open file description on single bytes.
  struct flock lock{};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = 100;
  lock.l_len = 1;
  ASSERT_EQ(::fcntl(file, F_OFD_SETLK, &lock), 0);
  EXPECT_EQ(run({"list", path}).status, 0);
  expect_refused({"set", path, "Timeout", "--hex", "0100"}, "is in use");
  ASSERT_EQ(::close(file), 0);
  EXPECT_EQ(run({"set", path, "Timeout", "--hex", "0100"}).status, 0);
}

TEST_F(Vars, RefusesBadWords) {
  const std::string path = copy_of(store_with_keys);
  const auto before = read(path);
  expect_refused({"get", path, "Nothing"}, "no variable 'Nothing'", 1);
  expect_refused({"delete", path, "Nothing"}, "no variable 'Nothing'", 1);
  expect_refused({"get", path, "PK", "--guid", vendor}, std::format("no variable 'PK' of {}", vendor), 1);
  for (const char* guid : {"xyz", "8be4df61-93ca-11d2-aa0d-00e098032b8", "8be4df61-93ca-11d2-aa0d-00e098032b8g"}) {
    expect_refused({"get", path, "PK", "--guid", guid}, std::format("'{}' is neither a GUID", guid));
  }
  expect_refused({"get", path, ""}, "NAME");
  expect_refused({"get", path, "\xFF"}, "isn't UTF-8");
  expect_refused({"set", path, "Timeout", "--hex", "1"}, "--hex: isn't made of pairs");
  expect_refused({"set", path, "Timeout", "--hex", "xy"}, "--hex: isn't made of pairs");
  expect_refused({"set", path, "Timeout", "--hex", ""}, "no data");
  expect_refused({"set", path, "Timeout", "--text16", "\xFF"}, "--text16: isn't UTF-8");
  expect_refused({"set", path, "Timeout"}, "one of --hex, --text, --text16 and --file is needed");
  expect_refused({"set", path, "Timeout", "--hex", "00", "--text", "x"}, "excludes");
  expect_refused({"set", path, "Timeout", "--file", directory_.file("missing")}, "missing: No such file");
  expect_refused({"set", path, "Timeout", "--hex", "0000", "--attributes", "NV,XX"}, "'NV,XX' isn't made of");
  expect_refused({"get", path, "Timeout", "-o", directory_.file("out")}, "--raw");
  expect_refused({"get", path}, "NAME is required");
  expect_refused({"frobnicate", path}, "frobnicate");
  EXPECT_EQ(read(path), before);
  EXPECT_EQ(files(), 1);
  for (const char* verb : {"list", "get", "set", "delete", "check", "repair"}) {
    EXPECT_EQ(run({verb, "--help"}).status, 0);
  }
}

TEST_F(Vars, RefusesWhatDoesNotFit) {
  const std::string path = copy_of(blank_store);
  expect_refused({"set", path, std::string(20'000, 'n'), "--guid", vendor, "--hex", "00"},
                 "more than the 33792 that a variable may take");
  std::vector<std::byte> large(33'792 - 60 - 4, std::byte{1});
  ASSERT_EQ(run({"set", path, "L", "--guid", vendor, "--file", write("data", large)}).status, 0);
  large.push_back(std::byte{1});
  expect_refused({"set", path, "L", "--guid", vendor, "--file", write("data", large)}, "more than the 33792");
  // Until the store is full.
  large.resize(30'000);
  const std::string data = write("data", large);
  int count = 0;
  Outcome outcome{};
  while ((outcome = run({"set", path, std::format("Full{}", count), "--guid", vendor, "--file", data})).status == 0) {
    ASSERT_LT(++count, 20);
  }
  EXPECT_EQ(count, 7);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.error, HasSubstr("'Full7' doesn't fit: 30"));
  EXPECT_EQ(listed(path)["variables"].size(), 8u);
}

// ---- check ----

class VarsCheck : public Vars {
 protected:
  VarsCheck() : bytes_(read(store_with_keys)) {}

  // A byte of the file, and what `check` says then.
  Outcome with(std::size_t offset, std::uint8_t value) {
    auto changed = bytes_;
    changed[offset] = std::byte{value};
    return checked(changed);
  }
  Outcome checked(Bytes bytes) {
    const std::string path = write("checked.fd", bytes);
    const Outcome outcome = run({"check", path});
    EXPECT_EQ(outcome.error, "");
    EXPECT_TRUE(std::ranges::equal(read(path), bytes)) << "nothing is written";
    return outcome;
  }

  static constexpr std::size_t timeout_record = 0x2938;

  std::vector<std::byte> bytes_;
};

TEST_F(VarsCheck, HasNothingToSayAboutStockStores) {
  for (const char* file : {blank_store, store_with_keys, small_store_with_keys, whole_flash}) {
    const Outcome outcome = run({"check", file});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.output, "The variable store is as it should be.\n");
  }
  EXPECT_EQ(Json::parse(run({"check", store_with_keys, "--json"}).output)["findings"], Json::array());
}

TEST_F(VarsCheck, ExplainsHeaders) {
  constexpr std::size_t store = sizeof(format::VolumeHeader);
  const struct {
    std::size_t offset;
    std::uint8_t value;
    int status;
    const char* text;
  } cases[] = {
      {offsetof(format::VolumeHeader, fixed.checksum), 0, 1,
       "warning  0x0: the volume's header has a wrong checksum\n"},
      {offsetof(format::VolumeHeader, fixed.signature), 0, 1,
       "damage   0x0: the volume's header has another signature"},
      {store + offsetof(format::StoreHeader, format), 0, 1,
       "damage   0x48: the store's header says that it isn't form"},
      {store + offsetof(format::StoreHeader, state), 0, 1,
       "damage   0x48: the store's header says that it isn't health"},
      {0x41000 + offsetof(format::WorkingBlockHeader, crc), 0, 0,
       "note     0x41000: the work area has no valid header"},
  };
  for (const auto& test_case : cases) {
    const Outcome outcome = with(test_case.offset, test_case.value);
    EXPECT_EQ(outcome.status, test_case.status) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr(test_case.text));
  }
}

TEST_F(VarsCheck, ExplainsRecords) {
  const auto timeout = read_at<format::RecordHeader>(bytes_, timeout_record).value();
  ASSERT_EQ(timeout.start, format::RecordHeader::expected_start);
  ASSERT_EQ(timeout.name_size, 16u);
  Outcome outcome = with(timeout_record + offsetof(format::RecordHeader, state), format::state::header_valid);
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.output,
            "note     0x2938: a record was interrupted before it was complete; it has no effect (Timeout)\n"
            "0 damaged, 0 odd, 1 that the next start puts right\n");
  outcome = with(timeout_record + offsetof(format::RecordHeader, data_size) + 3, 0x7F);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.output,
              HasSubstr("damage   0x2938: nothing leads from here to the variables behind (Timeout)\n"));
  outcome = with(timeout_record + offsetof(format::RecordHeader, attributes) + 3, 0x80);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.output,
              HasSubstr("warning  0x2938: a variable has attributes that none can be written with (Timeout)"));
  const Json json = Json::parse(run({"check", directory_.file("checked.fd"), "--json"}).output);
  EXPECT_EQ(json["findings"].at(0)["severity"], "warning");
  EXPECT_EQ(json["findings"].at(0)["offset"], timeout_record);
  EXPECT_EQ(json["findings"].at(0)["name"], "Timeout");
}

TEST_F(VarsCheck, SaysWhatIsBehindTheLastRecord) {
  Outcome outcome = with(0x5998 + 200, 0);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.output,
            "warning  0x5998: something behind the last record is neither blank nor a record\n"
            "0 damaged, 1 odd, 0 that the next start puts right\n");
}

TEST_F(VarsCheck, RefusesWhatIsNoStore) {
  expect_refused({"check", directory_.file("missing")}, "No such file");
  expect_refused({"check", directory_.path().string()}, "is a directory");
  expect_refused({"check", write("cut.fd", Bytes(bytes_).first(0x83FFF))}, "the file ends after");
  expect_refused({"check", write("noise", "noise")}, "no variable volume in it");
}

// ---- Damaged stores ----

class DamagedVars : public Vars {
 protected:
  // A block's worth of erased bytes: from the fourth record of "Attempt" into the seventh one.
  static constexpr std::size_t hole = 0x1024;
  static constexpr std::size_t hole_end = 0x2000;
  static constexpr std::size_t found_again = 0x2380;
  static constexpr std::size_t secure_boot_enable = 0x58E4;

  DamagedVars() : bytes_(read(store_with_keys)) {}

  std::vector<std::byte> with_hole() const {
    auto changed = bytes_;
    std::fill(changed.begin() + hole, changed.begin() + hole_end, std::byte{0xFF});
    return changed;
  }
  // Only the last two records are out of reach.
  std::vector<std::byte> with_keys_in_front() const {
    auto changed = bytes_;
    changed[secure_boot_enable] = std::byte{0};
    return changed;
  }
  static std::vector<std::string> names(const Json& variables) {
    std::vector<std::string> found;
    std::ranges::transform(variables, std::back_inserter(found), [](const Json& entry) { return entry["name"]; });
    return found;
  }
  static std::vector<std::string> names_behind() {
    return {"InitialAttemptOrder",
            "Attempt 8",
            "Boot0000",
            "Timeout",
            "PlatformLang",
            "Lang",
            "VarErrorFlag",
            "Key0000",
            "Key0001",
            "ConOut",
            "ConIn",
            "ErrOut",
            "Boot0001",
            "Boot0002",
            "MemoryTypeInformation",
            "db",
            "dbx",
            "KEK",
            "PK",
            "VendorKeysNv",
            "SecureBootEnable",
            "CustomMode"};
  }
  // The variables but those that the hole took.
  Json what_is_left() {
    Json left = Json::array();
    for (const Json& entry : contents(store_with_keys)) {
      const std::string name = entry["name"];
      if (name < "Attempt 4" || name > "Attempt 7") {
        left.push_back(entry);
      }
    }
    return left;
  }
  static std::vector<std::string> sorted(const Json& variables) {
    std::vector<std::string> texts;
    std::ranges::transform(variables, std::back_inserter(texts), [](const Json& entry) { return entry.dump(); });
    std::ranges::sort(texts);
    return texts;
  }

  std::vector<std::byte> bytes_;
};

TEST_F(DamagedVars, CheckNamesWhatCanBeFound) {
  const std::string path = write("hole.fd", with_hole());
  const Outcome outcome = run({"check", path});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.output,
              StartsWith("damage   0x1024: nothing leads from here to the variables behind\n"
                         "Firmware keeps the store closed. Variables in front of the damage: 5\n"
                         "  0x0000b8 d9bee56e-75dc-49d9-b4d7-b534210f637a CertDb                  NV+BS+RT+AT       4 "
                         "certdb\n"));
  EXPECT_THAT(outcome.output, HasSubstr("Variables out of its reach: 22 (`vars repair` saves them)\n  0x002380 "));
  EXPECT_THAT(outcome.output, HasSubstr("  0x00545c 8be4df61-93ca-11d2-aa0d-00e098032b8c GlobalVariable          "
                                        "NV+BS+RT+AT    1005 PK\n"));
  EXPECT_THAT(outcome.output, EndsWith("No variable can be read from 0x1024 to 0x2380 (4956 bytes)\n"
                                       "1 damaged, 0 odd, 0 that the next start puts right\n"));
  const Json damage = Json::parse(run({"check", path, "--json"}).output)["damage"];
  EXPECT_EQ(damage["offset"], hole);
  EXPECT_EQ(names(damage["in_reach"]),
            (std::vector<std::string>{"certdb", "MTC", "Attempt 1", "Attempt 2", "Attempt 3"}));
  EXPECT_EQ(names(damage["out_of_reach"]), names_behind());
  EXPECT_EQ(damage["out_of_reach"].at(0)["offset"], found_again);
  EXPECT_EQ(damage["unreadable"], Json::array({{{"offset", hole}, {"size", found_again - hole}}}));
  EXPECT_EQ(read(path), with_hole());
  EXPECT_TRUE(Json::parse(run({"check", store_with_keys, "--json"}).output)["damage"].is_null());
}

TEST_F(DamagedVars, ListAndGetShowWhatIsInFront) {
  const std::string path = write("hole.fd", with_hole());
  Outcome outcome = run({"list", path});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.error, std::format("redoubt: {}: offset 0x1024: the variable store is damaged, and firmware keeps "
                                       "it closed: nothing leads from here to the variables behind (`vars check` says "
                                       "what can be found, `vars repair` saves it)\n",
                                       path));
  EXPECT_THAT(outcome.output,
              HasSubstr("blocks of 4.0 KiB; damaged at 0x1024\n"
                        "Secure Boot: on, and no key is trusted, since the store is damaged and stays closed\n"
                        "Variables in front of the damage: 5\n  "));
  EXPECT_THAT(outcome.output, HasSubstr("Attempt 3\n"));
  EXPECT_THAT(outcome.output, Not(HasSubstr("Boot0000")));
  outcome = run({"list", path, "--json"});
  EXPECT_EQ(outcome.status, 1);
  const Json json = Json::parse(outcome.output);
  EXPECT_EQ(json["damage"]["offset"], hole);
  EXPECT_EQ(json["keys_in_front_of_damage"], false);
  EXPECT_EQ(names(json["damage"]["out_of_reach"]), names_behind());
  EXPECT_EQ(json["secure_boot"], true);
  EXPECT_EQ(json["setup_mode"], false);
  EXPECT_TRUE(json["used"].is_null());
  EXPECT_EQ(json["variables"].size(), 5U);
  EXPECT_TRUE(listed(store_with_keys)["damage"].is_null());

  outcome = run({"get", path, "MTC", "--raw"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.output.size(), 4U);
  EXPECT_THAT(outcome.error, HasSubstr("the variable store is damaged"));
  EXPECT_EQ(run({"get", path, "MTC", "--raw", "-o", directory_.file("out")}).status, 1);
  EXPECT_EQ(read(directory_.file("out")).size(), 4U);
  expect_refused({"get", path, "PK"},
                 "no variable 'PK' in front of the damage at 0x1024; out of firmware's reach there is one at 0x545c",
                 1);
  expect_refused({"get", path, "Attempt 4"}, "no variable 'Attempt 4' in front of the damage at 0x1024; none was", 1);
  EXPECT_EQ(read(path), with_hole());
}

TEST_F(DamagedVars, ListSaysWhichKeysAreTrusted) {
  auto bytes = with_keys_in_front();
  const std::string path = write("keys.fd", bytes);
  Outcome outcome = run({"list", path});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.output, HasSubstr("Secure Boot: on, with the keys in front of the damage; PK 1, KEK 2, db 2, "
                                        "dbx 1; the store stays closed\n"));
  EXPECT_EQ(Json::parse(run({"list", path, "--json"}).output)["keys_in_front_of_damage"], true);
  for (const std::size_t key : {0x3CF4U, 0x4980U, 0x4A10U, 0x545CU}) {
    for (const std::uint8_t state : {format::state::replacing, format::state::header_valid}) {
      auto changed = bytes;
      changed[key + offsetof(format::RecordHeader, state)] = std::byte{state};
      outcome = run({"list", write("keys.fd", changed)});
      EXPECT_THAT(outcome.output, HasSubstr("Secure Boot: on, and no key is trusted")) << key;
    }
  }
}

TEST_F(DamagedVars, RepairSavesWhatCanBeFound) {
  const std::string path = write("hole.fd", with_hole());
  const Json expected = what_is_left();
  const std::string output = directory_.file("repaired.fd");
  ASSERT_EQ(run({"repair", path, "-o", output}).status, 0);
  EXPECT_EQ(read(path), with_hole()) << "--output leaves it";
  const Outcome outcome = run({"repair", path});
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_EQ(outcome.error, "");
  EXPECT_THAT(outcome.output, StartsWith("Damaged at 0x1024: nothing leads from here to the variables behind\n"
                                         "Lost: whatever was in 0x1024 to 0x2380 (4956 bytes)\n"
                                         "Saved from where firmware couldn't reach them: 22\n  0x002380 "));
  EXPECT_THAT(outcome.output, HasSubstr("NV+BS+RT+AT    1005 PK\n"));
  EXPECT_THAT(outcome.output, EndsWith("Secure Boot: on, User Mode; PK 1, KEK 2, db 2, dbx 1\nVariables: 27\n"));
  EXPECT_EQ(read(path), read(output));
  EXPECT_EQ(sorted(contents(path)), sorted(expected));
  EXPECT_EQ(run({"check", path}).output, "The variable store is as it should be.\n");
  EXPECT_EQ(run({"repair", path}).output, "The variable store isn't damaged; there is nothing to repair.\n");
  EXPECT_EQ(read(path), read(output));
  EXPECT_EQ(files(), 2);
}

TEST_F(DamagedVars, RepairKnowsWhichOfTwoRecordsCounts) {
  auto bytes = with_hole();
  // Behind the hole "Lang" becomes "MTC", which is in front as well.
  auto other = read_at<format::RecordHeader>(bytes, 0x29E4).value();
  const auto mtc = read_at<format::RecordHeader>(bytes, 0x160).value();
  ASSERT_EQ(other.name_size, 10U);
  ASSERT_EQ(mtc.name_size, 8U);
  other.vendor = mtc.vendor;
  other.name_size = 8;
  other.data_size = 6;
  std::memcpy(bytes.data() + 0x29E4, &other, sizeof(other));
  std::memcpy(bytes.data() + 0x29E4 + sizeof(other), bytes.data() + 0x160 + sizeof(mtc), 8);
  const std::string first = write("first.fd", bytes);
  Outcome outcome = run({"repair", first});
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_THAT(outcome.output, HasSubstr("Left out, since another record of the same variable counts: 1\n  0x0029e4 "));
  EXPECT_EQ(Json::parse(run({"get", first, "MTC", "--json"}).output)["size"], 4);
  bytes[0x160 + offsetof(format::RecordHeader, state)] = std::byte{format::state::replacing};
  const std::string second = write("second.fd", bytes);
  outcome = run({"repair", second});
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_THAT(outcome.output, Not(HasSubstr("Left out")));
  EXPECT_EQ(Json::parse(run({"get", second, "MTC", "--json"}).output)["size"], 6);
}

TEST_F(DamagedVars, HeadersCanBeRepaired) {
  constexpr std::size_t store = sizeof(format::VolumeHeader);
  const struct {
    std::size_t offset;
    std::size_t size;
    std::uint8_t value;
    const char* reason;
  } cases[] = {
      {0, 0x64, 0xFF, "offset 0x0: the variable store is damaged: the volume's header has another signature"},
      {offsetof(format::VolumeHeader, fixed.signature), 1, 0, "the volume's header has another signature"},
      {offsetof(format::VolumeHeader, fixed.header_length) + 1, 1, 0xFF,
       "the volume's header has an impossible length"},
      {store, 1, 0, "offset 0x48: the variable store is damaged: the store's header has an unknown signature"},
      {store + offsetof(format::StoreHeader, size) + 2, 1, 5, "the store's header has an impossible size"},
      {store + offsetof(format::StoreHeader, format), 1, 0, "the store's header says that it isn't formatted"},
      {store + offsetof(format::StoreHeader, state), 1, 0, "the store's header says that it isn't healthy"},
  };
  for (const char* file : {store_with_keys, small_store_with_keys}) {
    const auto whole = read(file);
    for (const auto& test_case : cases) {
      auto bytes = whole;
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(test_case.offset), test_case.size,
                  std::byte{test_case.value});
      const std::string path = write("damaged.fd", bytes);
      expect_refused({"delete", path, "Timeout"}, test_case.reason);
      const Outcome outcome = run({"list", path});
      EXPECT_EQ(outcome.status, 1);
      EXPECT_THAT(outcome.output, HasSubstr("no key is trusted, since the store is damaged and stays closed\n"
                                            "Variables in front of the damage: 0\n"));
      EXPECT_EQ(read(path), bytes);
      ASSERT_EQ(run({"repair", path}).status, 0) << test_case.reason;
      EXPECT_EQ(sorted(contents(path)), sorted(contents(file)));
    }
  }
}

TEST_F(DamagedVars, TheSpareAreaMayHoldTheStore) {
  auto bytes = bytes_;
  std::copy_n(bytes.begin(), 0x40000, bytes.begin() + 0x42000);
  std::fill_n(bytes.begin(), 0x42000, std::byte{0xFF});
  const std::string path = write("spare.fd", bytes);
  const Outcome outcome = run({"check", path});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.output,
              StartsWith("damage   0x0: the store is erased, and the spare area holds one with variables in it\n"));
  EXPECT_THAT(outcome.output, HasSubstr("Variables out of its reach: 31 (`vars repair` saves them)\n  0x0420b8 "));
  EXPECT_EQ(run({"list", path}).status, 1);
  expect_refused({"set", path, "Timeout", "--hex", "0100"}, "the store is erased, and the spare area holds one");
  EXPECT_EQ(read(path), bytes);
  ASSERT_EQ(run({"repair", path}).status, 0);
  EXPECT_EQ(sorted(contents(path)), sorted(contents(store_with_keys)));
}

TEST_F(DamagedVars, ChangesNeedARepairFirst) {
  const std::string path = write("hole.fd", with_hole());
  const std::string reason =
      "hole.fd: offset 0x1024: the variable store is damaged: nothing leads from here to the variables behind "
      "(--repair ";
  expect_refused({"set", path, "Timeout", "--hex", "0100"}, reason);
  expect_refused({"set", path, "Timeout", "--hex", "0100", "--owner", "-o", directory_.file("out")}, reason);
  expect_refused({"delete", path, "MTC"}, reason);
  expect_refused({"delete", path, "PK", "--owner"}, reason);
  EXPECT_EQ(read(path), with_hole());
  EXPECT_EQ(files(), 1);
  const std::string output = directory_.file("out");
  Outcome outcome = run({"delete", path, "Timeout", "--repair", "-o", output});
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_EQ(run({"get", output, "Timeout"}).status, 1);
  EXPECT_EQ(run({"get", output, "PK"}).status, 0);
  EXPECT_EQ(read(path), with_hole());
  outcome = run({"set", path, "Timeout", "--hex", "0900", "--repair"});
  EXPECT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_THAT(outcome.output, HasSubstr("Lost: whatever was in 0x1024 to 0x2380 (4956 bytes)\n"
                                        "Saved from where firmware couldn't reach them: 22\n"));
  EXPECT_EQ(run({"get", path, "Timeout", "--raw"}).output, std::string("\x09\0", 2));
  EXPECT_EQ(listed(path)["variables"].size(), 27U);
  // A store without damage needs none.
  outcome = run({"set", path, "Timeout", "--hex", "0a00", "--repair"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.output, "");
}

// Stock firmware appends behind a header that a cut left without a state.
TEST_F(DamagedVars, ACutHeaderIsNoDamage) {
  const std::string path = copy_of(blank_store);
  ASSERT_EQ(run({"set", path, "First", "--guid", vendor, "--hex", "01"}).status, 0);
  ASSERT_EQ(run({"set", path, "AfterTheCut", "--guid", vendor, "--hex", "02"}).status, 0);
  const Json expected = contents(path);
  auto bytes = read(path);
  const auto record = listed(path)["variables"].at(1)["offset"].get<std::ptrdiff_t>();
  std::copy_n(bytes.begin() + record, 88, bytes.begin() + record + std::ptrdiff_t{sizeof(format::RecordHeader)});
  bytes[static_cast<std::size_t>(record) + offsetof(format::RecordHeader, state)] = std::byte{format::state::blank};
  write("vars.fd", bytes);
  const Outcome outcome = run({"check", path});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.output,
            std::format("note     {:#x}: a record was interrupted before it was complete; it has no effect\n"
                        "0 damaged, 0 odd, 1 that the next start puts right\n",
                        record));
  EXPECT_EQ(contents(path), expected);
  EXPECT_EQ(run({"set", path, "First", "--hex", "03"}).status, 0) << "without --repair";
}

TEST_F(DamagedVars, RefusesBadInput) {
  const auto damaged = with_hole();
  const std::string path = write("hole.fd", damaged);
  // What isn't a store that can be repaired.
  expect_refused({"repair", directory_.file("missing.fd")}, "missing.fd: No such file or directory");
  expect_refused({"repair", directory_.path().string()}, "is a directory");
  expect_refused({"repair", "/dev/null"}, "is not a regular file");
  expect_refused({"repair", write("empty", "")}, "empty: is empty");
  expect_refused({"repair", write("disk.qcow2", "QFI\xFB and more")}, "is a qcow2 image");
  expect_refused({"repair", "/usr/share/OVMF/OVMF_CODE_4M.fd"}, "no variable volume in it");
  std::vector<std::byte> noise(damaged.size());
  std::mt19937 random(1);
  std::ranges::generate(noise, [&random] { return static_cast<std::byte>(random()); });
  expect_refused({"repair", write("noise", noise)}, "no variable volume in it");
  expect_refused({"repair", write("blank", std::vector<std::byte>(damaged.size(), std::byte{0xFF}))},
                 "no variable volume in it");
  expect_refused({"repair", write("cut.fd", Bytes(damaged).first(0x83FFF))}, "the file ends after");
  for (const char* name : {"empty", "disk.qcow2", "noise", "blank", "cut.fd"}) {
    std::filesystem::remove(directory_.file(name));
  }
  // What isn't a command.
  expect_refused({"repair"}, "FILE is required");
  expect_refused({"repair", path, "PK"}, "PK");
  expect_refused({"repair", path, "--force"}, "--force");
  expect_refused({"repair", path, "--repair"}, "--repair");
  expect_refused({"repair", path, "-o"}, "--output");
  expect_refused({"get", path, "MTC", "--repair"}, "--repair");
  expect_refused({"delete", path, "MTC", "--repair=perhaps"}, "--repair");
  expect_refused({"repair", path, "-o", "/nowhere/out.fd"}, "/nowhere/out.fd: cannot be written");
  // What fails after the repair takes the repair with it.
  expect_refused({"set", path, "Timeout", "--hex", "xy", "--repair"}, "--hex: isn't made of pairs");
  expect_refused({"set", path, "Timeout", "--hex", "010203", "--repair"}, "by UEFI's rules");
  expect_refused({"set", path, "KEK", "--hex", "00", "--repair"}, "'KEK' is authenticated");
  expect_refused({"delete", path, "Nothing", "--repair"}, "no variable 'Nothing'", 1);
  expect_refused({"delete", path, "PK", "--repair"}, "'PK' is authenticated");
  expect_refused({"delete", path, "MTC", "--repair", "-o", "/nowhere/out.fd"}, "/nowhere/out.fd: cannot be written");
  EXPECT_EQ(read(path), damaged);
  EXPECT_EQ(files(), 1);
}

TEST_F(DamagedVars, RepairLeavesWhatItMayNotWrite) {
  const std::string path = write("hole.fd", with_hole());
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(file, 0);
  struct flock lock{};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = 100;
  lock.l_len = 1;
  ASSERT_EQ(::fcntl(file, F_OFD_SETLK, &lock), 0);
  expect_refused({"repair", path}, "is in use");
  expect_refused({"delete", path, "MTC", "--repair"}, "is in use");
  ASSERT_EQ(::close(file), 0);
  std::filesystem::permissions(path, std::filesystem::perms(0444));
  std::filesystem::permissions(directory_.path(), std::filesystem::perms(0777));
  const ::uid_t user = ::geteuid();
  if (user == 0) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  expect_refused({"repair", path}, "cannot be written: Permission denied");
  ASSERT_EQ(::seteuid(user), 0);
  EXPECT_EQ(read(path), with_hole());
  EXPECT_EQ(files(), 1);
}

}  // namespace
}  // namespace redoubt::tool
