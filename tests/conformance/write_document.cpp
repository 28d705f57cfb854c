// SPDX-License-Identifier: BSD-2-Clause-Patent
// Writes docs/conformance.md to standard output from the suite's table, so that the document cannot say what no test
// shows. Run by the target conformance_document; a test compares its output with the file in the tree.
#include <cstdio>
#include <string>
#include <vector>

#include "tests/conformance/conformance.hpp"
#include "tests/conformance/coverage.hpp"
#include "tests/conformance/outside.hpp"

namespace {

using namespace redoubt::conformance;

constexpr const char* head =
    R"(<!-- Written by tests/conformance/write_document.cpp: change the tests and run `ninja -C build/host conformance_document`. -->
# Conformance

What an MM driver is promised, and which test shows it. Each row is one test of `tests/conformance/`; the same sources
run on the host, under sanitizers, and inside MM in QEMU (`tests/boot/conformance`), and a row whose test fails or is
missing fails the build's tests. What DXE drivers are promised (5.7) is tested in the machine only, by the program that
asks for the tests. A test's name begins with its source: `pi4` is the PI specification 1.9, volume 4 (its
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
  const std::string names = document == "uefi" ? "UEFI 2.10" : "PI 1.9 vol. " + document.substr(2);
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

// One row of the document.
struct Row {
  std::string name;
  std::string behaviour;
  std::string edk2;
  std::string ours;
};

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  const auto add = [&](const auto& test) {
    rows.push_back(
        {std::string(test.name), std::string(test.behaviour), std::string(test.edk2), std::string(test.ours)});
  };
  for (std::size_t i = 0; i != test_count(); ++i) add(test_at(i));
  for (const OutsideTest& test : outside_tests()) add(test);
  return rows;
}

// Whether a text speaks of a status, and not only of one whose name begins the same way.
bool mentions(const std::string& text, std::string_view status) {
  for (auto at = text.find(status); at != std::string::npos; at = text.find(status, at + 1)) {
    const char next = at + status.size() < text.size() ? text[at + status.size()] : ' ';
    if (next != '_' && (next < 'A' || next > 'Z')) return true;
  }
  return false;
}

void write_rows(const std::vector<Row>& rows) {
  std::string current;
  for (const Row& row : rows) {
    const Parts parts = parts_of(row.name);
    if (parts.service != current) {
      current = parts.service;
      std::printf("\n## %s\n\n| section | specified | edk2, where it differs | ours | test |\n|---|---|---|---|---|\n",
                  current.c_str());
    }
    std::printf("| %s | %s | %s | %s | `%s` |\n", section_text(parts.section).c_str(), cell(row.behaviour).c_str(),
                cell(row.edk2).c_str(), row.ours.empty() ? "As specified." : cell(row.ours).c_str(), row.name.c_str());
  }
}

// False if a status that the specification lists has no row and no reason.
bool write_coverage(const std::vector<Row>& rows) {
  std::fputs(
      "\n## Statuses\n\nEvery status that the specification lists for a service, and how many rows above show it.\n\n"
      "| service | status | rows |\n|---|---|---|\n",
      stdout);
  bool complete = true;
  for (const ListedStatus& listed : listed_statuses) {
    std::size_t count = 0;
    for (const Row& row : rows) {
      if (parts_of(row.name).service == listed.service && mentions(row.behaviour, listed.status)) ++count;
    }
    const std::string service(listed.service);
    const std::string status(listed.status);
    if (count == 0 && listed.never.empty()) {
      std::fprintf(stderr, "no test shows %s of %s\n", status.c_str(), service.c_str());
      complete = false;
    }
    const std::string shown = count != 0 ? std::to_string(count) : "cannot occur: " + std::string(listed.never);
    std::printf("| %s | %s | %s |\n", service.c_str(), status.c_str(), shown.c_str());
  }
  return complete;
}

}  // namespace

int main() {
  std::fputs(head, stdout);
  const std::vector<Row> rows = all_rows();
  write_rows(rows);
  return write_coverage(rows) ? 0 : 1;
}
