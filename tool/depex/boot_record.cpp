// SPDX-License-Identifier: BSD-2-Clause-Patent
// A log may show several boots: the latest one counts.
#include "tool/depex/boot_record.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "abi/uefi/guid_text.hpp"
#include "tool/boot/log.hpp"
#include "tool/files.hpp"

namespace redoubt::tool::depex {

namespace {

using Json = nlohmann::json;

constexpr std::size_t most_drivers = 4096;
constexpr std::size_t most_protocols = 65536;

constexpr std::uint64_t error_bit = 0x8000'0000'0000'0000;

bool add(BootRecord& record, RecordedDriver driver) {
  if (record.drivers.size() == most_drivers) {
    return false;
  }
  record.drivers.push_back(std::move(driver));
  return true;
}

void add_protocol(std::vector<abi::Guid>& list, const abi::Guid& protocol) {
  if (list.size() < most_protocols && std::ranges::find(list, protocol) == list.end()) {
    list.push_back(protocol);
  }
}

RecordedDriver* find(BootRecord& record, const abi::Guid& file) {
  const auto found = std::ranges::find(record.drivers, std::optional(file), &RecordedDriver::file);
  return found != record.drivers.end() ? &*found : nullptr;
}

// ---- Reports of `redoubt boot --json` ----

std::string text_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_error(const std::string& status) {
  std::uint64_t value = 0;
  const bool hexadecimal = status.starts_with("0x") || status.starts_with("0X");
  const char* begin = status.data() + (hexadecimal ? 2 : 0);
  const auto result = std::from_chars(begin, status.data() + status.size(), value, hexadecimal ? 16 : 10);
  return result.ec == std::errc() && (value & error_bit) != 0;
}

Result<BootRecord, std::string> from_report(std::string_view text) {
  const Json report = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!report.is_object() || !report.contains("drivers")) {
    return std::unexpected("isn't a report of redoubt boot --json");
  }
  if (!report["drivers"].is_array()) {
    return std::unexpected("is the report of a boot without Redoubt");
  }
  BootRecord record;
  for (const Json& entry : report["drivers"]) {
    const auto guid = entry.is_object() ? abi::parse_guid(text_in(entry, "guid")) : std::nullopt;
    const auto started = entry.is_object() ? entry.find("started") : entry.end();
    if (!guid.has_value() || started == entry.end() || !started->is_boolean()) {
      return std::unexpected("has a driver without guid or started");
    }
    add(record, {.file = *guid,
                 .name = text_in(entry, "name"),
                 .started = started->get<bool>(),
                 .failed = is_error(text_in(entry, "status")),
                 .installed = {}});
  }
  const auto protocols = report.find("protocols");
  if (protocols == report.end() || !protocols->is_array()) {
    return record;
  }
  record.knows_protocols = true;
  for (const Json& entry : *protocols) {
    const auto guid = entry.is_object() ? abi::parse_guid(text_in(entry, "guid")) : std::nullopt;
    if (!guid.has_value()) {
      return std::unexpected("has a protocol without guid");
    }
    const auto owner = abi::parse_guid(text_in(entry, "driver"));
    RecordedDriver* driver = owner.has_value() ? find(record, *owner) : nullptr;
    if (driver != nullptr) {
      add_protocol(driver->installed, *guid);
    } else if (!owner.has_value()) {
      add_protocol(record.core_installed, *guid);
    }
  }
  return record;
}

// ---- Logs ----

class LogReader {
 public:
  void read(std::string_view text) {
    boot::LineReader lines;
    for (const std::string& line : lines.feed(text)) {
      read_line(line);
    }
    read_line(std::string(lines.pending()));
  }

  Result<BootRecord, std::string> finish() {
    if (record_.drivers.empty()) {
      return std::unexpected("shows no boot: neither events of Redoubt nor MM drivers of an edk2 DEBUG build");
    }
    return std::move(record_);
  }

 private:
  void read_line(const std::string& line) {
    if (const auto event = boot::parse_event(line)) {
      read_event(*event);
    } else {
      read_edk2(line);
    }
  }

  void read_event(const boot::Event& event) {
    const auto guid_of = [&](abi::KeyName key) {
      const auto text = event.text(key);
      return text.has_value() ? abi::parse_guid(*text) : std::nullopt;
    };
    if (event.name == "ipl.start") {
      record_ = {};
    } else if (event.name == "driver" || event.name == "driver.waiting") {
      const auto file = guid_of("guid");
      if (!file.has_value()) {
        return;
      }
      const bool started = event.name == "driver";
      RecordedDriver driver{.file = *file,
                            .name = std::string(event.text("name").value_or("")),
                            .started = started,
                            .failed = started && (event.number("status").value_or(0) & error_bit) != 0,
                            .installed = {}};
      // One that waited before starts late, and its place in the order is here; one that still waits is known.
      if (RecordedDriver* known = find(record_, *file); known != nullptr && !known->started) {
        if (!started) {
          return;
        }
        record_.drivers.erase(record_.drivers.begin() + (known - record_.drivers.data()));
      }
      add(record_, std::move(driver));
    } else if (event.name == "protocol") {
      const auto protocol = guid_of("guid");
      if (!protocol.has_value()) {
        return;
      }
      record_.knows_protocols = true;
      const auto owner = guid_of("driver");
      RecordedDriver* driver = owner.has_value() ? find(record_, *owner) : nullptr;
      if (driver != nullptr) {
        add_protocol(driver->installed, *protocol);
      } else if (!owner.has_value()) {
        add_protocol(record_.core_installed, *protocol);
      }
    }
  }

  // "Loading SMM driver at 0x0007FFA1000 EntryPoint=0x0007FFA2000 VariableSmm.efi" (or "MM driver"), then for each
  // protocol "SmmInstallProtocolInterface: GUID 7FFB1230"; in Standalone MM the GUID stands behind a few words.
  void read_edk2(std::string_view line) {
    constexpr std::string_view loads[] = {"Loading SMM driver at ", "Loading MM driver at "};
    for (const std::string_view load : loads) {
      if (const auto at = line.find(load); at != std::string_view::npos) {
        const auto name_at = line.rfind(' ');
        std::string name(line.substr(name_at + 1));
        if (!name.ends_with(".efi")) {
          return;  // an image without a debug path has no name to know it by
        }
        name.resize(name.size() - 4);
        // The log has several lines of a driver that is loaded again after a reset: a new boot.
        if (std::ranges::find(record_.drivers, name, &RecordedDriver::name) != record_.drivers.end()) {
          record_ = {};
        }
        record_.knows_protocols = true;
        if (!add(record_, {.file = std::nullopt, .name = name, .started = true, .failed = false, .installed = {}})) {
          return;
        }
        return;
      }
    }
    constexpr std::string_view installs[] = {"SmmInstallProtocolInterface: ", "MmInstallProtocolInterface: "};
    for (const std::string_view install : installs) {
      // A failure is logged in the same words, with what went wrong behind.
      if (line.find(install) != 0 || line.find(" failed with ") != std::string_view::npos) {
        continue;
      }
      for (std::size_t at = install.size(); at + 36 <= line.size(); at = line.find(' ', at) + 1) {
        if (const auto guid = abi::parse_guid(line.substr(at, 36)); guid.has_value() && !record_.drivers.empty()) {
          add_protocol(record_.drivers.back().installed, *guid);
        } else if (guid.has_value()) {
          add_protocol(record_.core_installed, *guid);
        }
        if (line.find(' ', at) == std::string_view::npos) {
          break;
        }
      }
      return;
    }
  }

  BootRecord record_;
};

}  // namespace

Result<BootRecord, std::string> parse_boot_record(std::string_view text) {
  if (const auto first = text.find_first_not_of(" \t\r\n"); first != std::string_view::npos && text[first] == '{') {
    return from_report(text);
  }
  LogReader reader;
  reader.read(text);
  return reader.finish();
}

Result<BootRecord, CommandError> read_boot_record(const std::string& path) {
  const auto bytes = TRY(read_file(path));
  auto record = parse_boot_record({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!record.has_value()) {
    return bad_input(path, record.error());
  }
  return std::move(*record);
}

}  // namespace redoubt::tool::depex
