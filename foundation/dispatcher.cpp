// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "foundation/dispatcher.hpp"

#include "abi/pi/firmware_volume.hpp"
#include "foundation/log_line.hpp"

namespace redoubt::foundation {
namespace {

void read_name(const image::FileView& file, DriverRecord& driver) {
  const auto section = image::find_open_section(file, abi::SectionType::user_interface);
  if (!section.has_value()) return;
  for (std::size_t at = 0; driver.name_length < driver.name_characters.size(); at += sizeof(char16_t)) {
    const auto character = read_at<char16_t>(section->payload(), at);
    if (!character.has_value() || *character == 0) return;
    driver.name_characters[driver.name_length++] = *character < 0x7F ? static_cast<char>(*character) : '?';
  }
}

}  // namespace

void Dispatcher::driver(const image::FileView& file, const image::SectionView& executable) {
  DriverRecord* driver = drivers_.acquire();
  if (driver == nullptr) {
    skipped(&file.name(), {Error::out_of_memory, file.offset(), "out of memory"});
    return;
  }
  driver->order.file = file.name();
  driver->executable = executable.payload();
  read_name(file, *driver);
  if (const auto depex = image::find_open_section(file, abi::SectionType::mm_depex); depex.has_value()) {
    // Offsets in an expression count from its own start, as a reader of the driver's .depex file sees them.
    image::read_rule(driver->order, depex->payload());
  }
  order_.add(driver->order);
}

void Dispatcher::skipped(const abi::Guid* file, const image::ImageError& error) {
  LogLine line("driver.skipped");
  if (file != nullptr) line.guid("guid", *file);
  supervisor_.log(line.quoted("reason", error.reason).hexadecimal("offset", error.offset).view());
}

void Dispatcher::log_waiting(const DriverRecord& driver, std::size_t missing, abi::FaultPolicy policy) {
  LogLine line("driver.waiting");
  line.guid("guid", driver.file()).quoted("name", driver.name()).open("depex");
  const image::DispatchNode& order = driver.order;
  switch (order.rule) {
    case image::DispatchRule::malformed:
      // One character of a longer reason more or less doesn't matter; the offset does.
      line.append_quoted("malformed at ").append_number(order.defect.offset);
      line.append_quoted(": ").append_quoted(order.defect.reason);
      break;
    case image::DispatchRule::on_request: line.append_quoted("SOR: nobody asked for it"); break;
    case image::DispatchRule::before:
      line.append_quoted("BEFORE ").append_quoted(abi::to_text(order.anchor).view());
      break;
    case image::DispatchRule::after:
      line.append_quoted("AFTER ").append_quoted(abi::to_text(order.anchor).view());
      break;
    default: line.append_quoted(missing == 0 ? "false" : "missing");
  }
  line.close();
  if (missing != 0) line.decimal("missing", missing);
  supervisor_.log(line.word("policy", abi::to_string(policy)).view());
}

void Dispatcher::log_missing(const DriverRecord& driver, const abi::Guid& protocol) {
  supervisor_.log(LogLine("driver.missing").guid("guid", driver.file()).guid("protocol", protocol).view());
}

}  // namespace redoubt::foundation
