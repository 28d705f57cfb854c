// SPDX-License-Identifier: BSD-2-Clause-Patent
// The window's place and content.
#include "tests/guest/uefi/window_attack/attack.hpp"

namespace redoubt::guest {

namespace {

std::uint64_t random_state = 1;
std::uint32_t random_number() {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return static_cast<std::uint32_t>(random_state >> 16);
}

}  // namespace

void Attack::seed(std::uint64_t seed) { random_state = seed * 0x9E37'79B9 + 1; }

// Somewhere in what: PK, KEK, db, a private variable, one of ours, the store's start and its tail, work and spare area.
std::size_t Attack::choose_place(std::uint64_t round) {
  std::size_t target = 0;
  const std::uint64_t which = (round + round / 10) % 12;
  const auto record_of = [&](std::size_t index) {
    stored::for_each_variable({before, flash_bytes}, [&](const stored::Record& record) {
      if (index_of(record) == index) target = record.offset;
    });
  };
  switch (which) {
    case 0:
    case 1:
    case 2:
    case 3: record_of(first_authenticated + which); break;
    case 4: record_of(random_number() % plain_count); break;
    case 5: break;
    case 6:
    case 7: target = stored::for_each_record({before, flash_bytes}, [](const stored::Record&) {}); break;
    case 8: target = work_area; break;
    case 9: target = spare_area + random_number() % (flash_bytes - spare_area); break;
    default: target = random_number() % flash_bytes; break;
  }
  return target / chipset::rcba_bytes * chipset::rcba_bytes;
}

void Attack::forge_content(std::uint64_t round) {
  std::memcpy(content, &before[place_], sizeof(content));
  const std::uint64_t kind = round % 8;
  if (kind >= 6) {
    constexpr std::uint8_t bytes[] = {0xFF, 0x80, 0x00, 0x3F};
    std::memset(content, bytes[round / 8 % std::size(bytes)], sizeof(content));
    return;
  }
  bool exchanged = false;
  for (std::size_t i = 0; i != exchanges.count; ++i) {
    const auto& [stored, forged] = exchanges.items[i];
    for (std::size_t at = 0; at + stored.size() <= sizeof(content); ++at) {
      if (content[at] == stored[0] && std::memcmp(&content[at], stored.data(), stored.size()) == 0) {
        std::memcpy(&content[at], forged.data(), forged.size());
        exchanged = true;
      }
    }
  }
  rounds_forged_ += exchanged ? 1 : 0;
  // Fields of records that lie in the window: what of them, by kind. Keys keep theirs, so that they serve.
  stored::for_each_record({before, flash_bytes}, [&](const stored::Record& record) {
    const auto change = [&](std::size_t offset, std::uint8_t bits) {
      if (offset >= place_ && offset - place_ < sizeof(content)) content[offset - place_] ^= bits;
    };
    if (!is_own(record)) return;
    const std::size_t data = record.offset + stored::record_header + record.name.size();
    switch (kind) {
      case 0:
      case 1:
        for (std::size_t i = 8; i < record.data.size(); ++i) change(data + i, 0xFF);
        break;
      case 2: change(record.offset + stored::record_header, 0x20); break;
      case 3: change(record.offset + 2, 0x02); break;
      case 4: change(record.offset + 41, 0x05); break;
      default:
        change(record.offset + 4, 0x02);
        change(data, 0x55);
        break;
    }
  });
}

void Attack::prepare(std::uint64_t round) {
  round_ = round;
  copy_flash(before, 0);
  place_ = choose_place(round);
  forge_content(round);
  if (std::memcmp(content, &before[place_], sizeof(content)) == 0) content[sizeof(content) - 1] ^= 0xFF;
}

// Filled where the window always is, then moved. Whether it is there, and has other bytes than the flash.
bool Attack::lay_rcba() {
  for (std::size_t i = 0; i != sizeof(content); i += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, &content[i], 4);
    *reinterpret_cast<volatile std::uint32_t*>((home_ & ~std::uint64_t{chipset::rcba_bytes - 1}) + i) = word;
  }
  const auto address = static_cast<std::uint32_t>(flash_base + place_);
  chipset::write_config(chipset::lpc_bridge, chipset::rcba, address | chipset::rcba_enable);
  static std::uint8_t seen[sizeof(content)];
  copy_flash(seen, place_);
  return same(seen, content) && !same(seen, {&before[place_], sizeof(content)});
}

}  // namespace redoubt::guest
