// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/variables/damage.hpp"

#include <format>

#include "drivers/variable/store/inspection.hpp"
#include "tool/variables/text.hpp"

namespace redoubt::tool::variables {

namespace {

std::vector<StoredVariable> in_file(const std::vector<variable::FoundVariable>& found, std::uint64_t volume) {
  std::vector<StoredVariable> variables;
  for (const variable::FoundVariable& from : found) {
    variables.push_back({.vendor = from.vendor,
                         .name = from.name,
                         .attributes = from.attributes,
                         .time_stamp = from.time_stamp,
                         .offset = volume + from.offset,
                         .data = from.data});
  }
  return variables;
}

}  // namespace

std::optional<Damage> find_damage(Bytes file, const VolumePlace& place) {
  const auto store = variable::find_damaged_store(file.subspan(place.offset, place.layout.volume_size), place.layout);
  if (!store.has_value()) {
    return std::nullopt;
  }
  Damage damage{.offset = place.offset + store->damage.offset,
                .id = store->damage.id,
                .in_reach = in_file(store->in_reach, place.offset),
                .out_of_reach = in_file(store->out_of_reach, place.offset),
                .unreadable = {}};
  for (const variable::Stretch& stretch : store->unreadable) {
    damage.unreadable.push_back({place.offset + stretch.start, stretch.end - stretch.start});
  }
  return damage;
}

std::string rows_with_offsets(const std::vector<StoredVariable>& variables) {
  std::string text;
  for (const StoredVariable& variable : variables) {
    text += std::format("  {:#08x} {}\n", variable.offset, variable_row(variable));
  }
  return text;
}

std::string to_text(const Stretch& stretch) {
  return std::format("{:#x} to {:#x} ({} bytes)", stretch.offset, stretch.offset + stretch.size, stretch.size);
}

Json damage_json(const Damage& damage) {
  Json json;
  json["offset"] = damage.offset;
  json["text"] = to_string(damage.id);
  json["out_of_reach"] = variables_json(damage.out_of_reach);
  json["unreadable"] = Json::array();
  for (const Stretch& stretch : damage.unreadable) {
    json["unreadable"].push_back({{"offset", stretch.offset}, {"size", stretch.size}});
  }
  return json;
}

}  // namespace redoubt::tool::variables
