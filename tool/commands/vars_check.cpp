// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt vars check`: what is wrong in a store file, as the driver would judge it. Works on the file as it is:
// recovers nothing first, and writes nothing.
#include <algorithm>
#include <cstdio>
#include <format>
#include <memory>

#include "drivers/variable/store/inspection.hpp"
#include "tool/commands/commands.hpp"
#include "tool/files.hpp"
#include "tool/variables/damage.hpp"
#include "tool/variables/json.hpp"
#include "tool/variables/store_file.hpp"
#include "tool/variables/text.hpp"

namespace redoubt::tool {

namespace {

using variable::Finding;
using variable::Severity;
using variables::Damage;
using variables::Json;
using variables::VolumePlace;

struct Options {
  std::string file;
  bool json = false;
};

const char* severity_name(Severity severity) {
  switch (severity) {
    case Severity::note: return "note";
    case Severity::warning: return "warning";
    case Severity::damage: return "damage";
  }
  return "";
}

// Headers may be damaged so much that no volume can be found; a file of the size of one of OVMF's is taken for one.
Result<VolumePlace, CommandError> place_of(const std::string& file, Bytes bytes) {
  const auto places = variables::find_volumes(file, bytes);
  if (places.has_value()) {
    return places->front();
  }
  if (const auto layout = variable::layout_of_size(bytes.size()); layout.has_value()) {
    return VolumePlace{0, *layout};
  }
  return std::unexpected(places.error());
}

// The name of the record that stands at `offset`, if there is one of any kind but a header alone; damaged ones have
// what they have.
std::string name_at(Bytes volume, std::uint32_t offset) {
  const variable::Record record = variable::read_record(volume, offset, static_cast<std::uint32_t>(volume.size()));
  if (record.kind == variable::RecordKind::none || record.kind == variable::RecordKind::torn) {
    return {};
  }
  const auto name = slice(volume, std::uint64_t{offset} + sizeof(record.header), record.header.name_size);
  return name.has_value() ? variables::to_utf8(variables::units_of(*name)) : std::string();
}

// What can be found all the same.
std::string damage_text(const Damage& damage) {
  std::string text = std::format("Firmware keeps the store closed. Variables in front of the damage: {}\n{}",
                                 damage.in_reach.size(), variables::rows_with_offsets(damage.in_reach));
  text += std::format("Variables out of its reach: {}{}\n{}", damage.out_of_reach.size(),
                      damage.out_of_reach.empty() ? "" : " (`vars repair` saves them)",
                      variables::rows_with_offsets(damage.out_of_reach));
  for (const variables::Stretch& stretch : damage.unreadable) {
    text += std::format("No variable can be read from {}\n", variables::to_text(stretch));
  }
  return text;
}

CommandResult check(const Options& options) {
  const auto bytes = TRY(read_file(options.file));
  const VolumePlace place = TRY(place_of(options.file, bytes));
  const Bytes volume = Bytes(bytes).subspan(place.offset, place.layout.volume_size);
  const std::vector<Finding> findings = variable::inspect(volume, place.layout);
  const auto count = [&findings](Severity severity) {
    return std::ranges::count(findings, severity, &Finding::severity);
  };
  // A write that the next start ends moves the records that findings are about.
  const bool are_in_place =
      std::ranges::find(findings, variable::FindingId::write_unfinished, &Finding::id) == findings.end();
  std::string text;
  Json json;
  json["file"] = options.file;
  json["volume"] = {{"offset", place.offset}, {"length", place.layout.volume_size}};
  json["findings"] = Json::array();
  for (const Finding& finding : findings) {
    const std::string name = are_in_place ? name_at(volume, finding.offset) : std::string();
    text += std::format("{:<8} {:#x}: {}{}\n", severity_name(finding.severity), place.offset + finding.offset,
                        to_string(finding.id), name.empty() ? "" : std::format(" ({})", name));
    json["findings"].push_back({{"severity", severity_name(finding.severity)},
                                {"offset", place.offset + finding.offset},
                                {"text", to_string(finding.id)},
                                {"name", name}});
  }
  const std::optional<variables::Damage> damage = variables::find_damage(bytes, place);
  json["damage"] = Json();
  if (damage.has_value()) {
    text += damage_text(*damage);
    json["damage"] = variables::damage_json(*damage);
    json["damage"]["in_reach"] = variables::variables_json(damage->in_reach);
  }
  if (findings.empty()) {
    text = "The variable store is as it should be.\n";
  } else {
    text += std::format("{} damaged, {} odd, {} that the next start puts right\n", count(Severity::damage),
                        count(Severity::warning), count(Severity::note));
  }
  // Standard output's errors are looked at once, at the end (tool/command.cpp).
  static_cast<void>(std::fputs((options.json ? variables::json_text(json) : text).c_str(), stdout));
  return count(Severity::damage) + count(Severity::warning) == 0 ? ExitStatus::success : ExitStatus::negative;
}

}  // namespace

void add_vars_check(CommandLine& command_line) {
  const Verb verb = command_line.group("vars", "").add_verb("check", "Say what isn't as it should be");
  const auto options = std::make_shared<Options>();
  verb.footer(
      "note: what a power cut leaves; the next start puts it right, and nothing is lost.\n"
      "warning: not what firmware writes; all variables can be read. damage: something can't be read.\n"
      "Of a damaged store, which firmware keeps closed, all variables are named that can be found.\n"
      "Never writes to FILE. Exit status: 0 when there are notes at most, 1 for warnings and damage, 2 for a file\n"
      "with no variable volume in it.");
  verb.add_option("FILE", options->file, "File with a variable store").required();
  verb.add_flag("--json", options->json, "Print JSON");
  command_line.on_chosen(verb, [options] { return check(*options); });
}

}  // namespace redoubt::tool
