// SPDX-License-Identifier: BSD-2-Clause-Patent
// Says whether Secure Boot is on and makes the updates that it's asked for (variable_updates.hpp). Then it reads the
// variables of a sequence (variable_sequence.hpp), says how many writes they are of, and goes on with
// opt/org.redoubt/writes further ones; every sixteenth has a variable come and go besides. The same under Redoubt and
// under stock firmware.
//
//   writer secure_boot=0 or 1 | update N status=0x... |
//   writer found=N | writer written=N, after each sixteenth write | writer failed what="..."
#include "abi/uefi/service_types.hpp"
#include "abi/uefi/system_table.hpp"
#include "tests/guest/uefi/program.hpp"
#include "tests/guest/uefi/variable_sequence.hpp"
#include "tests/guest/uefi/variable_updates.hpp"

namespace redoubt::guest {
namespace {

using abi::EfiStatus;
namespace status = abi::status;
namespace attribute = abi::variable_attribute;

constexpr std::uint32_t attributes =
    attribute::non_volatile | attribute::boot_service_access | attribute::runtime_access;

std::byte value[sequence::most_bytes];

bool fail(std::string_view what, std::uint64_t number, EfiStatus result) {
  print_line("writer failed what=\"", what, "\" number=", Decimal{number}, " status=", Hexadecimal{result});
  return false;
}

// How many writes the variables are of.
bool find(const abi::RuntimeServices& services, std::uint64_t& writes) {
  std::uint64_t rounds[sequence::variables];
  writes = 0;
  for (std::uint32_t variable = 0; variable < sequence::variables; ++variable) {
    char16_t name[sequence::name_length + 1];
    sequence::make_name(variable, name);
    abi::UintN size = sizeof(value);
    std::uint32_t found_attributes = 0;
    const EfiStatus result = services.get_variable(name, &sequence::vendor, &found_attributes, &size, value);
    rounds[variable] = 0;
    if (result != status::not_found) {
      if (result != status::success || found_attributes != attributes) {
        return fail("a variable can't be read", variable, result);
      }
      rounds[variable] = sequence::round_in(variable, value, size);
      if (rounds[variable] == 0) {
        return fail("a variable has a value that nobody wrote", variable, result);
      }
    }
    writes += rounds[variable];
  }
  for (std::uint32_t variable = 0; variable < sequence::variables; ++variable) {
    if (rounds[variable] != sequence::round_after(writes, variable)) {
      return fail("a variable has a value of another time", variable, rounds[variable]);
    }
  }
  print_line("writer found=", Decimal{writes});
  return true;
}

bool write(const abi::RuntimeServices& services, std::uint64_t number) {
  const std::uint32_t variable = sequence::variable_of(number);
  const std::uint64_t round = sequence::round_of(number);
  const std::uint32_t size = sequence::size_of(round, variable);
  for (std::uint32_t position = 0; position < size; ++position) {
    value[position] = sequence::byte_of(round, variable, position);
  }
  char16_t name[sequence::name_length + 1];
  sequence::make_name(variable, name);
  const EfiStatus result = services.set_variable(name, &sequence::vendor, attributes, size, value);
  return result == status::success || fail("a write", number, result);
}

bool come_and_go(const abi::RuntimeServices& services, std::uint64_t number) {
  constexpr char16_t name[] = u"Passing";
  EfiStatus result = services.set_variable(name, &sequence::vendor, attributes, sizeof(number), &number);
  if (result == status::success) {
    result = services.set_variable(name, &sequence::vendor, 0, 0, nullptr);
  }
  return result == status::success || fail("a passing variable", number, result);
}

bool run(const abi::RuntimeServices& services) {
  std::uint8_t secure_boot = 0;
  abi::UintN size = sizeof(secure_boot);
  const EfiStatus result =
      services.get_variable(u"SecureBoot", &abi::global_variable_guid, nullptr, &size, &secure_boot);
  if (result != status::success) {
    return fail("SecureBoot", 0, result);
  }
  print_line("writer secure_boot=", Decimal{secure_boot});
  std::uint64_t writes = 0;
  if (!updates::make_updates(services) || !find(services, writes)) {
    return false;
  }
  for (const std::uint64_t end = writes + option("writes", 0); writes < end; ++writes) {
    if (!write(services, writes)) {
      return false;
    }
    if (sequence::variable_of(writes + 1) == 0) {
      if (!come_and_go(services, writes)) {
        return false;
      }
      print_line("writer written=", Decimal{writes + 1});
    }
  }
  return find(services, writes);
}

}  // namespace
}  // namespace redoubt::guest

extern "C" EFIAPI redoubt::abi::EfiStatus variable_writer_entry(redoubt::abi::Handle image_handle,
                                                                redoubt::abi::SystemTable* system_table);

extern "C" EFIAPI redoubt::abi::EfiStatus variable_writer_entry(redoubt::abi::Handle /*image_handle*/,
                                                                redoubt::abi::SystemTable* system_table) {
  const bool well = redoubt::guest::run(*system_table->runtime_services);
  redoubt::guest::finish(*system_table, "variable_writer", well);
}
