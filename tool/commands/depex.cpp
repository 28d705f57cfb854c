// SPDX-License-Identifier: BSD-2-Clause-Patent
// `redoubt depex`: in which order MM will start the drivers of an image, and why those don't start that don't. Exit
// status 1 when a driver is left over, or when a boot showed something else; 2 also when a part of the image is
// damaged, after all that could be read was printed.
#include <algorithm>
#include <cstdio>
#include <format>
#include <memory>
#include <nlohmann/json.hpp>

#include "abi/uefi/guid_text.hpp"
#include "image/known_guids.hpp"
#include "tool/commands/commands.hpp"
#include "tool/depex/prediction.hpp"
#include "tool/files.hpp"

namespace redoubt::tool {

namespace {

using depex::Basis;
using depex::Dispatcher;
using depex::DispatcherKind;
using depex::PredictedDriver;
using depex::Producer;
using depex::Term;
using Json = nlohmann::ordered_json;

struct Options {
  std::string image;
  std::string boot_report;
  bool json = false;
};

std::string text_of(const abi::Guid& guid) { return std::string(abi::to_text(guid).view()); }

const char* rules_of(DispatcherKind kind) {
  switch (kind) {
    case DispatcherKind::foundation: return "Redoubt's foundation";
    case DispatcherKind::standalone: return "Standalone MM by the PI specification's rules";
    case DispatcherKind::traditional: return "Traditional MM by the rules of edk2's PiSmmCore";
  }
  return "";
}

const char* kind_name(DispatcherKind kind) {
  switch (kind) {
    case DispatcherKind::foundation: return "redoubt";
    case DispatcherKind::standalone: return "standalone";
    case DispatcherKind::traditional: return "traditional";
  }
  return "";
}

// How sure a start is; what it rests on is said with each protocol.
const char* certainty(Basis basis) {
  switch (basis) {
    case Basis::boot:
    case Basis::declared: return "certain";
    case Basis::code: return "code";
    case Basis::mention: return "mention";
  }
  return "";
}

// "VariableSmm installs it (code at 0x1234)".
std::string producer_text(const Producer& producer) {
  const char* place = producer.in_dxe ? ", in DXE" : "";
  if (!producer.when.empty()) {
    return std::format("{} installs it at {}", producer.name, producer.when);
  }
  switch (producer.basis) {
    case Basis::boot: return std::format("{} installed it in the boot{}", producer.name, place);
    case Basis::declared: return std::format("{} installs it", producer.name);
    case Basis::code: return std::format("{} installs it (code at {:#x}){}", producer.name, producer.rva, place);
    case Basis::mention: return std::format("{} MAY install it (mentions it){}", producer.name, place);
  }
  return {};
}

std::string producers_text(const Term& term) {
  constexpr std::size_t most_named = 3;
  std::string text;
  for (std::size_t i = 0; i < term.producers.size() && i < most_named; ++i) {
    text += (text.empty() ? "" : "; ") + producer_text(term.producers[i]);
  }
  if (term.producers.size() > most_named) {
    text += std::format("; and {} more", term.producers.size() - most_named);
  }
  return text;
}

// Why a protocol is missing, of a driver that is left over.
std::string missing_text(const Term& term) {
  if (term.producers.empty()) {
    return "nobody in the image installs or mentions it";
  }
  std::string text = producers_text(term);
  const bool late =
      std::ranges::any_of(term.producers, [](const Producer& producer) { return !producer.when.empty(); });
  return text + (late ? ", after the drivers were started" : ", but is left over itself");
}

std::string protocol_name(const abi::Guid& guid) {
  const std::string_view name = image::known_name(guid);
  return name.empty() ? text_of(guid) : std::format("{} ({})", name, text_of(guid));
}

std::string head_of(const PredictedDriver& driver) {
  return std::format("{} {:<28} {}", text_of(driver.file), driver.name.empty() ? "-" : driver.name, driver.where);
}

std::string dispatcher_text(const Dispatcher& dispatcher) {
  std::string text = std::format("{}: {}{}{}\n", rules_of(dispatcher.kind), dispatcher.name,
                                 dispatcher.where.empty() ? "" : " at ", dispatcher.where);
  text += std::format("  started, in this order: {}\n", dispatcher.started.size());
  for (std::size_t i = 0; i < dispatcher.started.size(); ++i) {
    const PredictedDriver& driver = dispatcher.started[i];
    text += std::format("  {:>3}  {:<8} {}\n", i + 1, certainty(driver.basis), head_of(driver));
    text += std::format("         {}\n", driver.apriori         ? "a priori list"
                                         : driver.depex.empty() ? "no DEPEX"
                                                                : "DEPEX " + driver.depex);
    for (const Term& term : driver.terms) {
      text += std::format("           {}: {}\n", protocol_name(term.protocol), producers_text(term));
    }
  }
  text += std::format("  left over: {}\n", dispatcher.left_over.size());
  for (const PredictedDriver& driver : dispatcher.left_over) {
    text += std::format("       {}\n", head_of(driver));
    if (!driver.depex.empty()) {
      text += std::format("         DEPEX {}\n", driver.depex);
    }
    text += std::format("         {}\n", driver.reason);
    for (const Term& term : driver.terms) {
      text += std::format("           {}: {}\n", protocol_name(term.protocol), missing_text(term));
    }
  }
  for (const std::string& skipped : dispatcher.skipped) {
    text += std::format("  can't be used: {}\n", skipped);
  }
  for (const std::string& difference : dispatcher.differences) {
    text += std::format("  DIFFERENT: {}\n", difference);
  }
  return text;
}

bool rests_on(const std::vector<Dispatcher>& dispatchers, Basis basis) {
  return std::ranges::any_of(dispatchers, [basis](const Dispatcher& dispatcher) {
    return std::ranges::any_of(dispatcher.started,
                               [basis](const PredictedDriver& driver) { return driver.basis == basis; });
  });
}

bool waits_for_dxe(const std::vector<Dispatcher>& dispatchers) {
  const auto in_dxe = [](const Term& term) {
    return !term.producers.empty() && std::ranges::all_of(term.producers, &Producer::in_dxe);
  };
  return std::ranges::any_of(dispatchers, [&](const Dispatcher& dispatcher) {
    return std::ranges::any_of(
        dispatcher.started, [&](const PredictedDriver& driver) { return std::ranges::any_of(driver.terms, in_dxe); });
  });
}

std::string notes(const std::vector<Dispatcher>& dispatchers) {
  std::string text;
  if (rests_on(dispatchers, Basis::code)) {
    text += "code: rests on a call in the producer's code, which is there but may not be reached\n";
  }
  if (rests_on(dispatchers, Basis::mention)) {
    text += "mention: rests on a GUID in the producer's image, which may only look for it\n";
  }
  if (waits_for_dxe(dispatchers)) {
    text += "Protocols of DXE count as installed from the start; who waits for one starts as late as it comes.\n";
  }
  return text.empty() ? text : "\n" + text;
}

Json producers_json(const Term& term) {
  Json json = Json::array();
  for (const Producer& producer : term.producers) {
    Json entry = {{"name", producer.name},
                  {"file", producer.file.has_value() ? Json(text_of(*producer.file)) : Json()},
                  {"basis", to_string(producer.basis)},
                  {"in_dxe", producer.in_dxe}};
    if (producer.basis == Basis::code) {
      entry["code_at"] = producer.rva;
    }
    if (!producer.when.empty()) {
      entry["phase"] = producer.when;
    }
    json.push_back(std::move(entry));
  }
  return json;
}

Json driver_json(const PredictedDriver& driver, bool started) {
  Json json = {{"guid", text_of(driver.file)},
               {"name", driver.name.empty() ? Json() : Json(driver.name)},
               {"where", driver.where},
               {"depex", driver.depex.empty() ? Json() : Json(driver.depex)}};
  if (started) {
    json["apriori"] = driver.apriori;
    json["basis"] = certainty(driver.basis);
  } else {
    json["reason"] = driver.reason;
  }
  Json& terms = json[started ? "protocols" : "missing"] = Json::array();
  for (const Term& term : driver.terms) {
    const std::string_view name = image::known_name(term.protocol);
    terms.push_back({{"guid", text_of(term.protocol)},
                     {"name", name.empty() ? Json() : Json(name)},
                     {"producers", producers_json(term)}});
  }
  return json;
}

Json dispatchers_json(const Options& options, const std::vector<Dispatcher>& dispatchers) {
  Json json = {{"image", options.image}, {"dispatchers", Json::array()}};
  for (const Dispatcher& dispatcher : dispatchers) {
    Json entry = {{"kind", kind_name(dispatcher.kind)},
                  {"core", dispatcher.name},
                  {"where", dispatcher.where},
                  {"started", Json::array()},
                  {"left_over", Json::array()},
                  {"skipped", dispatcher.skipped},
                  {"differences", dispatcher.differences}};
    for (const PredictedDriver& driver : dispatcher.started) {
      entry["started"].push_back(driver_json(driver, true));
    }
    for (const PredictedDriver& driver : dispatcher.left_over) {
      entry["left_over"].push_back(driver_json(driver, false));
    }
    json["dispatchers"].push_back(std::move(entry));
  }
  return json;
}

CommandResult predict_order(const Options& options) {
  const auto bytes = TRY(read_file(options.image));
  std::optional<depex::BootRecord> record;
  if (!options.boot_report.empty()) {
    record = TRY(depex::read_boot_record(options.boot_report));
  }
  const image::ImageTree tree = image::ImageTree::parse(bytes);
  const std::vector<Dispatcher> dispatchers = predict(tree, record);
  if (dispatchers.empty() && tree.problems().empty()) {
    return bad_input(options.image, "has no MM drivers in it");
  }
  std::string text;
  if (dispatchers.empty()) {
    // The problem below says why.
  } else if (options.json) {
    text = dispatchers_json(options, dispatchers).dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
  } else {
    for (const Dispatcher& dispatcher : dispatchers) {
      text += (text.empty() ? "" : "\n") + dispatcher_text(dispatcher);
    }
    text += notes(dispatchers);
  }
  // Standard output's errors are looked at once, at the end (tool/command.cpp).
  static_cast<void>(std::fputs(text.c_str(), stdout));
  if (!tree.problems().empty()) {
    const image::Problem& first = tree.problems().front();
    return bad_input(options.image, std::format("offset {}: {}", tree.path_text(first.location), first.reason));
  }
  const bool complete = std::ranges::all_of(dispatchers, [](const Dispatcher& dispatcher) {
    return dispatcher.left_over.empty() && dispatcher.skipped.empty() && dispatcher.differences.empty();
  });
  return complete ? ExitStatus::success : ExitStatus::negative;
}

}  // namespace

void add_depex(CommandLine& command_line) {
  const Verb verb = command_line.root().add_verb(
      "depex", "Tell in which order MM starts an image's drivers, and why others don't start");
  const auto options = std::make_shared<Options>();
  verb.footer(
      "Works on converted images, on volumes with MM_STANDALONE drivers, and on images with Traditional MM.\n"
      "Exit status: 0 when all drivers start, 1 when some don't or a boot showed something else, 2 for bad input.");
  verb.add_option("IMAGE", options->image, "Firmware image or volume").required();
  verb.add_option(
          "--boot-report", options->boot_report,
          "What a boot showed: the report of `redoubt boot --json`, a log of the debug console, or the log of an "
          "edk2 DEBUG build. Tells who installs what, and is compared with the prediction")
      .type_name("FILE");
  verb.add_flag("--json", options->json, "Print JSON");
  command_line.on_chosen(verb, [options] { return predict_order(*options); });
}

}  // namespace redoubt::tool
