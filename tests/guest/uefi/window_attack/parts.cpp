// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tests/guest/uefi/window_attack/attack.hpp"

#include "tests/guest/uefi/mp_services.hpp"

namespace redoubt::guest {

using abi::EfiStatus;
namespace status = abi::status;

bool Attack::attack_by_nothing(std::uint64_t rounds) {
  begin_part("control");
  for (std::uint64_t round = 0; round != rounds; ++round) {
    prepare(round);
    EfiStatus result = status::success;
    const std::uint64_t names = digest_of_list(result);
    check_list(names);
    assault(round);
    judge();
  }
  round_ = rounds;
  end_part();
  return device_errors_ == 0 || failed("device errors without a window");
}

bool Attack::attack_by_rcba(std::string_view part, std::uint64_t rounds) {
  begin_part(part);
  reclaiming_ = part == "reclaim";
  for (std::uint64_t round = 0; round != rounds; ++round) {
    prepare(round);
    EfiStatus result = status::success;
    const std::uint64_t names = round % 4 == 1 ? digest_of_list(result) : 0;
    if (!lay_rcba()) {
      put_rcba_back();
      return failed("RCBA isn't where it was laid");
    }
    if (round == 0 && option("hold", 0) != 0) {
      static volatile std::uint32_t flag = 0;
      print_line("window hold place=", Hexadecimal{flash_base + place_},
                 " flag=", Hexadecimal{reinterpret_cast<std::uint64_t>(&flag)},
                 " digest=", Hexadecimal{stored::digest(content)});
      while (flag == 0) pause();
    }
    if (round % 4 == 1) check_list(names);
    assault(round);
    const bool there =
        chipset::read_config(chipset::lpc_bridge, chipset::rcba) == ((flash_base + place_) | chipset::rcba_enable);
    put_rcba_back();
    if (!there) return failed("RCBA was moved");
    ++rounds_in_place_;
    judge();
  }
  round_ = rounds;
  end_part();
  return true;
}

bool Attack::attack_by_pciexbar(std::uint64_t rounds) {
  begin_part("pciexbar");
  // A port with a device behind it, whose configuration can be had where the store's headers are.
  constexpr chipset::Function port = {0x1C, 0};
  constexpr std::uint8_t bus_numbers = 0x18;
  const std::uint32_t buses = chipset::read_config(port, bus_numbers);
  const bool has_port = chipset::read_config(port, 0) != 0xFFFF'FFFF;
  for (std::uint64_t round = 0; round != rounds; ++round) {
    prepare(round);
    // The longest; QEMU (7.2) puts shorter ones where they end before the flash.
    constexpr std::uint64_t base = 0xF000'0000;
    const bool device = has_port && round % 2 == 1;
    if (device) {
      const auto bus = static_cast<std::uint32_t>((flash_base - base) >> 20);
      chipset::write_config(port, bus_numbers, bus << 16 | bus << 8);
    }
    chipset::write_config(chipset::memory_controller, chipset::pciexbar, static_cast<std::uint32_t>(base | 1));
    copy_flash({content, 0x1000}, 0);
    const bool empty = content[0] == 0xFF && content[44] == 0xFF;
    const bool there = device ? !empty && !same({content, 64}, {before, 64}) : empty;
    if (there) {
      rounds_forged_ += device ? 1 : 0;
      assault(round);
    }
    chipset::write_config(chipset::memory_controller, chipset::pciexbar, pciexbar_);
    if (device) chipset::write_config(port, bus_numbers, buses);
    if (!there) return failed("PCIEXBAR isn't where it was laid");
    ++rounds_in_place_;
    judge();
  }
  round_ = rounds;
  end_part();
  return true;
}

bool Attack::attack_by_flips(std::uint64_t rounds) {
  begin_part("flips");
  auto* mp = locate_protocol<MpServices>(table_, mp_services_guid);
  static constinit Flipper flipper;
  abi::Event event = nullptr;
  if (!services_.raise_alone() || mp == nullptr ||
      table_.boot_services->create_event(0, abi::tpl::callback, nullptr, nullptr, &event) != status::success ||
      mp->startup_this_ap(mp, flip_window, 1, event, 0, &flipper, nullptr) != status::success) {
    return failed("no second CPU");
  }
  const auto command = [&](Flipper::Order order) {
    flipper.order.store(order);
    for (unsigned i = 0; i != 1U << 28 && flipper.obeyed.load() != order; ++i) pause();
    return flipper.obeyed.load() == order;
  };
  if (!command(Flipper::stay)) return failed("the second CPU doesn't start");
  flipper.home = home_;
  bool well = true;
  for (std::uint64_t round = 0; round != rounds && well; ++round) {
    prepare(round);
    well = lay_rcba();
    put_rcba_back();
    for (std::size_t i = 0; i != sizeof(content); ++i) {
      if (content[i] != before[place_ + i]) {
        flipper.probe = flash_base + place_ + i;
        flipper.in_window = content[i];
      }
    }
    flipper.in_front = static_cast<std::uint32_t>(flash_base + place_) | chipset::rcba_enable;
    well = well && command(Flipper::flip);
    if (!well) break;
    const std::uint64_t writes_before = writes_with_flips_;
    flipper_ = &flipper;
    assault(round);
    flipper_ = nullptr;
    rounds_with_flips_ += writes_with_flips_ != writes_before ? 1 : 0;
    well = command(Flipper::stay);
    rounds_in_place_ = flipper.seen.load();
    judge();
  }
  command(Flipper::leave);
  if (!well) return failed("the second CPU doesn't do as it's told");
  round_ = rounds;
  end_part();
  print_line("window flips in_writes=", Decimal{flips_in_writes_}, " writes=", Decimal{writes_},
             " with_flips=", Decimal{writes_with_flips_}, " lost_ipis=", Decimal{lost_ipis});
  return (rounds_with_flips_ == rounds && rounds_in_place_ == rounds) || failed("the second CPU stood still");
}

// No MMI comes while the ports lie over 0xB2: nothing can have been done, whatever the caller is told.
void Attack::assault_without_mmis() {
  std::uint32_t attributes = 0;
  std::size_t size = 0;
  static_cast<void>(services_.get(variables[first_authenticated].name, *variables[first_authenticated].vendor,
                                  attributes, room, size));
  const Variable& variable = variables[round_ % plain_count];
  static_cast<void>(services_.set(variable.name, *variable.vendor, plain_attributes,
                                  make_value(round_ % plain_count, next_number++)));
}

bool Attack::attack_by_ports(std::uint64_t rounds) {
  begin_part("ports");
  const std::uint64_t space = pciexbar_ & chipset::pciexbar_mask;
  if ((pciexbar_ & 1) == 0) return failed("PCIEXBAR is off");
  volatile std::uint32_t& bar = chipset::config_register(space, chipset::ahci, chipset::bar_4);
  volatile std::uint32_t& command = chipset::config_register(space, chipset::ahci, chipset::command_register);
  volatile std::uint32_t& rcba = chipset::config_register(space, chipset::lpc_bridge, chipset::rcba);
  constexpr std::uint16_t mmi_ports = 0xA0;
  constexpr std::uint16_t bases[] = {0xCE0, 0x400, 0x600, mmi_ports};
  for (std::uint64_t round = 0; round != rounds; ++round) {
    prepare(round);
    const std::uint16_t base = bases[round % std::size(bases)];
    const bool with_rcba = round / std::size(bases) % 2 == 1;
    const bool laid = !with_rcba || lay_rcba();
    const std::uint32_t old_bar = bar;
    const std::uint32_t old_command = command;
    {
      // The interrupt controller's second half is among the ports.
      const InterruptsOff interrupts_off;
      command = (old_command & 0xFFFF & ~chipset::command_io);
      bar = base;
      command = (old_command & 0xFFFF) | chipset::command_io;
    }
    const auto index = static_cast<std::uint16_t>(base + chipset::ahci_index);
    out32(index, 0x14);
    const bool there = in32(index) == 0x14;
    out32(index, 0);
    if (there && laid) {
      if (base == mmi_ports) {
        without_mmis_ = true;
        assault_without_mmis();
      } else {
        assault(round);
      }
    }
    {
      const InterruptsOff interrupts_off;
      command = (old_command & 0xFFFF & ~chipset::command_io);
      bar = old_bar;
      command = old_command & 0xFFFF;
      rcba = home_;
    }
    if (!there || !laid) return failed("the ports aren't where they were laid");
    ++rounds_in_place_;
    judge();
    without_mmis_ = false;
  }
  round_ = rounds;
  end_part();
  return true;
}

}  // namespace redoubt::guest
