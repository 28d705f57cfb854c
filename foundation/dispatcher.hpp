// SPDX-License-Identifier: BSD-2-Clause-Patent
// Which drivers there are and when each starts (PI 1.9, volume 4, chapter 1, with the dispatcher rules of volume 2,
// chapter 10): keeps a record of each MM_STANDALONE file that image/mm_volume.hpp finds, and asks
// image/dispatch_order.hpp which driver is next. It loads and starts none. The volumes are input that was written
// outside MM, before MMRAM was locked: a broken file costs that file.
#pragma once

#include <cstdint>
#include <utility>

#include "abi/uefi/types.hpp"
#include "base/byte_reader.hpp"
#include "foundation/driver_record.hpp"
#include "foundation/fault_policies.hpp"
#include "foundation/record_index.hpp"
#include "foundation/slot_table.hpp"
#include "image/dispatch_order.hpp"
#include "image/mm_volume.hpp"

namespace redoubt::foundation {

class Dispatcher final : private image::MmVolumeVisitor {
 public:
  constexpr explicit Dispatcher(Supervisor& supervisor) : supervisor_(supervisor), drivers_(supervisor) {}
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Adds the drivers of the volumes in a region; those in a priori files are scheduled at once, in the files' order.
  // Drivers found before an error stay. What can't be used is logged, with its offset counted from `origin`. Returns
  // how far into the region volumes reach.
  std::size_t discover(Bytes region, std::uint64_t origin) { return image::visit_mm_volumes(region, *this, origin); }

  // A volume that a HOB names, where the foundation reads nothing.
  void log_unreachable(std::uint64_t base) { skipped(nullptr, {Error::access_denied, base, "not in the MM volumes"}); }

  // The next driver to start, in state starting, or null. `installed(const Guid&)` says whether a protocol is in the
  // database.
  template <typename Installed>
  DriverRecord* next(Installed installed) {
    image::DispatchNode* node = order_.next(installed);
    if (node == nullptr) return nullptr;
    DriverRecord& driver = DriverRecord::of(*node);
    driver.state = DriverState::starting;
    return &driver;
  }

  DriverNumber number(const DriverRecord& driver) const {
    return static_cast<DriverNumber>(drivers_.token(driver)) + 1;  // the slot's index
  }
  // Null for foundation_itself and numbers of no driver.
  DriverRecord* find(DriverNumber number) { return number == 0 ? nullptr : drivers_.at_index(number - 1); }
  // The first driver of a file with this name, or null.
  DriverRecord* find_file(const abi::Guid& file) {
    image::DispatchNode* node = order_.first();
    while (node != nullptr && !same(node->file, file)) node = node->next_discovered;
    return node == nullptr ? nullptr : &DriverRecord::of(*node);
  }

  // Calls visit(const DriverRecord&) in the order of numbers.
  template <typename Visit>
  void for_each(Visit visit) {
    drivers_.for_each([&](DriverRecord& driver) { visit(std::as_const(driver)); });
  }

  // The same with visit(DriverRecord&).
  template <typename Visit>
  void for_each_record(Visit visit) {
    drivers_.for_each(visit);
  }

  // Logs each driver that never started and what it waits for (abi/redoubt/report.hpp).
  template <typename Installed>
  void report_waiting(Installed installed, const FaultPolicies& policies) {
    for (image::DispatchNode* node = order_.first(); node != nullptr; node = node->next_discovered) {
      if (node->state != image::DispatchState::waiting) continue;
      const DriverRecord& driver = DriverRecord::of(*node);
      std::size_t missing = 0;
      image::for_each_missing(*node, installed, [&](const abi::Guid&) { ++missing; });
      log_waiting(driver, missing, policies.of(driver.file()));
      std::size_t logged = 0;
      image::for_each_missing(*node, installed, [&](const abi::Guid& protocol) {
        if (logged++ < most_missing_logged) log_missing(driver, protocol);
      });
    }
  }

 private:
  static constexpr std::size_t most_missing_logged = 32;

  void driver(const image::FileView& file, const image::SectionView& executable) override;
  void apriori(Bytes list) override { order_.schedule_apriori(list); }
  void skipped(const abi::Guid* file, const image::ImageError& error) override;

  void log_waiting(const DriverRecord& driver, std::size_t missing, abi::FaultPolicy policy);
  void log_missing(const DriverRecord& driver, const abi::Guid& protocol);

  Supervisor& supervisor_;
  SlotTable<DriverRecord> drivers_;
  image::DispatchOrder order_;
};

}  // namespace redoubt::foundation
