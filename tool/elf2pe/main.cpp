// SPDX-License-Identifier: BSD-2-Clause-Patent
// elf2pe: the last step of every guest image's build. lld links ELF best, and debuggers read it; firmware wants PE.
// Exit status 0, or 2 with one line that says why.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <format>
#include <fstream>
#include <map>

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
  std::string stack_guard;
};

int fail(const std::string& file, const std::string& reason) {
  std::fputs(std::format("elf2pe: {}: {}\n", file, reason).c_str(), stderr);
  return 2;
}

int convert(const Options& options) {
  std::ifstream input(options.input, std::ios::binary);
  std::vector<std::uint8_t> elf((std::istreambuf_iterator<char>(input)), std::istreambuf_iterator<char>());
  if (!input.good() && !input.eof()) return fail(options.input, "cannot be read");
  auto image = read_elf(elf);
  if (!image.has_value()) return fail(options.input, image.error().reason);
  if (!options.stack_guard.empty()) {
    const auto redirected = redirect_stack_guard(*image, options.stack_guard);
    if (!redirected.has_value()) return fail(options.input, redirected.error().reason);
  }
  const auto pe = options.terse ? write_te(*image, options.subsystem, options.alignment)
                                : write_pe(*image, options.subsystem, options.alignment);
  if (!pe.has_value()) return fail(options.input, pe.error().reason);

  std::ofstream output(options.output, std::ios::binary | std::ios::trunc);
  output.write(reinterpret_cast<const char*>(pe->data()), static_cast<std::streamsize>(pe->size()));
  output.close();
  if (!output.good()) {
    // A build must not take half a file for a finished one.
    std::error_code ignored;
    std::filesystem::remove(options.output, ignored);
    return fail(options.output, "cannot be written");
  }
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
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return convert(options);
} catch (const std::exception& error) {
  std::fputs(std::format("elf2pe: {}\n", error.what()).c_str(), stderr);
  return 2;
}
