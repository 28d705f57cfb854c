// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/variables/json.hpp"

#include "abi/uefi/guid_text.hpp"
#include "image/known_guids.hpp"
#include "tool/variables/text.hpp"

namespace redoubt::tool::variables {

Json variable_json(const StoredVariable& variable) {
  Json json;
  json["guid"] = abi::to_text(variable.vendor).view();
  json["vendor"] = image::known_name(variable.vendor);
  json["name"] = to_utf8(variable.name);
  json["attributes"] = attribute_words(variable.attributes);
  json["attribute_bits"] = variable.attributes;
  json["time_stamp"] = time_text(variable.time_stamp);
  json["offset"] = variable.offset;
  json["size"] = variable.data.size();
  json["data"] = to_hex(variable.data);
  return json;
}

Json variables_json(const std::vector<StoredVariable>& variables) {
  Json json = Json::array();
  for (const StoredVariable& variable : variables) {
    json.push_back(variable_json(variable));
  }
  return json;
}

std::string json_text(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace redoubt::tool::variables
