// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tool/boot/log.hpp"

#include <algorithm>
#include <charconv>

#include "abi/redoubt/report_reader.hpp"

namespace redoubt::tool::boot {
std::optional<std::string_view> Event::text(abi::KeyName key) const {
  const auto found = std::ranges::find(values, key.text(), &std::pair<std::string, std::string>::first);
  if (found == values.end()) {
    return std::nullopt;
  }
  return found->second;
}

std::optional<std::uint64_t> Event::number(abi::KeyName key) const {
  const std::optional<std::string_view> value = text(key);
  if (!value) {
    return std::nullopt;
  }
  const bool hexadecimal = value->starts_with("0x");
  const std::string_view digits = hexadecimal ? value->substr(2) : *value;
  std::uint64_t result = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, result, hexadecimal ? 16 : 10);
  if (error != std::errc() || stop != end) {
    return std::nullopt;
  }
  return result;
}

std::optional<Event> parse_event(std::string_view line) {
  constexpr std::string_view prefix = abi::report_prefix;
  if (!line.starts_with(prefix)) {
    return std::nullopt;
  }
  line.remove_prefix(prefix.size());
  abi::ReportReader reader(line);
  Event event{.name = {std::string(reader.event())}, .values = {}};
  while (const auto field = reader.next()) {
    if (event.values.size() == Event::max_values) {
      return std::nullopt;
    }
    event.values.emplace_back(field->key, printable(field->value));
  }
  return reader.is_broken() ? std::nullopt : std::optional(std::move(event));
}

std::optional<Event> LogFinder::find(std::string_view line, Place place) {
  if (place_ != Place::unknown && place_ != place) {
    return std::nullopt;
  }
  std::optional<Event> event = parse_event(line);
  if (event) {
    place_ = place;
  }
  return event;
}

std::optional<Event> LogFinder::on_debug_console(std::string_view line) { return find(line, Place::debug_console); }

std::optional<Event> LogFinder::on_serial_console(std::string_view line) { return find(line, Place::serial_console); }

std::string printable(std::string_view bytes) {
  std::string result(bytes);
  std::ranges::replace_if(result, [](char character) { return character < 0x20 || character > 0x7E; }, '?');
  return result;
}

std::vector<std::string> LineReader::feed(std::string_view bytes) {
  std::vector<std::string> lines;
  for (const char byte : bytes) {
    if (byte == '\n') {
      lines.push_back(std::move(pending_));
      pending_.clear();
    } else if (byte != '\r' && pending_.size() < max_line) {
      pending_.push_back(byte);
    }
  }
  return lines;
}

}  // namespace redoubt::tool::boot
