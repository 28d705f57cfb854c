// SPDX-License-Identifier: BSD-2-Clause-Patent
// What MM's dispatcher will do with the drivers of an image, worked out without booting it: with the dispatcher's own
// rules (image/dispatch_order.hpp), and with what can be known of who installs which protocol. Each statement comes
// with what it rests on, since a binary doesn't say what it produces:
//
//   boot       a record of a boot shows it
//   declared   Redoubt's foundation installs it, or the specification has the core install it
//   code       a call that installs it was found in the image's code
//   mention    the GUID stands somewhere in the image: it may be installed, or only be looked for
//
// Drivers start as if every producer did produce, at its entry point. Where that rests on a mention alone, the
// prediction says so.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "image/dispatch_order.hpp"
#include "image/tree.hpp"
#include "tool/depex/boot_record.hpp"

namespace redoubt::tool::depex {

// From strong to weak.
enum class Basis : std::uint8_t { boot, declared, code, mention };
const char* to_string(Basis basis);

enum class DispatcherKind : std::uint8_t {
  foundation,   // Redoubt's
  standalone,   // another core of Standalone MM, or none in sight: the specification's rules
  traditional,  // PiSmmCore of edk2
};

struct Producer {
  std::string name;  // of the driver, "the foundation", ...
  std::optional<abi::Guid> file;
  Basis basis = Basis::mention;
  std::uint32_t rva = 0;  // of the call, with Basis::code
  std::string when;       // a phase, if it's too late for launch
  bool in_dxe = false;
  bool started = false;  // by then; of a driver of this dispatcher
};

// A protocol that an expression names.
struct Term {
  abi::Guid protocol{};
  std::vector<Producer> producers;  // strongest first; empty: no file has its GUID
};

struct PredictedDriver {
  abi::Guid file{};
  std::string name;
  std::string where;        // path of the file in the image
  std::string depex;        // in words; empty: it has none
  std::vector<Term> terms;  // what the expression names, as far as it's there when the driver starts, or
                            // what is missing, of one that is left over
  bool apriori = false;
  Basis basis = Basis::declared;  // the weakest that its start rests on, predecessors included
  std::string reason;             // why it's left over
};

struct Dispatcher {
  DispatcherKind kind = DispatcherKind::standalone;
  std::string name;                        // of the core
  std::string where;                       // path of its volume in the image
  std::vector<PredictedDriver> started;    // in this order
  std::vector<PredictedDriver> left_over;  // in the order of discovery
  std::vector<std::string> skipped;        // files and volumes that can't be used, with the reason
  // With a record of a boot: where it and the prediction part, in words.
  std::vector<std::string> differences;
};

// One for each core, in the order of the tree, which must outlive nothing of the result. Empty if there are no MM
// drivers.
std::vector<Dispatcher> predict(const image::ImageTree& tree, const std::optional<BootRecord>& record);

}  // namespace redoubt::tool::depex
