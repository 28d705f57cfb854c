// SPDX-License-Identifier: BSD-2-Clause-Patent
#include "tests/guest/uefi/window_attack/attacked_variables.hpp"

#include "tests/guest/uefi/program.hpp"

namespace redoubt::guest {

constinit List<Exchange, 8> exchanges;
constinit List<Update, 8> forged_updates;
constinit List<Update, 128> honest_updates;
constinit Variable variables[variable_count];
std::uint64_t next_number = 1;
std::uint64_t first_number_of_round = 1;

namespace {

constexpr abi::Guid own_vendor = {0x5d9a1b20, 0x47c3, 0x4e86, {0xb1, 0x0e, 0x93, 0x6c, 0x1f, 0x28, 0xd7, 0x45}};

bool read_exchanges() {
  static std::uint8_t bytes[0x8000];
  Span rest(bytes, option_bytes("certificates", bytes));
  while (rest.size() >= 8) {
    const std::size_t size = updates::number_at(rest);
    rest = rest.subspan(8);
    if (size > rest.size() / 2) return false;
    if (!exchanges.add({rest.first(size), rest.subspan(size, size)})) return false;
    rest = rest.subspan(2 * size);
  }
  return rest.empty();
}
template <typename Updates>
bool read_updates(std::string_view name, std::span<std::uint8_t> bytes, Updates& list) {
  Span rest(bytes.data(), option_bytes(name, bytes));
  while (rest.size() >= updates::header_size) {
    const std::size_t target = rest[0] - std::size_t{'0'};
    const std::uint32_t size = updates::number_at(rest.subspan(9));
    const std::uint32_t attributes = updates::number_at(rest.subspan(1));
    rest = rest.subspan(updates::header_size);
    if (target >= std::size(updates::targets) || size > rest.size()) return false;
    if (!list.add({target, attributes, rest.first(size)})) return false;
    rest = rest.subspan(size);
  }
  return rest.empty();
}

std::size_t size_of(std::size_t index, std::uint64_t number) {
  return index == filler_index ? filler_bytes : 16 + (number * 137 + index * 211) % 700;
}
std::uint8_t byte_of(std::size_t index, std::uint64_t number, std::size_t position) {
  return static_cast<std::uint8_t>(position < 8 ? number >> (position * 8) : number * 31 + index * 7 + position * 13);
}

}  // namespace

bool read_what_is_asked_for() {
  static std::uint8_t forged_bytes[0x8000];
  static std::uint8_t honest_bytes[0x60000];
  return read_exchanges() && read_updates("forged", forged_bytes, forged_updates) &&
         read_updates("honest", honest_bytes, honest_updates);
}

void set_up_variables() {
  for (std::size_t i = 0; i != variable_count; ++i) {
    Variable& variable = variables[i];
    const char16_t* name = i == filler_index ? u"WindowFiller" : u"Window?";
    if (i >= first_authenticated) {
      name = updates::targets[i - first_authenticated].name;
      variable.vendor = updates::targets[i - first_authenticated].vendor;
      variable.authenticated = true;
    } else {
      variable.vendor = &own_vendor;
    }
    for (std::size_t at = 0; name[at] != 0; ++at) variable.name[at] = name[at];
    if (i < plain_count) variable.name[6] = static_cast<char16_t>(u"0123456789ABCDEF"[i]);
  }
}

bool is_own(const stored::Record& record) {
  return std::memcmp(record.vendor.data(), &own_vendor, sizeof(own_vendor)) == 0;
}

std::size_t index_of(const stored::Record& record) {
  for (std::size_t index = 0; index != variable_count; ++index) {
    const Variable& variable = variables[index];
    std::size_t bytes = 2;
    for (const char16_t* at = variable.name; *at != 0; ++at) bytes += 2;
    if (record.name.size() == bytes && std::memcmp(record.name.data(), variable.name, bytes) == 0 &&
        std::memcmp(record.vendor.data(), variable.vendor, sizeof(abi::Guid)) == 0) {
      return index;
    }
  }
  return variable_count;
}

Span make_value(std::size_t index, std::uint64_t number) {
  static std::uint8_t bytes[filler_bytes];
  const std::size_t size = size_of(index, number);
  for (std::size_t i = 0; i != size; ++i) bytes[i] = byte_of(index, number, i);
  return {bytes, size};
}

bool is_forged(std::size_t index, Span value) {
  for (std::size_t i = 0; i != forged_updates.count; ++i) {
    const Update& update = forged_updates.items[i];
    if (first_authenticated + update.target == index && same(value, update.payload())) return true;
  }
  return false;
}

bool was_tried(std::size_t index, Span value) {
  if (variables[index].authenticated) return !variables[index].refused.empty() && same(value, variables[index].refused);
  if (value.size() < 8) return false;
  std::uint64_t number = 0;
  std::memcpy(&number, value.data(), 8);
  return number >= first_number_of_round && number < next_number && same(value, make_value(index, number));
}

}  // namespace redoubt::guest
