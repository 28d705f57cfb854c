// SPDX-License-Identifier: BSD-2-Clause-Patent
// Reads the variables that QEMU's command line names: -fw_cfg name=opt/org.redoubt/names,file=FILE, one after the other
// its vendor's GUID and its name with a terminator. Then it says which of them GetNextVariableName lists, each time.
//
//   reader setup_mode=N secure_boot=N
//   reader INDEX attributes=N data=HEXADECIMAL | reader INDEX status=0x...
//   listed INDEX
#include <cstring>

#include "abi/uefi/service_types.hpp"
#include "abi/uefi/system_table.hpp"
#include "tests/guest/uefi/program.hpp"

namespace redoubt::guest {
namespace {

namespace status = abi::status;

constexpr std::size_t most_names = 64;
constexpr std::size_t longest_name = 128;

struct Name {
  abi::Guid vendor;
  char16_t text[longest_name];
};
Name names[most_names];
std::size_t name_count = 0;
std::uint8_t file[0x4000];
std::uint8_t data[0x8000];

bool is_same(const char16_t* one, const char16_t* other) {
  while (*one != 0 && *one == *other) ++one, ++other;
  return *one == *other;
}

// Whether the command line's file is as it should be.
bool read_names() {
  std::span<const std::uint8_t> rest(file, option_bytes("names", file));
  while (!rest.empty()) {
    if (name_count == most_names || rest.size() < sizeof(abi::Guid)) return false;
    Name& name = names[name_count++];
    std::memcpy(&name.vendor, rest.data(), sizeof(name.vendor));
    rest = rest.subspan(sizeof(name.vendor));
    for (std::size_t length = 0;; ++length) {
      if (length == longest_name || rest.size() < sizeof(char16_t)) return false;
      std::memcpy(&name.text[length], rest.data(), sizeof(char16_t));
      rest = rest.subspan(sizeof(char16_t));
      if (name.text[length] == 0) break;
    }
  }
  return true;
}

std::uint8_t byte_of(const abi::RuntimeServices& runtime, const char16_t* name) {
  std::uint8_t value = 0xFF;
  abi::UintN size = sizeof(value);
  return runtime.get_variable(name, &abi::global_variable_guid, nullptr, &size, &value) == status::success ? value
                                                                                                           : 0xFF;
}

void read(const abi::RuntimeServices& runtime, std::size_t index) {
  abi::UintN size = sizeof(data);
  std::uint32_t attributes = 0;
  const abi::EfiStatus result = runtime.get_variable(names[index].text, &names[index].vendor, &attributes, &size, data);
  if (result != status::success) {
    return print_line("reader ", Decimal{index}, " status=", Hexadecimal{result});
  }
  print("reader ");
  print_decimal(index);
  print(" attributes=");
  print_decimal(attributes);
  print(" data=");
  constexpr char digits[] = "0123456789ABCDEF";
  for (abi::UintN place = 0; place != size; ++place) {
    print(digits[data[place] >> 4]);
    print(digits[data[place] & 0xF]);
  }
  print("\r\n");
}

// Names may come back without an end: a variable that stands twice in the store leads back to where it stands first.
void list(const abi::RuntimeServices& runtime) {
  constexpr int enough = 400;
  abi::Char16 name[1024] = u"";
  abi::Guid vendor{};
  for (int count = 0; count != enough; ++count) {
    abi::UintN size = sizeof(name);
    if (runtime.get_next_variable_name(&size, name, &vendor) != status::success) return;
    for (std::size_t index = 0; index != name_count; ++index) {
      if (names[index].vendor == vendor && is_same(names[index].text, name)) print_line("listed ", Decimal{index});
    }
  }
}

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus variable_reader_entry(redoubt::abi::Handle image_handle,
                                                                redoubt::abi::SystemTable* system_table);

extern "C" EFIAPI redoubt::abi::EfiStatus variable_reader_entry(redoubt::abi::Handle /*image_handle*/,
                                                                redoubt::abi::SystemTable* system_table) {
  using namespace redoubt::guest;
  const auto& runtime = *system_table->runtime_services;
  const bool well = read_names();
  print_line("reader setup_mode=", Decimal{byte_of(runtime, u"SetupMode")},
             " secure_boot=", Decimal{byte_of(runtime, u"SecureBoot")});
  for (std::size_t index = 0; index != name_count; ++index) {
    read(runtime, index);
  }
  list(runtime);
  finish(*system_table, "variable_reader", well);
}
