// SPDX-License-Identifier: BSD-2-Clause-Patent
// elf2pe: the last step of every guest image's build. lld links ELF best, and debuggers read it; firmware wants PE.
// Exit status 0, or 2 with one line that says why.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <format>
#include <fstream>
#include <map>
#include <optional>

#include "elf_reader.hpp"
#include "pe_writer.hpp"
#include "stack_guard.hpp"

namespace {

using namespace redoubt::elf2pe;

struct Options {
  std::string input;
  std::string output;
  Subsystem subsystem = Subsystem::boot;
  std::uint32_t alignment = 4096;
  bool terse = false;
  std::optional<std::string> stack_guard;
};

int fail(const std::string& file, const std::string& reason) {
  std::fputs(std::format("elf2pe: {}: {}\n", file, reason).c_str(), stderr);
  return 2;
}

// Not a folder or a device: they can't be read to an end, or replaced.
bool is_other_than_a_file(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  return std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
}

// All of it or nothing: a build must not take half a file for a finished one.
bool write(const std::string& path, const std::vector<std::uint8_t>& bytes) {
  const std::string unfinished = path + ".part";
  std::ofstream output(unfinished, std::ios::binary | std::ios::trunc);
  output.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  output.close();
  std::error_code error;
  if (output.good()) std::filesystem::rename(unfinished, path, error);
  if (output.good() && !error) return true;
  std::filesystem::remove(unfinished, error);
  return false;
}

int convert(const Options& options) {
  for (const std::string& path : {options.input, options.output}) {
    if (is_other_than_a_file(path)) return fail(path, "is not a regular file");
  }
  std::ifstream input(options.input, std::ios::binary);
  std::vector<std::uint8_t> elf((std::istreambuf_iterator<char>(input)), std::istreambuf_iterator<char>());
  if (!input.good() && !input.eof()) return fail(options.input, "cannot be read");
  auto image = read_elf(elf);
  if (!image.has_value()) return fail(options.input, image.error().reason);
  if (options.stack_guard) {
    const auto redirected = redirect_stack_guard(*image, *options.stack_guard);
    if (!redirected.has_value()) return fail(options.input, redirected.error().reason);
  }
  const auto pe = options.terse ? write_te(*image, options.subsystem, options.alignment)
                                : write_pe(*image, options.subsystem, options.alignment);
  if (!pe.has_value()) return fail(options.input, pe.error().reason);

  if (!write(options.output, *pe)) return fail(options.output, "cannot be written");
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::map<std::string, Subsystem> subsystems = {
      {"application", Subsystem::application}, {"boot", Subsystem::boot}, {"runtime", Subsystem::runtime}};
  Options options;
  CLI::App app("Writes a static position-independent ELF executable as a UEFI PE image");
  app.add_option("input", options.input, "ELF executable, linked with -static-pie")->required();
  app.add_option("-o,--output", options.output, "PE image to write")->required();
  app.add_option("--subsystem", options.subsystem, "application, boot or runtime")
      ->transform(CLI::CheckedTransformer(subsystems))
      ->required();
  app.add_option("--align", options.alignment, "section and file alignment in bytes (default 4096)");
  app.add_flag("--te", options.terse, "write a TE image instead");
  app.add_option("--stack-guard", options.stack_guard,
                 "the variable that replaces FS:0x28, where the stack protector expects its guard");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::fputs(std::format("elf2pe: {} (see --help)\n", error.what()).c_str(), stderr);
    return 2;
  }
  return convert(options);
} catch (const std::exception& error) {
  std::fputs(std::format("elf2pe: {}\n", error.what()).c_str(), stderr);
  return 2;
}
