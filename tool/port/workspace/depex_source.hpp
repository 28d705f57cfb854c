// SPDX-License-Identifier: BSD-2-Clause-Patent
// DEPEX expressions as INF files have them, by the grammar of edk2's build, which differs from what one expects: AND
// and OR bind alike and to the right, so that `A AND B OR C` is `A AND (B OR C)`.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "abi/uefi/types.hpp"
#include "tool/port/metadata/error.hpp"

namespace redoubt::port {

// Beyond what a dispatcher's stack and a person can take.
inline constexpr std::size_t most_depex_terms = 256;

class DepexSource {
 public:
  // One [Depex] section's text. Empty text is no expression.
  static ReadResult<DepexSource> parse(std::string_view text, const Place& place);
  // The conjunction of several, as a module and its libraries have it. BEFORE and AFTER stand alone.
  static ReadResult<DepexSource> all_of(std::span<const DepexSource> parts, const Place& place);

  // Nothing is asked for: no expression, or TRUE alone.
  bool is_true() const;
  // The names that it asks for, in order, each once.
  std::vector<std::string> names() const;

  // Each name replaced by another, or, for an empty one, left out: what it was an operand of is its other operand then.
  using Replacement = std::function<std::string(const std::string& name)>;
  DepexSource replaced(const Replacement& replacement) const;

  // The INF's form, "TRUE" if nothing is left.
  std::string text() const;

  // The section's bytes, END included. `value` knows the GUIDs; the error names one that it doesn't.
  ReadResult<std::vector<std::byte>> compile(
      const std::function<std::optional<abi::Guid>(const std::string& name)>& value) const;

 private:
  enum class Kind : std::uint8_t { name, constant_true, constant_false, logical_not, logical_and, logical_or };
  struct Node {
    Kind kind;
    std::string name;
    std::shared_ptr<const Node> left;  // the operand of NOT
    std::shared_ptr<const Node> right;
  };
  using Pointer = std::shared_ptr<const Node>;
  class Parser;

  static Pointer replaced(const Pointer& node, const Replacement& replacement);
  static void add_names(const Node& node, std::vector<std::string>& names);
  static std::string text_of(const Node& node, Kind outer);

  Place place_;
  Pointer root_;             // null for no expression
  std::string order_;        // "BEFORE" or "AFTER", whose driver root_ names
  bool on_request_ = false;  // SOR
};

}  // namespace redoubt::port
