// SPDX-License-Identifier: BSD-2-Clause-Patent
// Calls while the window is there.
#include "tests/guest/uefi/window_attack/attack.hpp"

#include "tests/guest/uefi/instructions.hpp"

namespace redoubt::guest {

using abi::EfiStatus;
namespace status = abi::status;

EfiStatus Attack::set(const char16_t* name, const abi::Guid& vendor, std::uint32_t attributes, Span data) {
  if (flipper_ == nullptr) return services_.set(name, vendor, attributes, data);
  // It may still have to leave MM after the last call.
  const std::uint64_t before_wait = flipper_->flips.load();
  for (unsigned i = 0; i != 1U << 24 && flipper_->flips.load() == before_wait; ++i) pause();
  const std::uint64_t before_call = flipper_->flips.load();
  const EfiStatus result = services_.set(name, vendor, attributes, data);
  const std::uint64_t flips = flipper_->flips.load() - before_call;
  flips_in_writes_ += flips;
  ++writes_;
  writes_with_flips_ += flips != 0 ? 1 : 0;
  return result;
}

void Attack::check_read(std::size_t index) {
  const Variable& variable = variables[index];
  std::uint32_t attributes = 0;
  std::size_t size = 0;
  const EfiStatus result = services_.get(variable.name, *variable.vendor, attributes, room, size);
  if (result == status::device_error) {
    ++device_errors_;
  } else if (result == status::success) {
    if (!same({room, size}, variable.value())) note(Kind::read, variable.name, result);
  } else if (result != status::not_found || variable.size != 0) {
    note(Kind::status, variable.name, result);
  }
}

// Of all names and vendors in their order.
std::uint64_t Attack::digest_of_list(EfiStatus& result) {
  static char16_t name[512];
  abi::Guid vendor{};
  std::uint64_t digest = 0;
  name[0] = 0;
  for (unsigned count = 0; count != 1000; ++count) {
    abi::UintN size = sizeof(name);
    result = services_.next(size, name, vendor);
    if (result != status::success) break;
    digest = digest * 31 + stored::digest({reinterpret_cast<const std::uint8_t*>(name), size}) +
             stored::digest({reinterpret_cast<const std::uint8_t*>(&vendor), sizeof(vendor)});
  }
  return digest;
}

void Attack::check_list(std::uint64_t expected) {
  EfiStatus result = status::success;
  const std::uint64_t digest = digest_of_list(result);
  if (result == status::device_error) {
    ++device_errors_;
  } else if (result != status::not_found) {
    note(Kind::status, u"(names)", result);
  } else if (digest != expected) {
    note(Kind::read, u"(names)", result);
  }
}

void Attack::write(std::size_t index, bool remove) {
  Variable& variable = variables[index];
  const Span value = remove ? Span{} : make_value(index, next_number++);
  const EfiStatus result = set(variable.name, *variable.vendor, remove ? 0 : plain_attributes, value);
  if (result == status::success) {
    ++acknowledged_;
    variable.acknowledged = true;
    variable.store(value);
  } else if (result == status::device_error) {
    ++device_errors_;
  } else {
    note(Kind::status, variable.name, result);
  }
}

void Attack::send_forgeries(std::size_t first, std::size_t step) {
  for (std::size_t i = first; i < forged_updates.count && !keys_taken_; i += step) {
    const Update& update = forged_updates.items[i];
    const auto& target = updates::targets[update.target];
    const EfiStatus result = set(target.name, *target.vendor, update.attributes, update.data);
    if (result == status::success) {
      note(Kind::forged, target.name, result);
      keys_taken_ = true;
      variables[first_authenticated + update.target].store(update.payload());
    } else if (result == status::device_error) {
      ++device_errors_;
    } else if (result == status::security_violation) {
      ++refused_;
    } else {
      note(Kind::status, target.name, result);
    }
  }
  // Not signed at all.
  const auto& target = updates::targets[2];
  const EfiStatus result = set(target.name, *target.vendor, plain_attributes, make_value(0, 1));
  if (!status::is_error(result)) note(Kind::forged, target.name, result);
}

void Attack::send_honest_update() {
  if (keys_taken_ || next_honest_ == honest_updates.count) return;
  const Update& update = honest_updates.items[next_honest_++];
  Variable& variable = variables[first_authenticated + update.target];
  const EfiStatus result = set(variable.name, *variable.vendor, update.attributes, update.data);
  if (result == status::success) {
    ++acknowledged_;
    variable.acknowledged = true;
    variable.store(update.payload());
  } else if (result == status::device_error) {
    ++device_errors_;
    variable.refused = update.payload();
  } else {
    note(Kind::status, variable.name, result);
  }
}

// More than the store has room for: a reclaim has to come.
void Attack::fill() {
  const stored::Area area = stored::records_of({before, flash_bytes});
  const std::size_t used = stored::for_each_record({before, flash_bytes}, [](const stored::Record&) {});
  for (std::size_t left = area.end > used ? area.end - used : 0;; left -= filler_bytes) {
    const std::uint64_t acknowledged = acknowledged_;
    write(filler_index, false);
    if (acknowledged_ != acknowledged) filled_ += filler_bytes;
    if (left < filler_bytes) break;
  }
}

void Attack::assault(std::uint64_t round) {
  const std::size_t step = flipper_ != nullptr ? 4 : 1;
  for (std::size_t i = round % step; i < variable_count; i += step) check_read(i);
  if (!reclaiming_) send_forgeries(round % step, step);
  write(round % plain_count, false);
  // One that is there goes, one that isn't comes.
  const std::size_t other = (round * 5 + 3) % plain_count;
  write(other, variables[other].size != 0);
  if (round % 5 == 2) send_honest_update();
  if (reclaiming_ || round % 20 == 7) fill();
  for (std::size_t i = round % 3; i < variable_count; i += 3 * step) check_read(i);
}

}  // namespace redoubt::guest
