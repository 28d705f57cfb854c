// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt image convert`: reads everything, converts in memory, writes the result in one step, then says what it did.
#include <algorithm>
#include <cstdio>
#include <format>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

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
  std::vector<std::string> allowed_unaligned;
  std::vector<std::string> fault_policies;
  std::string firmware;
  bool json = false;
};

std::string text_of(const abi::Guid& guid) { return std::string(abi::to_text(guid).view()); }

// The drivers of the bundle, then those of the user. A GUID names one file only.
class DriverCollection {
 public:
  explicit DriverCollection(const std::vector<std::string>& allowed_unaligned) : allowed_(allowed_unaligned) {}

  Result<void, CommandError> add(DriverInput input) {
    for (DriverFile& driver : input.drivers) {
      TRY(check(driver));
      drivers_.drivers.push_back(std::move(driver));
    }
    for (VolumeFile& volume : input.volumes) {
      TRY(take_name(volume.guid, volume.source));
      for (const DriverFile& driver : volume.drivers) {
        TRY(check(driver));
      }
      drivers_.volumes.push_back(std::move(volume));
    }
    return {};
  }

  // All of them, once every exception was needed: one that names no driver is a mistake that the user should hear of.
  Result<DriverInput, CommandError> finish() {
    for (const std::string& allowed : allowed_) {
      if (!used_.contains(allowed)) {
        return bad_input(std::format("--allow-unaligned {}", allowed),
                         "names no driver to add whose sections aren't aligned to 4 KiB");
      }
    }
    return std::move(drivers_);
  }

 private:
  Result<void, CommandError> take_name(const abi::Guid& guid, const std::string& source) {
    if (guid == abi::image_names::supervisor || guid == abi::image_names::foundation ||
        guid == abi::image_names::alignment_exceptions || guid == abi::image_names::fault_policies) {
      return bad_input(source, "has the GUID of a file of ours");
    }
    const auto [other, added] = sources_.emplace(text_of(guid), source);
    if (!added) {
      return bad_input(source, std::format("has the same GUID as {}, {}", other->second, text_of(guid)));
    }
    return {};
  }

  Result<void, CommandError> check(const DriverFile& driver) {
    TRY(take_name(driver.guid, driver.source));
    if (driver.alignment >= page_alignment) {
      return {};
    }
    bool admitted = false;
    for (const std::string& allowed : allowed_) {
      if (allowed == driver.source || abi::parse_guid(allowed) == driver.guid) {
        used_.insert(allowed);
        admitted = true;
      }
    }
    if (admitted) {
      return {};
    }
    return bad_input(driver.source,
                     std::format("driver {}{}: its sections are aligned to {}, not to 4 KiB; --allow-unaligned {} "
                                 "admits it, with pages that are writable and executable",
                                 text_of(driver.guid), driver.name.empty() ? "" : " " + driver.name, driver.alignment,
                                 text_of(driver.guid)));
  }

  const std::vector<std::string>& allowed_;
  std::set<std::string> used_;
  std::map<std::string, std::string> sources_;  // by GUID
  DriverInput drivers_;
};

Result<DriverInput, CommandError> collect_drivers(const FirmwareBundle& bundle, const Options& options) {
  DriverCollection collection(options.allowed_unaligned);
  for (const FirmwareModule& module : bundle.drivers) {
    DriverInput input;
    input.drivers.push_back(
        TRY(make_driver_file(module.source, module.guid, module.name, module.depex, module.executable)));
    TRY(collection.add(std::move(input)));
  }
  for (const std::string& path : options.drivers) {
    TRY(collection.add(TRY(read_driver_input(path))));
  }
  return collection.finish();
}

std::string table_row(const char* action, const ChangedFile& file) {
  return std::format("  {:<8} {:<26} {:<22} {} {:>#10x}  {} + {:#x}\n", action, file.name.empty() ? "-" : file.name,
                     image::type_name(file.type), text_of(file.guid), file.size, file.volume, file.offset);
}

// What happened to the drivers of the user beyond being added.
std::string input_text(const DriverInput& drivers) {
  std::string text;
  const auto unpacked = [&](const DriverFile& driver) {
    for (const std::string& encoding : driver.unpacked) {
      text +=
          std::format("Unpacked from {}: {} {} of {}\n", encoding, text_of(driver.guid), driver.name, driver.source);
    }
  };
  std::ranges::for_each(drivers.drivers, unpacked);
  for (const VolumeFile& volume : drivers.volumes) {
    std::ranges::for_each(volume.drivers, unpacked);
    for (const std::string& file : volume.left_out) {
      text += std::format("Left out, nothing for MM: {} of {}\n", file, volume.source);
    }
  }
  return text;
}

std::string report_text(const Options& options, const DriverInput& drivers, const ConversionReport& report) {
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
  text += "\n" + input_text(drivers);
  for (const AlignmentException& exception : report.exceptions) {
    text += std::format(
        "EXCEPTION: {} {} of {} has sections aligned to {}; pages that they share will be writable and executable\n",
        text_of(exception.guid), exception.name, exception.source, exception.alignment);
  }
  text += "When a driver fails:\n";
  for (const DriverFaultPolicy& driver : report.fault_policies) {
    text += std::format("  {:<8} {:<26} {} ({})\n", abi::to_string(driver.policy),
                        driver.name.empty() ? "-" : driver.name, text_of(driver.guid), driver.reason);
  }
  text += std::format("The PEI volume runs at {:#x}; the IPL is linked for its place there.\nFree room:",
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

Json unpacked_json(const DriverInput& drivers) {
  Json json = Json::array();
  const auto add = [&](const DriverFile& driver) {
    if (!driver.unpacked.empty()) {
      json.push_back({{"guid", text_of(driver.guid)}, {"source", driver.source}, {"encodings", driver.unpacked}});
    }
  };
  std::ranges::for_each(drivers.drivers, add);
  for (const VolumeFile& volume : drivers.volumes) {
    std::ranges::for_each(volume.drivers, add);
  }
  return json;
}

Json left_out_json(const DriverInput& drivers) {
  Json json = Json::array();
  for (const VolumeFile& volume : drivers.volumes) {
    for (const std::string& file : volume.left_out) {
      json.push_back({{"source", volume.source}, {"file", file}});
    }
  }
  return json;
}

Json report_json(const Options& options, const DriverInput& drivers, const ConversionReport& report) {
  Json json = {{"image", options.image},
               {"output", options.output},
               {"pei_volume_address", report.pei_volume_address},
               {"removed", files_json(report.removed)},
               {"added", files_json(report.added)},
               {"unpacked", unpacked_json(drivers)},
               {"left_out", left_out_json(drivers)},
               {"alignment_exceptions", Json::array()},
               {"fault_policies", Json::array()},
               {"replaced", Json::array()},
               {"free", Json::array()}};
  for (const AlignmentException& exception : report.exceptions) {
    json["alignment_exceptions"].push_back({{"guid", text_of(exception.guid)},
                                            {"name", exception.name},
                                            {"source", exception.source},
                                            {"alignment", exception.alignment}});
  }
  for (const DriverFaultPolicy& driver : report.fault_policies) {
    json["fault_policies"].push_back({{"guid", text_of(driver.guid)},
                                      {"name", driver.name},
                                      {"policy", abi::to_string(driver.policy)},
                                      {"reason", driver.reason}});
  }
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
  const DriverInput drivers = TRY(collect_drivers(bundle, options));
  Additions additions;
  additions.fault_policies = TRY(decide_fault_policies(bundle, drivers, options.fault_policies));
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
      options.json
          ? report_json(options, drivers, conversion->report).dump(2, ' ', true, Json::error_handler_t::replace) + "\n"
          : report_text(options, drivers, conversion->report);
  // Standard output's errors are looked at once, at the end (tool/command.cpp).
  static_cast<void>(std::fputs(text.c_str(), stdout));
  return ExitStatus::success;
}

}  // namespace

void add_image_convert(CommandLine& command_line) {
  const Verb verb = command_line.group("image", "Read and change firmware images")
                        .add_verb("convert", "Replace an image's Traditional MM by Standalone MM launched from PEI");
  const auto options = std::make_shared<Options>();
  verb.add_option("IMAGE", options->image, "Firmware image to convert; it isn't changed").required();
  verb.add_option("-o,--output", options->output, "Where the converted image goes").required();
  verb.add_option("--driver", options->drivers,
                  "MM drivers to add: image (.efi, .te), file of type MM_STANDALONE (.ffs), or volumes with such files "
                  "(.fv); what is compressed is unpacked (repeatable)")
      .type_name("FILE")
      .repeatable();
  verb.add_option("--peim", options->peims,
                  "PEIM to add: .ffs of type PEIM, or .efi, which starts once MM answers (repeatable)")
      .type_name("FILE")
      .repeatable();
  verb.add_option("--payload", options->payload,
                  "What PEI starts instead of DXE: .efi for X64 that takes a HOB list; DXE goes")
      .type_name("FILE");
  verb.add_option("--allow-unaligned", options->allowed_unaligned,
                  "Admit this driver although its sections aren't aligned to 4 KiB, so that some of its pages will be "
                  "writable and executable; every boot report shows it (repeatable)")
      .type_name("FILE|GUID")
      .repeatable();
  verb.add_option("--fault", options->fault_policies,
                  "What becomes of the machine when this driver fails: disable (it is stopped, the machine goes on), "
                  "reset (until ExitBootServices, and not for ever; then as disable), halt; NAME is that of its user "
                  "interface section or its GUID (repeatable)")
      .type_name("NAME=disable|reset|halt")
      .repeatable();
  verb.add_option("--firmware", options->firmware,
                  "Directory of Redoubt's firmware images and firmware.json (default: `firmware` beside this program)")
      .type_name("DIR");
  verb.add_flag("--json", options->json, "Print JSON");
  command_line.on_chosen(verb, [options] { return convert(*options); });
}

}  // namespace redoubt::tool
