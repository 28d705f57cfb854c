// SPDX-License-Identifier: BSD-2-Clause-Patent
// stored_variables FILE: the non-volatile variables in the file of a variable store, by a reader that shares nothing
// with the driver's (tests/guest/uefi/stored_variables.hpp), in the words of window_attack:
//
//   variable GUID NAME attributes=0x... size=N digest=0x...
//
// stored_variables --digest FILE: the digest of the whole file.
#include "tests/guest/uefi/stored_variables.hpp"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using namespace redoubt::guest;

int main(int count, char** arguments) {
  const bool whole = count == 3 && std::string(arguments[1]) == "--digest";
  if (count != 2 && !whole) {
    std::fputs("usage: stored_variables [--digest] FILE\n", stderr);
    return 2;
  }
  std::ifstream stream(arguments[count - 1], std::ios::binary);
  const std::vector<char> text((std::istreambuf_iterator<char>(stream)), {});
  const stored::Flash flash(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  if (whole) {
    std::printf("0x%llx\n", static_cast<unsigned long long>(stored::digest(flash)));
    return flash.empty() ? 1 : 0;
  }
  if (stored::records_of(flash).end == 0) {
    std::fprintf(stderr, "stored_variables: %s: no variable store\n", arguments[1]);
    return 1;
  }
  stored::for_each_variable(flash, [](const stored::Record& record) {
    std::string name;
    for (std::size_t i = 0; i + 2 < record.name.size(); i += 2) name += static_cast<char>(record.name[i]);
    const auto part = [&record](std::size_t offset, unsigned bytes) {
      return stored::number_at(record.vendor, offset, bytes);
    };
    std::printf("variable %08x-%04x-%04x-%02x%02x-", part(0, 4), part(4, 2), part(6, 2), part(8, 1), part(9, 1));
    for (std::size_t i = 10; i != 16; ++i) std::printf("%02x", part(i, 1));
    std::printf(" %s attributes=0x%x size=%zu digest=0x%llx\n", name.c_str(), record.attributes, record.data.size(),
                static_cast<unsigned long long>(stored::digest(record.data)));
  });
  return 0;
}
