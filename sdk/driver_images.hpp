// SPDX-License-Identifier: BSD-2-Clause-Patent
// For drivers that keep something for others: whose code is at an address, and a line in the log for who reached for
// what another one has.
#pragma once

#include <string_view>

#include "abi/pi/mm_system_table.hpp"
#include "abi/redoubt/driver_images.hpp"
#include "sdk/log.hpp"

namespace redoubt::sdk {

class DriverImages {
 public:
  static constexpr abi::UintN nobody = 0;
  // Of cores that can't tell all drivers are one.
  static constexpr abi::UintN everybody = ~abi::UintN{0};

  explicit DriverImages(abi::MmSystemTable& mmst) {
    void* interface = nullptr;
    if (mmst.locate_protocol(&abi::driver_images_protocol_guid, nullptr, &interface) == abi::status::success) {
      protocol_ = static_cast<const abi::DriverImagesProtocol*>(interface);
    }
  }

  // The number of the driver whose code is at the address; `nobody` also for a driver that was stopped.
  abi::UintN driver_at(const void* address) const {
    if (protocol_ == nullptr) return everybody;
    abi::UintN driver = nobody;
    return protocol_->find(protocol_, address, &driver) == abi::status::success ? driver : nobody;
  }

 private:
  const abi::DriverImagesProtocol* protocol_ = nullptr;
};

// A driver that provokes lines mustn't fill the log: there are at most eight.
class RefusalLog {
 public:
  // `keeper`, of at most 32 characters: who keeps what was reached for.
  RefusalLog(abi::MmSystemTable& mmst, std::string_view keeper) : log_(mmst), keeper_(keeper) {}

  void add(abi::UintN driver, abi::UintN owner) {
    if (count_ == most) return;
    ++count_;
    char text[abi::log_text_bytes];
    std::size_t size = 0;
    const auto put = [&](std::string_view part) {
      for (const char c : part) text[size++] = c;
    };
    const auto put_number = [&](abi::UintN number) {
      for (unsigned digit = 5; digit-- != 0; number /= 10) text[size + digit] = static_cast<char>('0' + number % 10);
      size += 5;
    };
    put(keeper_.substr(0, 32));
    put(": driver ");
    put_number(driver);
    put(" reached for what is driver ");
    put_number(owner);
    put("'s");
    log_.error({text, size});
  }

 private:
  static constexpr unsigned most = 8;

  Log log_;
  std::string_view keeper_;
  unsigned count_ = 0;
};

}  // namespace redoubt::sdk
