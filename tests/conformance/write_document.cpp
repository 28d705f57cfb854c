// SPDX-License-Identifier: BSD-2-Clause-Patent
// Writes docs/conformance.md to standard output from the suite's table, so that the document cannot say what no test
// shows. Run by the target conformance_document; a test compares its output with the file in the tree.
#include <cstdio>
#include <string>

#include "tests/conformance/conformance.hpp"

namespace {

using namespace redoubt::conformance;

constexpr const char* head =
    R"(<!-- Written by tests/conformance/write_document.cpp: change the tests and run `ninja -C build/host conformance_document`. -->
# Conformance

What an MM driver is promised, and which test shows it. Each row is one test of `tests/conformance/`; the same sources
run on the host, under sanitizers, and inside MM in QEMU (`tests/boot/conformance`), and a row whose test fails or is
missing fails the build's tests. A test's name begins with its source: `pi4` is the PI specification 1.9, volume 4 (its
section 3.2 describes the services of the system table, each under a heading of its own), `uefi` the UEFI specification
2.10, to which volume 4 refers for the services it takes over. edk2 is the StandaloneMmPkg core of August 2026, unless
another part is named; an empty cell means that it does the same. "As specified" says what our foundation does; what
the specification leaves open stands there in words.
)";

struct Parts {
  std::string section;
  std::string service;
};

Parts parts_of(std::string_view name) {
  const auto first = name.find('/');
  const auto second = name.find('/', first + 1);
  return {std::string(name.substr(0, first)), std::string(name.substr(first + 1, second - first - 1))};
}

std::string section_text(const std::string& section) {
  const auto dash = section.find('-');
  const std::string document = section.substr(0, dash);
  const std::string names = document == "uefi" ? "UEFI 2.10" : document == "pi4" ? "PI 1.9 vol. 4" : "PI 1.9 vol. 2";
  return names + ", " + section.substr(dash + 1);
}

std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

int main() {
  std::fputs(head, stdout);
  std::string current;
  for (std::size_t i = 0; i != test_count(); ++i) {
    const Test& test = test_at(i);
    const Parts parts = parts_of(test.name);
    if (parts.service != current) {
      current = parts.service;
      std::printf("\n## %s\n\n| section | specified | edk2, where it differs | ours | test |\n|---|---|---|---|---|\n",
                  current.c_str());
    }
    std::printf("| %s | %s | %s | %s | `%s` |\n", section_text(parts.section).c_str(), cell(test.behaviour).c_str(),
                cell(test.edk2).c_str(), test.ours.empty() ? "As specified." : cell(test.ours).c_str(),
                std::string(test.name).c_str());
  }
  return 0;
}
