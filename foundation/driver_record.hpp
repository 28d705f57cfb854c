// SPDX-License-Identifier: BSD-2-Clause-Patent
// What the foundation knows of one MM driver, from its file in the volume to its end. Records are never freed: the
// number of a driver stays its name in reports, also when it is disabled.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/byte_reader.hpp"
#include "foundation/driver_ledger.hpp"
#include "foundation/pool_slab.hpp"
#include "image/dispatch_order.hpp"

namespace redoubt::foundation {

enum class DriverState : std::uint8_t {
  found,     // not started yet; order.state says how far it is
  starting,  // in its entry point
  running,   // its entry point returned success
  failed,    // refused by the loader, or its entry point returned an error: unloaded
  disabled,  // stopped by a fault: registrations removed; its memory is out of use until a reset
};

struct DriverRecord {
  image::DispatchNode order;  // first, so that its address is the record's
  std::array<char, 40> name_characters{};
  std::size_t name_length = 0;
  DriverState state = DriverState::found;
  Bytes executable;  // in the volume
  std::uint64_t image_base = 0;
  std::uint64_t image_pages = 0;
  std::uint64_t entry_point = 0;
  std::uint64_t image_handle = 0;  // token; 0 = none
  std::uint64_t loaded_image = 0;  // its EFI_LOADED_IMAGE_PROTOCOL, in drivers' memory; 0 = none
  DriverAccount account;
  DriverPool pool;

  const abi::Guid& file() const { return order.file; }
  std::string_view name() const { return {name_characters.data(), name_length}; }
  static DriverRecord& of(image::DispatchNode& node) { return reinterpret_cast<DriverRecord&>(node); }
};
static_assert(std::is_standard_layout_v<DriverRecord> && offsetof(DriverRecord, order) == 0);

}  // namespace redoubt::foundation
