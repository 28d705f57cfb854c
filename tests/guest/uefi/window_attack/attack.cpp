// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tests/guest/uefi/window_attack/attack.hpp"

namespace redoubt::guest {

using abi::EfiStatus;
namespace status = abi::status;

std::uint8_t before[flash_bytes];
std::uint8_t after[flash_bytes];
std::uint8_t content[chipset::rcba_bytes];
std::uint8_t room[0x8400];

namespace {

void print_name(const char16_t* name) {
  for (; *name != 0; ++name) print(static_cast<char>(*name));
}

}  // namespace

void copy_flash(std::span<std::uint8_t> target, std::size_t offset) {
  for (std::size_t i = 0; i != target.size(); i += 4) {
    const std::uint32_t word = *reinterpret_cast<const volatile std::uint32_t*>(flash_base + offset + i);
    std::memcpy(&target[i], &word, 4);
  }
}

void Attack::note(Kind kind, const char16_t* name, EfiStatus result) {
  Count& count = counts_[static_cast<std::size_t>(kind)];
  if (count.count++ == 0) count.first = round_;
  ++violations_;
  if (count.count <= 3) {
    print("window amiss part=");
    print(part_);
    print(" kind=");
    print(kind_names[static_cast<std::size_t>(kind)]);
    print(" round=");
    print_decimal(round_);
    print(" name=");
    print_name(name);
    print_line(" status=", Hexadecimal{result});
  }
}

void Attack::begin_part(std::string_view name) {
  part_ = name;
  for (Count& count : counts_) count = {};
  rounds_in_place_ = rounds_forged_ = acknowledged_ = device_errors_ = refused_ = reclaims_ = late_ = 0;
  print_line("window begin part=", name);
}

void Attack::end_part() {
  print_line("window part=", part_, " rounds=", Decimal{round_}, " in_place=", Decimal{rounds_in_place_},
             " forged_content=", Decimal{rounds_forged_}, " acknowledged=", Decimal{acknowledged_},
             " device_errors=", Decimal{device_errors_}, " refused=", Decimal{refused_},
             " reclaims=", Decimal{reclaims_}, " late=", Decimal{late_});
  for (std::size_t kind = 0; kind != kind_count; ++kind) {
    print_line("window kind=", kind_names[kind], " part=", part_, " count=", Decimal{counts_[kind].count},
               " first=", Decimal{counts_[kind].first});
  }
}

// What there is before any window: all of it in flash, as the driver says.
bool Attack::begin() {
  set_up_variables();
  if (!read_what_is_asked_for()) {
    return failed("what QEMU's command line says");
  }
  if ((home_ & chipset::rcba_enable) == 0) return failed("RCBA is off");
  for (std::size_t i = 0; i != variable_count; ++i) {
    Variable& variable = variables[i];
    std::uint32_t attributes = 0;
    std::size_t size = 0;
    const EfiStatus result = services_.get(variable.name, *variable.vendor, attributes, room, size);
    if (result == status::success && size <= sizeof(variable.stored))
      variable.store({room, size});
    else if (result != status::not_found)
      return failed("a variable can't be read before the attack");
    // Values of earlier boots are told from new ones.
    std::uint64_t number = 0;
    if (!variable.authenticated && variable.size >= 8) std::memcpy(&number, variable.stored, 8);
    if (number >= next_number) next_number = number + 1;
  }
  if (violations_ != 0) return failed("flash has other variables than the driver before the attack");
  return true;
}

// All of ours are there. db is behind them, far from PK and KEK: a window over the one needn't be over the other.
bool Attack::make_variables() {
  for (std::size_t i = 0; i <= filler_index; ++i) write(i, false);
  send_honest_update();
  for (Variable& variable : variables) variable.acknowledged = false;
  first_number_of_round = next_number;
  return device_errors_ + violations_ == 0 || failed("no variables could be made before the attack");
}

void Attack::list() {
  static char16_t name[512];
  abi::Guid vendor{};
  name[0] = 0;
  for (unsigned count = 0; count != 1000; ++count) {
    abi::UintN name_size = sizeof(name);
    if (services_.next(name_size, name, vendor) != status::success) break;
    std::uint32_t attributes = 0;
    std::size_t size = 0;
    const EfiStatus result = services_.get(name, vendor, attributes, room, size);
    if (result == status::success && (attributes & abi::variable_attribute::non_volatile) != 0) {
      print("variable ");
      print_guid(vendor);
      print(" ");
      print_name(name);
      print_line(" attributes=", Hexadecimal{attributes}, " size=", Decimal{size},
                 " digest=", Hexadecimal{stored::digest({room, size})});
    }
  }
  std::uint32_t attributes = 0;
  std::size_t size = 0;
  const EfiStatus result = services_.get(u"SecureBoot", abi::global_variable_guid, attributes, room, size);
  print_line("window secure_boot=", Decimal{result == status::success && size == 1 ? room[0] : std::uint64_t{9}});
}

bool Attack::run() {
  seed(option("seed", 1));
  if (!begin()) return false;
  const std::uint64_t control = option("control", 0);
  const std::uint64_t rcba = option("rcba", 0);
  const std::uint64_t reclaim = option("reclaim", 0);
  const std::uint64_t pciexbar = option("pciexbar", 0);
  const std::uint64_t ports = option("ports", 0);
  const std::uint64_t flips = option("flips", 0);
  if (control + rcba + reclaim + pciexbar + ports + flips != 0 && !make_variables()) return false;
  // No polling of devices by firmware while their configuration space lies elsewhere.
  const abi::Tpl tpl = table_.boot_services->raise_tpl(abi::tpl::callback);
  const bool made = (control == 0 || attack_by_nothing(control)) && (rcba == 0 || attack_by_rcba("rcba", rcba)) &&
                    (reclaim == 0 || attack_by_rcba("reclaim", reclaim)) &&
                    (pciexbar == 0 || attack_by_pciexbar(pciexbar)) && (ports == 0 || attack_by_ports(ports));
  table_.boot_services->restore_tpl(tpl);
  const bool flipped = made && (flips == 0 || attack_by_flips(flips));
  list();
  print_line("window violations=", Decimal{violations_});
  return flipped && violations_ == 0;
}

}  // namespace redoubt::guest
