// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which drivers there are and when each starts (PI 1.9, volume 4, 2.3, with the dispatcher rules of volume 2, 10):
// finds the MM_STANDALONE files of the MM volume and of volumes inside it, reads their dependency expressions and the
// a priori list, and says who is next. It loads and starts nobody. The volume is input that somebody outside MM wrote
// before MMRAM was locked: a broken file costs that file.
#pragma once

#include <cstdint>

#include "abi/uefi/types.hpp"
#include "base/byte_reader.hpp"
#include "foundation/driver_record.hpp"
#include "foundation/record_list.hpp"
#include "foundation/slot_table.hpp"
#include "image/depex.hpp"
#include "image/firmware_volume.hpp"

namespace redoubt::foundation {

class Dispatcher {
 public:
  constexpr explicit Dispatcher(Supervisor& supervisor) : supervisor_(supervisor), drivers_(supervisor) {}
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Adds the drivers of a volume; those in its a priori file are scheduled at once, in the file's order. Drivers found
  // before an error stay. What can't be used is logged.
  void discover(Bytes volume);

  // The next driver to start, in state starting, or null. `installed(const Guid&)` says whether a protocol is in the
  // database: dependency expressions are looked at anew when nobody is scheduled.
  template <typename Installed>
  DriverRecord* next(Installed installed) {
    if (scheduled_.empty()) {
      for (DriverRecord* driver = discovered_.first(); driver != nullptr; driver = discovered_.next(*driver)) {
        if (driver->state == DriverState::waiting && ready(*driver, installed)) schedule(*driver);
      }
    }
    DriverRecord* driver = scheduled_.first();
    if (driver != nullptr) {
      scheduled_.remove(*driver);
      driver->state = DriverState::starting;
    }
    return driver;
  }

  DriverNumber number(const DriverRecord& driver) const {
    return static_cast<DriverNumber>(drivers_.token(driver)) + 1;  // the slot's index
  }
  // Null for foundation_itself and numbers that name nobody.
  DriverRecord* find(DriverNumber number) { return number == 0 ? nullptr : drivers_.at_index(number - 1); }

  // Logs each driver that never started and what it waits for.
  template <typename Installed>
  void report_waiting(Installed installed) {
    for (DriverRecord* driver = discovered_.first(); driver != nullptr; driver = discovered_.next(*driver)) {
      if (driver->state == DriverState::waiting) report_waiting(*driver, installed);
    }
  }

 private:
  template <typename Installed>
  bool ready(const DriverRecord& driver, Installed& installed) const {
    if (driver.dependency_kind == DependencyKind::none) return true;
    if (driver.dependency_kind == DependencyKind::after) return left_waiting(driver.anchor);
    if (driver.dependency_kind != DependencyKind::expression) return false;
    const auto expression = image::DepexView::create(driver.dependency);
    return expression.has_value() && expression->evaluate(installed);
  }

  template <typename Installed>
  void report_waiting(const DriverRecord& driver, Installed& installed) {
    WaitingLine line(driver);
    if (driver.dependency_kind == DependencyKind::expression) {
      const auto expression = image::DepexView::create(driver.dependency);
      for (std::size_t position = 0; expression.has_value() && position < expression->size();) {
        const image::DepexTerm term = expression->term(position);
        if (term.opcode == abi::DepexOpcode::push && !installed(term.guid)) line.missing(term.guid);
      }
    }
    line.write(supervisor_);
  }

  // The log line of one waiting driver, with as many missing protocols as fit.
  class WaitingLine {
   public:
    explicit WaitingLine(const DriverRecord& driver) : driver_(driver) {}
    void missing(const abi::Guid& protocol) {
      if (count_ < limit) missing_[count_] = protocol;
      ++count_;
    }
    void write(Supervisor& supervisor) const;

   private:
    static constexpr std::size_t limit = 2;
    const DriverRecord& driver_;
    abi::Guid missing_[limit]{};
    std::size_t count_ = 0;
  };

  // Whether a driver with this file name was scheduled earlier: one that is AFTER it, and wasn't scheduled with it
  // since it came through the a priori list, follows.
  bool left_waiting(const abi::Guid& file) const;
  void discover(Bytes volume, unsigned depth);
  void add(const image::FileView& file);
  void schedule_apriori(const image::FileView& file);
  // Puts the driver into the schedule, those with BEFORE it in front of it, those with AFTER it behind.
  void schedule(DriverRecord& driver);
  void schedule_ordered(DependencyKind kind, const abi::Guid& anchor);

  Supervisor& supervisor_;
  SlotTable<DriverRecord> drivers_;
  RecordList<DriverRecord, &DriverRecord::discovered> discovered_;
  RecordList<DriverRecord, &DriverRecord::schedule> scheduled_;
};

}  // namespace redoubt::foundation
