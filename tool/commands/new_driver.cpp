// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt new-driver`: a driver for both models to begin with, made of sdk/template, whose README.md says what is
// replaced. A folder appears whole or not at all.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <format>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "abi/uefi/types.hpp"
#include "tool/commands/commands.hpp"
#include "tool/files.hpp"

namespace redoubt::tool {

namespace {

struct Options {
  std::string name;
  std::string directory = ".";
  std::string sdk;
};

constexpr const char* sdk_config = "RedoubtSdkConfig.cmake";

constexpr std::size_t longest_name = 40;

// Each stands in the template with ".in" behind it.
constexpr std::array template_files = {"CMakeLists.txt", "CMakePresets.json", "README.md",
                                       "driver.hpp",     "standalone.cpp",    "traditional.cpp",
                                       "NAME.hpp",       "NAME.cpp",          "NAME_test.cpp"};

bool is_lower(char character) { return character >= 'a' && character <= 'z'; }
bool is_digit(char character) { return character >= '0' && character <= '9'; }

// The name becomes file names, CMake targets and, with "_driver" behind it, a namespace.
std::string why_not_a_name(std::string_view name) {
  if (name.empty()) {
    return "is empty";
  }
  if (name.size() > longest_name) {
    return std::format("is longer than {} characters", longest_name);
  }
  if (!is_lower(name.front())) {
    return "doesn't begin with a lower-case letter";
  }
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!is_lower(name[i]) && !is_digit(name[i]) && name[i] != '_') {
      return "holds something else than lower-case letters, digits and underscores";
    }
    if (name[i] == '_' && (i + 1 == name.size() || name[i + 1] == '_')) {
      return "has an underscore at its end or two in a row";
    }
  }
  if (name == "driver" || name == "standalone" || name == "traditional") {
    return "is the name of a file that every driver has";
  }
  return {};
}

// A random GUID (RFC 9562, version 4) as an initialiser.
std::string new_guid_text() {
  std::random_device random;
  std::array<std::uint32_t, 4> words{};
  for (std::uint32_t& word : words) {
    word = random();
  }
  abi::Guid guid{};
  std::memcpy(&guid, words.data(), sizeof(guid));
  guid.data3 = static_cast<std::uint16_t>(0x4000U | (guid.data3 & 0x0FFFU));
  guid.data4[0] = static_cast<std::uint8_t>(0x80U | (guid.data4[0] & 0x3FU));
  std::string text = std::format("{{{:#010x}, {:#06x}, {:#06x}, {{", guid.data1, guid.data2, guid.data3);
  for (std::size_t i = 0; i < sizeof(guid.data4); ++i) {
    text += std::format("{}{:#04x}", i == 0 ? "" : ", ", guid.data4[i]);
  }
  return text + "}}";
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// A path as a string of a presets file, in which "$" begins a macro.
Result<std::string, CommandError> preset_text(const std::filesystem::path& path) {
  std::string text = path.string();
  replace_all(text, "$", "${dollar}");
  const nlohmann::json json(text);
  try {
    return json.dump();
  } catch (const nlohmann::json::exception&) {
    return bad_input(path.string(), "has a path that isn't UTF-8, which CMake can't be told");
  }
}

// Where the SDK is when the user doesn't say: `sdk` beside this program, or in the tree that it was built in.
std::filesystem::path default_sdk_directory() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path beside = program.parent_path() / "sdk";
  // The tool of a build tree lies in build/release/bin.
  const std::filesystem::path in_tree = program.parent_path().parent_path().parent_path().parent_path() / "sdk";
  return !std::filesystem::exists(beside / sdk_config, error) && std::filesystem::exists(in_tree / sdk_config, error)
             ? in_tree
             : beside;
}

struct TemplateFile {
  std::string name;
  std::string text;
};

Result<std::vector<TemplateFile>, CommandError> fill_template(const Options& options,
                                                              const std::filesystem::path& sdk) {
  const std::string space = options.name.ends_with("_driver") ? options.name : options.name + "_driver";
  const std::string guid = new_guid_text();
  const std::string sdk_text = TRY(preset_text(sdk));
  std::vector<TemplateFile> files;
  for (const char* name : template_files) {
    const auto bytes = TRY(read_file((sdk / "template" / (std::string(name) + ".in")).string()));
    TemplateFile file{.name = name, .text = {reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
    replace_all(file.name, "NAME", options.name);
    replace_all(file.text, "@name@", options.name);
    replace_all(file.text, "@namespace@", space);
    replace_all(file.text, "@guid@", guid);
    replace_all(file.text, "@sdk@", sdk_text);
    files.push_back(std::move(file));
  }
  files.push_back({".gitignore", "build/\n"});
  return files;
}

// A folder beside its later place, removed unless it got there.
class NewFolder {
 public:
  static Result<NewFolder, CommandError> create(const std::filesystem::path& target) {
    std::string pattern = (target.parent_path() / ("." + target.filename().string() + ".XXXXXX")).string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      return bad_input(target.string(), std::strerror(errno));
    }
    return NewFolder(pattern, target);
  }
  NewFolder(NewFolder&& other) noexcept : path_(std::exchange(other.path_, {})), target_(std::move(other.target_)) {}
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;
  NewFolder& operator=(NewFolder&&) = delete;
  ~NewFolder() {
    std::error_code ignored;
    if (!path_.empty()) {
      std::filesystem::remove_all(path_, ignored);
    }
  }

  Result<void, CommandError> add(const TemplateFile& file) {
    return write_file((path_ / file.name).string(), std::as_bytes(std::span(file.text)));
  }

  Result<void, CommandError> finish() {
    // mkdtemp() made it for its owner alone.
    const ::mode_t mask = ::umask(0);
    ::umask(mask);
    if (::chmod(path_.c_str(), 0777 & ~mask) != 0 ||
        ::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE) != 0) {
      return bad_input(target_.string(), errno == EEXIST ? "exists already" : std::strerror(errno));
    }
    path_.clear();
    return {};
  }

 private:
  NewFolder(std::filesystem::path path, std::filesystem::path target)
      : path_(std::move(path)), target_(std::move(target)) {}

  std::filesystem::path path_;
  std::filesystem::path target_;
};

CommandResult create_driver(const Options& options) {
  if (const std::string reason = why_not_a_name(options.name); !reason.empty()) {
    return bad_input(std::format("'{}'", options.name), "no name for a driver: " + reason);
  }
  std::error_code error;
  if (!std::filesystem::is_directory(options.directory, error)) {
    return bad_input(options.directory, error ? error.message() : "is not a directory");
  }
  const std::filesystem::path target = std::filesystem::path(options.directory) / options.name;
  if (std::filesystem::symlink_status(target, error).type() != std::filesystem::file_type::not_found) {
    return bad_input(target.string(), "exists already");
  }
  const std::filesystem::path given =
      options.sdk.empty() ? default_sdk_directory() : std::filesystem::path(options.sdk);
  if (!std::filesystem::exists(given / sdk_config, error)) {
    return bad_input(given.string(), std::format("isn't Redoubt's SDK: there is no {} in it", sdk_config));
  }
  const std::filesystem::path sdk = std::filesystem::canonical(given, error);
  if (error) {
    return bad_input(given.string(), error.message());
  }
  const auto files = TRY(fill_template(options, sdk));
  NewFolder folder = TRY(NewFolder::create(target));
  for (const TemplateFile& file : files) {
    TRY(folder.add(file));
  }
  TRY(folder.finish());
  // Standard output's errors are looked at once, at the end (tool/command.cpp).
  static_cast<void>(
      std::fputs(std::format("{}: a driver for both models, with its test\n\n  cd '{}'\n  cmake --preset default\n"
                             "  cmake --build --preset default\n  ctest --preset default\n",
                             target.string(), target.string())
                     .c_str(),
                 stdout));
  return ExitStatus::success;
}

}  // namespace

void add_new_driver(CommandLine& command_line) {
  const Verb verb = command_line.root().add_verb(
      "new-driver", "Write an MM driver to begin with: both models, CMake project, host test");
  const auto options = std::make_shared<Options>();
  verb.footer("The project builds as it is, with clang-19, CMake and Ninja; its README.md says how.");
  verb.add_option("NAME", options->name, "Name of driver and folder: lower-case letters, digits and underscores")
      .required();
  verb.add_option("--directory", options->directory, "Where the folder goes").type_name("DIR").capture_default();
  verb.add_option("--sdk", options->sdk,
                  "Redoubt's SDK (default: `sdk` beside this program, or of the tree it was built in)")
      .type_name("DIR");
  command_line.on_chosen(verb, [options] { return create_driver(*options); });
}

}  // namespace redoubt::tool
