// SPDX-License-Identifier: BSD-2-Clause-Patent
// The two sources that hold what differs between the models, XxxTraditionalMm.c and XxxStandaloneMm.c, and the header
// with what the common part calls of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::port {

// What the primary buffer of a message is, which a Standalone handler gets: it differs between foundations, while
// pointers in the buffer are checked alike by all.
enum class Target : std::uint8_t {
  redoubt,  // a copy in MMRAM: nothing to check
  edk2,     // the same
  mu,       // a range that MmCommBufferValid() knows
};

struct HalfFunction {
  enum class Kind : std::uint8_t {
    entry,            // an entry point or constructor
    primary_check,    // answers whether the primary buffer is outside of MMRAM
    nested_check,     // the same of a pointer in it
    plain,            // does the same in both models
    traditional,      // what it does is DXE's business
    standalone_entry  // an entry point that calls the Traditional module's, which stays where it is
  };
  Kind kind = Kind::plain;
  std::string name;
  std::string comment;               // as it stands above it, with what is between
  std::string result;                // what stands in front of the name, storage class aside
  std::string parameters;            // with parentheses
  std::string body;                  // with braces
  std::string standalone_body = {};  // plain: where it isn't the same
  bool is_static = false;
  // traditional: what a person has to decide, in one line; `nothing`: decided that Standalone MM does nothing here.
  std::string decision;
  bool does_nothing = false;
};

struct Halves {
  std::string title;                  // of the module, for the files' first lines
  std::string licence;                // the lines of the source's first comment that say who may do what
  std::string header;                 // "LampMm.h"
  std::vector<std::string> includes;  // of the source that they come from, as written: "<PiMm.h>", "\"Lamp.h\""
  std::vector<std::string> traditional_includes;
  std::string declarations;             // for the Standalone half: variables, types and macros of the other
  std::vector<std::string> prototypes;  // of functions that the halves call, or that the common part calls of them
  std::vector<HalfFunction> functions;
};

std::string traditional_source(const Halves& halves);
// `names` are those of Traditional MM with what they become.
std::string standalone_source(const Halves& halves, Target target,
                              const std::map<std::string, std::string, std::less<>>& names);
std::string common_header(const Halves& halves);

// Whether anything of the halves is for Traditional MM.
bool has_traditional(const Halves& halves);

// "LampEntry" becomes "LampEntryStandaloneMm".
std::string standalone_entry(std::string_view entry);

}  // namespace redoubt::port
