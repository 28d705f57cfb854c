// SPDX-License-Identifier: BSD-2-Clause-Patent
// See program.hpp.
#include "tests/guest/uefi/program.hpp"

#include "platform/q35/chipset.hpp"
#include "tests/guest/uefi/instructions.hpp"

namespace redoubt::guest {

namespace {

// COM1, a 16550: transmitter holding register and line status register.
constexpr std::uint16_t serial_data_port = 0x3F8;
constexpr std::uint16_t serial_line_status_port = 0x3FD;
constexpr std::uint8_t serial_transmitter_empty = 0x20;

constexpr std::uint16_t debug_exit_port = 0x501;

constexpr std::string_view option_prefix = "opt/org.redoubt/";

std::uint8_t fw_cfg_byte() { return in8(platform::q35::fw_cfg_data_port); }

std::uint32_t fw_cfg_big_endian(unsigned bytes) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i != bytes; ++i) {
    value = value << 8 | fw_cfg_byte();
  }
  return value;
}

struct FwCfgFile {
  std::uint16_t key;
  std::uint32_t size;
};

std::optional<FwCfgFile> find_fw_cfg_file(std::string_view prefix, std::string_view name) {
  constexpr std::size_t name_bytes = 56;
  out16(platform::q35::fw_cfg_selector_port, platform::q35::fw_cfg_key_directory);
  const std::uint32_t count = fw_cfg_big_endian(4);
  for (std::uint32_t i = 0; i != count; ++i) {
    const std::uint32_t size = fw_cfg_big_endian(4);
    const auto key = static_cast<std::uint16_t>(fw_cfg_big_endian(2));
    fw_cfg_big_endian(2);  // reserved
    char text[name_bytes];
    std::size_t length = name_bytes;
    for (std::size_t n = 0; n != name_bytes; ++n) {
      text[n] = static_cast<char>(fw_cfg_byte());
      if (text[n] == '\0' && length == name_bytes) {
        length = n;
      }
    }
    const std::string_view found(text, length);
    if (found.starts_with(prefix) && found.substr(prefix.size()) == name) {
      return FwCfgFile{key, size};
    }
  }
  return std::nullopt;
}

void print_digits(std::uint64_t value, unsigned base, unsigned least) {
  char digits[64];
  unsigned count = 0;
  while (value != 0 || count < least) {
    digits[count++] = "0123456789abcdef"[value % base];
    value /= base;
  }
  while (count != 0) {
    print(digits[--count]);
  }
}

}  // namespace

void print(char character) {
  while ((in8(serial_line_status_port) & serial_transmitter_empty) == 0) {
    pause();
  }
  out8(serial_data_port, static_cast<std::uint8_t>(character));
}

void print(std::string_view text) {
  for (const char character : text) {
    print(character);
  }
}

void print_decimal(std::uint64_t value) { print_digits(value, 10, 1); }

void print_hexadecimal(std::uint64_t value) {
  print("0x");
  print_digits(value, 16, 1);
}

void print_guid(const abi::Guid& guid) {
  print_digits(guid.data1, 16, 8);
  print('-');
  print_digits(guid.data2, 16, 4);
  print('-');
  print_digits(guid.data3, 16, 4);
  for (unsigned i = 0; i != 8; ++i) {
    if (i == 0 || i == 2) {
      print('-');
    }
    print_digits(guid.data4[i], 16, 2);
  }
}

std::uint64_t option(std::string_view name, std::uint64_t otherwise) {
  const auto file = find_fw_cfg_file(option_prefix, name);
  if (!file) {
    return otherwise;
  }
  out16(platform::q35::fw_cfg_selector_port, file->key);
  std::uint64_t value = 0;
  for (std::uint32_t i = 0; i != file->size; ++i) {
    const std::uint8_t character = fw_cfg_byte();
    if (character < '0' || character > '9') {
      break;
    }
    value = value * 10 + (character - unsigned{'0'});
  }
  return value;
}

std::size_t option_bytes(std::string_view name, std::span<std::uint8_t> buffer) {
  const auto file = find_fw_cfg_file(option_prefix, name);
  if (!file) {
    return 0;
  }
  out16(platform::q35::fw_cfg_selector_port, file->key);
  const std::span<std::uint8_t> filled = file->size < buffer.size() ? buffer.first(file->size) : buffer;
  for (std::uint8_t& byte : filled) {
    byte = fw_cfg_byte();
  }
  return filled.size();
}

const void* find_configuration_table(const abi::SystemTable& system_table, const abi::Guid& name) {
  for (abi::UintN i = 0; i != system_table.table_count; ++i) {
    if (system_table.configuration_tables[i].vendor_guid == name) {
      return system_table.configuration_tables[i].vendor_table;
    }
  }
  return nullptr;
}

void finish(const abi::SystemTable& system_table, std::string_view name, bool ok) {
  print_line("done ", name, " status=", ok ? "ok" : "failed");
  out8(debug_exit_port, ok ? 0 : 1);
  system_table.runtime_services->reset_system(abi::ResetType::shutdown, abi::status::success, 0, nullptr);
  for (;;) {
    asm volatile("cli\n\thlt");
  }
}

}  // namespace redoubt::guest
