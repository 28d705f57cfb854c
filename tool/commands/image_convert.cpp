// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt image convert`: reads everything, converts in memory, writes the result in one step, then says what it did.
#include <cstdio>
#include <format>
#include <memory>
#include <nlohmann/json.hpp>

#include "abi/redoubt/image_names.hpp"
#include "abi/uefi/guid_text.hpp"
#include "image/names.hpp"
#include "image/tree.hpp"
#include "tool/commands/commands.hpp"
#include "tool/convert/conversion.hpp"
#include "tool/files.hpp"

namespace redoubt::tool {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string image;
  std::string output;
  std::vector<std::string> drivers;
  std::vector<std::string> peims;
  std::string payload;
  std::string firmware;
  bool json = false;
};

std::string text_of(const abi::Guid& guid) { return std::string(abi::to_text(guid).view()); }

// The drivers of the bundle, then those of the user. A GUID names one file only.
Result<std::vector<DriverFile>, CommandError> collect_drivers(const FirmwareBundle& bundle,
                                                              const std::vector<std::string>& paths) {
  std::vector<DriverFile> drivers;
  const auto add = [&](DriverFile driver) -> Result<void, CommandError> {
    if (driver.guid == abi::image_names::supervisor || driver.guid == abi::image_names::foundation) {
      return bad_input(driver.source, "has the GUID of a file of ours");
    }
    for (const DriverFile& other : drivers) {
      if (other.guid == driver.guid) {
        return bad_input(driver.source, std::format("has the same GUID as {}, {}", other.source, text_of(other.guid)));
      }
    }
    drivers.push_back(std::move(driver));
    return {};
  };
  for (const FirmwareModule& module : bundle.drivers) {
    TRY(add(TRY(make_driver_file(module))));
  }
  for (const std::string& path : paths) {
    TRY(add(TRY(read_driver(path))));
  }
  return drivers;
}

std::string table_row(const char* action, const ChangedFile& file) {
  return std::format("  {:<8} {:<26} {:<22} {} {:>#10x}  {} + {:#x}\n", action, file.name.empty() ? "-" : file.name,
                     image::type_name(file.type), text_of(file.guid), file.size, file.volume, file.offset);
}

std::string report_text(const Options& options, const ConversionReport& report) {
  std::string text = std::format("{} -> {}\n\n  {:<8} {:<26} {:<22} {:<36} {:>10}  {}\n", options.image, options.output,
                                 "", "name", "type", "GUID", "size", "where");
  for (const ChangedFile& file : report.removed) {
    text += table_row("removed", file);
  }
  for (const ChangedFile& file : report.added) {
    text += table_row("added", file);
  }
  for (const ReplacedSection& section : report.replaced) {
    text += std::format("  {:<8} {:<26} {:<22} {} {:>#10x}  image + {:#x}, was {:#x}\n", "replaced", "compressed file",
                        "volume image", text_of(section.file), section.new_size, section.offset, section.old_size);
  }
  text += std::format("\nThe PEI volume runs at {:#x}; the IPL is linked for its place there.\nFree room:",
                      report.pei_volume_address);
  const char* separator = " ";
  for (const FreeRoom& room : report.free) {
    text += std::format("{}{} {:#x}", separator, room.volume, room.after);
    separator = ", ";
  }
  return text + "\n";
}

Json files_json(const std::vector<ChangedFile>& files) {
  Json json = Json::array();
  for (const ChangedFile& file : files) {
    json.push_back({{"guid", text_of(file.guid)},
                    {"name", file.name},
                    {"type", image::type_name(file.type)},
                    {"type_number", static_cast<unsigned>(file.type)},
                    {"volume", file.volume},
                    {"offset", file.offset},
                    {"size", file.size}});
  }
  return json;
}

Json report_json(const Options& options, const ConversionReport& report) {
  Json json = {{"image", options.image},
               {"output", options.output},
               {"pei_volume_address", report.pei_volume_address},
               {"removed", files_json(report.removed)},
               {"added", files_json(report.added)},
               {"replaced", Json::array()},
               {"free", Json::array()}};
  for (const ReplacedSection& section : report.replaced) {
    json["replaced"].push_back({{"file", text_of(section.file)},
                                {"offset", section.offset},
                                {"old_size", section.old_size},
                                {"new_size", section.new_size}});
  }
  for (const FreeRoom& room : report.free) {
    json["free"].push_back({{"volume", room.volume}, {"before", room.before}, {"after", room.after}});
  }
  return json;
}

// What a reader of the whole image stumbles over first, since that is often why something wasn't found in it.
std::string first_problem(Bytes bytes) {
  const image::ImageTree tree = image::ImageTree::parse(bytes);
  if (tree.problems().empty()) {
    return {};
  }
  const image::Problem& first = tree.problems().front();
  return std::format(" (offset {}: {})", tree.path_text(first.location), first.reason);
}

CommandResult convert(const Options& options) {
  const auto original = TRY(read_file(options.image));
  std::error_code error;
  if (std::filesystem::equivalent(options.image, options.output, error)) {
    return bad_input(options.output, "is the image to convert; give the result another name");
  }
  const FirmwareBundle bundle = TRY(read_firmware_bundle(
      options.firmware.empty() ? default_firmware_directory() : std::filesystem::path(options.firmware)));
  const std::vector<DriverFile> drivers = TRY(collect_drivers(bundle, options.drivers));
  Additions additions;
  for (const std::string& path : options.peims) {
    additions.peims.push_back(TRY(read_peim(path)));
  }
  if (!options.payload.empty()) {
    additions.payload = TRY(read_payload(options.payload));
  }
  const auto conversion = convert_image(original, bundle, drivers, additions);
  if (!conversion.has_value()) {
    return bad_input(options.image, conversion.error().reason + first_problem(original));
  }
  TRY(write_file(options.output, conversion->image));
  const std::string text =
      options.json ? report_json(options, conversion->report).dump(2, ' ', true, Json::error_handler_t::replace) + "\n"
                   : report_text(options, conversion->report);
  // Standard output's errors are looked at once, at the end (tool/command.cpp).
  static_cast<void>(std::fputs(text.c_str(), stdout));
  return ExitStatus::success;
}

}  // namespace

void add_image_convert(CommandLine& command_line) {
  CLI::App& verb =
      *command_line.group("image", "Read and change firmware images")
           .add_subcommand("convert", "Replace an image's Traditional MM by Standalone MM launched from PEI");
  const auto options = std::make_shared<Options>();
  verb.add_option("IMAGE", options->image, "Firmware image to convert; it isn't changed")->required();
  verb.add_option("-o,--output", options->output, "Where the converted image goes")->required();
  verb.add_option("--driver", options->drivers, "MM driver to add: .ffs of type MM_STANDALONE, or .efi (repeatable)")
      ->type_name("FILE")
      ->expected(1)
      ->take_all();
  verb.add_option("--peim", options->peims,
                  "PEIM to add: .ffs of type PEIM, or .efi, which starts once MM answers (repeatable)")
      ->type_name("FILE")
      ->expected(1)
      ->take_all();
  verb.add_option("--payload", options->payload,
                  "What PEI starts instead of DXE: .efi for X64 that takes a HOB list; DXE goes")
      ->type_name("FILE");
  verb.add_option("--firmware", options->firmware,
                  "Directory of Redoubt's firmware images and firmware.json (default: `firmware` beside this program)")
      ->type_name("DIR");
  verb.add_flag("--json", options->json, "Print JSON");
  command_line.on_chosen(verb, [options] { return convert(*options); });
}

}  // namespace redoubt::tool
