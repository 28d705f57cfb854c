// SPDX-License-Identifier: BSD-2-Clause-Patent
// One line of the log (abi/redoubt/report.hpp), written while it is composed: the IPL is the only one that writes at
// this time. Nothing is written when the machine has no debug console. Values come from our own code, so quotes in
// text are not looked for.
#pragma once

#include <cstdint>

namespace redoubt::launch {

class ReportLine {
 public:
  explicit ReportLine(const char* event);
  ~ReportLine();
  ReportLine(const ReportLine&) = delete;
  ReportLine& operator=(const ReportLine&) = delete;
  ReportLine(ReportLine&&) = delete;
  ReportLine& operator=(ReportLine&&) = delete;

  ReportLine& decimal(const char* key, std::uint32_t value);
  ReportLine& hexadecimal(const char* key, std::uint64_t value);
  ReportLine& text(const char* key, const char* value);

 private:
  void put(char character) const;
  void put(const char* text) const;
  void put_key(const char* key) const;

  bool present_;
};

}  // namespace redoubt::launch
