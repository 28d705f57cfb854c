// SPDX-License-Identifier: BSD-2-Clause-Patent
// See the header.
#include "foundation/dispatcher.hpp"

#include "abi/pi/firmware_volume.hpp"
#include "foundation/log_line.hpp"

namespace redoubt::foundation {
namespace {

constexpr unsigned deepest_volume = 4;   // volumes inside volumes
constexpr unsigned deepest_section = 4;  // sections inside sections that need no decoding

// The first section of one of two types in a file, also inside encapsulations that need no decoding.
std::optional<image::SectionView> find_section(image::SectionCursor sections, abi::SectionType type,
                                               abi::SectionType or_type, unsigned depth = 0) {
  for (auto section = sections.next(); section.has_value() && section->has_value(); section = sections.next()) {
    const image::SectionView& view = **section;
    if (view.type() == type || view.type() == or_type) return view;
    const auto guided = view.guided();
    const bool open = view.type() == abi::SectionType::disposable ||
                      (guided.has_value() && (guided->attributes & abi::guided_section_processing_required) == 0);
    if (open && depth < deepest_section) {
      auto inner = find_section({view.payload(), view.payload_offset()}, type, or_type, depth + 1);
      if (inner.has_value()) return inner;
    }
  }
  return std::nullopt;
}

std::optional<image::SectionView> find_section(const image::FileView& file, abi::SectionType type) {
  return find_section(file.sections(), type, type);
}

void read_name(const image::FileView& file, DriverRecord& driver) {
  const auto section = find_section(file, abi::SectionType::user_interface);
  if (!section.has_value()) return;
  for (std::size_t at = 0; driver.name_length < driver.name_characters.size(); at += sizeof(char16_t)) {
    const auto character = read_at<char16_t>(section->payload(), at);
    if (!character.has_value() || *character == 0) return;
    driver.name_characters[driver.name_length++] = *character < 0x7F ? static_cast<char>(*character) : '?';
  }
}

void read_dependency(const image::FileView& file, DriverRecord& driver) {
  const auto section = find_section(file, abi::SectionType::mm_depex);
  if (!section.has_value()) return;
  driver.dependency = section->payload();
  const auto expression = image::DepexView::create(section->payload(), section->payload_offset());
  if (!expression.has_value()) {
    driver.dependency_kind = DependencyKind::malformed;
  } else if (expression->order().has_value()) {
    driver.dependency_kind = expression->order()->before ? DependencyKind::before : DependencyKind::after;
    driver.anchor = expression->order()->file;
  } else {
    driver.dependency_kind = expression->on_request() ? DependencyKind::request : DependencyKind::expression;
  }
}

void log_skipped(Supervisor& supervisor, const abi::Guid* file, const char* reason) {
  LogLine line("driver.skipped");
  if (file != nullptr) line.guid("guid", *file);
  supervisor.log(line.text("reason", reason).view());
}

}  // namespace

void Dispatcher::discover(Bytes volume) { discover(volume, 0); }

void Dispatcher::discover(Bytes volume, unsigned depth) {
  const auto view = image::FirmwareVolumeView::create(volume);
  if (!view.has_value()) {
    log_skipped(supervisor_, nullptr, view.error().reason);
    return;
  }
  std::optional<image::FileView> apriori;
  image::FileCursor files = view->files();
  for (auto file = files.next();; file = files.next()) {
    if (!file.has_value()) {
      log_skipped(supervisor_, nullptr, file.error().reason);
      break;
    }
    if (!file->has_value()) break;
    if ((*file)->type() == abi::FileType::mm_standalone) {
      add(**file);
    } else if ((*file)->type() == abi::FileType::firmware_volume_image) {
      const auto inner = find_section(**file, abi::SectionType::firmware_volume_image);
      if (!inner.has_value() || depth == deepest_volume) {
        log_skipped(supervisor_, &(*file)->name(), "a volume that is compressed, missing or too deep inside others");
      } else {
        discover(inner->payload(), depth + 1);
      }
    } else if (same((*file)->name(), abi::dxe_apriori_guid)) {
      apriori = **file;
    }
  }
  if (apriori.has_value()) schedule_apriori(*apriori);
}

void Dispatcher::add(const image::FileView& file) {
  if (const auto sound = file.check_data(); !sound.has_value()) {
    log_skipped(supervisor_, &file.name(), sound.error().reason);
    return;
  }
  const auto executable = find_section(file.sections(), abi::SectionType::pe32, abi::SectionType::te);
  if (!executable.has_value()) {
    log_skipped(supervisor_, &file.name(), "no PE32 or TE section that needs no decoding");
    return;
  }
  DriverRecord* driver = drivers_.acquire();
  if (driver == nullptr) {
    log_skipped(supervisor_, &file.name(), "out of memory");
    return;
  }
  driver->file = file.name();
  driver->executable = executable->payload();
  read_name(file, *driver);
  read_dependency(file, *driver);
  discovered_.push_back(*driver);
}

void Dispatcher::schedule_apriori(const image::FileView& file) {
  const auto list = find_section(file, abi::SectionType::raw);
  if (!list.has_value()) return;
  for (std::size_t at = 0;; at += sizeof(abi::Guid)) {
    const auto name = read_at<abi::Guid>(list->payload(), at);
    if (!name.has_value()) return;
    for (DriverRecord* driver = discovered_.first(); driver != nullptr; driver = discovered_.next(*driver)) {
      if (driver->state == DriverState::waiting && same(driver->file, *name)) {
        // In the order given: its own expression doesn't count, and nobody comes in between.
        driver->state = DriverState::scheduled;
        scheduled_.push_back(*driver);
      }
    }
  }
}

bool Dispatcher::left_waiting(const abi::Guid& file) const {
  for (const DriverRecord* driver = discovered_.first(); driver != nullptr; driver = discovered_.next(*driver)) {
    if (driver->state != DriverState::waiting && same(driver->file, file)) return true;
  }
  return false;
}

void Dispatcher::schedule_ordered(DependencyKind kind, const abi::Guid& anchor) {
  for (DriverRecord* driver = discovered_.first(); driver != nullptr; driver = discovered_.next(*driver)) {
    if (driver->state == DriverState::waiting && driver->dependency_kind == kind && same(driver->anchor, anchor)) {
      schedule(*driver);
    }
  }
}

void Dispatcher::schedule(DriverRecord& driver) {
  driver.state = DriverState::scheduled;  // first, so that a circle of orders ends
  schedule_ordered(DependencyKind::before, driver.file);
  scheduled_.push_back(driver);
  schedule_ordered(DependencyKind::after, driver.file);
}

void Dispatcher::WaitingLine::write(Supervisor& supervisor) const {
  LogLine line("driver.waiting");
  line.guid("guid", driver_.file).text("name", driver_.name()).open("depex");
  switch (driver_.dependency_kind) {
    case DependencyKind::malformed: line.append_quoted("malformed"); break;
    case DependencyKind::request: line.append_quoted("SOR: nobody asked for it"); break;
    case DependencyKind::before:
      line.append_quoted("BEFORE ").append_quoted(abi::to_text(driver_.anchor).view());
      break;
    case DependencyKind::after: line.append_quoted("AFTER ").append_quoted(abi::to_text(driver_.anchor).view()); break;
    default:
      line.append_quoted(count_ == 0 ? "false" : "missing");
      for (std::size_t i = 0; i < count_ && i < limit; ++i) {
        line.append_quoted(" ").append_quoted(abi::to_text(missing_[i]).view());
      }
      if (count_ > limit) line.append_quoted(" ...");
  }
  supervisor.log(line.close().view());
}

}  // namespace redoubt::foundation
