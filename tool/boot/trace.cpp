// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/boot/trace.hpp"

#include <format>
#include <nlohmann/json.hpp>
#include <utility>

#include "abi/uefi/guid_text.hpp"
#include "image/known_guids.hpp"
#include "tool/boot/status_text.hpp"

namespace redoubt::tool::boot {
namespace {

using Json = nlohmann::ordered_json;

std::string name_of(std::string_view guid_text) {
  const auto guid = abi::parse_guid(guid_text);
  return guid ? image::name_or_text(*guid) : std::string(guid_text);
}

std::uint64_t number_of(const Event& event, abi::KeyName key) { return event.number(key).value_or(0); }

std::string row(const TracedMmi& mmi, std::string_view what, std::string_view who, std::string_view result,
                std::uint64_t ticks) {
  return std::format("{:>7} {:>3}  {:<36} {:<28} {:<18} {:>12}\n", mmi.number, mmi.cpu, what, who, result, ticks);
}

}  // namespace

std::optional<TracedMmi> Trace::apply(const Event& event) {
  if (event.name == "ipl.start") {
    drivers_.clear();
    calls_.clear();
  } else if (event.name == "driver") {
    if (const auto number = event.number("number"); number && drivers_.size() < max_drivers) {
      drivers_[*number] = std::string(event.text("name").value_or(""));
    }
  } else if (event.name == "mmi.call") {
    TracedCall call{.handler = name_of(event.text("handler").value_or("?")),
                    .driver = number_of(event, "driver"),
                    .driver_name = {},
                    .result = event.number("result"),
                    .stopped = std::string(event.text("stopped").value_or("")),
                    .ticks = number_of(event, "ticks")};
    if (const auto driver = drivers_.find(call.driver); driver != drivers_.end()) {
      call.driver_name = driver->second;
    }
    if (calls_.size() < max_calls) {
      calls_.push_back(std::move(call));
    }
  } else if (event.name == "mmi") {
    const auto message = event.text("message");
    return TracedMmi{.number = number_of(event, "n"),
                     .cpu = number_of(event, "cpu"),
                     .message = message ? name_of(*message) : std::string(),
                     .bytes = number_of(event, "bytes"),
                     .status = event.number("status"),
                     .reply = number_of(event, "reply"),
                     .by_foundation = event.text("by") == "foundation",
                     .ticks = number_of(event, "ticks"),
                     .calls = std::exchange(calls_, {})};
  }
  return std::nullopt;
}

std::string trace_heading() {
  return std::format("{:>7} {:>3}  {:<36} {:<28} {:<18} {:>12}\n", "MMI", "CPU", "handler", "driver", "result",
                     "ticks");
}

std::string to_text(const TracedMmi& mmi) {
  std::string text;
  for (const TracedCall& call : mmi.calls) {
    const std::string who = call.driver_name.empty() ? std::format("driver {}", call.driver) : call.driver_name;
    const std::string result = call.result ? status_text(*call.result) : "STOPPED: " + call.stopped;
    text += row(mmi, call.handler == "root" ? "(root)" : call.handler, who, result, call.ticks);
  }
  if (!text.empty()) {
    return text;
  }
  if (mmi.message.empty()) {
    return row(mmi, "(no message)", "-", "-", mmi.ticks);
  }
  return row(mmi, mmi.message, mmi.by_foundation ? "(foundation)" : "-",
             mmi.status ? status_text(*mmi.status) : "unknown", mmi.ticks);
}

nlohmann::ordered_json to_json(const TracedMmi& mmi) {
  Json calls = Json::array();
  for (const TracedCall& call : mmi.calls) {
    calls.push_back({{"handler", call.handler},
                     {"driver", call.driver},
                     {"driver_name", call.driver_name},
                     {"result", call.result ? Json(status_text(*call.result)) : Json(nullptr)},
                     {"stopped", call.stopped.empty() ? Json(nullptr) : Json(call.stopped)},
                     {"ticks", call.ticks}});
  }
  const bool message = !mmi.message.empty();
  return {{"number", mmi.number},
          {"cpu", mmi.cpu},
          {"message", message ? Json(mmi.message) : Json(nullptr)},
          {"bytes", mmi.bytes},
          {"status", mmi.status ? Json(status_text(*mmi.status)) : Json(nullptr)},
          {"reply", mmi.reply},
          {"by_foundation", mmi.by_foundation},
          {"ticks", mmi.ticks},
          {"calls", std::move(calls)}};
}

}  // namespace redoubt::tool::boot
