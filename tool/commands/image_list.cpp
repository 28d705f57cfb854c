// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt image list`: what a firmware image holds, and what of it is MM.
#include <memory>

#include "image/firmware_volume.hpp"
#include "tool/commands/commands.hpp"
#include "tool/files.hpp"

namespace redoubt::tool {

namespace {

struct Options {
  std::string image;
};

CommandResult list(const Options& options) {
  const auto bytes = TRY(read_file(options.image));
  const auto volume = image::FirmwareVolumeView::create(bytes);
  if (!volume.has_value()) {
    return bad_input(options.image, volume.error().reason, volume.error().offset);
  }
  return ExitStatus::success;
}

}  // namespace

void add_image_list(CommandLine& command_line) {
  CLI::App& verb = *command_line.group("image", "Read and change firmware images")
                        .add_subcommand("list", "List volumes, files, sections and MM modules of an image");
  const auto options = std::make_shared<Options>();
  verb.add_option("IMAGE", options->image, "Firmware image")->required();
  command_line.on_chosen(verb, [options] { return list(*options); });
}

}  // namespace redoubt::tool
